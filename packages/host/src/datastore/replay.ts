import { HostError } from '../errors.ts';
import type { TableDef } from '../schema/module-def.ts';
import { COMMITTED } from './row-state.ts';
import type { Row } from './state-view.ts';
import type { TableData } from './table-data.ts';

/** A run of rows of one table, back to back. */
export interface RowChunk {
  readonly table: TableDef;
  readonly count: number;
  readonly rows: Uint8Array;
}

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

/** Loads `count` rows that lie back to back. @throws {ReplayError} */
export function loadTable(data: TableData, rows: Uint8Array, count: number): void {
  data.cursors.beforeChange();
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    const end = findEnd(data, rows, at);
    loadRow(data, rows.subarray(at, end));
    at = end;
  }
  if (at !== rows.length) throw new ReplayError(data.def, `${rows.length - at} bytes are left over`);
}

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

function findEnd(data: TableData, rows: Uint8Array, start: number): number {
  try {
    return data.layout.check(rows, start, rows.length);
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
