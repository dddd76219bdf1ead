/*
 * Keeps one connection to a database alive. Invariants:
 * - at most one connection is open or being opened;
 * - a connection is handed out only after `prepare` (schema check, subscriptions) has succeeded on it;
 * - while it is lost, somebody is trying to get it back, until `close`, or until an answer that trying again cannot
 *   change; from then on each call tries once;
 * - nobody waits longer than `reconnectForMs` from the loss on, and one attempt after that;
 * - after `close` nothing is opened any more.
 */
import { ConnectionError } from '../errors.ts';
import type { CallOptions, Connection, Connector } from './connection.ts';

/** Where a link stands. `lost`: calls fail after one attempt each, while it goes on trying in the background. */
export type LinkState = 'connecting' | 'connected' | 'reconnecting' | 'lost' | 'closed';

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
  readonly onState?: ((state: LinkState) => void) | undefined;
  /** How long calls wait for a lost server, in milliseconds. Default 30,000. */
  readonly reconnectForMs?: number | undefined;
  /** How long one attempt may take, each of its steps. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
}

const RECONNECT_FOR_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 5_000;
/** Trying again cannot change these answers. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'connection/unauthorized',
  'connection/refused',
  'connection/no-such-database',
  'connection/schema-mismatch',
  'connection/closed',
]);

interface Waiter {
  resolve(connection: Connection): void;
  reject(error: unknown): void;
}

/** A connection that comes back after a loss, with exponential backoff and full jitter. */
export class Link implements AsyncDisposable {
  readonly #options: LinkOptions;
  readonly #closing = new AbortController();
  readonly #waiters = new Set<Waiter>();
  #state: LinkState = 'connecting';
  #connection: Connection | undefined;
  /** The loop that tries to get the connection back, while there is one. */
  #restoring: Promise<void> | undefined;
  /** Aborted to end the loop's pause early. */
  #pause = new AbortController();

  private constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Opens the first connection; what fails here is not tried again. */
  static async open(options: LinkOptions, call: CallOptions = {}): Promise<Link> {
    const link = new Link(options);
    try {
      await link.#attempt(call);
    } catch (error) {
      await link.close();
      throw error;
    }
    return link;
  }

  get state(): LinkState {
    return this.#state;
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
      if (this.#state === 'lost') this.#pause.abort();
      this.#startRestoring();
    });
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(makeClosed());
    this.#pause.abort();
    this.#setState('closed');
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
      await this.#options.prepare(connection, step);
      call.signal?.throwIfAborted();
    } catch (error) {
      await connection.close();
      throw error;
    }
    this.#connection = connection;
    this.#setState('connected');
    void connection.ended.then(() => this.#onEnded(connection));
  }

  #onEnded(connection: Connection): void {
    if (this.#connection !== connection || this.#closing.signal.aborted) return;
    this.#connection = undefined;
    this.#startRestoring();
  }

  #startRestoring(): void {
    this.#connection?.abandon(new Error('The connection was failing.'));
    this.#restoring ??= this.#restore().finally(() => {
      this.#restoring = undefined;
      if (this.#closing.signal.aborted || this.#connection?.isOpen === true) return;
      // The connection ended again while the loop was ending, or a call came too late for its last attempt.
      if (this.#state === 'connected' || this.#waiters.size > 0) this.#startRestoring();
    });
  }

  async #restore(): Promise<void> {
    const { waiting, reconnectForMs = RECONNECT_FOR_MS } = this.#options;
    // After an answer that was final, a call that tries again gets one attempt.
    const deadlineMs = this.#state === 'lost' ? waiting.nowMs() : waiting.nowMs() + reconnectForMs;
    if (this.#state !== 'lost') this.#setState('reconnecting');
    for (let attempt = 0; !this.#closing.signal.aborted; attempt += 1) {
      try {
        await this.#attempt({ signal: this.#closing.signal });
        this.#resolveWaiters();
        return;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        const isFinal = error instanceof ConnectionError && FINAL_CODES.has(error.code);
        if (isFinal || waiting.nowMs() >= deadlineMs) {
          this.#setState('lost');
          this.#rejectWaiters(error);
        }
        if (isFinal) return;
      }
      await this.#backOff(attempt);
    }
  }

  async #backOff(attempt: number): Promise<void> {
    const { waiting } = this.#options;
    const ceilingMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attempt, 10));
    this.#pause = new AbortController();
    if (this.#closing.signal.aborted) return;
    await waiting.sleep(BACKOFF_MS_MIN + waiting.random() * ceilingMs, this.#pause.signal);
  }

  #resolveWaiters(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    for (const waiter of [...this.#waiters]) waiter.resolve(connection);
  }

  #rejectWaiters(error: unknown): void {
    for (const waiter of [...this.#waiters]) waiter.reject(error);
  }

  #setState(state: LinkState): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.#options.onState?.(state);
  }
}

function makeClosed(): ConnectionError {
  return new ConnectionError('connection/closed', 'The universe was closed here. Open it again to use it.');
}
