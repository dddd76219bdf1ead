import { checkSubscription } from './checker.ts';
import { planIncremental } from './incremental.ts';
import { parseSelect } from './parser.ts';
import { planSelect } from './planner.ts';
import { unsupportedQuery } from './query-error.ts';
import type { Catalog, Visibility } from './catalog.ts';
import type { IncrementalPlan } from './incremental.ts';
import type { SelectPlan } from './plan.ts';
import type { Predicate } from './predicate.ts';
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
  /** True when a table in it is hidden from all but the owner. */
  readonly isOwnerOnly: boolean;
}

/** A query whose result can be kept up to date. */
export interface SubscriptionQuery extends RowsQuery {
  readonly incremental: IncrementalPlan;
}

/** Compiles SQL to subscribe to. @throws {QueryError} */
export function compileSubscription(sql: string, options: CompileOptions): SubscriptionQuery {
  const { query, predicate } = compileRows(sql, options);
  const incremental = planIncremental(query.plan, predicate);
  if (options.strictCompat && incremental.type === 'join') requireIndexJoin(query.plan);
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
  readonly predicate: Predicate;
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
      isOwnerOnly: tables.some(({ access }) => access === 'private'),
    },
    predicate: checked.predicate,
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

/** SpacetimeDB's rule: the side that is looked up has an index that ends in the join column. */
function requireIndexJoin({ steps }: SelectPlan): void {
  const source = steps[1]?.source;
  if (source?.type === 'lookup' && source.lookup.type === 'index') {
    const { index, prefix } = source.lookup;
    if (prefix.length + 1 === index.columns.length) return;
  }
  throw unsupportedQuery('Subscriptions require indexes on join columns');
}
