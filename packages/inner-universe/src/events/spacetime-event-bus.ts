/*
 * The event bus over the log. Invariants:
 * - A durable event reaches this bus's handlers when it comes back from the log, in order of `seq`, once; nothing was
 *   delivered earlier, so there is no echo to suppress. Optimistic ones are the exception that says so.
 * - Delivery is one line, see `EventLine`.
 * - Middleware sees what is published here before it is sent, and what comes from the log before it is delivered.
 */
import {
  NervError,
  type DataArguments,
  type DeliveryReport,
  type Durability,
  type EmitOptions,
  type EventHandler,
  type EventMap,
  type EventOf,
  type EventPage,
  type EventStream,
  type EventSubscription,
  type EventTypeOf,
  type IncomingEvent,
  type NervEvent,
  type PublishOptions,
  type StreamOptions,
  type WaitOptions,
} from '@inner-universe/nerv';
import {
  assertPublishable,
  type BusMiddleware,
  type EventBus,
  type EventSelector,
  type EventStage,
  type LocalEventBus,
} from '@inner-universe/nerv/events';
import { LogReceiver } from '@inner-universe/nerv/events/log-receiver';
import { MiddlewareStack } from '@inner-universe/nerv/events/middleware';
import { readThroughArchive } from '../archive/archived-reads.ts';
import type { EventArchive } from '../archive/event-archive.ts';
import type { LiveEvent } from '../client/change-source.ts';
import type { ModuleClient } from '../client/client.ts';
import type { CallOptions } from '../connection/connection.ts';
import { makeCallRunner, type CallRunner } from '../connection/run-within.ts';
import type { EventSealer } from '../encryption/event-sealer.ts';
import { errorCodeOf } from '../observability/error-facts.ts';
import { bridgeBuses } from './event-bridge.ts';
import {
  checkEmitOptions,
  checkPublishOptions,
  checkQuery,
  checkSelector,
  checkStreamOptions,
  checkWaitOptions,
} from './check-arguments.ts';
import { EventLine } from './event-line.ts';
import { HeardBus } from './heard-bus.ts';
import { EventLogReader, type LogQuery } from './event-log-reader.ts';
import { EventRules, type EventOptions } from './event-options.ts';
import { asNervEvent, changedBy, writeEvent, type Outgoing, type PublicationParts } from './publication.ts';
import { requireHandler } from './require-handler.ts';

/** How a bus over the log behaves where a call says nothing. */
export interface SpacetimeEventBusOptions extends EventOptions {
  /** Default label of who publishes; never trusted. */
  readonly source?: string | undefined;
  /** Default scope of events for which no rule of `scope` holds. */
  readonly defaultScope?: string | undefined;
  /** Told what a handler threw, and what went wrong between log and bus. */
  readonly onError: (error: unknown) => void;
  /** Seals data before it is sent, and opens what comes. */
  readonly sealer?: EventSealer | undefined;
  /** Where events lie that were trimmed from the log: reading goes on there. */
  readonly archive?: EventArchive | undefined;
}

/** How an event is published to the log, who may call that off, and how long it may take. */
export interface LogPublishOptions extends PublishOptions, CallOptions {}

/** An `EventBus` whose durable events go through the log and come back to every bus that follows it. */
export class SpacetimeEventBus<M extends object = EventMap> implements EventBus<M> {
  /** How events are published and read, by type; for whoever makes events of rows by other ways. */
  readonly rules: EventRules;
  readonly #client: ModuleClient;
  readonly #within: CallRunner;
  readonly #options: SpacetimeEventBusOptions;
  readonly #publication: PublicationParts;
  readonly #publishStage: EventStage | undefined;
  readonly #nowMs: () => number;
  readonly #local: HeardBus<M>;
  readonly #receiver: LogReceiver;
  readonly #log: EventLogReader<M>;
  readonly #line: EventLine;
  readonly #stopListening: () => void;
  /** Those who wait for the delivery of an event they published, by its id. */
  readonly #awaited = new Map<string, (report: Promise<DeliveryReport> | undefined) => void>();
  readonly #publishable = new Set<string>();
  /** Whether anything was delivered here before the log had it: what comes from there may be that. */
  #hasPending = false;
  #closed = false;

