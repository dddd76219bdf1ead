import type { PrimitiveTypeName } from '../bsatn/algebraic-type.ts';

const INTEGER_NAME = /^([iu])(8|16|32|64|128|256)$/;

/** Size and sign of an integer type. */
export interface IntegerRange {
  readonly bits: number;
  readonly min: bigint;
  readonly max: bigint;
}

/** The range of an integer type; undefined for types that are none. */
export function tryIntegerRange(name: PrimitiveTypeName): IntegerRange | undefined {
  const [, sign, digits] = INTEGER_NAME.exec(name) ?? [];
  if (sign === undefined || digits === undefined) return undefined;
  const bits = Number(digits);
  const size = 1n << BigInt(bits);
  return sign === 'u' ? { bits, min: 0n, max: size - 1n } : { bits, min: -size / 2n, max: size / 2n - 1n };
}
