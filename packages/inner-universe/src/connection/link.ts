/*
 * Keeps one connection to a database alive. Invariants:
 * - at most one connection is open or being opened;
 * - a connection is handed out only after `prepare` (schema check, subscriptions) has succeeded on it;
 * - after `close` nothing is opened any more.
 */
import { ConnectionError } from '../errors.ts';
import type { CallOptions, Connection, Connector } from './connection.ts';

/** Where a link stands. `lost` means that it gave up for now: the next call tries again. */
export type LinkState = 'connecting' | 'connected' | 'reconnecting' | 'lost' | 'closed';

/** What waiting needs: injected, so that tests move time. */
export interface Waiting {
  /** Resolves after that many milliseconds, or rejects when the signal aborts. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
  /** A number in [0, 1). */
  random(): number;
  nowMs(): number;
}

export interface LinkOptions {
  readonly connector: Connector;
  readonly waiting: Waiting;
  /** Run on each new connection before anybody gets it; when it throws, the connection is closed again. */
  readonly prepare: (connection: Connection) => Promise<void>;
  readonly onState?: ((state: LinkState) => void) | undefined;
  /** How long to try to get back to a lost server before calls fail, in milliseconds. Default 30,000. */
  readonly reconnectForMs?: number | undefined;
  /** How long one attempt may take. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
}

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

/** A connection that comes back after a loss, with exponential backoff and full jitter. */
export class Link implements AsyncDisposable {
  readonly #options: LinkOptions;
  readonly #closing = new AbortController();
  #state: LinkState = 'connecting';
  #current: Promise<Connection> | undefined;

  private constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Opens the first connection; what fails here is not tried again. */
  static async open(options: LinkOptions, call: CallOptions = {}): Promise<Link> {
    const link = new Link(options);
    link.#current = link.#attempt(call);
    try {
      await link.#current;
    } catch (error) {
      await link.close();
      throw error;
    }
    return link;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The open connection; waits while it is being restored. */
  connection(): Promise<Connection> {
    if (this.#closing.signal.aborted) return Promise.reject(makeClosed());
    this.#current ??= this.#restore();
    return this.#current;
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(makeClosed());
    const current = this.#current;
    this.#setState('closed');
    // A connection that never came, or that failed, needs no closing.
    const connection = await current?.catch(() => undefined);
    await connection?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #attempt(call: CallOptions): Promise<Connection> {
    const timeoutMs = call.timeoutMs ?? this.#options.connectTimeoutMs ?? 10_000;
    const connection = await this.#options.connector.connect({ ...call, timeoutMs });
    try {
      this.#closing.signal.throwIfAborted();
      await this.#options.prepare(connection);
      this.#closing.signal.throwIfAborted();
    } catch (error) {
      await connection.close();
      throw error;
    }
    this.#setState('connected');
    void connection.ended.then(() => this.#onEnded());
    return connection;
  }

  #onEnded(): void {
    if (this.#closing.signal.aborted) return;
    this.#setState('reconnecting');
    this.#current = this.#restore();
    // Those who wait get the error; when nobody does, the state tells.
    this.#current.catch(() => undefined);
  }

  async #restore(): Promise<Connection> {
    const { waiting } = this.#options;
    const deadline = waiting.nowMs() + (this.#options.reconnectForMs ?? 30_000);
    this.#setState('reconnecting');
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#attempt({ signal: this.#closing.signal });
      } catch (error) {
        const final = error instanceof ConnectionError && FINAL_CODES.has(error.code);
        if (this.#closing.signal.aborted) throw makeClosed();
        if (final || waiting.nowMs() >= deadline) {
          this.#current = undefined;
          this.#setState('lost');
          throw error;
        }
        const ceiling = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** attempt);
        await waiting.sleep(BACKOFF_MS_MIN + waiting.random() * ceiling, this.#closing.signal);
      }
    }
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
