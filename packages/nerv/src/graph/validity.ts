import type { Entity } from './entity.ts';

/** Whether a row holds at a time, in milliseconds since 1970: from `validFrom` on, and before `validTo`. */
export function isValidAt({ validFrom, validTo }: Entity, timeMs: number): boolean {
  return (validFrom === undefined || validFrom <= timeMs) && (validTo === undefined || timeMs < validTo);
}

/** A time in milliseconds since 1970, given so or as a date; NaN for what is none. */
export function timeOf(given: number | Date): number;
export function timeOf(given: number | Date | undefined): number | undefined;
export function timeOf(given: unknown): number | undefined {
  if (given === undefined) return undefined;
  if (given instanceof Date) return given.getTime();
  return typeof given === 'number' ? given : Number.NaN;
}
