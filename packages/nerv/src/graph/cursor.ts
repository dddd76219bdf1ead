// Where a page ended: the order it was in, and the sort key and id of its last row. The next page holds what comes
// after that place, whatever was written meanwhile.

import { NervError } from '../errors.ts';
import { parse } from '../values/decode.ts';
import { stringify } from '../values/encode.ts';
import type { Entity } from './entity.ts';
import type { RowOrder, SortKey } from './order.ts';

/** The place of a row in an order. */
export interface CursorPlace {
  readonly key: SortKey;
  readonly id: string;
}

/** The cursor of the page that follows a row. */
export function makeCursor(order: RowOrder, last: Entity): string {
  return stringify({ order: order.signature(), key: order.keyOf(last), id: last.id });
}

/**
 * The place that a cursor names.
 * @throws NervError `graph/invalid-cursor` if it is none, or one of another order
 */
export function readCursor(order: RowOrder, cursor: unknown): CursorPlace {
  const place = parseCursor(cursor);
  if (typeof place === 'object' && place !== null && Reflect.get(place, 'order') === order.signature()) {
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
