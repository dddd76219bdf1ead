import { readU32 } from '../bsatn/reader.ts';
import { HostError } from '../errors.ts';
import type { TableDef } from '../schema/module-def.ts';
import { COMMITTED } from './row-state.ts';
import type { RowRun } from './row-store.ts';
import type { Row } from './state-view.ts';
import type { IndexOutcome, TableData } from './table-data.ts';

/** A run of rows of one table, back to back. */
export interface RowChunk {
  readonly table: TableDef;
  readonly count: number;
  readonly rows: Uint8Array;
}

/** Rows of one table as a log has them: one behind the other, each behind its length as u32. */
export interface LoggedRows {
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** Rows in fewer bytes are copied one by one: a buffer for each run would cost more than they do. */
const RUN_BYTES_MIN = 16 * 1024;

/** Stored rows that do not fit the table they are loaded into: the history is damaged or of another module. */
export class ReplayError extends HostError {
  constructor(table: TableDef, problem: string, cause?: unknown) {
    super({
      code: 'datastore/constraint-unmet',
      message: `stored rows do not fit table "${table.name}": ${problem}`,
      details: { table: table.name, tableId: table.id, problem },
      cause,
    });
  }
}

/** Applies a logged change: deletes, then inserts. @throws {ReplayError} */
export function replayDelta(data: TableData, deletes: readonly Row[], inserts: readonly Row[]): void {
  if (data.def.isEvent) return;
  data.cursors.beforeChange();
  for (const row of deletes) deleteRow(data, row);
  for (const row of inserts) loadRow(data, row);
}

/** Applies a logged change whose inserted rows are as the log has them. @throws {ReplayError} */
export function replayLogged(data: TableData, deletes: readonly Row[], inserts: LoggedRows): void {
  if (data.def.isEvent) return;
  data.cursors.beforeChange();
  for (const row of deletes) deleteRow(data, row);
  loadRun(data, locateLogged(data, inserts));
}

/** Loads `count` rows that lie back to back in bytes that do not change any more. @throws {ReplayError} */
export function loadTable(data: TableData, rows: Uint8Array, count: number): void {
  data.cursors.beforeChange();
  loadRun(data, locateRows(data, rows, count));
}

function loadRun(data: TableData, run: RowRun): void {
  const count = run.starts.length;
  if (run.bytes.length < RUN_BYTES_MIN || !data.store.takesRun(count)) {
    for (let order = 0; order < count; order += 1) {
      const start = run.starts[order] ?? 0;
      loadRow(data, run.bytes.subarray(start, start + (run.lengths[order] ?? 0)));
    }
    return;
  }
  checkOutcome(data, data.addRun(run, COMMITTED));
}

/** Checks rows that lie back to back. */
function locateRows(data: TableData, bytes: Uint8Array, count: number): RowRun {
  // Rows of no bytes are all the same, and a table holds a row once.
  if (count > Math.max(1, bytes.length)) throw new ReplayError(data.def, `${count} rows in ${bytes.length} bytes`);
  const run = { bytes, isKeepable: true, starts: new Uint32Array(count), lengths: new Uint32Array(count) };
  let at = 0;
  for (let order = 0; order < count; order += 1) {
    const end = findEnd(data, bytes, at, bytes.length);
    run.starts[order] = at;
    run.lengths[order] = end - at;
    at = end;
  }
  if (at !== bytes.length) throw new ReplayError(data.def, `${bytes.length - at} bytes are left over`);
  return run;
}

/** Checks rows that lie behind their lengths. The codec of the log found all of them inside the bytes. */
function locateLogged(data: TableData, { bytes, count }: LoggedRows): RowRun {
  const run = { bytes, isKeepable: false, starts: new Uint32Array(count), lengths: new Uint32Array(count) };
  let at = 0;
  for (let order = 0; order < count; order += 1) {
    const start = at + LENGTH_BYTES;
    const length = readU32(bytes, at);
    at = start + length;
    const end = findEnd(data, bytes, start, at);
    if (end !== at) throw new ReplayError(data.def, `${at - end} bytes are left over in a row`);
    run.starts[order] = start;
    run.lengths[order] = length;
  }
  return run;
}

const LENGTH_BYTES = 4;

/** The committed rows of these tables as of this call, in runs of about `chunkBytes`. */
export function exportTables(tables: readonly TableData[], chunkBytes: number): Iterable<RowChunk> {
  // Opened now and not when the first run is asked for: that is what fixes the moment.
  const cursors = tables.map((data) => ({ table: data.def, rows: data.cursors.open('committed') }));
  return exportCursors(cursors, chunkBytes);
}

function* exportCursors(
  cursors: readonly { readonly table: TableDef; readonly rows: Iterable<Row> }[],
  chunkBytes: number,
): Generator<RowChunk, void, undefined> {
  for (const { table, rows } of cursors) {
    let run: Row[] = [];
    let bytes = 0;
    for (const row of rows) {
      if (run.length > 0 && bytes + row.length > chunkBytes) {
        yield makeChunk(table, run, bytes);
        run = [];
        bytes = 0;
      }
      run.push(row);
      bytes += row.length;
    }
    if (run.length > 0) yield makeChunk(table, run, bytes);
  }
}

function makeChunk(table: TableDef, run: readonly Row[], bytes: number): RowChunk {
  const rows = new Uint8Array(bytes);
  let at = 0;
  for (const row of run) {
    rows.set(row, at);
    at += row.length;
  }
  return { table, count: run.length, rows };
}

function findEnd(data: TableData, rows: Uint8Array, start: number, end: number): number {
  try {
    return data.layout.check(rows, start, end);
  } catch (error) {
    throw new ReplayError(data.def, `malformed row at byte ${start}`, error);
  }
}

function loadRow(data: TableData, row: Row): void {
  const slot = addRow(data, row);
  const outcome = data.tryIndex(slot);
  if (outcome.type === 'indexed') {
    data.committedRows += 1;
    data.visibleRows += 1;
    return;
  }
  data.store.takeBack(slot);
  checkOutcome(data, outcome);
}

function checkOutcome(data: TableData, outcome: IndexOutcome): void {
  if (outcome.type === 'indexed') return;
  const problem =
    outcome.type === 'twin' ? 'a row is there twice' : `two rows share a key of index "${outcome.index.def.name}"`;
  throw new ReplayError(data.def, problem);
}

function addRow(data: TableData, row: Row): number {
  try {
    return data.add(row, COMMITTED);
  } catch (error) {
    throw new ReplayError(data.def, 'malformed row', error);
  }
}

function deleteRow(data: TableData, row: Row): void {
  const slot = findRow(data, row);
  if (slot < 0) throw new ReplayError(data.def, 'a row that was deleted is not there');
  data.unindex(slot);
  data.store.free(slot);
  data.committedRows -= 1;
  data.visibleRows -= 1;
}

function findRow(data: TableData, row: Row): number {
  try {
    return data.findVisible(row);
  } catch (error) {
    throw new ReplayError(data.def, 'malformed row', error);
  }
}
