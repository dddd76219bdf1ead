// The buffer between a bus and a loop.
//
// - `next` gives events in the order they were offered, each once.
// - At most `capacity` events are held, and with 'block' at most MAX_BLOCKED more, whose publishers wait for room.
// - Nobody waits for room while there is some; nobody waits for an event while one is held.

import type { EventStream, OverflowPolicy } from './event-bus.ts';
import type { NervEvent } from './event.ts';
import { bufferFull } from './buffer-full.ts';

/** How many events wait for room in a stream that blocks; one more ends it as `'fail'` does. */
export const MAX_BLOCKED = 1024;

interface HeldEvent<E> {
  readonly event: E;
  /** Tells a publisher that waits that there is room. */
  readonly admit?: (() => void) | undefined;
}

/** How a stream buffers, and whom it tells when it takes no more. */
export interface EventBufferOptions {
  readonly capacity: number;
  readonly overflow: OverflowPolicy;
  readonly ended: () => void;
}

/** The events offered to it, to be iterated over once. */
export class EventBuffer<E extends NervEvent> implements EventStream<E> {
  dropped = 0;
  readonly #options: EventBufferOptions;
  readonly #readers: ((result: IteratorResult<E, undefined> | Promise<IteratorResult<E, undefined>>) => void)[] = [];
  /** The events held, and behind them those that wait for room. */
  #queue: HeldEvent<E>[] = [];
  #open = true;
  /** What `next` throws once, after the events that are held. */
  #failure: unknown;

  constructor(options: EventBufferOptions) {
    this.#options = options;
  }

  /** Takes an event. The promise, if there is one, settles when there was room. */
  offer(event: E): Promise<void> | undefined {
    if (!this.#open) return undefined;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader({ done: false, value: event });
      return undefined;
    }
    const { capacity, overflow } = this.#options;
    const { length } = this.#queue;
    if (!(length < capacity)) {
      if (overflow === 'block' && length < capacity + MAX_BLOCKED) {
        return new Promise((admit) => this.#queue.push({ event, admit }));
      }
      this.dropped += 1;
      if (overflow === 'drop-newest') return undefined;
      if (overflow === 'drop-oldest') this.#queue.shift();
      else this.finish(bufferFull(event, capacity));
    }
    // A stream that has just failed takes no more.
    if (this.#open) this.#queue.push({ event });
    return undefined;
  }

  async next(): Promise<IteratorResult<E, undefined>> {
    const held = this.#queue.shift();
    if (held !== undefined) {
      this.#queue[this.#options.capacity - 1]?.admit?.();
      return { done: false, value: held.event };
    }
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    if (!this.#open) return { done: true, value: undefined };
    return await new Promise((resolve) => this.#readers.push(resolve));
  }

  /** Ends the stream at once; what it held is forgotten. */
  async return(): Promise<IteratorResult<E, undefined>> {
    this.finish();
    this.#queue = [];
    this.#failure = undefined;
    return { done: true, value: undefined };
  }

  /** Takes no more events, but gives those it holds, and then throws the failure, if there is one. */
  finish(failure?: unknown): void {
    if (!this.#open) return;
    this.#open = false;
    this.#failure = failure;
    this.#options.ended();
    for (const held of this.#queue) held.admit?.();
    for (const reader of this.#readers) reader(this.next());
  }

  [Symbol.asyncIterator](): EventStream<E> {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
