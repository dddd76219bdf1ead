import type { NervEvent } from './event.ts';
import type { EventPattern } from './pattern.ts';
import { DeliveryLane } from './delivery-lane.ts';
import type { EventBuffer } from './event-stream.ts';

/** A handler and what decides whether, when and how it is called. Higher `priority` first, then lower `order`. */
export interface SubscriberOptions {
  readonly pattern: EventPattern;
  readonly handler: (event: NervEvent) => unknown;
  readonly filter: ((event: NervEvent) => boolean) | undefined;
  readonly once: boolean;
  readonly priority: number;
  readonly order: number;
  readonly concurrency: number | undefined;
  readonly capacity: number;
  /** Takes the events in place of the handler. */
  readonly buffer: EventBuffer<NervEvent> | undefined;
  readonly remove: (subscriber: Subscriber) => void;
  /** Called when the bus closes while the subscription is active. */
  readonly closed: (() => void) | undefined;
}

/** One subscription as the bus sees it, and the object that the user unsubscribes with. */
export class Subscriber {
  readonly pattern: EventPattern;
  readonly handler: (event: NervEvent) => unknown;
  readonly priority: number;
  readonly order: number;
  /** Whether the handler may be called with any event, without a look at anything else here. */
  readonly plain: boolean;
  readonly #filter: ((event: NervEvent) => boolean) | undefined;
  readonly #once: boolean;
  readonly #lane: DeliveryLane | undefined;
  readonly #buffer: EventBuffer<NervEvent> | undefined;
  readonly #remove: (subscriber: Subscriber) => void;
  readonly #closed: (() => void) | undefined;
  #active = true;

  constructor(options: SubscriberOptions) {
    this.pattern = options.pattern;
    this.handler = options.handler;
    this.priority = options.priority;
    this.order = options.order;
    this.#filter = options.filter;
    this.#once = options.once;
    this.#lane =
      options.concurrency === undefined
        ? undefined
        : new DeliveryLane(options.handler, { concurrency: options.concurrency, capacity: options.capacity });
    this.#buffer = options.buffer;
    this.#remove = options.remove;
    this.#closed = options.closed;
    this.plain =
      options.filter === undefined && !options.once && this.#lane === undefined && options.buffer === undefined;
  }

  get active(): boolean {
    return this.#active;
  }

  /** Whether the subscriber takes the event: if so, it is up to the caller to `call` it, once. */
  takes(event: NervEvent): boolean {
    return this.#active && (this.#filter === undefined || this.#filter(event));
  }

  /** Calls the handler, or lets the event wait for its turn; gives what the handler gave, or a promise of it. */
  call(event: NervEvent, canWait: boolean): unknown {
    if (this.#once) this.unsubscribe();
    if (this.#buffer !== undefined) return this.#buffer.offer(event, canWait);
    return this.#lane === undefined ? this.handler(event) : this.#lane.run(event);
  }

  unsubscribe(): void {
    if (!this.#active) return;
    this.#active = false;
    this.#lane?.clear();
    this.#remove(this);
  }

  /** Ends the subscription because its bus ends. */
  close(): void {
    if (!this.#active) return;
    this.unsubscribe();
    this.#closed?.();
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }
}

/** The order in which subscribers are called. */
export function compareSubscribers(left: Subscriber, right: Subscriber): number {
  return right.priority - left.priority || left.order - right.order;
}
