import { assert } from '../assert.ts';
import type { AlgebraicType } from '../bsatn/algebraic-type.ts';
import { checkSelect } from './checker.ts';
import { type CompileOptions, refuseNot } from './compile.ts';
import { readConstant } from './constant.ts';
import { compileDml, type DmlPlan } from './dml.ts';
import type { SelectPlan } from './plan.ts';
import { planSelect } from './planner.ts';
import { invalidQuery, unsupportedQuery } from './query-error.ts';
import { scalarTypeOf } from './scalar-type.ts';
import { parseStatements } from './statement-parser.ts';
import type { SelectStatement, Statement } from './syntax.ts';

/** A column of an answer. */
export interface ResultColumn {
  /** As the query names it; for whole rows the canonical name. */
  readonly name: string;
  /** As the module's own code names it, where whole rows are asked for; else as `name`. */
  readonly accessor: string;
  readonly algebraicType: AlgebraicType;
  /** Where its values come from; undefined for numbers of rows. */
  readonly origin: { readonly tableId: number; readonly column: number } | undefined;
}

/** A statement with all names and types resolved. */
export type CompiledStatement =
  | { readonly type: 'select'; readonly plan: SelectPlan; readonly columns: readonly ResultColumn[] }
  | { readonly type: 'dml'; readonly plan: DmlPlan }
  | { readonly type: 'set-row-limit'; readonly rows: bigint }
  | { readonly type: 'show-row-limit' };

/** The one variable that SET and SHOW know. */
export const ROW_LIMIT = 'row_limit';

/**
 * Compiles statements of the wider SQL: SELECT with columns, COUNT(*), LIMIT and any number of joins; INSERT, UPDATE,
 * DELETE; SET and SHOW. Several may stand in one text, with `;` between them, unless `strictCompat` is set.
 * @throws {QueryError} for the first that is wrong; none should be run then.
 */
export function compileStatements(sql: string, options: CompileOptions): readonly CompiledStatement[] {
  const statements = parseStatements(sql);
  if (options.strictCompat && statements.length > 1) {
    throw unsupportedQuery('Multiple SQL statements are not supported');
  }
  return statements.map((statement) => compileStatement(statement, options));
}

function compileStatement(statement: Statement, options: CompileOptions): CompiledStatement {
  if (options.strictCompat && 'where' in statement) refuseNot(statement.where);
  switch (statement.type) {
    case 'select':
      return compileSelect(statement, options);
    case 'insert':
    case 'update':
    case 'delete':
      return { type: 'dml', plan: compileDml(statement, options) };
    case 'set': {
      checkVariable(statement.variable);
      const type = scalarTypeOf({ type: 'u64' });
      assert(type !== undefined, 'numbers are scalars');
      const rows = readConstant(statement.value, type, options.visibility.identity);
      assert(typeof rows === 'bigint', 'a u64 is a bigint');
      return { type: 'set-row-limit', rows };
    }
    case 'show':
      checkVariable(statement.variable);
      return { type: 'show-row-limit' };
  }
}

function checkVariable(name: string): void {
  if (name !== ROW_LIMIT) throw invalidQuery(`${name} is not a valid system variable`);
}

function compileSelect(
  statement: SelectStatement,
  { catalog, visibility }: CompileOptions,
): Extract<CompiledStatement, { type: 'select' }> {
  const plan = planSelect(checkSelect(statement, catalog, visibility));
  return { type: 'select', plan, columns: resultColumns(plan) };
}

function resultColumns({ output, relations }: SelectPlan): readonly ResultColumn[] {
  switch (output.type) {
    case 'count':
      return [{ name: output.name, accessor: output.name, algebraicType: { type: 'u64' }, origin: undefined }];
    case 'rows': {
      const table = relations[output.relation]?.relation.table;
      assert(table !== undefined, 'an output has a relation');
      return table.columns.map(({ name, accessor, algebraicType }, column) => ({
        name,
        accessor,
        algebraicType,
        origin: { tableId: table.restricts ?? table.id, column },
      }));
    }
    case 'columns':
      return output.columns.map(({ name, relation, column }) => {
        const table = relations[relation]?.relation.table;
        const definition = table?.columns[column];
        assert(table !== undefined && definition !== undefined, 'a resolved column exists');
        const { algebraicType } = definition;
        return { name, accessor: name, algebraicType, origin: { tableId: table.restricts ?? table.id, column } };
      });
  }
}
