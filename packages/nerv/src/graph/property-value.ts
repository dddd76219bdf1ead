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
  if (!isPlainObject(properties)) {
    throw new NervError('value/unsupported', `Properties are a plain object, not ${String(properties)}.`, {
      details: { path: '' },
    });
  }
  if (Object.entries(properties).every(([key, value]) => isStorableScalar(key) && isStorableScalar(value))) {
    return Object.freeze(setAll({}, properties));
  }
  // A plain object comes back as one.
  return deepFreeze(decode(encode(properties))) as Properties;
}

/** The properties with some keys set and some taken away, frozen. @throws as `copyProperties` */
export function patchProperties(
  before: Properties,
  set: object | undefined,
  removed: readonly string[] = [],
): Properties {
  const isChanged = set !== undefined || removed.length > 0;
  if (!isChanged) return before;
  const added = set === undefined ? {} : copyProperties(set);
  const kept = Object.entries(before).filter(([key]) => !removed.includes(key));
  return kept.length === 0 ? Object.freeze(added) : Object.freeze(setAll(Object.fromEntries(kept), added));
}

/** Sets all of an object's properties in another, which it gives. */
function setAll(target: Record<string, Value>, properties: object): Properties {
  for (const [key, value] of Object.entries(properties)) setOwn<unknown>(target, key, value);
  return target;
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
const DATE_RANK = 5;
const OTHER_RANK = 6;

function valueRank(value: unknown): number {
  switch (typeof value) {
    case 'undefined':
      return 0;
    case 'boolean':
      return BOOLEAN_RANK;
    case 'number':
    case 'bigint':
      return NUMBER_RANK;
    case 'string':
      return 4;
    default:
      return value === null ? 1 : value instanceof Date ? DATE_RANK : OTHER_RANK;
  }
}

// Both values have the rank, so they are of its types. NaN comes before all numbers, as it is less than none.
function compareWithin(rank: number, left: unknown, right: unknown): number {
  if (rank < BOOLEAN_RANK) return 0;
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(right)) - Number(Number.isNaN(left));
  const [a, b] = (rank === OTHER_RANK ? [stringify(left), stringify(right)] : [left, right]) as [number, number];
  return a < b ? -1 : a > b ? 1 : 0;
}

function isScalar(value: unknown): value is ValueKey {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol');
}

function isStorableScalar(value: unknown): boolean {
  return typeof value === 'string' ? !hasLoneSurrogate(value) : isScalar(value);
}

/** Freezes plain data as far as it can be, and gives it. */
export function deepFreeze<T>(value: T): T {
  // A view of bytes cannot be frozen.
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const parts = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value);
  for (const part of parts) deepFreeze(part);
  return Object.freeze(value);
}
