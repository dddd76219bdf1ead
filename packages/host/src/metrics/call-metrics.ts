import type { Stopwatch } from '../clock/stopwatch.ts';
import type { HookOutcome } from '../module/realm-port.ts';
import { DURATION_BOUNDS, Histogram } from './histogram.ts';
import type { SlowLog } from './slow-log.ts';
import { OTHER } from './transaction-metrics.ts';

/** What of a module is called. */
export type FunctionKind = 'reducer' | 'procedure' | 'view';

/** How a call ended: the module threw its `SenderError` for `user_error`; anything else that went wrong is `failed`. */
export type CallOutcome = 'ok' | 'user_error' | 'failed';

/** How the outcomes of hooks are counted. */
export const CALL_OUTCOMES: Readonly<Record<HookOutcome['type'], CallOutcome>> = {
  returned: 'ok',
  'user-error': 'user_error',
  failed: 'failed',
};

/** Functions of one kind that are counted by name; the others are counted together. */
const FUNCTIONS_MAX = 1_000;

/** Tables that are counted by name: a module has fewer, but programs are exchanged. */
const TABLES_MAX = 10_000;

/** The calls of one function. */
export interface CallCounts {
  readonly kind: FunctionKind;
  readonly functionName: string;
  readonly outcomes: Record<CallOutcome, number>;
  readonly seconds: Histogram;
}

/** Rows of one table that the module's code took. */
export interface TableReads {
  readonly tableId: number;
  readonly tableName: string;
  rows: number;
}

/** How late calls of one scheduled function began. */
export interface ScheduleDelay {
  readonly functionName: string;
  readonly seconds: Histogram;
}

/** Counts the calls of one module's functions, and what their code reads. */
export class CallMetrics {
  /** Tells the time that calls take. */
  readonly nowMs: Stopwatch;
  /** Rows that the module's code took so far, by what called for them. */
  readonly rowsRead: Record<FunctionKind, number> = { reducer: 0, procedure: 0, view: 0 };
  /** Calls that were not let through to the module, by why. */
  readonly refused: Map<string, number> = new Map();
  /** Calls that took too long and were ended. */
  timeLimitHits = 0;
  /** Running instances of the module that were made, and those of them that took the place of a broken one. */
  realmsCreated = 0;
  realmsReplaced = 0;
  readonly #slow: SlowLog | undefined;
  readonly #counts: Record<FunctionKind, Map<string, CallCounts>> = {
    reducer: new Map(),
    procedure: new Map(),
    view: new Map(),
  };
  readonly #reads = new Map<number, TableReads>();
  readonly #delays = new Map<string, ScheduleDelay>();

  constructor(nowMs: Stopwatch, slow: SlowLog | undefined) {
    this.nowMs = nowMs;
    this.#slow = slow;
  }

  /** The counts of every function that was called. */
  *all(): Iterable<CallCounts> {
    for (const ofKind of Object.values(this.#counts)) yield* ofKind.values();
  }

  /** What was read of each table. */
  get tableReads(): Iterable<TableReads> {
    return this.#reads.values();
  }

  get scheduleDelays(): Iterable<ScheduleDelay> {
    return this.#delays.values();
  }

  /** Rows that the module's code took so far. */
  get allRowsRead(): number {
    const { reducer, procedure, view } = this.rowsRead;
    return reducer + procedure + view;
  }

  /** Where calls of a function are counted: to be asked for before the call, with `allRowsRead`. */
  of(kind: FunctionKind, functionName: string): CallCounts {
    return this.#counts[kind].get(functionName) ?? this.#create(kind, functionName);
  }

  /** Counts a call that is over; `allRowsRead` was `rowsBefore` when it began. */
  ended(counts: CallCounts, outcome: CallOutcome, elapsedMs: number, rowsBefore: number): void {
    counts.outcomes[outcome] += 1;
    counts.seconds.observe(elapsedMs / 1000);
    if (this.#slow === undefined || elapsedMs < this.#slow.callMs) return;
    const { kind, functionName } = counts;
    this.#slow.logCall({ kind, functionName, outcome, elapsedMs, rows: this.allRowsRead - rowsBefore });
  }

  /** A call was not let through. */
  noteRefused(reason: string): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }

  /** Where reads of a table are counted. */
  readsOf(tableId: number, tableName: string): TableReads {
    const known = this.#reads.get(tableId);
    if (known !== undefined) return known;
    const isOther = this.#reads.size >= TABLES_MAX;
    const id = isOther ? -1 : tableId;
    const reads = this.#reads.get(id) ?? { tableId: id, tableName: isOther ? OTHER : tableName, rows: 0 };
    this.#reads.set(id, reads);
    return reads;
  }

  /** A scheduled call begins, so long after it was due. */
  noteScheduleDelay(functionName: string, delayMs: number): void {
    let delay = this.#delays.get(functionName);
    if (delay === undefined) {
      const name = this.#delays.size < FUNCTIONS_MAX ? functionName : OTHER;
      delay = this.#delays.get(name) ?? { functionName: name, seconds: new Histogram(DURATION_BOUNDS) };
      this.#delays.set(name, delay);
    }
    delay.seconds.observe(Math.max(0, delayMs) / 1000);
  }

  #create(kind: FunctionKind, functionName: string): CallCounts {
    const ofKind = this.#counts[kind];
    const name = ofKind.size < FUNCTIONS_MAX ? functionName : OTHER;
    const known = ofKind.get(name);
    if (known !== undefined) return known;
    const outcomes = { ok: 0, user_error: 0, failed: 0 };
    const created: CallCounts = { kind, functionName: name, outcomes, seconds: new Histogram(DURATION_BOUNDS) };
    ofKind.set(name, created);
    return created;
  }
}
