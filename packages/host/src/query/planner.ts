import { assert } from '../assert.ts';
import { chooseAccess, chooseLookup, estimateAccess, estimateLookup, TABLE_ROWS_ESTIMATE } from './access-path.ts';
import { compilePredicate, conjunctsOf, makeAnd, NEVER, possibleValues, relationsOf } from './predicate.ts';
import type { CheckedSelect, ScopedRelation } from './checker.ts';
import type { Access, Lookup, PlannedRelation, SelectPlan, Step, Tuple } from './plan.ts';
import type { ColumnComparison, ColumnRef, Predicate, Test } from './predicate.ts';
import type { Row } from '../datastore/state-view.ts';

const SELECTIVITY_ESTIMATE = 0.1;

/** Decides how a query is answered: by which indexes, and joins in which order. */
export function planSelect(checked: CheckedSelect): SelectPlan {
  const { planned, joins } = planRelations(checked);
  const orders = planned.map((_, first) => planOrder(planned, joins, first));
  const best = orders.reduce((a, b) => (b.cost < a.cost ? b : a));
  return makePlan(checked, planned, best);
}

/** As `planSelect`, for evaluations that begin with given rows of the relation at `first`. */
export function planSelectFrom(checked: CheckedSelect, first: number): SelectPlan {
  const { planned, joins } = planRelations(checked);
  return makePlan(checked, planned, planOrder(planned, joins, first));
}

function planRelations({ relations, predicate }: CheckedSelect): {
  readonly planned: readonly PlannedRelation[];
  readonly joins: readonly Predicate[];
} {
  const conjuncts = conjunctsOf(predicate);
  return {
    planned: relations.map((scoped, position) => planRelation(scoped, position, conjuncts)),
    joins: conjuncts.filter((term) => relationsOf(term).size > 1),
  };
}

function makePlan(
  { output, limit }: CheckedSelect,
  relations: readonly PlannedRelation[],
  { steps }: Order,
): SelectPlan {
  return { relations, output, limit, steps };
}

/** The conditions over two relations that say that a column of one equals a column of the other. */
export function equiJoins(conjuncts: readonly Predicate[]): readonly ColumnComparison[] {
  return conjuncts.filter(
    (term): term is ColumnComparison =>
      term.type === 'compare-columns' && term.operator === '=' && term.left.relation !== term.right.relation,
  );
}

/** Conditions over tuples as one function; undefined when there are none. */
export function compileTupleTest(
  relations: readonly PlannedRelation[],
  conditions: readonly Predicate[],
): Test<Tuple> | undefined {
  if (conditions.length === 0) return undefined;
  return compilePredicate<Tuple>(makeAnd(conditions), ({ relation, column }) => {
    const planned = relations[relation];
    assert(planned !== undefined, 'a column belongs to a relation of the query');
    const read = planned.relation.reader(column);
    return (tuple) => {
      const row = tuple[relation];
      assert(row !== undefined, 'a condition is tested when its relations are bound');
      return read(row);
    };
  });
}

function planRelation(
  { alias, relation }: ScopedRelation,
  position: number,
  conjuncts: readonly Predicate[],
): PlannedRelation {
  const own = conjuncts.filter((term) => {
    const used = relationsOf(term);
    return used.size === 0 || (used.size === 1 && used.has(position));
  });
  const condition = makeAnd(own);
  const possible = possibleValues(condition, position);
  const access = chooseAccess({ relation, condition, possible });
  return { alias, relation, condition: access.type === 'none' ? NEVER : condition, possible, access, test: rowTest() };

  function rowTest(): Test<Row> | undefined {
    if (own.length === 0) return undefined;
    return compilePredicate<Row>(condition, ({ column }) => relation.reader(column));
  }
}

interface Order {
  readonly steps: readonly Step[];
  readonly cost: number;
}

