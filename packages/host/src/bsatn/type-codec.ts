import type { AlgebraicType, NamedType, PrimitiveTypeName } from './algebraic-type.ts';
import { isPrimitive } from './algebraic-type.ts';
import { BsatnError } from './bsatn-error.ts';
import type { BsatnReader } from './reader.ts';
import type { BsatnWriter } from './writer.ts';

/** Types nested deeper than this are refused: they come from modules, and the stack has an end. */
export const MAX_TYPE_DEPTH = 64;

const REF = 0;
const SUM = 1;
const PRODUCT = 2;
const ARRAY = 3;
const PRIMITIVE_TAG_MIN = 4;

/** The tag of each is its place here plus `PRIMITIVE_TAG_MIN`. */
const PRIMITIVES: readonly PrimitiveTypeName[] = [
  'string',
  'bool',
  'i8',
  'u8',
  'i16',
  'u16',
  'i32',
  'u32',
  'i64',
  'u64',
  'i128',
  'u128',
  'i256',
  'u256',
  'f32',
  'f64',
];

/** Reads a type. @throws {BsatnError} also when it is nested deeper than `MAX_TYPE_DEPTH`. */
export function readType(reader: BsatnReader): AlgebraicType {
  return readNested(reader, 0);
}

/** Reads the elements of a product or the variants of a sum. @throws {BsatnError} */
export function readNamedTypes(reader: BsatnReader): NamedType[] {
  return readNamed(reader, 0);
}

/** Writes a type. */
export function writeType(writer: BsatnWriter, type: AlgebraicType): void {
  if (isPrimitive(type)) {
    writer.u8(PRIMITIVE_TAG_MIN + PRIMITIVES.indexOf(type.type));
    return;
  }
  switch (type.type) {
    case 'ref':
      writer.u8(REF);
      writer.u32(type.ref);
      return;
    case 'sum':
      writer.u8(SUM);
      writeNamedTypes(writer, type.variants);
      return;
    case 'product':
      writer.u8(PRODUCT);
      writeNamedTypes(writer, type.elements);
      return;
    case 'array':
      writer.u8(ARRAY);
      writeType(writer, type.element);
  }
}

/** Writes the elements of a product or the variants of a sum. */
function writeNamedTypes(writer: BsatnWriter, named: readonly NamedType[]): void {
  writer.arrayLength(named.length);
  for (const { name, algebraicType } of named) {
    if (name === undefined) {
      writer.u8(1);
    } else {
      writer.u8(0);
      writer.string(name);
    }
    writeType(writer, algebraicType);
  }
}

function readNested(reader: BsatnReader, depth: number): AlgebraicType {
  if (depth > MAX_TYPE_DEPTH) reader.fail(`a type is nested deeper than ${MAX_TYPE_DEPTH} levels`);
  const at = reader.offset;
  const tag = reader.u8();
  switch (tag) {
    case REF:
      return { type: 'ref', ref: reader.u32() };
    case SUM:
      return { type: 'sum', variants: readNamed(reader, depth + 1) };
    case PRODUCT:
      return { type: 'product', elements: readNamed(reader, depth + 1) };
    case ARRAY:
      return { type: 'array', element: readNested(reader, depth + 1) };
    default: {
      const primitive = PRIMITIVES[tag - PRIMITIVE_TAG_MIN];
      if (primitive === undefined) throw new BsatnError(`there is no type with tag ${tag}`, at);
      return { type: primitive };
    }
  }
}

function readNamed(reader: BsatnReader, depth: number): NamedType[] {
  // The smallest element is an absent name and a tag.
  const length = reader.arrayLength(2);
  const named: NamedType[] = [];
  for (let index = 0; index < length; index += 1) {
    const name = readOptionalName(reader);
    named.push({ name, algebraicType: readNested(reader, depth) });
  }
  return named;
}

function readOptionalName(reader: BsatnReader): string | undefined {
  const at = reader.offset;
  const tag = reader.u8();
  if (tag > 1) throw new BsatnError(`tag ${tag} of an option`, at);
  return tag === 0 ? reader.string() : undefined;
}
