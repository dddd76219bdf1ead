import { systemClock, systemIds } from '@inner-universe/nerv';
import { InnerUniverseClient } from './client/inner-universe-client.ts';
import { runWithSignal } from './connection/run-within.ts';
import { systemWaiting } from './connection/system-waiting.ts';
import { InnerUniverseConfig, type UniverseOptions } from './controller/config.ts';
import { InnerUniverseController } from './controller/controller.ts';
import { Encryption } from './encryption/encryption.ts';
import { ObservedConnector } from './observability/observed-connector.ts';
import { makeObserver } from './observability/observer.ts';
import { EventRules } from './events/event-options.ts';
import { decideGraphOptions } from './graph/graph-options.ts';
import { openConfiguredOutbox } from './offline/open-outbox.ts';
import { migrateAtOpening } from './migrations/migrate-at-opening.ts';
import { OpenedUniverse } from './opened-universe.ts';
import type { Universe } from './universe.ts';

/**
 * Opens a universe: on disk in this process (`{ data }`), in memory (`{ memory: true }`), or on a server
 * (`{ server, token }`). The same program runs on all three.
 * @throws {NervPersistenceError} `config/invalid`; what `InnerUniverseController.startServerMode` throws; and
 * `connection/unreachable`, `connection/unauthorized`, `connection/refused`, `connection/no-such-database`,
 * `connection/schema-mismatch`, `connection/untrusted`, `connection/no-token`, `connection/timeout`;
 * `encryption/invalid-policy`, `encryption/not-indexable`, `event/missing-upcaster`; `migration/no-progress`
 */
export async function openUniverse(given: UniverseOptions | InnerUniverseConfig): Promise<Universe> {
  const config = given instanceof InnerUniverseConfig ? given : InnerUniverseConfig.from(given);
  const { signal, timeoutMs } = config.options;
  return runWithSignal('openUniverse', { signal, timeoutMs }, (ending) => open(config, ending));
}

async function open(config: InnerUniverseConfig, signal: AbortSignal | undefined): Promise<Universe> {
  const { options } = config;
  const clock = options.clock ?? systemClock;
  const { telemetry, onError } = makeObserver(options, {
    database: config.database,
    clock,
    nowMs: () => systemWaiting.nowMs(),
  });
  const encryption = options.encryption === undefined ? undefined : new Encryption(options.encryption, onError);
  // What is wrong in it is told before anything is opened.
  void new EventRules(options.events);
  decideGraphOptions(options.graph);
  signal?.throwIfAborted();
  const controller = new InnerUniverseController(config, onError);
  const migrates = config.placement.type !== 'server' && (!('migrate' in options) || options.migrate !== 'manual');
  const connector = await controller.startServerMode({ signal });
  try {
    const { outbox, mayStartLost } = await openConfiguredOutbox(config, onError, { signal });
    const client = await InnerUniverseClient.open(
      {
        outbox,
        mayStartLost,
        batching: config.options.batching,
        connector: new ObservedConnector(connector, telemetry),
        database: config.database,
        clock,
        ids: options.ids ?? systemIds,
        waiting: systemWaiting,
        onError,
        telemetry,
        reconnectForMs: config.reconnectForMs,
        connectTimeoutMs: config.connectTimeoutMs,
        pool: config.pool,
        cache: config.cache,
        breaker: config.breaker,
        silenceMs: config.silenceMs,
        checkConfiguration: (key, value) => encryption?.checkSetting(key, value),
        migrates,
      },
      { signal },
    );
    return await closingOnFailure(client, async () => {
      if (migrates) await migrateAtOpening(client, signal);
      if (encryption !== undefined) {
        if (client.state === 'connected') await encryption.checkConfigured(client);
        else checkWhenConnected(client, encryption, onError);
      }
      const { source } = config;
      const { events, archive, graph } = options;
      return new OpenedUniverse(controller, client, { onError, source, encryption, events, archive, graph });
    });
  } catch (error) {
    await controller.stop();
    throw error;
  }
}

/** Who opened while the server was away is told later what would have kept it from opening. */
function checkWhenConnected(
  client: InnerUniverseClient,
  encryption: Encryption,
  onError: (error: unknown) => void,
): void {
  const stop = client.onState(({ state }) => {
    if (state === 'connected' || state === 'closed') stop();
    if (state === 'connected') encryption.checkConfigured(client).catch(onError);
  });
}

async function closingOnFailure<T>(client: InnerUniverseClient, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await client.close();
    throw error;
  }
}
