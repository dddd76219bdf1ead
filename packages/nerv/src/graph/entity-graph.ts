import type {
  DeleteEntityOptions,
  EntityInput,
  EntityOf,
  EntityPatch,
  EntityProperties,
  EntityTypeOf,
  GraphSchema,
  Reference,
  RelationInput,
  RelationOf,
  RelationPatch,
  RelationProperties,
  RelationTypeOf,
  WriteOptions,
} from './entity.ts';
import type { GraphChange, GraphOrigin } from './graph-change.ts';
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
import { type EntityGraphOptions, LocalEntityGraph } from './local-entity-graph.ts';

/** What can be asked of a graph, as it is or as it was. Reads may need the network and return `T | Promise<T>`. */
export interface GraphReads<S extends GraphSchema = GraphSchema> {
  /** The entity of this id; undefined if there is none. */
  getEntity(entity: Reference): EntityOf<S> | undefined | Promise<EntityOf<S> | undefined>;

  /** The relation of this id; undefined if there is none. */
  getRelation(relation: Reference): RelationOf<S> | undefined | Promise<RelationOf<S> | undefined>;

  /** All entities that match, in the query's order, up to its limit. @throws `graph/invalid-query` */
  query<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query?: EntityQuery<T, EntityProperties<S, T>>,
  ): readonly EntityOf<S, T>[] | Promise<readonly EntityOf<S, T>[]>;

  /** As `query`, a page at a time. @throws `graph/invalid-query`, `graph/invalid-cursor` */
  queryPage<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query?: EntityQuery<T, EntityProperties<S, T>>,
  ): Page<EntityOf<S, T>> | Promise<Page<EntityOf<S, T>>>;

  /** All relations that match. @throws `graph/invalid-query` */
  queryRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query?: RelationQuery<T, RelationProperties<S, T>>,
  ): readonly RelationOf<S, T>[] | Promise<readonly RelationOf<S, T>[]>;

  /** As `queryRelations`, a page at a time. @throws `graph/invalid-query`, `graph/invalid-cursor` */
  queryRelationsPage<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query?: RelationQuery<T, RelationProperties<S, T>>,
  ): Page<RelationOf<S, T>> | Promise<Page<RelationOf<S, T>>>;

  /** The relations of an entity, in the given direction (default both). @throws `entity/not-found` */
  relationsOf(
    entity: Reference,
    options?: WalkOptions<RelationTypeOf<S>>,
  ): readonly RelationOf<S>[] | Promise<readonly RelationOf<S>[]>;

  /** The entities around one, nearest first, each once, without itself. @throws `entity/not-found` */
  neighbors(
    entity: Reference,
    options?: NeighborOptions<RelationTypeOf<S>>,
  ): readonly EntityOf<S>[] | Promise<readonly EntityOf<S>[]>;

  /** The entities reached from one, itself first, each once, in the order of the walk. @throws `entity/not-found` */
  traverse(
    start: Reference,
    options?: TraverseOptions<RelationTypeOf<S>>,
  ): readonly Visit<EntityOf<S>, RelationOf<S>>[] | Promise<readonly Visit<EntityOf<S>, RelationOf<S>>[]>;

  /** The cheapest path; undefined if there is none. @throws `entity/not-found`, `graph/invalid-argument` */
  shortestPath(
    from: Reference,
    to: Reference,
    options?: PathOptions<RelationTypeOf<S>, RelationOf<S>>,
  ): Path<EntityOf<S>, RelationOf<S>> | undefined | Promise<Path<EntityOf<S>, RelationOf<S>> | undefined>;
}

/**
 * Entities and the relations between them: what NERV's own class and every persistent graph promise alike.
 * Reads and writes may need the network and return `T | Promise<T>`; code that awaits runs on all of them. Both ends
 * of a relation exist as long as it does. Every write is atomic, and seen by the reads that begin after it.
 */
export interface EntityGraph<S extends GraphSchema = GraphSchema> extends GraphReads<S> {
  /** @throws `entity/id-taken`, `entity/invalid`, `value/unsupported` */
  createEntity<T extends EntityTypeOf<S>>(
    type: T,
    ...input: InputArguments<EntityInput<EntityProperties<S, T>>>
  ): EntityOf<S, T> | Promise<EntityOf<S, T>>;

