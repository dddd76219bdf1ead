import { assert } from '../assert.ts';
import type { StateView, TableDelta, TableView } from '../datastore/state-view.ts';
import type { TableDef, ViewDef } from '../schema/module-def.ts';
import { ColumnsKeys } from './columns-key.ts';
import { DependencyIndex } from './dependency-index.ts';
import { IdleInstances } from './idle-instances.ts';
import type { ReadSet } from './read-set.ts';
import { ViewError } from './view-error.ts';
import { ViewEvaluator, type ViewEvaluatorOptions } from './view-evaluator.ts';
import { type Evaluation, ViewInstance, type ViewReader } from './view-instance.ts';
import type { EndingTransaction } from './view-query.ts';
import { ViewShape } from './view-shape.ts';

/*
 * The views of a module, as tables. What holds:
 *
 * - A sender's view has one instance for each identity, an anonymous view one for all. Its code runs when somebody
 *   first uses it, and again in a transaction that changed what the last run read; otherwise never. Rows that come from
 *   SQL follow the changes of the tables without it.
 * - The rows of an instance in use are those that an evaluation on the committed state would give.
 * - Nothing of a transaction is seen here before `apply`: a transaction that is rolled back leaves no trace.
 * - An instance that nobody uses is not evaluated: it loses its rows when what it read changes.
 */

/** What views are evaluated with. */
export interface ViewTablesOptions extends ViewEvaluatorOptions {
  readonly views: readonly ViewDef[];
  readonly committed: StateView;
  /** Bytes of rows that may be kept although nobody uses them. Default 16 MiB. */
  readonly idleBytesMax?: number | undefined;
}

/**
 * What becomes of a transaction after which a view fails: `refuse` it, or `end-view`, for what must be written anyhow:
 * the view has no rows any more, and whoever uses it is told.
 */
export type FailurePolicy = 'refuse' | 'end-view';

/** New results that wait for their transaction. To be dropped when it is rolled back. */
export interface ViewRefresh {
  /** Takes the new results, and gives the changes by instance. To be called when the transaction is committed. */
  apply(): readonly TableDelta[];
}

/** A view that ended while it was used. */
export interface EndedView {
  readonly table: TableDef;
  readonly message: string;
}

interface Update {
  readonly tx: EndingTransaction;
  readonly failure: FailurePolicy;
  readonly isCodeConcerned: boolean;
}

/** Above every id that a table of a module can have. */
const FIRST_INSTANCE_ID = 2 ** 32;

const NO_REFRESH: ViewRefresh = { apply: () => [] };

/** The instances of a module's views, kept up to date. */
export class ViewTables {
  readonly #options: ViewTablesOptions;
  readonly #keys = new ColumnsKeys();
  readonly #evaluator: ViewEvaluator;
  readonly #shapes = new Map<ViewDef, ViewShape>();
  readonly #byKey = new Map<string, ViewInstance>();
  readonly #byId = new Map<number, ViewInstance>();
  readonly #idle: IdleInstances;
  readonly #dependencies = new DependencyIndex<ViewReader>();
  #nextId: number = FIRST_INSTANCE_ID;
  #ended: EndedView[] = [];

