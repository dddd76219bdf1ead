import type { EventKind, EventMap, EventMetadata, EventOf, EventTypeOf, NervEvent } from './event.ts';
import type { AbortSignalLike } from './abort-signal.ts';
import type { EventQuery, EventPage } from './event-query.ts';
import { LocalEventBus, type EventBusOptions } from './local-event-bus.ts';

/**
 * A bus of typed events: what NERV's own class and every persistent bus promise alike.
 * `M` is what handlers get; `I` what publishers give, where a schema makes one of the other.
 * What may need the network returns `T | Promise<T>`; code that awaits runs on all of them.
 */
export interface EventBus<M extends object = EventMap, I extends object = M> extends EventPublisher<I> {
  /** Calls the handler for each event that the selector takes, each once, until the subscription ends. */
  subscribe<P extends string>(selector: EventSelector<M, P>, handler: EventHandler<EventOf<M, P>>): EventSubscription;

  /** As `subscribe`, for the first event alone. */
  once<P extends string>(selector: EventSelector<M, P>, handler: EventHandler<EventOf<M, P>>): EventSubscription;

  /**
   * Resolves with the next event that the selector takes.
   * Rejects with `event/timeout`, with `event/closed`, or with the signal's reason.
   */
  waitFor<P extends string>(selector: EventSelector<M, P>, options?: WaitOptions): Promise<EventOf<M, P>>;

  /**
   * The events from now on, as something to iterate over, through a buffer of the stated capacity.
   * It ends when the bus closes, when the signal aborts, or when the loop is left.
   */
  events<P extends string>(selector: EventSelector<M, P>, options?: StreamOptions): EventStream<EventOf<M, P>>;

  /**
   * Past events, oldest first unless asked otherwise; on a bus without a log, those its history still holds.
   * @throws NervError `event/no-history` on a bus with neither, `event/invalid` for a wrong query
   */
  query<P extends string = string>(query?: EventQuery<P>): readonly EventOf<M, P>[] | Promise<readonly EventOf<M, P>[]>;

  /** As `query`, a page at a time: `next`, if there is more, is the cursor to ask with. */
  queryPage<P extends string = string>(
    query?: EventQuery<P>,
  ): EventPage<EventOf<M, P>> | Promise<EventPage<EventOf<M, P>>>;

  /** Hands past events, in order, to one handler, and gives their number. Its errors are reported, and stop nothing. */
  replay<P extends string = string>(
    query: EventQuery<P>,
    handler: EventHandler<EventOf<M, P>>,
  ): number | Promise<number>;

  /** Ends subscriptions, streams and waits. Closing twice is harmless. */
  close(): void | Promise<void>;
}

/** The part of a bus that takes events. */
export interface EventPublisher<I extends object = EventMap> {
  /**
   * Delivers an event to this bus's handlers, now, and returns its id. Handlers that were subscribed when it began
   * run by priority, then in the order they came; an event emitted inside a handler is delivered before this returns.
   * @throws NervError `event/invalid`, `event/closed`, `event/limit`, and what synchronous middleware throws
   */
  emit<T extends EventTypeOf<I>>(type: T, ...rest: DataArguments<I[T], EmitOptions>): string;

  /**
   * Publishes an event at the asked durability and gives its id, once that is reached.
   * @throws NervError as `emit` does, and `event/no-log` for `'durable'` on a bus without a log
   */
  publish<T extends EventTypeOf<I>>(type: T, ...rest: DataArguments<I[T], PublishOptions>): string | Promise<string>;

  /** Publishes and waits until every handler of this bus has settled. A handler's error is reported, not thrown. */
  publishAndWait<T extends EventTypeOf<I>>(
    type: T,
    ...rest: DataArguments<I[T], PublishOptions>
  ): Promise<DeliveryReport>;
}

/** NERV's bus, in memory: the class `LocalEventBus` under the name of what it is. */
export const EventBus: new <M extends object = EventMap, I extends object = M>(
  options?: EventBusOptions,
) => LocalEventBus<M, I> = LocalEventBus;

/** The arguments after the type: data may be left out where its type allows undefined. */
export type DataArguments<Data, Options> = undefined extends Data
  ? [data?: Data, options?: Options | undefined]
  : [data: Data, options?: Options | undefined];

