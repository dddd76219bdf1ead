import { assert } from '../assert.ts';
import { chooseLookup } from '../query/access-path.ts';
import { lookupRows } from '../query/evaluator.ts';
import { ALWAYS } from '../query/predicate.ts';
import { addToBucket } from '../query/row-buckets.ts';
import type { Row, TableDelta } from '../datastore/state-view.ts';
import type { EvaluationContext } from '../query/evaluator.ts';
import type { IncrementalPlan, JoinSide } from '../query/incremental.ts';
import type { Lookup, PlannedRelation, SelectPlan } from '../query/plan.ts';
import type { ScalarKey } from '../query/scalar-type.ts';

/** What routes are made from. */
export interface RoutedQuery {
  readonly plan: SelectPlan;
  readonly incremental: IncrementalPlan;
}

/** A commit that is being routed; `state` is the one after it. */
export interface RoutedCommit extends EvaluationContext {
  readonly deltas: readonly TableDelta[];
}

/** The values under which a changed row is looked for; each at most once. */
type KeysOfRow = (row: Row) => Iterable<ScalarKey>;

/**
 * How one relation of a query is found for a changed row of its table: by a value that the row has, or that its
 * partners in a join have. Relations with the same `id` are found by the same look-up.
 */
export interface Route {
  readonly id: string;
  /** The values that concern the query. */
  readonly values: readonly ScalarKey[];
  keysFor(commit: RoutedCommit): KeysOfRow;
}

/** Undefined when every changed row of the table may concern the query. */
export function chooseRoute({ plan, incremental }: RoutedQuery, position: number): Route | undefined {
  const relation = relationAt(plan, position);
  const pin = choosePin(relation);
  if (pin !== undefined) return ownValueRoute(relation, pin);
  if (incremental.type === 'filter') return undefined;
  const { output, partner } = incremental;
  const [own, other] = output.position === position ? [output, partner] : [partner, output];
  return tryPartnerValueRoute(plan, own, other);
}

/** The restricted column that tells most: one that is unique by itself, else one with an index, else the fewest values. */
function choosePin({ relation, possible }: PlannedRelation): number | undefined {
  const { indexes } = relation.table;
  const rank = (column: number): number => {
    const alone = indexes.filter(({ columns }) => columns.length === 1 && columns[0] === column);
    return alone.some(({ isUnique }) => isUnique) ? 0 : alone.length > 0 ? 1 : 2;
  };
  const ranked = [...possible].toSorted(
    ([a, aValues], [b, bValues]) => rank(a) - rank(b) || aValues.size - bValues.size,
  );
  return ranked[0]?.[0];
}

function ownValueRoute({ relation, possible }: PlannedRelation, column: number): Route {
  const type = relation.scalarType(column);
  assert(type !== undefined, 'a restricted column has a scalar type');
  const read = relation.reader(column);
  return {
    id: `own ${column}`,
    values: [...(possible.get(column)?.keys() ?? [])],
    keysFor: () => (row) => [type.key(read(row))],
  };
}

/**
 * For a relation without a restriction whose partner has one: the query matters only to rows that have, or had, a
 * partner with one of the partner's values. So thousands of joins that differ in a constant cost one look-up.
 */
function tryPartnerValueRoute(plan: SelectPlan, own: JoinSide, other: JoinSide): Route | undefined {
  const partner = relationAt(plan, other.position);
  const pin = choosePin(partner);
  // Without the restriction, so that the look-up is the same for every query of this form.
  const lookup = chooseLookup({ relation: partner.relation, condition: ALWAYS, possible: new Map() }, other.key);
  if (pin === undefined || lookup.type !== 'index') return undefined;
  const type = partner.relation.scalarType(pin);
  assert(type !== undefined, 'a restricted column has a scalar type');
  const readPin = partner.relation.reader(pin);
  const readOwn = relationAt(plan, own.position).relation.reader(own.key.column);
  return {
    id: `partner ${own.key.column} ${partner.relation.table.id} ${other.key.column} ${pin}`,
    values: [...(partner.possible.get(pin)?.keys() ?? [])],
    keysFor(commit) {
      const deleted = deletedByKey(partner, lookup, commit);
      return (row) => {
        const value = readOwn(row);
        const keys = new Set<ScalarKey>();
        for (const other of lookupRows(partner, lookup, value, commit)) keys.add(type.key(readPin(other)));
        for (const other of deleted.get(lookup.key.type.key(value)) ?? []) keys.add(type.key(readPin(other)));
        return keys;
      };
    },
  };
}

/** Rows of a relation that the commit deleted, by the look-up's key. */
function deletedByKey(
  { relation }: PlannedRelation,
  { key }: Lookup,
  { deltas }: RoutedCommit,
): ReadonlyMap<ScalarKey, readonly Row[]> {
  const deleted = new Map<ScalarKey, Row[]>();
  const read = relation.reader(key.column);
  for (const { table, deletes } of deltas) {
    if (table.id !== relation.table.id) continue;
    for (const row of deletes) addToBucket(deleted, key.type.key(read(row)), row);
  }
  return deleted;
}

function relationAt(plan: SelectPlan, position: number): PlannedRelation {
  const relation = plan.relations[position];
  assert(relation !== undefined, 'a position has a relation');
  return relation;
}
