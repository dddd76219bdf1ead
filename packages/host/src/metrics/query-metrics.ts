import type { Stopwatch } from '../clock/stopwatch.ts';
import { DURATION_BOUNDS, Histogram } from './histogram.ts';
import type { SlowLog } from './slow-log.ts';

/** A query as far as the log of slow ones tells it. */
export interface MeasuredQuery {
  readonly text: string;
}

/** Counts what queries cost: first results, SQL statements, and what commits change of subscriptions. */
export class QueryMetrics {
  /** Reads the time for what is counted here. */
  readonly nowMs: Stopwatch;
  /** Times that a live query was evaluated for a commit, and those where something came of it. */
  deltaEvaluations = 0;
  deltaMatches = 0;
  /** Rows looked at, by what for. */
  readonly rowsScanned: { Subscribe: number; Update: number; Sql: number } = { Subscribe: 0, Update: 0, Sql: 0 };
  readonly subscribeSeconds: Histogram = new Histogram(DURATION_BOUNDS);
  /** Evaluating and handing out the updates of one commit. */
  readonly deltaSeconds: Histogram = new Histogram(DURATION_BOUNDS);
  readonly statementSeconds: Histogram = new Histogram(DURATION_BOUNDS);
  readonly #slow: SlowLog | undefined;
  #costliest: MeasuredQuery | undefined;
  #costliestRows = 0;
  #commitRows = 0;

  constructor(nowMs: Stopwatch, slow: SlowLog | undefined) {
    this.nowMs = nowMs;
    this.#slow = slow;
  }

  /** A query was answered from scratch, for who subscribes to it or asks once. */
  resultFound(sql: string, rows: number, startMs: number, plan: () => string): void {
    this.rowsScanned.Subscribe += rows;
    const elapsedMs = this.nowMs() - startMs;
    if (this.#slow === undefined || elapsedMs < this.#slow.queryMs) return;
    this.#slow.logQuery({ type: 'subscribe', sql, elapsedMs, rows, plan });
  }

  /** A whole query set was answered. */
  subscribed(startMs: number): void {
    this.subscribeSeconds.observe((this.nowMs() - startMs) / 1000);
  }

  /** A statement was run. `rows` are those that it looked at, as far as that is known. */
  statementRun(sql: string, rows: number, startMs: number, plan: () => string): void {
    this.rowsScanned.Sql += rows;
    const elapsedMs = this.nowMs() - startMs;
    this.statementSeconds.observe(elapsedMs / 1000);
    if (this.#slow === undefined || elapsedMs < this.#slow.queryMs) return;
    this.#slow.logQuery({ type: 'statement', sql, elapsedMs, rows, plan });
  }

  /** A live query was evaluated for the commit that is being told. */
  deltaEvaluated(query: MeasuredQuery, rows: number, isMatch: boolean): void {
    this.deltaEvaluations += 1;
    if (isMatch) this.deltaMatches += 1;
    this.#commitRows += rows;
    if (this.#costliest !== undefined && rows <= this.#costliestRows) return;
    this.#costliest = query;
    this.#costliestRows = rows;
  }

  /** All that a commit changed is evaluated and handed out. `planOf` tells how a query is evaluated. */
  commitTold(startMs: number, planOf: (sql: string) => string): void {
    const elapsedMs = this.nowMs() - startMs;
    const rows = this.#commitRows;
    const sql = this.#costliest?.text;
    this.#costliest = undefined;
    this.#costliestRows = 0;
    this.#commitRows = 0;
    this.rowsScanned.Update += rows;
    this.deltaSeconds.observe(elapsedMs / 1000);
    if (this.#slow === undefined || elapsedMs < this.#slow.queryMs || sql === undefined) return;
    this.#slow.logQuery({ type: 'update', sql, elapsedMs, rows, plan: () => planOf(sql) });
  }
}