/** What an event carries beside its data. */
export interface EmitOptions {
  /** Default: a UUIDv7, greater than all this process made before. At most 128 bytes of UTF-8. */
  readonly id?: string | undefined;
  readonly source?: string | undefined;
  readonly metadata?: EventMetadata | undefined;
  /** Milliseconds since 1970; default: the bus's clock. */
  readonly timestamp?: number | undefined;
}

/**
 * How far an event must have come when `publish` resolves: written to the log, broadcast, or handed to this bus.
 * Without a log, `'local'` is the default, `'ephemeral'` reaches this bus alone, and `'durable'` is refused.
 */
export type Durability = 'durable' | 'ephemeral' | 'local';

/** How to publish an event. What a bus without a log has no use for, it ignores. */
export interface PublishOptions extends EmitOptions {
  readonly durability?: Durability | undefined;
  /** Events of one key keep their order among the workers of a consumer; default: the source. */
  readonly partitionKey?: string | undefined;
  /** Deliver to this bus at once, marked `pending`, before the log has it. */
  readonly optimistic?: boolean | undefined;
  /** The unit of read permission the event belongs to; default `main`. */
  readonly scope?: string | undefined;
}

/** What became of an event on this bus: how many handlers it was handed to, and what those threw that failed. */
export interface DeliveryReport {
  readonly id: string;
  readonly handled: number;
  readonly errors: readonly unknown[];
}

/** What a handler returns is ignored, but a promise is watched for its error. */
export type EventHandler<E extends NervEvent> = (event: E) => unknown;

/** Which events: a pattern, a predicate over application events, or both with more. */
export type EventSelector<M extends object, P extends string> =
  | P
  | ((event: EventOf<M, '**'>) => boolean)
  | SubscribeOptions<M, P>;

/** As `EventSelector`, with what every bus can do. */
export type CoreEventSelector<M extends object, P extends string> =
  | P
  | ((event: EventOf<M, '**'>) => boolean)
  | CoreSubscribeOptions<M, P>;

/** A subscription, as every bus has it. */
export interface CoreSubscribeOptions<M extends object, P extends string> {
  readonly pattern: P;
  readonly filter?: ((event: EventOf<M, P>) => boolean) | undefined;
  /** End after the first event. Streams and waits see to that themselves. */
  readonly once?: boolean | undefined;
  /** Higher runs earlier; default 0. */
  readonly priority?: number | undefined;
  /** Called when the subscription ends because its bus closes. Streams and waits see to that themselves. */
  readonly onClose?: (() => void) | undefined;
}

/** A subscription in full. */
export interface SubscribeOptions<M extends object, P extends string> extends CoreSubscribeOptions<M, P> {
  /** Default `'application'`. */
  readonly kind?: EventKind | undefined;
  /** How many calls of an asynchronous handler may be unsettled; others wait in a queue. Default: no limit, no queue. */
  readonly concurrency?: number | undefined;
  /** How many events that queue holds; default 1,024. One more is dropped and reported as `event/buffer-full`. */
  readonly capacity?: number | undefined;
}

/** A running subscription. To dispose of it is to unsubscribe; doing so twice is harmless. */
export interface EventSubscription {
  readonly active: boolean;
  unsubscribe(): void;
  [Symbol.dispose](): void;
}

/** When to stop waiting for an event. */
export interface WaitOptions {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignalLike | undefined;
}

/**
 * What a full buffer does with one more event. `'block'`: up to 1,024 more wait for room, and with each whoever awaits
 * its delivery (`publishAndWait`, a log's adapter); beyond that the stream ends as with `'fail'`. `'fail'`: the stream
 * ends with `event/buffer-full` after what it holds.
 */
export type OverflowPolicy = 'block' | 'drop-oldest' | 'drop-newest' | 'fail';

/** How a stream buffers: `capacity` events (default 1,024), and what happens beyond (default `'fail'`). */
export interface StreamOptions {
  readonly capacity?: number | undefined;
  readonly overflow?: OverflowPolicy | undefined;
  readonly signal?: AbortSignalLike | undefined;
}

/** Events to iterate over. `dropped` counts those that the overflow policy dropped. */
export interface EventStream<E> extends AsyncIterableIterator<E> {
  readonly dropped: number;
  next(): Promise<IteratorResult<E, undefined>>;
  return(): Promise<IteratorResult<E, undefined>>;
  [Symbol.asyncIterator](): EventStream<E>;
  [Symbol.asyncDispose](): Promise<void>;
}
