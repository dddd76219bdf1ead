import { assert } from '../assert.ts';
import { Catalog } from '../query/catalog.ts';
import { compileOneOffQuery, compileSubscription } from '../query/compile.ts';
import { evaluateRows } from '../query/evaluator.ts';
import { explainIncremental, explainPlan } from '../query/explain.ts';
import { evaluateChange } from '../query/incremental.ts';
import { WorkMeter } from '../query/work-meter.ts';
import { CandidateIndex } from './candidate-index.ts';
import { DerivedTables } from './derived-tables.ts';
import { describeFailure } from './describe-failure.ts';
import { differenceOf } from './row-difference.ts';
import { JoinColumns } from './join-columns.ts';
import { makeLiveQuery, othersKey, senderKey, tablesOf } from './live-query.ts';
import { QueryUpdate, shared, type SharedRows } from './shared-results.ts';
import { SnapshotCache } from './snapshot-cache.ts';
import { UpdateCollector } from './update-collector.ts';
import type { Row, StateView, TableDelta } from '../datastore/state-view.ts';
import type { RowRules } from '../row-security/row-rules.ts';
import type { TableDef } from '../schema/module-def.ts';
import type { Visibility } from '../query/catalog.ts';
import type { CompileOptions, RowsQuery } from '../query/compile.ts';
import type { WorkCounters } from '../query/work-meter.ts';
import type { QueryMetrics } from '../metrics/query-metrics.ts';
import type { Delta, IncrementalContext } from '../query/incremental.ts';
import type { ClientKey, LiveQuery, LiveQueryFacts, QuerySet, QuerySetFacts } from './live-query.ts';
import type { QuerySetUpdate, TableRows } from './shared-results.ts';
import type { EndedView, ViewTables } from '../views/view-tables.ts';

export type { Visibility } from '../query/catalog.ts';

/*
 * - One `LiveQuery` stands for all subscribers of one text that see the same rows: it is planned once, and evaluated
 *   once for each commit that can affect it.
 * - A query that is live is in the candidate index, its hash tables exist and its views are in use; all of it ends with
 *   its last subscriber.
 * - A result that is kept is that of the present state: it is dropped by the update that changes it.
 * - A refused `subscribe` leaves nothing behind.
 * - A query set gets the changes of every commit behind the state that its rows were taken from, and no others: the
 *   caller subscribes and commits in one serial order, and calls `evaluate` inside each commit.
 */

/** Live queries of one client, counted once for each query set they stand in. */
const QUERIES_PER_CLIENT_MAX = 100_000;

const HASHED_ROWS_MAX = 1_000_000;
const SNAPSHOT_CACHE_BYTES_MAX = 64 * 1024 * 1024;

const SNAPSHOT_CACHE_ROWS_MIN = 256;

/** What subscriptions may cost. */
export interface SubscriptionLimits {
  /** Default 100,000; a query counts once for each query set it stands in. */
  readonly queriesPerClientMax?: number | undefined;
  /** Rows that one evaluation of one query may look at. Default 10,000,000. */
  readonly rowsPerQueryMax?: number | undefined;
  /** Rows that may be held in hash tables for join columns without an index, together. Default 1,000,000. */
  readonly hashedRowsMax?: number | undefined;
  /** Memory for results that several clients may ask for one after another. Default 64 MiB. */
  readonly snapshotCacheBytesMax?: number | undefined;
  /** How many rows must be looked at for a result to be kept in that memory. Default 256. */
  readonly snapshotCacheRowsMin?: number | undefined;
}

export interface SubscriptionManagerOptions extends SubscriptionLimits {
  /** Every table that SQL may name, system tables included. */
  readonly tables: readonly TableDef[];
  /** The views of the module; without them there are none. */
  readonly views?: ViewTables | undefined;
  /** The row-level security of the module; without it everybody sees every row of public tables. */
  readonly rules?: RowRules | undefined;
  /** The committed state: read while subscribing, and while evaluating a commit that is already part of it. */
  readonly state: StateView;
  /** True refuses what SpacetimeDB refuses although we could answer it: NOT, joins without an index. Default false. */
  readonly strictCompat?: boolean | undefined;
  /** Where it is counted what queries cost; absent: nowhere. */
  readonly metrics?: QueryMetrics | undefined;
}

export interface SubscribeRequest {
  readonly querySetId: number;
  readonly queries: readonly string[];
  readonly visibility: Visibility;
}

/**
 * `applied`: the rows of each query, in order, without the queries that have none. `error`: nothing was registered.
 * `duplicate`: the id is in use on this connection, which is to be closed with this message.
 */
