/*
 * A graph that is read by pages, as it is or as it was. Invariants:
 * - nothing of it is held but what one call is made of: a page of a query holds as many rows as it gives, a walk what it
 *   has met;
 * - a query looks at a stated number of rows at most, and a walk fetches a stated number of entities at most;
 * - a call that is called off asks for no further page;
 * - of the graph as it is, one call may see rows of different moments, each as it was at some time during the call.
 */
import {
  EntityNotFoundError,
  NervError,
  type Entity,
  type EntityOf,
  type EntityProperties,
  type EntityTypeOf,
  type GraphReads,
  type GraphSchema,
  type NeighborOptions,
  type Page,
  type Path,
  type PathOptions,
  type Reference,
  type RelationOf,
  type RelationProperties,
  type RelationTypeOf,
  type TraverseOptions,
  type Visit,
  type WalkOptions,
} from '@inner-universe/nerv';
import type { EntityQuery, RelationQuery } from '@inner-universe/nerv/graph';
import { compileQuery, idOf, makeWalk, type CompiledQuery, type GraphReader } from '@inner-universe/nerv/graph/replica';
import type { CallOptions } from '../connection/connection.ts';
import type { CallRunner, WalkRunner } from '../connection/run-within.ts';
import type { GraphSealer } from '../encryption/graph-sealer.ts';
import { makeNotVisible, NervPersistenceError } from '../errors.ts';
import type { Telemetry } from '../observability/telemetry.ts';
import type { AroundFilter, EntityFilter, GraphPages, RelationFilter } from './graph-pages.ts';
import { walkByPages, type WalkLimits } from './lazy-rows.ts';
import { FirstRows } from './first-rows.ts';

/** What reads by pages may cost. */
export interface PagedLimits extends WalkLimits {
  /** Rows that one query looks at. */
  readonly rowsMax: number;
}

/** What a graph by pages is made of. */
export interface PagedGraphParts {
  readonly pages: GraphPages;
  readonly limits: PagedLimits;
  readonly within: CallRunner;
  readonly walkWithin: WalkRunner;
  readonly telemetry: Telemetry;
  /** Refuses queries for what is sealed. */
  readonly sealer: GraphSealer | undefined;
  /** Narrows a filter by an index of properties, where there is one. */
  readonly narrow?: ((query: EntityQuery, filter: EntityFilter) => readonly EntityFilter[]) | undefined;
  /** Throws when the graph is closed. */
  readonly assertOpen: () => void;
}

/** Every read that a graph has, by pages. */
export class PagedGraph<S extends GraphSchema = GraphSchema> implements GraphReads<S> {
  readonly #parts: PagedGraphParts;

  constructor(parts: PagedGraphParts) {
    this.#parts = parts;
  }

