// Queries over one table of rows: choose the smallest index that holds all that can match, filter, order, cut.

import type { Entity } from './entity.ts';
import type { GraphStore } from './graph-store.ts';
import type { EntityQuery, Order, Page, RelationQuery } from './graph-query.ts';
import { makeCursor, readCursor } from './cursor.ts';
import { compileOrder, type RowOrder } from './order.ts';
import type { RowTable } from './row-table.ts';
import { compileWhere, invalidQuery, isPlainValue, type Predicate, type Subject } from './where.ts';

/** The default length of a page. */
export const DEFAULT_PAGE_ROWS = 1000;

type AnyQuery = EntityQuery & Pick<RelationQuery, 'from' | 'to'>;

/** A query, checked and made ready to run, and to be asked of single rows. */
export interface CompiledQuery {
  readonly subject: Subject;
  readonly query: AnyQuery;
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
  const checked = query as AnyQuery;
  const { limit } = checked;
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1)) {
    throw invalidQuery('limit', `is ${limit}, not a whole number from 1`);
  }
  // The orders are checked one by one.
  const orderBy = checked.orderBy as Order | readonly Order[] | undefined;
  return {
    subject,
    query: checked,
    matches: compileMatch(checked, subject),
    order: compileOrder(orderBy, subject),
    limit,
  };
}

/** All rows that match, in order, from the cursor on, up to the limit. */
export function runQuery<Row extends Entity>(store: GraphStore, table: RowTable<Row>, compiled: CompiledQuery): Row[] {
  return runPage(store, table, compiled, compiled.limit ?? Number.POSITIVE_INFINITY).items;
}

/** The first page of what `runQuery` would give. */
export function runQueryPage<Row extends Entity>(
  store: GraphStore,
  table: RowTable<Row>,
  compiled: CompiledQuery,
): Page<Row> {
  return runPage(store, table, compiled, compiled.limit ?? DEFAULT_PAGE_ROWS);
}

function runPage<Row extends Entity>(
  store: GraphStore,
  table: RowTable<Row>,
  compiled: CompiledQuery,
  limit: number,
): { readonly items: Row[]; readonly next: string | undefined } {
  const { order, query } = compiled;
  let rows = matchingRows(store, table, compiled).sort((left, right) => order.compare(left, right));
  if (query.cursor !== undefined) {
    const { key, id } = readCursor(order, query.cursor);
    rows = rows.filter((row) => order.compareTo(row, key, id) > 0);
  }
  if (rows.length <= limit) return { items: rows, next: undefined };
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: last === undefined ? undefined : makeCursor(order, last) };
}

/** All rows that match, in no promised order. */
export function matchingRows<Row extends Entity>(
  store: GraphStore,
  table: RowTable<Row>,
  { query, matches, subject }: CompiledQuery,
): Row[] {
  const rows: Row[] = [];
  const ids = smallestIndex(store, table, query, subject);
  if (ids === undefined) {
    for (const row of table.all()) if (matches(row)) rows.push(row);
    return rows;
  }
  for (const id of ids.ids) {
    const row = table.get(id);
    if (row !== undefined && matches(row)) rows.push(row);
  }
  return rows;
}

const ROW_KEYS = ['type', 'tags', 'name', 'where', 'orderBy', 'limit', 'cursor'];
const QUERY_KEYS: Readonly<Record<Subject, ReadonlySet<string>>> = {
  entity: new Set(ROW_KEYS),
  relation: new Set([...ROW_KEYS, 'from', 'to']),
};

function compileMatch(query: AnyQuery, subject: Subject): Predicate<Entity> {
  const types = query.type === undefined ? undefined : new Set(listOf(query.type));
  const { tags, name, from, to } = query;
  if (tags !== undefined && !Array.isArray(tags)) throw invalidQuery('tags', 'is not an array of tags');
  const where = query.where === undefined ? undefined : compileWhere(query.where, subject);
  return (row) =>
    (types === undefined || types.has(row.type)) &&
    (name === undefined || row.name === name) &&
    (from === undefined || Reflect.get(row, 'from') === from) &&
    (to === undefined || Reflect.get(row, 'to') === to) &&
    (tags === undefined || tags.every((tag) => row.tags.includes(tag))) &&
    (where === undefined || where(row));
}

