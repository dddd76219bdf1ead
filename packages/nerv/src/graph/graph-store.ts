// All entities and relations, without rules: whoever writes here keeps the graph's promises.
//
// - Each relation is tied to the vertices of both its ends, whether their entities are here or not (a replica may get
//   a relation before its ends). A vertex without an entity is kept as long as it has relations.

import type { CompiledQuery } from './compiled-query.ts';
import type { Entity, Relation } from './entity.ts';
import { RowTable } from './row-table.ts';
import { StoredEdge, StoredVertex } from './stored-vertex.ts';
import type { Candidates, Edge, Edges, EntityVertex, RowSource } from './vertex.ts';

/** The properties to index, of entities and of relations: by key, or by JSON pointer. */
export interface IndexedProperties {
  readonly entities?: readonly string[] | undefined;
  readonly relations?: readonly string[] | undefined;
}

/** A graph as everything that reads it sees it: queries, walks, algorithms, patterns. */
export interface GraphRows {
  readonly entities: RowSource<EntityVertex, CompiledQuery>;
  readonly relations: RowSource<Edge, CompiledQuery>;
}

type StoredEntityVertex = StoredVertex & { row: Entity };

/** The vertices that a relation is tied to. */
export interface RelationEnds {
  readonly from: StoredVertex;
  readonly to: StoredVertex;
}

/** The rows of a graph and the ways to find them. */
export class GraphStore implements GraphRows {
  readonly entities: RowTable<StoredEntityVertex>;
  readonly relations: RowTable<StoredEdge>;
  readonly #missing = new Map<string, StoredVertex>();

  constructor(indexed: IndexedProperties) {
    this.entities = new RowTable(indexed.entities ?? []);
    this.relations = new RowTable(indexed.relations ?? [], ({ from, to }) => [
      ...this.#edgesAt(from, 'out'),
      ...this.#edgesAt(to, 'in'),
    ]);
  }

  /** Puts an entity in, or in the place of the one of its id, which it gives. */
  putEntity(entity: Entity): Entity | undefined {
    const known = this.entities.get(entity.id) ?? this.#missing.get(entity.id);
    const before = known?.row;
    const vertex = known ?? new StoredVertex(undefined);
    vertex.row = entity;
    this.#missing.delete(entity.id);
    // Its entity is there now.
    this.entities.change(vertex as StoredEntityVertex, before, entity);
    return before;
  }

  /** Takes an entity out, and gives it. */
  removeEntity(id: string): Entity | undefined {
    const held = this.entities.get(id);
    if (held === undefined) return undefined;
    const before = held.row;
    this.entities.change(held, before, undefined);
    const vertex: StoredVertex = held;
    vertex.row = undefined;
    if (!vertex.isBare) this.#missing.set(id, vertex);
    return before;
  }

  /** As `putEntity`. */
  putRelation(relation: Relation): Relation | undefined {
    const known = this.relations.get(relation.id);
    const before = known?.row;
    if (known !== undefined && before?.from === relation.from && before.to === relation.to) {
      known.update(relation);
      this.relations.change(known, before, relation);
      return before;
    }
    this.removeRelation(relation.id);
    this.addRelation(relation, { from: this.#vertexOf(relation.from), to: this.#vertexOf(relation.to) });
    return before;
  }

  /** Puts in a relation whose id is new, between the vertices of its ends. */
  addRelation(relation: Relation, { from, to }: RelationEnds): void {
    this.relations.change(new StoredEdge(relation, from, to), undefined, relation);
  }

  /** As `removeEntity`. */
  removeRelation(id: string): Relation | undefined {
    const edge = this.relations.get(id);
    if (edge === undefined) return undefined;
    const before = edge.row;
    this.relations.change(edge, before, undefined);
    edge.unlink();
    if (edge.from.isBare) this.#missing.delete(before.from);
    if (edge.to.isBare) this.#missing.delete(before.to);
    return before;
  }

  #vertexOf(id: string): StoredVertex {
    const known = this.entities.get(id) ?? this.#missing.get(id);
    if (known !== undefined) return known;
    const vertex = new StoredVertex(undefined);
    this.#missing.set(id, vertex);
    return vertex;
  }

  #edgesAt(end: string | undefined, side: 'out' | 'in'): readonly Candidates<StoredEdge>[] {
    if (end === undefined) return [];
    const vertex = this.entities.get(end) ?? this.#missing.get(end);
    return [vertex === undefined ? NO_EDGES : candidatesOf(vertex[side])];
  }
}

const NO_EDGES: Candidates<never> = { size: 0, slots: [] };

/** The edges that there are. */
export function* eachEdge<E>({ list }: Edges<E>): Generator<E> {
  for (const edge of list) if (edge !== undefined) yield edge;
}

function candidatesOf<E>(edges: Edges<E>): Candidates<E> {
  return { size: edges.count, slots: eachEdge(edges) };
}
