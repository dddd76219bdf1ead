import type { TableUsage } from '../datastore/datastore.ts';
import type { StateView } from '../datastore/state-view.ts';
import { errorMessage, HostError } from '../errors.ts';
import type { HandlerRequest, HandlerResult } from '../module-http/handler-call.ts';
import type { ModuleDef, TableDef } from '../schema/module-def.ts';
import { type CallEnvironment, makeUnwritableError } from './call-environment.ts';
import type { Caller, CallResult, Commit, ConnectResult, DatabaseStatus, ProcedureResult } from './calls.ts';
import { ClientLifecycle } from './client-lifecycle.ts';
import { Committer } from './committer.ts';
import { assertCapturable, type DatabaseState, prepareFork } from './database-state.ts';
import type { Refusal } from './function-directory.ts';
import { IndexBuilding } from './index-building.ts';
import { runInit } from './initialise.ts';
import { DEFAULT_SNAPSHOT_POLICY, Journal } from './journal.ts';
import { type LoadedModule, makeLoadedModule } from './loaded-module.ts';
import { type Opening, prepareOpening } from './open-database.ts';
import type { DatabaseMetrics } from '../metrics/database-metrics.ts';
import type { DueCall } from '../scheduler/scheduler.ts';
import type { DatabaseOptions } from './options.ts';
import { OwedWork } from './owed-work.ts';
import {
  type ExchangeOutcome,
  type ExchangeParticipant,
  type ExchangePlan,
  type ExchangeRequest,
  ProgramExchange,
} from './program-exchange.ts';
import { ScheduledCalls } from './scheduled-calls.ts';
import type { SqlAnswer } from './sql-answer.ts';
import { encodeSnapshot } from './snapshot-codec.ts';
import type { ViewTables } from '../views/view-tables.ts';

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
  readonly #options: DatabaseOptions;
  readonly #environment: CallEnvironment;
  readonly #journal: Journal;
  readonly #committer: Committer;
  readonly #owed: OwedWork;
  readonly #clients: ClientLifecycle;
  readonly #scheduled: ScheduledCalls;
  readonly #indexBuilding: IndexBuilding;
  readonly #exchange: ProgramExchange;
  readonly #exchangeParticipants = new Set<ExchangeParticipant>();
  /** The program that runs, with all that is bound to it: exchanged as one. */
  #loaded: LoadedModule;
  /** One that is being prepared to take over, while something of it runs. */
  #preparing: LoadedModule | undefined;
  /** Why what can be read may not be durable although the storage failed: a bug. */
  #isTakingBackFailed = false;
  /** Whether more was lost than that clients came and went. */
  #isWorkLost = false;
  #isClosed = false;

  /**
   * Opens a database: reads back what is stored, or, when nothing is, creates the program's tables and runs its `init`
   * as one transaction that is durable when the promise resolves. Another program takes over stored data by a
   * migration. Clients that a crash left behind are disconnected, and schedules armed.
   * `from` is where it goes on from instead: then the storage must hold what was logged up to there, and is not read.
   * @throws {HostError} `database/init-failed` (nothing is stored then), `database/no-program`, `database/corrupt`,
   * `database/newer-version`, `database/migration-refused`, `module/load-failed`, `module/unsupported`; @throws {SchemaError}; @throws {StorageError}
   */
  static async open(options: DatabaseOptions, from?: DatabaseState): Promise<Database> {
    let opening: Opening | undefined;
    try {
      opening = from === undefined ? await prepareOpening(options) : await prepareFork(options, from);
      const database = new Database(options, opening);
      if (from !== undefined) database.#scheduled.adopt(from.armed);
      await database.#begin(opening);
      return database;
    } catch (error) {
      opening?.runner.close();
      await options.storage.close();
      throw error;
    }
  }

  private constructor(options: DatabaseOptions, opening: Opening) {
    this.name = options.name;
    this.#options = options;
    this.#environment = opening.environment;
    this.#journal = this.#makeJournal(opening);
    this.#committer = new Committer({
      datastore: opening.datastore,
      views: () => this.#loaded.views,
      journal: this.#journal,
      metrics: this.metrics.transactions,
      clock: options.clock,
      lastTimestampMicros: opening.lastTimestampMicros,
      onListenerError: (error) =>
        this.#environment.logHost('panic', `a listener to commits threw: ${errorMessage(error)}`),
    });
    const strictCompat = options.strictCompat ?? false;
    const lasting = {
      committer: this.#committer,
      journal: this.#journal,
      environment: this.#environment,
      strictCompat,
    };
    this.#loaded = makeLoadedModule(opening, lasting);
    this.#owed = new OwedWork(this.#journal);
    const parts = { ...lasting, owed: this.#owed, loaded: () => this.#loaded };
    this.#clients = new ClientLifecycle(parts);
    this.#scheduled = new ScheduledCalls({ ...parts, clock: options.clock, timers: options.timers });
    this.#environment.attach({
      committer: this.#committer,
      journal: this.#journal,
      clients: this.#clients.registry,
      scheduleTables: () => (this.#preparing ?? this.#loaded).scheduleTables,
      procedureWrites: () => this.#loaded.runner.procedureWrites,
      scheduleImmediate: (functionName, args) => this.#scheduled.scheduleImmediate(functionName, args),
    });
    this.#indexBuilding = new IndexBuilding(() => this.#loaded.datastore, options.timers);
    this.#exchange = new ProgramExchange({
      ...parts,
      options,
      during: (loaded, action) => this.#during(loaded, action),
      prepare: (loaded, outcome) => this.#prepareTakeOver(loaded, outcome),
      assertOpen: () => this.#assertOpen(),
    });
  }

  get def(): ModuleDef {
    return this.#loaded.def;
  }

  /** What it did since it was opened. */
  get metrics(): DatabaseMetrics {
    return this.#environment.metrics;
  }

  /** Rows of schedule tables that wait for their time. */
  get armedSchedules(): readonly DueCall[] {
    return this.#scheduled.armed;
  }

  /** SHA-256 of the program's text, in hex. */
  get programHash(): string {
    return this.#loaded.programHash;
  }

  /** The database's own identity; schedules run as it. */
  get identity(): bigint {
    return this.#loaded.program.identity;
  }

  get owner(): bigint {
    return this.#loaded.program.owner;
  }

  /** The text of the module's bundle. */
  get program(): string {
    return this.#loaded.program.text;
  }

  /** Every table, the system's too. */
  get tables(): readonly TableDef[] {
    return this.#loaded.datastore.tables;
  }

  /** The tables as of the last commit. Of the program that runs now: to be asked for anew after an exchange. */
  get committed(): StateView {
    return this.#loaded.datastore.committed;
  }

  /** The views over `committed`. Of the program that runs now, too. */
  get views(): ViewTables {
    return this.#loaded.views;
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
    const admitted = this.#loaded.functions.admitReducer(name, caller.identity, args);
    if ('reason' in admitted) {
      const { message, reason } = this.#logRefusal(name, admitted);
      return { outcome: { type: 'failed-internal', message, reason }, timestampMicros, offset: undefined };
    }
    return this.#loaded.executor.runReducer({ def: admitted.def, caller, timestampMicros, args }, 'reducer');
  }

  /** Whether nothing but its module's own reducers runs inside a call of one: views would. */
  get isCoverable(): boolean {
    return this.def.views.length === 0;
  }

  /** Ends the reducer call that runs and was cut off, see `CallCover`. */
  endCutCall(error: HostError): CallResult {
    return this.#loaded.executor.endCutCall(error);
  }

  /** Runs a procedure for a client, to its end. @throws {HostError} `database/closed`, `database/busy` */
  callProcedure(caller: Caller, name: string, args: Uint8Array): ProcedureResult {
    this.#assertIdle();
    const timestampMicros = this.#committer.now();
    const admitted = this.#loaded.functions.admitProcedure(name, caller.identity, args);
    if ('reason' in admitted) {
      const { message, reason } = this.#logRefusal(name, admitted);
      const outcome = { type: 'failed', message, reason } as const;
      return { outcome, timestampMicros, durationMicros: 0n, offset: undefined };
    }
    return this.#loaded.executor.runProcedure({ def: admitted.def, caller, timestampMicros, args }, admitted.result);
  }

  /** Answers an HTTP request by the module's handler for it, to its end. @throws {HostError} `database/closed`, `database/busy` */
  callHttpHandler(request: HandlerRequest): HandlerResult {
    this.#assertIdle();
    return this.#loaded.httpHandlers.run(request);
  }

  /**
   * Runs SQL statements of the wider grammar, each that writes in a transaction of its own. Rows are as of the last
   * commit before the statement.
   * @throws {QueryError}; @throws {HostError} as `SqlRunner.run`, `database/closed`, `database/busy`
   */
  sql(caller: Caller, text: string): SqlAnswer {
    this.#assertIdle();
    return this.#loaded.sql.run(caller, text);
  }

  /**
   * Lets a client in: registers it and runs `client_connected` in one transaction. A rejected client leaves no trace.
   * @throws {HostError} `database/closed`, `database/busy`
   */
  connect(caller: Caller, jwtPayload: string): ConnectResult {
    this.#assertIdle();
    return this.#clients.connect(caller, jwtPayload);
  }

  /**
   * Lets go of a client: runs `client_disconnected` and deletes the client's rows in one transaction; when the reducer
   * fails, the rows go all the same. Does nothing for a client that is not registered.
   * @throws {HostError} `database/busy`
   */
  disconnect(caller: Caller): void {
    if (this.#isClosed || !this.#clients.registry.has(caller)) return;
    this.#assertIdle();
    this.#clients.disconnect(caller);
  }

  /** What other databases can be opened from, which go on from here. @throws {HostError} `database/busy`, `database/closed` */
  capture(): DatabaseState {
    this.#assertIdle();
    assertCapturable(this.#journal);
    const { program, programHash, def, datastore } = this.#loaded;
    const { lastTimestampMicros } = this.#committer;
    const { nextOffset } = this.#journal;
    const armed = this.#scheduled.armed;
    return { program, programHash, def, datastore: datastore.fork(), lastTimestampMicros, nextOffset, armed };
  }

  /**
   * How a program would take over the data as they are now. Changes nothing.
   * @throws {HostError} `module/load-failed`, `module/unsupported`; @throws {SchemaError}
   */
  planExchange(program: string): Promise<ExchangePlan> {
    return this.#exchange.plan(program);
  }

  /**
   * Gives the running database another program, as one durable transaction: readers see the old program until it is, and
   * the new one from then on. When it fails, everything is as before.
   * @throws {HostError} `database/migration-refused`, `database/breaks-clients`, `database/init-failed`,
   * `module/load-failed`, `module/unsupported`, `database/closed`; @throws {SchemaError}; @throws {StorageError}
   */
  exchangeProgram(request: ExchangeRequest): Promise<ExchangeOutcome> {
    return this.#exchange.run(request);
  }

  /** Takes part in every exchange from now on. Returns the way to stop. */
  onExchange(participant: ExchangeParticipant): () => void {
    this.#exchangeParticipants.add(participant);
    return () => this.#exchangeParticipants.delete(participant);
  }

  /** The definition of the module that runs, in BSATN, as the module gave it. */
  describe(): Uint8Array {
    return this.#loaded.program.rawDef;
  }

  /** Size of every table, the system's too. */
  tableUsage(): readonly TableUsage[] {
    return this.#loaded.datastore.memoryUsage();
  }

  /** Sizes of tables and storage. */
  status(): DatabaseStatus {
    const { logBytes, snapshotBytes } = this.#journal.usage;
    return {
      tables: this.#loaded.datastore.memoryUsage().map(({ table, rows, bytes }) => ({ name: table.name, rows, bytes })),
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
    await this.#exchange.whenIdle();
    this.#scheduled.stop();
    this.#indexBuilding.stop();
    this.#owed.close();
    this.#loaded.runner.close();
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
      metrics: opening.environment.metrics,
      policy: this.#options.snapshots ?? DEFAULT_SNAPSHOT_POLICY,
      nextOffset: opening.nextOffset,
      logBytes: opening.replayedBytes,
      snapshotChunks: () => this.#encodeSnapshot(),
      onFailure: (error) => this.#becomeReadOnly(error),
      onDurable: () => this.#committer.settleDurable(),
      warn: (message) => this.#environment.logHost('warn', message),
    });
  }

  #encodeSnapshot(): Iterable<Uint8Array> {
    const { program, datastore } = this.#loaded;
    return encodeSnapshot(program, this.#committer.lastTimestampMicros, datastore);
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
  async #begin({ toStore, migration }: Pick<Opening, 'toStore' | 'migration'>): Promise<void> {
    if (toStore === 'program-and-init') await this.whenDurable(this.#initialise());
    if (migration !== undefined) {
      await this.whenDurable(this.#committer.appendProgram(this.#loaded.program, migration));
    }
    this.#clients.disconnectLeftBehind(this.committed);
    await this.#settleOpening();
    this.#scheduled.start();
    this.#indexBuilding.start();
    this.#journal.snapshotIfDue();
  }

  /** A disk that is full turns out here, before anybody reads: the database opens all the same, for reading. */
  async #settleOpening(): Promise<void> {
    const { nextOffset, durableOffset } = this.#journal;
    if (nextOffset === durableOffset) return;
    // The failure is told and logged by the journal.
    await this.whenDurable(nextOffset - 1n).catch(() => undefined);
  }

  /** Runs `init` and stores the program with what it wrote, as the first record. */
  #initialise(): bigint {
    const timestampMicros = this.#committer.now();
    const transaction = this.#committer.begin('Reducer', this.def.lifecycle.init);
    const info = runInit(this.#loaded, transaction, { name: this.name, timestampMicros });
    const { offset } = this.#committer.commit(transaction, { ...info, program: this.#loaded.program });
    if (offset === undefined) throw makeUnwritableError(this.#journal);
    return offset;
  }

  #during<Result>(loaded: LoadedModule, action: () => Result): Result {
    this.#environment.assertIdle();
    this.#preparing = loaded;
    try {
      return action();
    } finally {
      this.#preparing = undefined;
    }
  }

  #prepareTakeOver(loaded: LoadedModule, outcome: ExchangeOutcome): () => void {
    const { def, views, datastore } = loaded;
    const { endsClients } = outcome;
    const next = { def, tables: datastore.tables, committed: datastore.committed, views, endsClients };
    const takeOvers = this.#during(loaded, () =>
      [...this.#exchangeParticipants].map((participant) => participant(next)),
    );
    return () => {
      this.#takeOver(loaded, outcome);
      for (const takeOver of takeOvers) this.#takePart(takeOver);
    };
  }

  /** The exchange stands: whoever cannot follow it must not keep the others from it. */
  #takePart(takeOver: () => void): void {
    try {
      takeOver();
    } catch (error) {
      this.#environment.logHost('panic', `not all of the host follows the new program: ${errorMessage(error)}`);
    }
  }

  #takeOver(loaded: LoadedModule, outcome: ExchangeOutcome): void {
    this.#environment.assertIdle();
    const old = this.#loaded;
    this.#committer.exchangeDatastore(loaded.datastore);
    this.#loaded = loaded;
    old.runner.close();
    if (outcome.type === 'cleared') {
      this.#clients.registry.clear();
      this.#scheduled.restart();
    }
  }

  #logRefusal(name: string, refusal: Refusal): Refusal {
    this.metrics.calls.noteRefused(refusal.reason);
    for (const line of refusal.log) this.#environment.logFor(name, 'error', line);
    return refusal;
  }

  #assertIdle(): void {
    this.#environment.assertIdle();
    this.#assertOpen();
  }

  #assertOpen(): void {
    if (!this.#isClosed) return;
    throw new HostError({
      code: 'database/closed',
      message: `the database "${this.name}" is closed; open it again`,
      details: { name: this.name },
    });
  }
}
