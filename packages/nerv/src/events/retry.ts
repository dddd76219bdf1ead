// Handlers that are tried again.
//
// - A handler is called at most `attempts` times for an event, one call after the other.
// - What still fails is parked in the dead-letter list, if there is one, and is always reported as the handler's error.
// - At most `capacity` events wait for their next attempt; one more is given up at once.

import type { Random, Timers } from '../ids/clock.ts';
import { systemRandom, systemTimers } from '../ids/system.ts';
import { onAbort, type AbortSignalLike } from './abort-signal.ts';
import type { DeadLetterList } from './dead-letters.ts';
import type { EventHandler } from './event-bus.ts';
import type { NervEvent } from './event.ts';
import { checkedCount, invalidEvent } from './incoming-event.ts';
import { isPromiseLike } from './promise-like.ts';

/** How a handler is tried again. */
export interface RetryOptions<E extends NervEvent> {
  /** Calls in all; default 5. */
  readonly attempts?: number | undefined;
  /** Before the second call; default 100. Each further delay is `factor` (default 2) times the one before. */
  readonly delayMsMin?: number | undefined;
  /** No delay is longer; default 30,000. */
  readonly delayMsMax?: number | undefined;
  readonly factor?: number | undefined;
  /** The share of each delay that is left to chance, from 0 to 1; default 0.5. */
  readonly jitter?: number | undefined;
  /** Whether an error may pass; default: every error may. */
  readonly retryIf?: ((error: unknown, event: E) => boolean) | undefined;
  readonly deadLetters?: DeadLetterList<E> | undefined;
  /** How many events may wait for their next attempt; default 1,024. */
  readonly capacity?: number | undefined;
  /** When aborted, events that wait are given up. */
  readonly signal?: AbortSignalLike | undefined;
  readonly timers?: Timers | undefined;
  readonly random?: Random | undefined;
}

/**
 * A handler for `subscribe` that calls yours again when it fails. With `concurrency`, an event holds its place while it
 * waits, so events keep their order with a concurrency of 1.
 * @throws NervError `event/invalid` for wrong options
 */
export function withRetry<E extends NervEvent>(
  handler: EventHandler<E>,
  options: RetryOptions<E> = {},
): EventHandler<E> {
  const retry = new Retry(handler, options);
  return (event) => retry.handle(event);
}

class Retry<E extends NervEvent> {
  readonly #handler: EventHandler<E>;
  readonly #options: RetryOptions<E>;
  readonly #attempts: number;
  readonly #capacity: number;
  readonly #timers: Timers;
  readonly #random: Random;
  #waiting = 0;

  constructor(handler: EventHandler<E>, options: RetryOptions<E>) {
    this.#handler = handler;
    this.#options = options;
    this.#attempts = checkedCount('attempts', options.attempts ?? 5);
    this.#capacity = checkedCount('capacity', options.capacity ?? 1024);
    this.#timers = options.timers ?? systemTimers;
    this.#random = options.random ?? systemRandom;
    for (const name of ['delayMsMin', 'delayMsMax', 'factor', 'jitter'] as const) {
      const value = options[name] ?? 0;
      if (!(value >= 0 && (name !== 'jitter' || value <= 1))) {
        throw invalidEvent(`The ${name} is ${value}; it must not be negative, and a jitter not above 1.`, {
          [name]: value,
        });
      }
    }
  }

  handle(event: E): unknown {
    try {
      const result = this.#handler(event);
      return isPromiseLike(result) ? result.then(undefined, (error: unknown) => this.#again(event, error)) : result;
    } catch (error) {
      return this.#again(event, error);
    }
  }

  async #again(event: E, firstError: unknown): Promise<unknown> {
    let error = firstError;
    let attempt = 1;
    while (attempt < this.#attempts && this.#mayPass(error, event) && (await this.#pause(attempt))) {
      attempt += 1;
      try {
        return await this.#handler(event);
      } catch (next) {
        error = next;
      }
    }
    this.#options.deadLetters?.park({ event, error, attempts: attempt, handler: this.#handler });
    throw error;
  }

  #mayPass(error: unknown, event: E): boolean {
    return this.#options.retryIf?.(error, event) ?? true;
  }

  /** Waits before the next attempt; false if there is to be none. */
  async #pause(attempt: number): Promise<boolean> {
    const { signal } = this.#options;
    if (this.#waiting >= this.#capacity || signal?.aborted === true) return false;
    this.#waiting += 1;
    try {
      return await new Promise<boolean>((resolve) => {
        const stop = onAbort(signal, () => {
          cancel();
          resolve(false);
        });
        const cancel = this.#timers.schedule(() => {
          stop();
          resolve(true);
        }, this.#delayMs(attempt));
      });
    } finally {
      this.#waiting -= 1;
    }
  }

  #delayMs(attempt: number): number {
    const { delayMsMin = 100, delayMsMax = 30_000, factor = 2, jitter = 0.5 } = this.#options;
    const whole = Math.min(delayMsMax, delayMsMin * factor ** (attempt - 1));
    const bytes = new Uint8Array(2);
    this.#random.fill(bytes);
    const chance = new DataView(bytes.buffer).getUint16(0) / 0x1_0000;
    return Math.round(whole * (1 - jitter * chance));
  }
}
