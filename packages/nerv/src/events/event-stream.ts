// The buffer between a bus and a loop.
//
// - `next` gives events in the order they were offered, each once.
// - At most `capacity` events are held, beside those whose publisher waits for room.
// - Nobody waits for room while there is some; nobody waits for an event while one is held.

import { NervError } from '../errors.ts';
import type { AbortSignalLike } from './abort-signal.ts';
import { onAbort } from './abort-signal.ts';
import type { EventStream, OverflowPolicy } from './event-bus.ts';
import type { NervEvent } from './event.ts';
import { Fifo } from './fifo.ts';

interface Reader<E> {
  readonly resolve: (result: IteratorResult<E, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

interface BlockedEvent<E> {
  readonly event: E;
  readonly admitted: () => void;
}

/** How a stream buffers, and whom it tells when it ends. */
export interface EventBufferOptions {
  readonly capacity: number;
  readonly overflow: OverflowPolicy;
  readonly signal: AbortSignalLike | undefined;
  readonly ended: () => void;
}

/** The events offered to it, to be iterated over once. */
export class EventBuffer<E extends NervEvent> implements EventStream<E> {
  readonly #capacity: number;
  readonly #overflow: OverflowPolicy;
  readonly #ended: () => void;
  readonly #held = new Fifo<E>();
  readonly #blocked = new Fifo<BlockedEvent<E>>();
  readonly #readers = new Fifo<Reader<E>>();
  #stopListening: () => void = () => undefined;
  #state: 'open' | 'ending' | 'ended' = 'open';
  #failure: NervError | undefined;
  #dropped = 0;

  constructor(options: EventBufferOptions) {
    this.#capacity = options.capacity;
    this.#overflow = options.overflow;
    this.#ended = options.ended;
    this.#stopListening = onAbort(options.signal, () => this.end());
  }

  /** Whether it takes events. */
  get open(): boolean {
    return this.#state === 'open';
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Takes an event. The promise, if there is one, settles when there was room; only who `canWait` gets one. */
  offer(event: E, canWait: boolean): Promise<void> | undefined {
    if (this.#state !== 'open') return undefined;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: event });
      return undefined;
    }
    if (this.#held.size < this.#capacity) {
      this.#held.push(event);
      return undefined;
    }
    return this.#overflowWith(event, canWait);
  }

  next(): Promise<IteratorResult<E, undefined>> {
    const event = this.#held.shift();
    if (event !== undefined) {
      this.#admitBlocked();
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      this.#state = 'ended';
      return Promise.reject(failure);
    }
    if (this.#state !== 'open') return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** Ends the stream at once; what it held is forgotten. */
  return(): Promise<IteratorResult<E, undefined>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** As `return`. */
  end(): void {
    if (this.#state === 'open') this.#stop();
    this.#state = 'ended';
    this.#held.drain();
    this.#failure = undefined;
  }

  /** Takes no more events, but gives those it holds. */
  finish(): void {
    if (this.#state === 'open') this.#stop();
  }

  [Symbol.asyncIterator](): EventStream<E> {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #overflowWith(event: E, canWait: boolean): Promise<void> | undefined {
    switch (this.#overflow) {
      case 'drop-newest':
        this.#dropped += 1;
        return undefined;
      case 'drop-oldest':
        this.#dropped += 1;
        this.#held.shift();
        this.#held.push(event);
        return undefined;
      case 'block':
        if (canWait) return new Promise((admitted) => this.#blocked.push({ event, admitted }));
        this.#fail(event);
        return undefined;
      case 'fail':
        this.#fail(event);
        return undefined;
    }
  }

  #admitBlocked(): void {
    const next = this.#blocked.shift();
    if (next === undefined) return;
    this.#held.push(next.event);
    next.admitted();
  }

  #fail(event: E): void {
    this.#dropped += 1;
    this.#failure = new NervError(
      'event/buffer-full',
      `A stream's buffer of ${this.#capacity} events was full when '${event.type}' came; the stream ended. ` +
        `Raise its capacity, read faster, or choose another overflow policy.`,
      { details: { id: event.id, type: event.type, capacity: this.#capacity } },
    );
    this.#stop();
  }

  // Blocked publishers are let go: their events are held for the reader if the stream only stops taking more.
  #stop(): void {
    this.#state = 'ending';
    this.#stopListening();
    for (const { event, admitted } of this.#blocked.drain()) {
      this.#held.push(event);
      admitted();
    }
    for (const { resolve } of this.#readers.drain()) resolve({ done: true, value: undefined });
    this.#ended();
  }
}
