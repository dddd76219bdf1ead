import { assert } from '../assert.ts';
import { BsatnReader } from '../bsatn/reader.ts';
import type { Codec } from '../bsatn/codec.ts';
import type { Transaction } from '../datastore/transaction.ts';
import { errorMessage, HostError } from '../errors.ts';
import { CALL_OUTCOMES, type CallCounts, type CallOutcome } from '../metrics/call-metrics.ts';
import type { HookCall, HookOutcome } from '../module/realm-port.ts';
import type { ProcedureDef, ReducerDef } from '../schema/module-def.ts';
import { type CallEnvironment, makeUnwritableError } from './call-environment.ts';
import type { Caller, CallResult, CommitKind, InternalFailureReason, ProcedureResult } from './calls.ts';
import type { Committer } from './committer.ts';
import type { Journal } from './journal.ts';
import type { ModuleRunner } from './module-runner.ts';
import { ViewError } from '../views/view-error.ts';

/** What callers are told when the module failed; the true reason is in the log. */
export const FATAL_MESSAGE = 'The instance encountered a fatal error.';

const COMMITTED = { type: 'committed' } as const;

/** A call that was let through. */
export interface AdmittedCall<Def> {
  readonly def: Def;
  readonly caller: Caller;
  readonly timestampMicros: bigint;
  readonly args: Uint8Array;
}

/** A reducer in a transaction of its own, with how its call is counted. */
interface RunningReducer {
  readonly transaction: Transaction;
  readonly call: AdmittedCall<ReducerDef>;
  readonly counts: CallCounts;
  readonly rowsBefore: number;
}

/** The parts that calls run through. */
export interface ExecutorParts {
  readonly runner: ModuleRunner;
  readonly committer: Committer;
  readonly journal: Journal;
  readonly environment: CallEnvironment;
}

/** Runs reducers and procedures, ends their transactions and writes the module's log. */
export class CallExecutor {
  readonly #parts: ExecutorParts;
  /** The reducer that runs in a transaction of its own. */
  #running: RunningReducer | undefined;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  /** Runs a reducer in a transaction of its own. */
  runReducer(call: AdmittedCall<ReducerDef>, kind: CommitKind): CallResult {
    const { committer, journal } = this.#parts;
    const { caller, timestampMicros, def } = call;
    const functionName = def.name;
    const { calls, transactions } = this.#parts.environment.metrics;
    if (!journal.canAppend) {
      calls.noteRefused('refused');
      return refused(makeUnwritableError(journal), timestampMicros);
    }
    const counts = calls.of('reducer', functionName);
    const rowsBefore = calls.allRowsRead;
    const transaction = committer.begin('Reducer', functionName);
    const running = { transaction, call, counts, rowsBefore };
    this.#running = running;
    const outcome = this.runInside(transaction, call);
    this.#running = undefined;
    if (outcome.type === 'returned') {
      try {
        const { offset } = committer.commit(transaction, { kind, functionName, caller, timestampMicros });
        calls.ended(counts, 'ok', transactions.lastElapsedMs, rowsBefore);
        return { outcome: COMMITTED, timestampMicros, offset };
      } catch (error) {
        calls.ended(counts, 'failed', transactions.lastElapsedMs, rowsBefore);
        if (error instanceof ViewError) return refused(error, timestampMicros, 'fatal');
        if (error instanceof HostError) return refused(error, timestampMicros);
        throw error;
      }
    }
    return this.#fail(running, outcome);
  }

  /** Ends the reducer that runs and was cut off: nothing of its call is on the stack any more. */
  endCutCall({ message }: HostError): CallResult {
    const running = this.#running;
    assert(running !== undefined, 'a reducer was cut off');
    this.#parts.environment.metrics.calls.timeLimitHits += 1;
    this.#running = undefined;
    this.#parts.environment.endCutCall();
    const outcome = { type: 'failed', message, stack: '', publicMessage: message } as const;
    return this.#fail(running, outcome);
  }

