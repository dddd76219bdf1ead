import { systemClock, systemIds } from '@inner-universe/nerv';
import { InnerUniverseClient } from './client/inner-universe-client.ts';
import type { Waiting } from './connection/link.ts';
import { InnerUniverseConfig, type UniverseOptions } from './controller/config.ts';
import { InnerUniverseController } from './controller/controller.ts';
import { Encryption } from './encryption/encryption.ts';
import { OpenedUniverse } from './opened-universe.ts';
import type { Universe } from './universe.ts';

/** How long a server may leave a call without an answer before the connection is taken to be dead. */
const SILENCE_MS = 60_000;

/**
 * Opens a universe: on disk in this process (`{ data }`), in memory (`{ memory: true }`), or on a server
 * (`{ server, token }`). The same program runs on all three.
 * @throws {NervPersistenceError} `config/invalid`; what `InnerUniverseController.startServerMode` throws; and
 * `connection/unreachable`, `connection/unauthorized`, `connection/refused`, `connection/no-such-database`,
 * `connection/schema-mismatch`; `encryption/invalid-policy`, `encryption/not-indexable`
 */
export async function openUniverse(options: UniverseOptions): Promise<Universe> {
  const onError = options.onError ?? reportToConsole;
  const config = InnerUniverseConfig.from(options);
  const encryption = options.encryption === undefined ? undefined : new Encryption(options.encryption, onError);
  options.signal?.throwIfAborted();
  const controller = new InnerUniverseController(config, onError);
  const connector = await controller.startServerMode();
  try {
    options.signal?.throwIfAborted();
    const client = await InnerUniverseClient.open(
      {
        connector,
        database: config.database,
        clock: options.clock ?? systemClock,
        ids: options.ids ?? systemIds,
        waiting: systemWaiting,
        onError,
        reconnectForMs: config.reconnectForMs,
        silenceMs: config.placement.type === 'server' ? SILENCE_MS : undefined,
        checkConfiguration: (key, value) => encryption?.checkSetting(key, value),
      },
      { signal: options.signal },
    );
    if (encryption !== undefined) await closingOnFailure(client, () => encryption.checkConfigured(client));
    return new OpenedUniverse(controller, client, { onError, source: config.source, encryption });
  } catch (error) {
    await controller.stop();
    throw error;
  }
}

async function closingOnFailure(client: InnerUniverseClient, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await client.close();
    throw error;
  }
}

const systemWaiting: Waiting = {
  sleep: (delayMs, signal) =>
    new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, delayMs);
      if (signal.aborted) finish();
      else signal.addEventListener('abort', finish, { once: true });
    }),
  random: () => Math.random(),
  nowMs: () => performance.now(),
};

function reportToConsole(error: unknown): void {
  console.error('inner-universe:', error);
}
