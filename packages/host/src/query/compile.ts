import { type CheckedSelect, type CheckedSubscription, checkSubscription } from './checker.ts';
import { planIncremental } from './incremental.ts';
import { parseSelect } from './parser.ts';
import { planSelect, planSelectFrom } from './planner.ts';
import { unsupportedQuery } from './query-error.ts';
import type { Catalog, Visibility } from './catalog.ts';
import type { IncrementalPlan } from './incremental.ts';
import type { SelectPlan } from './plan.ts';
import type { Expression } from './syntax.ts';
import type { TableDef } from '../schema/module-def.ts';

export interface CompileOptions {
  readonly catalog: Catalog;
  readonly visibility: Visibility;
  /** True refuses what SpacetimeDB refuses although we could answer it: NOT, and joins without an index. */
  readonly strictCompat: boolean;
}

/** A query that returns whole rows of one table. */
export interface RowsQuery {
  readonly plan: SelectPlan;
  readonly table: TableDef;
  /** True when it holds only for the identity it was compiled for. */
  readonly usesSender: boolean;
  /** True when it holds only for the owner: a table in it is hidden from others, or some of its rows are. */
  readonly isOwnerOnly: boolean;
  /** True when it holds for everybody but the owner, who sees more rows. */
  readonly isForOthersOnly: boolean;
}

/** A query whose result can be kept up to date. */
export interface SubscriptionQuery extends RowsQuery {
  readonly incremental: IncrementalPlan;
}

/** Compiles SQL to subscribe to. @throws {QueryError} */
export function compileSubscription(sql: string, options: CompileOptions): SubscriptionQuery {
  const { query, checked } = compileRows(sql, options);
  const incremental = planIncremental(query.plan, checked.predicate);
  if (options.strictCompat) refuseUnsubscribable(query.plan, checked);
  return { ...query, incremental };
}

/** Compiles SQL in the subscriptions' grammar that is answered once; joins need no index. @throws {QueryError} */
export function compileOneOffQuery(sql: string, options: CompileOptions): RowsQuery {
  return compileRows(sql, options).query;
}

function compileRows(
  sql: string,
  { catalog, visibility, strictCompat }: CompileOptions,
): {
  readonly query: RowsQuery;
  readonly checked: CheckedSubscription;
} {
  const statement = parseSelect(sql);
  if (strictCompat) refuseNot(statement.where);
  const checked = checkSubscription(statement, catalog, visibility);
  const plan = planSelect(checked);
  const tables = plan.relations.map(({ relation }) => relation.table);
  const usesSenderView = tables.some(({ view }) => view !== undefined && !view.isAnonymous);
  return {
    query: {
      plan,
      table: checked.table,
      usesSender: checked.usesSender || usesSenderView,
      isOwnerOnly: checked.rules === 'bypassed' || tables.some(({ access }) => access === 'private'),
      isForOthersOnly: checked.rules === 'applied',
    },
    checked,
  };
}

/** SpacetimeDB has no NOT. @throws {QueryError} `query/unsupported` */
export function refuseNot(where: Expression | undefined): void {
  if (where !== undefined && hasNot(where)) throw unsupportedQuery('Unsupported expression: NOT');
}

function hasNot(expression: Expression): boolean {
  if (expression.type === 'not') return true;
  return (expression.type === 'and' || expression.type === 'or') && expression.terms.some(hasNot);
}

/** What SpacetimeDB does not keep up to date, the rules of tables put into the query. @throws {QueryError} */
function refuseUnsubscribable(plan: SelectPlan, checked: CheckedSubscription): void {
  const { restrictions } = checked;
  const tables = restrictions.reduce((sum, { expandedTables }) => sum + expandedTables - 1, plan.relations.length);
  if (tables > 2) throw unsupportedQuery(`Invalid number of tables in subscription: ${tables}`);
  if (usesIndexJoin(checked) && restrictions.every(({ hasIndexes }) => hasIndexes)) return;
  throw unsupportedQuery('Subscriptions require indexes on join columns');
}

/**
 * SpacetimeDB's rule for joins: what is looked up has an index that ends in the join column. It does not choose which
 * side that is: it begins with the first table, or with the second when that one alone has a condition of its own.
 */
export function usesIndexJoin(checked: CheckedSelect): boolean {
  const [first, second] = planSelect(checked).relations;
  const isSwapped = first?.test === undefined && second?.test !== undefined;
  const { steps } = planSelectFrom(checked, isSwapped ? 1 : 0);
  return steps.slice(1).every(({ source }) => {
    if (source.type !== 'lookup' || source.lookup.type !== 'index') return false;
    const { index, prefix } = source.lookup;
    return prefix.length + 1 === index.columns.length;
  });
}
