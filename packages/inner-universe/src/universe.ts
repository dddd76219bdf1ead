import type { SpacetimeEventBus } from './events/spacetime-event-bus.ts';
import type { StateStores } from './temporal/state-stores.ts';
import type { Consumers } from './consumers/consumers.ts';
import type { SpacetimeEntityGraph } from './graph/spacetime-entity-graph.ts';
import type { InnerUniverseClient } from './client/inner-universe-client.ts';
import type { UniverseMetrics } from './observability/universe-metrics.ts';
import type { CallOptions } from './connection/connection.ts';
import type { LinkStatus } from './connection/link-status.ts';
import type { Watchable } from './connection/watched.ts';
import type { InnerUniverseController } from './controller/controller.ts';
import type { DataMigration } from './migrations/define-migrations.ts';
import type { DataMigrationReport, MigrateDataOptions, UniverseMigrations } from './migrations/universe-migrations.ts';

/** Everything a program works with, over one connection to one database. Close it when done. */
export interface Universe extends AsyncDisposable {
  readonly controller: InnerUniverseController;
  readonly client: InnerUniverseClient;
  readonly events: SpacetimeEventBus;
  readonly states: StateStores;
  readonly graph: SpacetimeEntityGraph;
  readonly consumers: Consumers;
  /** Migrations of the application's own data: what they would do, and where they stand. */
  readonly migrations: UniverseMigrations;
  /** What was measured since it was opened. */
  readonly metrics: UniverseMetrics;
  /**
   * Where the connection stands, to be watched: state, target, since when, the last error, when it is tried again. It
   * goes into `useSyncExternalStore(universe.status.subscribe, universe.status.getSnapshot)` as it is.
   */
  readonly status: Watchable<LinkStatus>;
  /** Applies migrations of the application's own data that are not done here yet: `migrations.apply`. */
  migrate(migrations: readonly DataMigration[], options?: MigrateDataOptions): Promise<DataMigrationReport>;
  /**
   * Sends what waits, ends subscriptions, disconnects, and closes a database that was opened here. Idempotent. Writes
   * that wait for a lost server are given `reconnectForMs` to get there, and are rejected then; what lies in an outbox
   * that outlives the process stays there, and its callers are told so by `outbox/kept`. When the call is called off,
   * closing goes on all the same.
   */
  close(call?: CallOptions): Promise<void>;
}
