import { NervError } from '../errors.ts';
import { millisecondsOf, type Clock, type IdSource, type Timers } from '../ids/clock.ts';
import { systemIds, systemNowMs, systemTimers } from '../ids/system.ts';
import { onAbort } from './abort-signal.ts';
import { DeliveryTally } from './delivery-tally.ts';
import { Dispatcher } from './dispatcher.ts';
import type {
  DataArguments,
  DeliveryReport,
  EmitOptions,
  EventBus,
  EventHandler,
  EventSelector,
  EventStream,
  EventSubscription,
  PublishOptions,
  StreamOptions,
  SubscribeOptions,
  WaitOptions,
} from './event-bus.ts';
import { EventHistory } from './event-history.ts';
import type { EventPage, EventQuery } from './event-query.ts';
import { EventBuffer } from './event-stream.ts';
import type { EventMap, EventOf, EventTypeOf, HandlerErrorData, IncomingEvent, NervEvent } from './event.ts';
import { invalidEvent, isOwnType, makeEvent, makeIncomingEvent, makeOwnEvent, type EventOrigin } from './make-event.ts';
import { compilePattern } from './pattern.ts';
import type { Subscriber } from './subscriber.ts';

const DEFAULT_HISTORY = 1000;
const DEFAULT_CAPACITY = 1024;

/** What a bus is given. Everything has a default. */
export interface EventBusOptions {
  /** How many past events the bus remembers; default 1,000. */
  readonly history?: number | undefined;
  /** Called with every error of a handler. Default: the console, unless somebody subscribes to `handler.error`. */
  readonly onError?: ((failure: HandlerErrorData) => void) | undefined;
  readonly clock?: Clock | undefined;
  readonly ids?: IdSource | undefined;
  readonly timers?: Timers | undefined;
}

interface SubscriberParts {
  readonly handler: (event: NervEvent) => unknown;
  readonly once?: boolean | undefined;
  readonly buffer?: EventBuffer<NervEvent> | undefined;
  readonly closed?: (() => void) | undefined;
}

/**
 * The `EventBus` of this process alone, exported under that name. Publishing and reading are synchronous;
 * `deliver` and `rejectPending` are for whoever attaches a log.
 */
export class LocalEventBus<M extends object = EventMap> implements EventBus<M> {
  readonly #dispatcher: Dispatcher;
  readonly #history: EventHistory;
  readonly #origin: EventOrigin;
  readonly #timers: Timers;
  /** The types of the events that were delivered as pending and not settled, by id. */
  readonly #pendingTypes = new Map<string, string>();
  #lastSeq = -1;
  #closed = false;