  constructor(options: ViewTablesOptions) {
    this.#options = options;
    this.#evaluator = new ViewEvaluator(options, this.#keys);
    this.#idle = new IdleInstances({
      countMin: options.views.length * 2,
      bytesMax: options.idleBytesMax,
      onEvict: (instance) => this.#drop(instance),
    });
  }

  get defs(): readonly ViewDef[] {
    return this.#options.views;
  }

  /** Times that the code of a view was run, counted up for ever. */
  get evaluations(): number {
    return this.#evaluator.runs;
  }

  /** Every instance with what it read last, for people. */
  *picture(): Iterable<{ readonly instance: ViewInstance; readonly reads: readonly ReadSet[] }> {
    for (const instance of this.#byId.values()) {
      const reads = [instance.code, instance.sql].map((reader) => this.#dependencies.readSetOf(reader));
      yield { instance, reads: reads.filter((readSet) => readSet !== undefined) };
    }
  }

  /** Instances that are used, and others that are kept for the next who asks. */
  get instances(): { readonly used: number; readonly idle: number } {
    return { used: this.#byId.size - this.#idle.size, idle: this.#idle.size };
  }

  /**
   * The view as this asker sees it, for the request that is being answered. Evaluates nothing: its rows are there from
   * `acquire` to `release`.
   */
  tableOf(view: ViewDef, identity: bigint): TableDef {
    const sender = view.isAnonymous ? 0n : identity;
    const key = instanceKey(view, sender);
    const instance = this.#byKey.get(key) ?? this.#create(view, sender);
    if (instance.users === 0) this.#idle.keep(instance);
    return instance.def;
  }

  /** Begins to use an instance: its rows are there, and kept up to date. @throws {ViewError} */
  acquire(table: TableDef): void {
    const instance = this.#instance(table);
    if (instance.rows === undefined) this.#take(instance, this.#evaluator.evaluate(instance, this.#options.committed));
    if (instance.users === 0) this.#idle.take(instance);
    instance.users += 1;
  }

  /** Ends one use that `acquire` began. */
  release(table: TableDef): void {
    const instance = this.#instance(table);
    assert(instance.users > 0, 'an instance that is released is in use');
    instance.users -= 1;
    if (instance.users > 0) return;
    const isNamed = this.#byKey.get(instanceKey(instance.view, instance.sender)) === instance;
    if (isNamed && this.#idle.hasRoomFor(instance)) this.#idle.keep(instance);
    else this.#drop(instance);
  }

  /** Uses instances for the time of `action`; those among `tables` that are no views are passed over. @throws {ViewError} */
  using<Result>(tables: Iterable<TableDef>, action: () => Result): Result {
    const held: TableDef[] = [];
    try {
      for (const table of tables) {
        if (table.view === undefined) continue;
        this.acquire(table);
        held.push(table);
      }
      return action();
    } finally {
      for (const table of held) this.release(table);
    }
  }

  /** A state in which the instances in use are tables beside the others. */
  over(state: StateView): StateView {
    return { table: (tableId): TableView => this.#byId.get(tableId) ?? state.table(tableId) };
  }

  /**
   * Evaluates the instances in use whose read sets a transaction changed, on what it is about to commit.
   * @throws {ViewError} when one fails and `failure` is `refuse`; the transaction is the caller's to roll back
   */
  refresh(transaction: EndingTransaction, failure: FailurePolicy): ViewRefresh {
    if (this.#dependencies.isEmpty) return NO_REFRESH;
    const tx = rememberChanges(transaction);
    const concerned = this.#dependencies.concernedBy(tx);
    if (concerned.size === 0) return NO_REFRESH;
    const results = new Map<ViewInstance, Evaluation | ViewError>();
    const instances = new Set([...concerned].map(({ instance }) => instance));
    for (const instance of [...instances].sort((a, b) => a.def.id - b.def.id)) {
      if (instance.users === 0) {
        this.#forgetRows(instance);
        continue;
      }
      const isCodeConcerned = concerned.has(instance.code);
      results.set(instance, this.#update(instance, { tx, failure, isCodeConcerned }));
    }
    return { apply: () => this.#apply(results) };
  }

  /** Views that ended since the last call although they were used. */
  takeEnded(): readonly EndedView[] {
    if (this.#ended.length === 0) return this.#ended;
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  #apply(results: ReadonlyMap<ViewInstance, Evaluation | ViewError>): readonly TableDelta[] {
    const deltas: TableDelta[] = [];
    for (const [instance, result] of results) {
      if (result instanceof ViewError) {
        this.#end(instance, result);
        continue;
      }
      const delta = this.#take(instance, result);
      if (delta !== undefined) deltas.push(delta);
    }
    return deltas;
  }

  #take(instance: ViewInstance, result: Evaluation): TableDelta | undefined {
    if (result.codeReads !== undefined) this.#dependencies.set(instance.code, result.codeReads);
    if (result.queryReads !== undefined) this.#dependencies.set(instance.sql, result.queryReads);
    return instance.take(result);
  }

  #update(instance: ViewInstance, { tx, failure, isCodeConcerned }: Update): Evaluation | ViewError {
    try {
      return this.#evaluator.update(instance, tx, isCodeConcerned);
    } catch (error) {
      if (failure === 'end-view' && error instanceof ViewError) return error;
      throw error;
    }
  }

  #create(view: ViewDef, sender: bigint): ViewInstance {
    const instance = new ViewInstance(this.#shapeOf(view), this.#newId(), sender);
    this.#byKey.set(instanceKey(view, sender), instance);
    this.#byId.set(instance.def.id, instance);
    return instance;
  }

  #shapeOf(view: ViewDef): ViewShape {
    let shape = this.#shapes.get(view);
    if (shape === undefined) {
      shape = new ViewShape(view, this.#newId(), this.#keys);
      this.#shapes.set(view, shape);
    }
    return shape;
  }

  #newId(): number {
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }

  #instance({ id, name }: TableDef): ViewInstance {
    const instance = this.#byId.get(id);
    assert(instance !== undefined, `${name} is a view that was asked for in this request, or is in use`);
    return instance;
  }

  #forgetRows(instance: ViewInstance): void {
    this.#idle.forgetRows(instance);
    this.#forgetReads(instance);
  }

  #forgetReads({ code, sql }: ViewInstance): void {
    this.#dependencies.remove(code);
    this.#dependencies.remove(sql);
  }

  /** Takes an instance out of sight: whoever asks next gets another. It goes with its last use. */
  #end(instance: ViewInstance, { message }: ViewError): void {
    this.#byKey.delete(instanceKey(instance.view, instance.sender));
    this.#forgetReads(instance);
    this.#ended.push({ table: instance.def, message });
  }

  #drop(instance: ViewInstance): void {
    const key = instanceKey(instance.view, instance.sender);
    if (this.#byKey.get(key) === instance) this.#byKey.delete(key);
    this.#byId.delete(instance.def.id);
    this.#forgetReads(instance);
  }
}

function instanceKey({ name }: ViewDef, sender: bigint): string {
  return `${name} ${sender.toString(16)}`;
}

/** A transaction whose changes of a table are worked out once, however many ask. */
function rememberChanges(transaction: EndingTransaction): EndingTransaction {
  const known = new Map<number, TableDelta | undefined>();
  return {
    writtenTables: transaction.writtenTables,
    table: (tableId) => transaction.table(tableId),
    changes: (tableId) => {
      if (!known.has(tableId)) known.set(tableId, transaction.changes(tableId));
      return known.get(tableId);
    },
  };
}
