import type { Entity } from './entity.ts';
import type { Order } from './graph-query.ts';
import { compareValues } from './property-value.ts';
import { fieldGetter, invalidQuery, propertyGetter, type Subject } from './where.ts';

/** The values a row is ordered by, before its id. */
export type SortKey = readonly unknown[];

/** A total order of rows. */
export interface RowOrder {
  /** The same for equal orders, and for no others. */
  signature(): string;
  keyOf(row: Entity): SortKey;
  compare(left: Entity, right: Entity): number;
  /** Compares a row with one of which only the key and the id are known. */
  compareTo(row: Entity, key: SortKey, id: string): number;
}

interface Criterion {
  readonly name: string;
  readonly get: (row: Entity) => unknown;
  readonly sign: 1 | -1;
}

/**
 * Makes an order of an `orderBy`.
 * @throws NervError `graph/invalid-query`
 */
export function compileOrder(orderBy: Order | readonly Order[] | undefined, subject: Subject): RowOrder {
  const orders = orderBy === undefined ? [] : Array.isArray(orderBy) ? orderBy : [orderBy];
  const criteria = orders.map((order: Order, place) => compileCriterion(order, subject, `orderBy.${place}`));
  const keyOf = (row: Entity): SortKey => criteria.map(({ get }) => get(row));
  return {
    signature: () => JSON.stringify([subject, ...criteria.map(({ name, sign }) => [name, sign])]),
    keyOf,
    compare(left, right) {
      for (const { get, sign } of criteria) {
        const order = compareValues(get(left), get(right));
        if (order !== 0) return sign * order;
      }
      return compareIds(left.id, right.id);
    },
    compareTo(row, key, id) {
      for (const [place, { get, sign }] of criteria.entries()) {
        const order = compareValues(get(row), key[place]);
        if (order !== 0) return sign * order;
      }
      return compareIds(row.id, id);
    },
  };
}

function compileCriterion(order: unknown, subject: Subject, path: string): Criterion {
  if (typeof order !== 'object' || order === null) throw invalidQuery(path, 'is not an object');
  const direction: unknown = Reflect.get(order, 'direction') ?? 'ascending';
  if (direction !== 'ascending' && direction !== 'descending') {
    throw invalidQuery(`${path}.direction`, `is neither 'ascending' nor 'descending'`);
  }
  const sign = direction === 'ascending' ? 1 : -1;
  const field: unknown = Reflect.get(order, 'field');
  const property: unknown = Reflect.get(order, 'property');
  if (typeof field === 'string') {
    return { name: `field:${field}`, get: fieldGetter(field, subject, `${path}.field`), sign };
  }
  if (typeof property === 'string') {
    return { name: `property:${property}`, get: propertyGetter(property, `${path}.property`), sign };
  }
  throw invalidQuery(path, `names neither a 'field' nor a 'property'`);
}

function compareIds(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