  /** @throws NervError `event/invalid` if the history's size is not a whole number from 0 */
  constructor(options: EventBusOptions = {}) {
    const { clock, ids = systemIds } = options;
    const nowMs = clock === undefined ? systemNowMs : millisecondsOf(clock);
    const origin: EventOrigin = { nextId: () => ids.nextId(), nowMs };
    this.#origin = origin;
    this.#history = new EventHistory(checkedCount('history', options.history ?? DEFAULT_HISTORY, 0));
    this.#timers = options.timers ?? systemTimers;
    this.#dispatcher = new Dispatcher({
      hook: options.onError,
      makeEvent: (failure) => {
        const event = makeOwnEvent(origin, 'handler.error', failure);
        this.#history.keep(event);
        return event;
      },
    });
  }

  emit<T extends EventTypeOf<M>>(type: T, ...rest: DataArguments<M[T], EmitOptions>): string;
  emit(type: string, data?: unknown, options?: EmitOptions): string {
    this.#assertOpen();
    const event = makeEvent(this.#origin, type, data, options);
    this.#accept(event);
    return event.id;
  }

  publish<T extends EventTypeOf<M>>(type: T, ...rest: DataArguments<M[T], PublishOptions>): string;
  publish(type: string, data?: unknown, options?: PublishOptions): string {
    this.#assertOpen();
    assertNoLogNeeded(type, options);
    const event = makeEvent(this.#origin, type, data, options);
    this.#accept(event);
    return event.id;
  }

  publishAndWait<T extends EventTypeOf<M>>(
    type: T,
    ...rest: DataArguments<M[T], PublishOptions>
  ): Promise<DeliveryReport>;
  async publishAndWait(type: string, data?: unknown, options?: PublishOptions): Promise<DeliveryReport> {
    this.#assertOpen();
    assertNoLogNeeded(type, options);
    const event = makeEvent(this.#origin, type, data, options);
    const tally = new DeliveryTally();
    this.#accept(event, tally);
    return await tally.report(event.id);
  }

  /**
   * Delivers an event that comes from elsewhere: from a log, in the order of `seq`, or from another bus. The report
   * resolves when all handlers have settled and streams had room; undefined if nobody took the event.
   * An event whose `seq` is not above the last one is ignored; one that was delivered as pending is only noted.
   * @throws NervError `event/invalid`, `event/limit`, `event/closed`
   */
  deliver(incoming: IncomingEvent): Promise<DeliveryReport> | undefined {
    this.#assertOpen();
    const event = makeIncomingEvent(incoming);
    if (event.seq !== undefined && event.seq <= this.#lastSeq) return undefined;
    const route = this.#dispatcher.route(event);
    this.#lastSeq = event.seq ?? this.#lastSeq;
    const wasPending = !event.pending && this.#pendingTypes.delete(event.id);
    if (event.pending) this.#pendingTypes.set(event.id, event.type);
    else this.#history.keep(event);
    if (wasPending) return undefined;
    const tally = new DeliveryTally();
    this.#dispatcher.run(route, event, tally);
    return tally.handled > 0 ? tally.report(event.id) : undefined;
  }

  /** Tells that the log refused an event delivered as pending: an `event.rejected` with its id is delivered. */
  rejectPending(id: string, reason: unknown): void {
    const type = this.#pendingTypes.get(id);
    if (type === undefined || this.#closed) return;
    this.#pendingTypes.delete(id);
    this.#accept({ ...makeOwnEvent(this.#origin, 'event.rejected', { type, reason }), id });
  }

  subscribe<P extends string>(selector: EventSelector<M, P>, handler: EventHandler<EventOf<M, P>>): EventSubscription {
    return this.#subscribe(selector, { handler: eraseHandler(handler) });
  }

  once<P extends string>(selector: EventSelector<M, P>, handler: EventHandler<EventOf<M, P>>): EventSubscription {
    return this.#subscribe(selector, { handler: eraseHandler(handler), once: true });
  }

  waitFor<P extends string>(selector: EventSelector<M, P>, options: WaitOptions = {}): Promise<EventOf<M, P>> {
    return new Promise((resolve, reject) => {
      const cleanUps: (() => void)[] = [];
      const settle = (finish: () => void): void => {
        for (const cleanUp of cleanUps) cleanUp();
        finish();
      };
      const subscription = this.#subscribe(selector, {
        // The subscription gives only events that the selector takes, which is what their type says.
        handler: (event) => settle(() => resolve(event as EventOf<M, P>)),
        closed: () => settle(() => reject(closedError())),
        once: true,
      });
      cleanUps.push(() => subscription.unsubscribe());
      const { timeoutMs, signal } = options;
      if (timeoutMs !== undefined) {
        const expire = (): void => settle(() => reject(timeoutError(subscription.pattern.source, timeoutMs)));
        cleanUps.push(this.#timers.schedule(expire, timeoutMs));
      }
      cleanUps.push(onAbort(signal, () => settle(() => reject(signal?.reason))));
    });
  }

  events<P extends string>(selector: EventSelector<M, P>, options: StreamOptions = {}): EventStream<EventOf<M, P>> {
    this.#assertOpen();
    let subscription: Subscriber | undefined;
    const buffer = new EventBuffer<NervEvent>({
      capacity: checkedCount('capacity', options.capacity ?? DEFAULT_CAPACITY, 1),
      overflow: options.overflow ?? 'fail',
      signal: options.signal,
      ended: () => subscription?.unsubscribe(),
    });
    if (buffer.open) {
      subscription = this.#subscribe(selector, { handler: () => undefined, buffer, closed: () => buffer.finish() });
    }
    // The subscription offers only events that the selector takes, which is what their type says.
    return buffer as EventStream<NervEvent> as EventStream<EventOf<M, P>>;
  }

  query<P extends string = string>(query: EventQuery<P> = {}): readonly EventOf<M, P>[] {
    // The history gives only events that the pattern matches, which is what their type says.
    return this.#history.query(query) as readonly EventOf<M, P>[];
  }

  queryPage<P extends string = string>(query: EventQuery<P> = {}): EventPage<EventOf<M, P>> {
    // As in `query`.
    return this.#history.queryPage(query) as EventPage<EventOf<M, P>>;
  }

  replay<P extends string = string>(query: EventQuery<P>, handler: EventHandler<EventOf<M, P>>): number {
    this.#assertOpen();
    const events = this.#history.query(query);
    const call = eraseHandler(handler);
    for (const event of events) this.#dispatcher.callOne(call, event, query.pattern ?? '**');
    return events.length;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#dispatcher.close();
    this.#history.clear();
    this.#pendingTypes.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #subscribe<P extends string>(selector: EventSelector<M, P>, parts: SubscriberParts): Subscriber {
    this.#assertOpen();
    const options = selectorOptions(selector);
    const { concurrency } = options;
    return this.#dispatcher.add(options.kind ?? (isOwnType(options.pattern) ? 'system' : 'application'), {
      pattern: compilePattern(options.pattern),
      handler: parts.handler,
      filter: options.filter,
      once: parts.once ?? options.once ?? false,
      priority: options.priority ?? 0,
      concurrency: concurrency === undefined ? undefined : checkedCount('concurrency', concurrency, 1),
      capacity: checkedCount('capacity', options.capacity ?? DEFAULT_CAPACITY, 1),
      buffer: parts.buffer,
      closed: parts.closed,
    });
  }

  #accept(event: NervEvent, tally?: DeliveryTally): void {
    const route = this.#dispatcher.route(event);
    this.#history.keep(event);
    this.#dispatcher.run(route, event, tally);
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }
}

