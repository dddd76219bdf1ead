// Where a page ended: the order it was in, and the sort key and id of its last row. The next page holds what comes
// after that place, whatever was written meanwhile.

import { NervError } from '../errors.ts';
import { parse } from '../values/decode.ts';
import { stringify } from '../values/encode.ts';
import type { Entity } from './entity.ts';
import type { CompiledQuery } from './compiled-query.ts';
import { compareValues } from './value-order.ts';

/** The place of a row in an order: the values that it is ordered by, and its id. */
interface CursorPlace {
  readonly key: readonly unknown[];
  readonly id: string;
}

/** The cursor of the page that follows a row. */
export function makeCursor(query: CompiledQuery, last: Entity): string {
  const key = query.order.criteria.map(({ get }) => get(last));
  return stringify({ order: signatureOf(query), key, id: last.id });
}

/**
 * Whether a row comes after the place that a cursor names.
 * @throws NervError `graph/invalid-cursor` if it is none, or one of another order
 */
export function isAfterCursor(query: CompiledQuery, cursor: unknown): (row: Entity) => boolean {
  const { key, id } = readCursor(query, cursor);
  return (row) => {
    for (const [place, { get, sign }] of query.order.criteria.entries()) {
      const order = compareValues(get(row), key[place]);
      if (order !== 0) return sign * order > 0;
    }
    return row.id > id;
  };
}

/** The same for equal orders of the same kind of rows, and for no others. */
function signatureOf({ subject, order }: CompiledQuery): string {
  return JSON.stringify([subject, ...order.criteria.map(({ name, sign }) => [name, sign])]);
}

function readCursor(query: CompiledQuery, cursor: unknown): CursorPlace {
  const place = parseCursor(cursor);
  if (typeof place === 'object' && place !== null && Reflect.get(place, 'order') === signatureOf(query)) {
    const key: unknown = Reflect.get(place, 'key');
    const id: unknown = Reflect.get(place, 'id');
    if (Array.isArray(key) && typeof id === 'string') return { key, id };
  }
  throw invalidCursor(cursor);
}

function parseCursor(cursor: unknown): unknown {
  try {
    return parse(String(cursor));
  } catch (cause) {
    throw invalidCursor(cursor, cause);
  }
}

function invalidCursor(cursor: unknown, cause?: unknown): NervError {
  const message = 'The cursor is none of this query. Use the one of its last page as it is.';
  return new NervError('graph/invalid-cursor', message, { details: { cursor }, cause });
}
