import { BsatnError } from '../bsatn/bsatn-error.ts';
import { compileRowCodec, type RowCodec } from '../bsatn/row-codec.ts';
import type { Row } from '../datastore/state-view.ts';
import { decodeRecord, type StoredChange, type StoredProgram } from '../database/record-codec.ts';
import { decodeSnapshotChunk, decodeSnapshotHead } from '../database/snapshot-codec.ts';
import { TableIds } from '../database/table-ids.ts';
import { SYSTEM_TABLES } from '../datastore/system-tables.ts';
import { type DataMigration, extendRow } from '../migration/carry-over.ts';
import { compileJsonWriter } from '../sats-json/write-value.ts';
import { decodeRawModuleDef } from '../schema/decode-module-def.ts';
import type { ModuleDef, TableDef } from '../schema/module-def.ts';
import { validateModuleDef } from '../schema/validate.ts';

const NOTHING: Uint8Array = new Uint8Array(0);

/** What was put together of one table. */
export interface SalvagedTable {
  readonly name: string;
  readonly rowCount: number;
  /** The rows as JSON objects by column, each in exact SATS-JSON. */
  rows(): Iterable<string>;
}

/**
 * The rows that sound parts of a damaged storage add up to. Where a change is missing, rows that it deleted may still
 * be there, and rows that it inserted are not.
 *
 * Invariants:
 * - In a table with a primary key there is one row of each key, the last that was written.
 * - A row that is not sound for its table is left out and counted in `unreadable`, as is a part that cannot be read.
 */
export class SalvagedTables {
  #bundle: string | undefined;
  #tables: ReadonlyMap<number, HeldRows> | undefined;
  #snapshotOffset: bigint = -1n;
  #unreadable: number = 0;
  readonly #fallback: ModuleDef | undefined;

  /** @param fallback stands for the program where that is lost */
  constructor(fallback?: ModuleDef) {
    this.#fallback = fallback;
  }

  /** The newest program that was found. */
  get bundle(): string | undefined {
    return this.#bundle;
  }

  /** Rows and parts that could be found but not understood. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** Whether it is known which tables there are. */
  get hasProgram(): boolean {
    return this.#tables !== undefined;
  }

  get tables(): readonly SalvagedTable[] {
    return [...(this.#tables?.values() ?? [])];
  }

  /** A sound chunk of the snapshot at `offset`. A newer snapshot takes the place of an older one. */
  snapshotChunk(offset: bigint, index: number, chunk: Uint8Array): void {
    if (offset !== this.#snapshotOffset) {
      this.#snapshotOffset = offset;
      this.#tables = undefined;
    }
    this.#read(() => {
      if (index === 0) {
        this.#takeProgram(decodeSnapshotHead(chunk).program);
        return;
      }
      const part = decodeSnapshotChunk(chunk);
      if (part.type === 'rows') this.#find(part.tableId)?.add(this.#split(part.tableId, part.rows));
    });
  }

  /** A sound record. What the snapshot stands for is passed over. */
  record(offset: bigint, bytes: Uint8Array): void {
    if (offset < this.#snapshotOffset) return;
    this.#read(() => {
      const { program, migration, transaction } = decodeRecord(bytes);
      if (program !== undefined) this.#takeProgram(program, migration);
      for (const change of transaction?.changes ?? []) this.#apply(change);
    });
  }

  #read(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof BsatnError)) throw error;
      this.#unreadable += 1;
    }
  }

  #apply({ tableId, isTruncated, deletes, inserts }: StoredChange): void {
    const held = this.#find(tableId);
    if (held === undefined) return;
    if (isTruncated) held.clear();
    held.remove(deletes);
    held.add(inserts);
    this.#unreadable += held.takeRefused();
  }

  #split(tableId: number, rows: Uint8Array): readonly Row[] {
    return this.#find(tableId)?.codec.splitRows(rows) ?? [];
  }

  /** Nothing for the host's own tables, which hold connections. */
  #find(tableId: number): HeldRows | undefined {
    if (SYSTEM_TABLES.some(({ id }) => id === tableId)) return undefined;
    if (this.#tables === undefined && this.#fallback !== undefined) this.#tables = holdTables(this.#fallback);
    const held = this.#tables?.get(tableId);
    if (held === undefined) this.#unreadable += 1;
    return held;
  }

  #takeProgram(program: StoredProgram, migration?: DataMigration): void {
    const before = this.#tables;
    const tables = holdTables(validateModuleDef(decodeRawModuleDef(program.rawDef), new TableIds(program.tableIds)));
    const suffixes = new Map(migration?.tables.map(({ tableId, suffix }) => [tableId, suffix]));
    for (const [id, held] of before ?? []) {
      const suffix = migration === undefined ? NOTHING : suffixes.get(id);
      if (suffix === undefined) continue;
      const after = tables.get(id);
      after?.add(Array.from(held.held(), (row) => extendRow(row, suffix)));
      this.#unreadable += after?.takeRefused() ?? 0;
    }
    this.#tables = tables;
    this.#bundle = program.text;
  }
}

function holdTables({ tables }: ModuleDef): Map<number, HeldRows> {
  const stored = tables.filter(({ isEvent, isSystem, view }) => !isEvent && !isSystem && view === undefined);
  return new Map(stored.map((table) => [table.id, new HeldRows(table)]));
}

/** Rows of one table by primary key, or by all they hold. */
class HeldRows implements SalvagedTable {
  readonly codec: RowCodec;
  readonly #table: TableDef;
  readonly #rows: Map<string, Row> = new Map();
  #refused: number = 0;

  constructor(table: TableDef) {
    this.#table = table;
    this.codec = compileRowCodec(table.columns);
  }

  get name(): string {
    return this.#table.name;
  }

  get rowCount(): number {
    return this.#rows.size;
  }

  *rows(): Iterable<string> {
    const write = compileJsonWriter({ type: 'product', elements: this.#table.columns }, 'typed');
    for (const row of this.#rows.values()) yield write(this.codec.decode(row));
  }

  held(): Iterable<Row> {
    return this.#rows.values();
  }

  clear(): void {
    this.#rows.clear();
  }

  /** Keeps copies of the rows. */
  add(rows: readonly Row[]): void {
    for (const row of rows) this.#ifSound(row, (key) => this.#rows.set(key, row.slice()));
  }

  remove(rows: readonly Row[]): void {
    for (const row of rows) this.#ifSound(row, (key) => this.#rows.delete(key));
  }

  /** How many rows were not sound since the last call. */
  takeRefused(): number {
    const refused = this.#refused;
    this.#refused = 0;
    return refused;
  }

  #ifSound(row: Row, action: (key: string) => void): void {
    try {
      this.codec.validate(row);
    } catch (error) {
      if (!(error instanceof BsatnError)) throw error;
      this.#refused += 1;
      return;
    }
    const { primaryKey } = this.#table;
    action(textOf(primaryKey === undefined ? row : this.codec.columnBytes(row, primaryKey)));
  }
}

/** A text that is the same for the same bytes alone. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
