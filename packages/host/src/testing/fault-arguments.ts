/** A position counted from 1, the next of its kind. @throws {RangeError} */
export function requirePosition(position: number, what: string): number {
  if (Number.isInteger(position) && position >= 1) return position;
  throw new RangeError(`${what} are counted from 1, which is the next one; ${position} is none of them`);
}

/** A duration in microseconds. @throws {RangeError} */
export function requireDuration(micros: bigint): bigint {
  if (micros >= 0n) return micros;
  throw new RangeError(`a delay of ${micros} microseconds is not possible: give 0n or more`);
}
