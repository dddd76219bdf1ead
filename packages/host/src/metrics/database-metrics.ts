import type { Clock } from '../clock/clock.ts';
import { makeStopwatch, type Stopwatch } from '../clock/stopwatch.ts';
import { CallMetrics } from './call-metrics.ts';
import { JournalMetrics, type StorageMetrics } from './log-metrics.ts';
import { QueryMetrics } from './query-metrics.ts';
import { SessionMetrics } from './session-metrics.ts';
import type { SlowLog } from './slow-log.ts';
import { TransactionMetrics } from './transaction-metrics.ts';

/** What counts are made with. */
export interface DatabaseMetricsOptions {
  readonly clock: Clock;
  readonly slow?: SlowLog | undefined;
  readonly storage?: StorageMetrics | undefined;
}

/**
 * Everything that is counted of one database while it is open: plain numbers, which the parts that do the work add to.
 * It outlives exchanges of the program.
 */
export class DatabaseMetrics {
  readonly nowMs: Stopwatch;
  readonly slow: SlowLog | undefined;
  readonly transactions: TransactionMetrics;
  readonly calls: CallMetrics;
  readonly queries: QueryMetrics;
  readonly storage: StorageMetrics | undefined;
  readonly journal: JournalMetrics = new JournalMetrics();
  readonly sessions: SessionMetrics = new SessionMetrics();

  /** Without `slow` nothing is logged, however long it takes. `storage` is what the database's storage counts. */
  constructor({ clock, slow, storage }: DatabaseMetricsOptions) {
    this.nowMs = makeStopwatch(clock);
    this.storage = storage;
    this.slow = slow;
    this.transactions = new TransactionMetrics(this.nowMs);
    this.calls = new CallMetrics(this.nowMs, slow);
    this.queries = new QueryMetrics(this.nowMs, slow);
  }
}
