import { ConnectionError } from '../errors.ts';
import type { CallOptions, Connection, Connector, RenewableTokens } from './connection.ts';
import { openSdkConnection } from './sdk-connection.ts';
import { openServerSocket } from './server-socket.ts';
import { makeTransport, type TlsOptions } from './server-transport.ts';
import { TokenKeeper, type TokenSource } from './token-source.ts';

/** Where a server is and who we are to it. */
export interface ServerAddress {
  /** `ws://` or `wss://`. */
  readonly url: string;
  readonly database: string;
  readonly token?: TokenSource | undefined;
  readonly tls?: TlsOptions | undefined;
  readonly onListenerError: (error: unknown) => void;
}

const DIAGNOSIS_TIMEOUT_MS = 3_000;

/** An attempt that led to a connection, or to an error that says why not. */
type Attempt =
  | { readonly connection: Connection }
  | { readonly connection?: undefined; readonly error: ConnectionError };

/**
 * Connects over a WebSocket: to our server, or to SpacetimeDB. Without a token the server gives a new identity; it is
 * kept, so that a connection after a loss is the same somebody. A function that gives tokens is asked for each
 * connection, and once more when its token is not accepted.
 */
export class ServerConnector implements Connector {
  readonly target: string;
  readonly #address: ServerAddress;
  readonly #tokens: TokenKeeper;

  constructor(address: ServerAddress) {
    this.target = address.url;
    this.#address = address;
    this.#tokens = new TokenKeeper(address.token);
  }

  get tokens(): RenewableTokens | undefined {
    return this.#tokens.isRenewable ? this.#tokens : undefined;
  }

  async connect(options: CallOptions = {}): Promise<Connection> {
    const token = await this.#tokens.next(options);
    const first = await this.#tryConnect(token, options);
    if (first.connection !== undefined) return first.connection;
    const { code } = first.error;
    if (code === 'connection/unauthorized' && this.#tokens.isRenewable)
      return unwrap(await this.#tryConnect(await this.#tokens.next(options), options));
    if (code !== 'connection/refused') throw first.error;
    // A server that is just starting or stopping looks the same for a moment: only who is turned away twice is refused.
    return unwrap(await this.#tryConnect(token, options));
  }

  async #tryConnect(token: string | undefined, options: CallOptions): Promise<Attempt> {
    const { tls } = this.#address;
    try {
      const connection = await openSdkConnection(
        {
          ...this.#address,
          token,
          openSocket: (request, signal) => openServerSocket(request, signal, tls),
        },
        options,
      );
      this.#tokens.keep(connection.token);
      return { connection };
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      if (error.code === 'connection/unauthorized') return { error };
      if (!isVague(error)) throw error;
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
    const ping = await ask(new URL('v1/ping', base), signal, this.#address.tls);
    if (typeof ping !== 'number') {
      if (isDistrusted(ping.failure)) return makeDistrusted(url, ping.failure);
      return new ConnectionError(
        'connection/unreachable',
        `Nothing answers at ${url}. Start a server there (inner-universe serve), or give the right address.`,
        { details, cause, retryable: true },
      );
    }
    const facts = new URL(`v1/database/${encodeURIComponent(database)}`, base);
    if ((await ask(facts, signal, this.#address.tls)) === 404) {
      return new ConnectionError(
        'connection/no-such-database',
        `${url} has no database '${database}'. Give the name of one that is there (the default is 'universe').`,
        { details, cause },
      );
    }
    return new ConnectionError(
      'connection/refused',
      `${url} refused the connection to database '${database}'. An identity without any grant is refused: ` +
        'give the owner\u2019s token (--token, INNER_UNIVERSE_TOKEN), or ask the owner for a grant (inner-universe grants add).',
      { details, cause },
    );
  }
}

/** Whether more can be learned about an error by asking the server. */
function isVague(error: ConnectionError): boolean {
  return error.code === 'connection/unreachable' || error.code === 'connection/refused';
}

/** The status of an answer, or why there was none. */
async function ask(
  url: URL,
  signal: AbortSignal | undefined,
  tls: TlsOptions | undefined,
): Promise<number | { readonly failure: unknown }> {
  const timeout = AbortSignal.timeout(DIAGNOSIS_TIMEOUT_MS);
  const transport = await makeTransport(tls);
  try {
    const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    return (await transport.fetch(url, { method: 'GET', headers: {}, signal: either })).status;
  } catch (failure) {
    // Not reachable is the answer: the caller has the error that led here.
    return { failure };
  } finally {
    transport.destroy();
  }
}

/** The error codes of Node by which a certificate is not believed. */
const DISTRUST = /CERT|SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|ALTNAME/;

function isDistrusted(failure: unknown): failure is Error & { readonly cause: Error & { readonly code: string } } {
  if (!(failure instanceof Error) || !(failure.cause instanceof Error)) return false;
  const { code } = failure.cause as NodeJS.ErrnoException;
  return code !== undefined && DISTRUST.test(code);
}

function makeDistrusted(
  url: string,
  { cause }: { readonly cause: Error & { readonly code: string } },
): ConnectionError {
  return new ConnectionError(
    'connection/untrusted',
    `The certificate of ${url} is not to be believed: ${cause.message} (${cause.code}). If it is vouched for by an ` +
      'authority of your own, give that one\u2019s certificate: tls: { ca }, INNER_UNIVERSE_CA_FILE.',
    { details: { url, tlsCode: cause.code }, cause },
  );
}

function unwrap(attempt: Attempt): Connection {
  if (attempt.connection !== undefined) return attempt.connection;
  throw attempt.error;
}
