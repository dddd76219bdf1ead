import { assert } from '../assert.ts';
import { QueryError, shortenText } from '../query/query-error.ts';
import { Catalog } from '../query/catalog.ts';
import { compileOneOffQuery, compileSubscription } from '../query/compile.ts';
import { evaluateRows } from '../query/evaluator.ts';
import { explainIncremental, explainPlan } from '../query/explain.ts';
import { evaluateChange } from '../query/incremental.ts';
import { WorkMeter } from '../query/work-meter.ts';
import { CandidateIndex } from './candidate-index.ts';
import { differenceOf } from './row-difference.ts';
import { JoinColumns } from './join-columns.ts';
import { NO_ROWS, QueryUpdate, SharedRows } from './shared-results.ts';
import { SnapshotCache } from './snapshot-cache.ts';
import { ViewError } from '../views/view-error.ts';
import { UpdateCollector } from './update-collector.ts';
import type { Row, StateView, TableDelta } from '../datastore/state-view.ts';
import type { TableDef } from '../schema/module-def.ts';
import type { Visibility } from '../query/catalog.ts';
import type { CompileOptions, RowsQuery, SubscriptionQuery } from '../query/compile.ts';
import type { WorkCounters } from '../query/work-meter.ts';
import type { Delta, IncrementalContext } from '../query/incremental.ts';
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

/** A client, known by object identity only; one per connection. */
export type ClientKey = object;

/** Live queries of one client, counted once for each query set they stand in. */
const QUERIES_PER_CLIENT_MAX = 100_000;

const HASHED_ROWS_MAX = 1_000_000;
const SNAPSHOT_CACHE_BYTES_MAX = 64 * 1024 * 1024;

const SNAPSHOT_CACHE_ROWS_MIN = 256;

/** How much of a refused text is sent back. */
const SQL_ECHO_LENGTH_MAX = 1_000;

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
  /** The committed state: read while subscribing, and while evaluating a commit that is already part of it. */
  readonly state: StateView;
  /** True refuses what SpacetimeDB refuses although we could answer it: NOT, joins without an index. Default false. */
  readonly strictCompat?: boolean | undefined;
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
  /** Distinct queries; one that several query sets share counts once. */
  readonly liveQueries: number;
  /** Hash tables for join columns without an index. */
  readonly hashTables: number;
}

/** A query that somebody subscribes to. */
interface LiveQuery extends SubscriptionQuery {
  readonly key: string;
  readonly text: string;
  readonly subscribers: Set<QuerySet>;
}

interface QuerySet {
  readonly client: ClientKey;
  readonly querySetId: number;
  readonly queries: ReadonlySet<LiveQuery>;
}

interface Client {
  readonly querySets: Map<number, QuerySet>;
  queryCount: number;
}

const STAR = /^SELECT\s+\*\s+FROM\s+\*\s*;?$/i;

/** All subscriptions to one database. Pure: it sends nothing, it says what is to be sent. */
export class SubscriptionManager {
  readonly #catalog: Catalog;
  readonly #views: ViewTables | undefined;
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
  readonly #context: IncrementalContext;

  constructor(options: SubscriptionManagerOptions) {
    this.#catalog = new Catalog(options.tables, options.views);
    this.#views = options.views;
    const state = options.views?.over(options.state) ?? options.state;
    this.#strictCompat = options.strictCompat ?? false;
    this.#queriesPerClientMax = options.queriesPerClientMax ?? QUERIES_PER_CLIENT_MAX;
    this.#work = new WorkMeter(options.rowsPerQueryMax);
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
      return this.#usingViews(distinct, () => this.#startSet(client, { client, querySetId, queries: distinct }));
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
    if (typeof tables === 'string') return { type: 'error', message: tables };
    return { type: 'applied', tables };
  }

