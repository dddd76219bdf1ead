import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Clock, Logger, LogLevel, LogRecord, Random, Timer, Timers } from './clock.ts';

/** The longest delay that `setTimeout` takes without firing at once; longer ones are chained. */
const TIMEOUT_MS_MAX = 2_147_483_647;

/** How long the wall clock is not looked at: each look costs as much as all the rest. */
const WALL_CLOCK_EVERY_MICROS = 1_000;

/** How far the high-resolution clock may drift from the wall clock before it is set anew. */
const DRIFT_MICROS_MAX = 20_000;

/** The machine's clock: resolves microseconds, and follows the wall clock where that is adjusted. */
export const systemClock: Clock = { nowMicros: makeSystemNow(), monotonicMs: () => performance.now() };

function makeSystemNow(): () => bigint {
  let offsetMicros = 0;
  let nextLookMicros = 0;
  const { timeOrigin } = performance;
  return () => {
    const fineMicros = Math.floor((timeOrigin + performance.now()) * 1000);
    if (fineMicros >= nextLookMicros) {
      nextLookMicros = fineMicros + WALL_CLOCK_EVERY_MICROS;
      const driftMicros = Date.now() * 1000 - (fineMicros + offsetMicros);
      if (Math.abs(driftMicros) > DRIFT_MICROS_MAX) offsetMicros += driftMicros;
    }
    return BigInt(fineMicros + offsetMicros);
  };
}

/** Timers of the event loop. */
export const systemTimers: Timers = {
  after: (delayMs, callback) => startTimer(delayMs, callback),
  soon: (callback) => {
    setImmediate(callback);
  },
};

function startTimer(delayMs: number, callback: () => void): Timer {
  let remainingMs = Math.max(0, delayMs);
  let handle: NodeJS.Timeout | undefined;
  const arm = (): void => {
    const stepMs = Math.min(remainingMs, TIMEOUT_MS_MAX);
    remainingMs -= stepMs;
    handle = setTimeout(remainingMs > 0 ? arm : callback, stepMs);
    handle.unref();
  };
  arm();
  return { cancel: () => clearTimeout(handle) };
}

/** Randomness of the operating system. */
export const systemRandom: Random = {
  // A copy, so that nothing pins or shows the pool that small buffers are cut from.
  bytes: (length) => Uint8Array.from(randomBytes(length)),
};

/** Writes records of `level` and above to standard error, one line each. */
export function makeStderrLogger(level: LogLevel = 'info'): Logger {
  const threshold = LEVELS.indexOf(level);
  return {
    log: (record) => {
      if (LEVELS.indexOf(record.level) >= threshold) process.stderr.write(formatRecord(record));
    },
  };
}

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'panic'];

function formatRecord(record: LogRecord): string {
  const time = new Date(Number(record.timestampMicros / 1000n)).toISOString();
  const origin = [record.database, record.functionName].filter((part) => part !== undefined).join('/');
  const place = origin === '' ? '' : ` ${origin}:`;
  return `${time} ${record.level.toUpperCase()}${place} ${record.message}\n`;
}
