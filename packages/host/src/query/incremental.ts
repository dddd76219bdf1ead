import { assert } from '../assert.ts';
import { chooseLookup } from './access-path.ts';
import { counted, lookupRows } from './evaluator.ts';
import { compileTupleTest, equiJoins } from './planner.ts';
import { conjunctsOf, relationsOf } from './predicate.ts';
import { unsupportedQuery } from './query-error.ts';
import { bytesKey } from './scalar-type.ts';
import type { Row } from '../datastore/state-view.ts';
import type { EvaluationContext } from './evaluator.ts';
import type { Lookup, PlannedRelation, SelectPlan, Tuple } from './plan.ts';
import type { ColumnComparison, ColumnRef, Predicate, Test } from './predicate.ts';
import type { Scalar, ScalarKey } from './scalar-type.ts';

/*
 * A query's result is a bag: a row stands in it once for each partner it has in a join.
 *
 * What a commit changes in a filter is the filter of what it changed in the table. For a join that returns rows r of
 * one relation, with partners s of the other:
 *
 *   net(r) = partners of r after the commit − partners of r before it
 *   r was inserted:  net(r) = partners after
 *   r was deleted:   net(r) = − (partners after − change of partners)
 *   r was there all the time, and some s with its key changed:  net(r) = change of partners
 *
 * Only the state after the commit and the commit's changes are read. Nothing is emitted for a net of 0.
 */

/** Net change of one relation, or of a query's result. */
export interface Delta {
  readonly inserts: readonly Row[];
  readonly deletes: readonly Row[];
}

const NO_DELTA: Delta = { inserts: [], deletes: [] };

/** How a query's result is kept up to date. */
export type IncrementalPlan = { readonly type: 'filter' } | IncrementalJoin;

interface IncrementalJoin {
  readonly type: 'join';
  /** The relation whose rows are returned, and the column that must equal the partner's. */
  readonly output: JoinSide;
  readonly partner: JoinSide;
  /** Conditions over both relations beside the equality. */
  readonly test: Test<Tuple> | undefined;
}

export interface JoinSide {
  readonly position: number;
  readonly key: ColumnRef;
  readonly lookup: Lookup;
}

/** What an incremental evaluation reads beside the changes themselves; `state` is the one after the commit. */
export interface IncrementalContext extends EvaluationContext {
  /** Rows of a table whose column has this value, after the commit, where no index gives them. */
  hashedRows(relation: PlannedRelation, key: ColumnRef, value: Scalar): Iterable<Row>;
}

/** @throws {QueryError} `query/unsupported` when the query cannot be kept up to date. */
export function planIncremental(plan: SelectPlan, predicate: Predicate): IncrementalPlan {
  if (plan.relations.length === 1) return { type: 'filter' };
  if (plan.relations.length > 2) {
    throw unsupportedQuery(`Invalid number of tables in subscription: ${plan.relations.length}`);
  }
  assert(plan.output.type === 'rows', 'a subscription returns whole rows');
  const conditions = conjunctsOf(predicate).filter((term) => relationsOf(term).size > 1);
  const join = bestJoin(plan, equiJoins(conditions));
  if (join === undefined) throw unsupportedQuery('Subscriptions require indexes on join columns');
  const [output, partner] =
    join.left.relation === plan.output.relation ? [join.left, join.right] : [join.right, join.left];
  if (plan.relations[partner.relation]?.relation.table.isEvent === true) {
    throw unsupportedQuery('Event tables cannot be used as the lookup table in subscription joins');
  }
  return {
    type: 'join',
    output: joinSide(plan, output),
    partner: joinSide(plan, partner),
    test: compileTupleTest(
      plan.relations,
      conditions.filter((term) => term !== join),
    ),
  };
}

/** The equality with most indexes behind it; the first among equals. */
function bestJoin(plan: SelectPlan, joins: readonly ColumnComparison[]): ColumnComparison | undefined {
  const indexes = (join: ColumnComparison): number =>
    [join.left, join.right].filter((column) => joinSide(plan, column).lookup.type === 'index').length;
  return joins.reduce<ColumnComparison | undefined>(
    (best, join) => (best === undefined || indexes(join) > indexes(best) ? join : best),
    undefined,
  );
}

function joinSide(plan: SelectPlan, key: ColumnRef): JoinSide {
  return { position: key.relation, key, lookup: chooseLookup(relationAt(plan, key.relation), key) };
}

function relationAt(plan: SelectPlan, position: number): PlannedRelation {
  const relation = plan.relations[position];
  assert(relation !== undefined, 'a position has a relation');
  return relation;
}

/**
 * What a commit changes in a query's result. `changes` has the commit's net changes at each relation's position;
 * rows that the relation's own condition refuses may be left out of them.
 */
export function evaluateChange(
  plan: SelectPlan,
  incremental: IncrementalPlan,
  changes: readonly Delta[],
  context: IncrementalContext,
): Delta {
  context.work.startQuery();
  const matching = plan.relations.map((relation, position) => filterDelta(relation, changes[position], context));
  if (incremental.type === 'filter') return matching[0] ?? NO_DELTA;
  return new JoinChange(plan, incremental, context).evaluate(
    matching[incremental.output.position] ?? NO_DELTA,
    matching[incremental.partner.position] ?? NO_DELTA,
  );
}

function filterDelta({ test }: PlannedRelation, delta: Delta | undefined, { work }: EvaluationContext): Delta {
  if (delta === undefined) return NO_DELTA;
  work.countRows(delta.inserts.length + delta.deletes.length);
  if (test === undefined) return delta;
  return { inserts: delta.inserts.filter(test), deletes: delta.deletes.filter(test) };
}

