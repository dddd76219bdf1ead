// A graph as of a time, read from the present and the changes since.
//
// - `#changed` has every row that changed after the time, as far as the log was read, as it was then; all other rows
//   are what they are now. The log is read on before each use, so that later writes do not show.
// - A vertex has its relations of the time from when they are first asked for; they cannot change any more.

import { assert } from '../../assert.ts';
import type { CompiledQuery } from '../compiled-query.ts';
import type { Entity, Relation } from '../entity.ts';
import { eachEdge, type GraphRows, type GraphStore } from '../graph-store.ts';
import type { Candidates, Edge, Edges, EntityVertex, RowSource } from '../vertex.ts';
import type { GraphHistory } from './graph-history.ts';

type Side = 'out' | 'in';

/** The rows of a past graph. Making it costs nothing; the first query or walk reads the changes since. */
export class PastRows implements GraphRows {
  readonly entities: RowSource<EntityVertex, CompiledQuery>;
  readonly relations: RowSource<Edge, CompiledQuery>;
  readonly #history: GraphHistory;
  readonly #present: GraphStore;
  readonly #timeMs: number;
  readonly #vertices = new Map<string, PastVertex>();
  readonly #changedEntities = new Set<string>();
  readonly #changedRelations = new Map<string, Relation | undefined>();
  readonly #changedAt = { out: new Map<string, Relation[]>(), in: new Map<string, Relation[]>() };
  #place: number;

  /** @throws NervError `graph/history-trimmed`, as does every use once the time is trimmed */
  constructor(history: GraphHistory, present: GraphStore, timeMs: number) {
    history.assertKept(timeMs);
    this.#history = history;
    this.#present = present;
    this.#timeMs = timeMs;
    this.#place = history.placeAfter(timeMs);
    this.entities = {
      get: (id) => this.#vertex(id),
      all: () => this.#entitiesIn(this.#present.entities.all()),
      candidates: (query) => this.#found(this.#present.entities.candidates(query), (slots) => this.#entitiesIn(slots)),
    };
    this.relations = {
      get: (id) => this.#edge(this.#relationAt(id)),
      all: () => this.#relationsIn(this.#present.relations.all()),
      candidates: (query) =>
        this.#found(this.#present.relations.candidates(query), (slots) => this.#relationsIn(slots)),
    };
  }

  /** The relations that began, or ended, at an entity. */
  edgesOf(entityId: string, side: Side): Edges {
    this.#readOn();
    const now = this.#present.entities.get(entityId);
    const rows = [...(this.#changedAt[side].get(entityId) ?? [])];
    for (const { row } of now === undefined ? [] : eachEdge(now[side])) {
      if (!this.#changedRelations.has(row.id)) rows.push(row);
    }
    const list = rows.map((row) => this.#edge(row));
    return {
      list,
      count: list.length,
      twoWay: rows.filter(({ bidirectional }) => bidirectional).length,
    };
  }

  #found<S, T>({ size, slots }: Candidates<S>, past: (slots: Iterable<S>) => Iterable<T>): Candidates<T> {
    this.#readOn();
    const changed = this.#changedEntities.size + this.#changedRelations.size;
    return { size: size + changed, slots: past(slots) };
  }

  // Those of the present ones that were the same then, and all that changed.
  *#entitiesIn(slots: Iterable<EntityVertex>): Generator<EntityVertex> {
    this.#readOn();
    for (const { row } of slots) {
      if (this.#changedEntities.has(row.id)) continue;
      const vertex = this.#vertex(row.id);
      if (vertex !== undefined) yield vertex;
    }
    for (const id of this.#changedEntities) {
      const vertex = this.#vertex(id);
      if (vertex !== undefined) yield vertex;
    }
  }

  *#relationsIn(slots: Iterable<Edge>): Generator<Edge> {
    this.#readOn();
    for (const { row } of slots) if (!this.#changedRelations.has(row.id)) yield this.#edge(row);
    for (const row of this.#changedRelations.values()) if (row !== undefined) yield this.#edge(row);
  }

  #vertex(id: string): EntityVertex | undefined {
    this.#history.assertKept(this.#timeMs);
    const known = this.#vertices.get(id);
    if (known !== undefined) return known;
    const now = this.#present.entities.get(id)?.row;
    const row = this.#history.rowAt<Entity>({ subject: 'entity', id, now }, this.#timeMs);
    if (row === undefined) return undefined;
    const vertex = new PastVertex(row, this);
    this.#vertices.set(id, vertex);
    return vertex;
  }

  #edge(row: Relation): Edge;
  #edge(row: Relation | undefined): Edge | undefined;
  #edge(row: Relation | undefined): Edge | undefined {
    if (row === undefined) return undefined;
    const from = this.#vertex(row.from);
    const to = this.#vertex(row.to);
    assert(from !== undefined && to !== undefined, 'both ends of a relation exist as long as it does');
    return { row, from, to };
  }

  #relationAt(id: string): Relation | undefined {
    this.#history.assertKept(this.#timeMs);
    const now = this.#present.relations.get(id)?.row;
    return this.#history.rowAt<Relation>({ subject: 'relation', id, now }, this.#timeMs);
  }

  #readOn(): void {
    this.#history.assertKept(this.#timeMs);
    const { changes, end } = this.#history.changesFrom(this.#place);
    this.#place = end;
    for (const { subject, id } of changes) {
      if (subject === 'entity') this.#changedEntities.add(id);
      else if (!this.#changedRelations.has(id)) this.#takeRelation(id);
    }
  }

  #takeRelation(id: string): void {
    const row = this.#relationAt(id);
    this.#changedRelations.set(id, row);
    if (row === undefined) return;
    for (const [side, end] of [
      ['out', row.from],
      ['in', row.to],
    ] as const) {
      const others = this.#changedAt[side].get(end);
      if (others === undefined) this.#changedAt[side].set(end, [row]);
      else others.push(row);
    }
  }
}

/** An entity of the past. */
class PastVertex implements EntityVertex {
  readonly row: Entity;
  mark = 0;
  readonly #graph: PastRows;
  #out: Edges | undefined;
  #in: Edges | undefined;

  constructor(row: Entity, graph: PastRows) {
    this.row = row;
    this.#graph = graph;
  }

  get out(): Edges {
    this.#out ??= this.#graph.edgesOf(this.row.id, 'out');
    return this.#out;
  }

  get in(): Edges {
    this.#in ??= this.#graph.edgesOf(this.row.id, 'in');
    return this.#in;
  }
}
