/*
 * A graph that is fetched as far as a walk goes. A walk is NERV's own, synchronous; it runs over what is here, and what
 * it meets that is not here yet is fetched before it runs again. Invariants:
 * - a run that met nothing missing has seen exactly what it would have seen of the whole graph;
 * - at most `entitiesMax` entities are fetched; a walk that needs more is refused.
 */
import { NervError } from '@inner-universe/nerv';
import {
  GraphReader,
  type Edge,
  type Edges,
  type EntityVertex,
  type GraphRows,
  type RowSource,
} from '@inner-universe/nerv/graph/replica';
import { NervPersistenceError } from '../errors.ts';
import type { AroundFilter, GraphPages } from './graph-pages.ts';
import type { StoredEntity, StoredRelation } from './graph-rows.ts';

/** How many surroundings are fetched together: a run that has met so many missing ones ends there. */
const BATCH = 256;

/** What a walk may cost. */
export interface WalkLimits {
  /** Entities that are fetched. */
  readonly entitiesMax: number;
}

/** Where a walk goes, and how far. */
export interface WalkByPages {
  readonly around: AroundFilter;
  readonly limits: WalkLimits;
  /** Once it has aborted, nothing more is fetched. */
  readonly signal?: AbortSignal | undefined;
}

/** Runs a walk over a graph that is read by pages. @throws `graph/too-large`, and what the walk throws */
export async function walkByPages<T>(
  pages: GraphPages,
  { around, limits, signal }: WalkByPages,
  walk: (graph: GraphReader) => T,
): Promise<T> {
  const rows = new LazyRows(pages, around, limits);
  const graph = new GraphReader(rows);
  for (;;) {
    const outcome = attempt(() => walk(graph));
    if (!rows.isMissingSome) {
      if (outcome.type === 'failed') throw outcome.error;
      return outcome.value;
    }
    signal?.throwIfAborted();
    await rows.fetchMissing();
  }
}

type Outcome<T> = { readonly type: 'done'; readonly value: T } | { readonly type: 'failed'; readonly error: unknown };

function attempt<T>(run: () => T): Outcome<T> {
  try {
    return { type: 'done', value: run() };
  } catch (error) {
    return { type: 'failed', error };
  }
}

/** Thrown through a run that has met as much as is fetched together. */
class EnoughMissing extends Error {}

class LazyRows implements GraphRows {
  readonly entities: RowSource<EntityVertex, unknown>;
  readonly relations: RowSource<Edge, unknown>;
  readonly #pages: GraphPages;
  readonly #around: AroundFilter;
  readonly #limits: WalkLimits;
  readonly #vertices = new Map<string, LazyVertex>();
  /** Ids that were looked for and do not exist, or may not be read. */
  readonly #absent = new Set<string>();
  readonly #missingEntities = new Set<string>();
  readonly #missingSurroundings = new Set<LazyVertex>();

