import { queryOverLimit } from './query-error.ts';

/** What evaluations cost; counted up for ever. */
export interface WorkCounters {
  /** Times that a query was evaluated, from scratch or for a change. */
  readonly queriesEvaluated: number;
  /** Rows looked at, whether they matched or not, and copies of rows that joins made. */
  readonly rowsScanned: number;
}

/** Rows that one evaluation of one query may look at. */
export const ROWS_PER_QUERY_MAX: number = 10_000_000;

/** Counts what evaluations cost, and ends one that costs too much: a join can be larger than its tables by far. */
export class WorkMeter {
  readonly #rowsPerQueryMax: number;
  readonly #overLimit: (rowsScanned: number, rowsMax: number) => Error;
  #queriesEvaluated = 0;
  #rowsScanned = 0;
  #rowsScannedMax = Number.POSITIVE_INFINITY;

  /** @param overLimit makes the error for a query that looks at more rows than it may */
  constructor(
    rowsPerQueryMax: number = ROWS_PER_QUERY_MAX,
    overLimit: (rowsScanned: number, rowsMax: number) => Error = tooManyRows,
  ) {
    this.#rowsPerQueryMax = rowsPerQueryMax;
    this.#overLimit = overLimit;
  }

  get counters(): WorkCounters {
    return { queriesEvaluated: this.#queriesEvaluated, rowsScanned: this.#rowsScanned };
  }

  get rowsScanned(): number {
    return this.#rowsScanned;
  }

  /** Begins the evaluation of a query; the rows counted from here on are its own. */
  startQuery(): void {
    this.#queriesEvaluated += 1;
    this.#rowsScannedMax = this.#rowsScanned + this.#rowsPerQueryMax;
  }

  /** @throws {QueryError} `query/limit` when the query has looked at more rows than it may. */
  countRows(rows: number): void {
    this.#rowsScanned += rows;
    if (this.#rowsScanned <= this.#rowsScannedMax) return;
    const rowsMax = this.#rowsPerQueryMax;
    throw this.#overLimit(this.#rowsScanned - this.#rowsScannedMax + rowsMax, rowsMax);
  }

  /** Begins work that is no query's, and may look at as many rows as one. */
  startPreparation(): void {
    this.#rowsScannedMax = this.#rowsScanned + this.#rowsPerQueryMax;
  }

  /** Begins work that belongs to no query and has no limit. */
  startOverhead(): void {
    this.#rowsScannedMax = Number.POSITIVE_INFINITY;
  }
}

function tooManyRows(_rowsScanned: number, rowsMax: number): Error {
  return queryOverLimit(
    `The query looks at more than ${rowsMax} rows; narrow it down by a condition on an indexed column`,
    { rowsMax },
  );
}
