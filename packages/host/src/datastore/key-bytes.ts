import type { AlgebraicType } from '../bsatn/algebraic-type.ts';
import { isPrimitive } from '../bsatn/algebraic-type.ts';
import { assertResolved } from '../bsatn/size.ts';

/** A key as it lies in a row or in a search: `bytes[start, start + length)`, with a hash of that. */
export interface KeyBytes {
  bytes: Uint8Array;
  start: number;
  length: number;
  hash: number;
}

/** Whether values of the type are equal exactly when their bytes are. Not so of floats: there are two zeros. */
export function hasExactBytes(type: AlgebraicType): boolean {
  if (isPrimitive(type)) return type.type !== 'f32' && type.type !== 'f64';
  switch (type.type) {
    case 'array':
      return hasExactBytes(type.element);
    case 'product':
      return type.elements.every(({ algebraicType }) => hasExactBytes(algebraicType));
    case 'sum':
      return type.variants.every(({ algebraicType }) => hasExactBytes(algebraicType));
    case 'ref':
      return assertResolved();
  }
}
