// All entities and relations, without rules: whoever writes here keeps the graph's promises.
//
// - Each relation is tied to the vertices of both its ends, whether their entities are here or not (a replica may get
//   a relation before its ends). A vertex without an entity is kept as long as it has relations.

import type { CompiledQuery } from './compiled-query.ts';
import type { Entity, Relation } from './entity.ts';
import type { Subject } from './graph-change.ts';
import { IndexedRowTable, type IndexedProperties } from './indexed-row-table.ts';
import type { WritableRows } from './row-store.ts';
import { StoredEdge, StoredVertex } from './stored-vertex.ts';
import type { Candidates, Edge, Edges, EntityVertex, RowSource } from './vertex.ts';

/** A graph as everything that reads it sees it: queries, walks, algorithms, patterns. */
export interface GraphRows {
  readonly entities: RowSource<EntityVertex, CompiledQuery>;
  readonly relations: RowSource<Edge, CompiledQuery>;
}

type StoredEntityVertex = StoredVertex & { row: Entity };

/** The rows of a graph and the ways to find them. */
export class GraphStore implements GraphRows, WritableRows {
  readonly entities: IndexedRowTable<StoredEntityVertex>;
  readonly relations: IndexedRowTable<StoredEdge>;
  readonly #missing = new Map<string, StoredVertex>();

  /** @throws NervError `graph/invalid-query` for a property to index that is no pointer though it begins as one */
  constructor({ entities = [], relations = [] }: IndexedProperties = {}) {
    this.entities = new IndexedRowTable(entities, () => []);
    this.relations = new IndexedRowTable(relations, ({ from, to }) => [
      ...this.#edgesAt(from, 'out'),
      ...this.#edgesAt(to, 'in'),
    ]);
  }

  get(subject: Subject, id: string): Entity | undefined {
    return (subject === 'entity' ? this.entities : this.relations).get(id)?.row;
  }

  /** Puts a row in, or in the place of the one of its id, which it gives. */
  put(subject: Subject, row: Entity): Entity | undefined {
    // A row of the kind that the subject names.
    return subject === 'entity' ? this.#putEntity(row) : this.#putRelation(row as Relation);
  }

  /** Takes a row out, and gives it. */
  remove(subject: Subject, id: string): Entity | undefined {
    return subject === 'entity' ? this.#removeEntity(id) : this.#removeRelation(id);
  }

  *relationsAt(entityId: string): Generator<Relation> {
    const vertex = this.entities.get(entityId);
    if (vertex === undefined) return;
    for (const edges of [vertex.out, vertex.in]) for (const { row } of eachEdge(edges)) yield row;
  }

  #putEntity(entity: Entity): Entity | undefined {
    const vertex = this.#vertexOf(entity.id);
    const before = vertex.row;
    vertex.row = entity;
    this.#missing.delete(entity.id);
    // Its entity is there now.
    this.entities.change(vertex as StoredEntityVertex, before, entity);
    return before;
  }

  #removeEntity(id: string): Entity | undefined {
    const held = this.entities.get(id);
    if (held === undefined) return undefined;
    const before = held.row;
    this.entities.change(held, before, undefined);
    const vertex: StoredVertex = held;
    vertex.row = undefined;
    if (!vertex.isBare) this.#missing.set(id, vertex);
    return before;
  }

  #putRelation(relation: Relation): Relation | undefined {
    const known = this.relations.get(relation.id);
    const before = known?.row;
    if (known !== undefined && before?.from === relation.from && before.to === relation.to) {
      known.update(relation);
      this.relations.change(known, before, relation);
    } else {
      if (known !== undefined) this.#removeRelation(relation.id);
      const edge = new StoredEdge(relation, this.#vertexOf(relation.from, true), this.#vertexOf(relation.to, true));
      this.relations.change(edge, undefined, relation);
    }
    return before;
  }

  #removeRelation(id: string): Relation | undefined {
    const edge = this.relations.get(id);
    if (edge === undefined) return undefined;
    const before = edge.row;
    this.relations.change(edge, before, undefined);
    edge.unlink();
    for (const [end, { isBare }] of [
      [before.from, edge.from],
      [before.to, edge.to],
    ] as const) {
      if (isBare) this.#missing.delete(end);
    }
    return before;
  }

  /** The vertex of an id, or a new one, which is kept if so told. */
  #vertexOf(id: string, keep = false): StoredVertex {
    const known = this.entities.get(id) ?? this.#missing.get(id);
    if (known !== undefined) return known;
    const vertex = new StoredVertex(undefined);
    if (keep) this.#missing.set(id, vertex);
    return vertex;
  }

  #edgesAt(end: string | undefined, side: 'out' | 'in'): readonly Candidates<StoredEdge>[] {
    if (end === undefined) return [];
    const edges = (this.entities.get(end) ?? this.#missing.get(end))?.[side];
    return [{ size: edges?.count ?? 0, slots: edges === undefined ? [] : eachEdge(edges) }];
  }
}

/** The edges that there are. */
export function* eachEdge<E>({ list }: Edges<E>): Generator<E> {
  for (const edge of list) if (edge !== undefined) yield edge;
}
