/** Where the host takes the time from. */
export interface Clock {
  /** Microseconds since the Unix epoch. May stand still or step back; who needs order must clamp. */
  nowMicros(): bigint;
  /**
   * Milliseconds since any moment, for measuring durations: never steps back, and needs no `this`. Absent: durations go
   * by `nowMicros`.
   */
  readonly monotonicMs?: (() => number) | undefined;
}

/** A started timer. */
export interface Timer {
  /** Stops it; nothing happens when it has fired or was cancelled before. */
  cancel(): void;
}

/** Runs code later. */
export interface Timers {
  /**
   * Calls back once after at least `delayMs` (any non-negative length, weeks included), never before it returns. A
   * timer does not keep the process alive.
   */
  after(delayMs: number, callback: () => void): Timer;
  /** Calls back soon, after the current turn; pending input and output get their turn first. */
  soon(callback: () => void): void;
}

/** Where the host takes randomness from; unpredictable in production, seeded in tests. */
export interface Random {
  /** `length` fresh random bytes. */
  bytes(length: number): Uint8Array;
}

/** Severity of a log record, from the least to the most. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'panic';

/** One log record. Of a module when `source` is `module`, else of the host itself. */
export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly timestampMicros: bigint;
  readonly source: 'host' | 'module';
  /** Name of the database. */
  readonly database?: string | undefined;
  /** Name of the reducer or procedure that ran. */
  readonly functionName?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** Where log records go. Must not throw. */
export interface Logger {
  log(record: LogRecord): void;
}

/** Drops every record. */
export const silentLogger: Logger = { log: () => undefined };
