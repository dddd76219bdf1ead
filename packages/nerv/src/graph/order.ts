import { compareKeys } from '../values/json.ts';
import type { Entity } from './entity.ts';
import type { Order } from './graph-query.ts';
import { compareValues } from './value-order.ts';
import type { Subject } from './graph-change.ts';
import { invalidQuery } from './invalid-query.ts';
import { fieldGetter, propertyGetter } from './where.ts';

/** A total order of rows. */
export interface RowOrder {
  /** By what rows are ordered, before their ids. */
  readonly criteria: readonly Criterion[];
  readonly compare: (left: Entity, right: Entity) => number;
}

/** One value that rows are ordered by. */
export interface Criterion {
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
  return {
    criteria,
    compare: (left, right) => {
      for (const { get, sign } of criteria) {
        const order = compareValues(get(left), get(right));
        if (order !== 0) return sign * order;
      }
      return compareKeys(left.id, right.id);
    },
  };
}

function compileCriterion(order: unknown, subject: Subject, path: string): Criterion {
  if (typeof order !== 'object' || order === null) throw invalidQuery(path, 'is not an object');
  const { direction = 'ascending', field, property } = order as Readonly<Record<string, unknown>>;
  if (direction !== 'ascending' && direction !== 'descending') {
    throw invalidQuery(`${path}.direction`, `is neither 'ascending' nor 'descending'`);
  }
  const sign = direction === 'ascending' ? 1 : -1;
  if (typeof field === 'string') {
    return { name: `field:${field}`, get: fieldGetter(field, subject, `${path}.field`), sign };
  }
  if (typeof property === 'string') {
    return {
      name: `property:${property}`,
      get: propertyGetter(property, `${path}.property`),
      sign,
    };
  }
  throw invalidQuery(path, `names neither a 'field' nor a 'property'`);
}