  async getEntity(entity: Reference, call?: CallOptions): Promise<EntityOf<S> | undefined> {
    return this.#within('getEntity', call, async () => {
      const [found] = await this.#parts.pages.entitiesById([idOf(entity)]);
      return typed(found);
    });
  }

  async getRelation(relation: Reference, call?: CallOptions): Promise<RelationOf<S> | undefined> {
    return this.#within('getRelation', call, async () => {
      const [found] = await this.#parts.pages.relationsById([idOf(relation)]);
      return typed(found);
    });
  }

  async query<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
    call?: CallOptions,
  ): Promise<readonly EntityOf<S, T>[]> {
    return this.#within('query', call, async (signal) => {
      const { items } = await this.#findEntities(erase(query), query.limit ?? Number.POSITIVE_INFINITY, signal);
      return typed(items);
    });
  }

  async queryPage<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
    call?: CallOptions,
  ): Promise<Page<EntityOf<S, T>>> {
    return this.#within('queryPage', call, async (signal) =>
      typed(await this.#findEntities(erase(query), query.limit ?? DEFAULT_PAGE_ROWS, signal)),
    );
  }

  async queryRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
    call?: CallOptions,
  ): Promise<readonly RelationOf<S, T>[]> {
    return this.#within('queryRelations', call, async (signal) => {
      const { items } = await this.#findRelations(erase(query), query.limit ?? Number.POSITIVE_INFINITY, signal);
      return typed(items);
    });
  }

  async queryRelationsPage<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
    call?: CallOptions,
  ): Promise<Page<RelationOf<S, T>>> {
    return this.#within('queryRelationsPage', call, async (signal) =>
      typed(await this.#findRelations(erase(query), query.limit ?? DEFAULT_PAGE_ROWS, signal)),
    );
  }

  /**
   * Entities that match, by pages, in the order in which they were last changed; nothing is held. The time that `call`
   * allows is for each page.
   */
  scan<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: ScanQuery<EntityQuery<T, EntityProperties<S, T>>> = {},
    call?: CallOptions,
  ): AsyncGenerator<readonly EntityOf<S, T>[], void, undefined> {
    return typed(this.#parts.walkWithin('scan', call, () => this.#scan(erase(query))));
  }

  /** As `scan`, for relations. */
  scanRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: ScanQuery<RelationQuery<T, RelationProperties<S, T>>> = {},
    call?: CallOptions,
  ): AsyncGenerator<readonly RelationOf<S, T>[], void, undefined> {
    return typed(this.#parts.walkWithin('scanRelations', call, () => this.#scanRelations(erase(query))));
  }

  async relationsOf(
    entity: Reference,
    options: WalkOptions<RelationTypeOf<S>> = {},
    call?: CallOptions,
  ): Promise<readonly RelationOf<S>[]> {
    const { direction } = makeWalk(options, 'both');
    const walk: PagedWalk = { name: 'relationsOf', options, direction, call };
    return typed(await this.#walk(walk, (graph) => graph.relationsOf(entity, options)));
  }

  async neighbors(
    entity: Reference,
    options: NeighborOptions<RelationTypeOf<S>> = {},
    call?: CallOptions,
  ): Promise<readonly EntityOf<S>[]> {
    const { direction } = makeWalk(options, 'both');
    const walk: PagedWalk = { name: 'neighbors', options, direction, call };
    return typed(await this.#walk(walk, (graph) => graph.neighbors(entity, options)));
  }

  async traverse(
    start: Reference,
    options: TraverseOptions<RelationTypeOf<S>> = {},
    call?: CallOptions,
  ): Promise<readonly Visit<EntityOf<S>, RelationOf<S>>[]> {
    const { direction } = makeWalk(options, 'out');
    const walk: PagedWalk = { name: 'traverse', options, direction, call };
    return typed(await this.#walk(walk, (graph) => graph.traverse(start, options)));
  }

  async shortestPath(
    from: Reference,
    to: Reference,
    options: PathOptions<RelationTypeOf<S>, RelationOf<S>> = {},
    call?: CallOptions,
  ): Promise<Path<EntityOf<S>, RelationOf<S>> | undefined> {
    // It is searched from both ends.
    const walk: PagedWalk = { name: 'shortestPath', options: erase(options), direction: 'both', call };
    return typed(await this.#walk(walk, (graph) => graph.shortestPath(from, to, erase(options))));
  }

  #walk<T>({ name, options, direction, call }: PagedWalk, walk: (graph: GraphReader) => T): Promise<T> {
    const { pages, limits, telemetry } = this.#parts;
    const types = options.relationType === undefined ? undefined : [options.relationType].flat();
    return this.#within(name, call, (signal) =>
      telemetry.span('graph.walk', { walk: WALK_NAMES[name] }, () =>
        asSeen(() => walkByPages(pages, { around: { direction, types }, limits, signal }, walk)),
      ),
    );
  }

  /** @throws NervError `graph/closed`, and as `CallRunner` */
  #within<T>(
    name: string,
    call: CallOptions | undefined,
    work: (signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    return this.#parts.within(name, call, async (signal) => {
      this.#parts.assertOpen();
      return work(signal);
    });
  }

  async *#scan(query: EntityQuery): AsyncGenerator<readonly Entity[], void, undefined> {
    this.#parts.assertOpen();
    const { matches } = this.#compiled(query, 'entity');
    for (const filter of this.#entityFilters(query)) {
      for await (const rows of this.#parts.pages.entities(filter)) {
        const found = rows.filter((row) => matches(row));
        if (found.length > 0) yield found;
      }
    }
  }

  async *#scanRelations(query: RelationQuery): AsyncGenerator<readonly Entity[], void, undefined> {
    this.#parts.assertOpen();
    const { matches } = this.#compiled(query, 'relation');
    for (const filter of relationFilters(query)) {
      for await (const rows of this.#parts.pages.relations(filter)) {
        const found = rows.filter((row) => matches(row));
        if (found.length > 0) yield found;
      }
    }
  }

  #compiled(query: EntityQuery | RelationQuery, subject: 'entity' | 'relation'): CompiledQuery {
    const compiled = compileQuery(query, subject);
    this.#parts.sealer?.checkQuery(subject, query);
    return compiled;
  }

  #findEntities(query: EntityQuery, limit: number, signal: AbortSignal | undefined): Promise<Page<Entity>> {
    const first = new FirstRows(this.#compiled(query, 'entity'), limit);
    const walks = this.#entityFilters(query).map((filter) => () => this.#parts.pages.entities(filter));
    return this.#pick(first, walks, signal);
  }

  #findRelations(query: RelationQuery, limit: number, signal: AbortSignal | undefined): Promise<Page<Entity>> {
    const first = new FirstRows(this.#compiled(query, 'relation'), limit);
    const walks = relationFilters(query).map((filter) => () => this.#parts.pages.relations(filter));
    return this.#pick(first, walks, signal);
  }

  /** Looks at every row of some walks. @throws {NervPersistenceError} `graph/too-large` */
  async #pick(
    first: FirstRows,
    walks: readonly (() => AsyncIterable<readonly Entity[]>)[],
    signal: AbortSignal | undefined,
  ): Promise<Page<Entity>> {
    const { rowsMax } = this.#parts.limits;
    let looked = 0;
    for (const walk of walks) {
      for await (const rows of walk()) {
        signal?.throwIfAborted();
        looked += rows.length;
        if (looked > rowsMax) throw makeQueryTooLarge(rowsMax);
        first.add(rows);
      }
    }
    return first.page();
  }

  #entityFilters(query: EntityQuery): readonly EntityFilter[] {
    const { narrow } = this.#parts;
    const common = { tag: query.tags?.[0], name: query.name };
    const filters = typesOf(query.type).map((entityType) => ({ entityType, ...common }));
    return narrow === undefined ? filters : filters.flatMap((filter) => narrow(query, filter));
  }
}

