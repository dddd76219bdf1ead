import type { Datastore } from '../datastore/datastore.ts';
import type { StateView } from '../datastore/state-view.ts';
import type { Transaction } from '../datastore/transaction.ts';
import { errorMessage, HostError } from '../errors.ts';
import { type DueCall, type FireResult, Scheduler } from '../scheduler/scheduler.ts';
import type { ModuleDef, TableDef } from '../schema/module-def.ts';
import { type CallEnvironment, makeUnwritableError } from './call-environment.ts';
import { CallExecutor, FATAL_MESSAGE } from './call-executor.ts';
import type { Caller, CallResult, Commit, ConnectResult, DatabaseStatus, ProcedureResult } from './calls.ts';
import { ClientRegistry } from './client-registry.ts';
import { type CommitInfo, Committer } from './committer.ts';
import { FunctionDirectory, type Refusal } from './function-directory.ts';
import { DEFAULT_SNAPSHOT_POLICY, Journal } from './journal.ts';
import type { ModuleRunner } from './module-runner.ts';
import { type Opening, prepareOpening } from './open-database.ts';
import type { DatabaseOptions } from './options.ts';
import type { StoredProgram } from './record-codec.ts';
import { ScheduleTables, type ScheduledRow } from './schedule-tables.ts';
import { encodeSnapshot } from './snapshot-codec.ts';
import { describeLeftOut } from './unsupported-parts.ts';

/** Calls that `volatile_nonatomic_schedule_immediate` may have waiting. */
const IMMEDIATE_CALLS_MAX = 10_000;

const NO_ARGS = new Uint8Array(0);

/**
 * One module with its data.
 *
 * Invariants:
 * - Calls run one after the other, each to its end; a call from inside a call is refused.
 * - A transaction is committed and logged whole, or leaves no trace.
 * - After a write to the storage failed, nothing is changed any more but that commits which are not durable are taken
 *   back; reads go on.
 */
export class Database {
  readonly name: string;
  readonly def: ModuleDef;
  /** SHA-256 of the program's text, in hex. */
  readonly programHash: string;
  readonly #program: StoredProgram;
  readonly #options: DatabaseOptions;
  readonly #datastore: Datastore;
  readonly #runner: ModuleRunner;
  readonly #environment: CallEnvironment;
  readonly #journal: Journal;
  readonly #committer: Committer;
  readonly #executor: CallExecutor;
  readonly #functions: FunctionDirectory;
  readonly #clients: ClientRegistry = new ClientRegistry();
  readonly #scheduleTables: ScheduleTables;
  readonly #scheduler: Scheduler;
  /** Work that must be done, and waits for the storage to take writes again. */
  readonly #owed: (() => void)[] = [];
  #immediateCalls = 0;
  /** Why what can be read may not be durable although the storage failed: a bug. */
  #isTakingBackFailed = false;
  /** Whether more was lost than that clients came and went. */
  #isWorkLost = false;
  #isClosed = false;

  /**
   * Opens a database: reads back what is stored, or, when nothing is, creates the program's tables and runs its `init`
   * as one transaction that is durable when the promise resolves. A new program takes over stored data where they
   * need not change. Clients that a crash left behind are disconnected, and schedules armed.
   * @throws {HostError} `database/init-failed` (nothing is stored then), `database/no-program`, `database/corrupt`,
   * `database/newer-version`, `database/migration-required`, `module/load-failed`, `module/unsupported`; @throws {SchemaError}; @throws {StorageError}
   */
  static async open(options: DatabaseOptions): Promise<Database> {
    let opening: Opening | undefined;
    try {
      opening = await prepareOpening(options);
      const database = new Database(options, opening);
      await database.#begin(opening.toStore);
      return database;
    } catch (error) {
      opening?.runner.close();
      await options.storage.close();
      throw error;
    }
  }

