import type { SpacetimeEventBus } from './events/spacetime-event-bus.ts';
import type { StateStores } from './temporal/state-stores.ts';
import type { SpacetimeEntityGraph } from './graph/spacetime-entity-graph.ts';
import type { InnerUniverseClient } from './client/inner-universe-client.ts';
import type { InnerUniverseController } from './controller/controller.ts';

/** Everything a program works with, over one connection to one database. Close it when done. */
export interface Universe extends AsyncDisposable {
  readonly controller: InnerUniverseController;
  readonly client: InnerUniverseClient;
  readonly events: SpacetimeEventBus;
  readonly states: StateStores;
  readonly graph: SpacetimeEntityGraph;
  /**
   * Sends what waits, ends subscriptions, disconnects, and closes a database that was opened here. Idempotent. Writes
   * that wait for a lost server are given `reconnectForMs` to get there, and are rejected then.
   */
  close(): Promise<void>;
}
