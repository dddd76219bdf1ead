import type { AlgebraicType, AlgebraicValue, NamedType } from './algebraic-type.ts';
import { isPrimitive } from './algebraic-type.ts';
import { BsatnError, UnencodableError } from './bsatn-error.ts';
import { primitiveCodec } from './primitive-codecs.ts';
import { BsatnReader } from './reader.ts';
import { assertResolved, minimumSize } from './size.ts';
import { compileCheckedWalk } from './walk.ts';
import { BsatnWriter } from './writer.ts';

/** Encodes and decodes the values of one type. */
export interface Codec {
  /** @throws {UnencodableError} when `value` does not have the form of the type. */
  encode(writer: BsatnWriter, value: AlgebraicValue): void;
  /** Byte arrays are copied. @throws {BsatnError} */
  decode(reader: BsatnReader): AlgebraicValue;
  /** Steps over one value, checking it as fully as `decode` does. @throws {BsatnError} */
  skip(reader: BsatnReader): void;
}

/** The codec of a resolved type. Compiling costs some microseconds: keep it. */
export function compileCodec(type: AlgebraicType): Codec {
  const walk = compileCheckedWalk(type);
  return {
    ...compile(type),
    skip: (reader) => reader.advanceTo(walk(reader.bytes, reader.offset, reader.end)),
  };
}

/** Decodes one value that fills `bytes`. @throws {BsatnError} */
export function decodeValue(type: AlgebraicType, bytes: Uint8Array): AlgebraicValue {
  const reader = new BsatnReader(bytes);
  const value = compile(type).decode(reader);
  reader.expectEnd();
  return value;
}

/** Encodes one value. @throws {UnencodableError} */
export function encodeValue(type: AlgebraicType, value: AlgebraicValue): Uint8Array {
  const writer = new BsatnWriter(64);
  compile(type).encode(writer, value);
  return writer.toBytes();
}

/** A codec without the walk over values. */
export type ValueCodec = Pick<Codec, 'encode' | 'decode'>;

function compile(type: AlgebraicType): ValueCodec {
  if (isPrimitive(type)) return primitiveCodec(type.type);
  switch (type.type) {
    case 'product':
      return productCodec(type.elements);
    case 'sum':
      return sumCodec(type.variants);
    case 'array':
      return type.element.type === 'u8' ? BYTE_ARRAY_CODEC : arrayCodec(type.element);
    case 'ref':
      return assertResolved();
  }
}

function productCodec(elements: readonly NamedType[]): ValueCodec {
  const codecs = elements.map(({ algebraicType }) => compile(algebraicType));
  return {
    encode(writer, value) {
      if (!isList(value) || value.length !== codecs.length) {
        throw new UnencodableError(`a product of ${codecs.length} elements`, value);
      }
      for (const [position, codec] of codecs.entries()) codec.encode(writer, elementOf(value, position));
    },
    decode(reader) {
      const values: AlgebraicValue[] = [];
      for (const codec of codecs) values.push(codec.decode(reader));
      return values;
    },
  };
}

function sumCodec(variants: readonly NamedType[]): ValueCodec {
  const codecs = variants.map(({ algebraicType }) => compile(algebraicType));
  return {
    encode(writer, value) {
      const codec = isVariant(value) ? codecs[value.tag] : undefined;
      if (codec === undefined || !isVariant(value)) {
        throw new UnencodableError(`a sum of ${codecs.length} variants`, value);
      }
      writer.u8(value.tag);
      codec.encode(writer, value.value);
    },
    decode(reader) {
      const at = reader.offset;
      const tag = reader.u8();
      const codec = codecs[tag];
      if (codec === undefined) throw new BsatnError(`tag ${tag} of a sum of ${codecs.length} variants`, at);
      return { tag, value: codec.decode(reader) };
    },
  };
}

function arrayCodec(element: AlgebraicType): ValueCodec {
  const codec = compile(element);
  const least = minimumSize(element);
  return {
    encode(writer, value) {
      if (!isList(value)) throw new UnencodableError('an array', value);
      writer.arrayLength(value.length);
      for (const item of value) codec.encode(writer, item);
    },
    decode(reader) {
      const length = reader.arrayLength(least);
      const values: AlgebraicValue[] = [];
      for (let index = 0; index < length; index += 1) values.push(codec.decode(reader));
      return values;
    },
  };
}

const BYTE_ARRAY_CODEC: ValueCodec = {
  encode(writer, value) {
    if (!(value instanceof Uint8Array)) throw new UnencodableError('a byte array', value);
    writer.byteArray(value);
  },
  decode: (reader) => reader.byteArray().slice(),
};

function isList(value: AlgebraicValue): value is readonly AlgebraicValue[] {
  return Array.isArray(value);
}

function isVariant(value: AlgebraicValue): value is { readonly tag: number; readonly value: AlgebraicValue } {
  return typeof value === 'object' && 'tag' in value;
}

function elementOf(values: readonly AlgebraicValue[], position: number): AlgebraicValue {
  const value = values[position];
  if (value === undefined) throw new UnencodableError(`element ${position} of a product`, value);
  return value;
}
