import type { IndexRange, Row, StateView, TableView } from '../datastore/state-view.ts';
import { counted, type EvaluationContext } from '../query/evaluator.ts';
import type { WorkMeter } from '../query/work-meter.ts';
import type { IndexDef, TableDef } from '../schema/module-def.ts';
import type { RestrictedTable } from './restricted-table.ts';
import type { RestrictedTables } from './restricted-tables.ts';

/** A state in which restricted tables are tables beside the others. What they cost is counted in `work`. */
export class RestrictedState implements StateView {
  readonly #tables: RestrictedTables;
  readonly #context: EvaluationContext;
  readonly #whole: StateView;
  readonly #views = new Map<number, RestrictedView>();

  constructor(tables: RestrictedTables, whole: StateView, work: WorkMeter) {
    this.#tables = tables;
    this.#whole = whole;
    this.#context = { state: this, work };
  }

  table(tableId: number): TableView {
    const known = this.#views.get(tableId);
    if (known !== undefined) return known;
    const restricted = this.#tables.find(tableId);
    if (restricted === undefined) return this.#whole.table(tableId);
    const view = new RestrictedView(restricted, this.#whole.table(restricted.whole.id), this.#context);
    this.#views.set(tableId, view);
    return view;
  }

  /** Forgets what it worked out: to be called whenever the state under it may have changed, or is no longer needed. */
  forget(): void {
    this.#views.clear();
  }
}

/** The rows of a restricted table as long as the state stays as it is. */
class RestrictedView implements TableView {
  readonly #table: RestrictedTable;
  readonly #whole: TableView;
  readonly #context: EvaluationContext;
  #test: ((row: Row) => boolean) | undefined;

  constructor(table: RestrictedTable, whole: TableView, context: EvaluationContext) {
    this.#table = table;
    this.#whole = whole;
    this.#context = context;
  }

  get def(): TableDef {
    return this.#table.def;
  }

  get rowCount(): number {
    let count = 0;
    for (const _row of this.scan()) count += 1;
    return count;
  }

  scan(): Iterable<Row> {
    return this.#table.rows(this.#context);
  }

  *seek(index: IndexDef, range: IndexRange): Iterable<Row> {
    this.#test ??= this.#table.makeTest(this.#context);
    for (const row of counted(this.#whole.seek(index, range), this.#context.work)) if (this.#test(row)) yield row;
  }
}
