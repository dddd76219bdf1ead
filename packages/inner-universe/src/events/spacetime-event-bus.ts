/*
 * The event bus over the log. Invariants:
 * - A durable event reaches this bus's handlers when it comes back from the log, in order of `seq`, once; nothing was
 *   delivered earlier, so there is no echo to suppress. Optimistic ones are the exception that says so.
 * - Delivery is one line: an event whose value must be fetched holds back those behind it.
 */
import { makeWireTimestamp, type Op, type PublishEventOp } from '@inner-universe/module/wire';
import {
  EventBus as LocalBus,
  type DataArguments,
  type DeliveryReport,
  type EmitOptions,
  type EventBus,
  type EventHandler,
  type EventMap,
  type EventOf,
  type EventPage,
  type EventQuery,
  type EventSelector,
  type EventStream,
  type EventSubscription,
  type EventTypeOf,
  type IncomingEvent,
  type PublishOptions,
  type StreamOptions,
  type WaitOptions,
} from '@inner-universe/nerv';
import { stringify } from '@inner-universe/nerv/values';
import type { LiveEvent } from '../client/change-feed.ts';
import type { ModuleClient } from '../client/client.ts';
import { makeStoredText } from '../client/value-text.ts';
import { EventLogReader } from './event-log-reader.ts';
import { fetchEventOfRow, makeEventOfRow, needsFetch } from './event-row.ts';

/** How a bus over the log behaves where a call says nothing. */
export interface SpacetimeEventBusOptions {
  /** Default label of who publishes; never trusted. */
  readonly source?: string | undefined;
  /** Default scope. */
  readonly scope?: string | undefined;
  /** Told what a handler threw, and what went wrong between log and bus. */
  readonly onError: (error: unknown) => void;
}

/** NERV's own bus, as far as this one builds on it. */
type Local<M extends object> = InstanceType<typeof LocalBus<M>>;

/** An `EventBus` whose durable events go through the log and come back to every bus that follows it. */
export class SpacetimeEventBus<M extends object = EventMap> implements EventBus<M> {
  readonly #client: ModuleClient;
  readonly #options: SpacetimeEventBusOptions;
  readonly #local: Local<M>;
  readonly #log: EventLogReader<M>;
  readonly #stopListening: () => void;
  /** Those who wait for the delivery of an event they published, by its id. */
  readonly #awaited = new Map<string, (report: DeliveryReport | undefined) => void>();
  #line: Promise<void> | undefined;

  constructor(client: ModuleClient, options: SpacetimeEventBusOptions) {
    this.#client = client;
    this.#options = options;
    this.#local = new LocalBus<M>({ ids: client.ids, clock: client.clock, history: 0, onError: ({ error }) => options.onError(error) });
    this.#log = new EventLogReader<M>(client.readPage);
    this.#stopListening = client.listen((events) => this.#accept(events));
  }

  emit<T extends EventTypeOf<M>>(type: T, ...rest: DataArguments<M[T], EmitOptions>): string {
    return this.#local.emit(type, ...rest);
  }

  /** Default durability: `'durable'`. Resolves with the event's id when that is reached. */
  async publish<T extends EventTypeOf<M>>(type: T, ...rest: DataArguments<M[T], PublishOptions>): Promise<string> {
    const [data, options] = rest as [data?: unknown, options?: PublishOptions];
    if (options?.durability === 'local') return this.#local.publish(type, ...rest);
    const id = options?.id ?? this.#client.ids.nextId();
    const { op, chunks } = this.#makeOp({ id, type, data, options });
    if (options?.optimistic === true) this.#deliverPending({ id, type, data, options });
    try {
      await this.#client.writeWithChunks(chunks, [op]);
    } catch (error) {
      this.#local.rejectPending(id, error);
      throw error;
    }
    return id;
  }

