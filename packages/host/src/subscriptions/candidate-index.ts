import { assert } from '../assert.ts';
import type { Row, TableDelta } from '../datastore/state-view.ts';
import type { ColumnReader } from '../query/catalog.ts';
import type { Delta } from '../query/incremental.ts';
import type { PlannedRelation, SelectPlan } from '../query/plan.ts';
import type { ScalarKey, ScalarType } from '../query/scalar-type.ts';

/*
 * Which queries a commit can affect.
 *
 * - A query is registered once for each of its relations, by the relation's table.
 * - Where the relation's condition restricts a column to some values by equality, the query is found by these values
 *   and is given only the changed rows that have one of them; otherwise it is given every changed row.
 * - So the cost of a commit grows with the changed rows, the restricted columns and the queries found, but neither
 *   with the queries that are not found nor with the rows of the tables.
 */

/** A query that can be found. */
export interface Candidate {
  readonly plan: SelectPlan;
}

/** One relation of one query; `pin` is where it is registered by value. */
interface Side<Q> {
  readonly query: Q;
  readonly position: number;
}

interface PinnedColumn<Q> {
  readonly read: ColumnReader;
  readonly type: ScalarType;
  readonly byValue: Map<ScalarKey, Set<Side<Q>>>;
}

interface TableSides<Q> {
  /** Sides that any changed row may concern. */
  readonly unpinned: Set<Side<Q>>;
  readonly pinned: Map<number, PinnedColumn<Q>>;
}

interface MutableDelta {
  readonly inserts: Row[];
  readonly deletes: Row[];
}

/** Finds the queries that a commit's changes can affect. */
export class CandidateIndex<Q extends Candidate> {
  readonly #tables = new Map<number, TableSides<Q>>();
  readonly #sides = new Map<Q, readonly Side<Q>[]>();

  add(query: Q): void {
    assert(!this.#sides.has(query), 'a query is registered once');
    const { relations } = query.plan;
    // A condition that never holds makes the whole result empty for ever.
    const isNever = relations.some(({ access }) => access.type === 'none');
    const sides = isNever ? [] : relations.map((_, position) => ({ query, position }));
    this.#sides.set(query, sides);
    for (const side of sides) {
      for (const set of this.#homes(side)) set.add(side);
    }
  }

  remove(query: Q): void {
    for (const side of this.#sides.get(query) ?? []) {
      for (const set of this.#homes(side)) set.delete(side);
      this.#dropEmpty(side);
    }
    this.#sides.delete(query);
  }

  /** The queries that these changes can affect, each with the changed rows by its relations' positions. */
  route(deltas: readonly TableDelta[]): ReadonlyMap<Q, readonly Delta[]> {
    const routed = new Map<Q, Delta[]>();
    for (const delta of deltas) {
      const table = this.#tables.get(delta.table.id);
      if (table === undefined) continue;
      for (const side of table.unpinned) slots(routed, side.query)[side.position] = delta;
      for (const column of table.pinned.values()) {
        routeByValue(column, delta, routed);
      }
    }
    return routed;
  }

  /** The sets in which a side stands. */
  #homes({ query, position }: Side<Q>): readonly Set<Side<Q>>[] {
    const planned = query.plan.relations[position];
    assert(planned !== undefined, 'a side has a relation');
    const table = this.#table(planned);
    const pin = choosePin(planned);
    if (pin === undefined) return [table.unpinned];
    const { byValue } = this.#pinnedColumn(table, planned, pin);
    const sets: Set<Side<Q>>[] = [];
    for (const key of planned.possible.get(pin)?.keys() ?? []) {
      const set = byValue.get(key) ?? new Set();
      byValue.set(key, set);
      sets.push(set);
    }
    return sets;
  }

  #table({ relation }: PlannedRelation): TableSides<Q> {
    const known = this.#tables.get(relation.table.id);
    if (known !== undefined) return known;
    const created: TableSides<Q> = { unpinned: new Set(), pinned: new Map() };
    this.#tables.set(relation.table.id, created);
    return created;
  }

  #pinnedColumn(table: TableSides<Q>, { relation }: PlannedRelation, column: number): PinnedColumn<Q> {
    const known = table.pinned.get(column);
    if (known !== undefined) return known;
    const type = relation.scalarType(column);
    assert(type !== undefined, 'a restricted column has a scalar type');
    const created: PinnedColumn<Q> = { read: relation.reader(column), type, byValue: new Map() };
    table.pinned.set(column, created);
    return created;
  }

  #dropEmpty({ query, position }: Side<Q>): void {
    const planned = query.plan.relations[position];
    if (planned === undefined) return;
    const table = this.#table(planned);
    const pin = choosePin(planned);
    const column = pin === undefined ? undefined : table.pinned.get(pin);
    if (pin !== undefined && column !== undefined) {
      for (const key of planned.possible.get(pin)?.keys() ?? []) {
        if (column.byValue.get(key)?.size === 0) column.byValue.delete(key);
      }
      if (column.byValue.size === 0) table.pinned.delete(pin);
    }
    if (table.unpinned.size === 0 && table.pinned.size === 0) this.#tables.delete(planned.relation.table.id);
  }
}

/** The restricted column that tells most: one that is unique by itself, else one with an index, else the fewest values. */
function choosePin({ relation, possible }: PlannedRelation): number | undefined {
  const { indexes } = relation.table;
  const isAlone = (column: number, uniqueOnly: boolean): boolean =>
    indexes.some(({ columns, isUnique }) => columns.length === 1 && columns[0] === column && (isUnique || !uniqueOnly));
  const rank = (column: number): number => (isAlone(column, true) ? 0 : isAlone(column, false) ? 1 : 2);
  let best: number | undefined;
  for (const [column, values] of possible) {
    const bestSize = best === undefined ? Number.POSITIVE_INFINITY : (possible.get(best)?.size ?? 0);
    const order = best === undefined ? -1 : rank(column) - rank(best);
    if (order < 0 || (order === 0 && values.size < bestSize)) best = column;
  }
  return best;
}

function routeByValue<Q>(column: PinnedColumn<Q>, delta: TableDelta, routed: Map<Q, Delta[]>): void {
  const own = new Map<Side<Q>, MutableDelta>();
  const give = (rows: readonly Row[], listOf: (change: MutableDelta) => Row[]): void => {
    for (const row of rows) {
      for (const side of column.byValue.get(column.type.key(column.read(row))) ?? []) {
        let change = own.get(side);
        if (change === undefined) {
          change = { inserts: [], deletes: [] };
          own.set(side, change);
          slots(routed, side.query)[side.position] = change;
        }
        listOf(change).push(row);
      }
    }
  };
  give(delta.inserts, ({ inserts }) => inserts);
  give(delta.deletes, ({ deletes }) => deletes);
}

function slots<Q>(routed: Map<Q, Delta[]>, query: Q): Delta[] {
  const known = routed.get(query);
  if (known !== undefined) return known;
  const created: Delta[] = [];
  routed.set(query, created);
  return created;
}
