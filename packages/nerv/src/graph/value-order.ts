// Property values: how they are found and put in order.
//
// - `compareValues` is a total order up to the sameness of property-value.ts, but for values that share a rank and are no
//   scalars.

import { stringify } from '../values/encode.ts';
import type { Properties } from './entity.ts';

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
