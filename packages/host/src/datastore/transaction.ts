import { assert } from '../assert.ts';
import { BsatnError } from '../bsatn/bsatn-error.ts';
import { DatastoreError, MalformedRowError } from './datastore-error.ts';
import type { IndexDef, TableDef } from '../schema/module-def.ts';
import { isVisible } from './row-state.ts';
import { FREE, type RowStore } from './row-store.ts';
import { forEachSlot, type SlotList } from './slot-list.ts';
import type { IndexRange, Row, StateView, TableDelta, TableView } from './state-view.ts';
import type { TableData } from './table-data.ts';
import { TableReader } from './table-reader.ts';
import type { TableIndex } from './table-index.ts';
import type { TableTransaction, WriteResult } from './table-transaction.ts';
import type { TableRegistry } from './table-registry.ts';

/** Up to this many tables are looked through: most transactions write to few, and need no `Map`. */
const LISTED_TABLES_MAX = 4;

const NO_TABLES: TableTransaction[] = [];
const NO_DELTAS: readonly TableDelta[] = [];
const NO_ROWS: readonly Row[] = [];

/**
 * The open transaction: reads see the committed rows with its own changes. Ends with `commit` or `rollback`; used
 * after that, every method throws `datastore/not-in-transaction`.
 */
export class Transaction implements StateView {
  readonly #registry: TableRegistry;
  readonly #onEnd: () => void;
  /** The tables written to, in the order of their first write, and by id once there are several. */
  #written: TableTransaction[] = NO_TABLES;
  #writtenById: Map<number, TableTransaction> | undefined;
  #views: Map<number, TableView> | undefined;
  #isOpen = true;

