import { fnv1a } from '@inner-universe/module/wire';
import type { IdSource } from '@inner-universe/nerv';
import { checkOptions, type OptionForm } from '../controller/check-options.ts';
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

const FORMS: { readonly [Name in keyof Required<ConsumerRetry>]: OptionForm } = {
  attempts: 'count',
  delayMsMin: 'duration',
  delayMsMax: 'duration',
  jitter: 'number',
  retryIf: 'function',
};

/** Refuses options that are none. @throws {NervPersistenceError} `config/invalid` */
export function checkRetry(retry: ConsumerRetry): void {
  checkOptions("a consumer's retry", retry, FORMS);
  const { attempts = 1, delayMsMin = 0, delayMsMax = 0, jitter = 0 } = retry;
  checkRange('attempts', attempts, 1, ATTEMPTS_MAX);
  checkRange('delayMsMin', delayMsMin, 0, MAX_DELAY_MS);
  checkRange('delayMsMax', delayMsMax, 0, MAX_DELAY_MS);
  checkRange('jitter', jitter, 0, 1);
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
    checkRetry(options);
    this.attempts = options.attempts ?? 5;
    this.#min = options.delayMsMin ?? 100;
    this.#max = options.delayMsMax ?? 30_000;
    this.#jitter = options.jitter ?? 0.5;
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

const ATTEMPTS_MAX = 1_000;
const MAX_DELAY_MS = 86_400_000;

function checkRange(name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw new NervPersistenceError('config/invalid', `The option 'retry.${name}' cannot be ${value}.`, {
    details: { field: `retry.${name}`, value },
  });
}
