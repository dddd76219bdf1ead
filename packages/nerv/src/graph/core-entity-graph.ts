import { NervError } from '../errors.ts';
import { millisecondsOf, type Clock, type IdSource } from '../ids/clock.ts';
import { systemClock, systemIds } from '../ids/system.ts';
import { applyOperation } from './apply-operation.ts';
import { BatchBuilder } from './batch-builder.ts';
import { CoreGraphReader, erase, typed } from './core-graph-reader.ts';
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
import type { ChangeHandler, ChangeSelector, GraphBatch, GraphSubscription, InputArguments } from './entity-graph.ts';
import type { GraphChange } from './graph-change.ts';
import { GraphCore, type GraphErrorHook } from './graph-core.ts';
import type { GraphOperation } from './graph-operation.ts';
import { GraphStore } from './graph-store.ts';
import { OperationFactory } from './operation-factory.ts';

/** What a graph is given. Everything has a default. */
export interface CoreEntityGraphOptions {
  /** Called with every error of a subscriber; default: the console. */
  readonly onError?: GraphErrorHook | undefined;
  readonly clock?: Clock | undefined;
  readonly ids?: IdSource | undefined;
}

/**
 * The smallest graph: all writes, queries, neighbours and subscribers. `EntityGraph` of the entry `graph` has all of
 * this, and more indexes, pages, walks, live queries and the past; what is `protected` is for it.
 */
export class CoreEntityGraph<S extends GraphSchema = GraphSchema> extends CoreGraphReader<S, GraphStore> {
  protected readonly core: GraphCore;
  readonly #factory: OperationFactory;

  /** The core is for the parts of `graph/` alone. */
  constructor(
    options: CoreEntityGraphOptions = {},
    core: GraphCore = new GraphCore(new GraphStore(), options.onError),
  ) {
    super(core.store);
    const { clock = systemClock, ids = systemIds } = options;
    this.core = core;
    this.#factory = new OperationFactory({ nextId: () => ids.nextId(), nowMs: millisecondsOf(clock) });
  }

  /** As `EntityGraph.createEntity`. */
  createEntity<T extends EntityTypeOf<S>>(
    type: T,
    ...[input]: InputArguments<EntityInput<EntityProperties<S, T>>>
  ): EntityOf<S, T> {
    return this.#entity((batch) => batch.createEntity(type, erase(input ?? {})));
  }

  /** As `EntityGraph.updateEntity`. */
  updateEntity<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    entity: Reference,
    patch: EntityPatch<EntityProperties<S, T>>,
    options?: WriteOptions,
  ): EntityOf<S, T> {
    return this.#entity((batch) => batch.updateEntity(entity, erase(patch), options));
  }

  /** As `EntityGraph.upsertEntity`. */
  upsertEntity<T extends EntityTypeOf<S>>(
    type: T,
    input: EntityInput<EntityProperties<S, T>> & { readonly id: string },
  ): EntityOf<S, T> {
    return this.#entity((batch) => batch.upsertEntity(type, erase(input)));
  }

  /** As `EntityGraph.deleteEntity`. */
  deleteEntity(entity: Reference, options?: DeleteEntityOptions): void {
    this.#write((batch) => batch.deleteEntity(entity, options));
  }

  /** As `EntityGraph.createRelation`. */
  createRelation<T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>>,
  ): RelationOf<S, T> {
    return this.#relation((batch) => batch.createRelation(type, erase(input)));
  }

  /** As `EntityGraph.updateRelation`. */
  updateRelation<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    relation: Reference,
    patch: RelationPatch<RelationProperties<S, T>>,
    options?: WriteOptions,
  ): RelationOf<S, T> {
    return this.#relation((batch) => batch.updateRelation(relation, erase(patch), options));
  }

  /** As `EntityGraph.upsertRelation`. */
  upsertRelation<T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>> & { readonly id: string },
  ): RelationOf<S, T> {
    return this.#relation((batch) => batch.upsertRelation(type, erase(input)));
  }

  /** As `EntityGraph.deleteRelation`. */
  deleteRelation(relation: Reference, options?: WriteOptions): void {
    this.#write((batch) => batch.deleteRelation(relation, options));
  }

  /** As `EntityGraph.batch`. */
  batch(build: (batch: GraphBatch<S>) => void): void {
    this.core.assertOpen();
    const builder = new BatchBuilder(this.#factory.atOnce());
    // The builder takes any types; the schema's are a promise of the caller's compiler.
    build(builder as GraphBatch<GraphSchema> as GraphBatch<S>);
    const [first] = builder.operations;
    if (first === undefined) return;
    this.core.write('confirmed', first.at, (writer) => {
      for (const [place, operation] of builder.operations.entries()) {
        try {
          applyOperation(writer, operation);
        } catch (error) {
          throw withPlace(error, place);
        }
      }
    });
  }

  /** Tells of every change, or of the selected ones, after the write that made it, in the order of writes. */
  subscribe(handler: ChangeHandler<S>): GraphSubscription;
  subscribe(selector: ChangeSelector, handler: ChangeHandler<S>): GraphSubscription;
  subscribe(first: ChangeSelector | ChangeHandler<S>, second?: ChangeHandler<S>): GraphSubscription {
    const selector = typeof first === 'function' ? {} : first;
    const handler = typeof first === 'function' ? first : second;
    if (handler === undefined) throw new NervError('graph/invalid-argument', 'subscribe needs a handler.');
    // The rows of a graph are of its schema's types: every one came in through a method that asks for them.
    return this.core.subscribe(selector, handler as (change: GraphChange) => unknown);
  }

  /** Ends subscriptions and live queries. Closing twice is harmless. */
  close(): void {
    this.core.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Does one write, and gives what it left in its place. */
  #write<Row>(build: (batch: BatchBuilder) => string, rowOf?: (store: GraphStore, id: string) => unknown): Row {
    const batch = new BatchBuilder(this.#factory);
    const id = build(batch);
    const [operation] = batch.operations as [GraphOperation]; // `build` adds one
    return this.core.write('confirmed', operation.at, (writer) => {
      applyOperation(writer, operation);
      return typed<Row>(rowOf?.(writer.store, id));
    });
  }

  #entity<Row>(build: (batch: BatchBuilder) => string): Row {
    return this.#write(build, (store, id) => store.entities.get(id)?.row);
  }

  #relation<Row>(build: (batch: BatchBuilder) => string): Row {
    return this.#write(build, (store, id) => store.relations.get(id)?.row);
  }
}

function withPlace(error: unknown, place: number): unknown {
  if (error instanceof NervError) {
    Object.defineProperty(error, 'details', { value: { ...error.details, op: place }, enumerable: true });
  }
  return error;
}
