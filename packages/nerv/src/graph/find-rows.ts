// Queries of the small graph: by type, tags, name, ends, and a predicate.

import { compareKeys } from '../values/json.ts';
import type { Entity, Relation } from './entity.ts';
import { invalidQuery } from './invalid-query.ts';
import type { RowTable } from './row-table.ts';
import type { Slot } from './vertex.ts';
import { checkedCount } from './walk.ts';

/** Which entities: all that is named must hold. */
export interface CoreEntityQuery<T extends string = string, Row = Entity> {
  readonly type?: T | readonly T[] | undefined;
  /** All of these. */
  readonly tags?: readonly string[] | undefined;
  readonly name?: string | undefined;
  readonly where?: ((row: Row) => boolean) | undefined;
  /** The most rows to give, the first by id; default all. */
  readonly limit?: number | undefined;
}

/** Which relations: all that is named must hold. */
export interface CoreRelationQuery<T extends string = string, Row = Relation> extends CoreEntityQuery<T, Row> {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const KEYS = ['type', 'tags', 'name', 'where', 'limit', 'from', 'to'];

/** All rows that fit, by id. @throws NervError `graph/invalid-query`, `graph/invalid-argument` */
export function findRows<Row extends Entity>(table: RowTable<Slot<Row>>, query: CoreRelationQuery<string, Row>): Row[] {
  for (const key of Object.keys(query)) if (!KEYS.includes(key)) throw foreign(key);
  const { where, limit } = query;
  if (where !== undefined && typeof where !== 'function') throw foreign('where');
  const rows: Row[] = [];
  for (const { row } of table.candidates({ query }).slots) {
    if (isNamed(row, query) && (where === undefined || where(row))) rows.push(row);
  }
  return rows.sort((left, right) => compareKeys(left.id, right.id)).slice(0, checkedCount('limit', limit));
}

/** Whether a row has the type, tags, name and ends of a query. */
export function isNamed(row: Entity, { type, tags, name, from, to }: Omit<CoreRelationQuery, 'where'>): boolean {
  return (
    (type === undefined || (typeof type === 'string' ? type === row.type : type.includes(row.type))) &&
    (name ?? row.name) === row.name &&
    (tags === undefined || tags.every((tag) => row.tags.includes(tag))) &&
    (from === undefined || (row as Relation).from === from) && // a query with ends is one of relations
    (to === undefined || (row as Relation).to === to)
  );
}

function foreign(key: string): Error {
  return invalidQuery(key, "needs the EntityGraph of the entry 'graph'");
}
