import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { tryReadHostFile } from '@inner-universe/host';
import { CliError } from '../errors.ts';
import { isSameServer, parseServerUrl } from '../server-api/server-url.ts';
import { DEFAULT_DATA_DIRECTORY, TOKEN_VARIABLE } from '../target.ts';

/** The options that say which server a command speaks to, and as whom. */
export interface ServerOptions {
  readonly server?: string | undefined;
  /** A data directory whose host is served on this machine. */
  readonly data?: string | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
}

/** A server, and the token to show it. */
export interface ServerAccess {
  readonly server: URL;
  readonly token: string | undefined;
}

/**
 * Finds the server and the token: from the options and the environment; else, for a server of this machine, from the
 * data directory of its host, whose token is given to that very server only.
 * @throws {CliError} `cli/usage`, `cli/not-found`
 */
export async function resolveAccess(options: ServerOptions): Promise<ServerAccess> {
  const data = resolve(options.data ?? DEFAULT_DATA_DIRECTORY);
  const served = await tryReadHostFile(data);
  const local = served === undefined ? undefined : parseServerUrl(served.address);
  const server = options.server === undefined ? local : parseServerUrl(options.server);
  if (server === undefined) {
    throw new CliError(
      'cli/usage',
      `Say where to: --server URL, or the directory of a host that is being served (--data; nobody serves '${data}').`,
      { details: { data } },
    );
  }
  const token = (await readGivenToken(options)) ?? (await tryReadLocalToken(data, server, local));
  return { server, token };
}

async function readGivenToken({ token, tokenFile }: ServerOptions): Promise<string | undefined> {
  if (token !== undefined && tokenFile !== undefined) {
    throw new CliError('cli/usage', 'Give either --token or --token-file, not both.');
  }
  if (tokenFile !== undefined) return checkToken(await readTokenFile(tokenFile), `the file '${tokenFile}'`);
  if (token !== undefined) return checkToken(token, '--token');
  const variable = process.env[TOKEN_VARIABLE];
  return variable === undefined || variable === '' ? undefined : checkToken(variable, TOKEN_VARIABLE);
}

/** The owner's token beside the data of the host that the server is. */
async function tryReadLocalToken(data: string, server: URL, local: URL | undefined): Promise<string | undefined> {
  if (local === undefined || !isSameServer(server, local)) return undefined;
  const path = join(data, 'credentials', 'owner.token');
  return checkToken(await readTokenFile(path), `the file '${path}'`);
}

async function readTokenFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CliError(
      'cli/not-found',
      `The token in '${path}' cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      { details: { path }, cause },
    );
  }
}

/** A token without the line end of its file. What holds more than a token is refused, and not shown. */
function checkToken(text: string, origin: string): string {
  const token = text.trim();
  if (/^[\w.~+/=-]+$/.test(token)) return token;
  throw new CliError('cli/usage', `What ${origin} holds is no token: a token is one word, such as eyJ0….`);
}
