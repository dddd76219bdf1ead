import { NervError } from '../errors.ts';
import { millisecondsOf, type Clock, type IdSource } from '../ids/clock.ts';
import { systemIds, systemNowMs, systemReport } from '../ids/system.ts';
import { applyOperation, requireEntity } from './apply-operation.ts';
import { BatchBuilder } from './batch-builder.ts';
import { findComponents, orderTopologically } from './components.ts';
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
import type {
  ChangeHandler,
  ChangeSelector,
  EntityGraph,
  GraphBatch,
  GraphSubscription,
  InputArguments,
  LiveQuery,
} from './entity-graph.ts';
import type { GraphChange } from './graph-change.ts';
import { GraphCore, type GraphErrorHook } from './graph-core.ts';
import type { GraphOperation } from './graph-operation.ts';
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
import type { IndexedProperties } from './graph-store.ts';
import { idOf, OperationFactory, targetOf } from './operation-factory.ts';
import { compileQuery, runQuery, runQueryPage } from './run-query.ts';
import { findShortestPath } from './shortest-path.ts';
import { makeWalk, neighborsOf, relationsFrom, traverseFrom } from './walk.ts';

/** What a graph is given. Everything has a default. */
export interface EntityGraphOptions {
  /** The properties that `where` finds by index: by what they equal. */
  readonly indexes?: IndexedProperties | undefined;
  /** Called with every error of a subscriber; default: the console. */
  readonly onError?: GraphErrorHook | undefined;
  readonly clock?: Clock | undefined;
  readonly ids?: IdSource | undefined;
}

type WholeGraph<S extends GraphSchema> = Pick<WalkOptions<RelationTypeOf<S>>, 'relationType'>;

/** The `EntityGraph` of this process alone, exported under that name. Reads and writes are synchronous. */
export class LocalEntityGraph<S extends GraphSchema = GraphSchema> implements EntityGraph<S> {
  readonly #core: GraphCore;
  readonly #factory: OperationFactory;

