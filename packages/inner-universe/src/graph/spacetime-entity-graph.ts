/*
 * The entity graph over the module. Invariants:
 * - a read that begins after a write of this process has resolved sees it;
 * - what the loaded parts hold is answered from them; everything else is read by pages, and nothing of it is kept;
 * - live queries and subscriptions hold the part that they look at, for as long as they last.
 */
import { NervError } from '@inner-universe/nerv';
import type {
  ChangeHandler,
  ChangeSelector,
  DeleteEntityOptions,
  EntityGraph,
  EntityInput,
  EntityOf,
  EntityPatch,
  EntityProperties,
  EntityQuery,
  EntityTypeOf,
  GraphPast,
  GraphSchema,
  GraphSubscription,
  InputArguments,
  LocalEntityGraph,
  NeighborOptions,
  Page,
  Path,
  PathOptions,
  Reference,
  RelationInput,
  RelationOf,
  RelationPatch,
  RelationProperties,
  RelationQuery,
  RelationTypeOf,
  RowVersion,
  TraverseOptions,
  Visit,
  WalkOptions,
  WriteOptions,
} from '@inner-universe/nerv/graph';
import { OperationFactory } from '@inner-universe/nerv/graph/replica';
import type { ModuleClient } from '../client/client.ts';
import type { CallOptions } from '../connection/connection.ts';
import { makeCallRunner, makeWalkRunner, type CallRunner, type WalkRunner } from '../connection/run-within.ts';
import type { GraphKind, GraphSealer } from '../encryption/graph-sealer.ts';
import { checkInput, checkPatch, checkReference } from './check-input.ts';
import { decideGraphOptions, type DecidedGraphOptions, type GraphOptions } from './graph-options.ts';
import { partOf, WHOLE, type GraphPart } from './graph-part.ts';
import { GraphQueries } from './graph-queries.ts';
import { GraphReads } from './graph-reads.ts';
import type { RowSource } from './graph-rows.ts';
import { LeasedQuery, LeasedSubscription, partOfSelector, type LoadingQuery } from './graph-subscriptions.ts';
import { GraphWriter } from './graph-writer.ts';
import { GraphWrites } from './graph-writes.ts';
import type { HistoryBound, PruneHistoryOptions } from './history-bound.ts';
import { LiveGraph, type PartLease } from './live-graph.ts';
import { makeGraphClosed, PagedGraph, type PagedGraphParts, type PastGraph, type ScanQuery } from './paged-graph.ts';
import { PastCalls, type HistoryOptions } from './past-calls.ts';
import { IndexedPages, narrowByProperty } from './property-index.ts';
import { inScope, ScopedBatchBuilder, type ScopedGraphBatch } from './scoped-batch.ts';
import { checkWriteOptions, type GraphCreateOptions, type GraphWriteOptions } from './write-options.ts';

/** What a graph over the module is made with. */
export interface SpacetimeEntityGraphOptions extends GraphOptions {
  /** Label of who writes; never trusted. */
  readonly author?: string | undefined;
  readonly onError: (error: unknown) => void;
  /** Seals properties before they are sent, and opens what is read. */
  readonly sealer?: GraphSealer | undefined;
  /** Calls back when keys have come or gone, so that what is held is opened anew; the result ends that. */
  readonly onKeysChanged?: ((listener: () => void) => () => void) | undefined;
  /** Under which name what is held is kept here, for opening without the server. Default: it is not kept. */
  readonly copyName?: string | undefined;
}

/** An `EntityGraph` that lives in the module, shared live with everybody who may read it, and keeps its past. */
export class SpacetimeEntityGraph<S extends GraphSchema = GraphSchema> implements EntityGraph<S>, GraphPast<S> {
  readonly #client: ModuleClient;
  readonly #within: CallRunner;
  readonly #walkWithin: WalkRunner;
  readonly #options: DecidedGraphOptions;
  readonly #sealer: GraphSealer | undefined;
  readonly #onError: (error: unknown) => void;
  readonly #writes: GraphWrites;
  readonly #factory: OperationFactory;
  readonly #past: PastCalls;
  readonly #paged: PagedGraph;
  readonly #live: LiveGraph;
  readonly #queries: GraphQueries;
  readonly #loads = new Map<string, PartLease>();
  readonly #stopKeys: (() => void) | undefined;
  #closed = false;

