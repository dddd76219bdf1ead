/*
 * The entity graph over the module. Invariants:
 * - a read that begins after a write of this process has resolved sees it;
 * - single rows, neighbours and filtered queries are read by pages and need no memory of the whole; walks over the
 *   whole graph, live queries and subscriptions load it once and follow the log from there.
 */
import {
  EntityNotFoundError,
  NervError,
  RelationNotFoundError,
  type ChangeHandler,
  type ChangeSelector,
  type DeleteEntityOptions,
  type EntityGraph,
  type EntityInput,
  type EntityOf,
  type EntityPatch,
  type EntityProperties,
  type EntityQuery,
  type EntityTypeOf,
  type GraphBatch,
  type GraphSchema,
  type GraphSubscription,
  type InputArguments,
  type LiveQuery,
  type LocalEntityGraph,
  type NeighborOptions,
  type Page,
  type Path,
  type PathOptions,
  type Reference,
  type RelationInput,
  type RelationOf,
  type RelationPatch,
  type RelationProperties,
  type RelationQuery,
  type RelationTypeOf,
  type TraverseOptions,
  type Visit,
  type WalkOptions,
  type WriteOptions,
} from '@inner-universe/nerv';
import {
  BatchBuilder,
  GraphReplica,
  isValidAt,
  makeWalk,
  OperationFactory,
  type ConfirmedRow,
  type GraphOperation,
  type Walk,
} from '@inner-universe/nerv/graph/replica';
import type { ModuleClient } from '../client/client.ts';
import type { GraphSealer } from '../encryption/graph-sealer.ts';
import { GraphWriter } from './graph-writer.ts';
import { GraphReads } from './graph-reads.ts';
import type { StoredEntity, StoredRelation } from './graph-rows.ts';
import { LiveGraph } from './live-graph.ts';

/** How a graph over the module behaves where a call says nothing. */
export interface SpacetimeEntityGraphOptions {
  /** Label of who writes; never trusted. */
  readonly author?: string | undefined;
  /** Where what is created may be read from; default `main`. */
  readonly scope?: string | undefined;
  readonly onError: (error: unknown) => void;
  /** Seals properties before they are sent, and opens what is read. */
  readonly sealer?: GraphSealer | undefined;
}

const NEIGHBORS_MAX = 1_000;
/** How many entities' relations are read at the same time. */
const READS_AT_ONCE = 16;

/** An `EntityGraph` that lives in the module, shared live with everybody who may read it. */
export class SpacetimeEntityGraph<S extends GraphSchema = GraphSchema> implements EntityGraph<S> {
  readonly #writer: GraphWriter;
  readonly #factory: OperationFactory;
  readonly #reads: GraphReads;
  readonly #live: LiveGraph;
  readonly #sealer: GraphSealer | undefined;
  readonly #onError: (error: unknown) => void;
  #closed = false;

