import { assert } from '../assert.ts';
import { BsatnError } from '../bsatn/bsatn-error.ts';
import { DatastoreError, MalformedRowError } from './datastore-error.ts';
import type { IndexRange, StateView, TableDelta, TableView } from './state-view.ts';
import type { TableData } from './table-data.ts';
import { TableReader } from './table-reader.ts';
import type { TableIndex } from './table-index.ts';
import type { WriteResult } from './table-transaction.ts';
import { TableTransaction } from './table-transaction.ts';
import type { TableRegistry } from './table-registry.ts';

/**
 * The open transaction: reads see the committed rows with its own changes. Ends with `commit` or `rollback`; used
 * after that, every method throws `datastore/not-in-transaction`.
 */
export class Transaction implements StateView {
  readonly #registry: TableRegistry;
  readonly #onEnd: () => void;
  readonly #tables = new Map<number, TableTransaction>();
  readonly #views = new Map<number, TableView>();
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
    const known = this.#views.get(tableId);
    if (known !== undefined) return known;
    const view = new TableReader(this.#registry.data(tableId), 'transaction', () => this.#assertOpen());
    this.#views.set(tableId, view);
    return view;
  }

  /**
   * Inserts a row. A row that is there already stays as it is, without an error, also when the table has keys.
   * @throws {DatastoreError} `datastore/unique-violation`, `datastore/no-such-table`
   * @throws {MalformedRowError}
   */
  insert(tableId: number, row: Uint8Array): WriteResult {
    const table = this.#writable(tableId);
    return checked(table.data, () => table.insert(row));
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
    return checked(table.data, () => table.update(index, row));
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
    return this.#tables.keys();
  }

  /** The net change of a table so far; undefined when there is none. @throws {DatastoreError} `datastore/not-in-transaction` */
  changes(tableId: number): TableDelta | undefined {
    this.#assertOpen();
    return this.#tables.get(tableId)?.changes();
  }

  /** Ends the transaction and gives its net changes, one entry for each table that changed, by table id. */
  commit(): readonly TableDelta[] {
    this.#end();
    const deltas: TableDelta[] = [];
    for (const table of this.#tables.values()) {
      const delta = table.commit();
      if (delta !== undefined) deltas.push(delta);
    }
    return deltas.toSorted((a, b) => a.table.id - b.table.id);
  }

  /** Ends the transaction without a trace, sequences excepted. */
  rollback(): void {
    this.#end();
    for (const table of this.#tables.values()) table.rollback();
  }

  #writable(tableId: number): TableTransaction {
    this.#assertOpen();
    const known = this.#tables.get(tableId);
    if (known !== undefined) return known;
    const table = new TableTransaction(this.#registry.data(tableId), this.#registry.sequences(tableId));
    this.#tables.set(tableId, table);
    return table;
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

/** Runs a write and says of malformed bytes which table they were meant for. */
function checked(table: TableData, write: () => WriteResult): WriteResult {
  try {
    return write();
  } catch (error) {
    if (error instanceof BsatnError) throw new MalformedRowError(table.def.name, error);
    throw error;
  }
}
