import { assert } from '../assert.ts';
import { RowLayout } from '../bsatn/row-layout.ts';
import { BTreeIndex } from '../datastore/btree-index.ts';
import type { IndexRange, Row, StateView, TableDelta, TableView } from '../datastore/state-view.ts';
import { indexColumnTypes, type TableIndex } from '../datastore/table-index.ts';
import { bytesKey } from '../query/scalar-type.ts';
import type { IndexDef, TableDef } from '../schema/module-def.ts';

/** The state that a commit found, made of the one that it left and of what it changed. */
export class StateBefore implements StateView {
  readonly #after: StateView;
  readonly #changed = new Map<number, TableBefore>();

  constructor(after: StateView) {
    this.#after = after;
  }

  /** Takes back what the commit changed in one table. */
  takeBack(delta: TableDelta): void {
    assert(!this.#changed.has(delta.table.id), 'a commit has one delta for each table');
    this.#changed.set(delta.table.id, new TableBefore(this.#after.table(delta.table.id), delta));
  }

  table(tableId: number): TableView {
    return this.#changed.get(tableId) ?? this.#after.table(tableId);
  }

  /** Whether the commit inserted a row into a table. */
  wasInserted(tableId: number, key: string): boolean {
    return this.#changed.get(tableId)?.inserted.has(key) === true;
  }

  /** Whether the commit deleted a row from a table. */
  wasDeleted(tableId: number, key: string): boolean {
    return this.#changed.get(tableId)?.deleted.has(key) === true;
  }
}

/** A table without the rows that a commit inserted, and with those that it deleted. */
class TableBefore implements TableView {
  readonly #after: TableView;
  readonly #delta: TableDelta;
  #inserted: ReadonlySet<string> | undefined;
  #deleted: ReadonlySet<string> | undefined;
  #deletedRows: DeletedRows | undefined;

  constructor(after: TableView, delta: TableDelta) {
    this.#after = after;
    this.#delta = delta;
  }

  get def(): TableDef {
    return this.#delta.table;
  }

  get rowCount(): number {
    const { inserts, deletes, table } = this.#delta;
    // Events do not stay: there were none, and there are none.
    return table.isEvent ? 0 : this.#after.rowCount - inserts.length + deletes.length;
  }

  get inserted(): ReadonlySet<string> {
    this.#inserted ??= new Set(this.#delta.inserts.map(bytesKey));
    return this.#inserted;
  }

  get deleted(): ReadonlySet<string> {
    this.#deleted ??= new Set(this.#delta.deletes.map(bytesKey));
    return this.#deleted;
  }

  *scan(): Iterable<Row> {
    yield* this.#standing(this.#after.scan());
    yield* this.#delta.deletes;
  }

  *seek(index: IndexDef, range: IndexRange): Iterable<Row> {
    yield* this.#standing(this.#after.seek(index, range));
    if (this.#delta.deletes.length === 0) return;
    this.#deletedRows ??= new DeletedRows(this.#delta);
    yield* this.#deletedRows.seek(index, range);
  }

  *#standing(rows: Iterable<Row>): Iterable<Row> {
    if (this.#delta.inserts.length === 0) return yield* rows;
    for (const row of rows) if (!this.inserted.has(bytesKey(row))) yield row;
  }
}

/** Rows that a commit deleted from a table, found by the table's indexes; each made when it is first searched. */
class DeletedRows {
  readonly #table: TableDef;
  readonly #rows: readonly Row[];
  readonly #indexes = new Map<number, TableIndex>();

  constructor({ table, deletes }: TableDelta) {
    this.#table = table;
    this.#rows = deletes;
  }

  /** In index order. */
  seek(def: IndexDef, range: IndexRange): readonly Row[] {
    const index = this.#indexes.get(def.id) ?? this.#makeIndex(def);
    const found: Row[] = [];
    index.search(range, (at) => {
      const row = this.#rows[at];
      assert(row !== undefined, 'an index has the positions of rows');
      found.push(row);
    });
    return found;
  }

  /** An ordered index answers the searches of a hash index too. */
  #makeIndex(def: IndexDef): TableIndex {
    const { columns } = this.#table;
    const layout = new RowLayout(columns.map(({ algebraicType }) => algebraicType));
    const index = new BTreeIndex(def, indexColumnTypes(this.#table, def));
    const lastColumn = Math.max(...def.columns);
    for (const [at, bytes] of this.#rows.entries()) {
      const located = { bytes, base: 0, starts: new Uint32Array(columns.length) };
      layout.locate(bytes, 0, lastColumn, located.starts);
      index.add(index.keyOf(located), at);
    }
    this.#indexes.set(def.id, index);
    return index;
  }
}
