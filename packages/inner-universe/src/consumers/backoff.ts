import { fnv1a } from '@inner-universe/module/wire';
import type { IdSource } from '@inner-universe/nerv';
import { NervPersistenceError } from '../errors.ts';

/** How often a handler is called for an event that it fails on, and how long it is waited in between. */
export interface ConsumerRetry {
  /** Calls in all; default 5. */
  readonly attempts?: number | undefined;
  /** Before the second call, in milliseconds; default 100. Each further pause is twice as long. */
  readonly delayMsMin?: number | undefined;
  /** No pause is longer; default 30,000. */
  readonly delayMsMax?: number | undefined;
  /** The share of each pause that is left to chance, from 0 to 1; default 0.5. */
  readonly jitter?: number | undefined;
  /** Whether trying again may help; default: always. */
  readonly retryIf?: ((error: unknown) => boolean) | undefined;
}

/** Pauses that grow. */
export class Backoff {
  readonly attempts: number;
  readonly #min: number;
  readonly #max: number;
  readonly #jitter: number;
  readonly #retryIf: (error: unknown) => boolean;
  readonly #ids: IdSource;

  /** @throws {NervPersistenceError} `config/invalid` */
  constructor(options: ConsumerRetry, ids: IdSource) {
    this.attempts = checked('attempts', options.attempts ?? 5, 1, 1_000);
    if (!Number.isInteger(this.attempts)) throw wrong('attempts', this.attempts);
    this.#min = checked('delayMsMin', options.delayMsMin ?? 100, 0, MAX_DELAY_MS);
    this.#max = checked('delayMsMax', options.delayMsMax ?? 30_000, 0, MAX_DELAY_MS);
    this.#jitter = checked('jitter', options.jitter ?? 0.5, 0, 1);
    this.#retryIf = options.retryIf ?? (() => true);
    this.#ids = ids;
  }

  /** Whether another call may follow after so many. */
  allows(attempts: number, error: unknown): boolean {
    return attempts < this.attempts && this.#retryIf(error);
  }

  /** The pause after so many calls, in milliseconds. */
  delayMs(attempts: number): number {
    const whole = Math.min(this.#max, this.#min * 2 ** Math.min(attempts - 1, 40));
    return whole * (1 - this.#jitter * this.#chance());
  }

  /** Ids differ between workers, which is all that the chance is for; no other source is needed. */
  #chance(): number {
    return fnv1a(this.#ids.nextId()) / 0x1_0000_0000;
  }
}

const MAX_DELAY_MS = 86_400_000;

function checked(name: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw wrong(name, value);
}

function wrong(name: string, value: number): NervPersistenceError {
  return new NervPersistenceError('config/invalid', `The option 'retry.${name}' cannot be ${value}.`, {
    details: { field: `retry.${name}`, value },
  });
}
