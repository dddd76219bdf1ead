import type { Clock } from './clock.ts';

/** Tells how far time went on, in milliseconds since any moment. To be subtracted from an earlier answer. */
export type Stopwatch = () => number;

/** A stopwatch that goes by a clock: by its monotonic time where it has one. */
export function makeStopwatch(clock: Clock): Stopwatch {
  if (clock.monotonicMs !== undefined) return clock.monotonicMs;
  return () => Number(clock.nowMicros()) / 1000;
}
