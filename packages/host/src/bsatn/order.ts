import type { AlgebraicType, AlgebraicValue } from './algebraic-type.ts';
import { isPrimitive } from './algebraic-type.ts';
import { assertResolved } from './size.ts';

/** Negative, 0 or positive, as `a` is before, equal to or behind `b`. */
export type Comparator = (a: AlgebraicValue, b: AlgebraicValue) => number;

/**
 * The order of indexes and of SQL: numbers by value (-0 equals 0; NaN equals NaN and is the greatest), strings by
 * their UTF-8 bytes, arrays and products element by element, sums by tag and then by payload.
 * Both values must be of the type.
 */
export function compareValues(type: AlgebraicType): Comparator {
  if (isPrimitive(type)) return type.type === 'string' ? compareTexts : compareScalars;
  switch (type.type) {
    case 'array':
      return type.element.type === 'u8' ? compareByteArrays : compareLists(repeat(compareValues(type.element)));
    case 'product': {
      const comparators = type.elements.map(({ algebraicType }) => compareValues(algebraicType));
      return compareLists((position) => comparators[position] ?? assertComparable());
    }
    case 'sum':
      return compareVariants(type.variants.map(({ algebraicType }) => compareValues(algebraicType)));
    case 'ref':
      return assertResolved();
  }
}

/** Orders strings by code point, which is the order of their UTF-8 bytes. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/** Puts a UTF-16 code unit where its code point belongs: surrogates stand for code points above all others. */
export function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

function compareTexts(a: AlgebraicValue, b: AlgebraicValue): number {
  if (typeof a !== 'string' || typeof b !== 'string') return assertComparable();
  return compareStrings(a, b);
}

function compareScalars(a: AlgebraicValue, b: AlgebraicValue): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

function compareByteArrays(a: AlgebraicValue, b: AlgebraicValue): number {
  if (!(a instanceof Uint8Array && b instanceof Uint8Array)) return assertComparable();
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function compareLists(comparatorAt: (position: number) => Comparator): Comparator {
  return (a, b) => {
    if (!(isList(a) && isList(b))) return assertComparable();
    for (const [position, value] of a.entries()) {
      const other = b[position];
      if (other === undefined) return 1;
      const order = comparatorAt(position)(value, other);
      if (order !== 0) return order;
    }
    return a.length - b.length;
  };
}

function compareVariants(comparators: readonly Comparator[]): Comparator {
  return (a, b) => {
    if (!(isVariant(a) && isVariant(b))) return assertComparable();
    if (a.tag !== b.tag) return a.tag - b.tag;
    return (comparators[a.tag] ?? assertComparable())(a.value, b.value);
  };
}

function repeat(comparator: Comparator): () => Comparator {
  return () => comparator;
}

function isList(value: AlgebraicValue): value is readonly AlgebraicValue[] {
  return Array.isArray(value);
}

function isVariant(value: AlgebraicValue): value is { readonly tag: number; readonly value: AlgebraicValue } {
  return typeof value === 'object' && 'tag' in value;
}

function assertComparable(): never {
  throw new TypeError('values that are compared must be of the type of the comparator');
}
