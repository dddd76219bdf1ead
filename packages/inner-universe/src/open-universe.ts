import { systemClock, systemIds } from '@inner-universe/nerv';
import { InnerUniverseClient } from './client/inner-universe-client.ts';
import type { Waiting } from './connection/link.ts';
import { InnerUniverseConfig, type UniverseOptions } from './controller/config.ts';
import { InnerUniverseController } from './controller/controller.ts';
import { SpacetimeEventBus } from './events/spacetime-event-bus.ts';
import { SpacetimeEntityGraph } from './graph/spacetime-entity-graph.ts';
import { StateStores } from './temporal/state-stores.ts';
import type { Universe } from './universe.ts';

/**
 * Opens a universe: on disk in this process (`{ data }`), in memory (`{ memory: true }`), or on a server
 * (`{ server, token }`). The same program runs on all three.
 * @throws {NervPersistenceError} `config/invalid`; what `InnerUniverseController.startServerMode` throws; and
 * `connection/unreachable`, `connection/unauthorized`, `connection/refused`, `connection/no-such-database`,
 * `connection/schema-mismatch`
 */
export async function openUniverse(options: UniverseOptions): Promise<Universe> {
  const onError = options.onError ?? reportToConsole;
  const config = InnerUniverseConfig.from(options);
  options.signal?.throwIfAborted();
  const controller = new InnerUniverseController(config, onError);
  const connector = await controller.startServerMode();
  try {
    const client = await InnerUniverseClient.open(
      {
        connector,
        database: config.database,
        clock: options.clock ?? systemClock,
        ids: options.ids ?? systemIds,
        waiting: systemWaiting,
        onError,
        reconnectForMs: config.reconnectForMs,
      },
      { signal: options.signal },
    );
    return new OpenUniverse(controller, client, { onError, source: config.source });
  } catch (error) {
    await controller.stop();
    throw error;
  }
}

class OpenUniverse implements Universe {
  readonly controller: InnerUniverseController;
  readonly client: InnerUniverseClient;
  readonly events: SpacetimeEventBus;
  readonly states: StateStores;
  readonly graph: SpacetimeEntityGraph;
  #closing: Promise<void> | undefined;

  constructor(
    controller: InnerUniverseController,
    client: InnerUniverseClient,
    { onError, source }: { onError: (error: unknown) => void; source: string | undefined },
  ) {
    this.controller = controller;
    this.client = client;
    this.events = new SpacetimeEventBus(client, { onError, source });
    this.states = new StateStores(client, onError);
    this.graph = new SpacetimeEntityGraph(client, { onError, author: source });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.states.close();
    await this.graph.close();
    await this.events.close();
    try {
      await this.client.close();
    } finally {
      await this.controller.stop();
    }
  }
}

const systemWaiting: Waiting = {
  sleep: (delayMs, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      }, delayMs);
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    }),
  random: () => Math.random(),
  nowMs: () => performance.now(),
};

function reportToConsole(error: unknown): void {
  console.error('inner-universe:', error);
}
