import { ConnectionError } from '../errors.ts';
import type { CallOptions, Connection, Connector } from './connection.ts';
import { openSdkConnection } from './sdk-connection.ts';

/** Where a server is and who we are to it. */
export interface ServerAddress {
  /** `ws://`, `wss://`, `http://` or `https://`. */
  readonly url: string;
  readonly database: string;
  readonly token?: string | undefined;
  readonly onListenerError: (error: unknown) => void;
}

const DIAGNOSIS_TIMEOUT_MS = 3_000;

/** Connects over a WebSocket: to our server, or to SpacetimeDB. */
export class ServerConnector implements Connector {
  readonly target: string;
  readonly #address: ServerAddress;

  constructor(address: ServerAddress) {
    this.#address = address;
    this.target = address.url;
  }

  async connect(options?: CallOptions): Promise<Connection> {
    try {
      return await openSdkConnection(this.#address, options);
    } catch (error) {
      if (!(error instanceof ConnectionError) || error.code === 'connection/timeout') throw error;
      // The SDK knows only that it failed; the HTTP side of the same server says why.
      throw (await diagnose(this.#address, error)) ?? error;
    }
  }
}

async function diagnose(address: ServerAddress, cause: ConnectionError): Promise<ConnectionError | undefined> {
  const base = new URL(address.url);
  base.protocol = base.protocol === 'wss:' || base.protocol === 'https:' ? 'https:' : 'http:';
  const details = { url: address.url, database: address.database };
  const ping = await ask(new URL('v1/ping', base));
  if (ping === undefined) {
    return new ConnectionError(
      'connection/unreachable',
      `Nothing answers at ${address.url}. Start a server there (inner-universe serve), or give the right address.`,
      { details, cause, retryable: true },
    );
  }
  if (address.token !== undefined) {
    const headers = { authorization: `Bearer ${address.token}` };
    const answer = await ask(new URL('v1/identity/websocket-token', base), { method: 'POST', headers });
    if (answer?.status === 401 || answer?.status === 400) {
      return new ConnectionError(
        'connection/unauthorized',
        `${address.url} does not accept the token: ${answer.text}. Use a token of that server; its owner\u2019s is in DIR/credentials/owner.token.`,
        { details, cause },
      );
    }
  }
  const database = await ask(new URL(`v1/database/${encodeURIComponent(address.database)}`, base));
  if (database?.status === 404) {
    return new ConnectionError(
      'connection/no-such-database',
      `${address.url} has no database '${address.database}'. Give the name of one that is there (the default is 'universe').`,
      { details, cause },
    );
  }
  if (cause.code !== 'connection/refused') {
    return new ConnectionError(
      'connection/refused',
      `${address.url} refused the connection to database '${address.database}'. An identity without any grant is refused: ` +
        'give the owner\u2019s token (--token, INNER_UNIVERSE_TOKEN), or ask the owner for a grant.',
      { details, cause },
    );
  }
  return undefined;
}

async function ask(url: URL, init: RequestInit = {}): Promise<{ status: number; text: string } | undefined> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(DIAGNOSIS_TIMEOUT_MS) });
    return { status: response.status, text: (await response.text()).slice(0, 200) };
  } catch {
    // Not reachable is the answer: the caller has the error that led here.
    return undefined;
  }
}
