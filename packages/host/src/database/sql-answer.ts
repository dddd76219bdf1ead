import type { ResultColumn } from '../query/compile-statements.ts';
import type { ChangedRows } from '../query/execute-dml.ts';

/** What one SQL statement gave. Plain data. */
export interface StatementResult {
  /** Empty for statements that return no rows. */
  readonly columns: readonly ResultColumn[];
  /** The BSATN of the rows, one behind the other. */
  readonly rows: Uint8Array;
  readonly rowCount: number;
  readonly changed: ChangedRows;
  readonly durationMicros: bigint;
}

/** What a text of SQL statements gave. */
export interface SqlAnswer {
  /** In the order of the statements; at least one. */
  readonly results: readonly StatementResult[];
  /** The answer is durable when the record at this offset is; undefined when it is already. */
  readonly offset: bigint | undefined;
}
