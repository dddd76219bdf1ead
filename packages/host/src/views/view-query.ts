import { assert } from '../assert.ts';
import type { Row, StateView } from '../datastore/state-view.ts';
import type { Catalog } from '../query/catalog.ts';
import { type CompileOptions, compileOneOffQuery, compileSubscription, type RowsQuery } from '../query/compile.ts';
import { evaluateRows } from '../query/evaluator.ts';
import { type Delta, evaluateChange, type IncrementalPlan } from '../query/incremental.ts';
import { QueryError, shortenText } from '../query/query-error.ts';
import { WorkMeter } from '../query/work-meter.ts';
import type { ColumnDef, ViewDef } from '../schema/module-def.ts';
import type { ChangeSource } from './dependency-index.ts';
import { ViewError } from './view-error.ts';

/** SQL that a view returned, compiled. */
export interface ViewQuery {
  readonly sql: string;
  readonly query: RowsQuery;
  /** How its rows follow a change; undefined where they must be found anew. */
  readonly incremental: IncrementalPlan | undefined;
}

/** A transaction that is about to end. */
export type EndingTransaction = StateView & ChangeSource;

/** How much of the SQL stands in an error. */
const SQL_ECHO_LENGTH_MAX = 500;

/** A view sees what the module sees: everything, and no asker. */
const MODULE_VISIBILITY = { identity: 0n, isOwner: true } as const;

/**
 * Compiles SQL that a view returned. `catalog` has the module's tables and no views.
 * @throws {ViewError} when it is no query of whole rows of the view's type
 */
export function compileViewQuery(view: ViewDef, sql: string, catalog: Catalog): ViewQuery {
  const options = { catalog, visibility: MODULE_VISIBILITY, strictCompat: false };
  const query = guard(view, sql, () => compileOneOffQuery(sql, options));
  if (query.usesSender) throw failure(view, sql, 'parameters are not supported in the SQL of a view');
  if (rowType(query.table.columns) !== rowType(view.columns)) {
    throw failure(view, sql, `its rows are not of the view's type`);
  }
  return tryIncremental(sql, options) ?? { sql, query, incremental: undefined };
}

/** The rows that the SQL gives in a state. @throws {ViewError} when it looks at too many rows */
export function evaluateViewQuery(view: ViewDef, { sql, query }: ViewQuery, state: StateView): readonly Row[] {
  return guard(view, sql, () => evaluateRows(query.plan, { state, work: new WorkMeter() }));
}

/** What a transaction changes in the rows of SQL that has an incremental plan. @throws {ViewError} as `evaluateViewQuery` */
export function evaluateViewChange(
  view: ViewDef,
  { sql, query, incremental }: ViewQuery,
  tx: EndingTransaction,
): Delta {
  assert(incremental !== undefined, 'the query has an incremental plan');
  const { plan } = query;
  const changes = plan.relations.map(({ relation }) => tx.changes(relation.table.id) ?? { inserts: [], deletes: [] });
  const context = { state: tx, work: new WorkMeter(), hashedRows: refuseHashTables };
  return guard(view, sql, () => evaluateChange(plan, incremental, changes, context));
}

/** Undefined for what cannot follow changes, and for what would need hash tables or see events, which do not last. */
function tryIncremental(sql: string, options: CompileOptions): ViewQuery | undefined {
  try {
    const { incremental, ...query } = compileSubscription(sql, options);
    const seesEvents = query.plan.relations.some(({ relation }) => relation.table.isEvent);
    return seesEvents || needsHashTables(incremental) ? undefined : { sql, query, incremental };
  } catch (error) {
    if (error instanceof QueryError) return undefined;
    throw error;
  }
}

function needsHashTables(incremental: IncrementalPlan): boolean {
  if (incremental.type === 'filter') return false;
  return [incremental.output, incremental.partner].some(({ lookup }) => lookup.type === 'hash');
}

function refuseHashTables(): never {
  throw new Error('a query that needs hash tables has no incremental plan here');
}

function guard<Result>(view: ViewDef, sql: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw failure(view, sql, error.message, error);
  }
}

function failure({ name }: ViewDef, sql: string, problem: string, cause?: unknown): ViewError {
  return new ViewError(name, `${problem}, executing: \`${shortenText(sql, SQL_ECHO_LENGTH_MAX)}\``, cause);
}

/** Equal exactly for columns of the same names and types. */
function rowType(columns: readonly ColumnDef[]): string {
  return JSON.stringify(columns.map(({ name, algebraicType }) => [name, algebraicType]));
}
