import type { Stopwatch } from '../clock/stopwatch.ts';
import type { TableDelta } from '../datastore/state-view.ts';
import { DURATION_BOUNDS, Histogram } from './histogram.ts';
import type { Workload } from './workload.ts';

/** Functions that are counted by name, for each workload; a module has fewer, but programs are exchanged. */
const FUNCTIONS_MAX = 1_000;

/** Pairs of a function and a table that are counted by name. */
const ROW_SERIES_MAX = 10_000;

/** Stands for every name above those limits. */
export const OTHER = '(other)';

/** Rows that the transactions of one function changed in one table. */
export interface ChangedRows {
  readonly tableId: number;
  readonly tableName: string;
  inserted: number;
  deleted: number;
}

/** The transactions of one function. */
export interface TransactionCounts {
  readonly workload: Workload;
  /** Empty when no function is behind them. */
  readonly functionName: string;
  committed: number;
  rolledBack: number;
  readonly elapsedSeconds: Histogram;
  /** By id of the table. */
  readonly rows: Map<number, ChangedRows>;
}

/**
 * Counts the transactions of one database. There is at most one at a time; that it ended is told by `committed` or
 * `rolledBack`, and where neither is, by the next one that begins.
 */
export class TransactionMetrics {
  readonly #nowMs: Stopwatch;
  readonly #counts = new Map<Workload, Map<string, TransactionCounts>>();
  #rowSeries = 0;
  #open: TransactionCounts | undefined;
  #startMs = 0;
  #lastElapsedMs = 0;

  constructor(nowMs: Stopwatch) {
    this.#nowMs = nowMs;
  }

  /** The counts of every function that had a transaction. */
  *all(): Iterable<TransactionCounts> {
    for (const ofWorkload of this.#counts.values()) yield* ofWorkload.values();
  }

  /** How long the transaction took that ended last. */
  get lastElapsedMs(): number {
    return this.#lastElapsedMs;
  }

  begin(workload: Workload, functionName: string): void {
    if (this.#open !== undefined) this.#open.rolledBack += 1;
    this.#open = this.#of(workload, functionName);
    this.#startMs = this.#nowMs();
  }

  /** The open transaction is committed, with these changes of tables. */
  committed(deltas: readonly TableDelta[]): void {
    const counts = this.#end();
    if (counts === undefined) return;
    counts.committed += 1;
    for (const { table, inserts, deletes } of deltas) {
      const rows = counts.rows.get(table.id) ?? this.#rowsOf(counts, table.id, table.name);
      rows.inserted += inserts.length;
      rows.deleted += deletes.length;
    }
  }

  rolledBack(): void {
    const counts = this.#end();
    if (counts !== undefined) counts.rolledBack += 1;
  }

  #end(): TransactionCounts | undefined {
    const counts = this.#open;
    this.#open = undefined;
    if (counts === undefined) return undefined;
    this.#lastElapsedMs = this.#nowMs() - this.#startMs;
    counts.elapsedSeconds.observe(this.#lastElapsedMs / 1000);
    return counts;
  }

  #of(workload: Workload, functionName: string): TransactionCounts {
    return this.#counts.get(workload)?.get(functionName) ?? this.#create(workload, functionName);
  }

  #create(workload: Workload, name: string): TransactionCounts {
    const ofWorkload = this.#counts.get(workload) ?? new Map<string, TransactionCounts>();
    this.#counts.set(workload, ofWorkload);
    if (ofWorkload.size >= FUNCTIONS_MAX && name !== OTHER) return this.#of(workload, OTHER);
    const elapsedSeconds = new Histogram(DURATION_BOUNDS);
    const counts = { workload, functionName: name, committed: 0, rolledBack: 0, elapsedSeconds, rows: new Map() };
    ofWorkload.set(name, counts);
    return counts;
  }

  #rowsOf(counts: TransactionCounts, tableId: number, tableName: string): ChangedRows {
    const isOther = this.#rowSeries >= ROW_SERIES_MAX;
    const key = isOther ? -1 : tableId;
    const known = counts.rows.get(key);
    if (known !== undefined) return known;
    this.#rowSeries += 1;
    const created = { tableId: key, tableName: isOther ? OTHER : tableName, inserted: 0, deleted: 0 };
    counts.rows.set(key, created);
    return created;
  }
}
