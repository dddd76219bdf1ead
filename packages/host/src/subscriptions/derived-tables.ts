import type { StateView, TableDelta } from '../datastore/state-view.ts';
import type { RowRestrictions } from '../query/catalog.ts';
import type { WorkMeter } from '../query/work-meter.ts';
import { RestrictedState } from '../row-security/restricted-state.ts';
import { RestrictedTables } from '../row-security/restricted-tables.ts';
import type { RowRules } from '../row-security/row-rules.ts';
import type { TableDef } from '../schema/module-def.ts';
import type { EndedView, ViewTables } from '../views/view-tables.ts';
import { type FailedTable, RestrictedChanges } from './restricted-changes.ts';

/** What the tables that are not stored are made of. */
export interface DerivedTablesOptions {
  readonly state: StateView;
  readonly views?: ViewTables | undefined;
  readonly rules?: RowRules | undefined;
}

/** The tables of queries that are not stored: views, and what an asker may see of tables with rules. */
export class DerivedTables {
  /** The stored tables and these beside them. */
  readonly state: StateView;
  readonly #views: ViewTables | undefined;
  readonly #work: WorkMeter;
  readonly #restricted: RestrictedTables | undefined;
  readonly #restrictedState: RestrictedState | undefined;
  readonly #changes = new RestrictedChanges();
  #failed: FailedTable[] = [];

  /** What restricted tables cost is counted in `work`. */
  constructor({ state, views, rules }: DerivedTablesOptions, work: WorkMeter) {
    this.#views = views;
    this.#work = work;
    const whole = views?.over(state) ?? state;
    if (rules === undefined) {
      this.state = whole;
      return;
    }
    this.#restricted = new RestrictedTables(rules);
    this.#restrictedState = new RestrictedState(this.#restricted, whole, work);
    this.state = this.#restrictedState;
  }

  get restrictions(): RowRestrictions | undefined {
    return this.#restricted;
  }

  /** Begins to use those of some tables that are not stored: their changes are told from here on. @throws {ViewError} */
  acquire(tables: readonly TableDef[]): void {
    for (const table of tables) {
      if (table.view !== undefined) this.#views?.acquire(table);
      for (const used of this.#restricted?.acquire(table) ?? []) this.#changes.add(used);
    }
  }

  /** Ends one use that `acquire` began. */
  release(tables: readonly TableDef[]): void {
    for (const table of tables) {
      if (table.view !== undefined) this.#views?.release(table);
      for (const unused of this.#restricted?.release(table) ?? []) this.#changes.remove(unused);
    }
  }

  /** Has the rows of views among some tables there for the time of `action`. @throws {ViewError} when one fails */
  using<Result>(tables: readonly TableDef[], action: () => Result): Result {
    return this.#views === undefined ? action() : this.#views.using(tables, action);
  }

  /** The changes of a commit with those of restricted tables; `deltas` has those of views. */
  follow(deltas: readonly TableDelta[]): readonly TableDelta[] {
    if (this.#restricted === undefined) return deltas;
    this.#restrictedState?.forget();
    const followed = this.#changes.follow({ deltas, state: this.state, work: this.#work });
    this.#failed.push(...followed.failed);
    return [...deltas, ...followed.deltas];
  }

  /** Tables that ended since the last call although they were used. */
  takeEnded(): readonly EndedView[] {
    const failed = this.#failed;
    if (failed.length > 0) this.#failed = [];
    return [...(this.#views?.takeEnded() ?? []), ...failed];
  }

  /** Gives up what was worked out for a request or commit: to be called at the end of each. */
  settle(): void {
    this.#restrictedState?.forget();
    this.#restricted?.dropUnused();
  }
}
