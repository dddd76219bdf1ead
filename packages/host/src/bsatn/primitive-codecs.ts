import type { AlgebraicValue, PrimitiveTypeName } from './algebraic-type.ts';
import { UnencodableError } from './bsatn-error.ts';
import type { ValueCodec } from './codec.ts';
import type { BsatnReader } from './reader.ts';
import type { BsatnWriter } from './writer.ts';

/** The codec of a type that holds no other; `encode` refuses values of another kind or out of range. */
export function primitiveCodec(name: PrimitiveTypeName): ValueCodec {
  return CODECS[name];
}

const CODECS: Readonly<Record<PrimitiveTypeName, ValueCodec>> = {
  string: {
    encode(writer, value) {
      if (typeof value !== 'string') throw new UnencodableError('a string', value);
      writer.string(value);
    },
    decode: (reader) => reader.string(),
  },
  bool: {
    encode(writer, value) {
      if (typeof value !== 'boolean') throw new UnencodableError('a bool', value);
      writer.bool(value);
    },
    decode: (reader) => reader.bool(),
  },
  f32: floatCodec('f32'),
  f64: floatCodec('f64'),
  u8: smallIntegerCodec('u8', 0, 0xff),
  u16: smallIntegerCodec('u16', 0, 0xffff),
  u32: smallIntegerCodec('u32', 0, 0xffff_ffff),
  i8: smallIntegerCodec('i8', -0x80, 0x7f),
  i16: smallIntegerCodec('i16', -0x8000, 0x7fff),
  i32: smallIntegerCodec('i32', -0x8000_0000, 0x7fff_ffff),
  u64: largeIntegerCodec('u64', 0n, (1n << 64n) - 1n),
  u128: largeIntegerCodec('u128', 0n, (1n << 128n) - 1n),
  u256: largeIntegerCodec('u256', 0n, (1n << 256n) - 1n),
  i64: largeIntegerCodec('i64', -(1n << 63n), (1n << 63n) - 1n),
  i128: largeIntegerCodec('i128', -(1n << 127n), (1n << 127n) - 1n),
  i256: largeIntegerCodec('i256', -(1n << 255n), (1n << 255n) - 1n),
};

function floatCodec(name: 'f32' | 'f64'): ValueCodec {
  return {
    encode(writer: BsatnWriter, value: AlgebraicValue) {
      if (typeof value !== 'number') throw new UnencodableError(name, value);
      writer[name](value);
    },
    decode: (reader: BsatnReader) => reader[name](),
  };
}

function smallIntegerCodec(name: 'u8' | 'u16' | 'u32' | 'i8' | 'i16' | 'i32', min: number, max: number): ValueCodec {
  return {
    encode(writer: BsatnWriter, value: AlgebraicValue) {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
        throw new UnencodableError(name, value);
      }
      writer[name](value);
    },
    decode: (reader: BsatnReader) => reader[name](),
  };
}

type LargeIntegerName = 'u64' | 'u128' | 'u256' | 'i64' | 'i128' | 'i256';

function largeIntegerCodec(name: LargeIntegerName, min: bigint, max: bigint): ValueCodec {
  return {
    encode(writer: BsatnWriter, value: AlgebraicValue) {
      if (typeof value !== 'bigint' || value < min || value > max) throw new UnencodableError(name, value);
      writer[name](value);
    },
    decode: (reader: BsatnReader) => reader[name](),
  };
}
