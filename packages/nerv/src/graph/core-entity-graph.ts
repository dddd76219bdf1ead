import { EntityNotFoundError, NervError } from '../errors.ts';
import { millisecondsOf, type Clock, type IdSource } from '../ids/clock.ts';
import { systemClock, systemIds } from '../ids/system.ts';
import { applyOperation } from './apply-operation.ts';
import { erase, typed } from './typed.ts';
import type {
  DeleteEntityOptions,
  Entity,
  EntityInput,
  EntityOf,
  EntityPatch,
  EntityProperties,
  EntityTypeOf,
  GraphSchema,
  Reference,
  Relation,
  RelationInput,
  RelationOf,
  RelationPatch,
  RelationProperties,
  RelationTypeOf,
  WriteOptions,
} from './entity.ts';
import type { ChangeHandler, ChangeSelector, GraphBatch, GraphSubscription, InputArguments } from './entity-graph.ts';
import { type CoreEntityQuery, type CoreRelationQuery, findRows } from './find-rows.ts';
import type { GraphChange } from './graph-change.ts';
import { GraphCore, type GraphErrorHook } from './graph-core.ts';
import type { GraphOperation } from './graph-operation.ts';
import type { WalkOptions } from './graph-query.ts';
import { CollectedWrites, GraphWrites, idOf, targetOf, type WriteOrigin } from './graph-writes.ts';
import { RowStore, type WritableRows } from './row-store.ts';
import type { RowTable } from './row-table.ts';
import type { Slot } from './vertex.ts';

/** What a graph is given. Everything has a default. */
export interface CoreEntityGraphOptions {
  /** Called with every error of a subscriber; default: the console. */
  readonly onError?: GraphErrorHook | undefined;
  readonly clock?: Clock | undefined;
  readonly ids?: IdSource | undefined;
}

/** The rows that a graph stands on. */
export interface CoreStore extends WritableRows {
  readonly entities: RowTable<Slot<Entity>>;
  readonly relations: RowTable<Slot<Relation>>;
}

/** Which relations to walk. Bidirectional ones are walked both ways in any case. */
export type CoreWalkOptions<T extends string = string> = Pick<WalkOptions<T>, 'direction' | 'relationType'>;

/** What writes hand their operations to; the class says nothing of their types, which the graph below has. */
const Writes: abstract new (origin: WriteOrigin) => object = GraphWrites;

/**
 * The smallest graph: all writes, queries, neighbours and subscribers. `EntityGraph` of the entry `graph` has all of
 * this, and a query language, more indexes, pages, walks, live queries and the past; what is `protected` is for it.
 */
