// What walks go over: entities and relations tied to one another by reference, so that a step needs no look-up.

import type { Entity, Relation } from './entity.ts';

/** An entity, and the relations that begin and end at it. */
export interface Vertex {
  /** The entity; undefined where relations came before their end. */
  readonly row: Entity | undefined;
  readonly out: Edges;
  readonly in: Edges;
  /** Which walk was here last: for walks alone, by `nextMark`. */
  mark: number;
}

/** A vertex whose entity is there. */
export type EntityVertex = Vertex & { readonly row: Entity };

/** A relation between two vertices. */
export interface Edge {
  readonly row: Relation;
  readonly from: Vertex;
  readonly to: Vertex;
}

/** Some relations of a vertex, in the order in which they came. To be read at once, and never kept. */
export interface Edges<E = Edge> {
  /** Has holes where relations were taken away. */
  readonly list: readonly (E | undefined)[];
  /** How many there are. */
  readonly count: number;
  /** How many of them can be walked both ways. */
  readonly twoWay: number;
}

/** What holds a row: a vertex or an edge. */
export interface Slot<Row extends Entity> {
  readonly row: Row;
}

/** Rows that include all a query wants, and perhaps others. */
export interface Candidates<S> {
  readonly size: number;
  readonly slots: Iterable<S>;
}

/** Entities, or relations, as queries read them. */
export interface RowSource<S, Query> {
  get(id: string): S | undefined;
  all(): Iterable<S>;
  candidates(query: Query): Candidates<S>;
}
