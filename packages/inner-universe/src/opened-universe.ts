import type { InnerUniverseClient } from './client/inner-universe-client.ts';
import type { InnerUniverseController } from './controller/controller.ts';
import type { Encryption } from './encryption/encryption.ts';
import { SpacetimeEventBus } from './events/spacetime-event-bus.ts';
import { SpacetimeEntityGraph } from './graph/spacetime-entity-graph.ts';
import { StateStores } from './temporal/state-stores.ts';
import type { Universe } from './universe.ts';

/** The parts of a universe over one client, and the order in which they end. */
export class OpenedUniverse implements Universe {
  readonly controller: InnerUniverseController;
  readonly client: InnerUniverseClient;
  readonly events: SpacetimeEventBus;
  readonly states: StateStores;
  readonly graph: SpacetimeEntityGraph;
  #closing: Promise<void> | undefined;

  constructor(
    controller: InnerUniverseController,
    client: InnerUniverseClient,
    options: {
      readonly onError: (error: unknown) => void;
      readonly source: string | undefined;
      readonly encryption?: Encryption | undefined;
    },
  ) {
    const { onError, source, encryption } = options;
    this.controller = controller;
    this.client = client;
    this.events = new SpacetimeEventBus(client, { onError, source, sealer: encryption?.events });
    this.states = new StateStores(client, onError, encryption);
    this.graph = new SpacetimeEntityGraph(client, { onError, author: source, sealer: encryption?.graph });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Handlers first, so that they see nothing half closed; then what waits is sent; then what it runs on ends. */
  async #close(): Promise<void> {
    this.states.close();
    const ends = [
      () => this.graph.close(),
      () => this.events.close(),
      () => this.client.close(),
      () => this.controller.stop(),
    ];
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
}
