import { NervError } from '../errors.ts';
import { compileQuery } from './compiled-query.ts';
import { CoreEntityGraph, type CoreEntityGraphOptions } from './core-entity-graph.ts';
import { erase, typed } from './typed.ts';
import type {
  Entity,
  EntityOf,
  EntityProperties,
  EntityTypeOf,
  GraphSchema,
  Reference,
  Relation,
  RelationOf,
  RelationProperties,
  RelationTypeOf,
} from './entity.ts';
import type { EntityGraph, LiveQuery } from './entity-graph.ts';
import type { CoreEntityQuery, CoreRelationQuery } from './find-rows.ts';
import { GraphCore } from './graph-core.ts';
import type { NetChanges } from './graph-change.ts';
import type { GraphPast, RowVersion } from './graph-past.ts';
import type {
  EntityQuery,
  NeighborOptions,
  Page,
  Path,
  PathOptions,
  RelationQuery,
  TraverseOptions,
  Visit,
  WalkOptions,
} from './graph-query.ts';
import { GraphReader } from './graph-reader.ts';
import { type GraphRows, GraphStore } from './graph-store.ts';
import type { IndexedProperties } from './indexed-row-table.ts';
import { LiveQueries } from './live-queries.ts';
import { idOf } from './graph-writes.ts';
import { timeOf } from './validity.ts';
import { invalidArgument } from './walk.ts';

/** What keeps a graph's past: see the entry `graph/history`. */
export interface HistoryKeeper {
  /** Called once, by the graph it is given to. @throws `graph/invalid-argument` if it has one already */
  begin(present: GraphStore): void;
  /** Takes in what a write did, after it. */
  record(net: NetChanges, atMs: number): void;
  /** The graph as it was recorded at a time. @throws `graph/history-trimmed` */
  asOf(timeMs: number): GraphRows;
  /** What is known of the rows of an id, the oldest first; entities before relations. */
  versionsOf(id: string): readonly RowVersion<Entity | Relation>[];
}

/** What a graph is given. Everything has a default. */
export interface EntityGraphOptions extends CoreEntityGraphOptions {
  /** The properties that `where` finds by index: by what they equal. */
  readonly indexes?: IndexedProperties | undefined;
  /** Keeps the past, for `asOf` and `history`: `new GraphHistory()` of the entry `graph/history`. Default: none. */
  readonly history?: HistoryKeeper | undefined;
}

/** The `EntityGraph` of this process alone, exported under that name. Reads and writes are synchronous. */
export class LocalEntityGraph<S extends GraphSchema = GraphSchema>
  extends CoreEntityGraph<S, GraphStore>
  implements EntityGraph<S>, GraphPast<S>
{
  /** What algorithms and patterns go over. */
  readonly rows: GraphStore;
  readonly #options: EntityGraphOptions;
  readonly #reader: GraphReader<S>;
  readonly #live: LiveQueries;

  /** @throws `graph/invalid-query` for an indexed property that is no pointer though it begins as one */
  constructor(options: EntityGraphOptions = {}, core: GraphCore<GraphStore> = makeGraphCore(options)) {
    super(options, core);
    this.rows = core.store;
    this.#options = options;
    this.#reader = new GraphReader(core.store);
    this.#live = new LiveQueries(core);
  }

  override query<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query?: EntityQuery<T, EntityProperties<S, T>> | CoreEntityQuery<T, EntityOf<S, T>>,
  ): readonly EntityOf<S, T>[] {
    return this.#reader.query(erase(query));
  }

  queryPage<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query?: EntityQuery<T, EntityProperties<S, T>>,
  ): Page<EntityOf<S, T>> {
    return this.#reader.queryPage(query);
  }

  override queryRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query?: RelationQuery<T, RelationProperties<S, T>> | CoreRelationQuery<T, RelationOf<S, T>>,
  ): readonly RelationOf<S, T>[] {
    return this.#reader.queryRelations(erase(query));
  }

  queryRelationsPage<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query?: RelationQuery<T, RelationProperties<S, T>>,
  ): Page<RelationOf<S, T>> {
    return this.#reader.queryRelationsPage(query);
  }

  override relationsOf(entity: Reference, options?: WalkOptions<RelationTypeOf<S>>): readonly RelationOf<S>[] {
    return this.#reader.relationsOf(entity, options);
  }

  override neighbors(entity: Reference, options?: NeighborOptions<RelationTypeOf<S>>): readonly EntityOf<S>[] {
    return this.#reader.neighbors(entity, options);
  }

  traverse(
    start: Reference,
    options?: TraverseOptions<RelationTypeOf<S>>,
  ): readonly Visit<EntityOf<S>, RelationOf<S>>[] {
    return this.#reader.traverse(start, options);
  }

  shortestPath(
    from: Reference,
    to: Reference,
    options?: PathOptions<RelationTypeOf<S>, RelationOf<S>>,
  ): Path<EntityOf<S>, RelationOf<S>> | undefined {
    return this.#reader.shortestPath(from, to, options);
  }

  asOf(time: number | Date): GraphReader<S> {
    const timeMs = timeOf(time);
    if (Number.isNaN(timeMs)) throw invalidArgument('time', time, 'milliseconds since 1970, or a date');
    return new GraphReader(this.#history().asOf(timeMs));
  }

  history(of: Reference): readonly RowVersion<EntityOf<S> | RelationOf<S>>[] {
    return typed(this.#history().versionsOf(idOf(of)));
  }

  liveQuery<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): LiveQuery<EntityOf<S, T>> {
    return typed(this.#live.entities(compileQuery(query, 'entity')));
  }

  liveRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): LiveQuery<RelationOf<S, T>> {
    return typed(this.#live.relations(compileQuery(query, 'relation')));
  }

  #history(): HistoryKeeper {
    const { history } = this.#options;
    if (history !== undefined) return history;
    throw new NervError(
      'graph/no-history',
      `This graph keeps no past. Make it with { history: new GraphHistory() }, of the entry 'graph/history'.`,
    );
  }
}

/** The rows and subscribers for a graph of these options. */
export function makeGraphCore({ indexes, onError, history }: EntityGraphOptions): GraphCore<GraphStore> {
  const core = new GraphCore(new GraphStore(indexes), onError);
  if (history !== undefined) {
    history.begin(core.store);
    core.watchers.add({ take: ({ net, atMs }) => history.record(net, atMs) });
  }
  return core;
}