  /** Answers one query of the subscriptions' grammar on the present state. */
  oneOffQuery(sql: string, visibility: Visibility): OneOffResult {
    const text = sql.trim();
    try {
      const query = compileOneOffQuery(text, this.#compileOptions(visibility));
      const rows = this.#usingViews([query], () => shared(evaluateRows(query.plan, this.#context)));
      return { type: 'rows', table: { tableName: query.table.name, rows } };
    } catch (error) {
      return { type: 'error', message: describeFailure(error, text) };
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
    return result;
  }

  /** Forgets a client and all its query sets; one that is not known is fine. */
  removeClient(client: ClientKey): void {
    for (const querySet of this.#clients.get(client)?.querySets.values() ?? []) this.#unregister(querySet);
  }

  /**
   * What a commit changed for whom. To be called inside the commit, when the state has it. Clients without a change
   * are not in the result; sets ascend by id. Clients that share a query share the objects of its update.
   */
  evaluate(deltas: readonly TableDelta[]): ReadonlyMap<ClientKey, readonly QuerySetUpdate[]> {
    assert(this.#failedClients.size === 0, 'failed clients are taken after each evaluation');
    this.#joinColumns.apply(deltas);
    this.#work.startOverhead();
    for (const ended of this.#views?.takeEnded() ?? []) this.#failUsersOf(ended);
    const updates = new UpdateCollector<ClientKey>();
    for (const [query, changes] of this.#candidates.route({ ...this.#context, deltas })) {
      const update = this.#evaluateQuery(query, changes);
      if (update === undefined) continue;
      for (const { client, querySetId } of query.subscribers) updates.add(client, querySetId, update);
    }
    const result = updates.finish();
    this.#dropFailed(result);
    return result;
  }

  /**
   * Clients with a query that the last `evaluate` had to give up, because its change went over the limit of rows or a
   * view in it failed, and why. They are forgotten here and missed the commit: their connections are to be closed with this message.
   */
  takeFailedClients(): ReadonlyMap<ClientKey, string> {
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

  status(): SubscriptionStatus {
    let querySets = 0;
    for (const client of this.#clients.values()) querySets += client.querySets.size;
    return {
      ...this.#work.counters,
      clients: this.#clients.size,
      querySets,
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
    const query = this.#queries.get(text) ?? this.#queries.get(senderKey(text, visibility));
    return query?.isOwnerOnly === true && !visibility.isOwner ? undefined : query;
  }

  #compileQuery(text: string, visibility: Visibility): LiveQuery {
    const query = compileSubscription(text, this.#compileOptions(visibility));
    const key = query.usesSender ? senderKey(text, visibility) : text;
    return { ...query, key, text, subscribers: new Set() };
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

  /** Has the views of some queries evaluated for the time of `action`. @throws {ViewError} when one fails */
  #usingViews<Result>(queries: Iterable<RowsQuery>, action: () => Result): Result {
    const views = this.#views;
    if (views === undefined) return action();
    return views.using([...queries].flatMap(tablesOf), action);
  }

  #failUsersOf({ table, message }: EndedView): void {
    for (const query of this.#queries.values()) {
      if (!tablesOf(query).includes(table)) continue;
      for (const { client } of query.subscribers) this.#failedClients.set(client, message);
    }
  }

  #tryStart(queries: ReadonlySet<LiveQuery>): readonly TableRows[] | string {
    try {
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
    const before = this.#work.counters.rowsScanned;
    const rows = shared(evaluateRows(query.plan, this.#context));
    const isDear = this.#work.counters.rowsScanned - before >= this.#snapshotCacheRowsMin;
    // Who asks first may be the only one: memory is spent from the second on. This also keeps out what is not live yet.
    if (isDear && query.subscribers.size > 0) this.#snapshots.put(query, rows);
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
    for (const table of tablesOf(query)) if (table.view !== undefined) this.#views?.acquire(table);
    this.#candidates.add(query);
    this.#joinColumns.acquire(query);
  }

  #stop(query: LiveQuery): void {
    this.#queries.delete(query.key);
    this.#snapshots.drop(query);
    this.#candidates.remove(query);
    this.#joinColumns.release(query);
    for (const table of tablesOf(query)) if (table.view !== undefined) this.#views?.release(table);
  }

  #tooManyQueries(count: number): string {
    return `This connection would subscribe to ${count} queries; ${this.#queriesPerClientMax} are allowed. Unsubscribe from some, or ask for several rows in one query`;
  }
}

/** No space can stand before a text that was trimmed, so this is no other query's key. */
function senderKey(text: string, { identity }: Visibility): string {
  return ` ${identity.toString(16)} ${text}`;
}

function tablesOf({ plan }: RowsQuery): readonly TableDef[] {
  return plan.relations.map(({ relation }) => relation.table);
}

function shared(rows: readonly Row[]): SharedRows {
  return rows.length === 0 ? NO_ROWS : new SharedRows(rows);
}

/** @throws what is no error of the query's text */
function describeFailure(error: unknown, sql?: string): string {
  if (error instanceof ViewError) return error.message;
  if (!(error instanceof QueryError)) throw error;
  if (sql === undefined) return error.message;
  return `${error.message}, executing: \`${shortenText(sql, SQL_ECHO_LENGTH_MAX)}\``;
}