  private constructor(options: DatabaseOptions, opening: Opening) {
    this.name = options.name;
    this.def = opening.def;
    this.programHash = opening.programHash;
    this.#options = options;
    this.#program = opening.program;
    this.#datastore = opening.datastore;
    this.#runner = opening.runner;
    this.#environment = opening.environment;
    this.#functions = new FunctionDirectory(opening.def, opening.program.owner);
    this.#scheduleTables = new ScheduleTables(opening.def.tables);
    this.#journal = this.#makeJournal(opening);
    this.#committer = new Committer({
      datastore: opening.datastore,
      journal: this.#journal,
      clock: options.clock,
      lastTimestampMicros: opening.lastTimestampMicros,
      onListenerError: (error) =>
        this.#environment.logHost('panic', `a listener to commits threw: ${errorMessage(error)}`),
    });
    this.#scheduler = new Scheduler({ clock: options.clock, timers: options.timers, fire: (call) => this.#fire(call) });
    this.#executor = new CallExecutor({
      runner: this.#runner,
      committer: this.#committer,
      journal: this.#journal,
      environment: this.#environment,
    });
    this.#runner.attach(opening.datastore);
    this.#environment.attach({
      committer: this.#committer,
      journal: this.#journal,
      clients: this.#clients,
      scheduleTables: this.#scheduleTables,
      procedureWrites: () => this.#runner.procedureWrites,
      scheduleImmediate: (functionName, args) => this.#scheduleImmediate(functionName, args),
    });
    this.#committer.onCommit(({ deltas, timestampMicros }) =>
      this.#scheduleTables.follow(deltas, this.#scheduler, timestampMicros),
    );
  }

  /** The database's own identity; schedules run as it. */
  get identity(): bigint {
    return this.#program.identity;
  }

  get owner(): bigint {
    return this.#program.owner;
  }

  /** The text of the module's bundle. */
  get program(): string {
    return this.#program.text;
  }

  /** Every table, the system's too. */
  get tables(): readonly TableDef[] {
    return this.#datastore.tables;
  }

  /** The tables as of the last commit. */
  get committed(): StateView {
    return this.#datastore.committed;
  }

  /** Every record with an offset below it is durable. */
  get durableOffset(): bigint {
    return this.#journal.durableOffset;
  }

  /** Why nothing is written any more, once the storage failed. All that can be read is durable then. */
  get failure(): HostError | undefined {
    return this.#isTakingBackFailed ? undefined : this.#journal.failure;
  }

  /** Whether a call may write now: false while the storage is behind, and for good after it failed. */
  get writable(): boolean {
    return this.#journal.canAppend;
  }

  /** Resolves when `writable` is true. @throws {StorageError} when it will not be true again. */
  whenWritable(): Promise<void> {
    return this.#journal.whenWritable();
  }

  /** @throws {StorageError} `storage/write-failed` when the record will never be durable. */
  whenDurable(offset: bigint): Promise<void> {
    return this.#journal.whenDurable(offset);
  }

  /**
   * Listens to commits: called inside each, in commit order, before the next transaction may start. Listeners must not
   * call the database. Returns the way to stop.
   */
  onCommit(listener: (commit: Commit) => void): () => void {
    return this.#committer.onCommit(listener);
  }

  /** Runs a reducer for a client, to its end. @throws {HostError} `database/closed`, `database/busy` */
  callReducer(caller: Caller, name: string, args: Uint8Array): CallResult {
    this.#assertIdle();
    const timestampMicros = this.#committer.now();
    const admitted = this.#functions.admitReducer(name, caller.identity, args);
    if ('reason' in admitted) {
      const { message, reason } = this.#logRefusal(name, admitted);
      return { outcome: { type: 'failed-internal', message, reason }, timestampMicros, offset: undefined };
    }
    return this.#executor.runReducer({ def: admitted.def, caller, timestampMicros, args }, 'reducer');
  }

  /** Runs a procedure for a client, to its end. @throws {HostError} `database/closed`, `database/busy` */
  callProcedure(caller: Caller, name: string, args: Uint8Array): ProcedureResult {
    this.#assertIdle();
    const timestampMicros = this.#committer.now();
    const admitted = this.#functions.admitProcedure(name, caller.identity, args);
    if ('reason' in admitted) {
      const { message, reason } = this.#logRefusal(name, admitted);
      const outcome = { type: 'failed', message, reason } as const;
      return { outcome, timestampMicros, durationMicros: 0n, offset: undefined };
    }
    return this.#executor.runProcedure({ def: admitted.def, caller, timestampMicros, args }, admitted.result);
  }

  /**
   * Lets a client in: registers it and runs `client_connected` in one transaction. A rejected client leaves no trace.
   * @throws {HostError} `database/closed`, `database/busy`
   */
  connect(caller: Caller, jwtPayload: string): ConnectResult {
    this.#assertIdle();
    if (this.#clients.has(caller)) return { type: 'rejected', message: 'the connection id is in use' };
    const timestampMicros = this.#committer.now();
    const functionName = this.def.lifecycle.connect;
    const transaction = this.#committer.begin();
    this.#clients.insert(transaction, caller, jwtPayload);
    const outcome = this.#runLifecycle(transaction, functionName, { caller, timestampMicros });
    if (outcome.type === 'returned' && this.#journal.canAppend) {
      const commit = this.#tryCommit(transaction, { kind: 'lifecycle', functionName, caller, timestampMicros });
      if (commit !== undefined) return { type: 'accepted', offset: commit.offset };
    } else {
      transaction.rollback();
    }
    // Whoever may read still may when nothing is written any more: the reducer was asked, and let the client in.
    if (outcome.type === 'returned' && this.#journal.failure !== undefined)
      return { type: 'accepted', offset: undefined };
    this.#clients.forget(caller);
    if (outcome.type === 'returned') return { type: 'rejected', message: makeUnwritableError(this.#journal).message };
    this.#executor.logFailure(functionName ?? '', outcome);
    return { type: 'rejected', message: outcome.type === 'user-error' ? outcome.message : FATAL_MESSAGE };
  }

  /**
   * Lets go of a client: runs `client_disconnected` and deletes the client's rows in one transaction; when the reducer
   * fails, the rows go all the same. Does nothing for a client that is not registered.
   * @throws {HostError} `database/busy`
   */
  disconnect(caller: Caller): void {
    if (this.#isClosed || !this.#clients.has(caller)) return;
    this.#assertIdle();
    if (this.#journal.failure === undefined) this.#whenWritable(() => this.#disconnect(caller));
    else this.#clients.forget(caller);
  }

  /** Sizes of tables and storage. */
  status(): DatabaseStatus {
    const { logBytes, snapshotBytes } = this.#journal.usage;
    return {
      tables: this.#datastore.memoryUsage().map(({ table, rows, bytes }) => ({ name: table.name, rows, bytes })),
      logBytes,
      snapshotBytes,
      nextOffset: this.#journal.nextOffset,
      durableOffset: this.#journal.durableOffset,
      isReadOnly: this.#journal.failure !== undefined,
    };
  }

  /** Writes a snapshot now. @throws {HostError} `database/closed`; @throws {StorageError} */
  async snapshot(): Promise<void> {
    this.#assertIdle();
    await this.#journal.snapshot();
  }

  /**
   * Ends the module, makes everything durable and gives up the storage. Idempotent.
   * @throws {StorageError} when a call's commit is not durable; that clients came and went may be lost silently
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#scheduler.stop();
    this.#runner.close();
    const { failure } = this;
    try {
      await this.#journal.close();
    } catch (error) {
      if (failure === undefined || this.#isWorkLost) throw error;
    }
  }

  #makeJournal(opening: Opening): Journal {
    return new Journal({
      storage: this.#options.storage,
      policy: this.#options.snapshots ?? DEFAULT_SNAPSHOT_POLICY,
      nextOffset: opening.nextOffset,
      logBytes: opening.replayedBytes,
      snapshotChunks: () => encodeSnapshot(this.#program, this.#committer.lastTimestampMicros, this.#datastore),
      onFailure: (error) => this.#becomeReadOnly(error),
      onDurable: () => this.#committer.settleDurable(),
      warn: (message) => this.#environment.logHost('warn', message),
    });
  }

  #becomeReadOnly(reason: HostError): void {
    this.#environment.logHost('panic', reason.message);
    try {
      const kinds = this.#committer.takeBackUndurable();
      this.#isWorkLost = [...kinds].some((kind) => kind !== 'lifecycle');
    } catch (error) {
      this.#isTakingBackFailed = true;
      this.#environment.logHost('panic', `what is not durable could not be taken back: ${errorMessage(error)}`);
    }
  }

  /** Stores what opening has to store, and takes up the work that was left. */
  async #begin(toStore: Opening['toStore']): Promise<void> {
    if (toStore === 'program-and-init') await this.whenDurable(this.#initialise());
    if (toStore === 'program') await this.whenDurable(this.#committer.appendProgram(this.#program));
    for (const sentence of describeLeftOut(this.def)) this.#environment.logHost('warn', sentence);
    for (const caller of this.#clients.restore(this.committed)) this.disconnect(caller);
    await this.#settleOpening();
    this.#scheduleTables.armAll(this.committed, this.#scheduler, this.#committer.now());
    this.#scheduler.start();
    this.#journal.snapshotIfDue();
  }

  /** A disk that is full turns out here, before anybody reads: the database opens all the same, for reading. */
  async #settleOpening(): Promise<void> {
    const { nextOffset, durableOffset } = this.#journal;
    if (nextOffset === durableOffset) return;
    // The failure is told and logged by the journal.
    await this.whenDurable(nextOffset - 1n).catch(() => undefined);
  }

  /** Runs `init` as the owner and stores the program with what it wrote, as the first record. */
  #initialise(): bigint {
    const functionName = this.def.lifecycle.init;
    const caller: Caller = { identity: this.owner, connectionId: 0n };
    const timestampMicros = this.#committer.now();
    const transaction = this.#committer.begin();
    const outcome = this.#runLifecycle(transaction, functionName, { caller, timestampMicros });
    if (outcome.type !== 'returned') {
      transaction.rollback();
      this.#executor.logFailure(functionName ?? '', outcome);
      throw new HostError({
        code: 'database/init-failed',
        message: `the module's init failed, and nothing was created: ${outcome.message}`,
        details: { name: this.name, message: outcome.message },
      });
    }
    const program = this.#program;
    const { offset } = this.#committer.commit(transaction, {
      kind: 'lifecycle',
      functionName,
      caller,
      timestampMicros,
      program,
    });
    if (offset === undefined) throw makeUnwritableError(this.#journal);
    return offset;
  }

  #runLifecycle(
    transaction: Transaction,
    functionName: string | undefined,
    call: { readonly caller: Caller; readonly timestampMicros: bigint },
  ): ReturnType<CallExecutor['runInside']> {
    const found = functionName === undefined ? undefined : this.#functions.reducer(functionName);
    if (found === undefined) return { type: 'returned', bytes: NO_ARGS };
    return this.#executor.runInside(transaction, { def: found.def, args: NO_ARGS, ...call });
  }

  #disconnect(caller: Caller): void {
    const timestampMicros = this.#committer.now();
    const functionName = this.def.lifecycle.disconnect;
    let transaction = this.#committer.begin();
    const outcome = this.#runLifecycle(transaction, functionName, { caller, timestampMicros });
    if (outcome.type !== 'returned') {
      transaction.rollback();
      this.#executor.logFailure(functionName ?? '', outcome);
      transaction = this.#committer.begin();
    }
    this.#clients.delete(transaction, caller);
    this.#clients.forget(caller);
    this.#tryCommit(transaction, { kind: 'lifecycle', functionName, caller, timestampMicros });
  }

  /** Runs a scheduled row that is due. */
  #fire(due: DueCall): FireResult {
    if (!this.#journal.canAppend) {
      this.#whenWritable(() => this.#scheduler.resume());
      return 'later';
    }
    const found = this.#scheduleTables.find(this.committed, due);
    if (found === undefined) return 'done';
    // A one-shot procedure's row goes first: it runs once at most. A reducer's goes after it: once at least.
    const isProcedure = this.#functions.reducer(found.functionName) === undefined;
    if (isProcedure) this.#deleteIfOneShot(due);
    const now = this.#committer.now();
    this.#runInternal(found.functionName, found.row, due.intendedMicros > now ? due.intendedMicros : now);
    if (!isProcedure) this.#whenWritable(() => this.#deleteIfOneShot(due));
    const left = this.#scheduleTables.find(this.committed, due);
    return left?.at.type === 'interval' ? { everyMicros: left.at.everyMicros } : 'done';
  }

  #deleteIfOneShot(due: DueCall): void {
    const found: ScheduledRow | undefined = this.#scheduleTables.find(this.committed, due);
    if (found === undefined || found.at.type !== 'time') return;
    const timestampMicros = this.#committer.now();
    const transaction = this.#committer.begin();
    transaction.deleteRows(found.table.id, [found.row]);
    this.#tryCommit(transaction, { kind: 'scheduled', functionName: found.functionName, timestampMicros });
  }

  /** Commits what the host itself has to write. Undefined when the storage failed, which the journal tells and logs. */
  #tryCommit(transaction: Transaction, info: CommitInfo): Commit | undefined {
    try {
      return this.#committer.commit(transaction, info);
    } catch (error) {
      if (error instanceof HostError) return undefined;
      throw error;
    }
  }

  /** Runs a function as the database itself; what goes wrong is in the log. */
  #runInternal(functionName: string, args: Uint8Array, timestampMicros: bigint): void {
    const caller: Caller = { identity: this.identity, connectionId: 0n };
    const reducer = this.#functions.reducer(functionName);
    if (reducer !== undefined) {
      this.#executor.runReducer({ def: reducer.def, caller, timestampMicros, args }, 'scheduled');
      return;
    }
    const procedure = this.#functions.procedure(functionName);
    if (procedure !== undefined) {
      this.#executor.runProcedure({ def: procedure.def, caller, timestampMicros, args }, procedure.result);
      return;
    }
    this.#environment.logHost('error', `the scheduled function "${functionName}" does not exist`);
  }

  #scheduleImmediate(functionName: string, args: Uint8Array): void {
    if (this.#immediateCalls >= IMMEDIATE_CALLS_MAX) {
      this.#environment.logHost(
        'error',
        `"${functionName}" is not run: ${IMMEDIATE_CALLS_MAX} immediate calls wait already`,
      );
      return;
    }
    this.#immediateCalls += 1;
    this.#options.timers.soon(() => {
      this.#immediateCalls -= 1;
      if (this.#isClosed) return;
      const isReducer = this.#functions.reducer(functionName) !== undefined;
      const admitted = isReducer
        ? this.#functions.admitReducer(functionName, this.owner, args)
        : this.#functions.admitProcedure(functionName, this.owner, args);
      if ('reason' in admitted) this.#logRefusal(functionName, admitted);
      else this.#runInternal(functionName, args, this.#committer.now());
    });
  }

  /** Does something that writes as soon as the storage takes it; never when it failed, a restart makes up for that. */
  #whenWritable(action: () => void): void {
    if (this.#journal.canAppend && this.#owed.length === 0) {
      action();
      return;
    }
    if (this.#journal.failure !== undefined) return;
    this.#owed.push(action);
    if (this.#owed.length === 1) this.#awaitWritable();
  }

  #awaitWritable(): void {
    this.#journal.whenWritable().then(
      () => this.#payOwed(),
      // The failure is told and logged by the journal.
      () => this.#owed.splice(0),
    );
  }

  #payOwed(): void {
    while (this.#journal.canAppend) {
      const action = this.#owed.shift();
      if (action === undefined) return;
      action();
    }
    if (this.#owed.length > 0 && !this.#isClosed) this.#awaitWritable();
  }

  #logRefusal(name: string, refusal: Refusal): Refusal {
    for (const line of refusal.log) this.#environment.logFor(name, 'error', line);
    return refusal;
  }

  #assertIdle(): void {
    this.#environment.assertIdle();
    if (!this.#isClosed) return;
    throw new HostError({
      code: 'database/closed',
      message: `the database "${this.name}" is closed; open it again`,
      details: { name: this.name },
    });
  }
}
