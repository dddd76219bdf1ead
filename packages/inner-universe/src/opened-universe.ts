import type { EventArchive } from './archive/event-archive.ts';
import type { InnerUniverseClient } from './client/inner-universe-client.ts';
import type { CallOptions } from './connection/connection.ts';
import type { LinkStatus } from './connection/link-status.ts';
import { runWithin } from './connection/run-within.ts';
import type { Watchable } from './connection/watched.ts';
import type { Consumers } from './consumers/consumers.ts';
import { createConsumers } from './consumers/create-consumers.ts';
import type { InnerUniverseController } from './controller/controller.ts';
import type { Encryption } from './encryption/encryption.ts';
import type { EventOptions } from './events/event-options.ts';
import { SpacetimeEventBus } from './events/spacetime-event-bus.ts';
import type { GraphOptions } from './graph/graph-options.ts';
import { SpacetimeEntityGraph } from './graph/spacetime-entity-graph.ts';
import type { DataMigration } from './migrations/define-migrations.ts';
import {
  UniverseMigrations,
  type DataMigrationReport,
  type MigrateDataOptions,
} from './migrations/universe-migrations.ts';
import { UniverseMetrics } from './observability/universe-metrics.ts';
import { UniverseTelemetry } from './observability/universe-telemetry.ts';
import { StateStores } from './temporal/state-stores.ts';
import type { Universe } from './universe.ts';

/** The parts of a universe over one client, and the order in which they end. */
export class OpenedUniverse implements Universe {
  readonly controller: InnerUniverseController;
  readonly client: InnerUniverseClient;
  readonly events: SpacetimeEventBus;
  readonly states: StateStores;
  readonly graph: SpacetimeEntityGraph;
  readonly consumers: Consumers;
  readonly migrations: UniverseMigrations;
  readonly metrics: UniverseMetrics;
  #closing: Promise<void> | undefined;
  #ending: Promise<void> | undefined;

  constructor(
    controller: InnerUniverseController,
    client: InnerUniverseClient,
    options: {
      readonly onError: (error: unknown) => void;
      readonly source: string | undefined;
      readonly encryption?: Encryption | undefined;
      readonly events?: EventOptions | undefined;
      readonly archive?: EventArchive | undefined;
      readonly graph?: GraphOptions | undefined;
    },
  ) {
    const { onError, source, encryption, events, archive, graph } = options;
    this.controller = controller;
    this.client = client;
    const { telemetry } = client;
    this.metrics = telemetry instanceof UniverseTelemetry ? telemetry.metrics : new UniverseMetrics();
    this.events = new SpacetimeEventBus(client, { ...events, onError, source, sealer: encryption?.events, archive });
    this.states = new StateStores(client, onError, encryption);
    this.graph = new SpacetimeEntityGraph(client, {
      ...graph,
      copyName: 'main',
      onError,
      author: source,
      sealer: encryption?.graph,
      onKeysChanged: encryption?.onKeysChanged.bind(encryption),
    });
    this.consumers = createConsumers(client, { onError, source, encryption, events, archive });
    this.migrations = new UniverseMigrations(client, encryption);
    // Who stops the controller alone loses nothing that waits here.
    controller.addDrain(() => this.#end());
  }

  get status(): Watchable<LinkStatus> {
    return this.client.status;
  }

  migrate(migrations: readonly DataMigration[], options?: MigrateDataOptions): Promise<DataMigrationReport> {
    return this.migrations.apply(migrations, options);
  }

  close(call: CallOptions = {}): Promise<void> {
    const closing = (this.#closing ??= this.#close());
    return runWithin('close', call, () => closing, this.client.timers);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** First its parts, then what it runs on. */
  async #close(): Promise<void> {
    await runAll([() => this.#end(), () => this.controller.stop()]);
  }

  #end(): Promise<void> {
    this.#ending ??= this.#endParts();
    return this.#ending;
  }

  /** Handlers first, so that they see nothing half closed; then what waits is sent. */
  async #endParts(): Promise<void> {
    await runAll([
      () => this.consumers.close(),
      () => this.states.close(),
      () => this.graph.close(),
      () => this.events.close(),
      () => this.client.close(),
    ]);
  }
}

/** Runs one after the other, whatever fails; the first error is thrown at the end. */
async function runAll(ends: readonly (() => unknown)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const end of ends) {
    try {
      await end();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