  constructor(pages: GraphPages, around: AroundFilter, limits: WalkLimits) {
    this.#pages = pages;
    this.#around = around;
    this.#limits = limits;
    this.entities = { get: (id) => this.#vertex(id), all: refuseScan, candidates: refuseScan };
    this.relations = { get: refuseScan, all: refuseScan, candidates: refuseScan };
  }

  get isMissingSome(): boolean {
    return this.#missingEntities.size > 0 || this.#missingSurroundings.size > 0;
  }

  async fetchMissing(): Promise<void> {
    const ids = [...this.#missingEntities];
    const vertices = [...this.#missingSurroundings];
    this.#missingEntities.clear();
    this.#missingSurroundings.clear();
    await this.#fetchEntities(ids);
    if (vertices.length > 0) await this.#fetchSurroundings(vertices);
  }

  /** Notes that a run needs what is around a vertex. */
  need(vertex: LazyVertex): void {
    this.#missingSurroundings.add(vertex);
    if (this.#missingSurroundings.size >= BATCH) throw new EnoughMissing('what is missing is fetched first');
  }

  #vertex(id: string): LazyVertex | undefined {
    const vertex = this.#vertices.get(id);
    if (vertex === undefined && !this.#absent.has(id)) this.#missingEntities.add(id);
    return vertex;
  }

  async #fetchEntities(ids: readonly string[]): Promise<void> {
    const wanted = ids.filter((id) => !this.#vertices.has(id) && !this.#absent.has(id));
    if (wanted.length === 0) return;
    if (this.#vertices.size + wanted.length > this.#limits.entitiesMax) throw makeTooLarge(this.#limits);
    for (const row of await this.#pages.entitiesById(wanted)) this.#vertices.set(row.id, new LazyVertex(row, this));
    for (const id of wanted) if (!this.#vertices.has(id)) this.#absent.add(id);
  }

  async #fetchSurroundings(vertices: readonly LazyVertex[]): Promise<void> {
    const found = new Map<string, StoredRelation>();
    const ids = vertices.map(({ row }) => row.id);
    const isNowhere = this.#around.types?.length === 0;
    for await (const rows of isNowhere ? [] : this.#pages.around(ids, this.#around)) {
      for (const row of rows) found.set(row.id, row);
      // Hubs: relations are counted as the entities they lead to, at most.
      if (found.size > this.#limits.entitiesMax * RELATIONS_PER_ENTITY) throw makeTooLarge(this.#limits);
    }
    const relations = [...found.values()].sort(byAge);
    const ends = new Set(relations.flatMap(({ from, to }) => [from, to]));
    await this.#fetchEntities([...ends]);
    const around = new Map(vertices.map((vertex): [string, Surroundings] => [vertex.row.id, { out: [], in: [] }]));
    for (const row of relations) {
      const from = this.#vertices.get(row.from);
      const to = this.#vertices.get(row.to);
      // An end that may not be read is one that is not there.
      if (from === undefined || to === undefined) continue;
      const edge = { row, from, to };
      around.get(row.from)?.out.push(edge);
      around.get(row.to)?.in.push(edge);
    }
    for (const vertex of vertices) vertex.surround(around.get(vertex.row.id) ?? { out: [], in: [] });
  }
}

/** A graph where everything knows everything has this many relations to an entity at most, as far as walks go. */
const RELATIONS_PER_ENTITY = 16;

interface Surroundings {
  readonly out: Edge[];
  readonly in: Edge[];
}

const NO_EDGES: Edges = { list: [], count: 0, twoWay: 0 };

class LazyVertex implements EntityVertex {
  readonly row: StoredEntity;
  mark = 0;
  readonly #rows: LazyRows;
  #around: { readonly out: Edges; readonly in: Edges } | undefined;

  constructor(row: StoredEntity, rows: LazyRows) {
    this.row = row;
    this.#rows = rows;
  }

  get out(): Edges {
    return this.#edges('out');
  }

  get in(): Edges {
    return this.#edges('in');
  }

  surround({ out, in: incoming }: Surroundings): void {
    this.#around = { out: asEdges(out), in: asEdges(incoming) };
  }

  #edges(side: 'out' | 'in'): Edges {
    if (this.#around !== undefined) return this.#around[side];
    this.#rows.need(this);
    return NO_EDGES;
  }
}

function asEdges(list: readonly Edge[]): Edges {
  return { list, count: list.length, twoWay: list.filter(({ row }) => row.bidirectional).length };
}

/** In the order of their last changes, as pages have them. */
function byAge(left: StoredRelation, right: StoredRelation): number {
  return left.seq - right.seq || (left.id < right.id ? -1 : 1);
}

function refuseScan(): never {
  throw new NervError('graph/invalid-query', 'A walk by pages looks up entities by id alone.');
}

function makeTooLarge({ entitiesMax }: WalkLimits): NervPersistenceError {
  return new NervPersistenceError(
    'graph/too-large',
    `The walk meets more than ${entitiesMax} entities. Bound it with maxDepth, depth or limit, name relation types, ` +
      'load the part of the graph that it goes over, or raise `walkEntitiesMax`.',
    { details: { entitiesMax } },
  );
}
