import { resolve } from 'node:path';
import { systemClock, systemRandom } from './clock/system-clock.ts';
import { HostError } from './errors.ts';
import { HostDirectory } from './host-directory.ts';
import type { HostOptions } from './host-options.ts';
import { Host } from './host.ts';
import { ExternalTokens } from './identity/external-tokens.ts';
import { makeMemoryCredentials, openHostCredentials } from './identity/host-credentials.ts';
import { makeNameFile } from './names/name-file.ts';
import { NameRegistry } from './names/name-registry.ts';
import { systemCode, toWriteError } from './storage/disk/io-error.ts';
import { nodeFileSystem } from './storage/disk/node-file-system.ts';
import { lockDirectory } from './storage/lock.ts';
import { StorageKey } from './storage/sealed/storage-key.ts';

/** What a file system says that is full, or may not be written to. */
const CANNOT_WRITE = ['ENOSPC', 'EDQUOT', 'EROFS'];

/**
 * Opens a host with all databases of its data directory.
 * @throws {HostError} `host/not-a-host`, `host/newer-version`, `host/names-damaged`, `host/credentials-missing`,
 * `identity/invalid-key`, `identity/invalid-token`, `identity/invalid-issuer`, `host/key-required`, `host/wrong-key`,
 * `host/key-damaged`, and what `Database.open` throws for a database that cannot be opened;
 * @throws {StorageError} `storage/in-use` when another process has the directory open, `storage/write-failed` when
 * something must be written and cannot. What exists can be opened on a full disk: its databases are read-only then.
 */
export async function openHost(options: HostOptions): Promise<Host> {
  const { clock = systemClock, trustedIssuers: issuers = [], fetch = globalThis.fetch } = options;
  const external = new ExternalTokens({ issuers, fetch, clock });
  if (options.data === undefined) {
    if (options.memory !== true) {
      throw new HostError({
        code: 'host/not-a-host',
        message: 'give a data directory (data), or memory: true to keep nothing',
      });
    }
    const credentials = await makeMemoryCredentials(clock, external);
    return new Host(options, { credentials, names: await NameRegistry.open(undefined, []) });
  }
  const directory = new HostDirectory(resolve(options.data));
  await directory.check();
  const lock = await lockDirectory(directory.path, { command: options.command ?? 'inner-universe' });
  try {
    await directory.check();
    await directory.prepare();
    const databases = await directory.databaseKeys();
    const credentials = await openHostCredentials(directory.credentials, clock, { databases, external });
    const names = await NameRegistry.open(makeNameFile(directory.names), databases);
    const { random = systemRandom } = options;
    const keyParts = { file: directory.storageKey, fileSystem: nodeFileSystem, random, hasData: databases.length > 0 };
    const storageKey = await StorageKey.open(keyParts, options.storageKey);
    const host = new Host(options, { credentials, names, disk: { directory, lock, storageKey } });
    await host.openStored(databases);
    return host;
  } catch (error) {
    await lock.release();
    throw CANNOT_WRITE.includes(systemCode(error)) ? toWriteError(directory.path, error) : error;
  }
}
