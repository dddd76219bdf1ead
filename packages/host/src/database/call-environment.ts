import { assert } from '../assert.ts';
import type { Clock, Logger, LogLevel, LogRecord } from '../clock/clock.ts';
import type { Row } from '../datastore/state-view.ts';
import type { Transaction } from '../datastore/transaction.ts';
import { HostError } from '../errors.ts';
import { ERRNO } from '../module/errno.ts';
import type { SystemCallHost } from '../module/system-calls.ts';
import { SystemCallError } from '../module/system-functions.ts';
import type { HttpRequestHead } from '../module-http/http-message.ts';
import { makeOutboundError } from '../outbound-http/outbound-error.ts';
import { OUTBOUND_HTTP_DISABLED, type OutboundHttp, type OutboundResponse } from '../outbound-http/outbound-http.ts';
import type { TableDef } from '../schema/module-def.ts';
import { boundRecord } from './bound-record.ts';
import type { Caller } from './calls.ts';
import type { ClientRegistry } from './client-registry.ts';
import type { Committer } from './committer.ts';
import type { Journal } from './journal.ts';
import type { DatabaseMetrics } from '../metrics/database-metrics.ts';
import type { ScheduleTables } from './schedule-tables.ts';
import { ViewError } from '../views/view-error.ts';

/** The parts of a database that system calls reach. */
export interface EnvironmentParts {
  readonly committer: Committer;
  readonly journal: Journal;
  readonly clients: ClientRegistry;
  /** Those of the module that is loaded now. */
  readonly scheduleTables: () => ScheduleTables;
  /** Writes that the running procedure's transaction made. */
  readonly procedureWrites: () => number;
  readonly scheduleImmediate: (functionName: string, args: Uint8Array) => void;
}

/** The call that runs now. */
interface RunningCall {
  readonly functionName: string;
  readonly caller: Caller;
}

/** What a module's system calls find around them. While the module is being loaded it may only log. */
export class CallEnvironment implements SystemCallHost {
  readonly identity: bigint;
  readonly metrics: DatabaseMetrics;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #outboundHttp: OutboundHttp | undefined;
  #parts: EnvironmentParts | undefined;
  #running: RunningCall | undefined;
  #lastOffset: bigint | undefined;

