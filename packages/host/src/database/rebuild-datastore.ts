import { Datastore } from '../datastore/datastore.ts';
import type { TableDef } from '../schema/module-def.ts';

/**
 * A datastore with other tables and the rows and sequences of an existing one, for a program whose tables were only
 * added to. The old one must not be used afterwards.
 */
export function rebuildDatastore(old: Datastore, tables: readonly TableDef[], hashSeed?: number): Datastore {
  const rebuilt = new Datastore(tables, { hashSeed });
  for (const { table, rows, count } of old.exportRows()) rebuilt.loadRows(table.id, rows, count);
  for (const allocation of old.sequenceAllocations()) rebuilt.restoreSequence(allocation);
  return rebuilt;
}
