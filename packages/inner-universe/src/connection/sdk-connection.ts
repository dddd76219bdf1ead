import { setGlobalLogLevel } from 'spacetimedb';
import { ConnectionError } from '../errors.ts';
import { DbConnection, type DbConnectionBuilder } from '../generated/module-bindings.ts';
import { CallTable } from './call-table.ts';
import type {
  CallOptions,
  Connection,
  ConnectionEnd,
  ConnectionSubscription,
  RowChange,
  SubscriptionRequest,
  WireRow,
} from './connection.ts';

/** The socket factory the SDK takes; a WebSocket is used when there is none. */
export type SocketFactory = Parameters<DbConnectionBuilder['withWSFn']>[0];

/** What is needed to open a connection with the official SDK. */
export interface SdkConnectionOptions {
  readonly url: string;
  readonly database: string;
  readonly token?: string | undefined;
  readonly socketFactory?: SocketFactory | undefined;
  /** Told when a listener of this package throws: the SDK would lose the rest of its message. */
  readonly onListenerError: (error: unknown) => void;
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
interface SdkContext {
  readonly event: { readonly tag: string };
}
type SdkCalls = Readonly<Record<string, ((args: object) => Promise<unknown>) | undefined>>;

// The SDK logs each connect and message to the console otherwise.
setGlobalLogLevel('error');

/**
 * Opens a connection and resolves when the host has accepted it.
 * @throws {ConnectionError} `connection/unreachable` when no socket could be had, `connection/refused` when the host
 * closed it before its first message.
 */
export async function openSdkConnection(options: SdkConnectionOptions, call: CallOptions = {}): Promise<Connection> {
  const calls = new CallTable();
  let onEnd: (end: ConnectionEnd) => void = () => undefined;
  const ended = new Promise<ConnectionEnd>((resolve) => (onEnd = resolve));
  let started: DbConnection | undefined;
  const connected = calls.run(
    'connect',
    () =>
      new Promise<{ sdk: DbConnection; token: string }>((resolve, reject) => {
        const builder = DbConnection.builder()
          .withUri(options.url)
          .withDatabaseName(options.database)
          .withToken(options.token)
          .withCompression('none')
          .onConnect((sdk, _identity, token) => resolve({ sdk, token }))
          .onConnectError((_ctx, error) => reject(makeUnreachable(options, error)))
          .onDisconnect((_ctx, error) => {
            reject(makeRefused(options, error));
            onEnd({ requested: false, cause: error });
          });
        if (options.socketFactory !== undefined) builder.withWSFn(options.socketFactory);
        started = builder.build();
      }),
    call,
  );
  try {
    const { sdk, token } = await connected;
    return new OpenConnection({ sdk, token, calls, ended, onListenerError: options.onListenerError });
  } catch (error) {
    started?.disconnect();
    throw error;
  }
}

interface OpenConnectionParts {
  readonly sdk: DbConnection;
  readonly token: string;
  readonly calls: CallTable;
  readonly ended: Promise<ConnectionEnd>;
  readonly onListenerError: (error: unknown) => void;
}

class OpenConnection implements Connection {
  readonly identity: string;
  readonly connectionId: string;
  readonly token: string | undefined;
  readonly ended: Promise<ConnectionEnd>;
  readonly #sdk: DbConnection;
  readonly #calls: CallTable;
  readonly #onListenerError: (error: unknown) => void;
  #requested = false;
  #open = true;

  constructor(parts: OpenConnectionParts) {
    this.#sdk = parts.sdk;
    this.#calls = parts.calls;
    this.#onListenerError = parts.onListenerError;
    this.identity = parts.sdk.identity?.toHexString() ?? '';
    this.connectionId = parts.sdk.connectionId.toHexString();
    this.token = parts.token === '' ? undefined : parts.token;
    this.ended = parts.ended.then(({ cause }) => {
      this.#open = false;
      this.#calls.end(cause, this.#requested);
      return { requested: this.#requested, cause };
    });
  }

  get isOpen(): boolean {
    return this.#open && this.#sdk.isActive;
  }

  async callReducer(name: string, args: object, options?: CallOptions): Promise<void> {
    await this.#call(this.#sdk.reducers as unknown as SdkCalls, name, args, options);
  }

  callProcedure(name: string, args: object, options?: CallOptions): Promise<unknown> {
    return this.#call(this.#sdk.procedures as unknown as SdkCalls, name, args, options);
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

  async close(): Promise<void> {
    this.#requested = true;
    this.#sdk.disconnect();
    await this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #call(family: SdkCalls, name: string, args: object, options?: CallOptions): Promise<unknown> {
    const method = family[name];
    if (method === undefined) throw new TypeError(`The module has no '${name}'.`);
    return this.#calls.run(name, () => method(args), options);
  }

  #table(name: string): SdkTable {
    const table = (this.#sdk.db as unknown as Record<string, SdkTable | undefined>)[name];
    if (table === undefined) throw new TypeError(`The module has no table '${name}'.`);
    return table;
  }

  #listen(name: string, onChange: (change: RowChange) => void): () => void {
    const table = this.#table(name);
    const tell = (ctx: SdkContext, change: RowChange): void => {
      // Rows that a subscription starts or ends with are its contents, not changes.
      if (ctx.event.tag === 'SubscribeApplied' || ctx.event.tag === 'UnsubscribeApplied') return;
      try {
        onChange(change);
      } catch (error) {
        this.#onListenerError(error);
      }
    };
    const inserted = (ctx: SdkContext, row: WireRow): void => tell(ctx, { type: 'inserted', table: name, row: copyRow(row) });
    const deleted = (ctx: SdkContext, row: WireRow): void => tell(ctx, { type: 'deleted', table: name, row: copyRow(row) });
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
      'An identity without any grant is refused: give the owner\u2019s token, or ask the owner for a grant.',
    { details: { url: options.url, database: options.database }, cause },
  );
}
