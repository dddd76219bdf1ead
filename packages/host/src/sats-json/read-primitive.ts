import type { PrimitiveTypeName } from '../bsatn/algebraic-type.ts';
import { tryIntegerRange, type IntegerRange } from './integer-range.ts';
import { describeJson, isJsonNumber, type JsonValue } from './json-value.ts';
import type { PathReader } from './read-value.ts';
import { mismatch, type JsonStep } from './sats-json-error.ts';

/** No integer type holds a number of more digits; longer texts are not worth converting. */
const INTEGER_DIGITS_MAX = 80;

/** What reads values of a type that holds no other. */
export function primitiveReader(name: PrimitiveTypeName): PathReader {
  switch (name) {
    case 'string':
      return readString;
    case 'bool':
      return readBool;
    case 'f32':
    case 'f64':
      return (json, path) => readFloat(json, name, path);
    default: {
      const range = tryIntegerRange(name);
      if (range === undefined) throw new RangeError(`${name} is an integer type`);
      return range.bits === 256
        ? (json, path) => readHexInteger(json, { name, range }, path)
        : (json, path) => readInteger(json, { name, range }, path);
    }
  }
}

interface IntegerType {
  readonly name: string;
  readonly range: IntegerRange;
}

function readString(json: JsonValue, path: readonly JsonStep[]): string {
  if (typeof json === 'string') return json;
  throw mismatch(`expected a string, found ${describeJson(json)}`, path);
}

function readBool(json: JsonValue, path: readonly JsonStep[]): boolean {
  if (typeof json === 'boolean') return json;
  throw mismatch(`expected true or false, found ${describeJson(json)}`, path);
}

/** Any number that is in range, rounded to the nearest float. JSON has none that is not finite. */
function readFloat(json: JsonValue, name: 'f32' | 'f64', path: readonly JsonStep[]): number {
  if (!isJsonNumber(json)) throw mismatch(`expected a number (${name}), found ${describeJson(json)}`, path);
  const value = name === 'f32' ? Math.fround(Number(json.digits)) : Number(json.digits);
  if (Number.isFinite(value)) return value;
  throw mismatch(`${describeJson(json)} is out of the range of ${name}`, path);
}

function readInteger(json: JsonValue, type: IntegerType, path: readonly JsonStep[]): number | bigint {
  if (!isJsonNumber(json) || !/^-?\d+$/.test(json.digits)) {
    throw mismatch(`expected a whole number (${type.name}), found ${describeJson(json)}`, path);
  }
  const value = inRange(json.digits, type, path);
  return type.range.bits <= 32 ? Number(value) : value;
}

/** The widest integers stand in strings, as hexadecimal digits. */
function readHexInteger(json: JsonValue, type: IntegerType, path: readonly JsonStep[]): bigint {
  if (typeof json !== 'string' || !/^-?0x[0-9a-fA-F]+$/.test(json)) {
    throw mismatch(`expected a string "0x…" (${type.name}), found ${describeJson(json)}`, path);
  }
  return inRange(json, type, path);
}

/** Converts decimal or hexadecimal digits with a sign. */
function inRange(text: string, { name, range }: IntegerType, path: readonly JsonStep[]): bigint {
  const isNegative = text.startsWith('-');
  const digits = isNegative ? text.slice(1) : text;
  if (digits.length <= INTEGER_DIGITS_MAX) {
    const value = isNegative ? -BigInt(digits) : BigInt(digits);
    if (value >= range.min && value <= range.max) return value;
  }
  throw mismatch(`${describeJson({ digits: text })} is out of the range of ${name}`, path);
}