  constructor(options: {
    readonly name: string;
    readonly identity: bigint;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly metrics: DatabaseMetrics;
    readonly outboundHttp?: OutboundHttp | undefined;
  }) {
    this.identity = options.identity;
    this.metrics = options.metrics;
    this.#outboundHttp = options.outboundHttp;
    this.#name = options.name;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Gives the database around the module, once it is there. */
  attach(parts: EnvironmentParts): void {
    this.#parts = parts;
  }

  /** The call that runs now, if any. */
  get running(): RunningCall | undefined {
    return this.#running;
  }

  /** Offset of the last record that the call's own transactions wrote. */
  get lastOffset(): bigint | undefined {
    return this.#lastOffset;
  }

  /** Marks a call as the one that runs, for the time of `action`. @throws {HostError} `database/busy` */
  run<Result>(call: RunningCall, action: () => Result): Result {
    this.assertIdle();
    this.#running = call;
    this.#lastOffset = undefined;
    try {
      return action();
    } finally {
      this.#running = undefined;
    }
  }

  /** The call that runs was cut off, and `run` did not end. */
  endCutCall(): void {
    this.#running = undefined;
  }

  /** Marks a view as what runs, also inside the call or the commit that it is evaluated for. */
  runNested<Result>(call: RunningCall, action: () => Result): Result {
    const outer = this.#running;
    this.#running = call;
    try {
      return action();
    } finally {
      this.#running = outer;
    }
  }

  /** @throws {HostError} `database/busy` inside a call or a commit. */
  assertIdle(): void {
    if (this.#running !== undefined) throw busy(this.#name, this.#running.functionName);
    if (this.#parts?.committer.isCommitting === true) throw busy(this.#name, 'a commit');
  }

  log(level: LogLevel, message: string): void {
    this.#record({ level, message, source: 'module', functionName: this.#running?.functionName });
  }

  /** Writes to the module's log how one of its functions fared. */
  logFor(functionName: string | undefined, level: LogLevel, message: string): void {
    this.#record({ level, message, source: 'module', functionName });
  }

  /** Logs something that the host itself has to say. */
  logHost(level: LogLevel, message: string): void {
    this.#record({ level, message, source: 'host', functionName: this.#running?.functionName });
  }

  nowMicros(): bigint {
    return this.#parts?.committer.now() ?? this.#clock.nowMicros();
  }

  beginProcedureTransaction(): { readonly transaction: Transaction; readonly timestampMicros: bigint } {
    const { committer } = this.#attached();
    const transaction = committer.begin('Procedure', this.#running?.functionName);
    return { transaction, timestampMicros: committer.now() };
  }

  commitProcedureTransaction(transaction: Transaction): void {
    const { committer, journal, procedureWrites } = this.#attached();
    if (!journal.canAppend) {
      const isReadOnly = procedureWrites() === 0;
      this.rollbackProcedureTransaction(transaction);
      if (isReadOnly) return;
      throw makeUnwritableError(journal);
    }
    const running = this.#running;
    assert(running !== undefined, 'a procedure runs while it commits');
    const { functionName, caller } = running;
    try {
      const { offset } = committer.commit(transaction, {
        kind: 'procedure',
        functionName,
        caller,
        timestampMicros: committer.now(),
      });
      this.#lastOffset = offset ?? this.#lastOffset;
    } catch (error) {
      // The module may go on: it tries once more by itself, and can catch what comes of that.
      if (error instanceof ViewError) throw new SystemCallError({ type: 'type-error' }, error.message, error);
      throw error;
    }
  }

  rollbackProcedureTransaction(transaction: Transaction): void {
    this.#attached().committer.rollback(transaction);
  }

  requestHttp(head: HttpRequestHead, body: Uint8Array): OutboundResponse {
    try {
      if (this.#outboundHttp === undefined) throw makeOutboundError(OUTBOUND_HTTP_DISABLED);
      return this.#outboundHttp.request(head, body);
    } catch (error) {
      if (!(error instanceof HostError) || error.code !== 'outbound-http/failed') throw error;
      throw new SystemCallError({ type: 'errno', errno: ERRNO.httpError }, error.message, error);
    }
  }

  checkScheduleRow(table: TableDef, row: Row): void {
    const { scheduleTables, committer } = this.#attached();
    scheduleTables().checkRow(table, row, committer.now());
  }

  scheduleImmediate(functionName: string, args: Uint8Array): void {
    this.#attached().scheduleImmediate(functionName, args);
  }

  jwtPayload(_transaction: Transaction, connectionId: bigint): Uint8Array {
    return this.#attached().clients.payloadOf(connectionId);
  }

  #attached(): EnvironmentParts {
    assert(this.#parts !== undefined, 'calls begin after the database is put together');
    return this.#parts;
  }

  #record(record: Omit<LogRecord, 'database' | 'timestampMicros'>): void {
    this.#logger.log({ ...boundRecord(record), database: this.#name, timestampMicros: this.nowMicros() });
  }
}

/** Why a call cannot write now: for good, or until the storage has caught up. */
export function makeUnwritableError(journal: Journal): HostError {
  const { failure, heldFor } = journal;
  if (failure !== undefined) return failure;
  const reason = heldFor ?? 'the storage is behind the writers: too much waits to become durable';
  return new HostError({ code: 'storage/overloaded', message: `${reason}. Try again later.`, retryable: true });
}

function busy(name: string, running: string): HostError {
  return new HostError({
    code: 'database/busy',
    message: `the database "${name}" is running ${running}; a call from inside a call, or from a listener to its commit, is not possible. Make it in a later turn.`,
    details: { name, running },
  });
}
