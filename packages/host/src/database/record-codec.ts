import { assert } from '../assert.ts';
import { BsatnReader } from '../bsatn/reader.ts';
import type { BsatnWriter } from '../bsatn/writer.ts';
import type { LoggedRows } from '../datastore/datastore.ts';
import type { Row } from '../datastore/state-view.ts';
import type { SequenceAllocation } from '../datastore/sequence.ts';
import { HostError } from '../errors.ts';
import type { CarriedTable, DataMigration } from '../migration/carry-over.ts';
import type { Caller, CommitKind } from './calls.ts';

/*
 * The records of a database's log. All numbers are little endian; text and bytes have a u32 length before them.
 *
 *     record      = version u8, parts u8 (bit 0: program, bit 1: transaction, bit 2: migration),
 *                   [program], [migration], [transaction]
 *     program     = database identity u256, owner identity u256, bundle text, raw module definition bytes,
 *                   count u32 of { table id u32, canonical table name }
 *     transaction = kind u8, function name (u8 0 none | 1, text), caller (u8 0 none | 1, identity u256,
 *                   connection id u128), timestamp i64 in microseconds,
 *                   count u32 of sequences { table id u32, column u16, allocated i128 },
 *                   count u32 of tables { table id u32, u8 1 when every row goes, deleted rows, inserted rows }
 *     migration   = count u32 of carried tables { table id u32, bytes put behind each row },
 *                   sequences that go on (as in a transaction)
 *     rows        = count u32 of bytes
 *
 * Version 1 knows no migration; a record without one is still written as version 1. A program behind another one takes
 * over the data by the migration in its record: tables that are not carried over start empty, sequences that are not
 * named start anew. Without a migration (version 1) all tables and sequences go on as they are.
 * Rows of event tables are in no record.
 * Table ids are a database's own, never reused: the program parts so far say which canonical name each stands for.
 */

const VERSION = 2;
const VERSION_WITHOUT_MIGRATION = 1;
const HAS_PROGRAM = 1;
const HAS_TRANSACTION = 2;
const HAS_MIGRATION = 4;

/** What a database is: identities, program, and the numbers under which the log names its tables. */
export interface StoredProgram {
  readonly identity: bigint;
  readonly owner: bigint;
  readonly text: string;
  /** The definition as the module gave it. */
  readonly rawDef: Uint8Array;
  /** By canonical name. */
  readonly tableIds: ReadonlyMap<string, number>;
}

/** The net change of one table. Its inserted rows may be as they lie in the record. */
export interface StoredChange<Inserts = readonly Row[]> {
  readonly tableId: number;
  /** Every row that was there is gone; then `deletes` is empty. */
  readonly isTruncated: boolean;
  readonly deletes: readonly Row[];
  readonly inserts: Inserts;
}

/** One committed transaction. */
export interface StoredTransaction<Inserts = readonly Row[]> {
  readonly kind: CommitKind;
  readonly functionName: string | undefined;
  readonly caller: Caller | undefined;
  readonly timestampMicros: bigint;
  readonly sequences: readonly SequenceAllocation[];
  readonly changes: readonly StoredChange<Inserts>[];
}

/** One record: a change of the program, a transaction, or both as one. */
export interface StoredRecord<Inserts = readonly Row[]> {
  readonly program?: StoredProgram | undefined;
  /** What becomes of the data of the program before; only with `program`. */
  readonly migration?: DataMigration | undefined;
  readonly transaction?: StoredTransaction<Inserts> | undefined;
}

/** Kinds by their number in the log: only ever appended to. */
const KINDS: readonly CommitKind[] = ['reducer', 'procedure', 'lifecycle', 'scheduled', 'sql'];

/** Encodes a record. The bytes are a view that the next call with this writer overwrites. */
export function encodeRecord(writer: BsatnWriter, record: StoredRecord): Uint8Array {
  writer.reset();
  const { program, migration, transaction } = record;
  assert(migration === undefined || program !== undefined, 'a migration stands with the program that it is for');
  writer.u8(migration === undefined ? VERSION_WITHOUT_MIGRATION : VERSION);
  writer.u8(
    (program === undefined ? 0 : HAS_PROGRAM) |
      (transaction === undefined ? 0 : HAS_TRANSACTION) |
      (migration === undefined ? 0 : HAS_MIGRATION),
  );
  if (program !== undefined) writeProgram(writer, program);
  if (migration !== undefined) writeMigration(writer, migration);
  if (transaction !== undefined) writeTransaction(writer, transaction);
  return writer.peek();
}

/** @throws {HostError} `database/newer-version`; @throws {BsatnError} when the bytes are no record. */
export function decodeRecord(bytes: Uint8Array): StoredRecord {
  return decodeParts(bytes, readRows);
}

/**
 * As `decodeRecord`, but inserted rows are left as they lie, each behind its length: for replaying many.
 * @throws {HostError} `database/newer-version`; @throws {BsatnError}
 */
export function decodeLogged(bytes: Uint8Array): StoredRecord<LoggedRows> {
  return decodeParts(bytes, readLogged);
}

function decodeParts<Inserts>(bytes: Uint8Array, readInserts: (reader: BsatnReader) => Inserts): StoredRecord<Inserts> {
  const reader = new BsatnReader(bytes);
  const version = reader.u8();
  checkVersion(version, VERSION, 'log record');
  const parts = reader.u8();
  const known = HAS_PROGRAM | HAS_TRANSACTION | (version === VERSION_WITHOUT_MIGRATION ? 0 : HAS_MIGRATION);
  if ((parts & ~known) !== 0) reader.fail('the parts of a record are expected');
  const program = (parts & HAS_PROGRAM) === 0 ? undefined : readProgram(reader);
  const migration = (parts & HAS_MIGRATION) === 0 ? undefined : readMigration(reader);
  if (migration !== undefined && program === undefined) reader.fail('a migration has no program');
  const transaction = (parts & HAS_TRANSACTION) === 0 ? undefined : readTransaction(reader, readInserts);
  reader.expectEnd();
  return { program, migration, transaction };
}

