import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';

/** When a scheduled row is due: at a time, or again and again. */
export type ScheduleAt =
  | { readonly type: 'time'; readonly atMicros: bigint }
  /** Never negative: the absolute value of what the row holds. */
  | { readonly type: 'interval'; readonly everyMicros: bigint };

/** The longest delay that may be scheduled, a little over two years. */
export const DELAY_MICROS_MAX: bigint = (2n ** 36n - 1n) * 1000n;

/** Reads the decoded value of a `ScheduleAt` column: a sum of interval (tag 0) and time (tag 1), in microseconds. */
export function readScheduleAt(value: AlgebraicValue): ScheduleAt {
  const { tag, micros } = readSum(value);
  if (tag === 1) return { type: 'time', atMicros: micros };
  return { type: 'interval', everyMicros: micros < 0n ? -micros : micros };
}

/** How long after `nowMicros` a row inserted now is due first. */
export function delayOf(at: ScheduleAt, nowMicros: bigint): bigint {
  if (at.type === 'interval') return at.everyMicros;
  return at.atMicros > nowMicros ? at.atMicros - nowMicros : 0n;
}

/** The tick after `lastMicros` that lies strictly after `nowMicros`: missed ticks are skipped, the phase is kept. */
export function nextTick(lastMicros: bigint, everyMicros: bigint, nowMicros: bigint): bigint {
  if (everyMicros === 0n) return nowMicros;
  if (lastMicros > nowMicros) return lastMicros;
  return lastMicros + ((nowMicros - lastMicros) / everyMicros + 1n) * everyMicros;
}

function readSum(value: AlgebraicValue): { readonly tag: number; readonly micros: bigint } {
  if (typeof value === 'object' && 'tag' in value && Array.isArray(value.value)) {
    const [micros] = value.value as readonly AlgebraicValue[];
    if (typeof micros === 'bigint') return { tag: value.tag, micros };
  }
  throw new Error(
    'bug in @inner-universe/host: expected that the value is a ScheduleAt, as the schema was checked to say',
  );
}
