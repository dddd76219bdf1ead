import type { Timers } from '@inner-universe/nerv';
import { setGlobalLogLevel } from 'spacetimedb';
import { ConnectionError } from '../errors.ts';
import type { DbConnection, DbConnectionBuilder } from '../generated/module-bindings.ts';
import { CallTable } from './call-table.ts';
import { APPLY, EVENT_TABLES, makeConnectionBuilder, withTextBytes } from './sdk-bindings.ts';
import { FailedSocket, GuardedSocket, type OpenSocket, type SdkSocket, type SocketRequest } from './sdk-socket.ts';
import type {
  CallOptions,
  Connection,
  ConnectionEnd,
  ConnectionSubscription,
  RowChange,
  SubscriptionRequest,
  WireRow,
} from './connection.ts';
import { TextBytes } from './text-bytes.ts';

/** What is needed to open a connection with the official SDK. */
export interface SdkConnectionOptions {
  readonly url: string;
  readonly database: string;
  readonly token?: string | undefined;
  readonly openSocket: OpenSocket;
  /** Told when a listener of this package throws: the SDK would lose the rest of its message. */
  readonly onListenerError: (error: unknown) => void;
  /** What timeouts of calls go by; default the system's timers. */
  readonly timers?: Timers | undefined;
}

/** A table of the SDK's cache, reduced to what is used of it. Its row types are known to the generated bindings only. */
interface SdkTable {
  iter(): Iterable<WireRow>;
  onInsert(listener: (ctx: SdkContext, row: WireRow) => void): void;
  onDelete?(listener: (ctx: SdkContext, row: WireRow) => void): void;
  onUpdate?(listener: (ctx: SdkContext, before: WireRow, row: WireRow) => void): void;
  removeOnInsert(listener: unknown): void;
  removeOnDelete?(listener: unknown): void;
  removeOnUpdate?(listener: unknown): void;
}
/** What the SDK asks of whoever opens its socket. */
type SdkSocketArguments = Parameters<Parameters<DbConnectionBuilder['withWSFn']>[0]>[0];

interface SdkContext {
  readonly event: { readonly tag: string };
}
type SdkCalls = Readonly<Record<string, ((args: object) => Promise<unknown>) | undefined>>;

// The SDK logs each connect and message to the console otherwise.
setGlobalLogLevel('error');

/**
 * Opens a connection and resolves when the host has accepted it. When it fails, nothing of it is left open.
 * @throws {ConnectionError} what `openSocket` throws; `connection/unreachable` when the socket failed,
 * `connection/refused` when the host closed it before its first message, `connection/timeout`
 */
export async function openSdkConnection(options: SdkConnectionOptions, call: CallOptions = {}): Promise<Connection> {
  const opening = new Opening(options);
  const calls = new CallTable(options.timers);
  try {
    const { sdk, token } = await calls.run('connect', () => opening.start(), call);
    return new OpenConnection({ sdk, token, calls, opening, onListenerError: options.onListenerError });
  } catch (error) {
    opening.giveUp();
    if (!(error instanceof ConnectionError) || error.code !== 'connection/timeout') throw error;
    // The caller's own time was over, and that says which it was.
    if (call.signal?.aborted === true && error === call.signal.reason) throw error;
    throw new ConnectionError(
      'connection/timeout',
      `${options.url} did not accept the connection within ${call.timeoutMs} ms. Is it overloaded, or stopped?`,
      {
        details: { url: options.url, database: options.database, timeoutMs: call.timeoutMs },
        retryable: true,
      },
    );
  }
}

/** One connection of the SDK, from its first attempt to its end, whichever way it ends. */
class Opening {
  /** Resolves when the connection has ended after it was open. */
  readonly ended: Promise<Error | undefined>;
  readonly #options: SdkConnectionOptions;
  readonly #ending = new AbortController();
  #onEnd: (cause: Error | undefined) => void = () => undefined;
  #socket: GuardedSocket | undefined;
  #failure: ConnectionError | undefined;

