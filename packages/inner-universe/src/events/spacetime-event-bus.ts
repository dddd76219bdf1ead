/*
 * The event bus over the log. Invariants:
 * - A durable event reaches this bus's handlers when it comes back from the log, in order of `seq`, once; nothing was
 *   delivered earlier, so there is no echo to suppress. Optimistic ones are the exception that says so.
 * - Delivery is one line, see `EventLine`.
 */
import { makeWireTimestamp, type Op, type PublishEventOp } from '@inner-universe/module/wire';
import {
  assertPublishable,
  EventBus as LocalBus,
  NervError,
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
import { LogReceiver } from '@inner-universe/nerv/events/log-receiver';
import { parse, stringify } from '@inner-universe/nerv/values';
import type { ModuleClient } from '../client/client.ts';
import { makeStoredText, type StoredText } from '../client/value-text.ts';
import type { EventSealer } from '../encryption/event-sealer.ts';
import { EventLogReader } from './event-log-reader.ts';
import { EventLine } from './event-line.ts';

/** How a bus over the log behaves where a call says nothing. */
export interface SpacetimeEventBusOptions {
  /** Default label of who publishes; never trusted. */
  readonly source?: string | undefined;
  /** Default scope. */
  readonly scope?: string | undefined;
  /** Told what a handler threw, and what went wrong between log and bus. */
  readonly onError: (error: unknown) => void;
  /** Seals data before it is sent, and opens what comes. */
  readonly sealer?: EventSealer | undefined;
}

/** An event on its way to the log. */
interface Outgoing {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly options: PublishOptions;
}

/** NERV's own bus, as far as this one builds on it. */
type Local<M extends object> = InstanceType<typeof LocalBus<M>>;

/** An `EventBus` whose durable events go through the log and come back to every bus that follows it. */
export class SpacetimeEventBus<M extends object = EventMap> implements EventBus<M> {
  readonly #client: ModuleClient;
  readonly #options: SpacetimeEventBusOptions;
  readonly #local: Local<M>;
  readonly #receiver: LogReceiver;
  readonly #log: EventLogReader<M>;
  readonly #line: EventLine;
  readonly #stopListening: () => void;
  /** Those who wait for the delivery of an event they published, by its id. */
  readonly #awaited = new Map<string, (report: Promise<DeliveryReport> | undefined) => void>();
  #closed = false;

  constructor(client: ModuleClient, options: SpacetimeEventBusOptions) {
    this.#client = client;
    this.#options = options;
    this.#local = new LocalBus<M>({
      ids: client.ids,
      clock: client.clock,
      timers: client.timers,
      onError: ({ error }) => options.onError(error),
    });
    this.#receiver = new LogReceiver(this.#local, () => Number(client.clock.nowMicros() / 1000n));
    const { onError, sealer } = options;
    this.#log = new EventLogReader<M>({ read: client.readPage, sealer });
    this.#line = new EventLine({ read: client.readPage, sealer, deliver: (event) => this.#deliver(event), onError });
    this.#stopListening = client.listen((events) => this.#line.accept(events));
  }

  emit<T extends EventTypeOf<M>>(type: T, ...rest: DataArguments<M[T], EmitOptions>): string {
    return this.#local.emit(type, ...rest);
  }

  /** Default durability: `'durable'`. Resolves with the event's id when that is reached. */
  async publish<T extends EventTypeOf<M>>(type: T, ...rest: DataArguments<M[T], PublishOptions>): Promise<string> {
    const [data, options = {}] = rest as [data?: unknown, options?: PublishOptions];
    if (options.durability === 'local') return this.#local.publish(type, ...rest);
    return this.#publish({ id: options.id ?? this.#client.ids.nextId(), type, data, options });
  }

  /**
   * Waits until the event has come back and the handlers here have settled. An event that may not be read by its own
   * publisher does not come back: nobody handled it.
   */
  async publishAndWait<T extends EventTypeOf<M>>(
    type: T,
    ...rest: DataArguments<M[T], PublishOptions>
  ): Promise<DeliveryReport> {
    const [data, options = {}] = rest as [data?: unknown, options?: PublishOptions];
    if (options.durability === 'local') return this.#local.publishAndWait(type, ...rest);
    const id = options.id ?? this.#client.ids.nextId();
    let report: Promise<DeliveryReport> | undefined;
    const delivered = new Promise<void>((resolve) => {
      this.#awaited.set(id, (made) => {
        report = made;
        resolve();
      });
    });
    try {
      await this.#publish({ id, type, data, options });
      // What was pushed has come by now, unless its data must be fetched; who pulls looks again.
      await Promise.race([delivered, this.#client.settle().then(() => this.#line.idle())]);
      return (await report) ?? { id, handled: 0, errors: [] };
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
    this.#assertOpen();
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
    let isInward = false;
    const outward = bus.subscribe(pattern, (event) => {
      // What this bridge is delivering there right now came from the log.
      if (isInward || event.seq !== undefined || own.has(event.id)) return undefined;
      const { id, type, data, source, metadata, timestamp } = event;
      remember(own, id);
      return this.#publish({ id, type, data, options: { source, metadata, timestamp } }).catch((error: unknown) => {
        own.delete(id);
        throw error;
      });
    });
    const inward = this.#local.subscribe<string>(pattern, (event) => {
      if (own.delete(event.id)) return undefined;
      isInward = true;
      try {
        return bus.deliver(event);
      } finally {
        isInward = false;
      }
    });
    return () => {
      outward.unsubscribe();
      inward.unsubscribe();
    };
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

  async #publish(event: Outgoing): Promise<string> {
    this.#assertOpen();
    const { id, type, options } = event;
    assertPublishable(type, { ...options, id });
    const write = this.#makeWrite(event);
    if (options.optimistic === true) this.#deliverPending(event);
    try {
      await write();
    } catch (error) {
      this.#receiver.rejectPending(id, error);
      throw error;
    }
    return id;
  }

  #assertOpen(): void {
    if (this.#closed) throw new NervError('event/closed', 'The event bus is closed. Open the universe again.');
  }

  /** Checks and makes what is sent; the result sends it. What is sealed takes its place in the order meanwhile. */
  #makeWrite(event: Outgoing): () => Promise<void> {
    const { sealer } = this.#options;
    const { id, type } = event;
    const text = stringify(event.data);
    const authoredMicros = this.#authoredMicrosOf(event.options);
    if (sealer?.covers(type) !== true) {
      const { op, chunks } = this.#makeOp(event, text, authoredMicros);
      return () => this.#client.writeWithChunks(chunks, [op]);
    }
    const sealing = sealer.seal({ id, type, data: parse(text) }).then((data) => {
      const { op, chunks } = this.#makeOp(event, stringify(data), authoredMicros);
      return { chunks, ops: [op] };
    });
    return () => this.#client.writeLater(sealing, text.length);
  }

  #authoredMicrosOf({ timestamp }: PublishOptions): bigint {
    return timestamp === undefined ? this.#client.clock.nowMicros() : BigInt(Math.round(timestamp * 1000));
  }

  #makeOp(event: Outgoing, text: string, authoredMicros: bigint): { op: Op; chunks: readonly Op[] } {
    const { id, type, options } = event;
    const scope = options.scope ?? this.#options.scope ?? 'main';
    const data = makeStoredText(text, scope, `The data of event ${id} (${type})`);
    const isSealedWhole = data.encoding === 'json/1' && text.startsWith(SEALED_START);
    const metadata = options.metadata === undefined ? NO_METADATA : this.#storeMetadata(event, scope);
    const value: PublishEventOp = {
      eventId: id,
      eventType: type,
      typeVersion: 1,
      scope,
      source: options.source ?? this.#options.source ?? '',
      partitionKey: options.partitionKey ?? '',
      authoredAt: makeWireTimestamp(authoredMicros),
      data: data.text,
      dataEncoding: isSealedWhole ? 'sealed/1' : data.encoding,
      metadata: metadata.text,
      metadataEncoding: metadata.encoding,
      durability: options.durability === 'ephemeral' ? 'ephemeral' : 'durable',
    };
    return { op: { tag: 'publishEvent', value }, chunks: [...data.chunks, ...metadata.chunks] };
  }

  #storeMetadata({ id, type, options }: Outgoing, scope: string): StoredText {
    return makeStoredText(stringify(options.metadata ?? {}), scope, `The metadata of event ${id} (${type})`);
  }

  #deliverPending(event: Outgoing): void {
    const { id, type, data, options } = event;
    const timestamp = options.timestamp ?? Number(this.#client.clock.nowMicros() / 1000n);
    const { source = this.#options.source, metadata } = options;
    void this.#receiver.deliver({ id, type, data, timestamp, source, metadata, pending: true });
  }

  #deliver(event: IncomingEvent): void {
    const report = this.#receiver.deliver(event);
    this.#awaited.get(event.id)?.(report);
  }
}

/** How many events of a bridged bus are remembered until they come back; more are on their way only if none come back. */
const OWN_MAX = 10_000;
/** How the text of a value begins that is sealed as a whole. A user's own key would have one more `$`. */
const SEALED_START = '{"$sealed":';
const NO_METADATA: StoredText = { text: '{}', encoding: 'json/1', chunks: [] };

function remember(ids: Set<string>, id: string): void {
  ids.add(id);
  if (ids.size <= OWN_MAX) return;
  for (const oldest of ids) {
    ids.delete(oldest);
    return;
  }
}
