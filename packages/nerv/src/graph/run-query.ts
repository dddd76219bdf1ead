// Queries over rows of one kind: take the fewest that can match, filter, order, cut.

import { assert } from '../assert.ts';
import type { CompiledQuery } from './compiled-query.ts';
import { makeCursor, readCursor } from './cursor.ts';
import type { Entity } from './entity.ts';
import type { Page } from './graph-query.ts';
import type { RowSource, Slot } from './vertex.ts';

/** The default length of a page. */
export const DEFAULT_PAGE_ROWS = 1000;

type Source<Row extends Entity> = RowSource<Slot<Row>, CompiledQuery>;

/** All rows that match, in order, from the cursor on, up to the limit. */
export function runQuery<Row extends Entity>(source: Source<Row>, compiled: CompiledQuery): Row[] {
  return runPage(source, compiled, compiled.limit ?? Number.POSITIVE_INFINITY).items;
}

/** The first page of what `runQuery` would give. */
export function runQueryPage<Row extends Entity>(source: Source<Row>, compiled: CompiledQuery): Page<Row> {
  return runPage(source, compiled, compiled.limit ?? DEFAULT_PAGE_ROWS);
}

/** All rows that match, in no promised order. */
export function matchingRows<Row extends Entity>(source: Source<Row>, compiled: CompiledQuery): Row[] {
  const rows: Row[] = [];
  for (const { row } of source.candidates(compiled).slots) {
    if (compiled.matches(row)) rows.push(row);
  }
  return rows;
}

function runPage<Row extends Entity>(
  source: Source<Row>,
  compiled: CompiledQuery,
  limit: number,
): { readonly items: Row[]; readonly next: string | undefined } {
  const { order, query } = compiled;
  let rows = matchingRows(source, compiled);
  if (query.cursor !== undefined) {
    const { key, id } = readCursor(order, query.cursor);
    rows = rows.filter((row) => order.compareTo(row, key, id) > 0);
  }
  const found = firstRows(rows, limit + 1, (left, right) => order.compare(left, right));
  if (found.length <= limit) return { items: found, next: undefined };
  found.pop();
  const last = found.at(-1);
  assert(last !== undefined, 'a page that another follows has a row');
  return { items: found, next: makeCursor(order, last) };
}

// The first so many in order. Where they are few, what cannot be among them is left out as soon as that is known.
function firstRows<Row>(rows: Row[], count: number, compare: (left: Row, right: Row) => number): Row[] {
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