/** @throws {HostError} `database/newer-version` when something was written by a later release. */
export function checkVersion(version: number, known: number, what: string): void {
  if (version <= known) return;
  throw new HostError({
    code: 'database/newer-version',
    message: `the ${what} has version ${version}, and this release knows version ${known} at most. Open the database with the release that wrote it, or a later one.`,
    details: { version, known },
  });
}

export function writeProgram(writer: BsatnWriter, program: StoredProgram): void {
  writer.u256(program.identity);
  writer.u256(program.owner);
  writer.string(program.text);
  writer.byteArray(program.rawDef);
  writer.arrayLength(program.tableIds.size);
  for (const [name, id] of program.tableIds) {
    writer.u32(id);
    writer.string(name);
  }
}

export function readProgram(reader: BsatnReader): StoredProgram {
  const identity = reader.u256();
  const owner = reader.u256();
  const text = reader.string();
  const rawDef = reader.byteArray().slice();
  const tableIds = new Map<string, number>();
  for (let count = reader.arrayLength(8); count > 0; count--) {
    const id = reader.u32();
    tableIds.set(reader.string(), id);
  }
  return { identity, owner, text, rawDef, tableIds };
}

export function writeSequences(writer: BsatnWriter, sequences: readonly SequenceAllocation[]): void {
  writer.arrayLength(sequences.length);
  for (const { tableId, column, allocated } of sequences) {
    writer.u32(tableId);
    writer.u16(column);
    writer.i128(allocated);
  }
}

export function readSequences(reader: BsatnReader): SequenceAllocation[] {
  const sequences: SequenceAllocation[] = [];
  for (let count = reader.arrayLength(22); count > 0; count--) {
    sequences.push({ tableId: reader.u32(), column: reader.u16(), allocated: reader.i128() });
  }
  return sequences;
}

function writeMigration(writer: BsatnWriter, { tables, sequences }: DataMigration): void {
  writer.arrayLength(tables.length);
  for (const { tableId, suffix } of tables) {
    writer.u32(tableId);
    writer.byteArray(suffix);
  }
  writeSequences(writer, sequences);
}

function readMigration(reader: BsatnReader): DataMigration {
  const tables: CarriedTable[] = [];
  for (let count = reader.arrayLength(8); count > 0; count--) {
    tables.push({ tableId: reader.u32(), suffix: reader.byteArray() });
  }
  return { tables, sequences: readSequences(reader) };
}

function writeTransaction(writer: BsatnWriter, transaction: StoredTransaction): void {
  const { functionName, caller } = transaction;
  writer.u8(KINDS.indexOf(transaction.kind));
  writer.bool(functionName !== undefined);
  if (functionName !== undefined) writer.string(functionName);
  writer.bool(caller !== undefined);
  if (caller !== undefined) writeCaller(writer, caller);
  writer.i64(transaction.timestampMicros);
  writeSequences(writer, transaction.sequences);
  writer.arrayLength(transaction.changes.length);
  for (const change of transaction.changes) {
    writer.u32(change.tableId);
    writer.bool(change.isTruncated);
    writeRows(writer, change.deletes);
    writeRows(writer, change.inserts);
  }
}

/** The caller that was written last, and how: a client's calls mostly come one behind the other. */
let lastCaller: Caller | undefined;
let lastCallerBytes: Uint8Array = new Uint8Array(0);

function writeCaller(writer: BsatnWriter, caller: Caller): void {
  if (caller === lastCaller) {
    writer.raw(lastCallerBytes);
    return;
  }
  const start = writer.length;
  writer.u256(caller.identity);
  writer.u128(caller.connectionId);
  lastCaller = caller;
  lastCallerBytes = writer.peek().slice(start);
}

function readTransaction<Inserts>(
  reader: BsatnReader,
  readInserts: (reader: BsatnReader) => Inserts,
): StoredTransaction<Inserts> {
  const kind = KINDS[reader.u8()] ?? reader.fail('a kind of transaction is expected');
  const functionName = reader.bool() ? reader.string() : undefined;
  const caller = reader.bool() ? { identity: reader.u256(), connectionId: reader.u128() } : undefined;
  const timestampMicros = reader.i64();
  const sequences = readSequences(reader);
  const changes: StoredChange<Inserts>[] = [];
  for (let count = reader.arrayLength(13); count > 0; count--) {
    const tableId = reader.u32();
    const isTruncated = reader.bool();
    changes.push({ tableId, isTruncated, deletes: readRows(reader), inserts: readInserts(reader) });
  }
  return { kind, functionName, caller, timestampMicros, sequences, changes };
}

function writeRows(writer: BsatnWriter, rows: readonly Row[]): void {
  writer.arrayLength(rows.length);
  for (const row of rows) writer.byteArray(row);
}

function readRows(reader: BsatnReader): Row[] {
  const rows: Row[] = [];
  for (let count = reader.arrayLength(4); count > 0; count--) rows.push(reader.byteArray());
  return rows;
}

function readLogged(reader: BsatnReader): LoggedRows {
  const count = reader.arrayLength(4);
  const start = reader.offset;
  for (let left = count; left > 0; left--) {
    const length = reader.u32();
    reader.advanceTo(reader.offset + length);
  }
  return { count, bytes: reader.bytes.subarray(start, reader.offset) };
}