  /** Made by `Datastore.begin`. */
  constructor(registry: TableRegistry, onEnd: () => void) {
    this.#registry = registry;
    this.#onEnd = onEnd;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The table as this transaction sees it. @throws {DatastoreError} `datastore/no-such-table` */
  table(tableId: number): TableView {
    this.#assertOpen();
    this.#views ??= new Map();
    const known = this.#views.get(tableId);
    if (known !== undefined) return known;
    const view = new TableReader(this.#registry.data(tableId), 'transaction', () => this.#assertOpen());
    this.#views.set(tableId, view);
    return view;
  }

  /**
   * Rows of this moment under one key of an index; `key` is the BSATN of every column of the index, in index order. The
   * short way for what modules mostly ask: as `table(table.id).seek(index, decodePoint(table, index, key))`.
   * @throws {DatastoreError} `datastore/decode-failed`, `datastore/no-such-index`, `datastore/no-such-table`
   */
  point(table: TableDef, index: IndexDef, key: Uint8Array): readonly Row[] {
    this.#assertOpen();
    const data = this.#registry.data(table.id);
    return rowsSeen(data.store, data.findPoint(index, key));
  }

  /**
   * Inserts a row. A row that is there already stays as it is, without an error, also when the table has keys.
   * @throws {DatastoreError} `datastore/unique-violation`, `datastore/no-such-table`
   * @throws {MalformedRowError}
   */
  insert(tableId: number, row: Uint8Array): WriteResult {
    const table = this.#writable(tableId);
    try {
      return table.insert(row);
    } catch (error) {
      throw namingTable(table, error);
    }
  }

  /**
   * Replaces the row that has the same key as `row` in a unique index.
   * @throws {DatastoreError} `datastore/no-such-row`, `datastore/unique-violation`, `datastore/index-not-unique`,
   * `datastore/no-such-index`, `datastore/no-such-table`
   * @throws {MalformedRowError}
   */
  update(tableId: number, indexId: number, row: Uint8Array): WriteResult {
    const table = this.#writable(tableId);
    const index = this.#uniqueIndex(table.data, indexId);
    try {
      return table.update(index, row);
    } catch (error) {
      throw namingTable(table, error);
    }
  }

  /**
   * Deletes each row that is byte for byte one of these; gives how many there were.
   * @throws {DatastoreError} `datastore/decode-failed`, `datastore/no-such-table`
   */
  deleteRows(tableId: number, rows: readonly Uint8Array[]): number {
    const table = this.#writable(tableId);
    try {
      return table.deleteRows(rows);
    } catch (error) {
      if (!(error instanceof BsatnError)) throw error;
      const { name } = table.data.def;
      throw new DatastoreError(
        'datastore/decode-failed',
        `a row to delete is not of table "${name}": ${error.message}`,
        {
          table: name,
        },
      );
    }
  }

  /**
   * Deletes what an index finds; gives how many rows there were.
   * @throws {DatastoreError} `datastore/no-such-index`, `datastore/range-unsupported`
   */
  deleteByIndex(indexId: number, range: IndexRange): number {
    this.#assertOpen();
    const { table, index } = this.#registry.index(indexId);
    const tableIndex = table.index(index.id);
    assert(tableIndex !== undefined, `table ${table.def.name} holds its index ${index.name}`);
    return this.#writable(table.def.id).deleteByIndex(tableIndex, range);
  }

  /** Deletes all rows; gives how many there were. @throws {DatastoreError} `datastore/no-such-table` */
  clear(tableId: number): bigint {
    return BigInt(this.#writable(tableId).clear());
  }

  /** The tables that it wrote to so far, whether or not something came of it. */
  get writtenTables(): Iterable<number> {
    return this.#written.map(({ data }) => data.def.id);
  }

  /** The net change of a table so far; undefined when there is none. @throws {DatastoreError} `datastore/not-in-transaction` */
  changes(tableId: number): TableDelta | undefined {
    this.#assertOpen();
    return this.#tryWritten(tableId)?.changes();
  }

  /** Ends the transaction and gives its net changes, one entry for each table that changed, by table id. */
  commit(): readonly TableDelta[] {
    this.#end();
    const [only] = this.#written;
    if (only !== undefined && this.#written.length === 1) {
      const delta = only.commit();
      return delta === undefined ? NO_DELTAS : [delta];
    }
    const deltas: TableDelta[] = [];
    for (const table of this.#written) {
      const delta = table.commit();
      if (delta !== undefined) deltas.push(delta);
    }
    return deltas.length < 2 ? deltas : deltas.toSorted((a, b) => a.table.id - b.table.id);
  }

  /** Ends the transaction without a trace, sequences excepted. */
  rollback(): void {
    this.#end();
    for (const table of this.#written) table.rollback();
  }

  #writable(tableId: number): TableTransaction {
    this.#assertOpen();
    const known = this.#tryWritten(tableId);
    if (known !== undefined) return known;
    const table = this.#registry.writer(tableId);
    // Not by `push`, which would take room for many.
    if (this.#written.length === 0) this.#written = [table];
    else this.#written.push(table);
    if (this.#written.length > LISTED_TABLES_MAX) {
      this.#writtenById ??= new Map(this.#written.map((written) => [written.data.def.id, written]));
      this.#writtenById.set(tableId, table);
    }
    return table;
  }

  #tryWritten(tableId: number): TableTransaction | undefined {
    if (this.#writtenById !== undefined) return this.#writtenById.get(tableId);
    for (const table of this.#written) if (table.data.def.id === tableId) return table;
    return undefined;
  }

  #uniqueIndex(table: TableData, indexId: number): TableIndex {
    const index = table.index(indexId);
    if (index === undefined) {
      throw new DatastoreError('datastore/no-such-index', `table "${table.def.name}" has no index ${indexId}`, {
        table: table.def.name,
        indexId,
      });
    }
    if (index.def.isUnique) return index;
    throw new DatastoreError('datastore/index-not-unique', `index "${index.def.name}" is not unique`, {
      table: table.def.name,
      index: index.def.name,
    });
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new DatastoreError('datastore/not-in-transaction', 'the transaction has ended');
  }

  #end(): void {
    this.#assertOpen();
    this.#isOpen = false;
    this.#onEnd();
  }
}

/** Says of malformed bytes which table they were meant for; other errors stay as they are. */
function namingTable(table: TableTransaction, error: unknown): unknown {
  return error instanceof BsatnError ? new MalformedRowError(table.data.def.name, error) : error;
}

/** The rows among these that the open transaction sees. */
function rowsSeen(store: RowStore, list: SlotList | undefined): readonly Row[] {
  if (list === undefined) return NO_ROWS;
  const { states } = store;
  if (typeof list === 'number') return isVisible(states[list] ?? FREE, 'transaction') ? [store.row(list)] : NO_ROWS;
  return severalSeen(store, list);
}

/** Apart from the above: a function with a closure in it allocates also where it does not get there. */
function severalSeen(store: RowStore, list: SlotList): readonly Row[] {
  const { states } = store;
  const rows: Row[] = [];
  forEachSlot(list, (slot) => {
    if (isVisible(states[slot] ?? FREE, 'transaction')) rows.push(store.row(slot));
  });
  return rows;
}
