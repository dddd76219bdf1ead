import { assert, unreachable } from '../assert.ts';
import { badLiteral, readConstant, unexpectedType } from './constant.ts';
import { invalidQuery, queryOverLimit, unsupportedQuery } from './query-error.ts';
import { IDENTITY_LABEL, typeLabel } from './scalar-type.ts';
import { ALWAYS, makeAnd, makeOr, MIRRORED, moveToRelation, NEVER, OPPOSITE, holds } from './predicate.ts';
import type { TableDef } from '../schema/module-def.ts';
import type { Catalog, RestrictionFacts, VisibleRelation, Visibility } from './catalog.ts';
import type { ColumnRef, Predicate } from './predicate.ts';
import type { Scalar, ScalarType } from './scalar-type.ts';
import type { ColumnName, CompareOperator, Constant, Expression, SelectStatement } from './syntax.ts';

/** A table in a query, under the name by which the query calls it. */
export interface ScopedRelation extends VisibleRelation {
  readonly alias: string;
}

/** One column of a result that is made of columns. */
export interface OutputColumn {
  readonly name: string;
  readonly relation: number;
  readonly column: number;
}

/** What a query returns: whole rows of one relation, chosen columns, or the number of matches. */
export type Output =
  | { readonly type: 'rows'; readonly relation: number }
  | { readonly type: 'columns'; readonly columns: readonly OutputColumn[] }
  | { readonly type: 'count'; readonly name: string };

/** A SELECT whose names and types are sound. */
export interface CheckedSelect {
  readonly relations: readonly ScopedRelation[];
  /** WHERE and every ON. */
  readonly predicate: Predicate;
  readonly output: Output;
  readonly limit: number | undefined;
  /** True when the answer depends on who asks: `:sender` stands in it, or in the rules of its tables. */
  readonly usesSender: boolean;
  /** Whether a table in it has rules that say which rows the asker sees, or has rules and the asker sees all. */
  readonly rules: VisibleRelation['rules'];
  readonly restrictions: readonly RestrictionFacts[];
}

/** Finding an order for a join takes time that grows with the cube of its tables. */
const TABLES_PER_QUERY_MAX = 16;

/** Resolves names as the asker sees them and checks types. @throws {QueryError} `query/invalid`, `query/unsupported` */
export function checkSelect(statement: SelectStatement, catalog: Catalog, visibility: Visibility): CheckedSelect {
  const relations = resolveFrom(statement, catalog, visibility);
  const scope = new Scope(relations, visibility);
  const output = checkProjection(statement, scope);
  const terms = statement.from.map(({ on }) => (on === undefined ? ALWAYS : scope.checkJoin(on.left, on.right)));
  for (const [position, { restriction }] of relations.entries()) {
    if (restriction?.type === 'condition') terms.push(moveToRelation(restriction.condition, position));
  }
  const restrictions = relations.map(({ restriction }) => restriction).filter((one) => one !== undefined);
  if (statement.where !== undefined) terms.push(scope.checkCondition(statement.where, false));
  return {
    relations,
    predicate: makeAnd(terms),
    output,
    limit: statement.limit === undefined ? undefined : Number(statement.limit),
    usesSender: scope.usesSender || restrictions.some(({ usesSender }) => usesSender),
    rules: relations.find(({ rules }) => rules !== 'none')?.rules ?? 'none',
    restrictions,
  };
}

/** A SELECT that returns whole rows of one table. */
export interface CheckedSubscription extends CheckedSelect {
  readonly table: TableDef;
}

/**
 * As `checkSelect`, for what can be subscribed to: whole rows of one table.
 * @throws {QueryError} `query/invalid`, `query/unsupported`
 */
export function checkSubscription(
  statement: SelectStatement,
  catalog: Catalog,
  visibility: Visibility,
): CheckedSubscription {
  const checked = checkSelect(statement, catalog, visibility);
  if (checked.output.type !== 'rows') {
    throw unsupportedQuery(
      'Column projections are not supported in subscriptions; Subscriptions must return a table type',
    );
  }
  if (checked.limit !== undefined) throw unsupportedQuery('Unsupported: LIMIT in subscriptions');
  const table = checked.relations[checked.output.relation]?.relation.table;
  assert(table !== undefined, 'an output has a relation');
  return { ...checked, table };
}

function resolveFrom({ from }: SelectStatement, catalog: Catalog, visibility: Visibility): readonly ScopedRelation[] {
  if (from.length > TABLES_PER_QUERY_MAX) {
    throw queryOverLimit(`The query joins ${from.length} tables; ${TABLES_PER_QUERY_MAX} are allowed`, {
      tablesMax: TABLES_PER_QUERY_MAX,
    });
  }
  const aliases = new Set<string>();
  return from.map(({ table, alias }) => {
    const relation = catalog.tryResolve(table, visibility);
    if (relation === undefined) {
      throw invalidQuery(`no such table: \`${table}\`. If the table exists, it may be marked private.`);
    }
    if (aliases.has(alias)) throw invalidQuery(`Duplicate name \`${alias}\``);
    aliases.add(alias);
    return { alias, ...catalog.restrict(relation, visibility) };
  });
}

function checkProjection({ projection }: SelectStatement, scope: Scope): Output {
  switch (projection.type) {
    case 'star':
      if (scope.isJoin) throw invalidQuery('SELECT * is not supported for joins');
      return { type: 'rows', relation: 0 };
    case 'table-star':
      return { type: 'rows', relation: scope.relationPosition(projection.table) };
    case 'count':
      return projection;
    case 'columns': {
      const names = new Set<string>();
      const columns = projection.columns.map(({ column, name }) => {
        if (names.has(name)) throw invalidQuery(`Duplicate name \`${name}\``);
        names.add(name);
        return { name, ...scope.columnPosition(column) };
      });
      return { type: 'columns', columns };
    }
    default:
      return unreachable(projection);
  }
}

