import { makeWireTimestamp, ORDERED_REQUESTS_SINCE, type ConsumerAdvance, type Op } from '@inner-universe/module/wire';
import { systemTimers, type Clock, type IdSource, type NervError, type Timers } from '@inner-universe/nerv';
import type { CacheOptions, ClientCacheStats } from '../cache/cache-options.ts';
import { checkCallOptions } from '../controller/check-options.ts';
import { CachedReads } from '../cache/cached-reads.ts';
import { CallGuard } from '../connection/call-guard.ts';
import { CallTable } from '../connection/call-table.ts';
import type { BreakerOptions, BreakerStatus } from '../connection/circuit-breaker.ts';
import { checkSchema, type SchemaFacts } from '../connection/schema-check.ts';
import type { CallOptions, Connection, Connector } from '../connection/connection.ts';
import { Link, type LinkOptions, type Waiting } from '../connection/link.ts';
import type { LinkState, LinkStatus } from '../connection/link-status.ts';
import { runWithin } from '../connection/run-within.ts';
import { watchSilence } from '../connection/silence-watch.ts';
import { refreshToken } from '../connection/token-refresh.ts';
import type { Watchable } from '../connection/watched.ts';
import { ConnectionError, NervPersistenceError } from '../errors.ts';
import { SILENT_TELEMETRY, type Telemetry } from '../observability/telemetry.ts';
import type { LocalCopies } from '../offline/local-copies.ts';
import type { OpenedOutbox } from '../offline/outbox-options.ts';
import type { Work } from '../offline/work.ts';
import { ChangeFeed, type LiveListener } from './change-feed.ts';
import type { ReadPage } from './change-source.ts';
import { findOpFault, makeGroups } from './check-ops.ts';
import { checkApply, checkRead, findWriteFault } from './check-calls.ts';
import { cutByBytes } from './op-size.ts';
import { asSdkVariant } from './sdk-variant.ts';
import { isLargeRead } from '../pool/large-reads.ts';
import { ReadPool, type PoolOptions } from '../pool/read-pool.ts';
import type { BatchingOptions, WriteOptions } from './request-queue.ts';
import type { ReadName, Reads } from './reads.ts';
import { RowFollowers, type RowFollowing } from './row-followers.ts';
import { tellSchema } from './tell-schema.ts';
import { withinRate } from './within-rate.ts';
import { withinTime } from './within-time.ts';
import { WriteSide } from './write-side.ts';

/** What a client is made of; `openUniverse` fills it in. */
export interface ClientParts {
  readonly connector: Connector;
  readonly database: string;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly waiting: Waiting;
  readonly onError: (error: unknown) => void;
  readonly reconnectForMs?: number | undefined;
  /** How long one attempt to connect may take, each of its steps, in milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * How long an open connection may leave a call without an answer before it is taken to be dead, in milliseconds.
   * Undefined: for ever, as fits a host in this process.
   */
  readonly silenceMs?: number | undefined;
  /** False: silence is only noticed by who calls. Default true. */
  readonly asksWhenIdle?: boolean | undefined;
  /** What timeouts go by; default the system's timers. */
  readonly timers?: Timers | undefined;
  /** What is measured and told; default nobody. */
  readonly telemetry?: Telemetry | undefined;
  /** Where writes are kept while the server is away, and confirmed data for opening without it. The client closes it. */
  readonly outbox?: OpenedOutbox | undefined;
  /** True: opens although the server is away. Default false. */
  readonly mayStartLost?: boolean | undefined;
  /** How writes share requests. */
  readonly batching?: BatchingOptions | undefined;
  /** Fails calls fast while the other side does not answer. Default: there is no breaker. */
  readonly breaker?: BreakerOptions | undefined;
  /** Connections for large reads beside the main one. Default none. */
  readonly pool?: PoolOptions | undefined;
  /** What is kept of reads by id, within which bounds. Default: nothing. */
  readonly cache?: CacheOptions | undefined;
  /** Throws for a setting that does not go with how this client is used. */
  readonly checkConfiguration?: ((key: string, value: string | undefined) => void) | undefined;
  /** True: who opened it migrates older data itself, so that nobody is told to. Default false. */
  readonly migrates?: boolean | undefined;
}

/** How a request is told apart from others, and who may call it off. */
export interface ApplyOptions extends CallOptions {
  /** The same id again changes nothing; default: a fresh one. */
  readonly requestId?: string | undefined;
  /** Moves a consumer's offset in the same transaction; refused unless its epoch and offset are those. */
  readonly consumer?: ConsumerAdvance | undefined;
}

