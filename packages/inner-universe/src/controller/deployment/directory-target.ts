import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '@inner-universe/host';
import type { CallOptions } from '../../connection/connection.ts';
import { EmbeddedConnector } from '../../connection/embedded-connector.ts';
import { NervPersistenceError } from '../../errors.ts';
import type { PublishPermission, PublishPreview } from '../../management/database-api.ts';
import { InnerUniverseConfig } from '../config.ts';
import { makeOpenError } from '../open-error.ts';
import { readStorageKey, type StorageKey } from '../storage-key.ts';
import { namesOf } from './definition-names.ts';
import type { DeploymentTarget } from './deployment-target.ts';
import { openServerTarget } from './server-target.ts';

/** A data directory, and the database in it. */
export interface DirectoryTargetParts {
  readonly data: string;
  readonly database: string;
  readonly storageKey?: StorageKey | undefined;
  readonly onError: (error: unknown) => void;
}

/**
 * Deploys to a data directory: in this process, or, where another process serves it, through that one.
 * @throws {NervPersistenceError} `universe/in-use` where another process has it open and does not serve it, and the
 * other codes of a directory that cannot be opened
 */
export async function openDirectoryTarget(parts: DirectoryTargetParts, call: CallOptions): Promise<DeploymentTarget> {
  const { openHost } = await import('@inner-universe/host');
  const { data } = parts;
  const storageKey = await readStorageKey(parts.storageKey);
  try {
    return new DirectoryTarget(parts, await openHost({ data, storageKey, command: 'inner-universe deployment' }));
  } catch (cause) {
    const error = makeOpenError(cause, parts.data);
    const address =
      error instanceof NervPersistenceError && error.code === 'universe/in-use' && error.details['address'];
    if (typeof address !== 'string') throw error;
    const token = (await readFile(join(parts.data, 'credentials', 'owner.token'), 'utf8')).trim();
    const { placement } = InnerUniverseConfig.from({ server: address, token });
    if (placement.type !== 'server') throw error;
    return openServerTarget({ ...parts, placement }, call);
  }
}

class DirectoryTarget implements DeploymentTarget {
  readonly description: string;
  readonly database: string;
  readonly connector: EmbeddedConnector;
  readonly #host: Host;

  constructor({ data, database, onError }: DirectoryTargetParts, host: Host) {
    this.description = data;
    this.database = database;
    this.#host = host;
    this.connector = new EmbeddedConnector({ host, database, token: host.ownerToken, onListenerError: onError });
  }

  async preview(bundle: string): Promise<PublishPreview | undefined> {
    if (this.#host.findDatabase(this.database) === undefined) return undefined;
    const preview = await this.#host.previewPublish({ name: this.database, module: bundle, isColored: false });
    if (preview.type === 'manual') return preview;
    const { text: plan, breaksClients, token } = preview;
    return { type: 'automatic', plan, breaksClients, token, isMajorUpgrade: false };
  }

  async publish(
    bundle: string,
    { planToken: token, breakClients, clear }: PublishPermission,
  ): Promise<{ readonly identity: string; readonly outcome: 'created' | 'updated' | 'unchanged' }> {
    const { identityToHex } = await import('@inner-universe/host');
    const policy = breakClients === true ? 'break-clients' : 'compatible';
    const { outcome, database } = await this.#host.publish({
      name: this.database,
      module: bundle,
      token,
      policy,
      clear,
    });
    return { identity: identityToHex(database.identity), outcome };
  }

  async facts(): Promise<
    { readonly identity: string; readonly owner: string; readonly programHash: string } | undefined
  > {
    const found = this.#host.findDatabase(this.database);
    if (found === undefined) return undefined;
    const { hashProgram, identityToHex } = await import('@inner-universe/host');
    const programHash = hashProgram(found.database.program);
    return { identity: identityToHex(found.identity), owner: identityToHex(found.owner), programHash };
  }

  async definition(): Promise<readonly string[]> {
    const { describeModule } = await import('@inner-universe/host');
    return namesOf(await describeModule(this.#host.database(this.database).database.program));
  }

  async close(): Promise<void> {
    await this.#host.close();
  }
}
