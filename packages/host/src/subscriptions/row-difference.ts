import type { Row } from '../datastore/state-view.ts';
import { bytesKey } from '../query/scalar-type.ts';
import type { Delta } from '../query/incremental.ts';

/** What turns one list of rows into the other, each row as often as it stands in them; order does not matter. */
export function differenceOf(before: Iterable<Row>, after: Iterable<Row>): Delta {
  const left = new Map<string, Row[]>();
  for (const row of before) {
    const key = bytesKey(row);
    const rows = left.get(key);
    if (rows === undefined) left.set(key, [row]);
    else rows.push(row);
  }
  const inserts: Row[] = [];
  for (const row of after) if (left.get(bytesKey(row))?.pop() === undefined) inserts.push(row);
  return { inserts, deletes: [...left.values()].flat() };
}
