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
  GraphBatch,
  GraphPast,
  GraphReads as ReadableGraph,
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
import { BatchBuilder, idOf, OperationFactory } from '@inner-universe/nerv/graph/replica';
import type { ModuleClient } from '../client/client.ts';
import type { CallOptions } from '../connection/connection.ts';
import { makeCallRunner, type CallRunner } from '../connection/run-within.ts';
import type { GraphKind, GraphSealer } from '../encryption/graph-sealer.ts';
import { decideGraphOptions, type DecidedGraphOptions, type GraphOptions } from './graph-options.ts';
import { collectVersions, readVersions } from './graph-history.ts';
import { partOf, WHOLE, type GraphPart } from './graph-part.ts';
import { GraphReads } from './graph-reads.ts';
import type { RowSource } from './graph-rows.ts';
import { LeasedQuery, LeasedSubscription, partOfSelector, type LoadingQuery } from './graph-subscriptions.ts';
import { GraphWriter } from './graph-writer.ts';
import { GraphWrites, type GraphWriteOptions } from './graph-writes.ts';
import { LiveGraph, type PartLease } from './live-graph.ts';
import { makeGraphClosed, PagedGraph, type PagedGraphParts } from './paged-graph.ts';
import { findMoment, PastReads } from './past-reads.ts';
import { IndexedPages, narrowByProperty } from './property-index.ts';

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
  readonly #options: DecidedGraphOptions;
  readonly #sealer: GraphSealer | undefined;
  readonly #onError: (error: unknown) => void;
  readonly #writes: GraphWrites;
  readonly #factory: OperationFactory;
  readonly #source: RowSource;
  readonly #paged: PagedGraph<S>;
  readonly #live: LiveGraph;
  readonly #loads = new Map<string, PartLease>();
  readonly #stopKeys: (() => void) | undefined;
  #closed = false;

  constructor(client: ModuleClient, options: SpacetimeEntityGraphOptions) {
    this.#client = client;
    this.#within = makeCallRunner('graph', client.timers);
    this.#options = decideGraphOptions(options);
    this.#factory = new OperationFactory({
      nextId: () => client.ids.nextId(),
      nowMs: () => Number(client.clock.nowMicros() / 1000n),
    });
    const { sealer, author = '', onError, copyName } = options;
    const { scope, heldRowsMax } = this.#options;
    this.#sealer = sealer;
    this.#onError = onError;
    this.#source = { read: client.readPage, sealer };
    const reads = new GraphReads({ read: client.cachedPage, sealer });
    this.#paged = new PagedGraph({
      ...this.#pagedParts(),
      pages: new IndexedPages(reads, client.clock),
      narrow: narrowByProperty,
    });
    this.#live = new LiveGraph({ client, source: this.#source, onError, heldRowsMax, copyName, scope });
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
    options: GraphWriteOptions,
  ): Promise<EntityOf<S, T>>;
  async createEntity<T extends EntityTypeOf<S>>(
    type: T,
    input?: EntityInput<EntityProperties<S, T>>,
    options: GraphWriteOptions = {},
  ): Promise<EntityOf<S, T>> {
    return typed(await this.#writes.entity(this.#factory.entity('create-entity', type, erase(input ?? {})), options));
  }

  async getEntity(entity: Reference, call?: CallOptions): Promise<EntityOf<S> | undefined> {
    return this.#within('getEntity', call, async () => {
      const isHere = this.#isHere('entity', idOf(entity));
      return isHere ? typed((await this.#upToDate()).getEntity(entity)) : this.#paged.getEntity(entity);
    });
  }

  async updateEntity<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    entity: Reference,
    patch: EntityPatch<EntityProperties<S, T>>,
    options: WriteOptions & GraphWriteOptions = {},
  ): Promise<EntityOf<S, T>> {
    return typed(await this.#writes.entity(this.#factory.updateEntity(entity, erase(patch), options), options));
  }

  async upsertEntity<T extends EntityTypeOf<S>>(
    type: T,
    input: EntityInput<EntityProperties<S, T>> & { readonly id: string },
    options: GraphWriteOptions = {},
  ): Promise<EntityOf<S, T>> {
    return typed(await this.#writes.entity(this.#factory.entity('upsert-entity', type, erase(input)), options));
  }

  async deleteEntity(entity: Reference, options: DeleteEntityOptions & GraphWriteOptions = {}): Promise<void> {
    await this.#writes.write([this.#factory.deleteEntity(entity, options)], options);
  }

  async createRelation<T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>>,
    options: GraphWriteOptions = {},
  ): Promise<RelationOf<S, T>> {
    return typed(await this.#writes.relation(this.#factory.relation('create-relation', type, erase(input)), options));
  }

  async getRelation(relation: Reference, call?: CallOptions): Promise<RelationOf<S> | undefined> {
    return this.#within('getRelation', call, async () => {
      const isHere = this.#isHere('relation', idOf(relation));
      return isHere ? typed((await this.#upToDate()).getRelation(relation)) : this.#paged.getRelation(relation);
    });
  }

  async updateRelation<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    relation: Reference,
    patch: RelationPatch<RelationProperties<S, T>>,
    options: WriteOptions & GraphWriteOptions = {},
  ): Promise<RelationOf<S, T>> {
    return typed(await this.#writes.relation(this.#factory.updateRelation(relation, erase(patch), options), options));
  }

  async upsertRelation<T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>> & { readonly id: string },
    options: GraphWriteOptions = {},
  ): Promise<RelationOf<S, T>> {
    return typed(await this.#writes.relation(this.#factory.relation('upsert-relation', type, erase(input)), options));
  }

  async deleteRelation(relation: Reference, options: WriteOptions & GraphWriteOptions = {}): Promise<void> {
    await this.#writes.write([this.#factory.deleteRelation(relation, options)], options);
  }

  async batch(build: (batch: GraphBatch<S>) => void, options: GraphWriteOptions = {}): Promise<void> {
    this.#assertOpen();
    const builder = new BatchBuilder(this.#factory);
    // The builder takes any types; the schema's are a promise of the caller's compiler.
    build(builder as GraphBatch<GraphSchema> as GraphBatch<S>);
    await this.#writes.write(builder.operations, options);
  }

  async query<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
    call?: CallOptions,
  ): Promise<readonly EntityOf<S, T>[]> {
    return this.#within('query', call, async () => {
      const held = await this.#holding('entity', query);
      return held === undefined ? this.#paged.query(query) : typed(held.query(erase<EntityQuery>(query)));
    });
  }

  async queryPage<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
    call?: CallOptions,
  ): Promise<Page<EntityOf<S, T>>> {
    return this.#within('queryPage', call, async () => {
      const held = await this.#holding('entity', query);
      return held === undefined ? this.#paged.queryPage(query) : typed(held.queryPage(erase<EntityQuery>(query)));
    });
  }

  async queryRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
    call?: CallOptions,
  ): Promise<readonly RelationOf<S, T>[]> {
    return this.#within('queryRelations', call, async () => {
      const held = await this.#holding('relation', query);
      return held === undefined
        ? this.#paged.queryRelations(query)
        : typed(held.queryRelations(erase<RelationQuery>(query)));
    });
  }

  async queryRelationsPage<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
    call?: CallOptions,
  ): Promise<Page<RelationOf<S, T>>> {
    return this.#within('queryRelationsPage', call, async () => {
      const held = await this.#holding('relation', query);
      return held === undefined
        ? this.#paged.queryRelationsPage(query)
        : typed(held.queryRelationsPage(erase<RelationQuery>(query)));
    });
  }

  /**
   * Entities that match, by pages, in the order in which they were last changed: the way to go through more than fits
   * in memory. An entity that changes meanwhile may come twice.
   */
  scan<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: Omit<EntityQuery<T, EntityProperties<S, T>>, 'orderBy' | 'limit' | 'cursor'> = {},
  ): AsyncGenerator<readonly EntityOf<S, T>[], void, undefined> {
    return this.#paged.scan(query);
  }

  /** As `scan`, for relations. */
  scanRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: Omit<RelationQuery<T, RelationProperties<S, T>>, 'orderBy' | 'limit' | 'cursor'> = {},
  ): AsyncGenerator<readonly RelationOf<S, T>[], void, undefined> {
    return this.#paged.scanRelations(query);
  }

  async relationsOf(
    entity: Reference,
    options: WalkOptions<RelationTypeOf<S>> = {},
    call?: CallOptions,
  ): Promise<readonly RelationOf<S>[]> {
    return this.#within('relationsOf', call, async () => {
      const held = await this.#walkable(options);
      return held === undefined
        ? this.#paged.relationsOf(entity, options)
        : typed(held.relationsOf(entity, erase(options)));
    });
  }

  async neighbors(
    entity: Reference,
    options: NeighborOptions<RelationTypeOf<S>> = {},
    call?: CallOptions,
  ): Promise<readonly EntityOf<S>[]> {
    return this.#within('neighbors', call, async () => {
      const held = await this.#walkable(options);
      return held === undefined
        ? this.#paged.neighbors(entity, options)
        : typed(held.neighbors(entity, erase(options)));
    });
  }

  async traverse(
    start: Reference,
    options: TraverseOptions<RelationTypeOf<S>> = {},
    call?: CallOptions,
  ): Promise<readonly Visit<EntityOf<S>, RelationOf<S>>[]> {
    return this.#within('traverse', call, async () => {
      const held = await this.#walkable(options);
      return held === undefined ? this.#paged.traverse(start, options) : typed(held.traverse(start, erase(options)));
    });
  }

  async shortestPath(
    from: Reference,
    to: Reference,
    options: PathOptions<RelationTypeOf<S>, RelationOf<S>> = {},
    call?: CallOptions,
  ): Promise<Path<EntityOf<S>, RelationOf<S>> | undefined> {
    return this.#within('shortestPath', call, async () => {
      const held = await this.#walkable(erase(options));
      return held === undefined
        ? this.#paged.shortestPath(from, to, options)
        : typed(held.shortestPath(from, to, erase(options)));
    });
  }

  /** The graph as everything recorded up to the end of a millisecond had made it, by pages. */
  async asOf(
    time: number | Date,
    call?: CallOptions,
  ): Promise<ReadableGraph<S> & Pick<PagedGraph<S>, 'scan' | 'scanRelations'>> {
    this.#assertOpen();
    const seq = await this.#within('asOf', call, () => findMoment(this.#source.read, time));
    return new PagedGraph<S>({ ...this.#pagedParts(), pages: new PastReads(this.#source, seq) });
  }

  /**
   * What the entity or relation of an id has been, the oldest first.
   * @throws NervError `graph/no-history`; `graph/too-large` for more versions than `versionsMax`: use `historyPages`
   */
  async history(of: Reference, call?: CallOptions): Promise<readonly RowVersion<EntityOf<S> | RelationOf<S>>[]> {
    const { versionsMax } = this.#options;
    return this.#within('history', call, (signal) =>
      collectVersions(this.historyPages(of), { id: idOf(of), versionsMax, signal }),
    );
  }

  /** As `history`, by pages. */
  async *historyPages(
    of: Reference,
  ): AsyncGenerator<readonly RowVersion<EntityOf<S> | RelationOf<S>>[], void, undefined> {
    this.#assertOpen();
    for await (const page of readVersions(this.#source, idOf(of))) yield typed(page);
  }

  /** Starts empty unless what it looks at is held here, and then tells of what loading that brings. */
  liveQuery<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): LoadingQuery<EntityOf<S, T>> {
    const wanted = erase<EntityQuery>(query);
    const lease = this.#leaseFor('entity', wanted);
    return typed(new LeasedQuery(this.#live.graph.liveQuery(wanted), lease, this.#reportError));
  }

  /** As `liveQuery`. */
  liveRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): LoadingQuery<RelationOf<S, T>> {
    const wanted = erase<RelationQuery>(query);
    const lease = this.#leaseFor('relation', wanted);
    return typed(new LeasedQuery(this.#live.graph.liveRelations(wanted), lease, this.#reportError));
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
    const { walkEntitiesMax: entitiesMax } = this.#options;
    const { telemetry } = this.#client;
    return { limits: { entitiesMax }, telemetry, sealer: this.#sealer, assertOpen: () => this.#assertOpen() };
  }

  #assertOpen(): void {
    if (this.#closed) throw makeGraphClosed();
  }

  /** Whether a row, if it exists, is held here, or is a wish of one's own that is shown here. */
  #isHere(kind: GraphKind, id: string): boolean {
    this.#assertOpen();
    const { graph } = this.#live;
    const row = kind === 'entity' ? graph.getEntity(id) : graph.getRelation(id);
    return row !== undefined || this.#live.covers(kind, {});
  }

  /** What is held, if all that a query can find is. */
  async #holding(kind: GraphKind, query: object): Promise<LocalEntityGraph | undefined> {
    this.#assertOpen();
    if (!this.#live.covers(kind, query)) return undefined;
    this.#sealer?.checkQuery(kind, query);
    return this.#upToDate();
  }

  /** What is held, if all that a walk can meet is. */
  async #walkable({ relationType }: WalkOptions): Promise<LocalEntityGraph | undefined> {
    this.#assertOpen();
    return this.#live.coversWalk(relationType) ? this.#upToDate() : undefined;
  }

  #upToDate(): Promise<LocalEntityGraph> {
    return this.#live.upToDate();
  }

  #leaseFor(kind: GraphKind, query: EntityQuery | RelationQuery): PartLease {
    this.#assertOpen();
    this.#sealer?.checkQuery(kind, query);
    return this.#live.leaseCovering(partOf(kind, query));
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
