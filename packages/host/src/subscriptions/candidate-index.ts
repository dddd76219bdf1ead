import { assert } from '../assert.ts';
import { chooseRoute } from './route.ts';
import type { Row, TableDelta } from '../datastore/state-view.ts';
import type { Delta } from '../query/incremental.ts';
import type { ScalarKey } from '../query/scalar-type.ts';
import type { Route, RoutedCommit, RoutedQuery } from './route.ts';

/*
 * Which queries a commit can affect.
 *
 * - A query is registered once for each of its relations, by the relation's table.
 * - Where a relation has a route, the query is found by the route's values and is given only the changed rows that
 *   have one of them; otherwise it is given every changed row of the table.
 * - So the cost of a commit grows with the changed rows, the distinct routes and the queries found, but neither with
 *   the queries that are not found nor with the rows of the tables.
 */

/** One relation of one query. */
interface Side<Q> {
  readonly query: Q;
  readonly position: number;
  readonly tableId: number;
  readonly route: Route | undefined;
}

/** Sides with routes of one id. */
interface RouteGroup<Q> {
  readonly route: Route;
  readonly sides: Map<ScalarKey, Set<Side<Q>>>;
}

interface TableSides<Q> {
  /** Sides that any changed row may concern. */
  readonly unrouted: Set<Side<Q>>;
  readonly routed: Map<string, RouteGroup<Q>>;
}

interface MutableDelta {
  readonly inserts: Row[];
  readonly deletes: Row[];
}

/** Finds the queries that a commit's changes can affect. */
export class CandidateIndex<Q extends RoutedQuery> {
  readonly #tables = new Map<number, TableSides<Q>>();
  readonly #sides = new Map<Q, readonly Side<Q>[]>();

  add(query: Q): void {
    assert(!this.#sides.has(query), 'a query is registered once');
    const sides = sidesOf(query);
    this.#sides.set(query, sides);
    for (const side of sides) this.#addSide(side);
  }

  remove(query: Q): void {
    for (const side of this.#sides.get(query) ?? []) this.#removeSide(side);
    this.#sides.delete(query);
  }

  /** The queries that a commit can affect, each with the changed rows at its relations' positions. */
  route(commit: RoutedCommit): ReadonlyMap<Q, readonly Delta[]> {
    const found = new Map<Q, Delta[]>();
    for (const delta of commit.deltas) {
      const table = this.#tables.get(delta.table.id);
      if (table === undefined) continue;
      for (const side of table.unrouted) giveDelta(found, side, delta);
      for (const group of table.routed.values()) {
        for (const [side, own] of routeDelta(group, delta, commit)) giveDelta(found, side, own);
      }
    }
    return found;
  }

  #addSide(side: Side<Q>): void {
    const { tableId, route } = side;
    const table = this.#tables.get(tableId) ?? { unrouted: new Set(), routed: new Map() };
    this.#tables.set(tableId, table);
    if (route === undefined) {
      table.unrouted.add(side);
      return;
    }
    const group = table.routed.get(route.id) ?? { route, sides: new Map<ScalarKey, Set<Side<Q>>>() };
    table.routed.set(route.id, group);
    for (const value of route.values) {
      const sides = group.sides.get(value);
      if (sides === undefined) group.sides.set(value, new Set([side]));
      else sides.add(side);
    }
  }

  #removeSide(side: Side<Q>): void {
    const { tableId, route } = side;
    const table = this.#tables.get(tableId);
    assert(table !== undefined, 'a registered side has a table');
    if (route === undefined) table.unrouted.delete(side);
    else removeFromGroup(table, route, side);
    if (table.unrouted.size === 0 && table.routed.size === 0) this.#tables.delete(tableId);
  }
}

function sidesOf<Q extends RoutedQuery>(query: Q): readonly Side<Q>[] {
  const { relations } = query.plan;
  // A condition that never holds makes the whole result empty for ever.
  if (relations.some(({ access }) => access.type === 'none')) return [];
  return relations.map(({ relation }, position) => ({
    query,
    position,
    tableId: relation.table.id,
    route: chooseRoute(query, position),
  }));
}

function removeFromGroup<Q>(table: TableSides<Q>, route: Route, side: Side<Q>): void {
  const group = table.routed.get(route.id);
  assert(group !== undefined, 'a side with a route stands in its group');
  for (const value of route.values) {
    const sides = group.sides.get(value);
    sides?.delete(side);
    if (sides?.size === 0) group.sides.delete(value);
  }
  if (group.sides.size === 0) table.routed.delete(route.id);
}

/** The sides of a group that a table's change concerns, each with its own rows. */
function routeDelta<Q>(
  { route, sides }: RouteGroup<Q>,
  delta: TableDelta,
  commit: RoutedCommit,
): ReadonlyMap<Side<Q>, MutableDelta> {
  const routed = new Map<Side<Q>, MutableDelta>();
  const keysOf = route.keysFor(commit);
  const give = (row: Row, list: keyof MutableDelta): void => {
    const concerned = new Set<Side<Q>>();
    for (const key of keysOf(row)) {
      for (const side of sides.get(key) ?? []) concerned.add(side);
    }
    for (const side of concerned) {
      const own = routed.get(side) ?? { inserts: [], deletes: [] };
      routed.set(side, own);
      own[list].push(row);
    }
  };
  for (const row of delta.inserts) give(row, 'inserts');
  for (const row of delta.deletes) give(row, 'deletes');
  return routed;
}

function giveDelta<Q>(found: Map<Q, Delta[]>, { query, position }: Side<Q>, delta: Delta): void {
  const deltas = found.get(query) ?? [];
  found.set(query, deltas);
  deltas[position] = delta;
}