/** The reads of a graph of the past. */
export type PastGraph<S extends GraphSchema = GraphSchema> = Pick<PagedGraph<S>, keyof PagedGraph<S>>;

/** A walk by pages, and how it may be called off. */
interface PagedWalk {
  readonly name: keyof typeof WALK_NAMES;
  readonly options: WalkOptions;
  readonly direction: AroundFilter['direction'];
  readonly call: CallOptions | undefined;
}

/** What walks are called in spans. */
const WALK_NAMES = {
  relationsOf: 'relations-of',
  neighbors: 'neighbors',
  traverse: 'traverse',
  shortestPath: 'shortest-path',
} as const;

/** A query whose rows come in the order in which they are read. */
export type ScanQuery<Query> = Omit<Query, 'orderBy' | 'limit' | 'cursor'>;

/** The default length of a page, as in NERV. */
const DEFAULT_PAGE_ROWS = 1_000;

function relationFilters(query: RelationQuery): readonly RelationFilter[] {
  const { from: fromId, to: toId, name } = query;
  return typesOf(query.type).map((relationType) => ({ relationType, fromId, toId, name }));
}

/** One by one; undefined for all. */
function typesOf(type: string | readonly string[] | undefined): readonly (string | undefined)[] {
  return type === undefined ? [undefined] : [...new Set([type].flat())];
}

/** Tells of an entity that a walk needs and has not found that it may as well be there and not be seen. */
export async function asSeen<T>(walk: () => Promise<T>): Promise<T> {
  try {
    return await walk();
  } catch (error) {
    if (!(error instanceof EntityNotFoundError)) throw error;
    throw makeNotVisible('entity', String(error.details['entityId']), { cause: error });
  }
}

function makeQueryTooLarge(queryRowsMax: number): NervPersistenceError {
  return new NervPersistenceError(
    'graph/too-large',
    `The query has more than ${queryRowsMax} candidates, which would all be read, whatever its limit is. Narrow it by ` +
      'type, name, tag or an indexed property, go through them with scan, load the part, or raise `queryRowsMax`.',
    { details: { queryRowsMax } },
  );
}

/** The error of a closed graph. */
export function makeGraphClosed(): NervError {
  return new NervError('graph/closed', 'The graph is closed. Open the universe again.');
}

// Rows are stored without the schema's types. They are of those types all the same: every row came in through a method
// that asks for them.
function typed<T>(value: unknown): T {
  return value as T;
}

// What the schema's types promise about an argument is not needed to run it.
function erase<T>(argument: unknown): T {
  return argument as T;
}