  constructor(client: ModuleClient, options: SpacetimeEntityGraphOptions) {
    this.#onError = options.onError;
    this.#factory = new OperationFactory({
      nextId: () => client.ids.nextId(),
      nowMs: () => Number(client.clock.nowMicros() / 1000n),
    });
    const { sealer } = options;
    const source = { read: client.readPage, sealer };
    this.#sealer = sealer;
    this.#reads = new GraphReads(source);
    this.#writer = new GraphWriter(client, sealer, { scope: options.scope ?? 'main', author: options.author ?? '' });
    this.#live = new LiveGraph(client, source, options.onError);
  }

  async createEntity<T extends EntityTypeOf<S>>(
    type: T,
    ...[input]: InputArguments<EntityInput<EntityProperties<S, T>>>
  ): Promise<EntityOf<S, T>> {
    return this.#writeEntity(this.#factory.entity('create-entity', type, erase(input ?? {})));
  }

  async getEntity(entity: Reference): Promise<EntityOf<S> | undefined> {
    this.#assertOpen();
    const [found] = await this.#reads.entitiesById([idOf(entity)]);
    return typed(found);
  }

  async updateEntity<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    entity: Reference,
    patch: EntityPatch<EntityProperties<S, T>>,
    options?: WriteOptions,
  ): Promise<EntityOf<S, T>> {
    return this.#writeEntity(this.#factory.updateEntity(entity, erase(patch), options));
  }

  async upsertEntity<T extends EntityTypeOf<S>>(
    type: T,
    input: EntityInput<EntityProperties<S, T>> & { readonly id: string },
  ): Promise<EntityOf<S, T>> {
    return this.#writeEntity(this.#factory.entity('upsert-entity', type, erase(input)));
  }

  async deleteEntity(entity: Reference, options?: DeleteEntityOptions): Promise<void> {
    const operation = this.#factory.deleteEntity(entity, options);
    await this.#write(() => this.#writer.write([operation]));
  }

  async createRelation<T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>>,
  ): Promise<RelationOf<S, T>> {
    return this.#writeRelation(this.#factory.relation('create-relation', type, erase(input)));
  }

  async getRelation(relation: Reference): Promise<RelationOf<S> | undefined> {
    this.#assertOpen();
    const [found] = await this.#reads.relationsById([idOf(relation)]);
    return typed(found);
  }

  async updateRelation<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    relation: Reference,
    patch: RelationPatch<RelationProperties<S, T>>,
    options?: WriteOptions,
  ): Promise<RelationOf<S, T>> {
    return this.#writeRelation(this.#factory.updateRelation(relation, erase(patch), options));
  }

  async upsertRelation<T extends RelationTypeOf<S>>(
    type: T,
    input: RelationInput<RelationProperties<S, T>> & { readonly id: string },
  ): Promise<RelationOf<S, T>> {
    return this.#writeRelation(this.#factory.relation('upsert-relation', type, erase(input)));
  }

  async deleteRelation(relation: Reference, options?: WriteOptions): Promise<void> {
    const operation = this.#factory.deleteRelation(relation, options);
    await this.#write(() => this.#writer.write([operation]));
  }

  async batch(build: (batch: GraphBatch<S>) => void): Promise<void> {
    this.#assertOpen();
    const builder = new BatchBuilder(this.#factory);
    // The builder takes any types; the schema's are a promise of the caller's compiler.
    build(builder as GraphBatch<GraphSchema> as GraphBatch<S>);
    await this.#write(() => this.#writer.write(builder.operations));
  }

  async query<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): Promise<readonly EntityOf<S, T>[]> {
    return typed((await this.#candidates(query)).query(erase<EntityQuery>(query)));
  }

  async queryPage<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): Promise<Page<EntityOf<S, T>>> {
    return typed((await this.#candidates(query)).queryPage(erase<EntityQuery>(query)));
  }

  async queryRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): Promise<readonly RelationOf<S, T>[]> {
    return typed((await this.#relationCandidates(query)).queryRelations(erase<RelationQuery>(query)));
  }

  async queryRelationsPage<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): Promise<Page<RelationOf<S, T>>> {
    return typed((await this.#relationCandidates(query)).queryRelationsPage(erase<RelationQuery>(query)));
  }

  async relationsOf(
    entity: Reference,
    options: WalkOptions<RelationTypeOf<S>> = {},
  ): Promise<readonly RelationOf<S>[]> {
    if (this.#live.isLoaded) return typed((await this.#whole()).relationsOf(entity, erase(options)));
    const id = idOf(entity);
    const walk = makeWalk(options, 'both');
    await this.#requireEntity(id);
    const ties = await this.#ties(id, walk);
    const ends = new Set(await this.#holding(otherEnds(id, ties), walk));
    return typed(ties.filter((tie) => otherEnds(id, [tie]).every((end) => ends.has(end))));
  }

  async neighbors(
    entity: Reference,
    options: NeighborOptions<RelationTypeOf<S>> = {},
  ): Promise<readonly EntityOf<S>[]> {
    if (this.#live.isLoaded) return typed((await this.#whole()).neighbors(entity, options));
    const { depth = 1, limit = NEIGHBORS_MAX } = options;
    const walk = makeWalk(options, 'both');
    const start = idOf(entity);
    await this.#requireEntity(start);
    const reached = new Set([start]);
    let ring = [start];
    for (let step = 0; step < depth && ring.length > 0 && reached.size <= limit; step += 1) {
      const ends = new Set(await this.#otherEndsOf(ring, walk));
      ring = await this.#holding(
        [...ends].filter((id) => !reached.has(id)),
        walk,
      );
      for (const id of ring) reached.add(id);
    }
    const ids = [...reached].slice(1, limit + 1);
    const rows = new Map((await this.#reads.entitiesById(ids)).map((row) => [row.id, row]));
    return typed(ids.map((id) => rows.get(id)).filter((row) => row !== undefined));
  }

  async traverse(
    start: Reference,
    options?: TraverseOptions<RelationTypeOf<S>>,
  ): Promise<readonly Visit<EntityOf<S>, RelationOf<S>>[]> {
    return typed((await this.#whole()).traverse(start, erase(options)));
  }

  async shortestPath(
    from: Reference,
    to: Reference,
    options?: PathOptions<RelationTypeOf<S>, RelationOf<S>>,
  ): Promise<Path<EntityOf<S>, RelationOf<S>> | undefined> {
    return typed((await this.#whole()).shortestPath(from, to, erase(options)));
  }

  /** Starts empty unless the graph is loaded already, and then tells of what loading brings. */
  liveQuery<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query?: EntityQuery<T, EntityProperties<S, T>>,
  ): LiveQuery<EntityOf<S, T>> {
    this.#assertOpen();
    if (query !== undefined) this.#sealer?.checkQuery('entity', erase(query));
    this.#loadInBackground();
    return typed(this.#live.graph.liveQuery(erase<EntityQuery | undefined>(query)));
  }

  /** As `liveQuery`. */
  liveRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query?: RelationQuery<T, RelationProperties<S, T>>,
  ): LiveQuery<RelationOf<S, T>> {
    this.#assertOpen();
    if (query !== undefined) this.#sealer?.checkQuery('relation', erase(query));
    this.#loadInBackground();
    return typed(this.#live.graph.liveRelations(erase<RelationQuery | undefined>(query)));
  }

  /** Loads the graph first, so that changes can be told from what was there; `load` says when it listens. */
  subscribe(handler: ChangeHandler<S>): GraphSubscription;
  subscribe(selector: ChangeSelector, handler: ChangeHandler<S>): GraphSubscription;
  subscribe(first: ChangeSelector | ChangeHandler<S>, second?: ChangeHandler<S>): GraphSubscription {
    this.#assertOpen();
    const subscription = new LateSubscription();
    const attach = (): GraphSubscription =>
      typeof first === 'function'
        ? this.#live.graph.subscribe(erase(first))
        : this.#live.graph.subscribe(first, erase<ChangeHandler<GraphSchema>>(second));
    if (this.#live.isLoaded) subscription.attach(attach);
    else this.#live.load().then(() => subscription.attach(attach), this.#reportLoading);
    return subscription;
  }

  /** Resolves when the whole graph is held here and followed; from then on subscribers miss nothing. */
  load(): Promise<void> {
    return this.#live.load();
  }

  /** What is held here, for rendering: empty until `load`. Its own writes go nowhere. */
  get loaded(): LocalEntityGraph<S> {
    return typed(this.#live.graph);
  }

  /** Ends subscriptions and live queries. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#live.close();
  }

  #assertOpen(): void {
    if (this.#closed) throw new NervError('graph/closed', 'The graph is closed. Open the universe again.');
  }

  /** Resolves when it is written, and told to those who subscribed here before. */
  async #write(write: () => Promise<void>): Promise<void> {
    this.#assertOpen();
    await this.#live.begun();
    await write();
    await this.#live.settle();
  }

  async #writeEntity<T extends EntityTypeOf<S>>(operation: GraphOperation): Promise<EntityOf<S, T>> {
    await this.#write(() =>
      operation.type === 'update-entity' ? this.#writer.update(operation) : this.#writer.write([operation]),
    );
    const id = 'input' in operation ? operation.input.id : operation.id;
    const [row] = await this.#reads.entitiesById([id]);
    if (row === undefined) throw new EntityNotFoundError(id); // somebody deleted it in between
    return typed(row);
  }

  async #writeRelation<T extends RelationTypeOf<S>>(operation: GraphOperation): Promise<RelationOf<S, T>> {
    await this.#write(() =>
      operation.type === 'update-relation' ? this.#writer.update(operation) : this.#writer.write([operation]),
    );
    const id = 'input' in operation ? operation.input.id : operation.id;
    const [row] = await this.#reads.relationsById([id]);
    if (row === undefined) throw new RelationNotFoundError(id); // as above
    return typed(row);
  }

  async #requireEntity(id: string): Promise<void> {
    if ((await this.#reads.entitiesById([id])).length === 0) throw new EntityNotFoundError(id);
  }

  /** The relations of an entity that the walk may take. */
  async #ties(id: string, { direction, types, validAt }: Walk): Promise<readonly StoredRelation[]> {
    const found: StoredRelation[] = [];
    for await (const rows of this.#reads.relations({ endId: id })) {
      for (const row of rows) {
        const fits = direction === 'both' || row.bidirectional || (direction === 'out' ? row.from : row.to) === id;
        const isWalked = fits && (types === undefined || types.has(row.type));
        if (isWalked && (validAt === undefined || isValidAt(row, validAt))) found.push(row);
      }
    }
    return found;
  }

  /** Of these entities the ones that hold at the walk's time, if it has one. */
  async #holding(ids: readonly string[], { validAt }: Walk): Promise<string[]> {
    if (validAt === undefined) return [...ids];
    const rows = await this.#reads.entitiesById([...new Set(ids)]);
    return rows.filter((row) => isValidAt(row, validAt)).map(({ id }) => id);
  }

  async #otherEndsOf(ids: readonly string[], walk: Walk): Promise<readonly string[]> {
    const found: string[] = [];
    for (let start = 0; start < ids.length; start += READS_AT_ONCE) {
      const some = ids.slice(start, start + READS_AT_ONCE);
      const ties = await Promise.all(some.map(async (id) => otherEnds(id, await this.#ties(id, walk))));
      for (const ends of ties) found.push(...ends);
    }
    return found;
  }

  /** The entities that can match a query, as a graph that then answers it: what the module filters is not loaded. */
  async #candidates(query: EntityQuery): Promise<LocalEntityGraph> {
    this.#assertOpen();
    makeGraphOf([]).queryPage(query); // a query that makes no sense is refused before anything is read
    this.#sealer?.checkQuery('entity', query);
    if (this.#live.isLoaded) return this.#whole();
    const entityType = singleType(query.type);
    const rows: StoredEntity[] = [];
    for await (const page of this.#reads.entities({ entityType, tag: query.tags?.[0], name: query.name }))
      rows.push(...page);
    return makeGraphOf(rows.map((row) => ({ type: 'entity', row })));
  }

  async #relationCandidates(query: RelationQuery): Promise<LocalEntityGraph> {
    this.#assertOpen();
    makeGraphOf([]).queryRelationsPage(query);
    this.#sealer?.checkQuery('relation', query);
    if (this.#live.isLoaded) return this.#whole();
    const { from: fromId, to: toId, name } = query;
    const rows: StoredRelation[] = [];
    for await (const page of this.#reads.relations({ relationType: singleType(query.type), fromId, toId, name }))
      rows.push(...page);
    return makeGraphOf(rows.map((row) => ({ type: 'relation', row })));
  }

  async #whole(): Promise<LocalEntityGraph> {
    this.#assertOpen();
    return this.#live.upToDate();
  }

  readonly #reportLoading = (error: unknown): void => {
    if (!this.#closed) this.#onError(error);
  };

  #loadInBackground(): void {
    this.#live.load().catch(this.#reportLoading);
  }
}

/** A subscription that begins when the graph has been loaded, and may end before. */
class LateSubscription implements GraphSubscription {
  #subscription: GraphSubscription | undefined;
  #ended = false;

  get active(): boolean {
    return !this.#ended && (this.#subscription?.active ?? true);
  }

  attach(start: () => GraphSubscription): void {
    if (!this.#ended) this.#subscription = start();
  }

  unsubscribe(): void {
    this.#ended = true;
    this.#subscription?.unsubscribe();
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }
}

function otherEnds(id: string, ties: readonly StoredRelation[]): readonly string[] {
  return ties.map((tie) => (tie.from === id ? tie.to : tie.from));
}

function makeGraphOf(rows: readonly ConfirmedRow[]): LocalEntityGraph {
  const replica = new GraphReplica();
  replica.confirm(rows);
  return replica.graph;
}

function singleType(type: string | readonly string[] | undefined): string | undefined {
  if (type === undefined || typeof type === 'string') return type;
  return type.length === 1 ? type[0] : undefined;
}

function idOf(reference: Reference): string {
  return typeof reference === 'string' ? reference : reference.id;
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
