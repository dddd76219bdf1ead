/*
 * Keeps one connection to a database alive. Invariants:
 * - at most one connection is open or being opened;
 * - a connection is handed out only after `prepare` (schema check, subscriptions) has succeeded on it;
 * - all its connections are of one identity;
 * - while it is lost, somebody is trying to get it back, until `close`, or until an answer that trying again cannot
 *   change; from then on each call tries once;
 * - who was let in before and is turned away is tried again: a server that starts, or a socket cut before its first
 *   message, looks the same. After `REFUSALS_MAX` such answers in a row it is taken at its word;
 * - nobody waits longer than `reconnectForMs` from the loss on, and one attempt after that;
 * - after `close` nothing is opened any more.
 */
import type { Clock } from '@inner-universe/nerv';
import { ConnectionError } from '../errors.ts';
import { SILENT_TELEMETRY, type Telemetry } from '../observability/telemetry.ts';
import type { CallOptions, Connection, Connector } from './connection.ts';
import type { LinkState, LinkStatus } from './link-status.ts';
import { Watched, type Watchable } from './watched.ts';

/** What waiting needs: injected, so that tests move time. */
export interface Waiting {
  /** Resolves after that many milliseconds, or when the signal aborts. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
  /** A number in [0, 1). */
  random(): number;
  nowMs(): number;
}

export interface LinkOptions {
  readonly connector: Connector;
  readonly waiting: Waiting;
  /** Run on each new connection before anybody gets it; when it throws, the connection is closed again. */
  readonly prepare: (connection: Connection, call: CallOptions) => Promise<void>;
  /** Tells when states began. */
  readonly clock: Clock;
  /** Told what listeners of the status throw. */
  readonly onError: (error: unknown) => void;
  readonly telemetry?: Telemetry | undefined;
  /** Who was connected by an earlier process, if that is known: nobody else is let in. */
  readonly identity?: string | undefined;
  /** True: a first attempt that may succeed later does not fail `open`; it goes on trying. Default false. */
  readonly mayStartLost?: boolean | undefined;
  /** How long calls wait for a lost server, in milliseconds. Default 30,000. */
  readonly reconnectForMs?: number | undefined;
  /** How long one attempt may take, each of its steps. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
}

const RECONNECT_FOR_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 5_000;
/** So often in a row is somebody turned away who had been let in before, until that is believed: some 15 seconds. */
const REFUSALS_MAX = 12;
/** Trying again cannot change these answers. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'connection/unauthorized',
  'connection/refused',
  'connection/no-such-database',
  'connection/schema-mismatch',
  'connection/identity-changed',
  'connection/untrusted',
  'connection/closed',
]);
/** Of these, what a server also says that is starting. */
const STARTING_CODES: ReadonlySet<string> = new Set(['connection/refused', 'connection/no-such-database']);

interface Waiter {
  resolve(connection: Connection): void;
  reject(error: unknown): void;
}

/** A connection that comes back after a loss, with exponential backoff and full jitter. */
export class Link implements AsyncDisposable {
  readonly #options: LinkOptions;
  readonly #closing = new AbortController();
  readonly #waiters = new Set<Waiter>();
  readonly #status: Watched<LinkStatus>;
  readonly #telemetry: Telemetry;
  readonly #stopObserving: () => void;
  #identity: string | undefined;
  /** Times in a row that somebody was turned away who had been let in before. */
  #refusals = 0;
  #connection: Connection | undefined;
  /** The loop that tries to get the connection back, while there is one. */
  #restoring: Promise<void> | undefined;
  /** The connection that is given up for a better one. */
  #renewed: Connection | undefined;
  /** Aborted to end the loop's pause early. */
  #pause = new AbortController();

  private constructor(options: LinkOptions) {
    this.#options = options;
    this.#identity = options.identity;
    const status = { state: 'connecting' as const, target: options.connector.target, since: this.#now() };
    this.#status = new Watched<LinkStatus>(
      Object.freeze({ ...status, lastError: undefined, failedAttempts: 0, nextAttemptAt: undefined }),
      options.onError,
    );
    this.#telemetry = options.telemetry ?? SILENT_TELEMETRY;
    this.#stopObserving = this.#telemetry.observe('connection.status', () => (this.state === 'connected' ? 1 : 0));
  }

