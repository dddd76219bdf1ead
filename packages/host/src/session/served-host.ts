import type { Logger, LogLevel } from '../clock/clock.ts';
import type { Caller, CallResult, ConnectResult, DatabaseStatus, ProcedureResult } from '../database/calls.ts';
import type { ExchangeOutcome, ExchangePlan, ExchangeRequest } from '../database/program-exchange.ts';
import type { SqlAnswer } from '../database/sql-answer.ts';
import type { TokenAuthority } from '../identity/token-authority.ts';
import type { Registration } from '../names/registration.ts';
import type { HandlerRequest, HandlerResult } from '../module-http/handler-call.ts';
import type { ModuleDef } from '../schema/module-def.ts';
import type { ClientLink } from './client-link.ts';
import type { SessionOptions } from './session.ts';

/*
 * The seam between a host and its databases: what routes, transports and the host itself may ask of a database,
 * whether it runs in this thread or in a worker. What holds:
 *
 * - Facts are properties. Whatever needs the database at work is a method that may answer by a promise: await it.
 * - Arguments and results are plain data that can be copied between threads: no functions, no instances of classes
 *   but `Uint8Array`, `Map` and `HostError`. What a worker throws arrives with its code and details.
 * - Keys stay on the host's side, as sockets do. A database gets identities and the claims of tokens; a session gets its
 *   client's own token, to tell it.
 *
 * A new request is a method of `DatabasePort`, which `Database` has under the same name, and one line in
 * `thread/remote-database.ts`.
 */

/** A value, or the promise of one. */
export type Awaitable<Value> = Value | Promise<Value>;

/** A database as the host's side reaches it. `Database` is one, `RemoteDatabase` stands for one in a worker. */
export interface DatabasePort {
  readonly identity: bigint;
  readonly owner: bigint;
  /** The definition of the module that runs. */
  readonly def: ModuleDef;
  /** Text of the module's bundle. */
  readonly program: string;
  /** Whether a call may write now, see `onceWritable`. Of a database in a worker always true: the worker itself waits. */
  readonly writable: boolean;
  /** Resolves when `writable` is true; rejects when it will not be true again. */
  whenWritable(): Promise<void>;
  callReducer(caller: Caller, name: string, args: Uint8Array): Awaitable<CallResult>;
  callProcedure(caller: Caller, name: string, args: Uint8Array): Awaitable<ProcedureResult>;
  /** Answers an HTTP request by the module's handler for it. */
  callHttpHandler(request: HandlerRequest): Awaitable<HandlerResult>;
  /** Runs SQL statements of the wider grammar. */
  sql(caller: Caller, text: string): Awaitable<SqlAnswer>;
  /** The module's definition in BSATN, as the module gave it. */
  describe(): Awaitable<Uint8Array>;
  /** @throws {StorageError} `storage/write-failed` when the record will never be durable. */
  whenDurable(offset: bigint): Promise<void>;
  /** How a program would take over the data as they are now. Changes nothing. */
  planExchange(program: string): Promise<ExchangePlan>;
  /** Gives the running database another program, as one durable transaction. */
  exchangeProgram(request: ExchangeRequest): Promise<ExchangeOutcome>;
  status(): Awaitable<DatabaseStatus>;
  /** Writes a snapshot now. */
  snapshot(): Promise<void>;
}

/** A client's session as its transport sees it. */
export interface ClientSession {
  readonly isClosed: boolean;
  /** Takes a payload of the client, whose bytes stay as they are from then on. Never throws. */
  receive(bytes: Uint8Array): void;
  /** The link has sent what it had: goes on with the client's messages where that was waited for. */
  resume(): void;
  /** The link is gone: what waits is lost. */
  linkClosed(): void;
  /** Ends the session after sending what may leave by now. */
  fail(code: number, reason: string): void;
  /** Logs something about this session; never with a token or a payload in it. */
  log(level: LogLevel, message: string, details?: Readonly<Record<string, unknown>>): void;
}

/** The way in for clients of one database. */
export interface ServedSessions {
  /**
   * Asks the module whether it lets a client in, once the database can write that down. After an acceptance either
   * `open` or `abandon` must follow. A live connection with the same id and identity is replaced.
   */
  admit(caller: Caller, jwtPayload: string): Promise<ConnectResult>;
  /** Gives up a client that was accepted and has no session. */
  abandon(caller: Caller): void;
  /** Starts the session of an accepted client. */
  open(link: ClientLink, options: SessionOptions): ClientSession;
  /** Ends sessions the orderly way: what they were promised becomes durable and is sent, then 1001. */
  finish(sessions: Iterable<ClientSession>): Promise<void>;
}

/** A database with the way in for its clients, wherever it runs. */
export interface ServedDatabase {
  readonly name: string;
  readonly registration: Registration;
  readonly database: DatabasePort;
  readonly sessions: ServedSessions;
  /** `hashProgram` of the bundle that runs, as 64 hex digits. */
  readonly programHash: string;
}

/** What the server and the in-process transport ask of a host. `Host` is the one implementation. */
export interface ServedHost {
  /** The data directory; undefined for a host in memory. */
  readonly dataDirectory: string | undefined;
  readonly tokens: TokenAuthority;
  readonly logger: Logger;
  /** Identity of the host's owner. */
  readonly owner: bigint;
  /** Looks a database up by its name or by its identity in hex (64 digits, `0x` allowed). */
  findDatabase(nameOrIdentity: string): ServedDatabase | undefined;
}
