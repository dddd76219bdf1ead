// Queries over rows of one kind: take the fewest that can match, filter, order, cut.

import type { CompiledQuery } from './compiled-query.ts';
import type { Entity } from './entity.ts';
import type { RowSource, Slot } from './vertex.ts';
import { invalidQuery } from './invalid-query.ts';

/** Where rows are looked for. */
export type Source<Row extends Entity> = RowSource<Slot<Row>, CompiledQuery>;

/** @throws NervError `graph/invalid-query` for a query that goes on from a page */
export function assertNoCursor({ query }: CompiledQuery): void {
  if (query.cursor !== undefined) throw invalidQuery('cursor', 'has no place here');
}

/** All rows that match, in no promised order. */
export function matchingRows<Row extends Entity>(source: Source<Row>, compiled: CompiledQuery): Row[] {
  const rows: Row[] = [];
  for (const { row } of source.candidates(compiled).slots) {
    if (compiled.matches(row)) rows.push(row);
  }
  return rows;
}

/** The first so many in order. Where they are few, what cannot be among them is left out as soon as that is known. */
export function firstRows<Row extends Entity>(rows: Row[], count: number, { order }: CompiledQuery): Row[] {
  const { compare } = order;
  if (rows.length <= 4 * count) return rows.sort(compare).slice(0, count);
  const first = rows.splice(0, count).sort(compare);
  let last = first.at(-1);
  for (const row of rows) {
    if (last !== undefined && compare(row, last) >= 0) continue;
    first.push(row);
    if (first.length < 2 * count) continue;
    first.sort(compare).length = count;
    last = first.at(-1);
  }
  return first.sort(compare).slice(0, count);
}
