import { makeWireTimestamp, MAX_REQUEST_BYTES, type ConsumerAdvance, type Op } from '@inner-universe/module/wire';
import type { Clock, IdSource, Timers } from '@inner-universe/nerv';
import { CallTable } from '../connection/call-table.ts';
import { checkSchema } from '../connection/schema-check.ts';
import type { CallOptions, Connection, Connector } from '../connection/connection.ts';
import { Link, type LinkState, type Waiting } from '../connection/link.ts';
import { ConnectionError, NervPersistenceError } from '../errors.ts';
import { SILENT_TELEMETRY, type Telemetry } from '../observability/telemetry.ts';
import type { LocalCopies } from '../offline/local-copies.ts';
import { ChangeFeed, type LiveListener } from './change-feed.ts';
import type { ReadPage } from './change-source.ts';
import { opByteLength } from './op-size.ts';
import { RequestQueue, type OpGroups } from './request-queue.ts';
import type { ReadName, Reads } from './reads.ts';
import { RowFollowers, type RowFollowing } from './row-followers.ts';

/** What a client is made of; `openUniverse` fills it in. */
export interface ClientParts {
  readonly connector: Connector;
  readonly database: string;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly waiting: Waiting;
  readonly onError: (error: unknown) => void;
  readonly onState?: ((state: LinkState) => void) | undefined;
  readonly reconnectForMs?: number | undefined;
  /**
   * How long an open connection may leave a call without an answer before it is taken to be dead, in milliseconds.
   * Undefined: for ever, as fits a host in this process.
   */
  readonly silenceMs?: number | undefined;
  /** What timeouts go by; default the system's timers. */
  readonly timers?: Timers | undefined;
  /** What is measured and told; default nobody. */
  readonly telemetry?: Telemetry | undefined;
  /** What is kept here for opening without the server. */
  readonly localCopies?: LocalCopies | undefined;
  /** Throws for a setting that does not go with how this client is used. */
  readonly checkConfiguration?: ((key: string, value: string | undefined) => void) | undefined;
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
  readonly #link: Link;
  readonly #feed: ChangeFeed;
  readonly #rows: RowFollowers;
  readonly #queue: RequestQueue;
  readonly #silenceMs: number | undefined;
  #identity = '';
  #token: string | undefined;
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
    this.localCopies = parts.localCopies;
    this.#silenceMs = parts.silenceMs;
    this.#link = link;
    this.#feed = feed;
    this.#rows = rows;
    this.#queue = new RequestQueue({
      send: (requestId, ops) => this.#send(ops, { requestId }),
      makeRequestId: () => parts.ids.nextId(),
    });
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
    const opened: { client?: ModuleClient; connection?: Connection } = {};
    const rows = new RowFollowers();
    const feed = new ChangeFeed({
      read: (name, args) => requireClient(opened).read(name, args),
      onError: parts.onError,
    });
    const prepare = async (connection: Connection, step: CallOptions): Promise<void> => {
      await checkSchema(connection, parts.database, step);
      await feed.attach(connection, step, async () => {
        if (feed.isOwner) await rows.attach(connection, feed.cursor, step);
      });
      opened.connection = connection;
      if (opened.client !== undefined) opened.client.#adopt(connection);
    };
    const { connector, waiting, onState, reconnectForMs } = parts;
    const link = await Link.open({ connector, waiting, onState, reconnectForMs, prepare }, call);
    const client = new kind(parts, { link, feed, rows });
    if (opened.connection !== undefined) client.#adopt(opened.connection);
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

  get state(): LinkState {
    return this.#link.state;
  }

  /** The last `seq` of the log that was followed to. */
  get seq(): bigint {
    return this.#feed.cursor;
  }

  /** Writes ops that belong together, batched with other writes of the moment; resolves when they are durable. */
  write(ops: readonly Op[]): Promise<void> {
    return this.#closing === undefined ? this.#queue.write(ops) : Promise.reject(makeClosed());
  }

  /**
   * Writes what refers to chunks: these go first, then the ops, which stay together. The whole takes its place in the
   * order of writes now. A chunk that is there already changes nothing.
   */
  async writeWithChunks(chunks: readonly Op[], ops: readonly Op[]): Promise<void> {
    if (this.#closing !== undefined) throw makeClosed();
    if (chunks.length === 0) await this.#queue.write(ops);
    else await this.#queue.writeInTurn([...cutByBytes(chunks), ops]);
  }

  /**
   * Writes what is still being made: it takes its place in the order of writes now. A function is called when
   * everything written before has been answered. `bytes` is about how many there will be.
   */
  async writeLater(later: Promise<LaterWrite> | (() => Promise<LaterWrite>), bytes: number): Promise<void> {
    const group = ({ chunks, ops }: LaterWrite): OpGroups => [...cutByBytes(chunks), ops];
    const groups = typeof later === 'function' ? async () => group(await later()) : later.then(group);
    if (this.#closing !== undefined) {
      // That it is closed is what is told.
      if (typeof groups !== 'function') groups.catch(() => undefined);
      throw makeClosed();
    }
    await this.#queue.writeLater(groups, bytes);
  }

  /** Sends one request now, past the queue; resolves when it is durable. */
  async apply(ops: readonly Op[], options: ApplyOptions = {}): Promise<void> {
    if (this.#closing !== undefined) throw makeClosed();
    await this.#send(ops, options);
  }

  /** One page of a read. A connection that is lost meanwhile is restored and asked again. */
  async read<N extends ReadName>(name: N, args: Reads[N][0], options: CallOptions = {}): Promise<Reads[N][1]> {
    if (this.#isDrained) throw makeClosed();
    const page = await this.#call((connection, call) => connection.callProcedure(name, args, call), options);
    return page as Reads[N][1]; // the bindings' return type
  }

  /** `read` as a function, for what takes one. */
  readonly readPage: ReadPage = (name, args) => this.read(name, args);

  /**
   * Calls the listener with every event of the log from now on, records of the module included, in order. `onGap` is
   * called when some were trimmed away before they could be read here.
   */
  listen(listener: LiveListener, onGap?: () => void): () => void {
    return this.#feed.listen(listener, onGap);
  }

  /**
   * Tells of rows as they change, on the owner's connections; on others it does nothing, since they may not subscribe
   * to tables. The result ends it.
   */
  async followRows(following: RowFollowing): Promise<() => void> {
    if (!this.#feed.isOwner) return () => undefined;
    return this.#call((connection) => this.#rows.add(following, connection, this.#feed.cursor), {});
  }

  /** Resolves when everything committed before this call has been handed to the listeners. */
  catchUp(): Promise<void> {
    return this.#feed.catchUp();
  }

  /** Resolves when the listeners have been handed what this client's own writes, so far answered, brought about. */
  settle(): Promise<void> {
    return this.#feed.settle();
  }

  /** Sends what waits, then ends the connection. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#queue.idle();
    this.#isDrained = true;
    this.#feed.close();
    await this.#link.close();
  }

  #adopt(connection: Connection): void {
    this.#identity = connection.identity;
    this.#token = connection.token ?? this.#token;
  }

  async #send(ops: readonly Op[], options: ApplyOptions): Promise<void> {
    const args = {
      requestId: options.requestId ?? this.ids.nextId(),
      issuedAt: makeWireTimestamp(this.clock.nowMicros()),
      consumer: options.consumer,
      ops: ops.map(asSdkVariant),
    };
    await this.#call((connection, call) => connection.callReducer('apply', args, call), options);
  }

  /**
   * Makes a call on the connection there is, and again on the next one when it was lost: reads change nothing, and a
   * request that was applied is not applied twice. How long that may go on is the link's to say.
   */
  async #call<T>(start: (connection: Connection, call: CallOptions) => Promise<T>, options: CallOptions): Promise<T> {
    const call = { signal: options.signal, timeoutMs: options.timeoutMs ?? this.#silenceMs };
    for (;;) {
      const connection = await this.#connection(options);
      try {
        return await start(connection, call);
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        const isSilent = error.code === 'connection/timeout' && options.timeoutMs === undefined;
        if (!isSilent && error.code !== 'connection/lost') throw error;
        if (isSilent) connection.abandon(error);
      }
    }
  }

  #connection({ signal, timeoutMs }: CallOptions): Promise<Connection> {
    if (timeoutMs === undefined) return this.#link.connection(signal);
    return new CallTable(this.timers).run('connect', () => this.#link.connection(signal), { timeoutMs });
  }
}

/** The SDK's bindings name variants with a capital. */
function asSdkVariant({ tag, value }: Op): object {
  return { tag: tag.charAt(0).toUpperCase() + tag.slice(1), value };
}

function requireClient(opened: { client?: ModuleClient }): ModuleClient {
  if (opened.client === undefined) throw makeClosed();
  return opened.client;
}

function makeClosed(): NervPersistenceError {
  return new NervPersistenceError('universe/closed', 'The universe is closed. Open it again to use it.');
}

/** Groups ops into requests that fit by size, in order. */
function cutByBytes(ops: readonly Op[]): readonly (readonly Op[])[] {
  const batches: Op[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const op of ops) {
    const size = opByteLength(op);
    if (bytes + size > MAX_REQUEST_BYTES) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)?.push(op);
    bytes += size;
  }
  return batches;
}
