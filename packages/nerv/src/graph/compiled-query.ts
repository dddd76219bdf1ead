import type { Entity } from './entity.ts';
import type { EntityQuery, Order, RelationQuery } from './graph-query.ts';
import { compileOrder, type RowOrder } from './order.ts';
import { isValidAt, timeOf } from './validity.ts';
import type { Subject } from './graph-change.ts';
import { isNamed } from './find-rows.ts';
import { invalidQuery } from './invalid-query.ts';
import { compileWhere, type Predicate } from './where.ts';

/** A query, checked and made ready to run, and to be asked of single rows. */
export interface CompiledQuery {
  readonly subject: Subject;
  readonly query: EntityQuery & Pick<RelationQuery, 'from' | 'to'>;
  readonly matches: Predicate<Entity>;
  readonly order: RowOrder;
  readonly limit: number | undefined;
}

/**
 * Checks a query.
 * @throws NervError `graph/invalid-query`
 */
export function compileQuery(query: unknown, subject: Subject): CompiledQuery {
  if (typeof query !== 'object' || query === null) throw invalidQuery('query', 'is not an object');
  for (const key of Object.keys(query)) {
    if (!QUERY_KEYS[subject].has(key)) throw invalidQuery(key, `is nothing that a query of ${subject} rows has`);
  }
  // Its keys are those of a query; what they hold is checked where it is used.
  const checked = query as CompiledQuery['query'];
  const { limit } = checked;
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1)) {
    throw invalidQuery('limit', `is ${limit}, not a whole number from 1`);
  }
  // The orders are checked one by one.
  const orderBy = checked.orderBy as Order | readonly Order[] | undefined;
  const order = compileOrder(orderBy, subject);
  return { subject, query: checked, matches: compileMatch(checked, subject), order, limit };
}

/** One text or several, as an array. @throws NervError `graph/invalid-query` */
export function asList(one: unknown): readonly string[] {
  if (typeof one === 'string') return [one];
  if (Array.isArray(one) && one.every((item) => typeof item === 'string')) return one;
  throw invalidQuery('type', 'is neither a type nor an array of types');
}

const ROW_KEYS = ['type', 'tags', 'name', 'where', 'validAt', 'orderBy', 'limit', 'cursor'];
const QUERY_KEYS: Readonly<Record<Subject, ReadonlySet<string>>> = {
  entity: new Set(ROW_KEYS),
  relation: new Set([...ROW_KEYS, 'from', 'to']),
};

function compileMatch(query: CompiledQuery['query'], subject: Subject): Predicate<Entity> {
  if (query.type !== undefined) asList(query.type);
  if (query.tags !== undefined && !Array.isArray(query.tags)) throw invalidQuery('tags', 'is not an array of tags');
  const where = query.where === undefined ? undefined : compileWhere(query.where, subject);
  const validAt = timeOf(query.validAt);
  if (Number.isNaN(validAt)) throw invalidQuery('validAt', 'is not a time');
  return (row) =>
    isNamed(row, query) && (validAt === undefined || isValidAt(row, validAt)) && (where === undefined || where(row));
}
