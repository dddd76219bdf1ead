import { assert } from './assert.ts';
import { systemTimers } from './clock/system-clock.ts';
import { Database } from './database/database.ts';
import type { DatabaseState } from './database/database-state.ts';
import type { DatabaseOptions } from './database/options.ts';
import type { NextProgram } from './database/program-exchange.ts';
import type { SqlResult } from './database/plain-results.ts';
import { moduleRules } from './database/module-rules.ts';
import { runDirectSql, type SqlOptions } from './direct-sql.ts';
import type { HostError } from './errors.ts';
import { identityToHex } from './identity/identity.ts';
import { hashProgram } from './identity/program-hash.ts';
import type { LogEntry } from './logs/log-line.ts';
import type { LogQuery } from './logs/log-store.ts';
import type { CallCover } from './module/realm/call-cover.ts';
import { inspectDatabase } from './inspection/inspect-database.ts';
import type { DatabaseInspection } from './inspection/inspection.ts';
import { DatabaseMetrics } from './metrics/database-metrics.ts';
import { measureDatabase } from './metrics/measure-database.ts';
import type { MetricFamily } from './metrics/metric-family.ts';
import { SlowLog, type SlowLimits } from './metrics/slow-log.ts';
import type { Registration } from './names/registration.ts';
import type { ServedDatabase } from './session/served-host.ts';
import { SessionHub } from './session/session-hub.ts';
import type { SessionLimits } from './session/session-limits.ts';
import { SubscriptionManager, type SubscriptionLimits } from './subscriptions/subscription-manager.ts';

/** What the clients of one database may cost. What is not said has the default that stands beside it. */
export interface ClientLimits {
  readonly sessions?: Partial<SessionLimits> | undefined;
  readonly subscriptions?: SubscriptionLimits | undefined;
}

/** What a database with its clients is opened with. */
export interface HostedDatabaseOptions extends DatabaseOptions, SlowLimits {
  readonly limits?: ClientLimits | undefined;
  /** True refuses queries that SpacetimeDB refuses although this host could answer them. Default false. */
  readonly strictCompat?: boolean | undefined;
  /** Watches turns of calls of clients; the one that `programs` has. Absent: each call is watched by itself. */
  readonly cover?: CallCover | undefined;
  /** Its names, and where it logs: `logger` writes there, too. Absent in a worker: the host's side has it. */
  readonly registration?: Registration | undefined;
}

/** Where a database runs: in the thread of the host, or in a worker thread of its own. */
export type Isolation = 'none' | 'thread';

/** One database of a host with its clients, wherever it runs. */
export interface HostedDatabase extends ServedDatabase {
  readonly isolation: Isolation;
  readonly identity: bigint;
  readonly owner: bigint;
  /** The database itself, for direct and synchronous use. @throws {HostError} `database/in-thread` when it runs in a worker */
  readonly local: Database;
  /** Why the database does not run any more; undefined as long as it does. Publishing to it starts it anew. */
  readonly failure: HostError | undefined;
  /** What its module and the host logged: past lines, and, when following, those to come. */
  logs(query?: LogQuery): AsyncIterable<LogEntry>;
  /** Runs SQL statements inside the process, as the owner unless said otherwise. @throws as `runDirectSql` */
  sql(text: string, options?: SqlOptions): Promise<readonly SqlResult[]>;
  /** Everything that is counted of it. @throws {HostError} `database/stopped`, `database/closed` */
  metrics(): Promise<readonly MetricFamily[]>;
  /** What it is like now, for people. @throws {HostError} `database/stopped`, `database/closed` */
  inspect(): Promise<DatabaseInspection>;
  /** Ends every session, makes everything durable and closes. Idempotent. @throws {StorageError} */
  close(): Promise<void>;
}

/** A database in this thread. */
export class LocalDatabase implements HostedDatabase {
  readonly isolation = 'none';
  readonly failure = undefined;
  readonly database: Database;
  readonly sessions: SessionHub;
  readonly #registration: Registration | undefined;
  #hashed: { readonly program: string; readonly hash: string } | undefined;

  private constructor(database: Database, sessions: SessionHub, options: HostedDatabaseOptions) {
    this.#registration = options.registration;
    this.database = database;
    this.sessions = sessions;
  }

  /** @throws as `Database.open` */
  static async open(options: HostedDatabaseOptions, from?: DatabaseState): Promise<LocalDatabase> {
    const { clock, logger, limits, strictCompat } = options;
    const metrics = new DatabaseMetrics({ clock, slow: new SlowLog(options), storage: options.storage.metrics });
    const database = await Database.open({ ...options, metrics }, from);
    const subscribeTo = ({ def, tables, views, committed }: Omit<NextProgram, 'endsClients'>) =>
      new SubscriptionManager({
        ...limits?.subscriptions,
        strictCompat,
        tables,
        views,
        rules: moduleRules(def, strictCompat),
        state: committed,
        metrics: metrics.queries,
      });
    const sessions = new SessionHub({
      name: options.name,
      database,
      subscriptions: subscribeTo(database),
      clock,
      timers: systemTimers,
      logger,
      limits: limits?.sessions,
      metrics,
      cover: options.cover,
    });
    database.onExchange((next) => sessions.prepareExchange(subscribeTo(next), next.endsClients));
    return new LocalDatabase(database, sessions, options);
  }

  get registration(): Registration {
    assert(this.#registration !== undefined, 'the host registers the databases that it serves');
    return this.#registration;
  }

  /** What the host calls it: the first of its names, or its identity in hex when it has none. */
  get name(): string {
    return this.registration.names[0] ?? identityToHex(this.identity);
  }

  get identity(): bigint {
    return this.database.identity;
  }

  get owner(): bigint {
    return this.database.owner;
  }

  get local(): Database {
    return this.database;
  }

  /** Keccak-256 of the program, in hex, as SpacetimeDB's HTTP interface tells it. */
  get programHash(): string {
    const { program } = this.database;
    if (this.#hashed?.program !== program) this.#hashed = { program, hash: hashProgram(program) };
    return this.#hashed.hash;
  }

  logs(query: LogQuery = {}): AsyncIterable<LogEntry> {
    return this.registration.logStore.entries(query);
  }

  sql(text: string, options: SqlOptions = {}): Promise<readonly SqlResult[]> {
    return runDirectSql(this.database, text, options);
  }

  async metrics(): Promise<readonly MetricFamily[]> {
    return measureDatabase(this.database, this.sessions);
  }

  async inspect(): Promise<DatabaseInspection> {
    return inspectDatabase(this.database, this.sessions);
  }

  async close(): Promise<void> {
    await this.sessions.close();
    await this.database.close();
  }
}
