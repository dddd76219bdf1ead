import { NervError } from '../errors.ts';
import { millisecondsOf, type Clock, type IdSource } from '../ids/clock.ts';
import { systemIds, systemNowMs, systemReport } from '../ids/system.ts';
import { applyOperation } from './apply-operation.ts';
import { BatchBuilder } from './batch-builder.ts';
import { compileQuery } from './compiled-query.ts';
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
import { GraphCore, type GraphErrorHook, type HistoryKeeper } from './graph-core.ts';
import type { GraphOperation } from './graph-operation.ts';
import type { GraphPast, RowVersion } from './graph-past.ts';
import type { EntityQuery, RelationQuery } from './graph-query.ts';
import { erase, GraphReader, typed } from './graph-reader.ts';
import type { IndexedProperties } from './graph-store.ts';
import { idOf, OperationFactory, targetOf } from './operation-factory.ts';
import { timeOf } from './validity.ts';
import { invalidArgument } from './walk.ts';

/** What a graph is given. Everything has a default. */
export interface EntityGraphOptions {
  /** The properties that `where` finds by index: by what they equal. */
  readonly indexes?: IndexedProperties | undefined;
  /** Keeps the past, for `asOf` and `history`: `new GraphHistory()` of the entry `graph/history`. Default: none. */
  readonly history?: HistoryKeeper | undefined;
  /** Called with every error of a subscriber; default: the console. */
  readonly onError?: GraphErrorHook | undefined;
  readonly clock?: Clock | undefined;
  readonly ids?: IdSource | undefined;
}

/** The `EntityGraph` of this process alone, exported under that name. Reads and writes are synchronous. */
export class LocalEntityGraph<S extends GraphSchema = GraphSchema>
  extends GraphReader<S>
  implements EntityGraph<S>, GraphPast<S>
{
  readonly #core: GraphCore;
  readonly #factory: OperationFactory;

  /** @throws `graph/invalid-query` for an indexed property that is no pointer though it begins as one */
  constructor(options: EntityGraphOptions = {}, core: GraphCore = makeGraphCore(options)) {
    super(core.store);
    const { clock, ids = systemIds } = options;
    this.#core = core;
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
    const builder = new BatchBuilder(this.#factory.atOnce());
    // The builder takes any types; the schema's are a promise of the caller's compiler.
    build(builder as GraphBatch<GraphSchema> as GraphBatch<S>);
    const [first] = builder.operations;
    if (first === undefined) return;
    this.#core.write('confirmed', first.at, (writer) => {
      for (const [place, operation] of builder.operations.entries()) {
        try {
          applyOperation(writer, operation);
        } catch (error) {
          throw withPlace(error, place);
        }
      }
    });
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

  #history(): HistoryKeeper {
    const { history } = this.#core;
    if (history !== undefined) return history;
    throw new NervError(
      'graph/no-history',
      `This graph keeps no past. Make it with { history: new GraphHistory() }, of the entry 'graph/history'.`,
    );
  }

  #write(operation: GraphOperation): void {
    this.#core.write('confirmed', operation.at, (writer) => applyOperation(writer, operation));
  }

  #writeEntity<T extends EntityTypeOf<S>>(operation: GraphOperation): EntityOf<S, T> {
    return this.#core.write('confirmed', operation.at, (writer) => {
      applyOperation(writer, operation);
      return typed<EntityOf<S, T>>(writer.store.entities.get(targetOf(operation))?.row);
    });
  }

  #writeRelation<T extends RelationTypeOf<S>>(operation: GraphOperation): RelationOf<S, T> {
    return this.#core.write('confirmed', operation.at, (writer) => {
      applyOperation(writer, operation);
      return typed<RelationOf<S, T>>(writer.store.relations.get(targetOf(operation))?.row);
    });
  }
}

/** The rows and subscribers for a graph of these options. */
export function makeGraphCore({ indexes = {}, onError = reportToConsole, history }: EntityGraphOptions): GraphCore {
  return new GraphCore(indexes, onError, history);
}

function reportToConsole(error: unknown): void {
  systemReport('A subscriber of a graph failed:', error);
}

function withPlace(error: unknown, place: number): unknown {
  if (error instanceof NervError) {
    Object.defineProperty(error, 'details', { value: { ...error.details, op: place }, enumerable: true });
  }
  return error;
}