  #fail(
    { transaction, call, counts, rowsBefore }: RunningReducer,
    outcome: Exclude<HookOutcome, { readonly type: 'returned' }>,
  ): CallResult {
    const { def, timestampMicros } = call;
    const { committer, environment } = this.#parts;
    committer.rollback(transaction);
    this.logFailure(def.name, outcome);
    const { calls, transactions } = environment.metrics;
    calls.ended(counts, CALL_OUTCOMES[outcome.type], transactions.lastElapsedMs, rowsBefore);
    if (outcome.type === 'user-error') {
      return { outcome: { type: 'failed-user', message: outcome.message }, timestampMicros, offset: undefined };
    }
    return {
      outcome: { type: 'failed-internal', message: outcome.publicMessage ?? FATAL_MESSAGE, reason: 'fatal' },
      timestampMicros,
      offset: undefined,
    };
  }

  /** Runs a reducer inside a transaction that the caller ends. */
  runInside(transaction: Transaction, call: AdmittedCall<ReducerDef>): HookOutcome {
    const { runner, environment } = this.#parts;
    const { def, caller } = call;
    return environment.run({ functionName: def.name, caller }, () => runner.runReducer(transaction, toHookCall(call)));
  }

  /** Runs a lifecycle reducer inside a transaction that the caller ends: its call is counted without that end. */
  runLifecycle(transaction: Transaction, call: AdmittedCall<ReducerDef>): HookOutcome {
    const { calls } = this.#parts.environment.metrics;
    const counts = calls.of('reducer', call.def.name);
    const startMs = calls.nowMs();
    const rowsBefore = calls.allRowsRead;
    const outcome = this.runInside(transaction, call);
    calls.ended(counts, CALL_OUTCOMES[outcome.type], calls.nowMs() - startMs, rowsBefore);
    return outcome;
  }

  /** Runs a procedure, which makes its own transactions. */
  runProcedure(call: AdmittedCall<ProcedureDef>, result: Codec): ProcedureResult {
    const { calls } = this.#parts.environment.metrics;
    const counts = calls.of('procedure', call.def.name);
    const startMs = calls.nowMs();
    const rowsBefore = calls.allRowsRead;
    const { outcome, ...times } = this.#runProcedure(call, result);
    calls.ended(counts, procedureOutcome(outcome), calls.nowMs() - startMs, rowsBefore);
    return { outcome, ...times };
  }

  #runProcedure(call: AdmittedCall<ProcedureDef>, result: Codec): ProcedureResult {
    const { runner, environment, committer } = this.#parts;
    const { def, caller, timestampMicros } = call;
    const startMicros = committer.now();
    const outcome = environment.run({ functionName: def.name, caller }, () => {
      const run = runner.runProcedure(toHookCall(call));
      if (run.abandoned?.isOpen === true) {
        committer.rollback(run.abandoned);
        environment.logHost('error', `aborting dangling anonymous transaction in procedure ${def.name}`);
      }
      return run.outcome;
    });
    const common = { timestampMicros, durationMicros: committer.now() - startMicros, offset: environment.lastOffset };
    if (outcome.type === 'returned') {
      const problem = problemOf(result, outcome.bytes);
      if (problem === undefined) return { outcome: { type: 'returned', bytes: outcome.bytes }, ...common };
      return { outcome: { type: 'failed', message: problem, reason: 'fatal' }, ...common };
    }
    this.logFailure(def.name, outcome);
    if (outcome.type === 'user-error')
      return { outcome: { type: 'failed', message: outcome.message, reason: 'user' }, ...common };
    return {
      outcome: { type: 'failed', message: `Uncaught ${outcome.stack || outcome.message}`, reason: 'fatal' },
      ...common,
    };
  }

  /** Writes why a call failed to the module's log, with the stack where it is the module's bug. */
  logFailure(functionName: string, outcome: Exclude<HookOutcome, { readonly type: 'returned' }>): void {
    const { environment } = this.#parts;
    if (outcome.type === 'user-error') environment.logFor(functionName, 'error', outcome.message);
    else environment.logFor(functionName, 'panic', describeFailure(outcome));
  }
}

function procedureOutcome(outcome: ProcedureResult['outcome']): CallOutcome {
  if (outcome.type === 'returned') return 'ok';
  return outcome.reason === 'user' ? 'user_error' : 'failed';
}

function refused(
  { message }: HostError,
  timestampMicros: bigint,
  reason: InternalFailureReason = 'refused',
): CallResult {
  return { outcome: { type: 'failed-internal', message, reason }, timestampMicros, offset: undefined };
}

function describeFailure({ message, stack }: { readonly message: string; readonly stack: string }): string {
  return stack.includes(message) ? stack : `${message}\n${stack}`.trim();
}

function toHookCall(call: AdmittedCall<{ readonly id: number }>): HookCall {
  const { def, caller, timestampMicros, args } = call;
  return { id: def.id, sender: caller.identity, connectionId: caller.connectionId, timestampMicros, args };
}

function problemOf(result: Codec, bytes: Uint8Array): string | undefined {
  try {
    const reader = new BsatnReader(bytes);
    result.skip(reader);
    reader.expectEnd();
    return undefined;
  } catch (error) {
    return `the procedure returned something other than its declared type: ${errorMessage(error)}`;
  }
}
