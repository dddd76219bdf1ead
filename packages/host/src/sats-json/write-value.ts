import { assert } from '../assert.ts';
import type { AlgebraicType, AlgebraicValue, NamedType, PrimitiveTypeName } from '../bsatn/algebraic-type.ts';
import { isPrimitive } from '../bsatn/algebraic-type.ts';
import { assertResolved } from '../bsatn/size.ts';

/**
 * `untyped` is for rows and return values: products are arrays and sums `[tag, value]`. `typed` is for documents:
 * products are objects and sums `{"name": value}`.
 */
export type JsonStyle = 'typed' | 'untyped';

/** Writes values of one type as JSON. The value has the form of the type. */
export type JsonWriter = (value: AlgebraicValue) => string;

/**
 * What writes values of a resolved type: integers with all their digits, those of 256 bits as `"0x…"`, floats that are
 * not finite as `null`, byte arrays as hexadecimal digits.
 */
export function compileJsonWriter(type: AlgebraicType, style: JsonStyle): JsonWriter {
  if (isPrimitive(type)) return primitiveWriter(type.type);
  switch (type.type) {
    case 'product':
      return productWriter(type.elements, style);
    case 'sum':
      return sumWriter(type.variants, style);
    case 'array':
      return type.element.type === 'u8' ? writeBytes : arrayWriter(compileJsonWriter(type.element, style));
    case 'ref':
      return assertResolved();
  }
}

function productWriter(types: readonly NamedType[], style: JsonStyle): JsonWriter {
  const writers = types.map(({ algebraicType }) => compileJsonWriter(algebraicType, style));
  const isArray = style === 'untyped' || types.length === 0;
  const keys = types.map(({ name }, position) => (isArray ? '' : `${JSON.stringify(name ?? String(position))}:`));
  return (value) => {
    const values = asList(value);
    assert(values.length === writers.length, 'a product has a value for each element');
    const parts = writers.map((write, position) => `${keys[position] ?? ''}${write(partOf(values, position))}`);
    return isArray ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
  };
}

function sumWriter(types: readonly NamedType[], style: JsonStyle): JsonWriter {
  const variants = types.map(({ name, algebraicType }, tag) => ({
    key: JSON.stringify(name ?? String(tag)),
    write: compileJsonWriter(algebraicType, style),
  }));
  return (value) => {
    assert(typeof value === 'object' && 'tag' in value, 'the value of a sum is a variant');
    const variant = variants[value.tag];
    assert(variant !== undefined, 'the variant of a sum exists');
    const payload = variant.write(value.value);
    return style === 'typed' ? `{${variant.key}:${payload}}` : `[${value.tag},${payload}]`;
  };
}

function arrayWriter(write: JsonWriter): JsonWriter {
  return (value) => `[${asList(value).map(write).join(',')}]`;
}

function writeBytes(value: AlgebraicValue): string {
  assert(value instanceof Uint8Array, 'the value of a byte array is a Uint8Array');
  return `"${hexOf(value)}"`;
}

const HEX_BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Two lower-case digits a byte. */
export function hexOf(bytes: Uint8Array): string {
  let digits = '';
  for (const byte of bytes) digits += HEX_BYTES[byte] ?? '';
  return digits;
}

function primitiveWriter(name: PrimitiveTypeName): JsonWriter {
  switch (name) {
    case 'string':
      return (value) => JSON.stringify(value);
    case 'f32':
      return (value) => writeFloat(value, shortestSingle);
    case 'f64':
      return (value) => writeFloat(value, String);
    case 'u256':
    case 'i256':
      return writeHexInteger;
    default:
      // Numbers, bigints and bools: their text is JSON.
      return String;
  }
}

function writeFloat(value: AlgebraicValue, toText: (value: number) => string): string {
  assert(typeof value === 'number', 'the value of a float is a number');
  if (!Number.isFinite(value)) return 'null';
  const text = Object.is(value, -0) ? '-0' : toText(value);
  // Readers that know no types can tell it from an integer.
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** Digits that any single-precision float is told by. */
const SINGLE_DIGITS_MAX = 9;

/** The shortest text that is read as this float of single precision. */
function shortestSingle(value: number): string {
  for (let digits = 1; digits < SINGLE_DIGITS_MAX; digits += 1) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return String(candidate);
  }
  return String(Number(value.toPrecision(SINGLE_DIGITS_MAX)));
}

function writeHexInteger(value: AlgebraicValue): string {
  assert(typeof value === 'bigint', 'the value of a wide integer is a bigint');
  return value < 0n ? `"-0x${(-value).toString(16)}"` : `"0x${value.toString(16)}"`;
}

function asList(value: AlgebraicValue): readonly AlgebraicValue[] {
  assert(Array.isArray(value), 'the value of a product or an array is a list');
  // A list of algebraic values holds nothing else: narrowing loses the type of its items.
  return value as readonly AlgebraicValue[];
}

function partOf(values: readonly AlgebraicValue[], position: number): AlgebraicValue {
  const part = values[position];
  assert(part !== undefined, 'a value has all its parts');
  return part;
}
