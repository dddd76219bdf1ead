import { assert } from '../assert.ts';
import type { Row, StateView, TableDelta } from '../datastore/state-view.ts';
import { queryOverLimit } from '../query/query-error.ts';
import { bytesKey } from '../query/scalar-type.ts';
import type { Relation } from '../query/catalog.ts';
import type { IncrementalPlan } from '../query/incremental.ts';
import type { SelectPlan } from '../query/plan.ts';
import type { ColumnRef } from '../query/predicate.ts';
import type { Scalar, ScalarKey } from '../query/scalar-type.ts';

/** Rows by their bytes, under each value of one column. */
type RowsByValue = Map<ScalarKey, Map<string, Row>>;

interface JoinColumn {
  readonly relation: Relation;
  readonly key: ColumnRef;
  readonly rows: RowsByValue;
  size: number;
  users: number;
}

/** What a query needs hash tables for. */
interface JoiningQuery {
  readonly plan: SelectPlan;
  readonly incremental: IncrementalPlan;
}

/**
 * Hash tables for the join columns that have no index, shared by all queries that need one. They hold every row of
 * their table, follow each commit, and are dropped with their last query.
 */
export class JoinColumns {
  readonly #state: StateView;
  readonly #rowsMax: number;
  readonly #columns = new Map<number, Map<number, JoinColumn>>();

  /** @param rowsMax how many rows all hash tables may have together when one is added; tables grow on afterwards */
  constructor(state: StateView, rowsMax: number) {
    this.#state = state;
    this.#rowsMax = rowsMax;
  }

  /** @throws {QueryError} `query/limit` when these queries need more hash tables than there is room for. */
  checkRoom(queries: ReadonlySet<JoiningQuery>): void {
    const missing = new Map<string, Relation>();
    for (const query of queries) {
      for (const { relation, key } of hashedSides(query)) {
        const { id } = relation.table;
        if (this.#find(id, key.column) === undefined) missing.set(`${id}/${key.column}`, relation);
      }
    }
    if (missing.size === 0) return;
    let rows = 0;
    for (const columns of this.#columns.values()) for (const { size } of columns.values()) rows += size;
    for (const { table } of missing.values()) rows += this.#state.table(table.id).rowCount;
    if (rows <= this.#rowsMax) return;
    const names = [...missing.values()].map(({ table }) => `\`${table.name}\``).join(', ');
    throw queryOverLimit(
      `Subscriptions require indexes on join columns of tables as large as ${names}: without, ${rows} rows would be held twice; ${this.#rowsMax} may be`,
      { rows, rowsMax: this.#rowsMax },
    );
  }

  /** Makes the hash tables that a query needs. Costs a scan of the table when it is the first. */
  acquire(query: JoiningQuery): void {
    for (const { relation, key } of hashedSides(query)) {
      const known = this.#find(relation.table.id, key.column);
      if (known === undefined) this.#create(relation, key);
      else known.users += 1;
    }
  }

  release(query: JoiningQuery): void {
    for (const { relation, key } of hashedSides(query)) {
      const column = this.#find(relation.table.id, key.column);
      assert(column !== undefined && column.users > 0, 'a hash table that is released is in use');
      column.users -= 1;
      if (column.users > 0) continue;
      const ofTable = this.#columns.get(relation.table.id);
      ofTable?.delete(key.column);
      if (ofTable?.size === 0) this.#columns.delete(relation.table.id);
    }
  }

  /** Takes up a commit. */
  apply(deltas: readonly TableDelta[]): void {
    for (const { table, inserts, deletes } of deltas) {
      if (table.isEvent) continue;
      for (const column of this.#columns.get(table.id)?.values() ?? []) {
        for (const row of deletes) removeRow(column, row);
        for (const row of inserts) addRow(column, row);
      }
    }
  }

  /** Rows of a table whose column has this value, as of the last commit taken up. */
  rows(tableId: number, { column, type }: ColumnRef, value: Scalar): Iterable<Row> {
    const found = this.#find(tableId, column);
    assert(found !== undefined, 'a hash table is acquired before it is read');
    return found.rows.get(type.key(value))?.values() ?? [];
  }

  /** How many hash tables there are. */
  get count(): number {
    let count = 0;
    for (const columns of this.#columns.values()) count += columns.size;
    return count;
  }

  #find(tableId: number, column: number): JoinColumn | undefined {
    return this.#columns.get(tableId)?.get(column);
  }

  #create(relation: Relation, key: ColumnRef): void {
    const created: JoinColumn = { relation, key, rows: new Map(), size: 0, users: 1 };
    for (const row of this.#state.table(relation.table.id).scan()) addRow(created, row);
    const ofTable = this.#columns.get(relation.table.id) ?? new Map<number, JoinColumn>();
    ofTable.set(key.column, created);
    this.#columns.set(relation.table.id, ofTable);
  }
}

function hashedSides({
  plan,
  incremental,
}: JoiningQuery): readonly { readonly relation: Relation; readonly key: ColumnRef }[] {
  if (incremental.type === 'filter') return [];
  return [incremental.output, incremental.partner].flatMap(({ position, key, lookup }) => {
    const relation = plan.relations[position]?.relation;
    return lookup.type === 'hash' && relation !== undefined ? [{ relation, key }] : [];
  });
}

function keyOf({ relation, key }: JoinColumn, row: Row): ScalarKey {
  return key.type.key(relation.reader(key.column)(row));
}

function addRow(column: JoinColumn, row: Row): void {
  const key = keyOf(column, row);
  const rows = column.rows.get(key) ?? new Map<string, Row>();
  column.rows.set(key, rows.set(bytesKey(row), row));
  column.size += 1;
}

function removeRow(column: JoinColumn, row: Row): void {
  const key = keyOf(column, row);
  const rows = column.rows.get(key);
  if (rows?.delete(bytesKey(row)) === true) column.size -= 1;
  if (rows?.size === 0) column.rows.delete(key);
}
