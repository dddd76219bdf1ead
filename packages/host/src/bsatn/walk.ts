import { BsatnError } from './bsatn-error.ts';
import type { AlgebraicType } from './algebraic-type.ts';
import { isPrimitive } from './algebraic-type.ts';
import { checkArrayLength, readU32 } from './reader.ts';
import { assertResolved, fixedSize, isPlain, minimumSize } from './size.ts';
import { findInvalidUtf8 } from './utf8.ts';

/** Gives the position behind the value that starts at `at`. `end` is where the bytes end. */
export type Walk = (bytes: Uint8Array, at: number, end: number) => number;

/**
 * Steps over one value and checks all of it: bounds, tags, bools, UTF-8, array lengths.
 * The walk throws `BsatnError`.
 */
export function compileCheckedWalk(type: AlgebraicType): Walk {
  const size = fixedSize(type);
  if (size !== undefined && isPlain(type)) return (_bytes, at, end) => stepOver(size, at, end);
  if (isPrimitive(type)) return type.type === 'string' ? checkString : checkBool;
  switch (type.type) {
    case 'array':
      return checkedArray(type.element);
    case 'product':
      return sequence(type.elements.map(({ algebraicType }) => compileCheckedWalk(algebraicType)));
    case 'sum':
      return checkedSum(type.variants.map(({ algebraicType }) => compileCheckedWalk(algebraicType)));
    case 'ref':
      return assertResolved();
  }
}

/** Steps over one value of bytes that were checked before. Looks at lengths and tags only. */
export function compileTrustedWalk(type: AlgebraicType): Walk {
  const size = fixedSize(type);
  if (size !== undefined) return (_bytes, at) => at + size;
  if (isPrimitive(type)) return skipLengthPrefixed;
  switch (type.type) {
    case 'array':
      return trustedArray(type.element);
    case 'product':
      return sequence(type.elements.map(({ algebraicType }) => compileTrustedWalk(algebraicType)));
    case 'sum': {
      const variants = type.variants.map(({ algebraicType }) => compileTrustedWalk(algebraicType));
      return (bytes, at, end) => variants[bytes[at] ?? 0]?.(bytes, at + 1, end) ?? at + 1;
    }
    case 'ref':
      return assertResolved();
  }
}

function stepOver(size: number, at: number, end: number): number {
  if (size > end - at) throw new BsatnError(`${size} bytes expected, ${end - at} left`, at);
  return at + size;
}

function checkString(bytes: Uint8Array, at: number, end: number): number {
  const start = stepOver(4, at, end);
  const after = stepOver(readU32(bytes, at), start, end);
  const invalid = findInvalidUtf8(bytes, start, after);
  if (invalid >= 0) throw new BsatnError('a string is not valid UTF-8', invalid);
  return after;
}

function checkBool(bytes: Uint8Array, at: number, end: number): number {
  const after = stepOver(1, at, end);
  const byte = bytes[at] ?? 0;
  if (byte > 1) throw new BsatnError(`a bool is 0 or 1, not ${byte}`, at);
  return after;
}

function checkedSum(variants: readonly Walk[]): Walk {
  return (bytes, at, end) => {
    const after = stepOver(1, at, end);
    const tag = bytes[at] ?? 0;
    const variant = variants[tag];
    if (variant === undefined) throw new BsatnError(`tag ${tag} of a sum of ${variants.length} variants`, at);
    return variant(bytes, after, end);
  };
}

function checkedArray(element: AlgebraicType): Walk {
  const least = minimumSize(element);
  const plainSize = isPlain(element) ? fixedSize(element) : undefined;
  const walk = compileCheckedWalk(element);
  return (bytes, at, end) => {
    let after = stepOver(4, at, end);
    const length = readU32(bytes, at);
    checkArrayLength(length, least, after, end);
    if (plainSize !== undefined) return after + length * plainSize;
    for (let index = 0; index < length; index += 1) after = walk(bytes, after, end);
    return after;
  };
}

function trustedArray(element: AlgebraicType): Walk {
  const size = fixedSize(element);
  if (size !== undefined) return (bytes, at) => at + 4 + readU32(bytes, at) * size;
  const walk = compileTrustedWalk(element);
  return (bytes, at, end) => {
    const length = readU32(bytes, at);
    let after = at + 4;
    for (let index = 0; index < length; index += 1) after = walk(bytes, after, end);
    return after;
  };
}

function skipLengthPrefixed(bytes: Uint8Array, at: number): number {
  return at + 4 + readU32(bytes, at);
}

function sequence(walks: readonly Walk[]): Walk {
  return (bytes, at, end) => {
    let after = at;
    for (const walk of walks) after = walk(bytes, after, end);
    return after;
  };
}
