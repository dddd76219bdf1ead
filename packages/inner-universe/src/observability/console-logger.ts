/*
 * What nobody injected a logger for. Invariants:
 * - warnings and errors are written, one line each; errors of others' making, such as what a handler throws, whole;
 * - what is said again and again is said less and less often, and then how often it was left out.
 */
import { errorCodeOf } from './error-facts.ts';
import type { Logger, LogRecord } from './logger.ts';

/** Where lines go: `console`. */
export interface ConsoleLike {
  warn(...parts: readonly unknown[]): void;
  error(...parts: readonly unknown[]): void;
}

/** How it stands with one thing that is said. */
interface Said {
  /** Until when it is not said again. */
  quietUntilMicros: bigint;
  pauseMicros: bigint;
  leftOut: number;
}

const PAUSE_MICROS_MIN = 1_000_000n;
const PAUSE_MICROS_MAX = 60_000_000n;
/** Things that are remembered; the oldest is forgotten first. */
const SAID_MAX = 100;

/** Writes warnings and errors for people. */
export function makeConsoleLogger(target: ConsoleLike = console): Logger {
  return new ConsoleLogger(target);
}

class ConsoleLogger implements Logger {
  readonly #target: ConsoleLike;
  readonly #said: Map<string, Said> = new Map();

  constructor(target: ConsoleLike) {
    this.#target = target;
  }

  log(record: LogRecord): void {
    const { level, message, fields, error } = record;
    if (level !== 'warn' && level !== 'error') return;
    const isOfOthers = error !== undefined && errorCodeOf(error) === 'other';
    if (isOfOthers) {
      this.#target[level]('inner-universe:', error);
      return;
    }
    const leftOut = this.#take(`${level} ${message}`, record.timestampMicros);
    if (leftOut === undefined) return;
    const more = leftOut === 0 ? '' : ` (and ${leftOut} times more since it was last said)`;
    this.#target[level](`inner-universe: ${message}${more}`, plainLine(fields));
  }

  /** How often it was left out before, if it is to be said now. */
  #take(key: string, nowMicros: bigint): number | undefined {
    const said = this.#said.get(key);
    if (said !== undefined && nowMicros < said.quietUntilMicros) {
      said.leftOut += 1;
      return undefined;
    }
    // What was not heard for as long again begins anew.
    const isAgain = said !== undefined && nowMicros < said.quietUntilMicros + said.pauseMicros;
    const doubled = isAgain ? 2n * said.pauseMicros : PAUSE_MICROS_MIN;
    const pauseMicros = doubled < PAUSE_MICROS_MAX ? doubled : PAUSE_MICROS_MAX;
    this.#said.delete(key);
    this.#said.set(key, { quietUntilMicros: nowMicros + pauseMicros, pauseMicros, leftOut: 0 });
    for (const oldest of this.#said.keys()) {
      if (this.#said.size <= SAID_MAX) break;
      this.#said.delete(oldest);
    }
    return said?.leftOut ?? 0;
  }
}

/** Fields in one line, without those that say nothing. */
function plainLine(fields: LogRecord['fields']): string {
  return JSON.stringify(fields, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