  constructor(options: SdkConnectionOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => (this.#onEnd = resolve));
  }

  get heard(): number {
    return this.#socket?.heard ?? 0;
  }

  start(): Promise<{ sdk: DbConnection; token: string }> {
    const { url, database, token } = this.#options;
    return new Promise((resolve, reject) => {
      makeConnectionBuilder()
        .withUri(url)
        .withDatabaseName(database)
        .withToken(token)
        .withCompression('none')
        .withConfirmedReads(true)
        .withWSFn((request) => this.#open(request))
        .onConnect((sdk, _identity, given) => resolve({ sdk, token: given }))
        .onConnectError((_ctx, error) => reject(this.#failure ?? makeUnreachable(this.#options, error)))
        .onDisconnect((_ctx, error) => {
          const cause = this.#socket?.fault ?? error;
          reject(makeRefused(this.#options, cause));
          this.#onEnd(cause);
        })
        .build();
    });
  }

  /** Ends it at once, also while it is being opened. */
  giveUp(cause: Error = new Error('The connection was given up.')): void {
    // First the socket, which then knows why it ends.
    this.#socket?.abandon(cause);
    this.#ending.abort(cause);
  }

  async #open({ url, nameOrAddress, authToken, wsProtocol }: SdkSocketArguments): Promise<GuardedSocket> {
    const request = { url, database: nameOrAddress, token: authToken, protocols: wsProtocol };
    this.#socket = new GuardedSocket(await this.#openInner(request));
    if (this.#ending.signal.aborted) this.#socket.abandon(new Error('The connection was given up.'));
    return this.#socket;
  }

  async #openInner(request: SocketRequest): Promise<SdkSocket> {
    try {
      return await this.#options.openSocket(request, this.#ending.signal);
    } catch (error) {
      if (error instanceof ConnectionError) this.#failure = error;
      // The SDK prints that its socket could not be opened; of one that fails it only tells us.
      return new FailedSocket(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

interface OpenConnectionParts {
  readonly sdk: DbConnection;
  readonly token: string;
  readonly calls: CallTable;
  readonly opening: Opening;
  readonly onListenerError: (error: unknown) => void;
}

class OpenConnection implements Connection {
  readonly identity: string;
  readonly connectionId: string;
  readonly ended: Promise<ConnectionEnd>;
  /** Not a field that is printed: it is a secret. */
  readonly #token: string | undefined;
  readonly #sdk: DbConnection;
  readonly #calls: CallTable;
  readonly #opening: Opening;
  readonly #onListenerError: (error: unknown) => void;
  readonly #texts = new TextBytes();
  #requested = false;
  #open = true;

  constructor(parts: OpenConnectionParts) {
    this.#sdk = parts.sdk;
    this.#calls = parts.calls;
    this.#opening = parts.opening;
    this.#onListenerError = parts.onListenerError;
    this.identity = parts.sdk.identity?.toHexString() ?? '';
    this.connectionId = parts.sdk.connectionId.toHexString();
    this.#token = parts.token === '' ? undefined : parts.token;
    this.ended = parts.opening.ended.then((cause) => {
      this.#open = false;
      this.#calls.end(cause, this.#requested);
      return { requested: this.#requested, cause };
    });
  }

  get token(): string | undefined {
    return this.#token;
  }

  get isOpen(): boolean {
    return this.#open && this.#sdk.isActive;
  }

  get heard(): number {
    return this.#opening.heard;
  }

  async callReducer(name: string, args: object, options?: CallOptions): Promise<void> {
    const prepare = name === APPLY ? () => withTextBytes(args, this.#texts) : () => args;
    await this.#call(this.#sdk.reducers as unknown as SdkCalls, name, prepare, options);
  }

  callProcedure(name: string, args: object, options?: CallOptions): Promise<unknown> {
    return this.#call(this.#sdk.procedures as unknown as SdkCalls, name, () => args, options);
  }

  async subscribe(request: SubscriptionRequest, options?: CallOptions): Promise<ConnectionSubscription> {
    const detach = request.tables.map((table) => this.#listen(table, request.onChange));
    const stopListening = (): void => detach.forEach((stop) => stop());
    try {
      const handle = await this.#calls.run(
        'subscribe',
        () =>
          new Promise<{ unsubscribe(): void; isActive(): boolean }>((resolve, reject) => {
            const subscription = this.#sdk
              .subscriptionBuilder()
              .onApplied(() => resolve(subscription))
              .onError((_ctx: unknown, error?: Error) => reject(error ?? new Error('The subscription was refused.')))
              .subscribe([...request.queries]);
          }),
        options,
      );
      return {
        close: () => {
          stopListening();
          if (this.isOpen && handle.isActive()) handle.unsubscribe();
        },
      };
    } catch (error) {
      stopListening();
      throw error;
    }
  }

  rows(table: string): readonly WireRow[] {
    return Array.from(this.#table(table).iter(), copyRow);
  }

  abandon(cause: Error): void {
    this.#opening.giveUp(cause);
  }

  async close(): Promise<void> {
    this.#requested = true;
    this.#sdk.disconnect();
    await this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #call(family: SdkCalls, name: string, prepare: () => object, options?: CallOptions): Promise<unknown> {
    const method = family[name];
    if (method === undefined) throw new TypeError(`The module has no '${name}'.`);
    return this.#calls.run(name, () => method(prepare()), options);
  }

  #table(name: string): SdkTable {
    const table = (this.#sdk.db as unknown as Record<string, SdkTable | undefined>)[name];
    if (table === undefined) throw new TypeError(`The module has no table '${name}'.`);
    return table;
  }

  #listen(name: string, onChange: (change: RowChange) => void): () => void {
    const table = this.#table(name);
    // The SDK keeps no event, so there is nothing of its own that could be changed by it.
    const take = EVENT_TABLES.has(name) ? freezeRow : copyRow;
    const tell = (ctx: SdkContext, change: RowChange): void => {
      // Rows that a subscription starts or ends with are its contents, not changes.
      if (ctx.event.tag === 'SubscribeApplied' || ctx.event.tag === 'UnsubscribeApplied') return;
      try {
        onChange(change);
      } catch (error) {
        this.#onListenerError(error);
      }
    };
    const inserted = (ctx: SdkContext, row: WireRow): void =>
      tell(ctx, { type: 'inserted', table: name, row: take(row) });
    const deleted = (ctx: SdkContext, row: WireRow): void =>
      tell(ctx, { type: 'deleted', table: name, row: copyRow(row) });
    const updated = (ctx: SdkContext, before: WireRow, row: WireRow): void =>
      tell(ctx, { type: 'updated', table: name, before: copyRow(before), row: copyRow(row) });
    table.onInsert(inserted);
    table.onDelete?.(deleted);
    table.onUpdate?.(updated);
    return () => {
      table.removeOnInsert(inserted);
      table.removeOnDelete?.(deleted);
      table.removeOnUpdate?.(updated);
    };
  }
}

/** Also many times: who listens to the same table is given the same row. */
function freezeRow(row: WireRow): WireRow {
  return Object.freeze(row);
}

/** The SDK hands out the very objects of its cache; what leaves here cannot change it. */
function copyRow(row: WireRow): WireRow {
  return Object.freeze({ ...row });
}

function makeUnreachable(options: SdkConnectionOptions, cause: Error): ConnectionError {
  return new ConnectionError(
    'connection/unreachable',
    `No connection to ${options.url} (database '${options.database}'): ${cause.message}. Is the server running there?`,
    { details: { url: options.url, database: options.database }, cause, retryable: true },
  );
}

function makeRefused(options: SdkConnectionOptions, cause: Error | undefined): ConnectionError {
  return new ConnectionError(
    'connection/refused',
    `${options.url} closed the connection to database '${options.database}' before it began. ` +
      'An identity without any grant is refused: give the owner\u2019s token, or ask the owner for a grant (inner-universe grants add).',
    { details: { url: options.url, database: options.database }, cause },
  );
}
