import { assert } from '../assert.ts';
import type { IndexDef, TableDef } from '../schema/module-def.ts';
import type { ColumnSequence } from './auto-increment.ts';
import { makeColumnSequences } from './auto-increment.ts';
import { DatastoreError } from './datastore-error.ts';
import type { SequenceAllocation } from './sequence.ts';
import { TableData } from './table-data.ts';
import { TableTransaction } from './table-transaction.ts';

/** An index with the table it belongs to. */
export interface TableAndIndex {
  readonly table: TableDef;
  readonly index: IndexDef;
}

interface Entry {
  readonly data: TableData;
  readonly sequences: readonly ColumnSequence[];
  /** What transactions write through, one after the other. */
  readonly writer: TableTransaction;
}

/** What a registry of tables is made with. */
export interface TableRegistryOptions {
  readonly hashSeed: number;
  /** Told of each allocation of a sequence before its first value is handed out. */
  readonly onAllocation: (allocation: SequenceAllocation) => void;
  /** A table that starts with the rows of another registry's. */
  readonly forked?: ((def: TableDef) => TableData | undefined) | undefined;
}

/** The tables of a datastore by id, and the names by which modules look tables and indexes up. */
export class TableRegistry {
  readonly #tables = new Map<number, Entry>();
  readonly #tablesByName = new Map<string, TableDef>();
  readonly #indexes = new Map<number, TableAndIndex>();
  readonly #indexesByName = new Map<string, TableAndIndex>();

  constructor(tables: readonly TableDef[], options: TableRegistryOptions) {
    for (const def of tables) {
      assert(!this.#tables.has(def.id), `table id ${def.id} is used once`);
      const data = options.forked?.(def) ?? new TableData(def, options.hashSeed);
      this.#tables.set(def.id, makeEntry(data, makeColumnSequences(def, options.onAllocation)));
      for (const index of def.indexes) {
        assert(!this.#indexes.has(index.id), `index id ${index.id} is used once`);
        this.#indexes.set(index.id, { table: def, index });
      }
    }
    this.#addNames(tables);
  }

  /** The same tables with the same rows, apart from these from now on. */
  fork(onAllocation: (allocation: SequenceAllocation) => void): TableRegistry {
    const fork = new TableRegistry([], { hashSeed: 0, onAllocation });
    for (const [id, { data, sequences }] of this.#tables) {
      const forked = sequences.map((entry) => ({ ...entry, sequence: entry.sequence.fork(onAllocation) }));
      fork.#tables.set(id, makeEntry(data.fork(), forked));
    }
    for (const [id, entry] of this.#indexes) fork.#indexes.set(id, entry);
    for (const [name, table] of this.#tablesByName) fork.#tablesByName.set(name, table);
    for (const [name, entry] of this.#indexesByName) fork.#indexesByName.set(name, entry);
    return fork;
  }

  /** All tables in the order of their ids. */
  all(): TableData[] {
    return [...this.#tables.values()].map(({ data }) => data).toSorted((a, b) => a.def.id - b.def.id);
  }

  /** @throws {DatastoreError} `datastore/no-such-table` */
  data(tableId: number): TableData {
    return this.#entry(tableId).data;
  }

  /** What the open transaction writes to a table through. @throws {DatastoreError} `datastore/no-such-table` */
  writer(tableId: number): TableTransaction {
    return this.#entry(tableId).writer;
  }

  /** In column order. @throws {DatastoreError} `datastore/no-such-table` */
  sequences(tableId: number): readonly ColumnSequence[] {
    return this.#entry(tableId).sequences;
  }

  /** @throws {DatastoreError} `datastore/no-such-index` */
  index(indexId: number): { readonly table: TableData; readonly index: IndexDef } {
    const found = this.#indexes.get(indexId);
    if (found === undefined) {
      throw new DatastoreError('datastore/no-such-index', `there is no index ${indexId}`, { indexId });
    }
    return { table: this.data(found.table.id), index: found.index };
  }

  tryTable(tableId: number): TableDef | undefined {
    return this.#tables.get(tableId)?.data.def;
  }

  tryTableByName(name: string): TableDef | undefined {
    return this.#tablesByName.get(name);
  }

  tryIndex(indexId: number): TableAndIndex | undefined {
    return this.#indexes.get(indexId);
  }

  tryIndexByName(name: string): TableAndIndex | undefined {
    return this.#indexesByName.get(name);
  }

  /** Canonical names win over aliases. */
  #addNames(tables: readonly TableDef[]): void {
    const indexes = [...this.#indexes.values()];
    for (const table of tables) this.#tablesByName.set(table.accessor, table);
    for (const table of tables) this.#tablesByName.set(table.name, table);
    for (const entry of indexes) this.#indexesByName.set(entry.index.accessor, entry);
    for (const entry of indexes) this.#indexesByName.set(entry.index.name, entry);
  }

  #entry(tableId: number): Entry {
    const entry = this.#tables.get(tableId);
    if (entry === undefined) {
      throw new DatastoreError('datastore/no-such-table', `there is no table ${tableId}`, { tableId });
    }
    return entry;
  }
}

function makeEntry(data: TableData, sequences: readonly ColumnSequence[]): Entry {
  return { data, sequences, writer: new TableTransaction(data, sequences) };
}
