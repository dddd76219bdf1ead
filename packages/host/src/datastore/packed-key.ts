import type { AlgebraicType, NamedType, PrimitiveTypeName } from '../bsatn/algebraic-type.ts';
import { isPrimitive } from '../bsatn/algebraic-type.ts';
import { codePointRank } from '../bsatn/order.ts';
import { readU32 } from '../bsatn/reader.ts';
import { assertResolved, fixedSize } from '../bsatn/size.ts';
import { decodeValidUtf8 } from '../bsatn/utf8.ts';

/*
 * Packed keys: a value as 16-bit units such that comparing the units one by one compares the values. No packed value
 * is the beginning of another of its type, so values can be packed one behind the other.
 *
 *   integers         most significant unit first, sign bit flipped
 *   floats           bits, all flipped when negative, else the sign bit only; one zero, one NaN above all
 *   string, array    each element as 1 and its units (bytes and text: the unit + 1 or escaped), then 0
 *   product          its elements
 *   sum              tag, payload
 */

/** Appends the units of the sound value at `at` and gives the position behind the value. */
export type Pack = (bytes: Uint8Array, at: number, units: number[]) => number;

/** Compiles how values of a type are packed. */
export function compilePack(type: AlgebraicType): Pack {
  if (isPrimitive(type)) return primitivePack(type.type);
  switch (type.type) {
    case 'array':
      return type.element.type === 'u8' ? packByteArray : arrayPack(type.element);
    case 'product':
      return productPack(type.elements);
    case 'sum':
      return sumPack(type.variants);
    case 'ref':
      return assertResolved();
  }
}

function primitivePack(name: PrimitiveTypeName): Pack {
  if (name === 'string') return packString;
  if (name === 'bool' || name === 'u8') return bytePack(0);
  if (name === 'i8') return bytePack(0x80);
  const size = fixedSize({ type: name }) ?? 0;
  return name === 'f32' || name === 'f64' ? floatPack(size) : integerPack(size, name.startsWith('i'));
}

function bytePack(flip: number): Pack {
  return (bytes, at, units) => {
    units.push((bytes[at] ?? 0) ^ flip);
    return at + 1;
  };
}

/** The string made of these units. */
export function packedText(units: readonly number[]): string {
  if (units.length <= MAX_SPREAD) return String.fromCharCode(...units);
  let text = '';
  for (let at = 0; at < units.length; at += MAX_SPREAD) {
    text += String.fromCharCode(...units.slice(at, at + MAX_SPREAD));
  }
  return text;
}

/** Replaces code units so that comparing them compares code points; text without surrogates mostly stays as it is. */
export function orderedText(text: string): string {
  if (!NEEDS_REORDERING.test(text)) return text;
  const units: number[] = [];
  for (let at = 0; at < text.length; at += 1) units.push(codePointRank(text.charCodeAt(at)));
  return packedText(units);
}

const MAX_SPREAD = 4096;
const NEEDS_REORDERING = /[\ud800-\uffff]/;

function integerPack(size: number, isSigned: boolean): Pack {
  return (bytes, at, units) => {
    for (let byte = at + size - 2; byte >= at; byte -= 2) {
      const unit = (bytes[byte] ?? 0) | ((bytes[byte + 1] ?? 0) << 8);
      units.push(isSigned && byte === at + size - 2 ? unit ^ 0x8000 : unit);
    }
    return at + size;
  };
}

function floatPack(size: number): Pack {
  const pack = integerPack(size, false);
  const infinity = size === 4 ? 0x7f80 : 0x7ff0;
  return (bytes, at, units) => {
    const start = units.length;
    pack(bytes, at, units);
    const head = units[start] ?? 0;
    const magnitude = head & 0x7fff;
    const hasTail = units.some((unit, index) => index > start && unit !== 0);
    const isNegative = head >= 0x8000 && (magnitude !== 0 || hasTail);
    if (magnitude > infinity || (magnitude === infinity && hasTail)) units.fill(0xffff, start);
    else if (isNegative) flipBits(units, start);
    else units[start] = head | 0x8000;
    return at + size;
  };
}

function flipBits(units: number[], start: number): void {
  for (let index = start; index < units.length; index += 1) units[index] = ~(units[index] ?? 0) & 0xffff;
}

function packString(bytes: Uint8Array, at: number, units: number[]): number {
  const end = at + 4 + readU32(bytes, at);
  const text = decodeValidUtf8(bytes, at + 4, end);
  for (let index = 0; index < text.length; index += 1) {
    const unit = codePointRank(text.charCodeAt(index));
    if (unit > 1) units.push(unit);
    else units.push(1, unit + 1);
  }
  units.push(0);
  return end;
}

function packByteArray(bytes: Uint8Array, at: number, units: number[]): number {
  const end = at + 4 + readU32(bytes, at);
  for (let index = at + 4; index < end; index += 1) units.push((bytes[index] ?? 0) + 1);
  units.push(0);
  return end;
}

function arrayPack(element: AlgebraicType): Pack {
  const pack = compilePack(element);
  return (bytes, at, units) => {
    const length = readU32(bytes, at);
    let after = at + 4;
    for (let index = 0; index < length; index += 1) {
      units.push(1);
      after = pack(bytes, after, units);
    }
    units.push(0);
    return after;
  };
}

function productPack(elements: readonly NamedType[]): Pack {
  const packs = elements.map(({ algebraicType }) => compilePack(algebraicType));
  return (bytes, at, units) => packs.reduce((after, pack) => pack(bytes, after, units), at);
}

function sumPack(variants: readonly NamedType[]): Pack {
  const packs = variants.map(({ algebraicType }) => compilePack(algebraicType));
  return (bytes, at, units) => {
    const tag = bytes[at] ?? 0;
    units.push(tag);
    return packs[tag]?.(bytes, at + 1, units) ?? at + 1;
  };
}
