import { assert } from '../assert.ts';
import type { Clock, Logger, LogLevel, Timers } from '../clock/clock.ts';
import { makeStopwatch, type Stopwatch } from '../clock/stopwatch.ts';
import type { Caller, Commit, ConnectResult, ProcedureResult } from '../database/calls.ts';
import { errorMessage, type HostError } from '../errors.ts';
import type { ClientPayload } from '../protocol/payload.ts';
import { DatabaseMetrics } from '../metrics/database-metrics.ts';
import type { QueryMetrics } from '../metrics/query-metrics.ts';
import type { SessionMetrics } from '../metrics/session-metrics.ts';
import type { QuerySetUpdate } from '../subscriptions/shared-results.ts';
import type { SubscriptionManager } from '../subscriptions/subscription-manager.ts';
import { connectionIdToHex } from '../identity/identity.ts';
import type { CallCover } from '../module/realm/call-cover.ts';
import { encodeReducerInternalError } from '../protocol/server-message.ts';
import type { ClientLink } from './client-link.ts';
import { CLOSE_CODES, STORAGE_FAILED_REASON } from './close-codes.ts';
import { answerMessage, type MessageTarget, type OwnCallResult } from './handle-message.ts';
import type { SessionDatabase } from './session-database.ts';
import { DEFAULT_SESSION_LIMITS, type SessionLimits } from './session-limits.ts';
import type { ClientSession, ServedSessions } from './served-host.ts';
import { Session, type SessionHost, type SessionOptions } from './session.ts';
import { UpdateMessages } from './update-messages.ts';

/*
 * All clients of one database. What holds:
 *
 * - A commit is computed for every client inside the commit, so all see commits in commit order, each commit in at
 *   most one message, and a snapshot (Subscribe) falls between two commits.
 * - What a reducer call changed for its own connection goes into its result and nowhere else.
 * - Once the storage failed, what can be read is durable and nobody waits; who waited for more is ended.
 * - `database.disconnect` runs once for each accepted client, never inside a commit.
 */

/** What a hub is made of. */
export interface SessionHubOptions {
  /** Name of the database, for logs. */
  readonly name: string;
  readonly database: SessionDatabase;
  readonly subscriptions: SubscriptionManager;
  readonly clock: Clock;
  /** `soon` must be that of the event loop: messages leave through it. */
  readonly timers: Pick<Timers, 'soon'>;
  readonly logger: Logger;
  readonly limits?: Partial<SessionLimits> | undefined;
  /** Where it is counted what clients and queries do. Default: counts of its own. */
  readonly metrics?: DatabaseMetrics | undefined;
  /** Watches turns of calls; absent: each call is watched by itself, if at all. */
  readonly cover?: CallCover | undefined;
}

const NO_UPDATES: readonly QuerySetUpdate[] = [];

/** As whom a query is planned for the log: as one who sees every table. */
const PLANNING = { identity: 0n, isOwner: true };

/** Connects clients to one database. To be closed before the database is. */
export class SessionHub implements SessionHost, MessageTarget, ServedSessions {
  readonly name: string;
  readonly clock: Clock;
  readonly nowMs: Stopwatch;
  readonly logger: Logger;
  readonly limits: SessionLimits;
  readonly metrics: SessionMetrics;
  #subscriptions: SubscriptionManager;
  readonly #queries: QueryMetrics;
  readonly #planOf = (sql: string): string => this.#subscriptions.explain(sql, PLANNING);
  readonly #database: SessionDatabase;
  readonly #timers: Pick<Timers, 'soon'>;
  readonly #cover: CallCover | undefined;
  readonly #stopListening: () => void;
  /** Clients with a connection, by connection id. */
  readonly #sessions = new Map<bigint, Session>();
  /** Clients that were let in and have no connection yet, by connection id. */
  readonly #accepted = new Map<bigint, Caller>();
  readonly #toFlush = new Set<Session>();
  /** Sessions whose messages wait for their turn, where calls are covered. */
  #toProcess: Session[] = [];
  /** The call that runs under the cover. */
  #covered: { readonly session: Session; readonly requestId: number } | undefined;
  readonly #waiting = new Set<Session>();
  #goneCallers: Caller[] = [];
  #ownCall: { readonly session: Session; updates: readonly QuerySetUpdate[] } | undefined;
  #lastOffset: bigint | undefined;
  #isAwaitingDurable = false;
  #writing: 'free' | 'held' | 'failed' = 'free';
  #isClosed = false;

