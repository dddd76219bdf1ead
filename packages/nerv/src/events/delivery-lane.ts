// Bounded concurrency for one subscription.
//
// - At most `concurrency` calls of the handler are unsettled at any time.
// - Events start in the order they came.
// - At most `capacity` events wait; one more is refused with `event/buffer-full`.

import { NervError } from '../errors.ts';
import type { NervEvent } from './event.ts';
import { Fifo } from './fifo.ts';
import { isPromiseLike } from './promise-like.ts';

interface WaitingEvent {
  readonly event: NervEvent;
  readonly resolve: (result: unknown) => void;
}

/** The limits of a lane. */
export interface LaneLimits {
  readonly concurrency: number;
  readonly capacity: number;
}

/** Calls one handler with at most so many calls unsettled. */
export class DeliveryLane {
  readonly #handler: (event: NervEvent) => unknown;
  readonly #limits: LaneLimits;
  readonly #waiting = new Fifo<WaitingEvent>();
  #running = 0;

  constructor(handler: (event: NervEvent) => unknown, limits: LaneLimits) {
    this.#handler = handler;
    this.#limits = limits;
  }

  /**
   * Calls the handler now, or when its turn comes; the promise settles as the handler does.
   * @throws NervError `event/buffer-full`
   */
  run(event: NervEvent): unknown {
    if (this.#running < this.#limits.concurrency) return this.#start(event);
    if (this.#waiting.size >= this.#limits.capacity) {
      throw new NervError(
        'event/buffer-full',
        `${this.#waiting.size} events already wait for a handler; event '${event.type}' was not delivered to it. ` +
          `Raise the subscription's capacity or concurrency, or make the handler faster.`,
        { details: { id: event.id, type: event.type, capacity: this.#limits.capacity } },
      );
    }
    return new Promise<unknown>((resolve) => {
      this.#waiting.push({ event, resolve });
    });
  }

  /** Forgets the events that wait; whoever waits for their delivery is told that it is over. */
  clear(): void {
    for (const { resolve } of this.#waiting.drain()) resolve(undefined);
  }

  #start(event: NervEvent): unknown {
    const result = this.#handler(event);
    if (!isPromiseLike(result)) return result;
    this.#running += 1;
    return Promise.resolve(result).finally(() => {
      this.#running -= 1;
      this.#startNext();
    });
  }

  #startNext(): void {
    while (this.#running < this.#limits.concurrency) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next.resolve(this.#settle(next.event));
    }
  }

  async #settle(event: NervEvent): Promise<unknown> {
    return await this.#start(event);
  }
}
