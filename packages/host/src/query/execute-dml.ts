import type { Row } from '../datastore/state-view.ts';
import type { Transaction } from '../datastore/transaction.ts';
import type { TableDef } from '../schema/module-def.ts';
import type { Relation } from './catalog.ts';
import type { Assignment, DmlPlan } from './dml.ts';
import { evaluateRows } from './evaluator.ts';
import { queryOverLimit } from './query-error.ts';
import type { WorkMeter } from './work-meter.ts';

/** How many rows a statement changed. */
export interface ChangedRows {
  /** Rows that were not there before. */
  readonly inserted: number;
  readonly deleted: number;
  /** Rows that matched, those included that had the new values before. */
  readonly updated: number;
}

/** What changes are made with. */
export interface DmlExecution {
  readonly transaction: Transaction;
  readonly work: WorkMeter;
  /** Checks a row before it is written. @throws {HostError} when it must not be. */
  readonly checkRow: (table: TableDef, row: Row) => void;
}

/** Rows that one statement may write, in bytes: what is logged as one record must be kept in memory whole. */
const WRITTEN_BYTES_MAX = 64 * 1024 * 1024;

const NO_CHANGES: ChangedRows = { inserted: 0, deleted: 0, updated: 0 };

/**
 * Makes the changes of a statement in a transaction, which the caller ends. What it reads is from before its changes.
 * @throws {DatastoreError} `datastore/unique-violation`; @throws {QueryError} `query/limit`
 */
export function executeDml(plan: DmlPlan, execution: DmlExecution): ChangedRows {
  const { transaction, work } = execution;
  const { table } = plan.target;
  switch (plan.type) {
    case 'insert': {
      const before = transaction.table(table.id).rowCount;
      insertRows(table, plan.rows, execution);
      return { ...NO_CHANGES, inserted: transaction.table(table.id).rowCount - before };
    }
    case 'update': {
      const matches = evaluateRows(plan.matches, { state: transaction, work });
      const rows = matches.map((row) => withAssignments(plan.target, row, plan.assignments));
      // All old rows go first: the new ones may take over each other's keys.
      transaction.deleteRows(table.id, matches);
      insertRows(table, rows, execution);
      return { ...NO_CHANGES, updated: matches.length };
    }
    case 'delete': {
      const matches = evaluateRows(plan.matches, { state: transaction, work });
      return { ...NO_CHANGES, deleted: transaction.deleteRows(table.id, matches) };
    }
  }
}

function insertRows(table: TableDef, rows: readonly Row[], { transaction, checkRow }: DmlExecution): void {
  let bytes = 0;
  for (const row of rows) {
    bytes += row.length;
    if (bytes > WRITTEN_BYTES_MAX) {
      throw queryOverLimit(`The statement writes more than ${WRITTEN_BYTES_MAX} bytes; split it by its condition`, {
        bytesMax: WRITTEN_BYTES_MAX,
      });
    }
    checkRow(table, row);
    transaction.insert(table.id, row);
  }
}

function withAssignments({ codec }: Relation, row: Row, assignments: readonly Assignment[]): Row {
  const values = codec.decode(row);
  for (const { column, value } of assignments) values[column] = value;
  return codec.encode(values);
}
