import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import type { Bound, IndexRange } from '../datastore/state-view.ts';
import type { IndexDef } from '../schema/module-def.ts';
import type { Relation } from './catalog.ts';
import { conjunctsOf } from './predicate.ts';
import type { ColumnRef, PossibleValues, Predicate } from './predicate.ts';
import type { Access, Lookup } from './plan.ts';
import type { Scalar } from './scalar-type.ts';

/** A search with more key values than these is not split into points. */
const RANGES_MAX = 1_000;

/** How many rows a table is taken to have; plans are made once and hold for any size. */
export const TABLE_ROWS_ESTIMATE = 100_000;
const ROWS_PER_KEY_ESTIMATE = 20;
const ROWS_PER_PREFIX_ESTIMATE = 1_000;

/** The conditions that look at one relation alone, and what they say of its columns. */
export interface Restriction {
  readonly relation: Relation;
  readonly condition: Predicate;
  readonly possible: ReadonlyMap<number, PossibleValues>;
}

/** Rows that an access is guessed to give; only the order between guesses means something. */
export function estimateAccess(access: Access): number {
  if (access.type === 'none') return 0;
  if (access.type === 'scan') return TABLE_ROWS_ESTIMATE;
  let rows = 0;
  for (const range of access.ranges) rows += estimateRange(access.index, range);
  return rows;
}

/** Rows that one lookup is guessed to give. */
export function estimateLookup(lookup: Lookup): number {
  if (lookup.type === 'hash') return ROWS_PER_KEY_ESTIMATE;
  return estimatePoint(lookup.index, lookup.prefix.length + 1);
}

function estimateRange(index: IndexDef, { prefix, start, end }: IndexRange): number {
  const rows = prefix.length === 0 ? TABLE_ROWS_ESTIMATE : estimatePoint(index, prefix.length);
  if (start === undefined && end === undefined) return rows;
  return start === undefined || end === undefined ? rows / 3 : rows / 10;
}

function estimatePoint(index: IndexDef, columns: number): number {
  if (columns < index.columns.length) return ROWS_PER_PREFIX_ESTIMATE;
  return index.isUnique ? 1 : ROWS_PER_KEY_ESTIMATE;
}

/** The cheapest way to the rows that satisfy a restriction; the restriction must still be tested on them. */
export function chooseAccess(restriction: Restriction): Access {
  const { condition, possible, relation } = restriction;
  if (condition.type === 'constant' && !condition.value) return { type: 'none' };
  if ([...possible.values()].some(({ size }) => size === 0)) return { type: 'none' };
  let best: Access = { type: 'scan' };
  for (const index of relation.table.indexes) {
    const seek = trySeek(restriction, index);
    if (seek !== undefined && estimateAccess(seek) < estimateAccess(best)) best = seek;
  }
  return best;
}

/**
 * The cheapest way to the rows whose key column has a given value: an index that starts with columns which the
 * restriction fixes and goes on with the key. A hash table when there is none.
 */
export function chooseLookup(restriction: Restriction, key: ColumnRef): Lookup {
  let best: Lookup | undefined;
  for (const index of restriction.relation.table.indexes) {
    const lookup = tryIndexLookup(restriction, index, key);
    if (lookup !== undefined && (best === undefined || estimateLookup(lookup) < estimateLookup(best))) best = lookup;
  }
  return best ?? { type: 'hash', key };
}

function tryIndexLookup({ relation, possible }: Restriction, index: IndexDef, key: ColumnRef): Lookup | undefined {
  const prefix: AlgebraicValue[] = [];
  for (const column of index.columns) {
    if (column === key.column) {
      const isWhole = prefix.length + 1 === index.columns.length;
      return isWhole || index.algorithm === 'btree' ? { type: 'index', index, prefix, key } : undefined;
    }
    const values = possible.get(column);
    const type = relation.scalarType(column);
    if (values?.size !== 1 || type === undefined) return undefined;
    for (const value of values.values()) prefix.push(type.wrap(value));
  }
  return undefined;
}

function trySeek(restriction: Restriction, index: IndexDef): Access | undefined {
  const { relation, possible } = restriction;
  let prefixes: readonly (readonly AlgebraicValue[])[] = [[]];
  let columns = 0;
  for (const column of index.columns) {
    const values = possible.get(column);
    const type = relation.scalarType(column);
    if (values === undefined || type === undefined || prefixes.length * values.size > RANGES_MAX) break;
    prefixes = prefixes.flatMap((prefix) => [...values.values()].map((value) => [...prefix, type.wrap(value)]));
    columns += 1;
  }
  const isWhole = columns === index.columns.length;
  if (!isWhole && index.algorithm === 'hash') return undefined;
  const rangeColumn = index.columns[columns];
  const bounds = rangeColumn === undefined ? undefined : tryBounds(restriction, rangeColumn);
  if (columns === 0 && bounds === undefined) return undefined;
  return { type: 'seek', index, ranges: prefixes.map((prefix) => ({ prefix, ...bounds })) };
}

interface Bounds {
  readonly start?: Bound;
  readonly end?: Bound;
}

interface Limit {
  readonly value: Scalar;
  readonly isIncluded: boolean;
}

/** The narrowest range of a column that follows from the conditions which all must hold; undefined when none does. */
function tryBounds({ relation, condition }: Restriction, column: number): Bounds | undefined {
  const type = relation.scalarType(column);
  if (type === undefined) return undefined;
  let low: Limit | undefined;
  let high: Limit | undefined;
  for (const term of conjunctsOf(condition)) {
    if (term.type !== 'compare-constant' || term.column.column !== column) continue;
    const limit = { value: term.value, isIncluded: term.operator === '>=' || term.operator === '<=' };
    if (term.operator === '>' || term.operator === '>=') {
      low = narrower(low, limit, (a, b) => type.compare(b, a));
    } else if (term.operator === '<' || term.operator === '<=') {
      high = narrower(high, limit, (a, b) => type.compare(a, b));
    }
  }
  if (low === undefined && high === undefined) return undefined;
  const bound = ({ value, isIncluded }: Limit): Bound => ({
    type: isIncluded ? 'included' : 'excluded',
    value: type.wrap(value),
  });
  return { ...(low && { start: bound(low) }), ...(high && { end: bound(high) }) };
}

/** The limit that leaves less; `order` is negative when its first value leaves less than its second. */
function narrower(a: Limit | undefined, b: Limit, order: (a: Scalar, b: Scalar) => number): Limit {
  if (a === undefined) return b;
  const difference = order(a.value, b.value);
  if (difference !== 0) return difference < 0 ? a : b;
  return a.isIncluded ? b : a;
}
