import type { Value } from '../values/json.ts';

/** The fields that entities and relations share, as far as conditions and orders may name them. */
export type RowField = 'id' | 'type' | 'name' | 'description' | 'createdAt' | 'updatedAt' | 'validFrom' | 'validTo';

/** The fields that only relations have. */
export type RelationField = 'from' | 'to' | 'strength' | 'bidirectional';

/**
 * What a value must be. Several operators must all hold. Values of different kinds are never greater or less than
 * each other; numbers and bigints are one kind. `contains` finds a part of a string or an element of an array.
 * `notEquals` and `notIn` hold for what is absent.
 */
export interface Condition<V = Value> {
  readonly equals?: V | undefined;
  readonly notEquals?: V | undefined;
  readonly gt?: V | undefined;
  readonly gte?: V | undefined;
  readonly lt?: V | undefined;
  readonly lte?: V | undefined;
  readonly contains?: Value | undefined;
  readonly startsWith?: string | undefined;
  readonly endsWith?: string | undefined;
  readonly in?: readonly V[] | undefined;
  readonly notIn?: readonly V[] | undefined;
  readonly exists?: boolean | undefined;
}

/** A condition, or a plain value for `equals`. An object as a value needs `{ equals: … }`. */
export type ValueCondition<V = Value> = Condition<V> | Extract<V, string | number | boolean | bigint | null | Date>;

/** Conditions on properties by key, or by JSON pointer (`/address/city`) for what lies deeper. */
export type PropertyConditions<P extends object> = {
  readonly [K in keyof P]?: ValueCondition<P[K]> | undefined;
} & { readonly [pointer: `/${string}`]: ValueCondition | undefined };

/** What a row must be: all that is named must hold. */
export type Where<Field extends string = RowField | RelationField, P extends object = Record<string, Value>> = {
  readonly [K in Field]?: ValueCondition<string | number | boolean> | undefined;
} & {
  readonly tags?: { readonly contains: string } | undefined;
  readonly properties?: PropertyConditions<P> | undefined;
  readonly and?: readonly Where<Field, P>[] | undefined;
  readonly or?: readonly Where<Field, P>[] | undefined;
  readonly not?: Where<Field, P> | undefined;
};

/**
 * By what to order: a field, or a property by key or JSON pointer. Values of different kinds are ordered absent, null,
 * booleans, numbers, strings, dates, others. Ties are ordered by id.
 */
export type Order<Field extends string = RowField | RelationField> = {
  readonly direction?: 'ascending' | 'descending' | undefined;
} & ({ readonly field: Field } | { readonly property: string });

interface RowQuery<Field extends string, T extends string, P extends object> {
  readonly type?: T | readonly T[] | undefined;
  /** All of these. */
  readonly tags?: readonly string[] | undefined;
  readonly name?: string | undefined;
  readonly where?: Where<Field, P> | undefined;
  /** Only what holds at this time: from `validFrom` on, and before `validTo`. Default: whatever its validity. */
  readonly validAt?: number | Date | undefined;
  /** Default: by id. */
  readonly orderBy?: Order<Field> | readonly Order<Field>[] | undefined;
  /** The most rows to give; of a page, by default 1,000. */
  readonly limit?: number | undefined;
  /** Where a page of the same query before this one ended. */
  readonly cursor?: string | undefined;
}

/** Which entities. */
export interface EntityQuery<T extends string = string, P extends object = Record<string, Value>> extends RowQuery<
  RowField,
  T,
  P
> {}

/** Which relations. */
export interface RelationQuery<T extends string = string, P extends object = Record<string, Value>> extends RowQuery<
  RowField | RelationField,
  T,
  P
> {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** A page of rows, and the cursor of the next if there is one. */
export interface Page<Row> {
  readonly items: readonly Row[];
  readonly next: string | undefined;
}

/** Which way to walk relations. Bidirectional ones are walked both ways in any case. */
export type Direction = 'out' | 'in' | 'both';

/** Which relations to walk. */
export interface WalkOptions<T extends string = string> {
  readonly direction?: Direction | undefined;
  readonly relationType?: T | readonly T[] | undefined;
  /** Only relations and entities that hold at this time; the start is taken as it is. */
  readonly validAt?: number | Date | undefined;
}

/** Which neighbours: up to `depth` steps away (default 1), at most `limit` (default all); in any direction. */
export interface NeighborOptions<T extends string = string> extends WalkOptions<T> {
  readonly depth?: number | undefined;
  readonly limit?: number | undefined;
}

/** How to walk: default breadth first, along `out`, as deep and to as many entities as there are. */
export interface TraverseOptions<T extends string = string> extends WalkOptions<T> {
  readonly order?: 'breadth-first' | 'depth-first' | undefined;
  readonly maxDepth?: number | undefined;
  readonly limit?: number | undefined;
}

/** An entity on a walk: how many steps from the start, and by which relation it was first reached. */
export interface Visit<E, R> {
  readonly entity: E;
  readonly depth: number;
  readonly via: R | undefined;
}

/** Which path is shortest: the least sum of weights, which must not be negative. Default: each relation weighs 1. */
export interface PathOptions<T extends string = string, R = unknown> extends WalkOptions<T> {
  readonly weight?: ((relation: R) => number) | undefined;
}

/** The entities of a path from its start to its end, and the relations between them. */
export interface Path<E, R> {
  readonly entities: readonly E[];
  readonly relations: readonly R[];
  readonly cost: number;
}
