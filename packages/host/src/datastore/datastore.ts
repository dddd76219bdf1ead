import { assert } from '../assert.ts';
import type { TableDef } from '../schema/module-def.ts';
import { exportTables, loadTable, replayDelta, replayLogged } from './replay.ts';
import type { LoggedRows, RowChunk } from './replay.ts';
import type { SequenceAllocation } from './sequence.ts';
import type { Row, StateView, TableView } from './state-view.ts';
import { SYSTEM_TABLES } from './system-tables.ts';
import type { TableData } from './table-data.ts';
import { TableReader } from './table-reader.ts';
import type { TableAndIndex } from './table-registry.ts';
import { TableRegistry } from './table-registry.ts';
import { Transaction } from './transaction.ts';

export type { LoggedRows, RowChunk } from './replay.ts';

/** Size of one table in memory: bytes of its rows, and bytes held outside the JavaScript heap for them. */
export interface TableUsage {
  readonly table: TableDef;
  readonly rows: number;
  readonly bytes: number;
  readonly reservedBytes: number;
}

export interface DatastoreOptions {
  /** Any number that clients cannot guess; keeps them from making rows whose hashes collide. Default 0. */
  readonly hashSeed?: number | undefined;
  /** Tables that start with the rows of another datastore, which may go on apart. */
  readonly startingWith?: TablesOfAnother | undefined;
}

/** Tables of a datastore whose columns and indexes are those of the tables with the same ids in another. */
export interface TablesOfAnother {
  readonly datastore: Datastore;
  readonly tableIds: ReadonlySet<number>;
}

const NO_ALLOCATIONS: readonly SequenceAllocation[] = [];

const EXPORT_CHUNK_BYTES = 256 * 1024;

/**
 * The tables of one database: the committed rows, and at most one open transaction. All in memory; what is committed
 * is the caller's to log, and to replay through `applyDelta` and `loadRows` before the first transaction.
 */
export class Datastore {
  /** Every table, the system's too, in the order of their ids. */
  readonly tables: readonly TableDef[];
  /** What is committed, also while a transaction is open. */
  readonly committed: StateView;
  readonly #registry: TableRegistry;
  /** The last allocation of each sequence since they were taken. */
  #newAllocations = new Map<string, SequenceAllocation>();
  #open: Transaction | undefined;

