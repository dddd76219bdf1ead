import { assert } from '../assert.ts';
import { compileRowCodec, type RowCodec } from '../bsatn/row-codec.ts';
import { DatastoreError } from '../datastore/datastore-error.ts';
import type { Row, StateView, TableDelta } from '../datastore/state-view.ts';
import { DELAY_MICROS_MAX, delayOf, readScheduleAt, type ScheduleAt } from '../scheduler/schedule-at.ts';
import type { ScheduleKey, Scheduler } from '../scheduler/scheduler.ts';
import type { IndexDef, ScheduleDef, TableDef } from '../schema/module-def.ts';

interface ScheduleTable {
  readonly table: TableDef;
  readonly schedule: ScheduleDef;
  readonly codec: RowCodec;
  readonly keyColumn: number;
  readonly keyIndex: IndexDef;
}

/** A row of a schedule table as it stands. */
export interface ScheduledRow {
  readonly table: TableDef;
  readonly row: Row;
  readonly at: ScheduleAt;
  readonly functionName: string;
}

/** The tables whose rows are calls to be made: keeps a scheduler in step with what is committed in them. */
export class ScheduleTables {
  readonly #tables: Map<number, ScheduleTable> = new Map();

  constructor(tables: readonly TableDef[]) {
    for (const table of tables) {
      if (table.schedule !== undefined) this.#tables.set(table.id, makeScheduleTable(table, table.schedule));
    }
  }

  /** Arms every row that is there. */
  armAll(state: StateView, scheduler: Scheduler, nowMicros: bigint): void {
    for (const schedule of this.#tables.values()) {
      for (const row of state.table(schedule.table.id).scan()) this.#arm(schedule, row, { scheduler, nowMicros });
    }
  }

  /** Follows a commit: a changed row is armed anew, a deleted one disarmed. */
  follow(deltas: readonly TableDelta[], scheduler: Scheduler, nowMicros: bigint): void {
    if (this.#tables.size === 0) return;
    for (const { table, inserts, deletes } of deltas) {
      const schedule = this.#tables.get(table.id);
      if (schedule === undefined) continue;
      for (const row of deletes) scheduler.disarm(keyOf(schedule, row));
      for (const row of inserts) this.#arm(schedule, row, { scheduler, nowMicros });
    }
  }

  /** @throws {DatastoreError} `datastore/schedule-delay-too-long` */
  checkRow(table: TableDef, row: Row, nowMicros: bigint): void {
    const schedule = this.#tables.get(table.id);
    if (schedule === undefined) return;
    schedule.codec.validate(row);
    const delayMicros = delayOf(readAt(schedule, row), nowMicros);
    if (delayMicros < DELAY_MICROS_MAX) return;
    throw new DatastoreError(
      'datastore/schedule-delay-too-long',
      `a row of "${table.name}" is due in ${delayMicros} microseconds; the most is ${DELAY_MICROS_MAX}`,
      { table: table.name, delayMicros },
    );
  }

  /** The row with a key, if it is still there. */
  find(state: StateView, key: ScheduleKey): ScheduledRow | undefined {
    const found = this.#tables.get(key.tableId);
    if (found === undefined) return undefined;
    const { table, keyIndex, schedule } = found;
    for (const row of state.table(table.id).seek(keyIndex, { prefix: [key.scheduleId] })) {
      return { table, row: row.slice(), at: readAt(found, row), functionName: schedule.functionName };
    }
    return undefined;
  }

  #arm(schedule: ScheduleTable, row: Row, target: { readonly scheduler: Scheduler; readonly nowMicros: bigint }): void {
    target.scheduler.arm(keyOf(schedule, row), readAt(schedule, row), target.nowMicros);
  }
}

function makeScheduleTable(table: TableDef, schedule: ScheduleDef): ScheduleTable {
  const keyColumn = table.primaryKey;
  assert(keyColumn !== undefined, 'a schedule table has a primary key');
  const keyIndex = table.indexes.find(
    ({ columns, isUnique }) => isUnique && columns.length === 1 && columns[0] === keyColumn,
  );
  assert(keyIndex !== undefined, 'the primary key of a schedule table has an index');
  return { table, schedule, codec: compileRowCodec(table.columns), keyColumn, keyIndex };
}

function keyOf({ table, codec, keyColumn }: ScheduleTable, row: Row): ScheduleKey {
  const scheduleId = codec.column(row, keyColumn);
  assert(typeof scheduleId === 'bigint', 'the key of a schedule table is a u64');
  return { tableId: table.id, scheduleId };
}

function readAt({ codec, schedule }: ScheduleTable, row: Row): ScheduleAt {
  return readScheduleAt(codec.column(row, schedule.atColumn));
}