export type SubscribeResult =
  | { readonly type: 'applied'; readonly tables: readonly TableRows[] }
  | { readonly type: 'error'; readonly message: string }
  | { readonly type: 'duplicate'; readonly message: string };

/** `tables` is undefined unless the rows were asked for. */
export type UnsubscribeResult =
  | { readonly type: 'applied'; readonly tables: readonly TableRows[] | undefined }
  | { readonly type: 'error'; readonly message: string };

/** The rows of one query; there may be none. */
export type OneOffResult =
  | { readonly type: 'rows'; readonly table: TableRows }
  | { readonly type: 'error'; readonly message: string };

/** What a manager holds and what it did. */
export interface SubscriptionStatus extends WorkCounters {
  readonly clients: number;
  readonly querySets: number;
  /** Queries of all query sets. */
  readonly subscribedQueries: number;
  /** Distinct queries; one that several query sets share counts once. */
  readonly liveQueries: number;
  /** Hash tables for join columns without an index. */
  readonly hashTables: number;
}

interface Client {
  readonly querySets: Map<number, QuerySet>;
  queryCount: number;
}

/** Concerns no client. */
const NOBODY: ReadonlyMap<ClientKey, never> = new Map<ClientKey, never>();

const STAR = /^SELECT\s+\*\s+FROM\s+\*\s*;?$/i;

/** All subscriptions to one database. Pure: it sends nothing, it says what is to be sent. */
export class SubscriptionManager {
  readonly #catalog: Catalog;
  readonly #derived: DerivedTables;
  readonly #strictCompat: boolean;
  readonly #queriesPerClientMax: number;
  readonly #clients = new Map<ClientKey, Client>();
  readonly #queries = new Map<string, LiveQuery>();
  readonly #candidates = new CandidateIndex<LiveQuery>();
  readonly #joinColumns: JoinColumns;
  readonly #snapshotCacheRowsMin: number;
  readonly #snapshots: SnapshotCache<LiveQuery>;
  readonly #failedClients = new Map<ClientKey, string>();
  readonly #work: WorkMeter;
  readonly #metrics: QueryMetrics | undefined;
  readonly #context: IncrementalContext;

