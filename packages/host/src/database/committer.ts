import { assert } from '../assert.ts';
import { BsatnWriter } from '../bsatn/writer.ts';
import type { Clock } from '../clock/clock.ts';
import type { Datastore } from '../datastore/datastore.ts';
import type { SequenceAllocation } from '../datastore/sequence.ts';
import type { TableDelta } from '../datastore/state-view.ts';
import type { Transaction } from '../datastore/transaction.ts';
import { HostError } from '../errors.ts';
import type { TransactionMetrics } from '../metrics/transaction-metrics.ts';
import type { Workload } from '../metrics/workload.ts';
import type { DataMigration } from '../migration/carry-over.ts';
import type { Caller, Commit, CommitKind } from './calls.ts';
import { type Journal, toFailure } from './journal.ts';
import { UndurableCommits } from './undurable-commits.ts';
import { encodeRecord, type StoredChange, type StoredProgram, type StoredTransaction } from './record-codec.ts';
import { ViewError } from '../views/view-error.ts';
import type { FailurePolicy, ViewRefresh, ViewTables } from '../views/view-tables.ts';

/** What is known of a transaction besides its rows. */
export interface CommitInfo {
  readonly kind: CommitKind;
  readonly functionName?: string | undefined;
  readonly caller?: Caller | undefined;
  readonly timestampMicros: bigint;
  /** Stored in the same record: the database's first transaction. */
  readonly program?: StoredProgram | undefined;
  /** What happens when a view cannot be brought up to date. Default `refuse`. */
  readonly onViewFailure?: FailurePolicy | undefined;
}

/** What a committer is made of. */
export interface CommitterOptions {
  readonly datastore: Datastore;
  /** The views over the datastore's tables. */
  readonly views: () => ViewTables;
  readonly journal: Journal;
  readonly metrics: TransactionMetrics;
  readonly clock: Clock;
  /** Timestamp of the last stored transaction. */
  readonly lastTimestampMicros: bigint;
  /** Told of what a listener threw; the commit stands and the other listeners run. */
  readonly onListenerError: (error: unknown) => void;
}

const NO_DELTAS: readonly TableDelta[] = [];

/** Writers keep their buffer; one that grew beyond this for a rare large transaction is let go. */
const KEPT_WRITER_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Ends transactions: brings the views up to date, makes the changes visible, logs them as one record and tells the
 * listeners, in this order and before anything else can happen. Every transaction ends here, or is rolled back.
 *
 * Invariants:
 * - Timestamps never run backwards, also not over a restart.
 * - A commit is logged before a listener hears of it.
 * - Every commit that is not durable can be taken back.
 * - Views change with the tables, and are not stored: listeners hear of both in one commit.
 */
