import { errorFactsOf } from './error-facts.ts';
import type { LogLevel } from './telemetry.ts';

/** One thing that happened. Neither message nor fields hold tokens, keys or data of the application. */
export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  /** Microseconds since 1970. */
  readonly timestampMicros: bigint;
  /** Plain data, as JSON has it. */
  readonly fields: Readonly<Record<string, unknown>>;
  /**
   * What was thrown, where the record is about that. It may be the application's own error, and hold what that put into
   * it: a logger that writes it down must be trusted with that.
   */
  readonly error?: unknown;
}

/** Takes log records; it must not throw. An adapter to any logging library is a line: see the page on observability. */
export interface Logger {
  log(record: LogRecord): void;
}

const RANKS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Where text goes, such as `console`. */
export type LogSink = Readonly<Record<LogLevel, (line: string) => void>>;

/** Writes records of a level and above as lines of JSON: one object each. What was thrown is told by name and code. */
export function makeJsonLogger(sink: LogSink, levelMin: LogLevel = 'info'): Logger {
  return {
    log({ level, message, timestampMicros, fields, error }) {
      if (RANKS[level] < RANKS[levelMin]) return;
      const time = new Date(Number(timestampMicros / 1000n)).toISOString();
      const facts = error === undefined ? {} : { error: errorFactsOf(error) };
      sink[level](JSON.stringify({ time, level, message, ...fields, ...facts }));
    },
  };
}
