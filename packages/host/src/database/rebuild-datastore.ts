import { assert } from '../assert.ts';
import { Datastore, type DatastoreOptions } from '../datastore/datastore.ts';
import { SYSTEM_TABLES } from '../datastore/system-tables.ts';
import type { Row } from '../datastore/state-view.ts';
import { type CarriedTable, type DataMigration, extendRow } from '../migration/carry-over.ts';
import { hasSameForm } from '../migration/same-form.ts';
import type { TableDef } from '../schema/module-def.ts';

/** Rows that are rewritten and loaded at once. */
const BATCH_ROWS = 1024;

const NOTHING = new Uint8Array(0);

/** The tables of a new program, and what becomes of the data of the old one. */
export interface MigratedTables {
  readonly tables: readonly TableDef[];
  readonly migration: DataMigration;
}

/**
 * A datastore with the tables of a new program and the data of an old one, which stays as it is.
 * @throws {ReplayError} `datastore/constraint-unmet` when the rows do not fit
 */
export function rebuildDatastore(
  old: Datastore,
  { tables, migration }: MigratedTables,
  options: DatastoreOptions,
): Datastore {
  const tableIds = findUnchanged(old, { tables, migration });
  const rebuilt = new Datastore(tables, { ...options, startingWith: { datastore: old, tableIds } });
  for (const carried of migration.tables) if (!tableIds.has(carried.tableId)) carryRows(old, rebuilt, carried);
  for (const allocation of migration.sequences) rebuilt.restoreSequence(allocation);
  return rebuilt;
}

/** Tables whose rows and indexes are as they were: they cost nothing for each index, and little for each row. */
function findUnchanged(old: Datastore, { tables, migration }: MigratedTables): ReadonlySet<number> {
  const after = new Map([...SYSTEM_TABLES, ...tables].map((table) => [table.id, table]));
  const unchanged = migration.tables.filter(({ tableId, suffix }) => {
    const [from, to] = [old.tableById(tableId), after.get(tableId)];
    return suffix.length === 0 && from !== undefined && to !== undefined && hasSameForm(from, to);
  });
  return new Set(unchanged.map(({ tableId }) => tableId));
}

/** The migration by which everything goes on as it is: what records of version 1 stand for. */
export function carryAll(old: Datastore): DataMigration {
  return {
    tables: old.tables.map(({ id }) => ({ tableId: id, suffix: NOTHING })),
    sequences: old.sequenceAllocations(),
  };
}

function carryRows(old: Datastore, rebuilt: Datastore, { tableId, suffix }: CarriedTable): void {
  assert(old.tableById(tableId) !== undefined, `table ${tableId}, which is carried over, was there before`);
  let batch: Row[] = [];
  for (const row of old.committed.table(tableId).scan()) {
    batch.push(extendRow(row, suffix));
    if (batch.length < BATCH_ROWS) continue;
    rebuilt.applyDelta(tableId, [], batch);
    batch = [];
  }
  if (batch.length > 0) rebuilt.applyDelta(tableId, [], batch);
}
