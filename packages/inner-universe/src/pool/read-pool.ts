/*
 * Connections for large reads beside the one that everything else goes over. Invariants:
 * - at most `connections` are open or being opened; each has one read on its way;
 * - none is opened before it is needed, and one that was idle for `idleMs` is closed;
 * - all are of the identity of the main connection, and have passed the schema check;
 * - a read that gets none (they cannot be opened, too many wait, one was lost) goes over the main connection: the pool
 *   makes reads wait for one another, never fail.
 */
import type { Timers } from '@inner-universe/nerv';
import type { CallOptions, Connection, Connector } from '../connection/connection.ts';
import { ConnectionError } from '../errors.ts';
import type { Telemetry } from '../observability/telemetry.ts';

/** How many connections there may be, and for how long they are kept. */
export interface PoolOptions {
  /** Most connections beside the main one, 1 to 16. */
  readonly connections: number;
  /** How long one is kept that nobody uses, in milliseconds. Default 30,000. */
  readonly idleMs?: number | undefined;
}

/** What a pool is made of. */
export interface ReadPoolParts {
  readonly options: PoolOptions;
  readonly connector: Connector;
  /** Run on each new connection before it is used. */
  readonly prepare: (connection: Connection, call: CallOptions) => Promise<void>;
  /** Who its connections must be; undefined while that is not known. */
  readonly identity: () => string | undefined;
  readonly timers: Timers;
  readonly nowMs: () => number;
  readonly telemetry: Telemetry;
}

type Read<T> = (connection: Connection, call: CallOptions) => Promise<T>;

interface Waiter {
  readonly give: (connection: Connection | undefined) => void;
}

const IDLE_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** After a connection could not be opened, reads go over the main one for so long. */
const RETRY_AFTER_MS = 5_000;
/** Reads that may wait for a connection; further ones go over the main one. */
const WAITING_MAX = 1_000;

/** Connections for large reads. Order across them is given up: an answer may overtake another. */
export class ReadPool {
  readonly #parts: ReadPoolParts;
  readonly #open: Set<Connection> = new Set();
  /** Those nobody uses, the last used last, with what ends their wait to be closed. */
  readonly #idle: Map<Connection, () => void> = new Map();
  readonly #waiting: Waiter[] = [];
  readonly #stopObserving: () => void;
  readonly #closing: AbortController = new AbortController();
  #opening = 0;
  #retryAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: ReadPoolParts) {
    this.#parts = parts;
    this.#stopObserving = parts.telemetry.observe('pool.connections', () => this.#open.size);
  }

  /** Connections that are open now. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Reads over a connection of its own, or as `overMain` does where there is none to be had. A connection that is lost
   * meanwhile, or silent for longer than `call.timeoutMs`, is given up, and the read goes over the main one.
   * @throws the signal's reason; what the read throws
   */
  async read<T>(read: Read<T>, overMain: () => Promise<T>, call: CallOptions): Promise<T> {
    const { telemetry, nowMs } = this.#parts;
    const beganMs = nowMs();
    const connection = await this.#take(call.signal);
    telemetry.record('pool.wait_ms', nowMs() - beganMs);
    if (connection === undefined) return this.#readOverMain(overMain);
    try {
      const result = await read(connection, call);
      telemetry.count('pool.reads', 1, { way: 'pool' });
      return result;
    } catch (error) {
      if (!(error instanceof ConnectionError) || !UNANSWERED.has(error.code)) throw error;
      connection.abandon(error);
    } finally {
      this.#release(connection);
    }
    return this.#readOverMain(overMain);
  }

  /** Closes all connections; reads on their way and later ones go over the main one. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#stopObserving();
    for (const cancel of this.#idle.values()) cancel();
    this.#idle.clear();
    for (const { give } of this.#waiting.splice(0)) give(undefined);
    await Promise.all([...this.#open].map((connection) => connection.close()));
  }

  #readOverMain<T>(overMain: () => Promise<T>): Promise<T> {
    this.#parts.telemetry.count('pool.reads', 1, { way: 'main' });
    return overMain();
  }

  /** A connection for one read; undefined where it has to go over the main one. */
  async #take(signal: AbortSignal | undefined): Promise<Connection | undefined> {
    if (this.#closing.signal.aborted) return undefined;
    for (const [connection, cancel] of [...this.#idle].reverse()) {
      this.#idle.delete(connection);
      cancel();
      if (connection.isOpen) return connection;
    }
    if (this.#open.size + this.#opening < this.#parts.options.connections) return this.#tryOpen(signal);
    return this.#waiting.length < WAITING_MAX ? this.#wait(signal) : undefined;
  }

  #wait(signal: AbortSignal | undefined): Promise<Connection | undefined> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal?.reason as Error);
      };
      const waiter: Waiter = {
        give: (connection) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(connection);
        },
      };
      this.#waiting.push(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Opens one more; whom it is for may leave meanwhile, and it is kept for the next. */
  async #tryOpen(signal: AbortSignal | undefined): Promise<Connection | undefined> {
    if (this.#parts.nowMs() < this.#retryAtMs) return undefined;
    this.#opening += 1;
    try {
      const connection = await this.#connect();
      if (this.#closing.signal.aborted) {
        await connection.close();
        return undefined;
      }
      this.#open.add(connection);
      void connection.ended.then(() => this.#forget(connection));
      if (signal?.aborted !== true) return connection;
      this.#release(connection);
    } catch (error) {
      this.#retryAtMs = this.#parts.nowMs() + RETRY_AFTER_MS;
      const reason = error instanceof Error ? error.message : String(error);
      this.#parts.telemetry.log('warn', 'No connection for large reads could be opened.', { reason });
      // Who waits for one of these would wait in vain.
      if (this.#open.size === 0) for (const { give } of this.#waiting.splice(0)) give(undefined);
    } finally {
      this.#opening -= 1;
    }
    signal?.throwIfAborted();
    return undefined;
  }

  async #connect(): Promise<Connection> {
    const { connector, prepare, identity } = this.#parts;
    const call = { signal: this.#closing.signal, timeoutMs: CONNECT_TIMEOUT_MS };
    const connection = await connector.connect(call);
    try {
      if (connection.identity !== identity()) {
        throw new ConnectionError(
          'connection/identity-changed',
          `The token is another identity's (${connection.identity}) than that of the main connection.`,
          { details: { identity: connection.identity } },
        );
      }
      await prepare(connection, call);
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Hands a connection to who waits longest, or keeps it for a while. */
  #release(connection: Connection): void {
    if (!connection.isOpen) {
      this.#forget(connection);
      return;
    }
    if (this.#closing.signal.aborted) return;
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next.give(connection);
      return;
    }
    const { timers, options } = this.#parts;
    const onIdle = (): void => {
      this.#idle.delete(connection);
      void connection.close();
    };
    this.#idle.set(connection, timers.schedule(onIdle, options.idleMs ?? IDLE_MS));
  }

  #forget(connection: Connection): void {
    this.#idle.get(connection)?.();
    this.#idle.delete(connection);
    if (!this.#open.delete(connection)) return;
    // There is room for another now: who waits longest opens it, or goes over the main connection.
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#take(undefined).then(next.give, () => next.give(undefined));
  }
}

const UNANSWERED: ReadonlySet<string> = new Set(['connection/lost', 'connection/timeout', 'connection/closed']);
