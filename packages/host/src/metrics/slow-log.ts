import type { Clock, Logger } from '../clock/clock.ts';
import type { CallOutcome, FunctionKind } from './call-metrics.ts';

/** What is slow, where nothing else is said, in milliseconds. */
const SLOW_CALL_MS = 1_000;
const SLOW_QUERY_MS = 1_000;

/** How much of a query's text and of its plan is logged, in characters. */
const SQL_LENGTH_MAX = 500;
const PLAN_LENGTH_MAX = 1_000;

/** From how long on what is logged; `Infinity` for never. */
export interface SlowLimits {
  /** Calls of reducers, procedures and views. Default 1,000. */
  readonly slowCallMs?: number | undefined;
  /** SQL statements, first results of subscriptions, and all queries that one commit made evaluate. Default 1,000. */
  readonly slowQueryMs?: number | undefined;
}

/** Where and as whose slow things are logged. */
export interface SlowLogOptions extends SlowLimits {
  /** Name of the database. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A call that took long. */
export interface SlowCall {
  readonly kind: FunctionKind;
  readonly functionName: string;
  readonly outcome: CallOutcome;
  readonly elapsedMs: number;
  /** Rows that the module's code took. */
  readonly rows: number;
}

/** A query that took long, or a commit whose updates did; then `sql` is the query that looked at the most rows. */
export interface SlowQuery {
  readonly type: 'statement' | 'subscribe' | 'update';
  readonly sql: string;
  readonly elapsedMs: number;
  /** Rows that were looked at, and of all queries of the commit. */
  readonly rows: number;
  /** How it is evaluated; asked for once it is known to be slow. */
  readonly plan: () => string;
}

/** Logs calls and queries that take long, as warnings of the host in the database's log. */
export class SlowLog {
  readonly callMs: number;
  readonly queryMs: number;
  /** How many were logged. */
  calls = 0;
  queries = 0;
  readonly #options: SlowLogOptions;

  constructor(options: SlowLogOptions) {
    this.#options = options;
    this.callMs = options.slowCallMs ?? SLOW_CALL_MS;
    this.queryMs = options.slowQueryMs ?? SLOW_QUERY_MS;
  }

  logCall({ kind, functionName, outcome, elapsedMs, rows }: SlowCall): void {
    this.calls += 1;
    const details = { kind, outcome, elapsedMs, rows };
    const message = `slow ${kind} ${functionName}: ${describeMs(elapsedMs)}, ${rows} rows read, ${OUTCOMES[outcome]}`;
    this.#log(message, details, functionName);
  }

  logQuery({ type, sql, elapsedMs, rows, plan }: SlowQuery): void {
    this.queries += 1;
    const text = shorten(sql, SQL_LENGTH_MAX);
    const steps = shorten(plan().replaceAll('\n', '; '), PLAN_LENGTH_MAX);
    const what = `${QUERIES[type]}: ${describeMs(elapsedMs)}, ${rows} rows looked at`;
    this.#log(`${what}: ${text} [${steps}]`, { type, elapsedMs, rows, sql: text, plan: steps });
  }

  #log(message: string, details: Readonly<Record<string, unknown>>, functionName?: string): void {
    const { logger, clock, name } = this.#options;
    const timestampMicros = clock.nowMicros();
    logger.log({ level: 'warn', source: 'host', database: name, functionName, message, timestampMicros, details });
  }
}

const OUTCOMES: Readonly<Record<CallOutcome, string>> = {
  ok: 'returned',
  user_error: 'refused by the module',
  failed: 'failed',
};

const QUERIES: Readonly<Record<SlowQuery['type'], string>> = {
  statement: 'slow SQL statement',
  subscribe: 'slow first result of a query',
  update: 'slow updates of subscriptions by one commit, of which the most costly',
};

function describeMs(elapsedMs: number): string {
  return `${elapsedMs >= 10 ? Math.round(elapsedMs) : Math.round(elapsedMs * 1000) / 1000} ms`;
}

function shorten(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}… (${text.length} characters)`;
}