/** Ops that stay together, and the chunks that go before them. */
export interface LaterWrite {
  readonly chunks: readonly Op[];
  readonly ops: readonly Op[];
}

/** What a client follows, over all its connections. */
interface Following {
  readonly link: Link;
  readonly feed: ChangeFeed;
  readonly rows: RowFollowers;
}

/**
 * The lowest layer that speaks the module's language: requests, paged reads, the live end of the log. A lost
 * connection is restored, and a request whose outcome is unknown is sent again under its id, so it applies once.
 */
export class ModuleClient implements AsyncDisposable {
  readonly target: string;
  readonly database: string;
  readonly ids: IdSource;
  readonly clock: Clock;
  /** What timeouts go by; undefined for the system's timers. */
  readonly timers: Timers | undefined;
  readonly telemetry: Telemetry;
  /** What is kept here of confirmed data; undefined where nothing is kept. */
  readonly localCopies: LocalCopies | undefined;
  /** The writes that lie in the outbox: pending, blocked and rejected ones. Without an outbox there are none. */
  readonly work: Work;
  readonly #link: Link;
  readonly #feed: ChangeFeed;
  readonly #rows: RowFollowers;
  readonly #writes: WriteSide;
  readonly #silenceMs: number | undefined;
  readonly #guard: CallGuard;
  readonly #pool: ReadPool | undefined;
  readonly #cache: CachedReads | undefined;
  readonly #hasOutbox: boolean;
  #identity = '';
  #token: string | undefined;
  #schema: SchemaFacts | undefined;
  #closing: Promise<void> | undefined;
  /** Whether everything that was written has been answered after closing began: writes may read until then. */
  #isDrained = false;