  /** Adds the system's tables to `tables`; ids are unique among all of them. `forkOf` is for `fork` alone. */
  constructor(tables: readonly TableDef[], options: DatastoreOptions = {}, forkOf?: Datastore) {
    const onAllocation = (allocation: SequenceAllocation): void => this.#noteAllocation(allocation);
    this.tables = forkOf?.tables ?? [...SYSTEM_TABLES, ...tables].toSorted((a, b) => a.id - b.id);
    this.#registry =
      forkOf === undefined
        ? new TableRegistry(this.tables, {
            hashSeed: options.hashSeed ?? 0,
            onAllocation,
            forked: (def) => forkTable(options.startingWith, def),
          })
        : forkOf.#registry.fork(onAllocation);
    this.committed = new CommittedView(this.#registry);
  }

  /**
   * The committed rows, indexes and sequences as they are now, as a datastore of its own: neither side sees what the
   * other writes from now on. Rows are shared, and indexes until they are written to, so it costs about ten bytes of
   * copying for each row. The fork takes all allocations of its sequences for new ones: its log has none of them yet.
   */
  fork(): Datastore {
    assert(this.#open === undefined, 'a datastore is forked between transactions');
    const fork = new Datastore([], {}, this);
    for (const allocation of this.sequenceAllocations()) fork.#noteAllocation(allocation);
    return fork;
  }

  /** One table's rows and indexes under another definition of the same form; for other datastores alone. */
  forkTable(def: TableDef): TableData {
    assert(this.#open === undefined, 'a table is forked between transactions');
    return this.#registry.data(def.id).fork(def);
  }

  /** Opens the one transaction. It must end before the next begins. */
  begin(): Transaction {
    assert(this.#open === undefined, 'one transaction ends before the next begins');
    const transaction = new Transaction(this.#registry, () => {
      this.#open = undefined;
    });
    this.#open = transaction;
    return transaction;
  }

  tableById(id: number): TableDef | undefined {
    return this.#registry.tryTable(id);
  }

  /** Looks a table up by its canonical name or its accessor. */
  tableByName(nameOrAccessor: string): TableDef | undefined {
    return this.#registry.tryTableByName(nameOrAccessor);
  }

  indexById(id: number): TableAndIndex | undefined {
    return this.#registry.tryIndex(id);
  }

  /** Looks an index up by its canonical name or its accessor. */
  indexByName(nameOrAccessor: string): TableAndIndex | undefined {
    return this.#registry.tryIndexByName(nameOrAccessor);
  }

  /**
   * Loads faster from now on, by putting off what checks nothing: an index that is not unique is built when it is first
   * asked for, as a whole, or by `buildIndexes` before that.
   */
  putOffIndexes(): void {
    for (const data of this.#registry.all()) data.putOffIndexes();
  }

  /** Whether there are indexes that were put off and not built since. */
  get hasUnbuiltIndexes(): boolean {
    return this.#registry.all().some((data) => data.hasUnbuiltIndexes);
  }

  /** Goes on building indexes that were put off, in time that is bounded by a number of rows. */
  buildIndexes(rowsMax: number): void {
    let left = rowsMax;
    for (const data of this.#registry.all()) if (left > 0) left = data.buildIndexes(left);
  }

  /**
   * Replays one table's part of a logged transaction: deletes first, then inserts. Rows of event tables are passed
   * over.
   * @throws {ReplayError} `datastore/constraint-unmet` when the rows do not fit those that are there.
   */
  applyDelta(tableId: number, deletes: readonly Row[], inserts: readonly Row[]): void {
    assert(this.#open === undefined, 'history is replayed outside of transactions');
    replayDelta(this.#registry.data(tableId), deletes, inserts);
  }

  /** As `applyDelta`, of inserted rows as they lie in the log. @throws {ReplayError} */
  applyLogged(tableId: number, deletes: readonly Row[], inserts: LoggedRows): void {
    assert(this.#open === undefined, 'history is replayed outside of transactions');
    replayLogged(this.#registry.data(tableId), deletes, inserts);
  }

  /**
   * Loads a run of `count` rows as `exportRows` gave it. The bytes may be kept and must not change any more.
   * @throws {ReplayError} `datastore/constraint-unmet` when the bytes are not such rows.
   */
  loadRows(tableId: number, rows: Uint8Array, count: number): void {
    assert(this.#open === undefined, 'rows are loaded outside of transactions');
    loadTable(this.#registry.data(tableId), rows, count);
  }

  /**
   * Every committed row as of this call, table by table in runs of about `chunkBytes` (a larger row has a run of its
   * own). Later writes do not show in it. Can be iterated once.
   */
  exportRows(chunkBytes: number = EXPORT_CHUNK_BYTES): Iterable<RowChunk> {
    return exportTables(this.#registry.all(), chunkBytes);
  }

  /** The allocation of each sequence that ever made one, for a snapshot. */
  sequenceAllocations(): SequenceAllocation[] {
    return this.#registry
      .all()
      .flatMap(({ def }) => this.#registry.sequences(def.id).map(({ sequence }) => sequence.allocation))
      .filter((allocation) => allocation !== undefined);
  }

  /**
   * Allocations made since the last call, by transactions that were rolled back too. Log them no later than anything
   * that may carry a value from them.
   */
  takeNewSequenceAllocations(): readonly SequenceAllocation[] {
    if (this.#newAllocations.size === 0) return NO_ALLOCATIONS;
    const allocations = [...this.#newAllocations.values()];
    this.#newAllocations = new Map();
    return allocations;
  }

  /** Takes up a logged allocation: the sequence goes on behind it. One of a column without a sequence is ignored. */
  restoreSequence(allocation: SequenceAllocation): void {
    if (this.#registry.tryTable(allocation.tableId) === undefined) return;
    const sequences = this.#registry.sequences(allocation.tableId);
    sequences.find(({ column }) => column === allocation.column)?.sequence.restore(allocation.allocated);
  }

  /**
   * Lets the sequences of these columns go on where those of another datastore stand, without the gap that a restart
   * leaves; the other one is not used any more.
   */
  takeOverSequences(other: Datastore, columns: readonly Pick<SequenceAllocation, 'tableId' | 'column'>[]): void {
    for (const { tableId, column } of columns) {
      const [own, theirs] = [this, other].map((datastore) =>
        datastore.#registry.sequences(tableId).find((sequence) => sequence.column === column),
      );
      if (own !== undefined && theirs !== undefined) own.sequence.takeOver(theirs.sequence);
    }
  }

  #noteAllocation(allocation: SequenceAllocation): void {
    this.#newAllocations.set(`${allocation.tableId}/${allocation.column}`, allocation);
  }

  /** Size of every table, in the order of their ids. */
  memoryUsage(): TableUsage[] {
    return this.#registry.all().map((data) => ({
      table: data.def,
      rows: data.committedRows,
      bytes: data.store.liveBytes,
      reservedBytes: data.reservedBytes,
    }));
  }
}

function forkTable(from: TablesOfAnother | undefined, def: TableDef): TableData | undefined {
  return from?.tableIds.has(def.id) === true ? from.datastore.forkTable(def) : undefined;
}

class CommittedView implements StateView {
  readonly #registry: TableRegistry;
  readonly #views = new Map<number, TableView>();

  constructor(registry: TableRegistry) {
    this.#registry = registry;
  }

  table(tableId: number): TableView {
    const known = this.#views.get(tableId);
    if (known !== undefined) return known;
    const view = new TableReader(this.#registry.data(tableId), 'committed', () => {});
    this.#views.set(tableId, view);
    return view;
  }
}
