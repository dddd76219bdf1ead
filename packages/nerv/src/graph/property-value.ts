// Property values: how they are taken in, told apart and put in order.
//
// - Two values are the same exactly if their keys are: `valueKey` is what indexes and conditions compare.
// - `compareValues` is a total order up to that sameness, but for values that share a rank and are no scalars.

import { NervError } from '../errors.ts';
import { decode } from '../values/decode.ts';
import { encode, isPlainObject, stringify } from '../values/encode.ts';
import { hasLoneSurrogate, setOwn, type Value } from '../values/json.ts';
import type { Properties } from './entity.ts';

/** What a value is found by. Map keys compare numbers so that NaN is NaN and -0 is 0. */
export type ValueKey = string | number | bigint | boolean | null | undefined;

/**
 * A frozen copy of a row's properties.
 * @throws NervError `value/unsupported`, `value/too-deep`
 */
export function copyProperties(properties: unknown): Properties {
  if (typeof properties !== 'object' || properties === null || !isPlainObject(properties)) {
    throw new NervError('value/unsupported', `Properties are a plain object, not ${describe(properties)}.`, {
      details: { path: '' },
    });
  }
  if (Object.values(properties).every(isStorableScalar) && Object.keys(properties).every(isWellFormed)) {
    const copy: Record<string, Value> = {};
    for (const [key, value] of Object.entries(properties)) setOwn<unknown>(copy, key, value);
    return Object.freeze(copy);
  }
  // A plain object comes back as one.
  return deepFreeze(decode(encode(properties))) as Properties;
}

/** The properties with some keys set and some taken away, frozen. */
export function patchProperties(before: Properties, set: object | undefined, removed: readonly string[]): Properties {
  const patched: Record<string, Value> = {};
  const added = set === undefined ? {} : copyProperties(set);
  for (const [key, value] of Object.entries(before)) {
    if (!removed.includes(key)) setOwn(patched, key, value);
  }
  for (const [key, value] of Object.entries(added)) setOwn(patched, key, value);
  return Object.freeze(patched);
}

/** What the value is found by: itself, or its canonical text where it is an object. */
export function valueKey(value: unknown): ValueKey {
  if (typeof value === 'string') return value.charCodeAt(0) === 0 ? `\u0000s${value}` : value;
  return isScalar(value) ? value : `\u0000o${stringify(value)}`;
}

/** Whether two values are the same. */
export function sameValue(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  const leftKey = valueKey(left);
  const rightKey = valueKey(right);
  return leftKey === rightKey || (Number.isNaN(leftKey) && Number.isNaN(rightKey));
}

/** Orders values: absent, null, booleans, numbers and bigints, strings by code unit, dates, others by their text. */
export function compareValues(left: unknown, right: unknown): number {
  const rank = valueRank(left);
  return rank - valueRank(right) || compareWithin(rank, left, right);
}

/** Compares two values of one kind; undefined if they are of two, or of a kind that has no more and less. */
export function tryCompare(left: unknown, right: unknown): number | undefined {
  const rank = valueRank(left);
  if (rank !== valueRank(right) || rank < BOOLEAN_RANK || rank === OTHER_RANK) return undefined;
  if (Number.isNaN(left) || Number.isNaN(right)) return undefined;
  return compareWithin(rank, left, right);
}

/** The value that a key, or a JSON pointer's segments, leads to in the properties. */
export function propertyAt(properties: Properties, path: readonly string[]): unknown {
  const [first] = path;
  if (first !== undefined && path.length === 1) return Object.hasOwn(properties, first) ? properties[first] : undefined;
  let value: unknown = properties;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = Reflect.get(value, segment);
  }
  return value;
}

const BOOLEAN_RANK = 2;
const NUMBER_RANK = 3;
const STRING_RANK = 4;
const DATE_RANK = 5;
const OTHER_RANK = 6;

function valueRank(value: unknown): number {
  if (value === undefined) return 0;
  if (value === null) return 1;
  if (typeof value === 'boolean') return BOOLEAN_RANK;
  if (typeof value === 'number' || typeof value === 'bigint') return NUMBER_RANK;
  if (typeof value === 'string') return STRING_RANK;
  return value instanceof Date ? DATE_RANK : OTHER_RANK;
}

// Both values have the rank, so they are of its types.
function compareWithin(rank: number, left: unknown, right: unknown): number {
  switch (rank) {
    case NUMBER_RANK:
      return compareNumbers(left as number, right as number);
    case DATE_RANK:
      return (left as Date).getTime() - (right as Date).getTime();
    case BOOLEAN_RANK:
    case STRING_RANK:
      return compareScalars(left as string, right as string);
    case OTHER_RANK:
      return compareScalars(stringify(left), stringify(right));
    default:
      return 0;
  }
}

// NaN comes before all numbers, as it is less than none.
function compareNumbers(left: number, right: number): number {
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(right)) - Number(Number.isNaN(left));
  return compareScalars(left, right);
}

function compareScalars<T extends string | number | boolean>(left: T, right: T): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function isScalar(value: unknown): value is ValueKey {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol');
}

function isStorableScalar(value: unknown): boolean {
  return typeof value === 'string' ? isWellFormed(value) : isScalar(value);
}

function isWellFormed(text: string): boolean {
  return !hasLoneSurrogate(text);
}

/** Freezes plain data as far as it can be, and gives it. */
export function deepFreeze<T>(value: T): T {
  // A view of bytes cannot be frozen.
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const parts = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value);
  for (const part of parts) deepFreeze(part);
  return Object.freeze(value);
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? "a class's instance" : `a ${typeof value}`;
}