export class CoreEntityGraph<S extends GraphSchema = GraphSchema, Store extends CoreStore = CoreStore> extends Writes {
  /** As `EntityGraph.createEntity`. */
  declare readonly createEntity: <T extends EntityTypeOf<S>>(
    type: T,
    ...input: InputArguments<EntityInput<EntityProperties<S, T>>>
  ) => EntityOf<S, T>;
  /** As `EntityGraph.updateEntity`. */
  declare readonly updateEntity: <T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    entity: Reference,
    patch: EntityPatch<EntityProperties<S, T>>,
    options?: WriteOptions,
  ) => EntityOf<S, T>;
  /** As `EntityGraph.upsertEntity`. */
  declare readonly upsertEntity: <T extends EntityTypeOf<S>>(
    type: T,
    input: EntityInput<EntityProperties<S, T>> & { readonly id: string },
  ) => EntityOf<S, T>;
  /** As `EntityGraph.deleteEntity`. */
  declare readonly deleteEntity: (entity: Reference, options?: DeleteEntityOptions) => void;
  /** As `EntityGraph.createRelation`. */
  declare readonly createRelation: <T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>>,
  ) => RelationOf<S, T>;
  /** As `EntityGraph.updateRelation`. */
  declare readonly updateRelation: <T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    relation: Reference,
    patch: RelationPatch<RelationProperties<S, T>>,
    options?: WriteOptions,
  ) => RelationOf<S, T>;
  /** As `EntityGraph.upsertRelation`. */
  declare readonly upsertRelation: <T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>> & { readonly id: string },
  ) => RelationOf<S, T>;
  /** As `EntityGraph.deleteRelation`. */
  declare readonly deleteRelation: (relation: Reference, options?: WriteOptions) => void;

  protected readonly core: GraphCore<Store>;
  readonly #origin: WriteOrigin;

  /** The core is for the parts of `graph/` alone. */
  constructor(options?: CoreEntityGraphOptions, core?: GraphCore<Store>);
  constructor({ clock = systemClock, ids = systemIds, onError }: CoreEntityGraphOptions = {}, core?: GraphCore<Store>) {
    const origin = { nextId: () => ids.nextId(), nowMs: millisecondsOf(clock) };
    super(origin);
    this.#origin = origin;
    this.core = core ?? typed(new GraphCore(new RowStore(), onError));
  }

  /** The entity of this id; undefined if there is none. */
  getEntity(entity: Reference): EntityOf<S> | undefined {
    return typed(this.core.store.get('entity', idOf(entity)));
  }

  /** The relation of this id; undefined if there is none. */
  getRelation(relation: Reference): RelationOf<S> | undefined {
    return typed(this.core.store.get('relation', idOf(relation)));
  }

  /** The relations of an entity, each once, in any direction unless told. @throws `entity/not-found` */
  relationsOf(entity: Reference, options: CoreWalkOptions<RelationTypeOf<S>> = {}): readonly RelationOf<S>[] {
    const id = idOf(entity);
    const { direction = 'both', relationType } = options;
    if (this.core.store.get('entity', id) === undefined) throw new EntityNotFoundError(id);
    const types: readonly string[] | undefined = relationType === undefined ? undefined : [relationType].flat();
    const isTaken = ({ type, from, to, bidirectional }: Relation): boolean =>
      (types === undefined || types.includes(type)) &&
      (bidirectional || (direction !== 'in' && from === id) || (direction !== 'out' && to === id));
    return typed([...new Set(this.core.store.relationsAt(id))].filter(isTaken));
  }

  /** The entities one step away, each once, without itself, in any direction unless told. @throws `entity/not-found` */
  neighbors(entity: Reference, options?: CoreWalkOptions<RelationTypeOf<S>>): readonly EntityOf<S>[] {
    const id = idOf(entity);
    const relations: readonly Relation[] = typed(this.relationsOf(id, options));
    const others = new Set(relations.map(({ from, to }) => (from === id ? to : from)));
    others.delete(id);
    return typed(Array.from(others, (other) => this.core.store.get('entity', other)));
  }

  /** The entities that fit, by id. @throws `graph/invalid-query` */
  query<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: CoreEntityQuery<T, EntityOf<S, T>> = {},
  ): readonly EntityOf<S, T>[] {
    return typed(findRows<Entity>(this.core.store.entities, erase(query)));
  }

  /** The relations that fit, by id. @throws `graph/invalid-query` */
  queryRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: CoreRelationQuery<T, RelationOf<S, T>> = {},
  ): readonly RelationOf<S, T>[] {
    return typed(findRows<Relation>(this.core.store.relations, erase(query)));
  }

  /** As `EntityGraph.batch`. */
  batch(build: (batch: GraphBatch<S>) => void): void {
    this.core.assertOpen();
    const at = this.#origin.nowMs();
    const builder = new CollectedWrites({ ...this.#origin, nowMs: () => at });
    // The builder takes any types; the schema's are a promise of the caller's compiler.
    build(typed(builder));
    if (builder.operations.length === 0) return;
    this.core.write('confirmed', at, (writer) => {
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

  /** Does the write of an operation, and gives the row that it leaves; for `GraphWrites`. */
  protected take(operation: GraphOperation): unknown {
    return this.core.write('confirmed', operation.at, (writer) => {
      applyOperation(writer, operation);
      return writer.store.get(operation.type.endsWith('entity') ? 'entity' : 'relation', targetOf(operation));
    });
  }
}

function withPlace(error: unknown, place: number): unknown {
  if (error instanceof NervError) {
    Object.defineProperty(error, 'details', {
      value: { ...error.details, op: place },
      enumerable: true,
    });
  }
  return error;
}
