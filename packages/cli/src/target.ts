import { readFile } from 'node:fs/promises';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { NervPersistenceError, openUniverse, type Logger, type Universe } from 'inner-universe';
import { CliError } from './errors.ts';
import { caFileOf, storageKeyOf, type CaFile, type StorageKeyFiles } from './key-files.ts';

/** The options by which a command is told which universe it is about. */
export interface TargetOptions extends CaFile, StorageKeyFiles {
  readonly data?: string | undefined;
  readonly server?: string | undefined;
  readonly database?: string | undefined;
  readonly token?: string | undefined;
}

/** The directory used when nothing else is said. */
export const DEFAULT_DATA_DIRECTORY = '.universe';
/** The database used when nothing else is said, in every form of a universe. */
const DEFAULT_DATABASE = 'universe';
/** The variable that holds a token, so that it need not stand on a command line. */
export const TOKEN_VARIABLE = 'INNER_UNIVERSE_TOKEN';

/** A universe to work with, and how it was reached. */
export interface Target {
  readonly universe: Universe;
  /** For people: a directory, or an address. */
  readonly description: string;
}

/** How a target may be opened. */
export interface OpenTargetOptions {
  readonly signal?: AbortSignal | undefined;
  /** Make the data directory if it is not there. Default false: looking at nothing is a mistake worth telling. */
  readonly create?: boolean | undefined;
  /** A directory that keeps what is written while the server is away, where there is a server. */
  readonly outbox?: string | undefined;
  /** What is done about data of an older release in a directory that is opened here. Default `auto`. */
  readonly migrate?: 'auto' | 'manual' | undefined;
  /** Takes what the universe logs. Default: warnings and errors go to standard error. */
  readonly logger?: Logger | undefined;
}

/**
 * Opens the universe a command names. A data directory that another process serves is reached through that server,
 * with the owner's token beside the data.
 */
export async function openTarget(options: TargetOptions, how: OpenTargetOptions = {}): Promise<Target> {
  const { signal, outbox } = how;
  const database = options.database;
  const caFile = caFileOf(options);
  const tls = caFile === undefined ? undefined : { caFile };
  if (options.server !== undefined) {
    if (options.data !== undefined) throw new CliError('cli/usage', 'Give either --data or --server, not both.');
    if (options.storageKeyFile !== undefined || options.previousStorageKeyFile !== undefined)
      throw new CliError('cli/usage', 'A storage key is for a data directory (--data): a server has its own.');
    const token = options.token ?? process.env[TOKEN_VARIABLE];
    return {
      universe: await openUniverse({
        server: options.server,
        database,
        token,
        tls,
        outbox,
        signal,
        logger: how.logger,
      }),
      description: options.server,
    };
  }
  const data = resolve(options.data ?? DEFAULT_DATA_DIRECTORY);
  if (how.create !== true) requireUniverse(data, database ?? DEFAULT_DATABASE);
  const storageKey = storageKeyOf(options);
  try {
    return {
      universe: await openUniverse({ data, database, storageKey, signal, migrate: how.migrate, logger: how.logger }),
      description: data,
    };
  } catch (error) {
    if (!(error instanceof NervPersistenceError) || error.code !== 'universe/in-use') throw error;
    const server = await findServer(data, error);
    if (server === undefined) throw error;
    const token = options.token ?? process.env[TOKEN_VARIABLE] ?? (await readOwnerToken(data));
    return {
      universe: await openUniverse({ server, database, token, tls, outbox, signal, logger: how.logger }),
      description: `${data} (served at ${server})`,
    };
  }
}

/** Looking at what is not there must not make it. */
function requireUniverse(data: string, database: string): void {
  if (!existsSync(data)) {
    throw new CliError(
      'cli/not-found',
      `There is no universe in '${data}'. Make one with: inner-universe serve --data '${data}'.`,
      {
        details: { data },
      },
    );
  }
  // What is there but no universe is for the host to tell, unless it is empty: that it would take for a new one.
  const isUniverse = existsSync(join(data, 'inner-universe.json'));
  if (!isUniverse && isEmptyDirectory(data)) {
    throw new CliError(
      'cli/not-found',
      `'${data}' is empty: there is no universe in it. Make one with: inner-universe serve --data '${data}'.`,
      {
        details: { data },
      },
    );
  }
  if (isUniverse && !existsSync(join(data, 'databases', database))) {
    throw new CliError('cli/not-found', `The universe in '${data}' has no database '${database}'.`, {
      details: { data, database },
    });
  }
}

function isEmptyDirectory(path: string): boolean {
  return statSync(path).isDirectory() && readdirSync(path).length === 0;
}

/**
 * The address of the process that serves a data directory: the lock's holder says it, or `host.json`, which can be
 * left over from a server that died, and counts only when that holder wrote it.
 */
async function findServer(data: string, { details }: NervPersistenceError): Promise<string | undefined> {
  if (typeof details['address'] === 'string') return details['address'];
  let text: string;
  try {
    text = await readFile(join(data, 'host.json'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { address, pid } = tryParseHostFile(text);
  return typeof address === 'string' && pid === details['pid'] ? address : undefined;
}

async function readOwnerToken(data: string): Promise<string> {
  const path = join(data, 'credentials', 'owner.token');
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new CliError(
      'cli/not-found',
      `'${data}' is being served, and the owner's token in '${path}' cannot be read. Run this as the user who serves it, or give a token (--token, ${TOKEN_VARIABLE}).`,
      { details: { path }, cause },
    );
  }
}

/** What `host.json` says; nothing where it is damaged, because the lock has said already who holds the directory. */
function tryParseHostFile(text: string): { readonly address?: unknown; readonly pid?: unknown } {
  try {
    const content: unknown = JSON.parse(text);
    return typeof content === 'object' && content !== null ? content : {};
  } catch {
    return {};
  }
}
