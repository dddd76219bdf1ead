// All entities and relations, without rules: whoever writes here keeps the graph's promises.
//
// - Each relation is tied to the vertices of both its ends, whether their entities are here or not (a replica may get
//   a relation before its ends). A vertex without an entity is kept as long as it has relations.

import type { CompiledQuery } from './compiled-query.ts';
import type { Entity, Relation } from './entity.ts';
import type { Subject } from './graph-change.ts';
import { RowTable } from './row-table.ts';
import { StoredEdge, StoredVertex } from './stored-vertex.ts';
import type { Candidates, Edge, Edges, EntityVertex, RowSource, Slot } from './vertex.ts';

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

/** Makes the table of one kind of rows; `others` are ways to find rows that it does not know of itself. */
export type MakeTable = <S extends Slot<Entity>>(
  subject: Subject,
  others: (query: CompiledQuery['query']) => readonly Candidates<S>[],
) => RowTable<S>;

/** The rows of a graph and the ways to find them. */
export class GraphStore implements GraphRows {
  readonly entities: RowTable<StoredEntityVertex>;
  readonly relations: RowTable<StoredEdge>;
  readonly #missing = new Map<string, StoredVertex>();

  constructor(makeTable: MakeTable = (_, others) => new RowTable(others)) {
    this.entities = makeTable('entity', () => []);
    this.relations = makeTable('relation', ({ from, to }) => [
      ...this.#edgesAt(from, 'out'),
      ...this.#edgesAt(to, 'in'),
    ]);
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

  /** Puts in a relation whose id is new, between the vertices of its ends. */
  addRelation(relation: Relation, { from, to }: RelationEnds): void {
    this.relations.change(new StoredEdge(relation, from, to), undefined, relation);
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
      this.#removeRelation(relation.id);
      this.addRelation(relation, { from: this.#vertexOf(relation.from, true), to: this.#vertexOf(relation.to, true) });
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