  async publishAndWait<T extends EventTypeOf<M>>(type: T, ...rest: DataArguments<M[T], PublishOptions>): Promise<DeliveryReport> {
    const [data, options] = rest as [data?: unknown, options?: PublishOptions];
    if (options?.durability === 'local') return this.#local.publishAndWait(type, ...rest);
    const id = options?.id ?? this.#client.ids.nextId();
    const delivered = new Promise<DeliveryReport | undefined>((resolve) => this.#awaited.set(id, resolve));
    try {
      // The tuple is the one that came in, with the id made certain.
      await this.publish(type, ...([data, { ...options, id }] as unknown as DataArguments<M[T], PublishOptions>));
      return (await delivered) ?? { id, handled: 0, errors: [] };
    } finally {
      this.#awaited.delete(id);
    }
  }

  subscribe<P extends string>(selector: EventSelector<M, P>, handler: EventHandler<EventOf<M, P>>): EventSubscription {
    return this.#local.subscribe(selector, handler);
  }

  once<P extends string>(selector: EventSelector<M, P>, handler: EventHandler<EventOf<M, P>>): EventSubscription {
    return this.#local.once(selector, handler);
  }

  waitFor<P extends string>(selector: EventSelector<M, P>, options?: WaitOptions): Promise<EventOf<M, P>> {
    return this.#local.waitFor(selector, options);
  }

  events<P extends string>(selector: EventSelector<M, P>, options?: StreamOptions): EventStream<EventOf<M, P>> {
    return this.#local.events(selector, options);
  }

  /** Past events of the log. Reads as many pages as the limit asks for. */
  query<P extends string = string>(query: EventQuery<P> = {}): Promise<readonly EventOf<M, P>[]> {
    return this.#log.query(query);
  }

  queryPage<P extends string = string>(query: EventQuery<P> = {}): Promise<EventPage<EventOf<M, P>>> {
    return this.#log.queryPage(query);
  }

  async replay<P extends string = string>(query: EventQuery<P>, handler: EventHandler<EventOf<M, P>>): Promise<number> {
    let count = 0;
    for await (const event of this.#log.iterate(query)) {
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
   * the log under the same id, and is not delivered there again. The result ends the bridge.
   */
  connect(bus: Local<EventMap>, pattern = '**'): () => void {
    const own = new Set<string>();
    const outward = bus.subscribe(pattern, (event) => {
      if (event.seq !== undefined || own.has(event.id)) return undefined;
      own.add(event.id);
      const { id, source, metadata, timestamp } = event;
      const { op, chunks } = this.#makeOp({ id, type: event.type, data: event.data, options: { source, metadata, timestamp } });
      return this.#client.writeWithChunks(chunks, [op]).catch((error: unknown) => {
        own.delete(id);
        throw error;
      });
    });
    const inward = this.#local.subscribe<string>(pattern, (event) => {
      if (own.delete(event.id)) return undefined;
      return bus.deliver(event);
    });
    return () => {
      outward.unsubscribe();
      inward.unsubscribe();
    };
  }

  async close(): Promise<void> {
    this.#stopListening();
    await this.#line;
    this.#local.close();
    for (const resolve of this.#awaited.values()) resolve(undefined);
  }

  #makeOp(event: { id: string; type: string; data: unknown; options: PublishOptions | undefined }): {
    op: Op;
    chunks: readonly Op[];
  } {
    const { id, type, options = {} } = event;
    const scope = options.scope ?? this.#options.scope ?? 'main';
    const data = makeStoredText(stringify(event.data), scope, `The data of event ${id} (${type})`);
    const metadata = makeStoredText(stringify(options.metadata ?? {}), scope, `The metadata of event ${id} (${type})`);
    const micros = options.timestamp === undefined ? this.#client.clock.nowMicros() : BigInt(Math.round(options.timestamp * 1000));
    const value: PublishEventOp = {
      eventId: id,
      eventType: type,
      typeVersion: 1,
      scope,
      source: options.source ?? this.#options.source ?? '',
      partitionKey: options.partitionKey ?? '',
      authoredAt: makeWireTimestamp(micros),
      data: data.text,
      dataEncoding: data.encoding,
      metadata: metadata.text,
      metadataEncoding: metadata.encoding,
      durability: options.durability === 'ephemeral' ? 'ephemeral' : 'durable',
    };
    return { op: { tag: 'publishEvent', value }, chunks: [...data.chunks, ...metadata.chunks] };
  }

  #deliverPending(event: { id: string; type: string; data: unknown; options: PublishOptions }): void {
    const { id, type, data, options } = event;
    const timestamp = options.timestamp ?? Number(this.#client.clock.nowMicros() / 1000n);
    const { source = this.#options.source, metadata } = options;
    void this.#local.deliver({ id, type, data, timestamp, source, metadata, pending: true });
  }

  #accept(rows: readonly LiveEvent[]): void {
    for (const row of rows) {
      if (this.#line === undefined && !needsFetch(row)) this.#deliver(makeEventOfRow(row));
      else this.#queue(row);
    }
  }

  #queue(row: LiveEvent): void {
    const line: Promise<void> = (this.#line ?? Promise.resolve())
      .then(async () => this.#deliver(await fetchEventOfRow(this.#client.readPage, row)))
      .catch((error: unknown) => this.#options.onError(error))
      .finally(() => {
        if (this.#line === line) this.#line = undefined;
      });
    this.#line = line;
  }

  #deliver(event: IncomingEvent): void {
    const report = this.#local.deliver(event);
    const awaited = this.#awaited.get(event.id);
    if (awaited === undefined) return;
    if (report === undefined) awaited(undefined);
    else report.then(awaited, this.#options.onError);
  }
}