  constructor(options: SessionHubOptions) {
    this.name = options.name;
    this.clock = options.clock;
    this.nowMs = makeStopwatch(options.clock);
    this.logger = options.logger;
    this.limits = { ...DEFAULT_SESSION_LIMITS, ...options.limits };
    const { sessions, queries } = options.metrics ?? new DatabaseMetrics({ clock: options.clock });
    this.metrics = sessions;
    this.#queries = queries;
    this.#subscriptions = options.subscriptions;
    this.#database = options.database;
    this.#timers = options.timers;
    this.#cover = options.cover;
    // What was written while the database opened may not be durable yet, and can be read.
    const { nextOffset } = options.database.status();
    this.#lastOffset = nextOffset === 0n ? undefined : nextOffset - 1n;
    this.#stopListening = options.database.onCommit((commit) => this.#fanOut(commit));
  }

  /** Of the program that runs now: to be asked for anew after an exchange. */
  get subscriptions(): SubscriptionManager {
    return this.#subscriptions;
  }

  /** The clients that are connected. */
  get clients(): Iterable<Session> {
    return this.#sessions.values();
  }

  /** Number of connected clients. */
  get size(): number {
    return this.#sessions.size;
  }

  get lastOffset(): bigint | undefined {
    return this.#database.failure === undefined ? this.#lastOffset : undefined;
  }

  get durableOffset(): bigint {
    return this.#database.durableOffset;
  }