interface SelectorOptions extends Omit<SubscribeOptions<EventMap, string>, 'filter'> {
  readonly filter?: ((event: NervEvent) => boolean) | undefined;
}

function selectorOptions<M extends object, P extends string>(selector: EventSelector<M, P>): SelectorOptions {
  if (typeof selector === 'string') return { pattern: selector };
  // A filter is only ever asked about events that the pattern matches, which is what its type says.
  if (typeof selector === 'function') return { pattern: '**', filter: selector as (event: NervEvent) => boolean };
  return selector as SelectorOptions;
}

// The router calls a handler only with events that its pattern matches, which is what the handler's type says.
function eraseHandler<E extends NervEvent>(handler: EventHandler<E>): (event: NervEvent) => unknown {
  return handler as (event: NervEvent) => unknown;
}

function assertNoLogNeeded(type: string, options: PublishOptions | undefined): void {
  if (options?.durability !== 'durable') return;
  throw new NervError(
    'event/no-log',
    `Event '${type}' was to be durable, but this bus has no log. Open a universe, or publish it as 'local'.`,
    { details: { type } },
  );
}

function checkedCount(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw invalidEvent(`The option '${name}' is ${value}; it must be a whole number from ${least}.`, { [name]: value });
}

function closedError(): NervError {
  return new NervError('event/closed', 'The event bus is closed. Make a new one.');
}

function timeoutError(pattern: string, timeoutMs: number): NervError {
  return new NervError('event/timeout', `No event of '${pattern}' came within ${timeoutMs} ms.`, {
    details: { pattern, timeoutMs },
    retryable: true,
  });
}