  constructor(options: EntityGraphOptions = {}, core?: GraphCore) {
    const { clock, ids = systemIds } = options;
    this.#core = core ?? makeGraphCore(options);
    this.#factory = new OperationFactory({
      nextId: () => ids.nextId(),
      nowMs: clock === undefined ? systemNowMs : millisecondsOf(clock),
    });
  }

  createEntity<T extends EntityTypeOf<S>>(
    type: T,
    ...[input]: InputArguments<EntityInput<EntityProperties<S, T>>>
  ): EntityOf<S, T> {
    return this.#writeEntity(this.#factory.entity('create-entity', type, erase(input ?? {})));
  }

  getEntity(entity: Reference): EntityOf<S> | undefined {
    return typed(this.#core.store.entities.get(idOf(entity)));
  }

  updateEntity<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    entity: Reference,
    patch: EntityPatch<EntityProperties<S, T>>,
    options?: WriteOptions,
  ): EntityOf<S, T> {
    return this.#writeEntity(this.#factory.updateEntity(entity, erase(patch), options));
  }

  upsertEntity<T extends EntityTypeOf<S>>(
    type: T,
    input: EntityInput<EntityProperties<S, T>> & { readonly id: string },
  ): EntityOf<S, T> {
    return this.#writeEntity(this.#factory.entity('upsert-entity', type, erase(input)));
  }

  deleteEntity(entity: Reference, options?: DeleteEntityOptions): void {
    this.#write(this.#factory.deleteEntity(entity, options));
  }

  createRelation<T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>>,
  ): RelationOf<S, T> {
    return this.#writeRelation(this.#factory.relation('create-relation', type, erase(input)));
  }

  getRelation(relation: Reference): RelationOf<S> | undefined {
    return typed(this.#core.store.relations.get(idOf(relation)));
  }

  updateRelation<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    relation: Reference,
    patch: RelationPatch<RelationProperties<S, T>>,
    options?: WriteOptions,
  ): RelationOf<S, T> {
    return this.#writeRelation(this.#factory.updateRelation(relation, erase(patch), options));
  }

  upsertRelation<T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>> & { readonly id: string },
  ): RelationOf<S, T> {
    return this.#writeRelation(this.#factory.relation('upsert-relation', type, erase(input)));
  }

  deleteRelation(relation: Reference, options?: WriteOptions): void {
    this.#write(this.#factory.deleteRelation(relation, options));
  }

  batch(build: (batch: GraphBatch<S>) => void): void {
    this.#core.assertOpen();
    const builder = new BatchBuilder(this.#factory);
    // The builder takes any types; the schema's are a promise of the caller's compiler.
    build(builder as GraphBatch<GraphSchema> as GraphBatch<S>);
    this.#core.write('confirmed', (writer) => {
      for (const [place, operation] of builder.operations.entries()) {
        try {
          applyOperation(writer, operation);
        } catch (error) {
          throw withPlace(error, place);
        }
      }
    });
  }

  query<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): readonly EntityOf<S, T>[] {
    const { store } = this.#core;
    return typed(runQuery(store, store.entities, compileQuery(query, 'entity')));
  }

  queryPage<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): Page<EntityOf<S, T>> {
    const { store } = this.#core;
    return typed(runQueryPage(store, store.entities, compileQuery(query, 'entity')));
  }

  queryRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): readonly RelationOf<S, T>[] {
    const { store } = this.#core;
    return typed(runQuery(store, store.relations, compileQuery(query, 'relation')));
  }

  queryRelationsPage<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): Page<RelationOf<S, T>> {
    const { store } = this.#core;
    return typed(runQueryPage(store, store.relations, compileQuery(query, 'relation')));
  }

  relationsOf(entity: Reference, options: WalkOptions<RelationTypeOf<S>> = {}): readonly RelationOf<S>[] {
    const { store } = this.#core;
    const { id } = requireEntity(store, idOf(entity));
    return typed([...relationsFrom(store, id, makeWalk(options, 'both'))]);
  }

  neighbors(entity: Reference, options: NeighborOptions<RelationTypeOf<S>> = {}): readonly EntityOf<S>[] {
    return typed(neighborsOf(this.#core.store, idOf(entity), options));
  }

  traverse(
    start: Reference,
    options: TraverseOptions<RelationTypeOf<S>> = {},
  ): readonly Visit<EntityOf<S>, RelationOf<S>>[] {
    return typed(traverseFrom(this.#core.store, idOf(start), options));
  }

  shortestPath(
    from: Reference,
    to: Reference,
    options: PathOptions<RelationTypeOf<S>, RelationOf<S>> = {},
  ): Path<EntityOf<S>, RelationOf<S>> | undefined {
    const ends = { from: idOf(from), to: idOf(to) };
    return typed(findShortestPath(this.#core.store, ends, erase(options)));
  }

  components(options: WholeGraph<S> = {}): readonly (readonly EntityOf<S>[])[] {
    return typed(findComponents(this.#core.store, options));
  }

  topologicalOrder(options: WholeGraph<S> = {}): readonly EntityOf<S>[] {
    return typed(orderTopologically(this.#core.store, options));
  }

  liveQuery<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): LiveQuery<EntityOf<S, T>> {
    return typed(this.#core.liveEntities(compileQuery(query, 'entity')));
  }

  liveRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): LiveQuery<RelationOf<S, T>> {
    return typed(this.#core.liveRelations(compileQuery(query, 'relation')));
  }

  subscribe(handler: ChangeHandler<S>): GraphSubscription;
  subscribe(selector: ChangeSelector, handler: ChangeHandler<S>): GraphSubscription;
  subscribe(first: ChangeSelector | ChangeHandler<S>, second?: ChangeHandler<S>): GraphSubscription {
    const selector = typeof first === 'function' ? {} : first;
    const handler = typeof first === 'function' ? first : second;
    if (handler === undefined) throw new NervError('graph/invalid-argument', 'subscribe needs a handler.');
    // The rows of a graph are of its schema's types: every one came in through a method that asks for them.
    return this.#core.subscribe(selector, handler as (change: GraphChange) => unknown);
  }

  close(): void {
    this.#core.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #write(operation: GraphOperation): void {
    this.#core.write('confirmed', (writer) => applyOperation(writer, operation));
  }

  #writeEntity<T extends EntityTypeOf<S>>(operation: GraphOperation): EntityOf<S, T> {
    return this.#core.write('confirmed', (writer) => {
      applyOperation(writer, operation);
      return typed<EntityOf<S, T>>(writer.store.entities.get(targetOf(operation)));
    });
  }

  #writeRelation<T extends RelationTypeOf<S>>(operation: GraphOperation): RelationOf<S, T> {
    return this.#core.write('confirmed', (writer) => {
      applyOperation(writer, operation);
      return typed<RelationOf<S, T>>(writer.store.relations.get(targetOf(operation)));
    });
  }
}

/** The rows and subscribers for a graph of these options. */
export function makeGraphCore({ indexes = {}, onError = reportToConsole }: EntityGraphOptions): GraphCore {
  return new GraphCore(indexes, onError);
}

function reportToConsole(error: unknown): void {
  systemReport('A subscriber of a graph failed:', error);
}

// Rows are stored without the schema's types. They are of those types all the same: every row came in through a method
// that asks for them.
function typed<T>(rows: unknown): T {
  return rows as T;
}

// What the schema's types promise about an argument is not needed to store it.
function erase<T>(argument: unknown): T {
  return argument as T;
}

function withPlace(error: unknown, place: number): unknown {
  if (error instanceof NervError) {
    Object.defineProperty(error, 'details', { value: { ...error.details, op: place }, enumerable: true });
  }
  return error;
}
