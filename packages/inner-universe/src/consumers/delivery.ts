/*
 * Events handed to a loop. Invariants:
 * - An event that was taken counts as handled when the next one is asked for, and not before.
 * - When the loop is left, what it has at hand, and what waits for it, was not handled and comes again.
 */
import type { NervEvent } from '@inner-universe/nerv';
import type { ConsumerTransaction } from './consumer-transaction.ts';
import { ABANDONED } from './event-handling.ts';

/** An event with its transaction, as a loop over a consumer gets it. */
export interface ConsumerDelivery {
  readonly event: NervEvent;
  readonly transaction: ConsumerTransaction;
  /** Counts as a handler that throws: it is tried again or parked, and the loop goes on. */
  fail(error: unknown): void;
}

interface Handed {
  readonly delivery: ConsumerDelivery;
  done(): void;
  abandon(): void;
}

/** Between handlers, which are called, and a loop, which asks. */
export class Handover {
  readonly #waiting: Handed[] = [];
  #isClosed = false;
  #taken: Handed | undefined;
  #wake: (() => void) | undefined;

  /** Hands an event over; ends when the loop is done with it. @throws what the loop says it failed with */
  async give(event: NervEvent, transaction: ConsumerTransaction): Promise<void> {
    const { signal } = transaction;
    let withdraw: () => void = () => undefined;
    try {
      await new Promise<void>((resolve, reject: (reason: unknown) => void) => {
        const fail = (error: unknown): void => reject(error);
        const handed = { delivery: { event, transaction, fail }, done: resolve, abandon: () => reject(ABANDONED) };
        // One that nobody has taken yet need not be handled when its partition is lost.
        withdraw = () => this.#withdraw(handed);
        signal.addEventListener('abort', withdraw, { once: true });
        if (this.#isClosed) handed.abandon();
        else this.#waiting.push(handed);
        this.#wake?.();
      });
    } finally {
      signal.removeEventListener('abort', withdraw);
    }
  }

  /** The next event; the last one was handled. Undefined when there will be none. */
  async take(): Promise<ConsumerDelivery | undefined> {
    this.#taken?.done();
    this.#taken = undefined;
    while (this.#waiting.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
    this.#taken = this.#waiting.shift();
    return this.#taken?.delivery;
  }

  /** Nobody takes any more. */
  close(): void {
    this.#isClosed = true;
    this.#taken?.abandon();
    for (const handed of this.#waiting.splice(0)) handed.abandon();
    this.#wake?.();
  }

  #withdraw(handed: Handed): void {
    const index = this.#waiting.indexOf(handed);
    if (index === -1) return;
    this.#waiting.splice(index, 1);
    handed.abandon();
  }
}