  /** Use `open`. */
  constructor(parts: ClientParts, { link, feed, rows }: Following) {
    this.target = parts.connector.target;
    this.database = parts.database;
    this.ids = parts.ids;
    this.clock = parts.clock;
    this.timers = parts.timers;
    this.telemetry = parts.telemetry ?? SILENT_TELEMETRY;
    this.localCopies = parts.outbox?.records.copies;
    this.#silenceMs = parts.silenceMs;
    this.#link = link;
    const nowMs = (): number => parts.waiting.nowMs();
    const { breaker, onError } = parts;
    this.#guard = new CallGuard({ breaker, nowMs, onError, telemetry: this.telemetry, link: link.status });
    this.#pool = parts.pool === undefined ? undefined : this.#makePool(parts, parts.pool);
    this.#hasOutbox = parts.outbox !== undefined;
    this.#feed = feed;
    this.#rows = rows;
    // Before anybody else listens: who is told of a change finds nothing here that is older.
    this.#cache = parts.cache === undefined ? undefined : this.#makeCache(parts, parts.cache);
    this.#writes = new WriteSide({
      ...parts,
      telemetry: this.telemetry,
      status: link.status,
      reconnect: () => link.reconnect(),
      isOrdered: () => (this.#schema?.codeVersion ?? 0) >= ORDERED_REQUESTS_SINCE,
      // It was accepted before: the breaker takes note of how it ends, and does not hold it back.
      send: (request) => this.#guard.watch(() => this.#send(request.ops, request)),
    });
    this.work = this.#writes.work;
  }

  /** Connects, checks the schema, and follows the log from its head on. */
  static open(parts: ClientParts, call: CallOptions = {}): Promise<ModuleClient> {
    return ModuleClient.openAs(ModuleClient, parts, call);
  }

  /** As `open`, for a class built on this one. */
  static async openAs<C extends ModuleClient>(
    kind: new (parts: ClientParts, following: Following) => C,
    parts: ClientParts,
    call: CallOptions,
  ): Promise<C> {
    const opened: { client?: ModuleClient; connection?: Connection; schema?: SchemaFacts } = {};
    const rows = new RowFollowers();
    const feed = new ChangeFeed({
      read: (name, args) => requireClient(opened).#noted(requireClient(opened).#readHere(name, args)),
      codeVersion: () => opened.schema?.codeVersion ?? 0,
      timers: parts.timers ?? systemTimers,
      onError: parts.onError,
    });
    let link: Link | undefined;
    const prepare = async (connection: Connection, step: CallOptions): Promise<void> => {
      const schema = await checkSchema(connection, parts.database, step);
      tellSchema(schema, opened.schema, parts);
      opened.schema = schema;
      await feed.attach(connection, step, async () => {
        if (feed.isOwner) await rows.attach(connection, feed.cursor, step);
      });
      if (opened.client !== undefined && opened.connection === undefined) feed.tellGap();
      opened.connection = connection;
      const { silenceMs, asksWhenIdle = true, timers = systemTimers } = parts;
      if (silenceMs !== undefined && asksWhenIdle) watchSilence(connection, { silenceMs, timers });
      refreshToken(connection, { ...parts, onFresh: () => link?.renew(connection) });
      if (opened.client !== undefined) opened.client.#adopt(connection, schema);
    };
    let client: C;
    try {
      link = await Link.open({ ...pickLink(parts), prepare }, call);
      client = new kind(parts, { link, feed, rows });
    } catch (error) {
      await link?.close();
      await parts.outbox?.records.close();
      throw error;
    }
    if (opened.connection !== undefined) client.#adopt(opened.connection, opened.schema);
    opened.client = client;
    return client;
  }

  /** Who we are to the module: 64 hexadecimal digits. */
  get identity(): string {
    return this.#identity;
  }

  /** The token that proves the identity, to be kept as a secret; undefined in process. */
  get token(): string | undefined {
    return this.#token;
  }

  /** The schemas of module and data when it connected last; undefined before. */
  get schema(): SchemaFacts | undefined {
    return this.#schema;
  }

  get state(): LinkState {
    return this.#link.state;
  }

  /** Where the connection stands: state, since when, why, and when it is tried again. To be watched. */
  get status(): Watchable<LinkStatus> {
    return this.#link.status;
  }

  /** Calls the listener after each change of `status`; the result ends that. */
  onState(listener: (status: LinkStatus) => void): () => void {
    return this.#link.status.subscribe(listener);
  }

  /**
   * Tries now what would be tried after a pause, or not any more: for who knows that the way is free again. Resolves
   * when connected.
   * @throws {ConnectionError} the attempt's error, once waiting is over; the signal's reason; `connection/timeout`
   */
  async reconnect(options: CallOptions = {}): Promise<void> {
    await new CallTable(this.timers).run('connect', () => this.#link.reconnect(options.signal), options);
  }

  /** The last `seq` of the log that was followed to. */
  get seq(): bigint {
    return this.#feed.cursor;
  }

  /** The schema of the module's code; undefined while no module was met. */
  get codeVersion(): number | undefined {
    return this.#schema?.codeVersion;
  }

  /** The ops that lie in the outbox and are not confirmed yet, from before a restart too, in order. */
  unconfirmed(): readonly Op[] {
    return this.work.unconfirmed();
  }

  /**
   * Writes ops that belong together, batched with other writes of the moment; resolves when they are durable on the
   * server. With an outbox it waits for a server that is away, and the write is kept there meanwhile.
   */
  write(ops: readonly Op[], options?: WriteOptions): Promise<void> {
    const fault = this.#writeFault(options, ops);
    return fault === undefined ? this.#writes.write(ops, options) : Promise.reject(fault);
  }

  /**
   * Writes what refers to chunks: these go first, then the ops, which stay together. The whole takes its place in the
   * order of writes now. A chunk that is there already changes nothing.
   */
  writeWithChunks(chunks: readonly Op[], ops: readonly Op[], options?: WriteOptions): Promise<void> {
    const fault = this.#writeFault(options, ops, chunks);
    if (fault !== undefined) return Promise.reject(fault);
    if (chunks.length === 0) return this.#writes.write(ops, options);
    return this.#writes.writeInTurn([...cutByBytes(chunks), ops], options);
  }

  /**
   * Writes what is still being made: it takes its place in the order of writes now. A function is called when
   * everything written before has been answered. `bytes` is about how many there will be.
   */
  async writeLater(
    later: Promise<LaterWrite> | (() => Promise<LaterWrite>),
    bytes: number,
    options?: WriteOptions,
  ): Promise<void> {
    const groups = typeof later === 'function' ? async () => makeGroups(await later()) : later.then(makeGroups);
    const fault = this.#writeFault(options);
    if (fault !== undefined) {
      // That it is closed, or away, is what is told.
      if (typeof groups !== 'function') groups.catch(() => undefined);
      throw fault;
    }
    await this.#writes.writeLater(groups, bytes, options);
  }

  /** Has `work.secured()` wait until what is being made has been written: for who makes it step by step. */
  holdSecured(until: Promise<unknown>): void {
    this.#writes.holdSecured(until);
  }

  /** Sends one request now, past the queue; resolves when it is durable. */
  async apply(ops: readonly Op[], options: ApplyOptions = {}): Promise<void> {
    if (this.#closing !== undefined) throw makeClosed();
    checkApply(options);
    const fault = findOpFault(ops);
    if (fault !== undefined) throw fault;
    await this.#guard.run('apply', () => this.#send(ops, options));
  }

  /**
   * Takes one step of the module's migration to a schema, as the owner; it does nothing unless that stands at the cursor,
   * so that it may be sent again. See `applyMigrations`.
   */
  async migrateStep(step: { readonly to: number; readonly cursor: string }, options: CallOptions = {}): Promise<void> {
    if (this.#closing !== undefined) throw makeClosed();
    checkCallOptions('migrateStep', options);
    const take = (connection: Connection, call: CallOptions): Promise<void> =>
      connection.callReducer('migrate', step, call);
    await this.#guard.run('migrate', () => this.#call('migrate', take, options)).finally(() => this.#cache?.clear());
  }

  /** One page of a read. A connection that is lost meanwhile is restored and asked again. */
  async read<N extends ReadName>(name: N, args: Reads[N][0], options: CallOptions = {}): Promise<Reads[N][1]> {
    if (this.#isDrained) throw makeClosed();
    checkRead(name, args, options);
    const pool = this.#pool !== undefined && isLargeRead(name, args) ? this.#pool : undefined;
    const reading = this.#guard.run(name, () => {
      if (pool === undefined) return this.#readHere(name, args, options);
      return withinTime(name, options, this.timers, (own) => {
        const call = { signal: own.signal, timeoutMs: this.#silenceMs };
        const read = (connection: Connection): Promise<unknown> => connection.callProcedure(name, args, call);
        return pool.read(read, () => this.#readHere(name, args, own), call) as Promise<Reads[N][1]>; // the bindings' type
      });
    });
    return this.#noted(reading);
  }

  /**
   * As `read`, from the cache where that is certain to be no older than anything that was told here. Only reads by id
   * come from there, and rows that do are frozen. Without a cache it is `read`.
   */
  async readCached<N extends ReadName>(name: N, args: Reads[N][0], options: CallOptions = {}): Promise<Reads[N][1]> {
    const cache = this.#cache;
    if (cache === undefined) return this.read(name, args, options);
    if (this.#isDrained) throw makeClosed();
    checkRead(name, args, options);
    // Others may wait for the same load: who calls his own off leaves it to them.
    return runWithin(name, options, () => cache.read(name, args), this.timers);
  }

  /** `readCached` as a function, for what takes one. */
  readonly cachedPage: ReadPage = (name, args) => this.readCached(name, args);

  /** What the cache has done since it was opened, and holds now; undefined where there is none. */
  cacheStats(): ClientCacheStats | undefined {
    return this.#cache?.stats;
  }

  /** Where the circuit breaker stands; undefined where none was asked for. */
  get breaker(): Watchable<BreakerStatus> | undefined {
    return this.#guard.breaker;
  }

  /** Calls that wait for an answer, or for a connection to be made on. */
  get callsInFlight(): number {
    return this.#guard.inFlight;
  }

  /** `read` as a function, for what takes one. */
  readonly readPage: ReadPage = (name, args) => this.read(name, args);

  /**
   * Calls the listener with every event of the log from now on, records of the module included, in order. `onGap` is
   * called when some were trimmed away before they could be read here; `onRound` where not every record is for this
   * client, whenever a scope moved and what may be read of it was handed out.
   */
  listen(listener: LiveListener, onGap?: () => void, onRound?: (areRightsInDoubt: boolean) => void): () => void {
    return this.#feed.listen(listener, onGap, onRound);
  }

  /**
   * Tells of rows as they change, on the owner's connections; on others it does nothing, since they may not subscribe
   * to tables. The result ends it.
   */
  async followRows(following: RowFollowing, call: CallOptions = {}): Promise<() => void> {
    checkCallOptions('followRows', call);
    call.signal?.throwIfAborted();
    // Whose connection it will be is not known before the first one: it is begun on that.
    if (this.#identity === '') return this.#rows.addLater(following);
    if (!this.#feed.isOwner) return () => undefined;
    return this.#call('subscribe', (connection) => this.#rows.add(following, connection, this.#feed.cursor), call);
  }

  /** Resolves when everything committed before this call has been handed to the listeners. */
  async catchUp(call: CallOptions = {}): Promise<void> {
    checkCallOptions('catchUp', call);
    return runWithin('catchUp', call, () => this.#feed.catchUp(), this.timers);
  }

  /** Resolves when the listeners have been handed what this client's own writes, so far answered, brought about. */
  async settle(call: CallOptions = {}): Promise<void> {
    checkCallOptions('settle', call);
    return runWithin('settle', call, () => this.#feed.settle(), this.timers);
  }

  /** Sends what waits, then ends the connection. Idempotent. When the call is called off, closing goes on all the same. */
  async close(call: CallOptions = {}): Promise<void> {
    checkCallOptions('close', call);
    const closing = (this.#closing ??= this.#close());
    return runWithin('close', call, () => closing, this.timers);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#writes.drain();
    this.#isDrained = true;
    this.#feed.close();
    this.#cache?.close();
    await this.#pool?.close();
    this.#guard.close();
    await this.#link.close();
    await this.#writes.close();
  }

  #adopt(connection: Connection, schema: SchemaFacts | undefined): void {
    this.#schema = schema;
    this.#identity = connection.identity;
    this.#token = connection.token ?? this.#token;
  }

  async #send(ops: readonly Op[], options: ApplyOptions & { readonly issuedAtMicros?: bigint }): Promise<void> {
    const args = {
      requestId: options.requestId ?? this.ids.nextId(),
      issuedAt: makeWireTimestamp(options.issuedAtMicros ?? this.clock.nowMicros()),
      consumer: options.consumer,
      ops: ops.map(asSdkVariant),
    };
    try {
      await this.#call('apply', (connection, call) => connection.callReducer('apply', args, call), options);
    } finally {
      // Also when nobody knows whether it was applied.
      this.#cache?.forgetWritten(ops);
    }
  }

  /** Why nothing of this can be written now: there is always room for a while with an outbox. */
  #writeFault(...write: Parameters<typeof findWriteFault>): NervError<string> | undefined {
    if (this.#closing !== undefined) return makeClosed();
    return findWriteFault(...write) ?? (this.#hasOutbox ? undefined : this.#guard.faultOf('write'));
  }

  /** Has the cache note what a page tells. */
  #noted<T>(reading: Promise<T>): Promise<T> {
    return this.#cache === undefined ? reading : this.#cache.noting(reading);
  }

  /** A page over the main connection, whatever the breaker says. */
  async #readHere<N extends ReadName>(name: N, args: Reads[N][0], options: CallOptions = {}): Promise<Reads[N][1]> {
    const page = await this.#call(
      name,
      (connection, call) =>
        withinRate(() => connection.callProcedure(name, args, call), this.timers ?? systemTimers, call.signal),
      options,
    );
    return page as Reads[N][1]; // the bindings' return type
  }

  #makeCache(parts: ClientParts, options: CacheOptions): CachedReads {
    const status = this.#link.status;
    return new CachedReads({
      options,
      read: this.readPage,
      feed: this.#feed,
      link: { state: () => this.#link.state, onState: status.subscribe },
      servesStale: parts.mayStartLost === true,
      nowMs: () => parts.waiting.nowMs(),
      telemetry: this.telemetry,
    });
  }

  #makePool(parts: ClientParts, options: PoolOptions): ReadPool {
    return new ReadPool({
      options,
      connector: parts.connector,
      prepare: async (connection, call) => void (await checkSchema(connection, parts.database, call)),
      identity: () => this.#link.identity,
      timers: parts.timers ?? systemTimers,
      nowMs: () => parts.waiting.nowMs(),
      telemetry: this.telemetry,
    });
  }

  /**
   * Makes a call on the connection there is, and again on the next one when it was lost: reads change nothing, and a
   * request that was applied is not applied twice. `timeoutMs` is for all of that together; without it, how long that
   * may go on is the link's to say.
   */
  #call<T>(
    name: string,
    start: (connection: Connection, call: CallOptions) => Promise<T>,
    options: CallOptions,
  ): Promise<T> {
    return withinTime(name, options, this.timers, async ({ signal }) => {
      const call = { signal, timeoutMs: this.#silenceMs };
      for (;;) {
        const connection = await this.#link.connection(signal);
        try {
          return await start(connection, call);
        } catch (error) {
          if (!(error instanceof ConnectionError)) throw error;
          const isSilent = error.code === 'connection/timeout' && signal?.aborted !== true;
          if (!isSilent && error.code !== 'connection/lost') throw error;
          if (isSilent) connection.abandon(error);
        }
      }
    });
  }
}

/** What a link takes of a client's parts. */
function pickLink(parts: ClientParts): Omit<LinkOptions, 'prepare'> {
  const { connector, waiting, clock, onError, telemetry, reconnectForMs, connectTimeoutMs, mayStartLost } = parts;
  return { connector, waiting, clock, onError, telemetry, reconnectForMs, connectTimeoutMs, mayStartLost };
}

function requireClient(opened: { client?: ModuleClient }): ModuleClient {
  if (opened.client === undefined) throw makeClosed();
  return opened.client;
}

function makeClosed(): NervPersistenceError {
  return new NervPersistenceError('universe/closed', 'The universe is closed. Open it again to use it.');
}
