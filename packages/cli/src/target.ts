import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { NervPersistenceError, openUniverse, type Universe } from 'inner-universe';
import { CliError } from './errors.ts';

/** The options by which a command is told which universe it is about. */
export interface TargetOptions {
  readonly data?: string | undefined;
  readonly server?: string | undefined;
  readonly database?: string | undefined;
  readonly token?: string | undefined;
}

/** The directory used when nothing else is said. */
export const DEFAULT_DATA_DIRECTORY = '.universe';
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
}

/**
 * Opens the universe a command names. A data directory that another process serves is reached through that server,
 * with the owner's token beside the data.
 */
export async function openTarget(options: TargetOptions, how: OpenTargetOptions = {}): Promise<Target> {
  const { signal } = how;
  const database = options.database;
  if (options.server !== undefined) {
    if (options.data !== undefined) throw new CliError('cli/usage', 'Give either --data or --server, not both.');
    const token = options.token ?? process.env[TOKEN_VARIABLE];
    return { universe: await openUniverse({ server: options.server, database, token, signal }), description: options.server };
  }
  const data = resolve(options.data ?? DEFAULT_DATA_DIRECTORY);
  if (how.create !== true && !existsSync(data)) {
    throw new CliError('cli/not-found', `There is no universe in '${data}'. Make one with: inner-universe serve --data '${data}'.`, {
      details: { data },
    });
  }
  try {
    return { universe: await openUniverse({ data, database, signal }), description: data };
  } catch (error) {
    if (!(error instanceof NervPersistenceError) || error.code !== 'universe/in-use') throw error;
    const server = await findServer(data);
    if (server === undefined) throw error;
    const token = options.token ?? process.env[TOKEN_VARIABLE] ?? (await readOwnerToken(data));
    return { universe: await openUniverse({ server, database, token, signal }), description: `${data} (served at ${server})` };
  }
}

/** The address of the process that serves a data directory, as `host.json` there says. */
export async function findServer(data: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(join(data, 'host.json'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { address } = JSON.parse(text) as { address?: unknown };
  return typeof address === 'string' ? address : undefined;
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
