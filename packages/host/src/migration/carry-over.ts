import { assert } from '../assert.ts';
import type { SequenceAllocation } from '../datastore/sequence.ts';
import type { Row } from '../datastore/state-view.ts';
import type { TableDef } from '../schema/module-def.ts';
import { isSameSequence } from './plan-table.ts';

/*
 * What a migration does to stored data. It says it in full: whoever replays it needs no rule by which programs were
 * compared, so that rules may change in later releases.
 *
 * - A table is the same before and after when its number is; a table that is not carried over starts empty.
 * - Every row of a carried table goes on with `suffix` at its end: the values of columns that were added there.
 * - A sequence that is not named starts anew.
 */

/** A table whose rows go on. */
export interface CarriedTable {
  readonly tableId: number;
  /** Appended to each row; mostly nothing. */
  readonly suffix: Uint8Array;
}

/** All that becomes of the data of one program when another takes over. */
export interface DataMigration {
  readonly tables: readonly CarriedTable[];
  readonly sequences: readonly SequenceAllocation[];
}

const NOTHING = new Uint8Array(0);

/** What becomes of the data by a plan that is not refused; `allocations` are those of all sequences before. */
export function planDataMigration(
  before: readonly TableDef[],
  after: readonly TableDef[],
  allocations: readonly SequenceAllocation[],
): DataMigration {
  const oldTables = new Map(before.map((table) => [table.id, table]));
  const newTables = new Map(after.map((table) => [table.id, table]));
  const tables = after.flatMap((table): CarriedTable[] => {
    const old = oldTables.get(table.id);
    return old === undefined || table.isEvent ? [] : [{ tableId: table.id, suffix: suffixOf(old, table) }];
  });
  const sequences = allocations.filter(({ tableId, column }) => {
    const [old, now] = [oldTables, newTables].map((all) =>
      all.get(tableId)?.sequences.find((sequence) => sequence.column === column),
    );
    return old !== undefined && now !== undefined && isSameSequence(old, now);
  });
  return { tables, sequences };
}

/** A row with the values of new columns at its end. */
export function extendRow(row: Row, suffix: Uint8Array): Row {
  if (suffix.length === 0) return row;
  const extended = new Uint8Array(row.length + suffix.length);
  extended.set(row);
  extended.set(suffix, row.length);
  return extended;
}

/** The BSATN of the defaults of the columns that a table got at its end. */
function suffixOf(before: TableDef, after: TableDef): Uint8Array {
  const added = after.columns.slice(before.columns.length);
  return added.reduce<Row>((suffix, { name, defaultValue }) => {
    assert(defaultValue !== undefined, `column ${name} of table ${after.name}, which was added, has a default`);
    return extendRow(suffix, defaultValue);
  }, NOTHING);
}
