import type { Clock, Timers } from '../clock/clock.ts';
import { type DueCall, type FireResult, Scheduler } from '../scheduler/scheduler.ts';
import type { Caller } from './calls.ts';
import type { Refusal } from './function-directory.ts';
import type { LastingParts, LoadedModule } from './loaded-module.ts';
import type { OwedWork } from './owed-work.ts';
import type { ScheduledRow } from './schedule-tables.ts';

/** Calls that `volatile_nonatomic_schedule_immediate` may have waiting. */
const IMMEDIATE_CALLS_MAX = 10_000;

/** What scheduled calls run through. */
export interface ScheduledCallsOptions extends LastingParts {
  /** The module that is loaded now. */
  readonly loaded: () => LoadedModule;
  readonly owed: OwedWork;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** The calls that a database makes itself: rows of schedule tables when they are due, and immediate ones. */
export class ScheduledCalls {
  readonly #options: ScheduledCallsOptions;
  readonly #scheduler: Scheduler;
  #immediateCalls = 0;
  #hasAdopted = false;
  #isStopped = false;

  constructor(options: ScheduledCallsOptions) {
    this.#options = options;
    const { clock, timers, committer } = options;
    this.#scheduler = new Scheduler({ clock, timers, fire: (call) => this.#fire(call) });
    committer.onCommit(({ deltas, timestampMicros }) =>
      options.loaded().scheduleTables.follow(deltas, this.#scheduler, timestampMicros),
    );
  }

  /** Every armed row, and when it is due. */
  get armed(): readonly DueCall[] {
    return this.#scheduler.armed;
  }

  /** Takes up what another database had armed, whose rows are here; `start` arms nothing more then. */
  adopt(armed: readonly DueCall[]): void {
    this.#hasAdopted = true;
    for (const call of armed) this.#scheduler.armAt(call, call.intendedMicros);
  }

  /** Arms every row that is there, and begins to run what is due. */
  start(): void {
    if (!this.#hasAdopted) this.#armAll();
    this.#scheduler.start();
  }

  /** Forgets every armed row, and arms those that are there now: the data were exchanged for others. */
  restart(): void {
    this.#scheduler.disarmAll();
    this.#armAll();
  }

  /** Nothing runs afterwards. */
  stop(): void {
    this.#isStopped = true;
    this.#scheduler.stop();
  }

  /** Runs a function as the owner in a turn of its own; nothing of it outlives the process. */
  scheduleImmediate(functionName: string, args: Uint8Array): void {
    const { environment, timers } = this.#options;
    if (this.#immediateCalls >= IMMEDIATE_CALLS_MAX) {
      environment.logHost('error', `"${functionName}" is not run: ${IMMEDIATE_CALLS_MAX} immediate calls wait already`);
      return;
    }
    this.#immediateCalls += 1;
    timers.soon(() => {
      this.#immediateCalls -= 1;
      if (!this.#isStopped) this.#runImmediate(functionName, args);
    });
  }

  #armAll(): void {
    const { loaded, committer } = this.#options;
    const { scheduleTables, datastore } = loaded();
    scheduleTables.armAll(datastore.committed, this.#scheduler, committer.now());
  }

  #runImmediate(functionName: string, args: Uint8Array): void {
    const { functions, program } = this.#options.loaded();
    const isReducer = functions.reducer(functionName) !== undefined;
    const admitted = isReducer
      ? functions.admitReducer(functionName, program.owner, args)
      : functions.admitProcedure(functionName, program.owner, args);
    if ('reason' in admitted) this.#logRefusal(functionName, admitted);
    else this.#runInternal(functionName, args, this.#options.committer.now());
  }

  /** Runs a scheduled row that is due. */
  #fire(due: DueCall): FireResult {
    const { journal, owed, committer } = this.#options;
    if (!journal.canAppend) {
      owed.whenWritable(() => this.#scheduler.resume());
      return 'later';
    }
    const found = this.#find(due);
    if (found === undefined) return 'done';
    // A one-shot procedure's row goes first: it runs once at most. A reducer's goes after it: once at least.
    const isProcedure = this.#options.loaded().functions.reducer(found.functionName) === undefined;
    if (isProcedure) this.#deleteIfOneShot(due);
    const now = committer.now();
    const { calls } = this.#options.environment.metrics;
    calls.noteScheduleDelay(found.functionName, Number(now - due.intendedMicros) / 1000);
    this.#runInternal(found.functionName, found.row, due.intendedMicros > now ? due.intendedMicros : now);
    if (!isProcedure) owed.whenWritable(() => this.#deleteIfOneShot(due));
    const left = this.#find(due);
    return left?.at.type === 'interval' ? { everyMicros: left.at.everyMicros } : 'done';
  }

  #find(due: DueCall): ScheduledRow | undefined {
    const { scheduleTables, datastore } = this.#options.loaded();
    return scheduleTables.find(datastore.committed, due);
  }

  #deleteIfOneShot(due: DueCall): void {
    const { committer } = this.#options;
    const found = this.#find(due);
    if (found === undefined || found.at.type !== 'time') return;
    const timestampMicros = committer.now();
    const transaction = committer.begin();
    transaction.deleteRows(found.table.id, [found.row]);
    const { functionName } = found;
    committer.tryCommit(transaction, { kind: 'scheduled', functionName, timestampMicros, onViewFailure: 'end-view' });
  }

  /** Runs a function as the database itself; what goes wrong is in the log. */
  #runInternal(functionName: string, args: Uint8Array, timestampMicros: bigint): void {
    const { functions, executor, program } = this.#options.loaded();
    const caller: Caller = { identity: program.identity, connectionId: 0n };
    const reducer = functions.reducer(functionName);
    if (reducer !== undefined) {
      executor.runReducer({ def: reducer.def, caller, timestampMicros, args }, 'scheduled');
      return;
    }
    const procedure = functions.procedure(functionName);
    if (procedure !== undefined) {
      executor.runProcedure({ def: procedure.def, caller, timestampMicros, args }, procedure.result);
      return;
    }
    this.#options.environment.logHost('error', `the scheduled function "${functionName}" does not exist`);
  }

  #logRefusal(name: string, refusal: Refusal): void {
    for (const line of refusal.log) this.#options.environment.logFor(name, 'error', line);
  }
}