  get isHeld(): boolean {
    if (this.#writing === 'free' && !this.#database.writable) this.#awaitWritable();
    return this.#writing === 'held';
  }

  get messageBytesMax(): number {
    return this.limits.messageBytesMax;
  }

  get coversCalls(): boolean {
    return this.#cover !== undefined && this.#database.isCoverable === true;
  }

  isOwner(identity: bigint): boolean {
    return identity !== 0n && identity === this.#database.owner;
  }

  /** The client that uses this connection id at the moment. */
  tryFind(connectionId: bigint): Session | undefined {
    return this.#sessions.get(connectionId);
  }

  async admit(caller: Caller, jwtPayload: string): Promise<ConnectResult> {
    await this.#whenAnswerable();
    return this.connect(caller, jwtPayload);
  }

  /**
   * Asks the module whether it lets a client in. After an acceptance either `open` or `abandon` must follow. A live
   * connection with the same id and identity is replaced.
   */
  connect(caller: Caller, jwtPayload: string): ConnectResult {
    const result = this.#connect(caller, jwtPayload);
    if (result.type === 'accepted') this.metrics.admitted += 1;
    else this.metrics.rejected += 1;
    return result;
  }

  #connect(caller: Caller, jwtPayload: string): ConnectResult {
    if (this.#isClosed) return { type: 'rejected', message: 'the host is shutting down' };
    if (this.#accepted.has(caller.connectionId)) return { type: 'rejected', message: 'the connection id is in use' };
    const older = this.#sessions.get(caller.connectionId);
    if (older !== undefined && older.caller.identity !== caller.identity) {
      return { type: 'rejected', message: `the connection id ${connectionIdToHex(caller.connectionId)} is in use` };
    }
    if (older !== undefined) {
      older.fail(CLOSE_CODES.goingAway, 'replaced by a newer connection');
      this.#runDisconnects();
    }
    const result = this.#database.connect(caller, jwtPayload);
    if (result.type === 'accepted') {
      this.#accepted.set(caller.connectionId, caller);
      this.#noteOffset(result.offset);
    }
    return result;
  }

  /** Gives up a client that was accepted and has no connection. */
  abandon(caller: Caller): void {
    if (!this.#accepted.delete(caller.connectionId)) return;
    // At once: transports give up outside of calls, and what is asked next shall find the client gone.
    this.#goneCallers.push(caller);
    this.#runDisconnects();
  }

  /** Starts the session of an accepted client. */
  open(link: ClientLink, options: SessionOptions): Session {
    const session = new Session(this, link, options);
    if (this.#accepted.delete(options.caller.connectionId)) this.#sessions.set(options.caller.connectionId, session);
    // The hub was closed since the client was let in, and has signed it off.
    else session.fail(CLOSE_CODES.goingAway, 'module exited');
    return session;
  }

  /**
   * Ends sessions the orderly way: takes nothing more from them, waits until what they were promised is durable, sends
   * it and closes with 1001.
   */
  async finish(sessions: Iterable<ClientSession>): Promise<void> {
    const ending = [...sessions].filter((session) => session instanceof Session).filter(({ isClosed }) => !isClosed);
    for (const session of ending) session.stopReceiving();
    await this.#awaitDurable(ending);
    for (const session of ending) session.fail(CLOSE_CODES.goingAway, 'module exited');
    this.#runDisconnects();
  }

  /** Ends every session and lets nobody in any more. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const caller of this.#accepted.values()) this.abandon(caller);
    await this.finish(this.#sessions.values());
    this.#stopListening();
  }

  /**
   * Prepares to serve clients from another program. Nothing changes until the returned function is called, which is in
   * one turn with the exchange. Ends every client, or those alone whose queries cannot be asked any more.
   * @throws {ViewError} when a view that clients use fails
   */
  prepareExchange(subscriptions: SubscriptionManager, endsClients: boolean): () => void {
    if (endsClients) return () => this.#endAll(subscriptions);
    const updates = subscriptions.takeOverFrom(this.#subscriptions, (client) => asSession(client).visibility);
    const failed = subscriptions.takeFailedClients();
    const clients = [...this.#sessions.values()];
    return () => {
      this.#subscriptions = subscriptions;
      for (const session of clients) if (session.isClosed) subscriptions.removeClient(session);
      for (const [client, message] of failed) this.#failClient(client, message);
      const messages = new UpdateMessages();
      for (const [client, own] of updates) asSession(client).send(messages.of(own));
    };
  }

  callReducer(session: Session, name: string, args: Uint8Array): OwnCallResult {
    assert(this.#ownCall === undefined, 'reducer calls do not nest');
    const call = { session, updates: NO_UPDATES };
    this.#ownCall = call;
    try {
      const result = this.#database.callReducer(session.caller, name, args);
      this.#noteOffset(result.offset);
      return { result, updates: call.updates };
    } finally {
      this.#ownCall = undefined;
    }
  }

  callProcedure(session: Session, name: string, args: Uint8Array): ProcedureResult {
    const result = this.#database.callProcedure(session.caller, name, args);
    this.#noteOffset(result.offset);
    return result;
  }

  handle(session: Session, payload: ClientPayload): void {
    const message = payload.next();
    this.metrics.requests[session.version] += 1;
    if (this.#cover?.isOn === true) this.#covered = { session, requestId: message.requestId };
    session.send(answerMessage(this, session, message));
  }

  scheduleFlush(session: Session): void {
    if (this.#toFlush.size === 0) this.#timers.soon(() => this.#flush());
    this.#toFlush.add(session);
  }

  scheduleInbox(session: Session): void {
    if (!this.coversCalls) {
      this.#timers.soon(() => session.processInbox());
      return;
    }
    if (this.#toProcess.length === 0) this.#timers.soon(() => this.#processAll());
    this.#toProcess.push(session);
  }

  remove(session: Session): void {
    const { connectionId } = session.caller;
    if (this.#sessions.get(connectionId) !== session) return;
    this.#sessions.delete(connectionId);
    this.#waiting.delete(session);
    this.subscriptions.removeClient(session);
    this.#signOff(session.caller);
  }

  /** Gives every session that waits its turn; those that it did not get to are first next time. */
  #processAll(): void {
    const sessions = this.#toProcess;
    this.#toProcess = [];
    let next = 0;
    // Another program may have taken over meanwhile.
    const cover = this.coversCalls ? this.#cover : undefined;
    const cut = cover?.run((goesOn) => {
      while (next < sessions.length && goesOn()) {
        sessions[next]?.processCalls(goesOn);
        next += 1;
      }
    });
    if (cut !== undefined) this.#endCutCall(cut);
    for (const session of [...sessions.slice(next), ...sessions.slice(0, next)]) session.processInbox();
  }

  /** What was on the stack is gone without a `finally`: takes its place. */
  #endCutCall(error: HostError): void {
    const call = this.#covered;
    const result = this.#database.endCutCall?.(error);
    this.#ownCall = undefined;
    assert(call !== undefined && result !== undefined, 'a call was cut off');
    call.session.answerCut(encodeReducerInternalError(call.requestId, result.timestampMicros, error.message));
  }

  /** To come is written down: who comes while the storage is behind waits. Nobody waits for one that failed. */
  async #whenAnswerable(): Promise<void> {
    const database = this.#database;
    if (database.writable || database.failure !== undefined) return;
    try {
      await database.whenWritable();
    } catch {
      // It failed for good, or is closed: the database answers accordingly, and lets in who only reads.
    }
  }

  #signOff(caller: Caller): void {
    // Not at once: it is a transaction, and this may be inside another one's commit.
    if (this.#goneCallers.length === 0) this.#timers.soon(() => this.#runDisconnects());
    this.#goneCallers.push(caller);
  }

  #fanOut(commit: Commit): void {
    this.#noteOffset(commit.offset);
    if (commit.deltas.length === 0 || this.#sessions.size === 0) return;
    const startMs = this.#queries.nowMs();
    try {
      const messages = new UpdateMessages();
      for (const [client, updates] of this.subscriptions.evaluate(commit.deltas)) {
        const session = asSession(client);
        if (commit.kind === 'reducer' && this.#ownCall?.session === session) this.#ownCall.updates = updates;
        else session.send(messages.of(updates));
      }
      for (const [client, message] of this.subscriptions.takeFailedClients()) this.#failClient(client, message);
    } catch (error) {
      // The commit stands. Clients that may have missed it must start anew, or they would show wrong rows for ever.
      this.#log('error', `updates of a commit could not be computed: ${errorMessage(error)}`, { error });
      for (const session of this.#sessions.values()) {
        session.fail(CLOSE_CODES.error, 'internal error of the host');
      }
    }
    this.#queries.commitTold(startMs, this.#planOf);
  }

  /** Ends a client whose queries grew over the limit: it missed a commit. */
  #failClient(client: object, message: string): void {
    asSession(client).fail(CLOSE_CODES.error, message);
  }

  /** The program is another, and with it the rows that clients hold: they come again with new bindings. */
  #endAll(subscriptions: SubscriptionManager): void {
    for (const session of this.#sessions.values()) session.fail(CLOSE_CODES.goingAway, 'module exited');
    for (const caller of this.#accepted.values()) this.abandon(caller);
    this.#subscriptions = subscriptions;
  }

  #noteOffset(offset: bigint | undefined): void {
    if (offset !== undefined && (this.#lastOffset === undefined || offset > this.#lastOffset))
      this.#lastOffset = offset;
  }

  #flush(): void {
    const sessions = [...this.#toFlush];
    this.#toFlush.clear();
    for (const session of sessions) this.#flushOne(session);
    this.#watchDurability();
  }

  #flushOne(session: Session): void {
    session.flush();
    if (session.isWaiting && !session.isClosed) this.#waiting.add(session);
    else this.#waiting.delete(session);
  }

  #watchDurability(): void {
    if (this.#isAwaitingDurable || this.#waiting.size === 0 || this.#lastOffset === undefined) return;
    this.#isAwaitingDurable = true;
    this.#whenDurable(this.#lastOffset).then(
      () => {
        this.#isAwaitingDurable = false;
        for (const session of this.#waiting) this.#flushOne(session);
        this.#watchDurability();
      },
      (error: unknown) => {
        this.#isAwaitingDurable = false;
        this.#storageFailed(error);
      },
    );
  }

  #awaitWritable(): void {
    this.#writing = 'held';
    this.#database.whenWritable().then(
      () => this.#resumeAll('free'),
      // It failed for good. Calls go on to the database, which answers each with the reason.
      () => this.#resumeAll('failed'),
    );
  }

  #resumeAll(writing: 'free' | 'failed'): void {
    this.#writing = writing;
    for (const session of this.#sessions.values()) session.resume();
  }

  /** Whatever goes wrong is a rejection: nobody would catch what is thrown in a turn of its own. */
  async #whenDurable(offset: bigint): Promise<void> {
    await this.#database.whenDurable(offset);
  }

  #storageFailed(error: unknown): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    const { failure } = this.#database;
    // A failure that the database knows of it has logged, with the reason.
    if (failure === undefined) this.#log('error', `results cannot be made durable: ${errorMessage(error)}`, { error });
    for (const session of waiting) {
      if (failure === undefined) session.fail(CLOSE_CODES.error, STORAGE_FAILED_REASON);
      else session.endUndurable(STORAGE_FAILED_REASON);
    }
    const ended = waiting.filter((session) => session.isClosed).length;
    if (ended > 0) this.#log('warn', `${ended} clients were ended that waited for what will not be durable`, { ended });
  }

  async #awaitDurable(sessions: readonly Session[]): Promise<void> {
    const offsets = sessions.map((session) => session.pendingOffset).filter((offset) => offset !== undefined);
    const newest = offsets.reduce((left, right) => (left > right ? left : right), -1n);
    if (newest < 0n) return;
    try {
      await this.#whenDurable(newest);
    } catch (error) {
      this.#storageFailed(error);
    }
  }

  #runDisconnects(): void {
    const callers = this.#goneCallers;
    this.#goneCallers = [];
    for (const caller of callers) {
      try {
        this.#database.disconnect(caller);
      } catch (error) {
        this.#log('error', `a client could not be signed off: ${errorMessage(error)}`, { error });
      }
    }
  }

  #log(level: LogLevel, message: string, details: Readonly<Record<string, unknown>>): void {
    this.logger.log({
      level,
      message,
      timestampMicros: this.clock.nowMicros(),
      source: 'host',
      database: this.name,
      details,
    });
  }
}

function asSession(client: object): Session {
  assert(client instanceof Session, 'sessions are the clients of a hub and of its subscriptions');
  return client;
}
