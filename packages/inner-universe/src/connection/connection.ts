/** How long one call may take and who may call it off. */
export interface CallOptions {
  /** Calls it off: the call rejects with the signal's reason; whether it was carried out is then unknown. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which the call rejects with `connection/timeout`; its outcome is then unknown. */
  readonly timeoutMs?: number | undefined;
}

/** A row as it arrived: frozen, owned by nobody else. */
export type WireRow = Readonly<Record<string, unknown>>;

/** What happened to a subscribed row. Rows of event tables are only ever inserted. */
export type RowChange =
  | { readonly type: 'inserted'; readonly table: string; readonly row: WireRow }
  | { readonly type: 'updated'; readonly table: string; readonly row: WireRow; readonly before: WireRow }
  | { readonly type: 'deleted'; readonly table: string; readonly row: WireRow };

/** What a subscription asks for and whom it tells. */
export interface SubscriptionRequest {
  readonly queries: readonly string[];
  /** Tables, by their accessor, whose changes `onChange` is told; each listener sees every change of the table. */
  readonly tables: readonly string[];
  /** Called once per row, in order; what it throws is reported to `onListenerError` of the connection. */
  readonly onChange: (change: RowChange) => void;
}

/** A standing subscription. `close` is idempotent and may be called on a dead connection. */
export interface ConnectionSubscription {
  close(): void;
}

/** Why a connection ended. */
export interface ConnectionEnd {
  /** True when `close` was called here. */
  readonly requested: boolean;
  readonly cause: Error | undefined;
}

/**
 * One connection to a database, as the rest of this package sees it; the SDK stays behind it. A connection never
 * reconnects: when it ends, every call on its way rejects with `connection/lost` and a new one must be opened.
 */
export interface Connection extends AsyncDisposable {
  /** Who we are to the module: 64 hexadecimal digits. */
  readonly identity: string;
  readonly connectionId: string;
  /** The token that proves the identity; undefined in process. */
  readonly token: string | undefined;
  readonly isOpen: boolean;
  /** Messages that have come so far; undefined where nobody counts them. */
  readonly heard?: number | undefined;
  /** Resolves when the connection has ended, for whatever reason. Never rejects. */
  readonly ended: Promise<ConnectionEnd>;
  /** Calls a reducer by its accessor; resolves when its transaction is durable. */
  callReducer(name: string, args: object, options?: CallOptions): Promise<void>;
  /** Calls a procedure by its accessor. */
  callProcedure(name: string, args: object, options?: CallOptions): Promise<unknown>;
  /** Resolves when the first rows are there; they are not reported as changes. */
  subscribe(request: SubscriptionRequest, options?: CallOptions): Promise<ConnectionSubscription>;
  /** Rows held for a table by this connection's subscriptions. */
  rows(table: string): readonly WireRow[];
  /** Ends the connection at once, without a word to the other side, which is taken to be gone. */
  abandon(cause: Error): void;
  close(): Promise<void>;
}

/** Tokens of connections, from somebody who gives a fresh one when asked. */
export interface RenewableTokens {
  /** The one that a connection was made with last. */
  readonly current: string | undefined;
  /** Asks for another one. @throws {ConnectionError} `connection/no-token`; `connection/timeout`; the signal's reason */
  ask(call: CallOptions): Promise<string>;
  /** The next connection is made with this one, and nobody is asked for it. */
  useNext(token: string): void;
}

/** Opens connections to one database; what differs between in process, worker and server is behind it. */
export interface Connector {
  /** What people are told about where this leads: an address without secrets. */
  readonly target: string;
  /** Tokens that can be asked for ahead of the next connection; undefined where each has the same one. */
  readonly tokens?: RenewableTokens | undefined;
  /** @throws {ConnectionError} with the code that says what to do. */
  connect(options?: CallOptions): Promise<Connection>;
}
