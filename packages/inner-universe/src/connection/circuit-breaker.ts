/*
 * Fails calls fast while the other side does not answer. Invariants:
 * - it opens after `failures` calls in a row that had no answer; an answer, a refusal included, ends the row;
 * - while it is open no call goes out; after the pause one does, and decides: an answer closes it, none opens it again,
 *   with a pause twice as long, up to `pauseMsMax`;
 * - a call that its caller called off says nothing about the other side.
 */
import { ConnectionError } from '../errors.ts';
import { Watched, type Watchable } from './watched.ts';

/** `closed`: calls go out. `open`: they fail at once. `half-open`: one is on its way to find out. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** Where a breaker stands. Frozen; a new object for each change. */
export interface BreakerStatus {
  readonly state: BreakerState;
  /** Calls in a row that had no answer. */
  readonly failures: number;
  /** From when on a call goes out again, in milliseconds of the breaker's clock; undefined unless open. */
  readonly retryAtMs: number | undefined;
}

/** When a breaker opens, and for how long. */
export interface BreakerOptions {
  /** Calls in a row without an answer after which it opens. Default 5. */
  readonly failures?: number | undefined;
  /** Pause before a call is let through again, in milliseconds. Default 1,000. */
  readonly pauseMs?: number | undefined;
  /** Longest pause. Default 30,000. */
  readonly pauseMsMax?: number | undefined;
}

/** What a breaker goes by. */
export interface BreakerParts {
  readonly options: BreakerOptions;
  /** Milliseconds of a clock that only goes forward. */
  readonly nowMs: () => number;
  readonly onError: (error: unknown) => void;
}

const FAILURES = 5;
const PAUSE_MS = 1_000;
const PAUSE_MS_MAX = 30_000;
const CLOSED: BreakerStatus = Object.freeze({ state: 'closed', failures: 0, retryAtMs: undefined });
/** How a call ends that had no answer. */
const UNANSWERED: ReadonlySet<string> = new Set(['connection/timeout', 'connection/lost', 'connection/unreachable']);

/** Watches how calls end, and fails them fast while the other side does not answer. */
export class CircuitBreaker {
  readonly #nowMs: () => number;
  readonly #failuresMax: number;
  readonly #pauseMsMin: number;
  readonly #pauseMsMax: number;
  readonly #status: Watched<BreakerStatus>;
  #pauseMs: number;

  constructor({ options, nowMs, onError }: BreakerParts) {
    this.#nowMs = nowMs;
    this.#failuresMax = options.failures ?? FAILURES;
    this.#pauseMsMin = options.pauseMs ?? PAUSE_MS;
    this.#pauseMsMax = Math.max(this.#pauseMsMin, options.pauseMsMax ?? PAUSE_MS_MAX);
    this.#pauseMs = this.#pauseMsMin;
    this.#status = new Watched(CLOSED, onError);
  }

  get status(): Watchable<BreakerStatus> {
    return this.#status;
  }

  /** Makes a call unless it is open. @throws {ConnectionError} `connection/circuit-open` */
  run<T>(name: string, call: () => Promise<T>): Promise<T> {
    const fault = this.faultOf(name);
    if (fault !== undefined) return Promise.reject(fault);
    return this.#status.getSnapshot().state === 'closed' ? this.watch(call) : this.#probe(call);
  }

  /** Makes a call whatever the state, and takes note of how it ends. */
  async watch<T>(call: () => Promise<T>): Promise<T> {
    try {
      const result = await call();
      this.#noteAnswer();
      return result;
    } catch (error) {
      this.#note(error);
      throw error;
    }
  }

  /** The error of what must not be begun now; undefined where it may. */
  faultOf(name: string): ConnectionError | undefined {
    const { state, retryAtMs } = this.#status.getSnapshot();
    const isShut = state === 'half-open' || (state === 'open' && (retryAtMs ?? 0) > this.#nowMs());
    return isShut ? this.#makeOpen(name) : undefined;
  }

  /** Ends the pause: there is a new connection. */
  endPause(): void {
    const { state, failures } = this.#status.getSnapshot();
    if (state === 'open') this.#set({ state, failures, retryAtMs: this.#nowMs() });
  }

  async #probe<T>(call: () => Promise<T>): Promise<T> {
    const before = this.#status.getSnapshot();
    this.#set({ ...before, state: 'half-open', retryAtMs: undefined });
    try {
      return await this.watch(call);
    } finally {
      // Called off: nothing was learned, and the next call may find out.
      if (this.#status.getSnapshot().state === 'half-open') this.#set({ ...before, retryAtMs: this.#nowMs() });
    }
  }

  #note(error: unknown): void {
    if (!(error instanceof Error)) return;
    const { code } = error as { readonly code?: unknown };
    if (typeof code !== 'string') return;
    if (UNANSWERED.has(code)) this.#noteFailure();
    else if (!code.startsWith('connection/')) this.#noteAnswer();
  }

  #noteAnswer(): void {
    this.#pauseMs = this.#pauseMsMin;
    if (this.#status.getSnapshot() !== CLOSED) this.#status.set(CLOSED);
  }

  #noteFailure(): void {
    const before = this.#status.getSnapshot();
    const failures = before.failures + 1;
    // What was on its way when it opened says nothing new.
    if (before.state === 'open') return;
    if (before.state === 'closed' && failures < this.#failuresMax) {
      this.#set({ ...before, failures });
      return;
    }
    if (before.state === 'half-open') this.#pauseMs = Math.min(this.#pauseMsMax, this.#pauseMs * 2);
    this.#set({ state: 'open', failures, retryAtMs: this.#nowMs() + this.#pauseMs });
  }

  #set(status: BreakerStatus): void {
    this.#status.set(Object.freeze(status));
  }

  #makeOpen(name: string): ConnectionError {
    const { failures, retryAtMs } = this.#status.getSnapshot();
    const retryAfterMs = retryAtMs === undefined ? 0 : Math.max(0, Math.ceil(retryAtMs - this.#nowMs()));
    const when = retryAtMs === undefined ? 'One call is on its way to find out' : `One is tried in ${retryAfterMs} ms`;
    return new ConnectionError(
      'connection/circuit-open',
      `'${name}' was not sent: the last ${failures} calls had no answer. ${when}; call again then.`,
      { details: { call: name, failures, retryAfterMs }, retryable: true },
    );
  }
}
