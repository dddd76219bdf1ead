import { systemTimers } from './clock/system-clock.ts';
import { Database } from './database/database.ts';
import type { DatabaseOptions } from './database/options.ts';
import { hashProgram } from './identity/program-hash.ts';
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
export interface HostedDatabaseOptions extends DatabaseOptions {
  readonly limits?: ClientLimits | undefined;
  /** True refuses queries that SpacetimeDB refuses although this host could answer them. Default false. */
  readonly strictCompat?: boolean | undefined;
}

/** A database with its clients. */
export class HostedDatabase implements ServedDatabase {
  readonly name: string;
  readonly database: Database;
  readonly sessions: SessionHub;
  #programHash: string | undefined;

  private constructor(database: Database, sessions: SessionHub) {
    this.name = database.name;
    this.database = database;
    this.sessions = sessions;
  }

  /** @throws as `Database.open` */
  static async open(options: HostedDatabaseOptions): Promise<HostedDatabase> {
    const database = await Database.open(options);
    const { clock, logger, limits, strictCompat } = options;
    const subscriptions = new SubscriptionManager({
      ...limits?.subscriptions,
      strictCompat,
      tables: database.tables,
      views: database.def.views,
      state: database.committed,
    });
    const sessions = new SessionHub({
      name: options.name,
      database,
      subscriptions,
      clock,
      timers: systemTimers,
      logger,
      limits: limits?.sessions,
    });
    return new HostedDatabase(database, sessions);
  }

  get identity(): bigint {
    return this.database.identity;
  }

  get owner(): bigint {
    return this.database.owner;
  }

  /** Keccak-256 of the program, in hex, as SpacetimeDB's HTTP interface tells it. */
  get programHash(): string {
    this.#programHash ??= hashProgram(this.database.program);
    return this.#programHash;
  }

  /** Ends every session, makes everything durable and closes. Idempotent. @throws {StorageError} */
  async close(): Promise<void> {
    await this.sessions.close();
    await this.database.close();
  }
}
