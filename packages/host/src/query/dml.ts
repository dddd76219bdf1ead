import { assert } from '../assert.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import type { Row } from '../datastore/state-view.ts';
import type { Catalog, Relation, Visibility } from './catalog.ts';
import { checkSelect } from './checker.ts';
import { badLiteral, readConstant, unexpectedType } from './constant.ts';
import type { SelectPlan } from './plan.ts';
import { planSelect } from './planner.ts';
import { invalidQuery, unsupportedQuery } from './query-error.ts';
import { IDENTITY_LABEL, typeLabel } from './scalar-type.ts';
import type { Constant, DmlStatement, Expression, InsertStatement, UpdateStatement } from './syntax.ts';

/** A column with the value that an update gives it. */
export interface Assignment {
  readonly column: number;
  readonly value: AlgebraicValue;
}

/** A statement that changes rows of one table, with all names and types resolved. */
export type DmlPlan =
  | { readonly type: 'insert'; readonly target: Relation; readonly rows: readonly Row[] }
  /** `matches` finds the rows to change. */
  | {
      readonly type: 'update';
      readonly target: Relation;
      readonly matches: SelectPlan;
      readonly assignments: readonly Assignment[];
    }
  | { readonly type: 'delete'; readonly target: Relation; readonly matches: SelectPlan };

/** What names are resolved against, and by which rules. */
export interface DmlContext {
  readonly catalog: Catalog;
  readonly visibility: Visibility;
  /** True refuses INSERT without a list of columns, as SpacetimeDB does. */
  readonly strictCompat: boolean;
}

/** Resolves a statement as the asker sees the tables. @throws {QueryError} `query/invalid`, `query/unsupported` */
export function compileDml(statement: DmlStatement, context: DmlContext): DmlPlan {
  const target = resolveTarget(statement.table, context);
  switch (statement.type) {
    case 'insert':
      return { type: 'insert', target, rows: encodeRows(statement, target, context) };
    case 'update':
      return {
        type: 'update',
        target,
        matches: compileMatches(statement, context),
        assignments: resolveAssignments(statement, target, context.visibility),
      };
    case 'delete':
      return { type: 'delete', target, matches: compileMatches(statement, context) };
  }
}

function resolveTarget(name: string, { catalog, visibility }: DmlContext): Relation {
  const target = catalog.tryResolve(name, visibility);
  if (target === undefined) {
    throw invalidQuery(`no such table: \`${name}\`. If the table exists, it may be marked private.`);
  }
  if (target.table.view !== undefined) throw unsupportedQuery(`\`${name}\` is a view; DML on views is not supported`);
  if (target.table.isSystem)
    throw unsupportedQuery(`\`${name}\` is a system table; DML on system tables is not supported`);
  return target;
}

/** The rows that a statement changes. Its conditions name the table as the statement does. */
function compileMatches(
  { table, where }: { readonly table: string; readonly where: Expression | undefined },
  { catalog, visibility }: DmlContext,
): SelectPlan {
  const from = [{ table, alias: table }];
  const checked = checkSelect(
    { type: 'select', projection: { type: 'star' }, from, where, limit: undefined },
    catalog,
    visibility,
  );
  return planSelect(checked);
}

/**
 * SpacetimeDB takes values by position, whatever the names of the list say. Here the names must be the table's, in its
 * order: what a list means is the same on both then.
 */
function encodeRows(
  statement: InsertStatement,
  target: Relation,
  { strictCompat, visibility }: DmlContext,
): readonly Row[] {
  const { table, rows } = statement;
  const { columns } = target.table;
  const listed = statement.columns ?? (strictCompat ? [] : undefined);
  if (listed !== undefined) checkColumnList(listed, statement, target);
  return rows.map((values) => {
    if (values.length !== columns.length) {
      throw invalidQuery(
        `Inserting a row with ${values.length} values into \`${table}\` which has ${columns.length} fields`,
      );
    }
    return target.codec.encode(values.map((value, column) => columnValue(target, column, { value, visibility })));
  });
}

function checkColumnList(listed: readonly string[], { table }: InsertStatement, target: Relation): void {
  const { columns } = target.table;
  if (listed.length !== columns.length) {
    throw invalidQuery(
      `The number of fields (${listed.length}) in the INSERT does not match the number of columns (${columns.length}) of the table \`${table}\``,
    );
  }
  const seen = new Set<string>();
  for (const [position, name] of listed.entries()) {
    if (seen.has(name)) throw invalidQuery(`Duplicate name \`${name}\``);
    seen.add(name);
    if (positionOf(name, table, target) === position) continue;
    const names = columns.map((column) => column.name).join(', ');
    throw invalidQuery(
      `The column \`${name}\` stands at another place than in the table \`${table}\`: values go by position, so list the columns as (${names}), or leave the list out`,
    );
  }
}

function resolveAssignments(
  { table, assignments }: UpdateStatement,
  target: Relation,
  visibility: Visibility,
): readonly Assignment[] {
  const seen = new Set<number>();
  return assignments.map(({ column: name, value }) => {
    const column = positionOf(name, table, target);
    if (seen.has(column)) throw invalidQuery(`Duplicate name \`${name}\``);
    seen.add(column);
    return { column, value: columnValue(target, column, { value, visibility }) };
  });
}

function positionOf(name: string, table: string, target: Relation): number {
  const column = target.columnPosition(name);
  if (column === undefined) throw invalidQuery(`\`${table}\` does not have a field \`${name}\``);
  return column;
}

/** The value of a constant in a column. Columns that SQL cannot compare have no constants. */
function columnValue(
  target: Relation,
  column: number,
  { value, visibility }: { readonly value: Constant; readonly visibility: Visibility },
): AlgebraicValue {
  const type = target.scalarType(column);
  if (type !== undefined) return type.wrap(readConstant(value, type, visibility.identity));
  const definition = target.table.columns[column];
  assert(definition !== undefined, 'a resolved column exists');
  const label = typeLabel(definition.algebraicType);
  throw value.type === 'sender' ? unexpectedType(label, IDENTITY_LABEL) : badLiteral(value, label);
}