/** The names a query may use, and the checks of its expressions. */
class Scope {
  readonly #relations: readonly ScopedRelation[];
  readonly #visibility: Visibility;
  #usesSender = false;

  constructor(relations: readonly ScopedRelation[], visibility: Visibility) {
    this.#relations = relations;
    this.#visibility = visibility;
  }

  get usesSender(): boolean {
    return this.#usesSender;
  }

  get isJoin(): boolean {
    return this.#relations.length > 1;
  }

  relationPosition(alias: string): number {
    const position = this.#relations.findIndex((relation) => relation.alias === alias);
    if (position < 0) throw invalidQuery(`\`${alias}\` is not in scope`);
    return position;
  }

  columnPosition({ table, name }: ColumnName): { readonly relation: number; readonly column: number } {
    if (table === undefined && this.isJoin) throw invalidQuery('Names must be qualified when using joins');
    const position = table === undefined ? 0 : this.relationPosition(table);
    const scoped = this.#relations[position];
    assert(scoped !== undefined, 'a position in scope has a relation');
    const column = scoped.relation.columnPosition(name);
    if (column === undefined) throw invalidQuery(`\`${scoped.alias}\` does not have a field \`${name}\``);
    return { relation: position, column };
  }

  checkJoin(left: ColumnName, right: ColumnName): Predicate {
    return this.#checkColumns('=', left, right);
  }

  /** A condition, or with `negated` its opposite. */
  checkCondition(expression: Expression, negated: boolean): Predicate {
    switch (expression.type) {
      case 'boolean':
        return expression.value === negated ? NEVER : ALWAYS;
      case 'number':
      case 'string':
      case 'hex':
        throw badLiteral(expression, 'Bool');
      case 'sender':
        throw unexpectedType('Bool', IDENTITY_LABEL);
      case 'column':
        return this.#checkBooleanColumn(expression.column, negated);
      case 'not':
        return this.checkCondition(expression.term, !negated);
      case 'and':
      case 'or': {
        const terms = expression.terms.map((term) => this.checkCondition(term, negated));
        return (expression.type === 'and') === negated ? makeOr(terms) : makeAnd(terms);
      }
      case 'compare': {
        const operator = negated ? OPPOSITE[expression.operator] : expression.operator;
        return this.#checkComparison(operator, expression.left, expression.right);
      }
      default:
        return unreachable(expression);
    }
  }

  #checkBooleanColumn(name: ColumnName, negated: boolean): Predicate {
    const { relation, column } = this.columnPosition(name);
    const type = this.#relations[relation]?.relation.scalarType(column);
    if (type?.kind !== 'bool') throw unexpectedType('Bool', this.#columnLabel(relation, column));
    return { type: 'compare-constant', operator: '=', column: { relation, column, type }, value: !negated };
  }

  #checkComparison(operator: CompareOperator, left: Expression, right: Expression): Predicate {
    if (left.type === 'column') {
      if (right.type === 'column') return this.#checkColumns(operator, left.column, right.column);
      return this.#checkConstant(operator, left.column, right);
    }
    if (right.type === 'column') return this.#checkConstant(MIRRORED[operator], right.column, left);
    if (left.type === 'boolean' && right.type === 'boolean') {
      return holds(operator, Number(left.value) - Number(right.value)) ? ALWAYS : NEVER;
    }
    for (const side of [left, right]) refuseNestedCondition(side);
    throw invalidQuery('Cannot resolve type for literal expression');
  }

  #checkColumns(operator: CompareOperator, leftName: ColumnName, rightName: ColumnName): Predicate {
    const left = this.#comparableColumn(operator, leftName);
    const right = this.#comparableColumn(operator, rightName);
    if (left.type.kind !== right.type.kind) throw unexpectedType(left.type.label, right.type.label);
    return { type: 'compare-columns', operator, left, right };
  }

  #checkConstant(operator: CompareOperator, name: ColumnName, constant: Expression): Predicate {
    refuseNestedCondition(constant);
    const column = this.#comparableColumn(operator, name);
    return { type: 'compare-constant', operator, column, value: this.#constant(constant, column.type) };
  }

  #constant(expression: Expression, type: ScalarType): Scalar {
    assert(isConstant(expression), 'what is compared with a column is a constant');
    if (expression.type === 'sender') this.#usesSender = true;
    return readConstant(expression, type, this.#visibility.identity);
  }

  #comparableColumn(operator: CompareOperator, name: ColumnName): ColumnRef {
    const { relation, column } = this.columnPosition(name);
    const type = this.#relations[relation]?.relation.scalarType(column);
    if (type === undefined) {
      throw unsupportedQuery(
        `Invalid binary operator \`${operator}\` for type \`${this.#columnLabel(relation, column)}\``,
      );
    }
    return { relation, column, type };
  }

  #columnLabel(relation: number, column: number): string {
    const definition = this.#relations[relation]?.relation.table.columns[column];
    assert(definition !== undefined, 'a resolved column exists');
    return typeLabel(definition.algebraicType);
  }
}

function isConstant(expression: Expression): expression is Constant {
  const { type } = expression;
  return type === 'boolean' || type === 'number' || type === 'string' || type === 'hex' || type === 'sender';
}

function refuseNestedCondition({ type }: Expression): void {
  if (type === 'compare' || type === 'and' || type === 'or' || type === 'not') {
    throw unsupportedQuery('Unsupported expression: a condition cannot be compared');
  }
}
