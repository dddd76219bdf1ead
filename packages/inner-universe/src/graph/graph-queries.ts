/*
 * Reads of the graph as it is: from what is held here, where that has all that a read can find, else by pages. What is
 * held is brought up to everything that was committed before the call.
 */
import type {
  Entity,
  EntityQuery,
  LocalEntityGraph,
  NeighborOptions,
  Page,
  Path,
  PathOptions,
  Reference,
  Relation,
  RelationQuery,
  TraverseOptions,
  Visit,
  WalkOptions,
} from '@inner-universe/nerv/graph';
import { idOf } from '@inner-universe/nerv/graph/replica';
import type { CallOptions } from '../connection/connection.ts';
import type { CallRunner } from '../connection/run-within.ts';
import type { GraphKind, GraphSealer } from '../encryption/graph-sealer.ts';
import type { LiveGraph } from './live-graph.ts';
import { asSeen, type PagedGraph } from './paged-graph.ts';

/** What reads are made of. */
export interface GraphQueriesParts {
  readonly live: LiveGraph;
  readonly paged: PagedGraph;
  readonly within: CallRunner;
  readonly sealer: GraphSealer | undefined;
  /** Throws when the graph is closed. */
  readonly assertOpen: () => void;
}

type Call = CallOptions | undefined;

/** Every read of a graph as it is, without the types of its schema. */
export class GraphQueries {
  readonly #parts: GraphQueriesParts;

  constructor(parts: GraphQueriesParts) {
    this.#parts = parts;
  }

  getEntity(entity: Reference, call: Call): Promise<Entity | undefined> {
    return this.#parts.within('getEntity', call, async () => {
      const isHere = this.#isHere('entity', idOf(entity));
      return isHere ? (await this.#parts.live.upToDate()).getEntity(entity) : this.#parts.paged.getEntity(entity);
    });
  }

  getRelation(relation: Reference, call: Call): Promise<Relation | undefined> {
    return this.#parts.within('getRelation', call, async () => {
      const isHere = this.#isHere('relation', idOf(relation));
      return isHere
        ? (await this.#parts.live.upToDate()).getRelation(relation)
        : this.#parts.paged.getRelation(relation);
    });
  }

  query(query: EntityQuery, call: Call): Promise<readonly Entity[]> {
    return this.#parts.within('query', call, async (signal) => {
      const held = await this.#holding('entity', query);
      return held === undefined ? this.#parts.paged.query(query, { signal }) : held.query(query);
    });
  }

  queryPage(query: EntityQuery, call: Call): Promise<Page<Entity>> {
    return this.#parts.within('queryPage', call, async (signal) => {
      const held = await this.#holding('entity', query);
      return held === undefined ? this.#parts.paged.queryPage(query, { signal }) : held.queryPage(query);
    });
  }

  queryRelations(query: RelationQuery, call: Call): Promise<readonly Relation[]> {
    return this.#parts.within('queryRelations', call, async (signal) => {
      const held = await this.#holding('relation', query);
      return held === undefined ? this.#parts.paged.queryRelations(query, { signal }) : held.queryRelations(query);
    });
  }

  queryRelationsPage(query: RelationQuery, call: Call): Promise<Page<Relation>> {
    return this.#parts.within('queryRelationsPage', call, async (signal) => {
      const held = await this.#holding('relation', query);
      return held === undefined
        ? this.#parts.paged.queryRelationsPage(query, { signal })
        : held.queryRelationsPage(query);
    });
  }

  relationsOf(entity: Reference, options: WalkOptions, call: Call): Promise<readonly Relation[]> {
    return this.#parts.within('relationsOf', call, async (signal) => {
      const held = await this.#walkable(options);
      if (held === undefined) return this.#parts.paged.relationsOf(entity, options, { signal });
      return asSeen(async () => held.relationsOf(entity, options));
    });
  }

  neighbors(entity: Reference, options: NeighborOptions, call: Call): Promise<readonly Entity[]> {
    return this.#parts.within('neighbors', call, async (signal) => {
      const held = await this.#walkable(options);
      if (held === undefined) return this.#parts.paged.neighbors(entity, options, { signal });
      return asSeen(async () => held.neighbors(entity, options));
    });
  }

  traverse(start: Reference, options: TraverseOptions, call: Call): Promise<readonly Visit<Entity, Relation>[]> {
    return this.#parts.within('traverse', call, async (signal) => {
      const held = await this.#walkable(options);
      if (held === undefined) return this.#parts.paged.traverse(start, options, { signal });
      return asSeen(async () => held.traverse(start, options));
    });
  }

  shortestPath(
    { from, to }: { readonly from: Reference; readonly to: Reference },
    options: PathOptions<string, Relation>,
    call: Call,
  ): Promise<Path<Entity, Relation> | undefined> {
    return this.#parts.within('shortestPath', call, async (signal) => {
      const held = await this.#walkable(options);
      if (held === undefined) return this.#parts.paged.shortestPath(from, to, options, { signal });
      return asSeen(async () => held.shortestPath(from, to, options));
    });
  }

  /** Whether a row, if it exists, is held here, or is a wish of one's own that is shown here. */
  #isHere(kind: GraphKind, id: string): boolean {
    const { live, assertOpen } = this.#parts;
    assertOpen();
    const row = kind === 'entity' ? live.graph.getEntity(id) : live.graph.getRelation(id);
    return row !== undefined || live.covers(kind, {});
  }

  /** What is held, if all that a query can find is. */
  async #holding(kind: GraphKind, query: EntityQuery | RelationQuery): Promise<LocalEntityGraph | undefined> {
    const { live, sealer, assertOpen } = this.#parts;
    assertOpen();
    if (!live.covers(kind, query)) return undefined;
    sealer?.checkQuery(kind, query);
    return live.upToDate();
  }

  /** What is held, if all that a walk can meet is. */
  async #walkable({ relationType }: WalkOptions): Promise<LocalEntityGraph | undefined> {
    const { live, assertOpen } = this.#parts;
    assertOpen();
    return live.coversWalk(relationType) ? live.upToDate() : undefined;
  }
}