  /** Opens the first connection; what fails here is not tried again, unless `mayStartLost` allows it. */
  static async open(options: LinkOptions, call: CallOptions = {}): Promise<Link> {
    const link = new Link(options);
    try {
      await link.#attempt(call);
    } catch (error) {
      const mayGoOn = options.mayStartLost === true && call.signal?.aborted !== true && !link.#isFinal(error);
      if (!mayGoOn) {
        await link.close();
        throw error;
      }
      link.#noteFailure(error);
      link.#startRestoring();
    }
    return link;
  }

  get state(): LinkState {
    return this.#status.getSnapshot().state;
  }

  /** Where it stands, to be watched. */
  get status(): Watchable<LinkStatus> {
    return this.#status;
  }

  /** Who all its connections are; undefined before the first. */
  get identity(): string | undefined {
    return this.#identity;
  }

  /** As `connection`, and does not sit out the pause before the next attempt: for who knows that the way is free. */
  reconnect(signal?: AbortSignal): Promise<Connection> {
    this.#pause.abort();
    return this.connection(signal);
  }

  /**
   * The open connection; waits while it is being restored.
   * @throws {ConnectionError} `connection/closed`, or the last attempt's error; the signal's reason
   */
  connection(signal?: AbortSignal): Promise<Connection> {
    if (this.#closing.signal.aborted) return Promise.reject(makeClosed());
    if (this.#connection?.isOpen === true) return Promise.resolve(this.#connection);
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => waiter.reject(signal?.reason);
      const settle = (finish: () => void): void => {
        if (!this.#waiters.delete(waiter)) return;
        signal?.removeEventListener('abort', onAbort);
        finish();
      };
      const waiter: Waiter = {
        resolve: (connection) => settle(() => resolve(connection)),
        reject: (error) => settle(() => reject(error)),
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (this.state === 'lost') this.#pause.abort();
      this.#startRestoring();
    });
  }

  /**
   * Has a connection made anew that is still good, for who has a better token for the next one. Calls that are on their
   * way are in doubt, as when it is lost. Does nothing for one that is not the open one.
   */
  renew(connection: Connection): void {
    if (this.#connection !== connection || this.#closing.signal.aborted) return;
    this.#renewed = connection;
    connection.abandon(new Error('The connection is made anew with a fresh token.'));
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(makeClosed());
    this.#pause.abort();
    this.#stopObserving();
    this.#change('closed', { lastError: undefined });
    this.#rejectWaiters(makeClosed());
    await this.#restoring;
    await this.#connection?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #attempt(call: CallOptions): Promise<void> {
    const timeoutMs = this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const step: CallOptions = { signal: call.signal, timeoutMs: call.timeoutMs ?? timeoutMs };
    const connection = await this.#options.connector.connect(step);
    try {
      call.signal?.throwIfAborted();
      this.#assertIdentity(connection);
      await this.#options.prepare(connection, step);
      call.signal?.throwIfAborted();
    } catch (error) {
      await connection.close();
      throw error;
    }
    this.#connection = connection;
    this.#identity = connection.identity;
    this.#refusals = 0;
    this.#change('connected', { lastError: undefined, failedAttempts: 0 });
    void connection.ended.then((end) => this.#onEnded(connection, end.cause));
  }

  #onEnded(connection: Connection, cause: Error | undefined): void {
    if (this.#connection !== connection || this.#closing.signal.aborted) return;
    this.#connection = undefined;
    const facts = { target: this.#options.connector.target, reason: cause?.message };
    if (this.#renewed === connection) {
      this.#telemetry.log('info', 'The connection is made anew.', facts);
      this.#change('reconnecting', { lastError: undefined });
    } else {
      this.#telemetry.count('connection.losses');
      this.#telemetry.log('warn', 'The connection was lost.', facts);
      this.#change('reconnecting', { lastError: cause ?? makeLost() });
    }
    this.#renewed = undefined;
    this.#startRestoring();
  }

  /** A new token may be somebody else's; what waits here is this one's. */
  #assertIdentity({ identity }: Connection): void {
    if (this.#identity === undefined || identity === this.#identity) return;
    throw new ConnectionError(
      'connection/identity-changed',
      `The token is another identity's now (${identity}, before ${this.#identity}), and what was opened as one is not ` +
        'continued as the other. Give a token of the same identity, or open another universe for the new one.',
      { details: { identity, before: this.#identity } },
    );
  }

  #startRestoring(): void {
    this.#connection?.abandon(new Error('The connection was failing.'));
    this.#restoring ??= this.#restore().finally(() => {
      this.#restoring = undefined;
      if (this.#closing.signal.aborted || this.#connection?.isOpen === true) return;
      // The connection ended again while the loop was ending, or a call came too late for its last attempt.
      if (this.state === 'connected' || this.state === 'reconnecting' || this.#waiters.size > 0) this.#startRestoring();
    });
  }

  async #restore(): Promise<void> {
    const { waiting, reconnectForMs = RECONNECT_FOR_MS } = this.#options;
    // After an answer that was final, a call that tries again gets one attempt.
    const deadlineMs = this.state === 'lost' ? waiting.nowMs() : waiting.nowMs() + reconnectForMs;
    if (this.state !== 'lost') this.#change('reconnecting');
    for (let attempt = 0; !this.#closing.signal.aborted; attempt += 1) {
      try {
        await this.#attempt({ signal: this.#closing.signal });
        this.#telemetry.count('connection.reconnects');
        this.#resolveWaiters();
        return;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        const isFinal = this.#isFinal(error);
        this.#noteFailure(error);
        if (isFinal || waiting.nowMs() >= deadlineMs) {
          this.#change('lost');
          this.#rejectWaiters(error);
        }
        if (isFinal) return;
      }
      await this.#backOff(attempt);
    }
  }

  /** Whether trying again could not change an answer. Counts how often in a row one was turned away. */
  #isFinal(error: unknown): boolean {
    if (!(error instanceof ConnectionError) || !FINAL_CODES.has(error.code)) {
      this.#refusals = 0;
      return false;
    }
    if (this.#identity === undefined || !STARTING_CODES.has(error.code)) return true;
    this.#refusals += 1;
    return this.#refusals >= REFUSALS_MAX;
  }

  #noteFailure(error: unknown): void {
    const lastError = error instanceof Error ? error : new Error(String(error));
    const code = error instanceof ConnectionError ? error.code : 'other';
    this.#telemetry.count('connection.attempts_failed', 1, { code });
    this.#change(this.state, { lastError, failedAttempts: this.#status.getSnapshot().failedAttempts + 1 });
  }

  async #backOff(attempt: number): Promise<void> {
    const { waiting } = this.#options;
    const ceilingMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attempt, 10));
    this.#pause = new AbortController();
    if (this.#closing.signal.aborted) return;
    const delayMs = BACKOFF_MS_MIN + waiting.random() * ceilingMs;
    this.#change(this.state, { nextAttemptAt: this.#now(delayMs) });
    await waiting.sleep(delayMs, this.#pause.signal);
    this.#change(this.state);
  }

  #resolveWaiters(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    for (const waiter of [...this.#waiters]) waiter.resolve(connection);
  }

  #rejectWaiters(error: unknown): void {
    for (const waiter of [...this.#waiters]) waiter.reject(error);
  }

  /** Goes over to a state; `nextAttemptAt` is forgotten unless it is given. Closed is for ever. */
  #change(state: LinkState, facts: Partial<LinkStatus> = {}): void {
    const before = this.#status.getSnapshot();
    if (before.state === 'closed') return;
    const since = state === before.state ? before.since : this.#now();
    const now = { ...before, nextAttemptAt: undefined, ...facts, state, since };
    const keys = ['state', 'lastError', 'failedAttempts', 'nextAttemptAt'] as const;
    if (keys.some((key) => now[key] !== before[key])) this.#status.set(Object.freeze(now));
  }

  #now(offsetMs = 0): Date {
    return new Date(Number(this.#options.clock.nowMicros() / 1000n) + offsetMs);
  }
}

function makeClosed(): ConnectionError {
  return new ConnectionError('connection/closed', 'The universe was closed here. Open it again to use it.');
}

function makeLost(): ConnectionError {
  return new ConnectionError('connection/lost', 'The other side ended the connection.', { retryable: true });
}
