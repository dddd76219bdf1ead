import { ConnectionError } from '../errors.ts';
import type { CallOptions, Connection, Connector } from './connection.ts';
import { openSdkConnection, type SocketFactory } from './sdk-connection.ts';

/** Connects to a host in this process: the same sessions and messages as over a network, without a socket. */
export class EmbeddedConnector implements Connector {
  readonly target = 'this process';
  readonly #socketFactory: SocketFactory;
  readonly #database: string;
  readonly #token: string;
  readonly #onListenerError: (error: unknown) => void;

  constructor(parts: {
    readonly socketFactory: SocketFactory;
    readonly database: string;
    readonly token: string;
    readonly onListenerError: (error: unknown) => void;
  }) {
    this.#socketFactory = parts.socketFactory;
    this.#database = parts.database;
    this.#token = parts.token;
    this.#onListenerError = parts.onListenerError;
  }

  async connect(options?: CallOptions): Promise<Connection> {
    try {
      return await openSdkConnection(
        {
          url: 'ws://in-process/',
          database: this.#database,
          token: this.#token,
          socketFactory: this.#socketFactory,
          onListenerError: this.#onListenerError,
        },
        options,
      );
    } catch (error) {
      if (!(error instanceof ConnectionError) || error.code !== 'connection/unreachable') throw error;
      const reason = error.cause instanceof Error ? error.cause.message : String(error.cause);
      throw new ConnectionError('connection/refused', `The database '${this.#database}' let nobody in: ${reason}`, {
        details: { database: this.#database },
        cause: error.cause,
      });
    }
  }
}