export class Committer {
  readonly #options: CommitterOptions;
  #datastore: Datastore;
  readonly #listeners: Set<(commit: Commit) => void> = new Set();
  #writer: BsatnWriter = new BsatnWriter(4096);
  #lastTimestampMicros: bigint;
  /** Allocations of transactions that logged nothing: they go with the next record. */
  #sequences: SequenceAllocation[] = [];
  #isCommitting = false;
  readonly #undurable: UndurableCommits = new UndurableCommits();

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#datastore = options.datastore;
    this.#lastTimestampMicros = options.lastTimestampMicros;
  }

  /** The present time, never before an earlier answer. */
  now(): bigint {
    const now = this.#options.clock.nowMicros();
    if (now > this.#lastTimestampMicros) this.#lastTimestampMicros = now;
    return this.#lastTimestampMicros;
  }

  /** Whether a commit is being made or told. */
  get isCommitting(): boolean {
    return this.#isCommitting;
  }

  get lastTimestampMicros(): bigint {
    return this.#lastTimestampMicros;
  }

  /** Goes on with the tables of another program. To be called when everything committed is durable. */
  exchangeDatastore(datastore: Datastore): void {
    this.settleDurable();
    assert(this.#undurable.isEmpty, 'what is not durable could not be taken back in other tables');
    // Allocations that were not logged yet are in the record of the exchange.
    this.#sequences = [];
    this.#datastore = datastore;
  }

  /** Opens the one transaction; what it is for is counted. */
  begin(workload: Workload = 'Internal', functionName = ''): Transaction {
    this.#options.metrics.begin(workload, functionName);
    return this.#datastore.begin();
  }

  /** Ends a transaction without a trace. */
  rollback(transaction: Transaction): void {
    transaction.rollback();
    this.#options.metrics.rolledBack();
  }

  /**
   * Commits and logs. To be called only when the journal can append.
   * @throws {HostError} `view/failed`, `storage/record-too-large`, or `database/read-only` when the storage failed: the
   * transaction was taken back then, and no listener heard of it.
   */
  commit(transaction: Transaction, info: CommitInfo): Commit {
    this.#isCommitting = true;
    try {
      return this.#commit(transaction, info);
    } catch (error) {
      this.#options.metrics.rolledBack();
      throw error;
    } finally {
      this.#isCommitting = false;
    }
  }

  /**
   * Commits what the host itself has to write. Undefined when the storage failed, which the journal tells and logs.
   * @throws {ViewError} when a view fails and may refuse the commit
   */
  tryCommit(transaction: Transaction, info: CommitInfo): Commit | undefined {
    try {
      return this.commit(transaction, info);
    } catch (error) {
      if (error instanceof HostError && !(error instanceof ViewError)) return undefined;
      throw error;
    }
  }

  /** Forgets how to take back what is durable by now. */
  settleDurable(): void {
    this.#undurable.forgetBelow(this.#options.journal.durableOffset);
  }

  /**
   * Takes back every commit that is not durable, as one more commit that listeners hear of: what can be read then is
   * durable. To be called outside of transactions, when nothing more will become durable. Gives the kinds of what was
   * taken back.
   */
  takeBackUndurable(): ReadonlySet<CommitKind> {
    this.settleDurable();
    const commits = this.#undurable.takeNewestFirst((tableId) => this.#datastore.tableById(tableId));
    const kinds = new Set(commits.map(({ kind }) => kind));
    if (commits.length === 0) return kinds;
    const wasCommitting = this.#isCommitting;
    this.#isCommitting = true;
    try {
      const deltas = this.#undoSeen(commits.flatMap((commit) => commit.deltas));
      this.#tellAll({
        deltas,
        offset: undefined,
        timestampMicros: this.now(),
        origin: undefined,
        kind: 'taken-back',
        functionName: undefined,
      });
    } finally {
      this.#isCommitting = wasCommitting;
    }
    return kinds;
  }

  /** Logs that another program took over, with what became of the data. @throws {HostError} as `Journal.append` */
  appendProgram(program: StoredProgram, migration: DataMigration, transaction?: StoredTransaction): bigint {
    // A writer of its own: programs are large and rare.
    return this.#options.journal.append(encodeRecord(new BsatnWriter(), { program, migration, transaction }));
  }

  onCommit(listener: (commit: Commit) => void): () => void {
    // A wrapper of its own, so that a function may listen twice.
    const own = (commit: Commit): void => listener(commit);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  #commit(transaction: Transaction, info: CommitInfo): Commit {
    const views = this.#refreshViews(transaction, info.onViewFailure ?? 'refuse');
    const stored = transaction.commit();
    const allocations = this.#datastore.takeNewSequenceAllocations();
    if (allocations.length > 0) this.#sequences.push(...allocations);
    if (info.timestampMicros > this.#lastTimestampMicros) this.#lastTimestampMicros = info.timestampMicros;
    const offset = this.#isStored(stored, info) ? this.#append(stored, info) : undefined;
    const deltas = withViews(stored, views);
    const { kind, functionName, timestampMicros, caller } = info;
    const commit: Commit = { deltas, offset, timestampMicros, origin: caller, kind, functionName };
    this.#tellAll(commit);
    this.#options.journal.snapshotIfDue();
    this.#options.metrics.committed(stored);
    return commit;
  }

  /**
   * Events are told once and gone: a transaction that made nothing else has no record, and nobody waits for the disk
   * to hear of it. Only the numbers that it took must not come again.
   */
  #isStored(deltas: readonly TableDelta[], info: CommitInfo): boolean {
    if (info.program !== undefined || deltas.some(({ table }) => !table.isEvent)) return true;
    return deltas.length > 0 && this.#sequences.length > 0;
  }

  #append(deltas: readonly TableDelta[], info: CommitInfo): bigint {
    const { kind, functionName, caller, timestampMicros, program } = info;
    const stored = deltas.some(({ table }) => table.isEvent) ? deltas.filter(({ table }) => !table.isEvent) : deltas;
    const changes = stored.map((delta) => this.#toChange(delta));
    const sequences = this.#sequences;
    const transaction = { kind, functionName, caller, timestampMicros, sequences, changes };
    const record = encodeRecord(this.#writer, { program, transaction });
    if (record.length > KEPT_WRITER_BYTES_MAX) this.#writer = new BsatnWriter(4096);
    try {
      const offset = this.#options.journal.append(record);
      this.#sequences = [];
      if (offset >= this.#options.journal.durableOffset) {
        this.#undurable.add({ offset, record, emptied: emptiedTables(deltas, changes) });
      }
      return offset;
    } catch (error) {
      this.#undo(deltas);
      if (error instanceof HostError && error.code === 'storage/record-too-large') throw error;
      const failure = toFailure(error);
      this.#options.journal.fail(failure);
      throw failure;
    }
  }

  /** Evaluates on the open transaction what its changes concern; rolls it back where that fails. @throws {ViewError} */
  #refreshViews(transaction: Transaction, onFailure: FailurePolicy): ViewRefresh {
    try {
      return this.#options.views().refresh(transaction, onFailure);
    } catch (error) {
      transaction.rollback();
      throw error;
    }
  }

  /** Undoes changes that views never saw, the newest first. */
  #undo(changes: readonly TableDelta[]): void {
    this.#beginUndo(changes).commit();
  }

  /** Undoes changes, the newest first, and brings the views up to date; these changes are given. */
  #undoSeen(changes: readonly TableDelta[]): readonly TableDelta[] {
    const transaction = this.#beginUndo(changes);
    const views = this.#refreshViews(transaction, 'end-view');
    return withViews(transaction.commit(), views);
  }

  /** A transaction that undoes changes. What events told stays told. */
  #beginUndo(changes: readonly TableDelta[]): Transaction {
    const transaction = this.#datastore.begin();
    for (const { table, inserts, deletes } of changes) {
      if (table.isEvent) continue;
      transaction.deleteRows(table.id, inserts);
      for (const row of deletes) transaction.insert(table.id, row);
    }
    return transaction;
  }

  /** A table that was emptied is logged as that, not row by row. */
  #toChange({ table, inserts, deletes }: TableDelta): StoredChange {
    const isTruncated =
      deletes.length > 0 && inserts.length === 0 && this.#datastore.committed.table(table.id).rowCount === 0;
    return { tableId: table.id, isTruncated, deletes: isTruncated ? [] : deletes, inserts };
  }

  #tellAll(commit: Commit): void {
    for (const listener of this.#listeners) this.#tell(listener, commit);
  }

  #tell(listener: (commit: Commit) => void, commit: Commit): void {
    try {
      listener(commit);
    } catch (error) {
      this.#options.onListenerError(error);
    }
  }
}

/** Changes whose deleted rows are not in the record. */
function emptiedTables(deltas: readonly TableDelta[], changes: readonly StoredChange[]): readonly TableDelta[] {
  if (!changes.some(({ isTruncated }) => isTruncated)) return NO_DELTAS;
  const emptied = new Set(changes.filter(({ isTruncated }) => isTruncated).map(({ tableId }) => tableId));
  return deltas.filter(({ table }) => emptied.has(table.id));
}

function withViews(stored: readonly TableDelta[], views: ViewRefresh): readonly TableDelta[] {
  const changed = views.apply();
  return changed.length === 0 ? stored : [...stored, ...changed];
}