  /** @throws `entity/not-found`, `entity/seq-mismatch`, `entity/invalid`, `value/unsupported` */
  updateEntity<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    entity: Reference,
    patch: EntityPatch<EntityProperties<S, T>>,
    options?: WriteOptions,
  ): EntityOf<S, T> | Promise<EntityOf<S, T>>;

  /** Creates an entity, or replaces the one of that id and type. @throws as `createEntity` */
  upsertEntity<T extends EntityTypeOf<S>>(
    type: T,
    input: EntityInput<EntityProperties<S, T>> & { readonly id: string },
  ): EntityOf<S, T> | Promise<EntityOf<S, T>>;

  /** @throws `entity/not-found`, `entity/seq-mismatch`, `entity/has-relations` unless told to cascade */
  deleteEntity(entity: Reference, options?: DeleteEntityOptions): void | Promise<void>;

  /** @throws `relation/endpoint-missing`, `relation/id-taken`, `relation/invalid`, `value/unsupported` */
  createRelation<T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>>,
  ): RelationOf<S, T> | Promise<RelationOf<S, T>>;

  /** @throws `relation/not-found`, `relation/seq-mismatch`, `relation/invalid`, `value/unsupported` */
  updateRelation<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    relation: Reference,
    patch: RelationPatch<RelationProperties<S, T>>,
    options?: WriteOptions,
  ): RelationOf<S, T> | Promise<RelationOf<S, T>>;

  /** Creates a relation, or replaces the one of that id, type and ends. @throws as `createRelation` */
  upsertRelation<T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>> & { readonly id: string },
  ): RelationOf<S, T> | Promise<RelationOf<S, T>>;

  /** @throws `relation/not-found`, `relation/seq-mismatch` */
  deleteRelation(relation: Reference, options?: WriteOptions): void | Promise<void>;

  /**
   * Writes all that the function asks for, in its order, or nothing. Subscribers are told once it is done.
   * @throws what the first refused write would throw alone, with its place in `details.op`
   */
  batch(build: (batch: GraphBatch<S>) => void): void | Promise<void>;

  /** A query whose result stays true, and tells what changed in it. Without a cursor. @throws `graph/invalid-query` */
  liveQuery<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query?: EntityQuery<T, EntityProperties<S, T>>,
  ): LiveQuery<EntityOf<S, T>>;

  /** As `liveQuery`, for relations. @throws `graph/invalid-query` */
  liveRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query?: RelationQuery<T, RelationProperties<S, T>>,
  ): LiveQuery<RelationOf<S, T>>;

  /** Tells of every change, or of the selected ones, after the write that made it, in the order of writes. */
  subscribe(handler: ChangeHandler<S>): GraphSubscription;
  subscribe(selector: ChangeSelector, handler: ChangeHandler<S>): GraphSubscription;

  /** Ends subscriptions and live queries. Closing twice is harmless. */
  close(): void | Promise<void>;
}

/** NERV's graph, in memory: the class `LocalEntityGraph` under the name of what it is. */
export const EntityGraph: new <S extends GraphSchema = GraphSchema>(
  options?: EntityGraphOptions,
) => LocalEntityGraph<S> = LocalEntityGraph;

/** The input argument, which may be left out where nothing in it is required. */
export type InputArguments<Input> = {} extends Input ? [input?: Input | undefined] : [input: Input];

/** The writes of a batch. Each gives the id of what it writes, to be used by the next. */
export interface GraphBatch<S extends GraphSchema = GraphSchema> {
  createEntity<T extends EntityTypeOf<S>>(
    type: T,
    ...input: InputArguments<EntityInput<EntityProperties<S, T>>>
  ): string;
  updateEntity<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    entity: Reference,
    patch: EntityPatch<EntityProperties<S, T>>,
    options?: WriteOptions,
  ): string;
  upsertEntity<T extends EntityTypeOf<S>>(
    type: T,
    input: EntityInput<EntityProperties<S, T>> & { readonly id: string },
  ): string;
  deleteEntity(entity: Reference, options?: DeleteEntityOptions): string;
  createRelation<T extends RelationTypeOf<S>>(type: T, input: RelationInput<RelationProperties<S, T>>): string;
  updateRelation<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    relation: Reference,
    patch: RelationPatch<RelationProperties<S, T>>,
    options?: WriteOptions,
  ): string;
  upsertRelation<T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>> & { readonly id: string },
  ): string;
  deleteRelation(relation: Reference, options?: WriteOptions): string;
}

/** What changed in a live query's result by one write. `updated` rows were and are in it. */
export interface QueryDelta<Row> {
  readonly added: readonly Row[];
  readonly updated: readonly { readonly before: Row; readonly after: Row }[];
  readonly removed: readonly Row[];
  readonly origin: GraphOrigin;
}

/** A query's result as it is now. To dispose of it is to close it; then it stays as it is. */
export interface LiveQuery<Row> {
  readonly current: readonly Row[];
  /** Calls the handler with each change of the result, after it. */
  subscribe(handler: (delta: QueryDelta<Row>) => unknown): GraphSubscription;
  close(): void;
  [Symbol.dispose](): void;
}

/** Called with one change. What it throws is reported and harms nobody else. */
export type ChangeHandler<S extends GraphSchema> = (change: GraphChange<EntityOf<S>, RelationOf<S>>) => unknown;

/** Which changes: all that is named must fit. */
export interface ChangeSelector {
  readonly subject?: 'entity' | 'relation' | undefined;
  readonly change?: 'inserted' | 'updated' | 'deleted' | undefined;
  /** The type of the entity or relation. */
  readonly type?: string | undefined;
  readonly id?: string | undefined;
}

/** A running subscription. To dispose of it is to unsubscribe; doing so twice is harmless. */
export interface GraphSubscription {
  readonly active: boolean;
  unsubscribe(): void;
  [Symbol.dispose](): void;
}
