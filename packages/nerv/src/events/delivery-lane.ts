// Bounded concurrency for one subscription.
//
// - At most `concurrency` calls of the handler are unsettled at any time.
// - Events start in the order they came.
// - At most `capacity` events wait; one more is refused with `event/buffer-full`.

import type { NervEvent } from './event.ts';
import { Fifo } from './fifo.ts';
import { bufferFull } from './buffer-full.ts';
import { isPromiseLike } from './promise-like.ts';

/** The limits of a lane. */
export interface LaneLimits {
  readonly concurrency: number;
  readonly capacity: number;
}

interface WaitingCall {
  readonly start: () => void;
  readonly cancel: () => void;
}

/** Calls one handler with at most so many calls unsettled. */
export class DeliveryLane {
  readonly #handler: (event: NervEvent) => unknown;
  readonly #limits: LaneLimits;
  readonly #waiting = new Fifo<WaitingCall>();
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
    const { concurrency, capacity } = this.#limits;
    if (this.#running < concurrency) return this.#start(event);
    if (this.#waiting.size >= capacity) throw bufferFull(event, capacity);
    return new Promise<unknown>((resolve) => {
      this.#waiting.push({
        start: () => resolve(new Promise((settle) => settle(this.#start(event)))),
        cancel: () => resolve(undefined),
      });
    });
  }

  /** Forgets the events that wait; whoever waits for their delivery is told that it is over. */
  clear(): void {
    for (const { cancel } of this.#waiting.drain()) cancel();
  }

  #start(event: NervEvent): unknown {
    const result = this.#handler(event);
    if (!isPromiseLike(result)) return result;
    this.#running += 1;
    return Promise.resolve(result).finally(() => {
      this.#running -= 1;
      while (this.#running < this.#limits.concurrency && this.#waiting.size > 0) this.#waiting.shift()?.start();
    });
  }
}