interface IdSource {
  readonly size: number;
  readonly ids: Iterable<string>;
}

function smallestIndex<Row extends Entity>(
  store: GraphStore,
  table: RowTable<Row>,
  query: AnyQuery,
  subject: Subject,
): IdSource | undefined {
  const sources: IdSource[] = conjuncts(query.where).flatMap((where) => sourcesOfWhere(table, where));
  if (query.type !== undefined) sources.push(union(listOf(query.type).map((type) => table.withType(type))));
  for (const tag of query.tags ?? []) sources.push(ofSet(table.withTag(tag)));
  if (query.name !== undefined && query.name !== '') sources.push(ofSet(table.withName(query.name)));
  if (subject === 'relation' && query.from !== undefined) sources.push(ofMap(store.outgoing(query.from)));
  if (subject === 'relation' && query.to !== undefined) sources.push(ofMap(store.incoming(query.to)));
  let smallest: IdSource | undefined;
  for (const source of sources) {
    if (smallest === undefined || source.size < smallest.size) smallest = source;
  }
  return smallest;
}

// What must hold besides everything else: the where itself, and the parts of its `and`.
function conjuncts(where: unknown): readonly object[] {
  if (typeof where !== 'object' || where === null) return [];
  const and: unknown = Reflect.get(where, 'and');
  return Array.isArray(and) ? [where, ...and.flatMap(conjuncts)] : [where];
}

function sourcesOfWhere<Row extends Entity>(table: RowTable<Row>, where: object): IdSource[] {
  const sources: IdSource[] = [];
  const ids = wantedValues(Reflect.get(where, 'id'))?.filter((id) => typeof id === 'string');
  if (ids !== undefined) sources.push({ size: ids.length, ids: new Set(ids) });
  const names = wantedValues(Reflect.get(where, 'name'));
  if (names?.every((name) => typeof name === 'string' && name !== '')) {
    sources.push(union(names.map((name) => table.withName(String(name)))));
  }
  const properties: unknown = Reflect.get(where, 'properties');
  for (const [property, condition] of Object.entries(properties ?? {})) {
    const sets = wantedValues(condition)?.map((value) =>
      value === undefined ? undefined : table.withProperty(property, value),
    );
    if (sets?.every((set) => set !== undefined)) sources.push(union(sets));
  }
  return sources;
}

// The values of which a condition demands one; undefined if it demands no such thing.
function wantedValues(condition: unknown): readonly unknown[] | undefined {
  if (condition === undefined) return undefined;
  if (isPlainValue(condition)) return [condition];
  // What is no plain value is an object.
  const operators = condition as object;
  if (Reflect.get(operators, 'equals') !== undefined) return [Reflect.get(operators, 'equals')];
  const list: unknown = Reflect.get(operators, 'in');
  return Array.isArray(list) ? list : undefined;
}

function ofSet(ids: ReadonlySet<string>): IdSource {
  return { size: ids.size, ids };
}

function ofMap(rows: ReadonlyMap<string, unknown>): IdSource {
  return { size: rows.size, ids: rows.keys() };
}

function union(sets: readonly ReadonlySet<string>[]): IdSource {
  const [only] = sets;
  if (only !== undefined && sets.length === 1) return ofSet(only);
  const size = sets.reduce((sum, set) => sum + set.size, 0);
  return { size, ids: eachOnce(sets) };
}

function* eachOnce(sets: readonly ReadonlySet<string>[]): Generator<string> {
  const seen = new Set<string>();
  for (const set of sets) {
    for (const id of set) {
      if (seen.has(id)) continue;
      seen.add(id);
      yield id;
    }
  }
}

function listOf(one: unknown): readonly string[] {
  if (typeof one === 'string') return [one];
  if (Array.isArray(one) && one.every((item) => typeof item === 'string')) return one;
  throw invalidQuery('type', 'is neither a type nor an array of types');
}
