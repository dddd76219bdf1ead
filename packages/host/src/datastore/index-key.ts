import type { AlgebraicType, AlgebraicValue, PrimitiveTypeName } from '../bsatn/algebraic-type.ts';
import { isPrimitive } from '../bsatn/algebraic-type.ts';
import { UnencodableError } from '../bsatn/bsatn-error.ts';
import { compileCodec } from '../bsatn/codec.ts';
import { readF32, readF64, readU32, readU64 } from '../bsatn/reader.ts';
import { BsatnWriter } from '../bsatn/writer.ts';
import { compilePack, orderedText, packedText } from './packed-key.ts';
import { makeCachedTextKeyReader, readTextKey } from './text-key.ts';

/*
 * Keys of indexes are decoded values that the language compares by itself, in the order of the types:
 *
 *   bool, up to 32 bits            number
 *   floats                         number (-0 becomes 0); Infinity and NaN are bigints behind all of them
 *   i64, u64                       number while exact, else bigint: `<` holds between the two
 *   i128 .. u256                   string of 16-bit units, most significant first, sign bit flipped
 *   string                         string whose code units are put in the order of code points
 *   product of one element         as the element (identities, timestamps, ...)
 *   sum without payloads           its tag
 *   anything else                  string of 16-bit units (`packed-key.ts`)
 *
 * Two values have the same key exactly when the order calls them equal, so keys serve hash maps too.
 */

/** The key of one column. Keys of one column are all numbers and bigints, or all strings. */
export type KeyPart = number | bigint | string;

/** Reads the key of the sound value at `at`. */
export type KeyReader = (bytes: Uint8Array, at: number) => KeyPart;

/** Makes the key of a value. @throws {UnencodableError} when the value is not of the type. */
export type KeyMaker = (value: AlgebraicValue) => KeyPart;

/** Whether keys of the type are strings. */
export function hasTextKey(type: AlgebraicType): boolean {
  const simple = unwrap(type);
  return isPrimitive(simple) ? !SCALAR_READERS.has(simple.type) : !isUnitSum(simple);
}

/** What is known of a column beside its type. */
export interface KeyReaderOptions {
  /** Whether the values of the column mostly come several times. Default false. */
  readonly repeats?: boolean | undefined;
}

/** Compiles how keys are read from rows. */
export function compileKeyReader(type: AlgebraicType, options: KeyReaderOptions = {}): KeyReader {
  const simple = unwrap(type);
  if (!isPrimitive(simple)) return isUnitSum(simple) ? readByteKey : packedReader(simple);
  if (simple.type === 'string') return options.repeats === true ? makeCachedTextKeyReader() : readTextKey;
  return SCALAR_READERS.get(simple.type) ?? packedReader(simple);
}

function readByteKey(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/** Readers of the types whose keys are numbers or bigints. Adding 0 turns -0 into 0. */
const SCALAR_READERS: ReadonlyMap<PrimitiveTypeName, KeyReader> = new Map<PrimitiveTypeName, KeyReader>([
  ['bool', readByteKey],
  ['u8', readByteKey],
  ['i8', (bytes, at) => ((bytes[at] ?? 0) << 24) >> 24],
  ['u16', (bytes, at) => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)],
  ['i16', (bytes, at) => (((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 24)) >> 16],
  ['u32', readU32],
  ['i32', (bytes, at) => readU32(bytes, at) | 0],
  ['u64', readU64Key],
  ['i64', readI64Key],
  ['f32', (bytes, at) => floatKey(readF32(bytes, at))],
  ['f64', (bytes, at) => floatKey(readF64(bytes, at))],
]);

/** Behind every finite float, and in this order. A key must equal itself, or nothing that holds it can find it again. */
const INFINITY_KEY = 1n << 1024n;
const NAN_KEY = 1n << 1025n;

function floatKey(value: number): KeyPart {
  if (value < Infinity) return value + 0;
  return value === Infinity ? INFINITY_KEY : NAN_KEY;
}

/** Compiles how keys are made from values. */
export function compileKeyMaker(type: AlgebraicType): KeyMaker {
  const simple = unwrap(type);
  const codec = compileCodec(type);
  const read = compileKeyReader(simple);
  const writer = new BsatnWriter(64);
  return (value) => {
    if (simple.type === 'string' && type.type === 'string') {
      if (typeof value !== 'string') throw new UnencodableError('a string', value);
      return orderedText(value.replace(LONE_SURROGATES, '\ufffd'));
    }
    writer.reset();
    codec.encode(writer, value);
    return read(writer.peek(), 0);
  };
}

/** BSATN stores them as the replacement character, so keys must say the same. */
const LONE_SURROGATES = /\p{Surrogate}/gu;

function unwrap(type: AlgebraicType): AlgebraicType {
  let simple = type;
  while (simple.type === 'product' && simple.elements.length === 1) {
    const [element] = simple.elements;
    if (element === undefined) break;
    simple = element.algebraicType;
  }
  return simple;
}

function isUnitSum(type: AlgebraicType): boolean {
  return (
    type.type === 'sum' &&
    type.variants.every(({ algebraicType }) => algebraicType.type === 'product' && algebraicType.elements.length === 0)
  );
}

/** High halves between these bounds make a 64-bit integer that a number holds exactly. */
const HIGH_HALF_LIMIT = 0x20_0000;

function readU64Key(bytes: Uint8Array, at: number): KeyPart {
  const high = readU32(bytes, at + 4);
  return high < HIGH_HALF_LIMIT ? high * 0x1_0000_0000 + readU32(bytes, at) : readU64(bytes, at);
}

function readI64Key(bytes: Uint8Array, at: number): KeyPart {
  const high = readU32(bytes, at + 4) | 0;
  return high < HIGH_HALF_LIMIT && high >= -HIGH_HALF_LIMIT
    ? high * 0x1_0000_0000 + readU32(bytes, at)
    : BigInt.asIntN(64, readU64(bytes, at));
}

function packedReader(type: AlgebraicType): KeyReader {
  const pack = compilePack(type);
  const units: number[] = [];
  return (bytes, at) => {
    units.length = 0;
    pack(bytes, at, units);
    return packedText(units);
  };
}
