/*
 * A graph that is read by pages, as it is or as it was. Invariants:
 * - nothing of it is held but what one call is made of: a page of a query holds as many rows as it gives, a walk what it
 *   has met;
 * - of the graph as it is, one call may see rows of different moments, each as it was at some time during the call.
 */
import {
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
import type { GraphSealer } from '../encryption/graph-sealer.ts';
import type { Telemetry } from '../observability/telemetry.ts';
import type { AroundFilter, EntityFilter, GraphPages, RelationFilter } from './graph-pages.ts';
import { walkByPages, type WalkLimits } from './lazy-rows.ts';
import { FirstRows } from './first-rows.ts';

/** What a graph by pages is made of. */
export interface PagedGraphParts {
  readonly pages: GraphPages;
  readonly limits: WalkLimits;
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

  async getEntity(entity: Reference): Promise<EntityOf<S> | undefined> {
    this.#parts.assertOpen();
    const [found] = await this.#parts.pages.entitiesById([idOf(entity)]);
    return typed(found);
  }

  async getRelation(relation: Reference): Promise<RelationOf<S> | undefined> {
    this.#parts.assertOpen();
    const [found] = await this.#parts.pages.relationsById([idOf(relation)]);
    return typed(found);
  }

  async query<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): Promise<readonly EntityOf<S, T>[]> {
    return typed((await this.#findEntities(erase(query), query.limit ?? Number.POSITIVE_INFINITY)).items);
  }

  async queryPage<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): Promise<Page<EntityOf<S, T>>> {
    return typed(await this.#findEntities(erase(query), query.limit ?? DEFAULT_PAGE_ROWS));
  }

  async queryRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): Promise<readonly RelationOf<S, T>[]> {
    return typed((await this.#findRelations(erase(query), query.limit ?? Number.POSITIVE_INFINITY)).items);
  }

  async queryRelationsPage<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): Promise<Page<RelationOf<S, T>>> {
    return typed(await this.#findRelations(erase(query), query.limit ?? DEFAULT_PAGE_ROWS));
  }

  /** Entities that match, by pages, in the order in which they were last changed; nothing is held. */
  async *scan<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: Omit<EntityQuery<T, EntityProperties<S, T>>, 'orderBy' | 'limit' | 'cursor'> = {},
  ): AsyncGenerator<readonly EntityOf<S, T>[], void, undefined> {
    this.#parts.assertOpen();
    const { matches } = this.#compiled(erase(query), 'entity');
    for (const filter of this.#entityFilters(erase(query))) {
      for await (const rows of this.#parts.pages.entities(filter)) {
        const found = rows.filter((row) => matches(row));
        if (found.length > 0) yield typed(found);
      }
    }
  }

  /** As `scan`, for relations. */
  async *scanRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: Omit<RelationQuery<T, RelationProperties<S, T>>, 'orderBy' | 'limit' | 'cursor'> = {},
  ): AsyncGenerator<readonly RelationOf<S, T>[], void, undefined> {
    this.#parts.assertOpen();
    const { matches } = this.#compiled(erase(query), 'relation');
    for (const filter of relationFilters(erase(query))) {
      for await (const rows of this.#parts.pages.relations(filter)) {
        const found = rows.filter((row) => matches(row));
        if (found.length > 0) yield typed(found);
      }
    }
  }

  async relationsOf(
    entity: Reference,
    options: WalkOptions<RelationTypeOf<S>> = {},
  ): Promise<readonly RelationOf<S>[]> {
    const { direction } = makeWalk(options, 'both');
    return typed(
      await this.#walk('relations-of', { options, direction }, (graph) => graph.relationsOf(entity, options)),
    );
  }

  async neighbors(
    entity: Reference,
    options: NeighborOptions<RelationTypeOf<S>> = {},
  ): Promise<readonly EntityOf<S>[]> {
    const { direction } = makeWalk(options, 'both');
    return typed(await this.#walk('neighbors', { options, direction }, (graph) => graph.neighbors(entity, options)));
  }

  async traverse(
    start: Reference,
    options: TraverseOptions<RelationTypeOf<S>> = {},
  ): Promise<readonly Visit<EntityOf<S>, RelationOf<S>>[]> {
    const { direction } = makeWalk(options, 'out');
    return typed(await this.#walk('traverse', { options, direction }, (graph) => graph.traverse(start, options)));
  }

  async shortestPath(
    from: Reference,
    to: Reference,
    options: PathOptions<RelationTypeOf<S>, RelationOf<S>> = {},
  ): Promise<Path<EntityOf<S>, RelationOf<S>> | undefined> {
    // It is searched from both ends.
    const walk = { options: erase<WalkOptions>(options), direction: 'both' } as const;
    return typed(await this.#walk('shortest-path', walk, (graph) => graph.shortestPath(from, to, erase(options))));
  }

  #walk<T>(
    name: string,
    { options, direction }: { readonly options: WalkOptions; readonly direction: AroundFilter['direction'] },
    walk: (graph: GraphReader) => T,
  ): Promise<T> {
    const { pages, limits, telemetry, assertOpen } = this.#parts;
    assertOpen();
    const types = options.relationType === undefined ? undefined : [options.relationType].flat();
    return telemetry.span('graph.walk', { walk: name }, () =>
      walkByPages(pages, { around: { direction, types }, limits }, walk),
    );
  }

  #compiled(query: EntityQuery | RelationQuery, subject: 'entity' | 'relation'): CompiledQuery {
    const compiled = compileQuery(query, subject);
    this.#parts.sealer?.checkQuery(subject, query);
    return compiled;
  }

  async #findEntities(query: EntityQuery, limit: number): Promise<Page<Entity>> {
    this.#parts.assertOpen();
    const first = new FirstRows(this.#compiled(query, 'entity'), limit);
    for (const filter of this.#entityFilters(query)) {
      for await (const rows of this.#parts.pages.entities(filter)) first.add(rows);
    }
    return first.page();
  }

  async #findRelations(query: RelationQuery, limit: number): Promise<Page<Entity>> {
    this.#parts.assertOpen();
    const first = new FirstRows(this.#compiled(query, 'relation'), limit);
    for (const filter of relationFilters(query)) {
      for await (const rows of this.#parts.pages.relations(filter)) first.add(rows);
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