  /** @throws {NervPersistenceError} `config/invalid`, `event/missing-upcaster` */
  constructor(client: ModuleClient, options: SpacetimeEventBusOptions) {
    const { onError, sealer, archive, defaultScope } = options;
    this.#client = client;
    this.#within = makeCallRunner('events', client.timers);
    this.#options = options;
    this.rules = new EventRules(options);
    const { upcasting } = this.rules;
    const { clock, telemetry } = client;
    const observed: BusMiddleware = { handle: (event, next) => telemetry.handle(event, () => next(event)) };
    const stages = [...(options.middleware ?? []), observed];
    const middleware = new MiddlewareStack(stages, { capacity: STAGED_MAX });
    this.#publishStage = middleware.publish;
    this.#nowMs = () => Number(clock.nowMicros() / 1000n);
    this.#local = new HeardBus<M>({
      ids: client.ids,
      clock,
      timers: client.timers,
      onError: ({ error }) => onError(error),
      middleware,
    });
    this.#receiver = new LogReceiver(this.#local, this.#nowMs);
    this.#publication = { client, rules: this.rules, sealer, scope: defaultScope };
    const read = readThroughArchive(client.readPage, archive);
    this.#log = new EventLogReader<M>({ read, sealer, upcasting });
    const deliver = (event: IncomingEvent): Promise<DeliveryReport> | undefined => this.#deliver(event);
    const isAwaited = (): boolean => this.#awaited.size > 0;
    const isReceived = middleware.receive !== undefined;
    const isHeard = ({ kind, eventType }: LiveEvent): boolean =>
      isReceived || this.#hasPending || isAwaited() || kind === 'system' || this.#local.hears(eventType);
    const parts = { read, sealer, upcasting, deliver, onError, isAwaited, isHeard, telemetry };
    this.#line = new EventLine(parts, client.seq);
    // What was trimmed while it was away lies in the archive, if there is one.
    const onGap = archive === undefined ? undefined : () => this.#line.readSkipped(client.seq);
    this.#stopListening = client.listen((events) => this.#line.accept(events), onGap);
  }

  /** Delivers on this bus alone, whatever the rules say of the type. */
  emit<T extends EventTypeOf<M>>(type: T, ...rest: DataArguments<M[T], EmitOptions>): string {
    if (rest[1] !== undefined) checkEmitOptions(rest[1]);
    return this.#local.emit(type, ...rest);
  }

  /**
   * Resolves with the event's id when the durability is reached that the options say, or else the rules for its type, or
   * else `'durable'`. Called off before it is sent, it is not sent any more; later, `client/outcome-unknown`, or a
   * `connection/timeout` whose `details.outcome` is `'unknown'`, says that it may be in the log.
   */
  publish<T extends EventTypeOf<M>>(type: T, ...rest: DataArguments<M[T], LogPublishOptions>): Promise<string> {
    const [data, options = NO_OPTIONS] = rest as [data?: unknown, options?: LogPublishOptions];
    try {
      if (options !== NO_OPTIONS) checkPublishOptions(options);
      options.signal?.throwIfAborted();
      const durability = options.durability ?? this.rules.durabilityOf(type);
      if (durability !== 'local')
        return this.#publish(this.#makeOutgoing(type, data, durability, options), callOf(options));
      return this.#counted('local', async () => this.#local.publish(type, ...makeLocal<M, T>(data, options)));
    } catch (error) {
      // Whoever publishes is told by the promise, whatever it is.
      return Promise.reject(error as Error);
    }
  }

  /**
   * Waits until the event has come back and the handlers here have settled. An event that may not be read by its own
   * publisher does not come back: nobody handled it. Called off, it may be published, and handlers may go on.
   */
  async publishAndWait<T extends EventTypeOf<M>>(
    type: T,
    ...rest: DataArguments<M[T], LogPublishOptions>
  ): Promise<DeliveryReport> {
    const [data, options = NO_OPTIONS] = rest as [data?: unknown, options?: LogPublishOptions];
    checkPublishOptions(options);
    const durability = options.durability ?? this.rules.durabilityOf(type);
    return this.#within('publishAndWait', options, (ending) => {
      if (durability === 'local')
        return this.#counted('local', () => this.#local.publishAndWait(type, ...makeLocal<M, T>(data, options)));
      return this.#publishAndWait(this.#makeOutgoing(type, data, durability, options), { signal: ending });
    });
  }

  async #publishAndWait(event: Outgoing, call: CallOptions): Promise<DeliveryReport> {
    const { id } = event;
    let report: Promise<DeliveryReport> | undefined;
    const delivered = new Promise<void>((resolve) => {
      this.#awaited.set(id, (made) => {
        report = made;
        resolve();
      });
    });
    this.#line.wake();
    try {
      await this.#publish(event, call);
      // What was pushed has come by now, unless its data must be fetched; who pulls looks again.
      await Promise.race([delivered, this.#client.settle().then(() => this.#line.idle())]);
      this.#awaited.delete(id);
      return (await report) ?? { id, handled: 0, errors: [] };
    } finally {
      this.#awaited.delete(id);
    }
  }

  subscribe<P extends string>(selector: EventSelector<M, P>, handler: EventHandler<EventOf<M, P>>): EventSubscription {
    requireHandler(handler);
    checkSelector(selector);
    return this.#local.subscribe(selector, handler);
  }

  once<P extends string>(selector: EventSelector<M, P>, handler: EventHandler<EventOf<M, P>>): EventSubscription {
    requireHandler(handler);
    checkSelector(selector);
    return this.#local.once(selector, handler);
  }

  async waitFor<P extends string>(selector: EventSelector<M, P>, options?: WaitOptions): Promise<EventOf<M, P>> {
    checkSelector(selector);
    checkWaitOptions(options);
    return this.#local.waitFor(selector, options);
  }

  events<P extends string>(selector: EventSelector<M, P>, options?: StreamOptions): EventStream<EventOf<M, P>> {
    checkSelector(selector);
    checkStreamOptions(options);
    return this.#local.events(selector, options);
  }

  /**
   * Past events of the log, and where it was trimmed of the archive. Reads as many pages as the limit asks for.
   * @throws {NervError} `event/invalid`; {NervPersistenceError} `event/trimmed`, `archive/gap`, `archive/damaged`,
   * `event/newer-version`, `event/missing-upcaster`, `event/upcast-failed`; {RefusedError} `permission/denied`
   */
  query<P extends string = string>(query: LogQuery<P> = {}, call?: CallOptions): Promise<readonly EventOf<M, P>[]> {
    return this.#within('query', call, async (ending) => {
      checkQuery(query);
      return this.#log.query(query, ending);
    });
  }

  /** One page of `query`; it may hold fewer events than asked for, also none, and still have a `next`. */
  queryPage<P extends string = string>(query: LogQuery<P> = {}, call?: CallOptions): Promise<EventPage<EventOf<M, P>>> {
    return this.#within('queryPage', call, async () => {
      checkQuery(query);
      return this.#log.queryPage(query);
    });
  }

  /**
   * Past events of the log, from any place or time, to one handler after the other: it is awaited. Called off, it hands
   * out no more; the time is for all of it, the handlers' included.
   * @throws {NervError} `event/invalid`, and as `query`
   */
  async replay<P extends string = string>(
    query: LogQuery<P>,
    handler: EventHandler<EventOf<M, P>>,
    call?: CallOptions,
  ): Promise<number> {
    requireHandler(handler);
    checkQuery(query);
    this.#assertOpen();
    return this.#within('replay', call, (ending) => this.#replay(query, handler, ending));
  }

  async #replay<P extends string>(
    query: LogQuery<P>,
    handler: EventHandler<EventOf<M, P>>,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    let count = 0;
    for await (const event of this.#log.iterate(query, signal)) {
      signal?.throwIfAborted();
      try {
        await handler(event);
      } catch (error) {
        this.#options.onError(error);
      }
      count += 1;
    }
    return count;
  }

  /**
   * Bridges a bus of NERV: what comes from the log is delivered there, and what is published or emitted there goes to
   * where the rules send it, under the same id, and is not delivered there again. The result ends the bridge.
   */
  connect(bus: LocalEventBus<EventMap>, pattern = '**'): () => void {
    const publish = ({ id, type, data, source, metadata, timestamp }: NervEvent): Promise<unknown> =>
      this.publish(type as EventTypeOf<M>, ...makeLocal<M, EventTypeOf<M>>(data, { id, source, metadata, timestamp })); // a bus carries any events
    const subscribe = (selector: string, handler: (event: NervEvent) => unknown): EventSubscription =>
      this.#local.subscribe<string>(selector, handler);
    return bridgeBuses({ bus, subscribe, publish }, pattern);
  }

  /** Ends subscriptions, streams and waits. What is on its way to the log still gets there. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening();
    this.#line.close();
    this.#receiver.close();
    this.#local.close();
    for (const tell of this.#awaited.values()) tell(undefined);
  }

  #makeOutgoing(type: string, data: unknown, durability: Outgoing['durability'], options: PublishOptions): Outgoing {
    const { id = this.#client.ids.nextId(), source = this.#options.source, metadata, timestamp } = options;
    return { id, type, data, source, metadata, timestamp, durability, options };
  }

  /** What waits for its answer is only what that needs: events are published by the thousand without being awaited. */
  #publish(event: Outgoing, call: CallOptions): Promise<string> {
    this.#assertOpen();
    const startMicros = this.#client.clock.nowMicros();
    return this.#told(this.#begin(event, call, startMicros), event.id, event.durability, startMicros);
  }

  /** Starts an event on its way. Never throws. */
  #begin(event: Outgoing, call: CallOptions, nowMicros: bigint): Promise<void> {
    const stage = this.#publishStage;
    try {
      this.#assertPublishable(event);
      if (stage === undefined) return this.#send(event, call, nowMicros);
      return this.#within('publish', call, (signal) => this.#sendStaged(stage, event, { signal }));
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /** An id that was made here is fine, and so is a type that was. */
  #assertPublishable({ id, type, options }: Outgoing): void {
    if (options === NO_OPTIONS && this.#publishable.has(type)) return;
    assertPublishable(type, { ...options, id });
    if (this.#publishable.size >= PUBLISHABLE_TYPES_MAX) this.#publishable.clear();
    this.#publishable.add(type);
  }

  /** Sends what middleware makes of an event, if it passes it on. */
  async #sendStaged(stage: EventStage, event: Outgoing, call: CallOptions): Promise<void> {
    const before = asNervEvent(event, this.#nowMs());
    await stage(before, (after) => this.#send(changedBy(event, before, after), call));
  }

  #send(event: Outgoing, call: CallOptions, nowMicros = this.#client.clock.nowMicros()): Promise<void> {
    call.signal?.throwIfAborted();
    const writing = writeEvent(this.#publication, event, call, nowMicros);
    if (event.options.optimistic !== true) return writing;
    // It has its place in the order of writes by now, and nothing is delivered of what cannot be written.
    this.#deliverPending(event);
    return this.#orRejected(writing, event.id);
  }

  async #orRejected(writing: Promise<void>, id: string): Promise<void> {
    try {
      await writing;
    } catch (error) {
      this.#receiver.rejectPending(id, error);
      throw error;
    }
  }

  /** Runs a publication and tells how it went. */
  async #counted<T>(durability: Durability, publication: () => Promise<T>): Promise<T> {
    const startMicros = this.#client.clock.nowMicros();
    try {
      const result = await publication();
      this.#tellPublished(durability, startMicros);
      return result;
    } catch (error) {
      this.#tellFailed(error);
      throw error;
    }
  }

  /** As `#counted`, of what is under way, with the event's id as the result. */
  #told(writing: Promise<void>, id: string, durability: Durability, startMicros: bigint): Promise<string> {
    return writing.then(
      () => {
        this.#tellPublished(durability, startMicros);
        return id;
      },
      (error: unknown) => {
        this.#tellFailed(error);
        throw error;
      },
    );
  }

  #tellPublished(durability: Durability, startMicros: bigint): void {
    const { telemetry, clock } = this.#client;
    const labels = DURABILITY_LABELS[durability];
    telemetry.count('events.published', 1, labels);
    telemetry.record('events.publication_latency_ms', Number(clock.nowMicros() - startMicros) / 1000, labels);
  }

  #tellFailed(error: unknown): void {
    this.#client.telemetry.count('events.publication_failures', 1, { code: errorCodeOf(error) });
  }

  #assertOpen(): void {
    if (this.#closed) throw new NervError('event/closed', 'The event bus is closed. Open the universe again.');
  }

  /** What middleware refuses of it is told: it is on its way to the log all the same. */
  #deliverPending({ id, type, data, source, metadata, timestamp = this.#nowMs() }: Outgoing): void {
    const { onError } = this.#options;
    this.#hasPending = true;
    try {
      const event = { id, type, data, timestamp, source, metadata, pending: true };
      this.#receiver.deliver(event)?.catch(onError);
    } catch (error) {
      onError(error);
    }
  }

  #deliver(event: IncomingEvent): Promise<DeliveryReport> | undefined {
    const report = this.#receiver.deliver(event);
    const tell = this.#awaited.get(event.id);
    if (tell !== undefined) {
      this.#awaited.delete(event.id);
      tell(report);
    }
    return report;
  }
}

/** How many events may be on their way through asynchronous middleware. */
const STAGED_MAX = 10_000;
/** How many types are remembered as ones that may be published. */
const PUBLISHABLE_TYPES_MAX = 1_024;
/** Of a call that was given none: nothing is there to be looked at. */
const NO_OPTIONS: LogPublishOptions = {};
const DURABILITY_LABELS = {
  durable: { durability: 'durable' },
  ephemeral: { durability: 'ephemeral' },
  local: { durability: 'local' },
} as const;

/** What of a publication's options is about the call. */
function callOf(options: LogPublishOptions): CallOptions {
  return options === NO_OPTIONS ? NO_OPTIONS : { signal: options.signal, timeoutMs: options.timeoutMs };
}

/** The arguments behind the type, for a bus that asks whether data may be left out. */
function makeLocal<M extends object, T extends EventTypeOf<M>>(
  data: unknown,
  options: PublishOptions,
): DataArguments<M[T], PublishOptions> {
  return [data, options] as unknown as DataArguments<M[T], PublishOptions>; // they were given for this type
}
