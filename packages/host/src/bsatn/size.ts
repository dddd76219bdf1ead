import { assert } from '../assert.ts';
import type { AlgebraicType, PrimitiveTypeName } from './algebraic-type.ts';
import { isPrimitive } from './algebraic-type.ts';

const PRIMITIVE_BYTES: Readonly<Record<PrimitiveTypeName, number | undefined>> = {
  string: undefined,
  bool: 1,
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  f32: 4,
  i64: 8,
  u64: 8,
  f64: 8,
  i128: 16,
  u128: 16,
  i256: 32,
  u256: 32,
};

/** What a string or an array has at least: its length. */
const LENGTH_BYTES = 4;

/** Bytes of every value of the type; undefined when values differ in size. */
export function fixedSize(type: AlgebraicType): number | undefined {
  if (isPrimitive(type)) return PRIMITIVE_BYTES[type.type];
  switch (type.type) {
    case 'product':
      return type.elements.reduce<number | undefined>((sum, { algebraicType }) => {
        const size = fixedSize(algebraicType);
        return sum === undefined || size === undefined ? undefined : sum + size;
      }, 0);
    case 'sum': {
      const sizes = type.variants.map((variant) => fixedSize(variant.algebraicType));
      const [first] = sizes;
      return first !== undefined && sizes.every((size) => size === first) ? first + 1 : undefined;
    }
    case 'array':
      return undefined;
    case 'ref':
      return assertResolved();
  }
}

/** Bytes of the smallest value of the type. */
export function minimumSize(type: AlgebraicType): number {
  if (isPrimitive(type)) return PRIMITIVE_BYTES[type.type] ?? LENGTH_BYTES;
  switch (type.type) {
    case 'product':
      return type.elements.reduce((sum, { algebraicType }) => sum + minimumSize(algebraicType), 0);
    case 'sum':
      return 1 + type.variants.reduce((least, { algebraicType }) => Math.min(least, minimumSize(algebraicType)), 256);
    case 'array':
      return LENGTH_BYTES;
    case 'ref':
      return assertResolved();
  }
}

/** True when the type has a fixed size and any bytes of that size are a value of it. */
export function isPlain(type: AlgebraicType): boolean {
  if (type.type === 'product') return type.elements.every(({ algebraicType }) => isPlain(algebraicType));
  return isPrimitive(type) && type.type !== 'string' && type.type !== 'bool';
}

/** Stops at a reference: types are resolved before anything is compiled from them. @throws {Error} always */
export function assertResolved(): never {
  assert(false, 'types are resolved before they are compiled');
}
