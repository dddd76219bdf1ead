import { MAX_REQUEST_BYTES, makeWireTimestamp, type ApplyArguments, type Op } from '@inner-universe/module/wire';
import type { Clock, IdSource } from '@inner-universe/nerv';
import { checkSchema } from '../connection/schema-check.ts';
import type { CallOptions, Connection, Connector } from '../connection/connection.ts';
import { Link, type LinkState, type Waiting } from '../connection/link.ts';
import { ConnectionError, NervPersistenceError } from '../errors.ts';
import { ChangeFeed, type LiveListener, type ReadPage } from './change-feed.ts';
import { opByteLength } from './op-size.ts';
import { RequestQueue } from './request-queue.ts';
import type { ReadName, Reads } from './reads.ts';

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
}

/** How a request is told apart from others, and who may call it off. */
export interface ApplyOptions extends CallOptions {
  /** The same id again changes nothing; default: a fresh one. */
  readonly requestId?: string | undefined;
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
  readonly #link: Link;
  readonly #feed: ChangeFeed;
  readonly #queue: RequestQueue;
  #identity = '';
  #token: string | undefined;
  #closed = false;

  /** Use `open`. */
  constructor(parts: ClientParts, link: Link, feed: ChangeFeed) {
    this.target = parts.connector.target;
    this.database = parts.database;
    this.ids = parts.ids;
    this.clock = parts.clock;
    this.#link = link;
    this.#feed = feed;
    this.#queue = new RequestQueue({
      send: (requestId, ops) => this.apply(ops, { requestId }),
      makeRequestId: () => parts.ids.nextId(),
    });
  }

  /** Connects, checks the schema, and follows the log from its head on. */
  static open(parts: ClientParts, call: CallOptions = {}): Promise<ModuleClient> {
    return ModuleClient.openAs(ModuleClient, parts, call);
  }

  /** As `open`, for a class built on this one. */
  static async openAs<C extends ModuleClient>(
    kind: new (parts: ClientParts, link: Link, feed: ChangeFeed) => C,
    parts: ClientParts,
    call: CallOptions,
  ): Promise<C> {
    const opened: { client?: ModuleClient; connection?: Connection } = {};
    const feed = new ChangeFeed({
      read: (name, args) => requireClient(opened).read(name, args),
      onError: parts.onError,
    });
    const link = await Link.open(
      {
        connector: parts.connector,
        waiting: parts.waiting,
        onState: parts.onState,
        reconnectForMs: parts.reconnectForMs,
        prepare: async (connection) => {
          await checkSchema(connection, parts.database);
          await feed.attach(connection);
          opened.connection = connection;
          opened.client?.adopt(connection);
        },
      },
      call,
    );
    const client = new kind(parts, link, feed);
    if (opened.connection !== undefined) client.adopt(opened.connection);
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
    return this.#closed ? Promise.reject(makeClosed()) : this.#queue.write(ops);
  }

  /**
   * Writes what refers to chunks: these go first, in requests of their own, then the ops.
   * A chunk that is there already changes nothing.
   */
  async writeWithChunks(chunks: readonly Op[], ops: readonly Op[]): Promise<void> {
    for (const batch of cutByBytes(chunks)) await this.write(batch);
    await this.write(ops);
  }

  /** Sends one request now, past the queue; resolves when it is durable. */
  async apply(ops: readonly Op[], options: ApplyOptions = {}): Promise<void> {
    const args: Omit<ApplyArguments, 'ops'> & { readonly ops: readonly object[] } = {
      requestId: options.requestId ?? this.ids.nextId(),
      issuedAt: makeWireTimestamp(this.clock.nowMicros()),
      consumer: undefined,
      ops: ops.map(asSdkVariant),
    };
    for (;;) {
      const connection = await this.#link.connection();
      try {
        await connection.callReducer('apply', args, options);
        return;
      } catch (error) {
        // Unknown: the same request id makes a second sending harmless.
        if (!(error instanceof ConnectionError) || error.code !== 'connection/lost' || this.#closed) throw error;
      }
    }
  }

  /** One page of a read. A connection that is lost meanwhile is restored and asked again. */
  async read<N extends ReadName>(name: N, args: Reads[N][0], options?: CallOptions): Promise<Reads[N][1]> {
    for (;;) {
      const connection = await this.#link.connection();
      try {
        return (await connection.callProcedure(name, args, options)) as Reads[N][1]; // the bindings' return type
      } catch (error) {
        if (!(error instanceof ConnectionError) || error.code !== 'connection/lost' || this.#closed) throw error;
      }
    }
  }

  /** `read` as a function, for what takes one. */
  readonly readPage: ReadPage = (name, args) => this.read(name, args);

  /** Calls the listener with every event of the log from now on, records of the module included, in order. */
  listen(listener: LiveListener): () => void {
    return this.#feed.listen(listener);
  }

  /** Resolves when everything committed before this call has been handed to the listeners. */
  catchUp(): Promise<void> {
    return this.#feed.catchUp();
  }

  /** @internal Takes note of who a new connection says we are. */
  adopt(connection: Connection): void {
    this.#identity = connection.identity;
    this.#token = connection.token ?? this.#token;
  }

  /** Sends what waits, then ends the connection. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue.idle();
    this.#feed.close();
    await this.#link.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
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
