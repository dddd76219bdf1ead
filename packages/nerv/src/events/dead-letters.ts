// Events that a handler gave up on.
//
// - At most `capacity` are kept; one more takes the place of the oldest, which is counted in `dropped`.
// - A letter that is tried again is in the list until the handler has taken it.

import type { EventHandler } from './event-bus.ts';
import type { NervEvent } from './event.ts';
import { checkedCount } from './incoming-event.ts';

/** An event that a handler gave up on. */
export interface DeadLetter<E extends NervEvent = NervEvent> {
  readonly event: E;
  /** What the last attempt threw. */
  readonly error: unknown;
  readonly attempts: number;
  readonly handler: EventHandler<E>;
}

/** The events that handlers gave up on, oldest first. */
export class DeadLetterList<E extends NervEvent = NervEvent> {
  readonly #capacity: number;
  readonly #letters = new Set<DeadLetter<E>>();
  #dropped = 0;

  /** Default capacity: 1,000. @throws NervError `event/invalid` unless it is a whole number from 1 */
  constructor(capacity = 1000) {
    this.#capacity = checkedCount('capacity', capacity);
  }

  /** How many were dropped because the list was full. */
  get dropped(): number {
    return this.#dropped;
  }

  get size(): number {
    return this.#letters.size;
  }

  list(): readonly DeadLetter<E>[] {
    return [...this.#letters];
  }

  /** Adds a letter. */
  park(letter: DeadLetter<E>): void {
    this.#letters.add(letter);
    for (const oldest of this.#letters) {
      if (this.#letters.size <= this.#capacity) return;
      this.#letters.delete(oldest);
      this.#dropped += 1;
    }
  }

  /** Takes a letter off the list; false if it is not on it. */
  remove(letter: DeadLetter<E>): boolean {
    return this.#letters.delete(letter);
  }

  /**
   * Calls the letter's handler once more. If it takes the event, the letter is off the list; if it fails again, the
   * letter stays as one with that error and one attempt more. False if the letter is not on the list.
   */
  async retry(letter: DeadLetter<E>): Promise<boolean> {
    if (!this.#letters.has(letter)) return false;
    try {
      await letter.handler(letter.event);
    } catch (error) {
      if (this.remove(letter)) this.park({ ...letter, error, attempts: letter.attempts + 1 });
      return false;
    }
    return this.remove(letter);
  }

  /** Tries all letters once more, one after the other, and gives the number of those that were taken. */
  async retryAll(): Promise<number> {
    let taken = 0;
    for (const letter of this.list()) {
      if (await this.retry(letter)) taken += 1;
    }
    return taken;
  }
}
