import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HostError } from './errors.ts';

/*
 * A host's data directory:
 *
 *     inner-universe.json   what the directory is: {"format":"inner-universe","version":1}; its first file
 *     lock/                 who has it open
 *     credentials/          keys and the owner's token (0700)
 *     storage-key.json      the wrapped key that databases are sealed with, if they are
 *     host.json             where it is served, while it is
 *     databases.json        names and locks of databases, where there is more to say than their folders' names
 *     databases/<key>/      the storage of one database each
 *     logs/<key>/           what its module and the host logged
 *     cache/                what can be made again: bundles in their prepared form
 */

const MARKER = 'inner-universe.json';
const CREDENTIALS = 'credentials';
const DATABASES = 'databases';
const FORMAT = 'inner-universe';
const VERSION = 1;

/** Ends the name of a folder that is being deleted. No key has a dot. */
const DELETED = '.deleted';

/** What may be in a directory before its marker was written. */
const HARMLESS = new Set(['lock', '.DS_Store', `${MARKER}.new`]);

/** The places in a host's data directory. */
export class HostDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get credentials(): string {
    return join(this.path, CREDENTIALS);
  }

  get cache(): string {
    return join(this.path, 'cache');
  }

  /** The file of names and locks. */
  get names(): string {
    return join(this.path, 'databases.json');
  }

  /** The file of the wrapped key that databases are sealed with. */
  get storageKey(): string {
    return join(this.path, 'storage-key.json');
  }

  databasePath(key: string): string {
    return join(this.path, DATABASES, key);
  }

  logsPath(key: string): string {
    return join(this.path, 'logs', key);
  }

  /**
   * Checks, without changing anything, that the directory is a host's, or empty, or not there.
   * @throws {HostError} `host/not-a-host`, `host/newer-version`
   */
  async check(): Promise<void> {
    const marker = await this.#tryReadMarker();
    if (marker === undefined) {
      const strangers = (await tryList(this.path)).filter((name) => !HARMLESS.has(name));
      if (strangers.length === 0) return;
      if (strangers.includes(DATABASES) && strangers.includes(CREDENTIALS)) {
        throw this.#notAHost(`its ${MARKER} is missing, which must be restored from a backup`);
      }
      throw this.#notAHost(`it holds ${strangers.slice(0, 3).join(', ')} and no ${MARKER}`);
    }
    const { format, version } = parseMarker(marker) ?? {};
    if (format !== FORMAT || typeof version !== 'number') throw this.#notAHost(`its ${MARKER} is not one of ours`);
    if (version <= VERSION) return;
    throw new HostError({
      code: 'host/newer-version',
      message: `${this.path} was written by a newer release: its format is ${version}, and this release knows ${VERSION} at most. Nothing was changed; open it with a newer release.`,
      details: { path: this.path, version, known: VERSION },
    });
  }

  /** Makes an empty directory a host's. To be called under its lock. */
  async prepare(): Promise<void> {
    if ((await this.#tryReadMarker()) === undefined) await this.#writeMarker();
    const databases = join(this.path, DATABASES);
    await mkdir(databases, { recursive: true, mode: 0o700 });
    const left = (await readdir(databases)).filter((name) => name.endsWith(DELETED));
    for (const name of left) await rm(join(databases, name), { recursive: true, force: true });
  }

  /** Keys of the databases that are there, sorted. */
  async databaseKeys(): Promise<string[]> {
    return (await tryList(join(this.path, DATABASES))).filter((key) => !key.endsWith(DELETED)).sort();
  }

  /** Deletes a database's files. What a crash leaves of them is no database any more. */
  async removeDatabase(key: string): Promise<void> {
    const path = this.databasePath(key);
    await rm(`${path}${DELETED}`, { recursive: true, force: true });
    try {
      await rename(path, `${path}${DELETED}`);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    await rm(`${path}${DELETED}`, { recursive: true, force: true });
    await rm(this.logsPath(key), { recursive: true, force: true });
  }

  async #tryReadMarker(): Promise<string | undefined> {
    try {
      return await readFile(join(this.path, MARKER), 'utf8');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw this.#notAHost(error instanceof Error ? error.message : String(error), error);
    }
  }

  async #writeMarker(): Promise<void> {
    const path = join(this.path, MARKER);
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ format: FORMAT, version: VERSION })}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  }

  #notAHost(reason: string, cause?: unknown): HostError {
    return new HostError({
      code: 'host/not-a-host',
      message: `${this.path} is not a data directory of inner-universe: ${reason}. Nothing was changed; give an empty directory, or one that it made.`,
      details: { path: this.path, reason },
      cause,
    });
  }
}

function parseMarker(text: string): { readonly format?: unknown; readonly version?: unknown } | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined;
  } catch {
    // Not JSON: the caller says that it is not ours.
    return undefined;
  }
}

async function tryList(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