/** The steps of an evaluation that starts with this relation and then takes whichever is cheapest. */
function planOrder(relations: readonly PlannedRelation[], joins: readonly Predicate[], first: number): Order {
  const open = new Set(relations.keys());
  const pending = new Set(joins);
  const steps: Step[] = [];
  let rows = 1;
  let cost = 0;
  let source: Step['source'] = { type: 'access', access: accessOf(relations, first) };
  let position = first;
  for (;;) {
    open.delete(position);
    const conditions = takeDecidable(pending, open, source);
    steps.push({ position, source, conditions, test: compileTupleTest(relations, conditions) });
    cost += sourceCost(relations, source, rows);
    rows = Math.max(1, rows * sourceRows(relations, source) * selectivity(relations[position], source));
    if (open.size === 0) return { steps, cost };
    ({ position, source } = cheapestSource(relations, pending, open));
  }
}

/** Takes the conditions that look at no relation which is still open; the lookup answers its own by itself. */
function takeDecidable(pending: Set<Predicate>, open: ReadonlySet<number>, source: Step['source']): Predicate[] {
  const decidable: Predicate[] = [];
  for (const term of pending) {
    if ([...relationsOf(term)].some((relation) => open.has(relation))) continue;
    pending.delete(term);
    if (!isAnsweredBy(term, source)) decidable.push(term);
  }
  return decidable;
}

function isAnsweredBy(term: Predicate, source: Step['source']): boolean {
  if (source.type !== 'lookup' || term.type !== 'compare-columns' || term.operator !== '=') return false;
  const { from, lookup } = source;
  return (
    (isSameColumn(term.left, from) && isSameColumn(term.right, lookup.key)) ||
    (isSameColumn(term.right, from) && isSameColumn(term.left, lookup.key))
  );
}

function isSameColumn(a: ColumnRef, b: ColumnRef): boolean {
  return a.relation === b.relation && a.column === b.column;
}

interface Candidate {
  readonly position: number;
  readonly source: Step['source'];
}

function cheapestSource(
  relations: readonly PlannedRelation[],
  pending: ReadonlySet<Predicate>,
  open: ReadonlySet<number>,
): Candidate {
  const candidates: Candidate[] = [];
  for (const { left, right } of equiJoins([...pending])) {
    for (const [key, from] of [
      [left, right],
      [right, left],
    ] as const) {
      if (!open.has(key.relation) || open.has(from.relation)) continue;
      const lookup = lookupOf(relations, key);
      candidates.push({ position: key.relation, source: { type: 'lookup', lookup, from } });
    }
  }
  if (candidates.length === 0) {
    for (const position of open) {
      candidates.push({ position, source: { type: 'access', access: accessOf(relations, position) } });
    }
  }
  const cost = ({ source }: Candidate): number => sourceCost(relations, source, 1);
  return candidates.reduce((a, b) => (cost(b) < cost(a) ? b : a));
}

function accessOf(relations: readonly PlannedRelation[], position: number): Access {
  const planned = relations[position];
  assert(planned !== undefined, 'a position has a relation');
  return planned.access;
}

function lookupOf(relations: readonly PlannedRelation[], key: ColumnRef): Lookup {
  const planned = relations[key.relation];
  assert(planned !== undefined, 'a position has a relation');
  return chooseLookup(planned, key);
}

/** Rows that a source gives for each tuple it extends, the relation's own condition not yet tested. */
function sourceRows(relations: readonly PlannedRelation[], source: Step['source']): number {
  if (source.type === 'access') return estimateAccess(source.access);
  const { from, lookup } = source;
  // A key that is unique where it comes from points at about one row each, as tables are taken to be of one size.
  const isFromUnique = relations[from.relation]?.relation.table.indexes.some(
    ({ columns, isUnique }) => isUnique && columns.length === 1 && columns[0] === from.column,
  );
  return isFromUnique === true ? 1 : estimateLookup(lookup);
}

/** Rows looked at when `rows` tuples are to be extended; a hash table is built once, from the whole table. */
function sourceCost(relations: readonly PlannedRelation[], source: Step['source'], rows: number): number {
  const building = source.type === 'lookup' && source.lookup.type === 'hash' ? TABLE_ROWS_ESTIMATE : 0;
  return building + rows * sourceRows(relations, source);
}

/** The share of a source's rows that the relation's condition is guessed to leave; a seek has taken it into account. */
function selectivity(relation: PlannedRelation | undefined, source: Step['source']): number {
  if (source.type === 'access' && source.access.type === 'seek') return 1;
  return relation?.test === undefined ? 1 : SELECTIVITY_ESTIMATE;
}
