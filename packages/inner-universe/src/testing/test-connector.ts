import { HostError } from '@inner-universe/host';
import type { TestHost } from '@inner-universe/host/testing';
import type { CallOptions, Connection, Connector } from '../connection/connection.ts';
import { openSdkConnection } from '../connection/sdk-connection.ts';
import { ConnectionError } from '../errors.ts';
import { unreachable, type TestNetwork } from './test-network.ts';
import type { TestTime } from './test-time.ts';

/** What a connector of a test leads to, and as whom. */
export interface TestConnectorParts {
  readonly host: TestHost;
  readonly network: TestNetwork;
  readonly time: TestTime;
  /** Name of the identity. */
  readonly name: string;
  readonly onListenerError: (error: unknown) => void;
}

/** Connects to a test host over a network that the test controls. */
export class TestConnector implements Connector {
  readonly target = 'the test host';
  readonly #parts: TestConnectorParts;

  constructor(parts: TestConnectorParts) {
    this.#parts = parts;
  }

  async connect(options?: CallOptions): Promise<Connection> {
    const { host, network, time, name, onListenerError } = this.#parts;
    const token = await host.tokenOf(name);
    const opening = openSdkConnection(
      {
        url: 'ws://test/',
        database: host.databaseName,
        token,
        timers: time,
        onListenerError,
        openSocket: ({ protocols }) => network.open(() => this.#openLink(token, protocols)),
      },
      options,
    );
    return opening.catch((error: unknown) => {
      // Whom the module turns away is told so by `#openLink`: what ends before it began was lost.
      const isLost = error instanceof ConnectionError && error.code === 'connection/refused' && !isTurnedAway(error);
      throw isLost ? unreachable('The connection was lost while it was made.', error) : error;
    });
  }

  async #openLink(token: string, wsProtocol: readonly string[]): ReturnType<TestHost['openLink']> {
    const { host, name } = this.#parts;
    try {
      return await host.openLink({ wsProtocol, nameOrAddress: host.databaseName, authToken: token });
    } catch (cause) {
      if (!(cause instanceof HostError)) throw cause;
      // A process that is killed, or dies meanwhile, comes back; whom the module turns away it turns away again.
      if (cause.code !== 'identity/forbidden' || !host.isAlive)
        throw unreachable(`The test host is not there: ${cause.message}`, cause);
      throw new ConnectionError(
        'connection/refused',
        `The test host let '${name}' not in: ${cause.message}. Give as('${name}', grants) some grants.`,
        { details: { identity: name }, cause },
      );
    }
  }
}

function isTurnedAway({ cause }: ConnectionError): boolean {
  return cause instanceof HostError && cause.code === 'identity/forbidden';
}
