import type { Connector } from '../connection/connection.ts';
import { ServerConnector } from '../connection/server-connector.ts';
import type { TlsOptions } from '../connection/server-transport.ts';
import type { TokenSource } from '../connection/token-source.ts';
import { NervPersistenceError } from '../errors.ts';
import type { Placement, ServerTls } from './config.ts';
import { readTextFile } from './local-files.ts';

/** The placement of a universe on a server. */
export type ServerPlacement = Extract<Placement, { readonly type: 'server' }>;

/** What a server is reached with, files read or ready to be read. */
export interface ServerAccess {
  readonly token: TokenSource | undefined;
  readonly tls: TlsOptions | undefined;
}

/** Reads what a placement names. @throws {NervPersistenceError} `config/invalid` when certificates cannot be read */
export async function readServerAccess(placement: ServerPlacement): Promise<ServerAccess> {
  const { token, tokenFile } = placement;
  const provider = tokenFile === undefined ? undefined : (): Promise<string> => readTokenFile(tokenFile);
  return { token: token ?? provider, tls: await readTls(placement.tls) };
}

/** How to reach a database on a server. @throws as `readServerAccess` */
export async function makeServerConnector(
  placement: ServerPlacement,
  database: string,
  onListenerError: (error: unknown) => void,
): Promise<Connector> {
  const access = await readServerAccess(placement);
  return new ServerConnector({ url: placement.url, database, ...access, onListenerError });
}

/** A token alone, without the line end of its file. What the file holds stands in no error. */
async function readTokenFile(path: string): Promise<string> {
  return (await readTextFile(path)).trim();
}

async function readTls(tls: ServerTls | undefined): Promise<TlsOptions | undefined> {
  if (tls?.ca !== undefined) return { ca: tls.ca };
  if (tls?.caFile === undefined) return undefined;
  try {
    return { ca: await readTextFile(tls.caFile) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NervPersistenceError(
      'config/invalid',
      `tls: the certificates in '${tls.caFile}' cannot be read: ${reason}.`,
      {
        details: { path: tls.caFile },
        cause,
      },
    );
  }
}
