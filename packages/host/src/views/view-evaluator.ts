import type { Row, StateView } from '../datastore/state-view.ts';
import type { HookOutcome } from '../module/realm-port.ts';
import { Catalog } from '../query/catalog.ts';
import type { TableDef, ViewDef } from '../schema/module-def.ts';
import type { ColumnsKeys } from './columns-key.ts';
import { ReadSet } from './read-set.ts';
import { ReadRecorder, RecordingState } from './recording-state.ts';
import { ViewError } from './view-error.ts';
import type { Evaluation, ViewInstance } from './view-instance.ts';
import {
  compileViewQuery,
  type EndingTransaction,
  evaluateViewChange,
  evaluateViewQuery,
  type ViewQuery,
} from './view-query.ts';
import { decodeViewResult } from './view-result.ts';
import { ViewRows } from './view-rows.ts';

/** A view that is to be run. */
export interface ViewRequest {
  readonly view: ViewDef;
  /** 0n for an anonymous view. */
  readonly sender: bigint;
  /** All that the view can see. */
  readonly state: StateView;
}

/** What views are evaluated with. */
export interface ViewEvaluatorOptions {
  /** Every table that a view may read. */
  readonly tables: readonly TableDef[];
  /** Runs the module's code, and logs why it failed. */
  readonly run: (request: ViewRequest) => HookOutcome;
  /** Told of a view that returned what it must not. */
  readonly onInvalidResult: (view: ViewDef, error: ViewError) => void;
}

/** What callers are told of a view that threw; the true reason is in the log. */
const FATAL_MESSAGE = 'The instance encountered a fatal error.';

/** Finds the rows of views. Changes no instance: what it gives may yet be dropped. */
export class ViewEvaluator {
  readonly #options: ViewEvaluatorOptions;
  readonly #keys: ColumnsKeys;
  /** Of the module's tables, without views: a view cannot read another. */
  readonly #catalog: Catalog;
  #runs = 0;

  constructor(options: ViewEvaluatorOptions, keys: ColumnsKeys) {
    this.#options = options;
    this.#keys = keys;
    this.#catalog = new Catalog(options.tables);
  }

  /** Times that the module's code was run, counted up for ever. */
  get runs(): number {
    return this.#runs;
  }

  /** Runs the view on a state. @throws {ViewError} */
  evaluate(instance: ViewInstance, state: StateView): Evaluation {
    const { result, codeReads } = this.#run(instance, state);
    return this.#checked(instance, () => {
      if (result.type === 'sql')
        return { codeReads, ...this.#find(instance, this.#compile(instance, result.sql), state) };
      return {
        rows: new ViewRows(instance.shape, result.rows),
        query: undefined,
        codeReads,
        queryReads: new ReadSet(),
      };
    });
  }

  /**
   * Brings an instance that has rows up to date with a transaction. What the view's code read did not change unless
   * `isCodeConcerned`; then the code need not run to return the same SQL. @throws {ViewError}
   */
  update(instance: ViewInstance, tx: EndingTransaction, isCodeConcerned: boolean): Evaluation {
    const { query: before } = instance;
    if (!isCodeConcerned && before !== undefined)
      return this.#checked(instance, () => this.#follow(instance, before, tx));
    const { result, codeReads } = this.#run(instance, tx);
    return this.#checked(instance, () => {
      if (result.type === 'rows') {
        return {
          rows: new ViewRows(instance.shape, result.rows),
          query: undefined,
          codeReads,
          queryReads: new ReadSet(),
        };
      }
      const query = this.#compile(instance, result.sql);
      return { codeReads, ...(query === before ? this.#follow(instance, query, tx) : this.#find(instance, query, tx)) };
    });
  }

  #run(
    { view, shape, sender }: ViewInstance,
    state: StateView,
  ): { readonly result: ReturnType<typeof decodeViewResult>; readonly codeReads: ReadSet } {
    this.#runs += 1;
    const codeReads = new ReadSet();
    const recording = new RecordingState(state, new ReadRecorder(codeReads, this.#keys));
    const outcome = this.#options.run({ view, sender, state: recording });
    if (outcome.type === 'user-error') throw new ViewError(view.name, outcome.message);
    if (outcome.type === 'failed') throw new ViewError(view.name, outcome.publicMessage ?? FATAL_MESSAGE);
    const { bytes } = outcome;
    return { result: this.#checked({ view }, () => decodeViewResult(shape, bytes)), codeReads };
  }

  #compile({ view, query }: ViewInstance, sql: string): ViewQuery | undefined {
    if (sql.trim() === '') return undefined;
    return query?.sql === sql ? query : compileViewQuery(view, sql, this.#catalog);
  }

  /** The rows of SQL, from scratch. */
  #find(instance: ViewInstance, query: ViewQuery | undefined, state: StateView): Evaluation {
    const { view, shape } = instance;
    const queryReads = new ReadSet();
    const recorder = new ReadRecorder(queryReads, this.#keys);
    let rows: readonly Row[] = [];
    if (query?.incremental !== undefined) {
      // What can matter to it does not depend on the state: so the rows may follow changes without being found anew.
      recorder.plan(query.query.plan);
      rows = evaluateViewQuery(view, query, state);
    } else if (query !== undefined) {
      rows = evaluateViewQuery(view, query, new RecordingState(state, recorder));
    }
    // Copies: a row may keep a large buffer of its table in memory.
    return {
      rows: new ViewRows(
        shape,
        rows.map((row) => row.slice()),
      ),
      query,
      queryReads,
    };
  }

  /** The rows of SQL that had others before the transaction. */
  #follow(instance: ViewInstance, query: ViewQuery | undefined, tx: EndingTransaction): Evaluation {
    if (query?.incremental === undefined || instance.rows === undefined) return this.#find(instance, query, tx);
    return { rows: instance.rows.patchFor(evaluateViewChange(instance.view, query, tx)), query };
  }

  #checked<Result>({ view }: Pick<ViewInstance, 'view'>, action: () => Result): Result {
    try {
      return action();
    } catch (error) {
      if (error instanceof ViewError) this.#options.onInvalidResult(view, error);
      throw error;
    }
  }
}
