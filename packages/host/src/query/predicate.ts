import { unreachable } from '../assert.ts';
import type { Scalar, ScalarKey, ScalarType } from './scalar-type.ts';
import type { CompareOperator } from './syntax.ts';

/** A column of one of a query's relations, by position. */
export interface ColumnRef {
  readonly relation: number;
  readonly column: number;
  readonly type: ScalarType;
}

/**
 * A condition after name and type checks. There is no NOT: the order of every type is total and there is no NULL, so
 * NOT turns each comparison round. AND and OR have at least two terms, none of them constant or of their own type.
 */
export type Predicate =
  | { readonly type: 'constant'; readonly value: boolean }
  | ConstantComparison
  | ColumnComparison
  | { readonly type: 'and' | 'or'; readonly terms: readonly Predicate[] };

interface ConstantComparison {
  readonly type: 'compare-constant';
  readonly operator: CompareOperator;
  readonly column: ColumnRef;
  readonly value: Scalar;
}

export interface ColumnComparison {
  readonly type: 'compare-columns';
  readonly operator: CompareOperator;
  readonly left: ColumnRef;
  readonly right: ColumnRef;
}

export const ALWAYS: Predicate = { type: 'constant', value: true };
export const NEVER: Predicate = { type: 'constant', value: false };

/** What holds where a comparison does not. */
export const OPPOSITE: Readonly<Record<CompareOperator, CompareOperator>> = {
  '=': '<>',
  '<>': '=',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
};

/** The same comparison with its sides exchanged. */
export const MIRRORED: Readonly<Record<CompareOperator, CompareOperator>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

export function makeAnd(terms: readonly Predicate[]): Predicate {
  return makeChain('and', terms);
}

export function makeOr(terms: readonly Predicate[]): Predicate {
  return makeChain('or', terms);
}

/** AND with a FALSE in it is FALSE, OR with a TRUE in it is TRUE; the other constant falls out. */
function makeChain(type: 'and' | 'or', terms: readonly Predicate[]): Predicate {
  const kept: Predicate[] = [];
  for (const term of terms) {
    if (term.type === 'constant') {
      if (term.value === (type === 'or')) return term;
    } else if (term.type === type) {
      for (const inner of term.terms) kept.push(inner);
    } else kept.push(term);
  }
  const [only] = kept;
  if (only === undefined) return type === 'and' ? ALWAYS : NEVER;
  return kept.length === 1 ? only : { type, terms: kept };
}

/** The parts that must all hold; none for a condition that always does. */
export function conjunctsOf(predicate: Predicate): readonly Predicate[] {
  if (predicate.type === 'and') return predicate.terms;
  return predicate.type === 'constant' && predicate.value ? [] : [predicate];
}

/** The relations that a condition looks at. */
export function relationsOf(predicate: Predicate, into: Set<number> = new Set()): Set<number> {
  switch (predicate.type) {
    case 'constant':
      return into;
    case 'compare-constant':
      return into.add(predicate.column.relation);
    case 'compare-columns':
      return into.add(predicate.left.relation).add(predicate.right.relation);
    case 'and':
    case 'or':
      for (const term of predicate.terms) relationsOf(term, into);
      return into;
    default:
      return unreachable(predicate);
  }
}

/** A condition over relation 0 alone, as one over another relation alone. */
export function moveToRelation(predicate: Predicate, relation: number): Predicate {
  switch (predicate.type) {
    case 'constant':
      return predicate;
    case 'compare-constant':
      return { ...predicate, column: { ...predicate.column, relation } };
    case 'compare-columns':
      return { ...predicate, left: { ...predicate.left, relation }, right: { ...predicate.right, relation } };
    case 'and':
    case 'or':
      return { ...predicate, terms: predicate.terms.map((term) => moveToRelation(term, relation)) };
    default:
      return unreachable(predicate);
  }
}

/** Whether a comparison of two values with this order holds. */
export function holds(operator: CompareOperator, order: number): boolean {
  switch (operator) {
    case '=':
      return order === 0;
    case '<>':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    default:
      return unreachable(operator);
  }
}

/** Tests one subject, such as a row. */
export type Test<S> = (subject: S) => boolean;

/** Turns a condition into a function. `access` says how a column is read from a subject. */
export function compilePredicate<S>(
  predicate: Predicate,
  access: (column: ColumnRef) => (subject: S) => Scalar,
): Test<S> {
  switch (predicate.type) {
    case 'constant':
      return () => predicate.value;
    case 'compare-constant':
      return compileConstantComparison(predicate, access(predicate.column));
    case 'compare-columns': {
      const { operator } = predicate;
      const { compare } = predicate.left.type;
      const left = access(predicate.left);
      const right = access(predicate.right);
      return (subject) => holds(operator, compare(left(subject), right(subject)));
    }
    case 'and': {
      const tests = predicate.terms.map((term) => compilePredicate(term, access));
      return (subject) => tests.every((test) => test(subject));
    }
    case 'or': {
      const tests = predicate.terms.map((term) => compilePredicate(term, access));
      return (subject) => tests.some((test) => test(subject));
    }
    default:
      return unreachable(predicate);
  }
}

function compileConstantComparison<S>(comparison: ConstantComparison, read: (subject: S) => Scalar): Test<S> {
  const { operator, value } = comparison;
  const { compare } = comparison.column.type;
  return (subject) => holds(operator, compare(read(subject), value));
}

/** The values that a column can have where a condition holds, by their keys. */
export type PossibleValues = ReadonlyMap<ScalarKey, Scalar>;

/** More alternatives than these are not followed: the column counts as unrestricted. */
const ALTERNATIVES_MAX = 1_000;

/**
 * For the columns of one relation: to which values the condition restricts them by equality. A column that is not in
 * the map may have any value; one with no values says that the condition never holds.
 */
export function possibleValues(predicate: Predicate, relation: number): ReadonlyMap<number, PossibleValues> {
  switch (predicate.type) {
    case 'constant':
    case 'compare-columns':
      return new Map();
    case 'compare-constant': {
      const { column, operator, value } = predicate;
      if (operator !== '=' || column.relation !== relation) return new Map();
      return new Map([[column.column, new Map([[column.type.key(value), value]])]]);
    }
    case 'and':
      return intersectAll(predicate.terms.map((term) => possibleValues(term, relation)));
    case 'or':
      return uniteAll(predicate.terms.map((term) => possibleValues(term, relation)));
    default:
      return unreachable(predicate);
  }
}

function intersectAll(terms: readonly ReadonlyMap<number, PossibleValues>[]): ReadonlyMap<number, PossibleValues> {
  const result = new Map<number, PossibleValues>();
  for (const term of terms) {
    for (const [column, values] of term) {
      const known = result.get(column);
      result.set(column, known === undefined ? values : intersect(known, values));
    }
  }
  return result;
}

function intersect(a: PossibleValues, b: PossibleValues): PossibleValues {
  const [few, many] = a.size <= b.size ? [a, b] : [b, a];
  return new Map([...few].filter(([key]) => many.has(key)));
}

function uniteAll(terms: readonly ReadonlyMap<number, PossibleValues>[]): ReadonlyMap<number, PossibleValues> {
  const [first, ...others] = terms;
  const result = new Map<number, PossibleValues>();
  for (const column of first?.keys() ?? []) {
    const union = new Map(first?.get(column));
    const isRestricted = others.every((term) => {
      for (const [key, value] of term.get(column) ?? []) union.set(key, value);
      return term.has(column) && union.size <= ALTERNATIVES_MAX;
    });
    if (isRestricted) result.set(column, union);
  }
  return result;
}
