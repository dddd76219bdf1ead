// Queries a page at a time: what comes after a place in the order, and the place where it ends.

import { assert } from '../assert.ts';
import type { CompiledQuery } from './compiled-query.ts';
import { isAfterCursor, makeCursor } from './cursor.ts';
import type { Entity } from './entity.ts';
import type { Page } from './graph-query.ts';
import { firstRows, matchingRows, type Source } from './run-query.ts';

/** The default length of a page. */
export const DEFAULT_PAGE_ROWS = 1000;

/** All rows that match, in order, from the cursor on, up to the limit. */
export function runQueryFrom<Row extends Entity>(source: Source<Row>, compiled: CompiledQuery): Row[] {
  return runPage(source, compiled, compiled.limit ?? Number.POSITIVE_INFINITY).items;
}

/** The first page of what `runQueryFrom` would give. */
export function runQueryPage<Row extends Entity>(source: Source<Row>, compiled: CompiledQuery): Page<Row> {
  return runPage(source, compiled, compiled.limit ?? DEFAULT_PAGE_ROWS);
}

function runPage<Row extends Entity>(
  source: Source<Row>,
  compiled: CompiledQuery,
  limit: number,
): { readonly items: Row[]; readonly next: string | undefined } {
  const { cursor } = compiled.query;
  let rows = matchingRows(source, compiled);
  if (cursor !== undefined) rows = rows.filter(isAfterCursor(compiled, cursor));
  const found = firstRows(rows, limit + 1, compiled);
  if (found.length <= limit) return { items: found, next: undefined };
  found.pop();
  const last = found.at(-1);
  assert(last !== undefined, 'a page that another follows has a row');
  return { items: found, next: makeCursor(compiled, last) };
}