  constructor(client: ModuleClient, options: SpacetimeEntityGraphOptions) {
    this.#client = client;
    this.#within = makeCallRunner('graph', client.timers);
    this.#walkWithin = makeWalkRunner('graph', client.timers);
    this.#options = decideGraphOptions(options);
    this.#factory = new OperationFactory({
      nextId: () => client.ids.nextId(),
      nowMs: () => Number(client.clock.nowMicros() / 1000n),
    });
    const { sealer, author = '', onError, copyName } = options;
    const { scope, heldRowsMax } = this.#options;
    this.#sealer = sealer;
    this.#onError = onError;
    const source: RowSource = { read: client.readPage, sealer };
    const reads = new GraphReads({ read: client.cachedPage, sealer });
    this.#paged = new PagedGraph({
      ...this.#pagedParts(),
      pages: new IndexedPages(reads, client.clock),
      narrow: narrowByProperty,
    });
    this.#past = new PastCalls({
      client,
      source,
      versionsMax: this.#options.versionsMax,
      within: this.#within,
      walkWithin: this.#walkWithin,
      assertOpen: () => this.#assertOpen(),
    });
    this.#live = new LiveGraph({ client, source, onError, heldRowsMax, copyName, scope });
    this.#queries = new GraphQueries({
      live: this.#live,
      paged: this.#paged,
      within: this.#within,
      sealer,
      assertOpen: () => this.#assertOpen(),
    });
    this.#writes = new GraphWrites({
      writer: new GraphWriter(client, sealer, { scope, author }),
      reads,
      live: this.#live,
      optimistic: this.#options.optimistic,
      timers: client.timers,
      assertOpen: () => this.#assertOpen(),
    });
    this.#stopKeys = options.onKeysChanged?.(() => this.#live.reopen());
  }

  createEntity<T extends EntityTypeOf<S>>(
    type: T,
    ...input: InputArguments<EntityInput<EntityProperties<S, T>>>
  ): Promise<EntityOf<S, T>>;
  createEntity<T extends EntityTypeOf<S>>(
    type: T,
    input: EntityInput<EntityProperties<S, T>>,
    options: GraphCreateOptions,
  ): Promise<EntityOf<S, T>>;
  async createEntity<T extends EntityTypeOf<S>>(
    type: T,
    input?: EntityInput<EntityProperties<S, T>>,
    options: GraphCreateOptions = {},
  ): Promise<EntityOf<S, T>> {
    const { scope, ...how } = checkWriteOptions('createEntity', options);
    checkInput('entity', type, input ?? {});
    const operation = inScope(this.#factory.entity('create-entity', type, erase(input ?? {})), scope);
    return typed(await this.#writes.entity(operation, how));
  }

  async getEntity(entity: Reference, call?: CallOptions): Promise<EntityOf<S> | undefined> {
    return typed(await this.#queries.getEntity(entity, call));
  }

  async updateEntity<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    entity: Reference,
    patch: EntityPatch<EntityProperties<S, T>>,
    options: WriteOptions & GraphWriteOptions = {},
  ): Promise<EntityOf<S, T>> {
    checkWriteOptions('updateEntity', options);
    checkPatch('entity', entity, patch);
    return typed(await this.#writes.entity(this.#factory.updateEntity(entity, erase(patch), options), options));
  }

  async upsertEntity<T extends EntityTypeOf<S>>(
    type: T,
    input: EntityInput<EntityProperties<S, T>> & { readonly id: string },
    options: GraphCreateOptions = {},
  ): Promise<EntityOf<S, T>> {
    const { scope, ...how } = checkWriteOptions('upsertEntity', options);
    checkInput('entity', type, input);
    const operation = inScope(this.#factory.entity('upsert-entity', type, erase(input)), scope);
    return typed(await this.#writes.entity(operation, how));
  }

  async deleteEntity(entity: Reference, options: DeleteEntityOptions & GraphWriteOptions = {}): Promise<void> {
    checkWriteOptions('deleteEntity', options);
    checkReference('entity', entity);
    await this.#writes.write([this.#factory.deleteEntity(entity, options)], options);
  }

  async createRelation<T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>>,
    options: GraphCreateOptions = {},
  ): Promise<RelationOf<S, T>> {
    const { scope, ...how } = checkWriteOptions('createRelation', options);
    checkInput('relation', type, input);
    const operation = inScope(this.#factory.relation('create-relation', type, erase(input)), scope);
    return typed(await this.#writes.relation(operation, how));
  }

  async getRelation(relation: Reference, call?: CallOptions): Promise<RelationOf<S> | undefined> {
    return typed(await this.#queries.getRelation(relation, call));
  }

  async updateRelation<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    relation: Reference,
    patch: RelationPatch<RelationProperties<S, T>>,
    options: WriteOptions & GraphWriteOptions = {},
  ): Promise<RelationOf<S, T>> {
    checkWriteOptions('updateRelation', options);
    checkPatch('relation', relation, patch);
    return typed(await this.#writes.relation(this.#factory.updateRelation(relation, erase(patch), options), options));
  }

  async upsertRelation<T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>> & { readonly id: string },
    options: GraphCreateOptions = {},
  ): Promise<RelationOf<S, T>> {
    const { scope, ...how } = checkWriteOptions('upsertRelation', options);
    checkInput('relation', type, input);
    const operation = inScope(this.#factory.relation('upsert-relation', type, erase(input)), scope);
    return typed(await this.#writes.relation(operation, how));
  }

  async deleteRelation(relation: Reference, options: WriteOptions & GraphWriteOptions = {}): Promise<void> {
    checkWriteOptions('deleteRelation', options);
    checkReference('relation', relation);
    await this.#writes.write([this.#factory.deleteRelation(relation, options)], options);
  }

  async batch(build: (batch: ScopedGraphBatch<S>) => void, options: GraphCreateOptions = {}): Promise<void> {
    this.#assertOpen();
    const { scope, ...how } = checkWriteOptions('batch', options);
    if (typeof build !== 'function') throw new NervError('graph/invalid-argument', 'A batch needs a function.');
    const builder = new ScopedBatchBuilder(this.#factory, scope);
    // The builder takes any types; the schema's are a promise of the caller's compiler.
    build(builder as ScopedGraphBatch<GraphSchema> as ScopedGraphBatch<S>);
    await this.#writes.write(builder.operations, how);
  }

  async query<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
    call?: CallOptions,
  ): Promise<readonly EntityOf<S, T>[]> {
    return typed(await this.#queries.query(erase(query), call));
  }

  async queryPage<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
    call?: CallOptions,
  ): Promise<Page<EntityOf<S, T>>> {
    return typed(await this.#queries.queryPage(erase(query), call));
  }

  async queryRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
    call?: CallOptions,
  ): Promise<readonly RelationOf<S, T>[]> {
    return typed(await this.#queries.queryRelations(erase(query), call));
  }

  async queryRelationsPage<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
    call?: CallOptions,
  ): Promise<Page<RelationOf<S, T>>> {
    return typed(await this.#queries.queryRelationsPage(erase(query), call));
  }

  /**
   * Entities that match, by pages, in the order in which they were last changed: the way to go through more than fits
   * in memory. An entity that changes meanwhile may come twice. The time that `call` allows is for each page.
   */
  scan<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: ScanQuery<EntityQuery<T, EntityProperties<S, T>>> = {},
    call?: CallOptions,
  ): AsyncGenerator<readonly EntityOf<S, T>[], void, undefined> {
    return typed(this.#paged.scan(erase<ScanQuery<EntityQuery>>(query), call));
  }

  /** As `scan`, for relations. */
  scanRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: ScanQuery<RelationQuery<T, RelationProperties<S, T>>> = {},
    call?: CallOptions,
  ): AsyncGenerator<readonly RelationOf<S, T>[], void, undefined> {
    return typed(this.#paged.scanRelations(erase<ScanQuery<RelationQuery>>(query), call));
  }

  async relationsOf(
    entity: Reference,
    options: WalkOptions<RelationTypeOf<S>> = {},
    call?: CallOptions,
  ): Promise<readonly RelationOf<S>[]> {
    return typed(await this.#queries.relationsOf(entity, options, call));
  }

  async neighbors(
    entity: Reference,
    options: NeighborOptions<RelationTypeOf<S>> = {},
    call?: CallOptions,
  ): Promise<readonly EntityOf<S>[]> {
    return typed(await this.#queries.neighbors(entity, options, call));
  }

  async traverse(
    start: Reference,
    options: TraverseOptions<RelationTypeOf<S>> = {},
    call?: CallOptions,
  ): Promise<readonly Visit<EntityOf<S>, RelationOf<S>>[]> {
    return typed(await this.#queries.traverse(start, options, call));
  }

  async shortestPath(
    from: Reference,
    to: Reference,
    options: PathOptions<RelationTypeOf<S>, RelationOf<S>> = {},
    call?: CallOptions,
  ): Promise<Path<EntityOf<S>, RelationOf<S>> | undefined> {
    return typed(await this.#queries.shortestPath({ from, to }, erase(options), call));
  }

  /**
   * The graph as everything recorded up to the end of a millisecond had made it, by pages.
   * @throws `graph/history-trimmed` for a time before what is kept, which `historyBound` tells
   */
  async asOf(time: number | Date, call?: CallOptions): Promise<PastGraph<S>> {
    return new PagedGraph<S>({ ...this.#pagedParts(), pages: await this.#past.asOf(time, call) });
  }

  /**
   * What the entity or relation of an id has been, the oldest first: from a time on, or as far back as is kept. What was
   * there before that has no time of recording.
   * @throws NervError `graph/no-history`, `graph/history-trimmed`; `graph/too-large` for more versions than `versionsMax`:
   * use `historyPages`
   */
  async history(
    of: Reference,
    options: HistoryOptions = {},
  ): Promise<readonly RowVersion<EntityOf<S> | RelationOf<S>>[]> {
    return typed(await this.#past.history(of, options));
  }

  /** As `history`, by pages; the time that the options allow is for each page. */
  historyPages(
    of: Reference,
    options: HistoryOptions = {},
  ): AsyncGenerator<readonly RowVersion<EntityOf<S> | RelationOf<S>>[], void, undefined> {
    return typed(this.#past.historyPages(of, options));
  }

  /** From when on the past is kept. */
  historyBound(call?: CallOptions): Promise<HistoryBound> {
    return this.#past.historyBound(call);
  }

  /**
   * Removes the past before a time for good, in steps; at that time and after, every answer stays as it is. For the
   * owner. Called off, it goes on with the next call, or with the module's maintenance.
   * @throws `permission/denied`, `graph/invalid-argument`
   */
  pruneHistory(options: PruneHistoryOptions): Promise<HistoryBound> {
    return this.#past.pruneHistory(options);
  }

  /**
   * Starts empty unless what it looks at is held here, and then tells of what loading brings; `call` says how long to
   * wait for that.
   */
  liveQuery<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
    call?: CallOptions,
  ): LoadingQuery<EntityOf<S, T>> {
    const wanted = erase<EntityQuery>(query);
    const lease = this.#leaseFor('entity', wanted);
    return typed(new LeasedQuery(this.#live.graph.liveQuery(wanted), lease, this.#waiting('liveQuery', call)));
  }

  /** As `liveQuery`. */
  liveRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
    call?: CallOptions,
  ): LoadingQuery<RelationOf<S, T>> {
    const wanted = erase<RelationQuery>(query);
    const lease = this.#leaseFor('relation', wanted);
    return typed(new LeasedQuery(this.#live.graph.liveRelations(wanted), lease, this.#waiting('liveRelations', call)));
  }

  /**
   * Loads what the changes are about first, so that they can be told from what was there. On the owner's connections
   * every change is told as it was; elsewhere several that come close together may be told as one, never without the
   * last state.
   */
  subscribe(handler: ChangeHandler<S>): GraphSubscription;
  subscribe(selector: ChangeSelector, handler: ChangeHandler<S>): GraphSubscription;
  subscribe(first: ChangeSelector | ChangeHandler<S>, second?: ChangeHandler<S>): GraphSubscription {
    this.#assertOpen();
    const [selector, handler] = typeof first === 'function' ? [{}, first] : [first, second];
    if (handler === undefined) throw new NervError('graph/invalid-argument', 'subscribe needs a handler.');
    const start = (): GraphSubscription =>
      this.#live.graph.subscribe(selector, erase<ChangeHandler<GraphSchema>>(handler));
    return new LeasedSubscription(this.#live.leaseCovering(partOfSelector(selector)), start, this.#reportError);
  }

  /**
   * Loads a part of the graph, the whole of it by default, and keeps it up with what is written; resolves when it is
   * held here. From then on reads of it need no server. Parts add up; loading one twice is harmless. Called off, it goes
   * on being loaded: `unload` it.
   * @throws `graph/too-large`, `graph/invalid-query`, `encryption/not-searchable`
   */
  async load(part: GraphPart = WHOLE, call?: CallOptions): Promise<void> {
    return this.#within('load', call, () => this.#load(part));
  }

  async #load(part: GraphPart): Promise<void> {
    this.#assertOpen();
    if (part.where !== undefined) this.#sealer?.checkQuery('entity', { where: erase(part.where) });
    const lease = this.#live.lease(part);
    const { key } = lease;
    if (this.#loads.has(key)) lease.release();
    else this.#loads.set(key, lease);
    try {
      await lease.ready;
    } catch (error) {
      if (this.#loads.get(key) === lease) this.#loads.delete(key);
      throw error;
    }
  }

  /** Lets a loaded part go, or all; what live queries and subscriptions look at stays as long as they do. */
  unload(part?: GraphPart): void {
    const keys = part === undefined ? [...this.#loads.keys()] : [this.#live.keyOf(part)];
    for (const key of keys) {
      this.#loads.get(key)?.release();
      this.#loads.delete(key);
    }
  }

  /** What is held here, for rendering: empty until `load`. Its own writes go nowhere. */
  get loaded(): LocalEntityGraph<S> {
    return typed(this.#live.graph);
  }

  /** The parts that `loaded` holds. */
  get loadedParts(): readonly GraphPart[] {
    return this.#live.loadedParts;
  }

  /** Ends subscriptions and live queries. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopKeys?.();
    this.#live.close();
  }

  #pagedParts(): Omit<PagedGraphParts, 'pages'> {
    const { walkEntitiesMax: entitiesMax, queryRowsMax: rowsMax } = this.#options;
    return {
      limits: { entitiesMax, rowsMax },
      within: this.#within,
      walkWithin: this.#walkWithin,
      telemetry: this.#client.telemetry,
      sealer: this.#sealer,
      assertOpen: () => this.#assertOpen(),
    };
  }

  #assertOpen(): void {
    if (this.#closed) throw makeGraphClosed();
  }

  #leaseFor(kind: GraphKind, query: EntityQuery | RelationQuery): PartLease {
    this.#assertOpen();
    this.#sealer?.checkQuery(kind, query);
    return this.#live.leaseCovering(partOf(kind, query));
  }

  #waiting(name: string, call: CallOptions | undefined): ConstructorParameters<typeof LeasedQuery>[2] {
    return { within: (work) => this.#within(name, call, work), onError: this.#reportError };
  }

  readonly #reportError = (error: unknown): void => {
    if (!this.#closed) this.#onError(error);
  };
}

// Rows are stored without the schema's types. They are of those types all the same: every row came in through a method
// that asks for them.
function typed<T>(value: unknown): T {
  return value as T;
}

// What the schema's types promise about an argument is not needed to store it.
function erase<T>(argument: unknown): T {
  return argument as T;
}
