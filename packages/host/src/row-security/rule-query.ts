import { assert } from '../assert.ts';
import type { Row } from '../datastore/state-view.ts';
import type { TableDef } from '../schema/module-def.ts';
import type { CheckedSubscription } from '../query/checker.ts';
import { Evaluation, type EvaluationContext } from '../query/evaluator.ts';
import { type IncrementalPlan, planIncremental } from '../query/incremental.ts';
import type { SelectPlan } from '../query/plan.ts';
import { planSelect, planSelectFrom } from '../query/planner.ts';
import { QueryError } from '../query/query-error.ts';
import { bytesKey } from '../query/scalar-type.ts';

/** Rows, each once, by their bytes. */
export type RowSet = Map<string, Row>;

/** A rule for one asker: which rows of its table stand in a tuple. Immutable but for plans made when first needed. */
export class RuleQuery {
  readonly plan: SelectPlan;
  /** How changes that concern it are found; `filter` where a join has no columns to find them by. */
  readonly incremental: IncrementalPlan;
  readonly #checked: CheckedSubscription;
  readonly #output: number;
  readonly #plansFrom: (SelectPlan | undefined)[] = [];

  constructor(checked: CheckedSubscription) {
    assert(checked.output.type === 'rows', 'a rule returns whole rows');
    this.#checked = checked;
    this.#output = checked.output.relation;
    this.plan = planSelect(checked);
    this.incremental = tryIncremental(this.plan, checked);
  }

  /** The tables that it looks at, its own too. */
  get tables(): readonly TableDef[] {
    return this.plan.relations.map(({ relation }) => relation.table);
  }

  /** Adds every row that it gives. */
  collect(context: EvaluationContext, into: RowSet): void {
    new Evaluation(this.plan, context).runWithin((tuple) => this.#take(tuple, into));
  }

  /** Adds the rows that it gives because of some rows of the relation at `position`, which the state need not have. */
  collectFrom(position: number, rows: readonly Row[], context: EvaluationContext, into: RowSet): void {
    if (rows.length === 0) return;
    // One tuple tells all of a row of its own; another relation's row may stand beside many.
    const limit = position === this.#output ? 1 : Number.POSITIVE_INFINITY;
    new Evaluation(this.#planFrom(position), context).runOver(rows, limit, (tuple) => this.#take(tuple, into));
  }

  /** A test whether the rule gives a row of its table, good as long as the state stays as it is. */
  makeTest(context: EvaluationContext): (row: Row) => boolean {
    const evaluation = new Evaluation(this.#planFrom(this.#output), context);
    return (row) => {
      let isGiven = false;
      evaluation.runOver([row], 1, () => {
        isGiven = true;
      });
      return isGiven;
    };
  }

  #take(tuple: readonly Row[], into: RowSet): void {
    const row = tuple[this.#output];
    assert(row !== undefined, 'the relations of a tuple are bound');
    into.set(bytesKey(row), row);
  }

  #planFrom(position: number): SelectPlan {
    const known = this.#plansFrom[position];
    if (known !== undefined) return known;
    const plan = planSelectFrom(this.#checked, position);
    this.#plansFrom[position] = plan;
    return plan;
  }
}

function tryIncremental(plan: SelectPlan, { predicate }: CheckedSubscription): IncrementalPlan {
  try {
    return planIncremental(plan, predicate);
  } catch (error) {
    if (error instanceof QueryError) return { type: 'filter' };
    throw error;
  }
}
