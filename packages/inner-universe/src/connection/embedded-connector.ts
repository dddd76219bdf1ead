import { ConnectionError } from '../errors.ts';
import type { CallOptions, Connection, Connector } from './connection.ts';
import { openSdkConnection } from './sdk-connection.ts';
import type { SdkSocket } from './sdk-socket.ts';

/** What a host in this process offers to its clients. */
export interface InProcessHost {
  connectInProcess(request: {
    readonly wsProtocol: readonly string[];
    readonly nameOrAddress: string;
    readonly authToken: string | undefined;
    readonly confirmedReads: boolean;
  }): Promise<SdkSocket>;
}

/** Connects to a host in this process: the same sessions and messages as over a network, without a socket. */
export class EmbeddedConnector implements Connector {
  readonly target = 'this process';
  readonly #host: InProcessHost;
  readonly #database: string;
  readonly #token: string;
  readonly #onListenerError: (error: unknown) => void;

  constructor(parts: {
    readonly host: InProcessHost;
    readonly database: string;
    readonly token: string;
    readonly onListenerError: (error: unknown) => void;
  }) {
    this.#host = parts.host;
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
          openSocket: ({ database, token, protocols }) =>
            this.#host.connectInProcess({
              wsProtocol: protocols,
              nameOrAddress: database,
              authToken: token,
              confirmedReads: true,
            }),
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
