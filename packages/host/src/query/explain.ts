import { unreachable } from '../assert.ts';
import { bytesKey } from './scalar-type.ts';
import type { IndexRange } from '../datastore/state-view.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import type { IndexDef } from '../schema/module-def.ts';
import type { CompiledStatement } from './compile-statements.ts';
import type { IncrementalPlan, JoinSide } from './incremental.ts';
import type { Access, Lookup, PlannedRelation, SelectPlan, Step } from './plan.ts';
import type { ColumnRef, Predicate } from './predicate.ts';
import type { Scalar } from './scalar-type.ts';

/** A plan for people: one line a step, in the order of evaluation. The text may change. */
export function explainPlan(plan: SelectPlan): string {
  const lines = plan.steps.map((step) => describeStep(plan, step));
  lines.push(describeOutput(plan));
  return lines.join('\n');
}

/** How a result is kept up to date, for people. */
export function explainIncremental(plan: SelectPlan, incremental: IncrementalPlan): string {
  if (incremental.type === 'filter') return 'on change: test the changed rows';
  const side = ({ position, lookup }: JoinSide): string =>
    `${describeLookup(plan, lookup)} when ${aliasOf(plan, 1 - position)} changes`;
  return `on change: ${side(incremental.output)}; ${side(incremental.partner)}`;
}

/** How a statement of the wider SQL is run, for people. */
export function explainStatement(statement: CompiledStatement): string {
  if (statement.type === 'select') return explainPlan(statement.plan);
  if (statement.type !== 'dml') return 'one variable';
  const { plan } = statement;
  const { name } = plan.target.table;
  if (plan.type === 'insert') return `insert ${plan.rows.length} rows into ${name}`;
  return `${explainPlan(plan.matches)}\n${plan.type} them`;
}

function describeStep(plan: SelectPlan, { position, source, conditions }: Step): string {
  const relation = plan.relations[position];
  if (relation === undefined) return '';
  const how =
    source.type === 'access'
      ? describeAccess(relation, source.access)
      : `${describeLookup(plan, source.lookup)} = ${columnName(plan, source.from)}`;
  const filters = [relation.condition, ...conditions]
    .filter((condition) => condition.type !== 'constant')
    .map((condition) => describePredicate(plan, condition));
  return filters.length === 0 ? how : `${how} where ${filters.join(' and ')}`;
}

function describeOutput({ output, relations, limit }: SelectPlan): string {
  const suffix = limit === undefined ? '' : ` limit ${limit}`;
  switch (output.type) {
    case 'rows':
      return `return rows of ${relations[output.relation]?.alias ?? ''}${suffix}`;
    case 'count':
      return `return the number of matches${suffix}`;
    case 'columns':
      return `return ${output.columns.map(({ name }) => name).join(', ')}${suffix}`;
    default:
      return unreachable(output);
  }
}

function describeAccess({ alias, relation }: PlannedRelation, access: Access): string {
  const name = relation.table.name === alias ? alias : `${relation.table.name} as ${alias}`;
  if (access.type === 'none') return `nothing of ${name}`;
  if (access.type === 'scan') return `scan ${name}`;
  const [range] = access.ranges;
  const more = access.ranges.length > 1 ? ` and ${access.ranges.length - 1} more` : '';
  return `seek ${name} by ${indexName(relation.table, access.index)} ${range === undefined ? '' : describeRange(range)}${more}`;
}

function describeLookup(plan: SelectPlan, lookup: Lookup): string {
  const relation = plan.relations[lookup.key.relation];
  if (lookup.type === 'hash' || relation === undefined) return `look up by hash ${columnName(plan, lookup.key)}`;
  const by = indexName(relation.relation.table, lookup.index);
  return `look up ${columnName(plan, lookup.key)} by ${by}`;
}

function indexName({ columns }: { columns: readonly { readonly name: string }[] }, index: IndexDef): string {
  const names = index.columns.map((column) => columns[column]?.name ?? '');
  return `${index.isUnique ? 'unique ' : ''}${index.algorithm}(${names.join(', ')})`;
}

function describeRange({ prefix, start, end }: IndexRange): string {
  const parts = prefix.map((value) => `= ${describeValue(value)}`);
  if (start !== undefined && start.type !== 'unbounded') {
    parts.push(`${start.type === 'included' ? '>=' : '>'} ${describeValue(start.value)}`);
  }
  if (end !== undefined && end.type !== 'unbounded') {
    parts.push(`${end.type === 'included' ? '<=' : '<'} ${describeValue(end.value)}`);
  }
  return parts.join(', ');
}

function describePredicate(plan: SelectPlan, predicate: Predicate): string {
  switch (predicate.type) {
    case 'constant':
      return predicate.value ? 'TRUE' : 'FALSE';
    case 'compare-constant':
      return `${columnName(plan, predicate.column)} ${predicate.operator} ${describeScalar(predicate.value)}`;
    case 'compare-columns':
      return `${columnName(plan, predicate.left)} ${predicate.operator} ${columnName(plan, predicate.right)}`;
    case 'and':
    case 'or': {
      const shown = predicate.terms.slice(0, 20).map((term) => describePredicate(plan, term));
      if (predicate.terms.length > shown.length) shown.push('…');
      return `(${shown.join(` ${predicate.type} `)})`;
    }
    default:
      return unreachable(predicate);
  }
}

function columnName(plan: SelectPlan, { relation, column }: ColumnRef): string {
  const name = plan.relations[relation]?.relation.table.columns[column]?.name ?? '';
  return `${aliasOf(plan, relation)}.${name}`;
}

function aliasOf(plan: SelectPlan, position: number): string {
  return plan.relations[position]?.alias ?? '';
}

function describeValue(value: AlgebraicValue): string {
  if (value instanceof Uint8Array || typeof value !== 'object') return describeScalar(value);
  return Array.isArray(value) ? value.map(describeValue).join(', ') : '…';
}

function describeScalar(value: Scalar): string {
  if (typeof value === 'string') return `'${value}'`;
  if (!(value instanceof Uint8Array)) return String(value);
  const digits = Array.from(bytesKey(value), (unit) => unit.charCodeAt(0).toString(16).padStart(2, '0'));
  return `0x${digits.join('')}`;
}
