import { ConnectionError } from '../errors.ts';
import type { CallOptions, Connection, Connector } from './connection.ts';
import { openSdkConnection } from './sdk-connection.ts';
import { openServerSocket } from './server-socket.ts';

/** Where a server is and who we are to it. */
export interface ServerAddress {
  /** `ws://` or `wss://`. */
  readonly url: string;
  readonly database: string;
  readonly token?: string | undefined;
  readonly onListenerError: (error: unknown) => void;
}

const DIAGNOSIS_TIMEOUT_MS = 3_000;

/**
 * Connects over a WebSocket: to our server, or to SpacetimeDB. Without a token the server gives a new identity; it is
 * kept, so that a connection after a loss is the same somebody.
 */
export class ServerConnector implements Connector {
  readonly target: string;
  readonly #address: ServerAddress;
  #token: string | undefined;

  constructor(address: ServerAddress) {
    this.target = address.url;
    this.#address = address;
    this.#token = address.token;
  }

  async connect(options: CallOptions = {}): Promise<Connection> {
    const first = await this.#tryConnect(options);
    if (first.connection !== undefined) return first.connection;
    if (first.error.code !== 'connection/refused') throw first.error;
    // A server that is just starting or stopping looks the same for a moment: only who is turned away twice is refused.
    const second = await this.#tryConnect(options);
    if (second.connection !== undefined) return second.connection;
    throw second.error;
  }

  async #tryConnect(
    options: CallOptions,
  ): Promise<
    { readonly connection: Connection } | { readonly connection?: undefined; readonly error: ConnectionError }
  > {
    try {
      const address = { ...this.#address, token: this.#token };
      const connection = await openSdkConnection({ ...address, openSocket: openServerSocket }, options);
      this.#token ??= connection.token;
      return { connection };
    } catch (error) {
      if (!(error instanceof ConnectionError) || !isVague(error)) throw error;
      // A WebSocket tells only that it failed; the HTTP side of the same server says why.
      const diagnosis = await this.#diagnose(error, options.signal);
      options.signal?.throwIfAborted();
      return { error: diagnosis };
    }
  }

  async #diagnose(cause: ConnectionError, signal: AbortSignal | undefined): Promise<ConnectionError> {
    const { url, database } = this.#address;
    const base = new URL(url);
    base.protocol = base.protocol === 'wss:' ? 'https:' : 'http:';
    const details = { url, database };
    if ((await ask(new URL('v1/ping', base), signal)) === undefined) {
      return new ConnectionError(
        'connection/unreachable',
        `Nothing answers at ${url}. Start a server there (inner-universe serve), or give the right address.`,
        { details, cause, retryable: true },
      );
    }
    if ((await ask(new URL(`v1/database/${encodeURIComponent(database)}`, base), signal)) === 404) {
      return new ConnectionError(
        'connection/no-such-database',
        `${url} has no database '${database}'. Give the name of one that is there (the default is 'universe').`,
        { details, cause },
      );
    }
    return new ConnectionError(
      'connection/refused',
      `${url} refused the connection to database '${database}'. An identity without any grant is refused: ` +
        'give the owner\u2019s token (--token, INNER_UNIVERSE_TOKEN), or ask the owner for a grant.',
      { details, cause },
    );
  }
}

/** Whether more can be learned about an error by asking the server. */
function isVague(error: ConnectionError): boolean {
  return error.code === 'connection/unreachable' || error.code === 'connection/refused';
}

/** The status of an answer; undefined when there was none. */
async function ask(url: URL, signal: AbortSignal | undefined): Promise<number | undefined> {
  const timeout = AbortSignal.timeout(DIAGNOSIS_TIMEOUT_MS);
  try {
    const response = await fetch(url, { signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) });
    await response.body?.cancel();
    return response.status;
  } catch {
    // Not reachable is the answer: the caller has the error that led here.
    return undefined;
  }
}