/** The changed partners that have one key. */
interface PartnerChange {
  readonly value: Scalar;
  readonly inserts: Row[];
  readonly deletes: Row[];
}

/** One evaluation of one commit. */
class JoinChange {
  readonly #join: IncrementalJoin;
  readonly #context: IncrementalContext;
  readonly #output: PlannedRelation;
  readonly #partner: PlannedRelation;
  readonly #inserts: Row[] = [];
  readonly #deletes: Row[] = [];
  /** Partners after the commit, by key; only where the key alone decides. */
  readonly #partnersAfter = new Map<ScalarKey, number>();

  constructor(plan: SelectPlan, join: IncrementalJoin, context: IncrementalContext) {
    this.#join = join;
    this.#context = context;
    this.#output = relationAt(plan, join.output.position);
    this.#partner = relationAt(plan, join.partner.position);
  }

  /** Both deltas hold only rows that satisfy their relation's own condition. */
  evaluate(output: Delta, partner: Delta): Delta {
    const partners = this.#partnersByKey(partner);
    for (const row of output.inserts) this.#emit(row, this.#countAfter(row));
    for (const row of output.deletes) {
      this.#emit(row, this.#countChange(row, partners.get(this.#outputKey(row))) - this.#countAfter(row));
    }
    if (partners.size > 0) this.#standingRows(partners, output.inserts);
    return { inserts: this.#inserts, deletes: this.#deletes };
  }

  /** Rows of the output that the commit left alone, but whose partners changed. */
  #standingRows(partners: ReadonlyMap<ScalarKey, PartnerChange>, inserted: readonly Row[]): void {
    const insertedByKey = this.#identitiesByKey(inserted, partners);
    for (const [key, change] of partners) {
      if (this.#join.test === undefined && change.inserts.length === change.deletes.length) continue;
      const insertedHere = insertedByKey.get(key);
      for (const row of this.#find(this.#output, this.#join.output, change.value)) {
        if (this.#output.test !== undefined && !this.#output.test(row)) continue;
        if (insertedHere?.has(bytesKey(row)) === true) continue;
        this.#emit(row, this.#countChange(row, change));
      }
    }
  }

  #identitiesByKey(
    rows: readonly Row[],
    keys: ReadonlyMap<ScalarKey, unknown>,
  ): ReadonlyMap<ScalarKey, ReadonlySet<string>> {
    const identities = new Map<ScalarKey, Set<string>>();
    for (const row of rows) {
      const key = this.#outputKey(row);
      if (keys.has(key)) identities.set(key, (identities.get(key) ?? new Set()).add(bytesKey(row)));
    }
    return identities;
  }

  #emit(row: Row, net: number): void {
    this.#context.work.countRows(Math.abs(net));
    const list = net > 0 ? this.#inserts : this.#deletes;
    for (let copies = Math.abs(net); copies > 0; copies -= 1) list.push(row);
  }

  #countAfter(row: Row): number {
    const value = this.#readOutput(row);
    const key = this.#join.output.key.type.key(value);
    const known = this.#partnersAfter.get(key);
    if (known !== undefined) return known;
    let count = 0;
    for (const partner of this.#find(this.#partner, this.#join.partner, value)) {
      if (this.#partner.test !== undefined && !this.#partner.test(partner)) continue;
      if (this.#matches(row, partner)) count += 1;
    }
    if (this.#join.test === undefined) this.#partnersAfter.set(key, count);
    return count;
  }

  #countChange(row: Row, change: PartnerChange | undefined): number {
    if (change === undefined) return 0;
    if (this.#join.test === undefined) return change.inserts.length - change.deletes.length;
    this.#context.work.countRows(change.inserts.length + change.deletes.length);
    const count = (partners: readonly Row[]): number => partners.filter((other) => this.#matches(row, other)).length;
    return count(change.inserts) - count(change.deletes);
  }

  #matches(output: Row, partner: Row): boolean {
    if (this.#join.test === undefined) return true;
    return this.#join.test(this.#join.output.position === 0 ? [output, partner] : [partner, output]);
  }

  #find(relation: PlannedRelation, { lookup }: JoinSide, value: Scalar): Iterable<Row> {
    if (lookup.type === 'index') return lookupRows(relation, lookup, value, this.#context);
    return counted(this.#context.hashedRows(relation, lookup.key, value), this.#context.work);
  }

  #readOutput(row: Row): Scalar {
    return this.#output.relation.reader(this.#join.output.key.column)(row);
  }

  #outputKey(row: Row): ScalarKey {
    return this.#join.output.key.type.key(this.#readOutput(row));
  }

  #partnersByKey({ inserts, deletes }: Delta): ReadonlyMap<ScalarKey, PartnerChange> {
    const { key } = this.#join.partner;
    const read = this.#partner.relation.reader(key.column);
    const partners = new Map<ScalarKey, PartnerChange>();
    const changeOf = (row: Row): PartnerChange => {
      const value = read(row);
      const known = partners.get(key.type.key(value));
      if (known !== undefined) return known;
      const change: PartnerChange = { value, inserts: [], deletes: [] };
      partners.set(key.type.key(value), change);
      return change;
    };
    for (const row of inserts) changeOf(row).inserts.push(row);
    for (const row of deletes) changeOf(row).deletes.push(row);
    return partners;
  }
}