  constructor(options: SubscriptionManagerOptions) {
    this.#work = new WorkMeter(options.rowsPerQueryMax);
    this.#derived = new DerivedTables(options, this.#work);
    this.#catalog = new Catalog(options.tables, options.views, this.#derived.restrictions);
    const { state } = this.#derived;
    this.#strictCompat = options.strictCompat ?? false;
    this.#metrics = options.metrics;
    this.#queriesPerClientMax = options.queriesPerClientMax ?? QUERIES_PER_CLIENT_MAX;
    this.#snapshotCacheRowsMin = options.snapshotCacheRowsMin ?? SNAPSHOT_CACHE_ROWS_MIN;
    this.#snapshots = new SnapshotCache(options.snapshotCacheBytesMax ?? SNAPSHOT_CACHE_BYTES_MAX);
    this.#joinColumns = new JoinColumns(state, options.hashedRowsMax ?? HASHED_ROWS_MAX);
    this.#context = {
      state,
      work: this.#work,
      hashedRows: ({ relation }, key, value) => this.#joinColumns.rows(relation.table.id, key, value),
    };
  }

  /** Evaluates all queries on the present state and keeps them up to date from here on; all of them or none. */
  subscribe(client: ClientKey, request: SubscribeRequest): SubscribeResult {
    const startMs = this.#metrics?.nowMs() ?? 0;
    const result = this.#subscribe(client, request);
    this.#derived.settle();
    this.#metrics?.subscribed(startMs);
    return result;
  }

  #subscribe(client: ClientKey, request: SubscribeRequest): SubscribeResult {
    const { querySetId, visibility } = request;
    const known = this.#clients.get(client);
    if (known?.querySets.has(querySetId) === true) {
      return { type: 'duplicate', message: `Subscription with id ${querySetId} already exists for this client` };
    }
    const queries = new Map<string, LiveQuery>();
    for (const text of request.queries) {
      const error = this.#compileInto(queries, text, visibility);
      if (error !== undefined) return { type: 'error', message: error };
    }
    const count = (known?.queryCount ?? 0) + queries.size;
    if (count > this.#queriesPerClientMax) return { type: 'error', message: this.#tooManyQueries(count) };
    const distinct = new Set(queries.values());
    try {
      return this.#using(distinct, () => this.#startSet(client, { client, querySetId, queries: distinct }));
    } catch (error) {
      return { type: 'error', message: describeFailure(error) };
    }
  }

  /** Ends a query set. Its id is free again afterwards, also when its rows were asked for and went over the limit. */
  unsubscribe(client: ClientKey, querySetId: number, { sendRows }: { readonly sendRows: boolean }): UnsubscribeResult {
    const querySet = this.#clients.get(client)?.querySets.get(querySetId);
    if (querySet === undefined) return { type: 'error', message: `Subscription not found: ${querySetId}` };
    const tables = sendRows ? this.#tryCurrentRows(querySet.queries) : undefined;
    this.#unregister(querySet);
    this.#derived.settle();
    if (typeof tables === 'string') return { type: 'error', message: tables };
    return { type: 'applied', tables };
  }

  /** Answers one query of the subscriptions' grammar on the present state. */
  oneOffQuery(sql: string, visibility: Visibility): OneOffResult {
    const text = sql.trim();
    try {
      const query = compileOneOffQuery(text, this.#compileOptions(visibility));
      const rows = this.#using([query], () => shared(this.#answer(query, text)));
      return { type: 'rows', table: { tableName: query.table.name, rows } };
    } catch (error) {
      return { type: 'error', message: describeFailure(error, text) };
    } finally {
      this.#derived.settle();
    }
  }

  /**
   * Takes over the query sets of the manager of another program over the same rows, before anything else is asked of
   * this one. Gives what changed for whom, as `evaluate` does: only views can return other rows. Clients with a query
   * that cannot be asked any more are in `takeFailedClients`. The other manager stays as it is.
   * @throws {ViewError} when a view fails
   */
  takeOverFrom(
    old: SubscriptionManager,
    visibilityOf: (client: ClientKey) => Visibility,
  ): ReadonlyMap<ClientKey, readonly QuerySetUpdate[]> {
    const updates = new UpdateCollector<ClientKey>();
    const changes = new Map<LiveQuery, QueryUpdate | undefined>();
    for (const [client, { querySets }] of old.#clients) {
      for (const querySet of querySets.values()) {
        const queries = this.#tryAdopt(querySet, visibilityOf(client));
        if (typeof queries === 'string') {
          this.#failedClients.set(client, queries);
          continue;
        }
        for (const query of queries) {
          if (!changes.has(query)) changes.set(query, this.#changeSince(old, query));
          const update = changes.get(query);
          if (update !== undefined) updates.add(client, querySet.querySetId, update);
        }
      }
    }
    const result = updates.finish();
    this.#dropFailed(result);
    for (const derived of [this.#derived, old.#derived]) derived.settle();
    return result;
  }

  /** Forgets a client and all its query sets; one that is not known is fine. */
  removeClient(client: ClientKey): void {
    for (const querySet of this.#clients.get(client)?.querySets.values() ?? []) this.#unregister(querySet);
    this.#derived.settle();
  }

  /**
   * What a commit changed for whom. To be called inside the commit, when the state has it. Clients without a change
   * are not in the result; sets ascend by id. Clients that share a query share the objects of its update.
   */
  evaluate(deltas: readonly TableDelta[]): ReadonlyMap<ClientKey, readonly QuerySetUpdate[]> {
    assert(this.#failedClients.size === 0, 'failed clients are taken after each evaluation');
    if (this.#queries.size === 0) return NOBODY;
    const all = this.#derived.follow(deltas);
    this.#joinColumns.apply(all);
    this.#work.startOverhead();
    for (const ended of this.#derived.takeEnded()) this.#failUsersOf(ended);
    const updates = new UpdateCollector<ClientKey>();
    for (const [query, changes] of this.#candidates.route({ ...this.#context, deltas: all })) {
      const before = this.#work.rowsScanned;
      const update = this.#evaluateQuery(query, changes);
      this.#metrics?.deltaEvaluated(query, this.#work.rowsScanned - before, update !== undefined);
      if (update === undefined) continue;
      for (const { client, querySetId } of query.subscribers) updates.add(client, querySetId, update);
    }
    const result = updates.finish();
    this.#dropFailed(result);
    this.#derived.settle();
    return result;
  }

  /**
   * Clients with a query that the last `evaluate` had to give up, because its change went over the limit of rows or a
   * view in it failed, and why. They are forgotten here and missed the commit: their connections are to be closed with this message.
   */
  takeFailedClients(): ReadonlyMap<ClientKey, string> {
    if (this.#failedClients.size === 0) return NOBODY;
    const failed = new Map(this.#failedClients);
    this.#failedClients.clear();
    return failed;
  }

  /** How a query would be answered and kept up to date, or why it is refused; for people. */
  explain(sql: string, visibility: Visibility): string {
    const text = sql.trim();
    try {
      const { plan, incremental } = compileSubscription(text, this.#compileOptions(visibility));
      return `${explainPlan(plan)}\n${explainIncremental(plan, incremental)}`;
    } catch (error) {
      return describeFailure(error, text);
    }
  }

  /** The distinct queries that are kept up to date. */
  get liveQueries(): Iterable<LiveQueryFacts> {
    return this.#queries.values();
  }

  /** The query sets of a client. */
  querySetsOf(client: ClientKey): Iterable<QuerySetFacts> {
    return this.#clients.get(client)?.querySets.values() ?? [];
  }

  status(): SubscriptionStatus {
    let querySets = 0;
    let subscribedQueries = 0;
    for (const client of this.#clients.values()) {
      querySets += client.querySets.size;
      subscribedQueries += client.queryCount;
    }
    return {
      ...this.#work.counters,
      clients: this.#clients.size,
      querySets,
      subscribedQueries,
      liveQueries: this.#queries.size,
      hashTables: this.#joinColumns.count,
    };
  }

  /** Adds what a text stands for; gives the error's text when it cannot be compiled. */
  #compileInto(queries: Map<string, LiveQuery>, sql: string, visibility: Visibility): string | undefined {
    const trimmed = sql.trim();
    const texts = STAR.test(trimmed) ? this.#catalog.expandStar(visibility) : [trimmed];
    for (const text of texts) {
      try {
        const query = this.#findQuery(text, visibility) ?? this.#compileQuery(text, visibility);
        // The same text twice in one set is one query: it may have been compiled twice, as it is not registered yet.
        if (!queries.has(query.key)) queries.set(query.key, query);
      } catch (error) {
        return describeFailure(error, text);
      }
    }
    return undefined;
  }

  /** A live query of this text that answers for this asker too. */
  #findQuery(text: string, visibility: Visibility): LiveQuery | undefined {
    const own = this.#queries.get(senderKey(text, visibility));
    if (own !== undefined) return own;
    const query = (visibility.isOwner ? undefined : this.#queries.get(othersKey(text))) ?? this.#queries.get(text);
    return query?.isOwnerOnly === true && !visibility.isOwner ? undefined : query;
  }

  #compileQuery(text: string, visibility: Visibility): LiveQuery {
    return makeLiveQuery(compileSubscription(text, this.#compileOptions(visibility)), text, visibility);
  }

  #compileOptions(visibility: Visibility): CompileOptions {
    return { catalog: this.#catalog, visibility, strictCompat: this.#strictCompat };
  }

  #dropFailed(updates: Map<ClientKey, readonly QuerySetUpdate[]>): void {
    for (const client of this.#failedClients.keys()) {
      updates.delete(client);
      this.removeClient(client);
    }
  }

  /** Registers a query set of another manager, without its rows; the error's text when it cannot be asked here. */
  #tryAdopt({ client, querySetId, queries }: QuerySet, visibility: Visibility): ReadonlySet<LiveQuery> | string {
    const adopted = new Map<string, LiveQuery>();
    for (const { text } of queries) {
      const error = this.#compileInto(adopted, text, visibility);
      if (error !== undefined) return error;
    }
    const distinct = new Set(adopted.values());
    try {
      this.#work.startPreparation();
      this.#joinColumns.checkRoom(distinct);
    } catch (error) {
      return describeFailure(error);
    }
    this.#register(client, { client, querySetId, queries: distinct });
    return distinct;
  }

  /** What a query returns other than it did when another program ran. */
  #changeSince(old: SubscriptionManager, query: LiveQuery): QueryUpdate | undefined {
    const before = old.#queries.get(query.key);
    if (before === undefined || !tablesOf(query).some(({ view }) => view !== undefined)) return undefined;
    const change = differenceOf(evaluateRows(before.plan, old.#context), evaluateRows(query.plan, this.#context));
    if (change.inserts.length === 0 && change.deletes.length === 0) return undefined;
    return new QueryUpdate(query.table, shared(change.inserts), shared(change.deletes));
  }

  /** Evaluates a query set whose views are there, and registers it. */
  #startSet(client: ClientKey, querySet: QuerySet): SubscribeResult {
    const tables = this.#tryStart(querySet.queries);
    if (typeof tables === 'string') return { type: 'error', message: tables };
    this.#register(client, querySet);
    return { type: 'applied', tables };
  }

  /** Has what some queries are asked of there for the time of `action`. @throws {ViewError} when a view fails */
  #using<Result>(queries: Iterable<RowsQuery>, action: () => Result): Result {
    return this.#derived.using([...queries].flatMap(tablesOf), action);
  }

  #failUsersOf({ table, message }: EndedView): void {
    for (const query of this.#queries.values()) {
      if (!tablesOf(query).includes(table)) continue;
      for (const { client } of query.subscribers) this.#failedClients.set(client, message);
    }
  }

  #tryStart(queries: ReadonlySet<LiveQuery>): readonly TableRows[] | string {
    try {
      this.#work.startPreparation();
      this.#joinColumns.checkRoom(queries);
    } catch (error) {
      return describeFailure(error);
    }
    return this.#tryCurrentRows(queries);
  }

  /** The rows of each query that has any; the error's text when one goes over the limit of rows. */
  #tryCurrentRows(queries: ReadonlySet<LiveQuery>): readonly TableRows[] | string {
    const tables: TableRows[] = [];
    for (const query of queries) {
      try {
        const rows = this.#currentRows(query);
        if (rows.rows.length > 0) tables.push({ tableName: query.table.name, rows });
      } catch (error) {
        return describeFailure(error, query.text);
      }
    }
    return tables;
  }

  /** @throws {QueryError} `query/limit` */
  #currentRows(query: LiveQuery): SharedRows {
    const known = this.#snapshots.get(query);
    if (known !== undefined) return known;
    const before = this.#work.rowsScanned;
    const rows = shared(this.#answer(query, query.text));
    const isDear = this.#work.rowsScanned - before >= this.#snapshotCacheRowsMin;
    // Who asks first may be the only one: memory is spent from the second on. This also keeps out what is not live yet.
    if (isDear && query.subscribers.size > 0) this.#snapshots.put(query, rows);
    return rows;
  }

  /** The rows of a query on the present state. @throws {QueryError} `query/limit` */
  #answer({ plan }: RowsQuery, text: string): readonly Row[] {
    const startMs = this.#metrics?.nowMs() ?? 0;
    const before = this.#work.rowsScanned;
    const rows = evaluateRows(plan, this.#context);
    this.#metrics?.resultFound(text, this.#work.rowsScanned - before, startMs, () => explainPlan(plan));
    return rows;
  }

  #evaluateQuery(query: LiveQuery, changes: readonly Delta[]): QueryUpdate | undefined {
    const { plan, incremental, table } = query;
    try {
      const { inserts, deletes } = evaluateChange(plan, incremental, changes, this.#context);
      if (inserts.length === 0 && deletes.length === 0) return undefined;
      this.#snapshots.drop(query);
      return new QueryUpdate(table, shared(inserts), shared(deletes));
    } catch (error) {
      const message = describeFailure(error, query.text);
      for (const { client } of query.subscribers) this.#failedClients.set(client, message);
      return undefined;
    }
  }

  #register(clientKey: ClientKey, querySet: QuerySet): void {
    const client = this.#clients.get(clientKey) ?? { querySets: new Map(), queryCount: 0 };
    this.#clients.set(clientKey, client);
    client.querySets.set(querySet.querySetId, querySet);
    client.queryCount += querySet.queries.size;
    for (const query of querySet.queries) {
      if (query.subscribers.size === 0) this.#start(query);
      query.subscribers.add(querySet);
    }
  }

  #unregister(querySet: QuerySet): void {
    const client = this.#clients.get(querySet.client);
    assert(client !== undefined, 'a query set belongs to a client');
    client.querySets.delete(querySet.querySetId);
    client.queryCount -= querySet.queries.size;
    if (client.querySets.size === 0) this.#clients.delete(querySet.client);
    for (const query of querySet.queries) {
      query.subscribers.delete(querySet);
      if (query.subscribers.size === 0) this.#stop(query);
    }
  }

  #start(query: LiveQuery): void {
    assert(!this.#queries.has(query.key), 'a query that starts is not live');
    this.#queries.set(query.key, query);
    this.#derived.acquire(tablesOf(query));
    this.#candidates.add(query);
    // No more than `checkRoom` looked at.
    this.#work.startPreparation();
    this.#joinColumns.acquire(query);
  }

  #stop(query: LiveQuery): void {
    this.#queries.delete(query.key);
    this.#snapshots.drop(query);
    this.#candidates.remove(query);
    this.#joinColumns.release(query);
    this.#derived.release(tablesOf(query));
  }

  #tooManyQueries(count: number): string {
    return `This connection would subscribe to ${count} queries; ${this.#queriesPerClientMax} are allowed. Unsubscribe from some, or ask for several rows in one query`;
  }
}
