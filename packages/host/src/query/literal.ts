import { unreachable } from '../assert.ts';
import { tryParseTimestamp } from './timestamp-text.ts';
import type { Scalar, ScalarKind } from './scalar-type.ts';
import type { Literal } from './syntax.ts';

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
const INTEGER_KIND = /^([iu])(\d+)$/;
const UUID_WITH_HYPHENS = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** No integer column holds a number of more digits. */
const INTEGER_DIGITS_MAX = 78;

/**
 * The value of a literal in a column of this kind, exactly; a quoted number is a number where the column is one.
 * Undefined when the literal is no value of the kind or out of its range.
 */
export function tryReadLiteral(literal: Literal, kind: ScalarKind): Scalar | undefined {
  if (literal.type === 'boolean') return kind === 'bool' ? literal.value : undefined;
  switch (kind) {
    case 'bool':
      return undefined;
    case 'string':
      return literal.type === 'hex' ? undefined : literal.text;
    case 'bytes':
      return tryReadBytes(literal);
    case 'identity':
      return tryReadHexNumber(literal, 64);
    case 'connection-id':
      return tryReadHexNumber(literal, 32);
    case 'uuid':
      return tryReadUuid(literal);
    case 'timestamp':
      return literal.type === 'string' ? tryParseTimestamp(literal.text) : undefined;
    case 'f32':
    case 'f64':
      return literal.type === 'hex' ? undefined : tryReadFloat(literal.text, kind);
    case 'i8':
    case 'u8':
    case 'i16':
    case 'u16':
    case 'i32':
    case 'u32':
    case 'i64':
    case 'u64':
    case 'i128':
    case 'u128':
    case 'i256':
    case 'u256':
      return literal.type === 'hex' ? undefined : tryReadInteger(literal.text, kind);
    default:
      return unreachable(kind);
  }
}

/** A literal as it was written, or nearly so, for error texts. */
export function literalText(literal: Literal): string {
  if (literal.type === 'boolean') return String(literal.value).toUpperCase();
  return literal.type === 'hex' ? `0x${literal.text}` : literal.text;
}

function tryReadInteger(text: string, kind: ScalarKind): number | bigint | undefined {
  const [, signedness, bitsText] = INTEGER_KIND.exec(kind) ?? [];
  const value = tryReadWholeNumber(text);
  if (signedness === undefined || value === undefined) return undefined;
  const bits = Number(bitsText);
  const fits = signedness === 'i' ? BigInt.asIntN(bits, value) === value : BigInt.asUintN(bits, value) === value;
  if (!fits) return undefined;
  return bits <= 32 ? Number(value) : value;
}

/** Reads `-12`, `1.50e2` and the like without rounding; undefined when it is not whole or longer than any column. */
function tryReadWholeNumber(text: string): bigint | undefined {
  const [, sign, whole = '', fraction = '', exponentText = '0'] = DECIMAL.exec(text) ?? [];
  if (sign === undefined || whole + fraction === '') return undefined;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return 0n;
  const significant = trimTrailingZeros(digits);
  const zeros = Number(exponentText) - fraction.length + digits.length - significant.length;
  if (zeros < 0 || significant.length + zeros > INTEGER_DIGITS_MAX) return undefined;
  const value = BigInt(significant + '0'.repeat(zeros));
  return sign === '-' ? -value : value;
}

function trimTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits.charAt(end - 1) === '0') end -= 1;
  return digits.slice(0, end);
}

function tryReadFloat(text: string, kind: 'f32' | 'f64'): number | undefined {
  const [matched, , whole = '', fraction = ''] = DECIMAL.exec(text) ?? [];
  if (matched === undefined || whole + fraction === '') return undefined;
  return kind === 'f32' ? Math.fround(Number(text)) : Number(text);
}

/** The hex digits of a hex literal, or of a string with or without `0x`. */
function tryHexDigits(literal: Literal): string | undefined {
  if (literal.type === 'hex') return literal.text;
  if (literal.type !== 'string') return undefined;
  const digits = /^(?:0x)?([0-9a-f]*)$/i.exec(literal.text)?.[1];
  return digits;
}

function tryReadBytes(literal: Literal): Uint8Array | undefined {
  const digits = tryHexDigits(literal);
  if (digits === undefined || digits.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(digits.length / 2);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = Number.parseInt(digits.slice(at * 2, at * 2 + 2), 16);
  return bytes;
}

function tryReadHexNumber(literal: Literal, digitCount: number): bigint | undefined {
  const digits = tryHexDigits(literal);
  return digits?.length === digitCount ? BigInt(`0x${digits}`) : undefined;
}

function tryReadUuid(literal: Literal): bigint | undefined {
  if (literal.type === 'string' && UUID_WITH_HYPHENS.test(literal.text)) {
    return BigInt(`0x${literal.text.replaceAll('-', '')}`);
  }
  return tryReadHexNumber(literal, 32);
}
