import type { Host, Logger, RunningServer, ServeOptions } from '@inner-universe/host';
import type { Connector } from '../connection/connection.ts';
import { EmbeddedConnector } from '../connection/embedded-connector.ts';
import { ServerConnector } from '../connection/server-connector.ts';
import { NervPersistenceError } from '../errors.ts';
import type { InnerUniverseConfig } from './config.ts';
import { makeOpenError } from './open-error.ts';
import { findModule } from './module-bundle.ts';

/** Where a controller stands. */
export type ControllerState = 'stopped' | 'starting' | 'running' | 'stopping';

/** How to reach a database that somebody else runs and closes, and its host if it is in this process; a test may exchange it. */
export interface BorrowedHost {
  readonly host: Host | undefined;
  readonly connector: Connector;
}

/** Owns what a universe runs on: the embedded host, or the address of a server. */
export class InnerUniverseController implements AsyncDisposable {
  readonly config: InnerUniverseConfig;
  readonly #onError: (error: unknown) => void;
  readonly #borrowed: BorrowedHost | undefined;
  #state: ControllerState = 'stopped';
  #host: Host | undefined;
  #server: RunningServer | undefined;
  #stopping: Promise<void> | undefined;

  /** With a borrowed host, the configuration's placement is not opened: the database is there. */
  constructor(config: InnerUniverseConfig, onError: (error: unknown) => void, borrowed?: BorrowedHost) {
    this.config = config;
    this.#onError = onError;
    this.#borrowed = borrowed;
  }

  get state(): ControllerState {
    return this.#state;
  }

  /** The embedded host; undefined when the universe is on a server. */
  get host(): Host | undefined {
    return this.#host ?? (this.#state === 'stopped' ? undefined : this.#borrowed?.host);
  }

  /**
   * Makes the database available and tells how to connect: an embedded host is opened, the module published to it
   * where it is new or changed; of a server only the address is taken.
   * @throws {NervPersistenceError} `universe/in-use`, `universe/not-a-universe`, `universe/newer-version`,
   * `universe/corrupt`, `universe/storage-failed`, `universe/open-failed`
   */
  async startServerMode(): Promise<Connector> {
    if (this.#state !== 'stopped')
      throw new NervPersistenceError('universe/open-failed', `The controller is ${this.#state} already.`);
    this.#state = 'starting';
    try {
      const connector = await this.#start();
      this.#state = 'running';
      return connector;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * Serves an embedded universe to other processes and browsers; gives the address.
   * @throws {NervPersistenceError} `universe/open-failed` when it is on a server already; the host's own error when
   * it cannot listen.
   */
  async serve(options: ServeOptions): Promise<string> {
    const { host } = this;
    if (host === undefined) {
      throw new NervPersistenceError(
        'universe/open-failed',
        'Only an embedded universe can be served; this one is on a server.',
      );
    }
    this.#server = await host.serve(options);
    return this.#server.address;
  }

  /** Stops serving, makes everything durable, and gives up the directory. Idempotent. */
  stop(): Promise<void> {
    if (this.#state === 'stopped') return Promise.resolve();
    this.#stopping ??= this.#stop().finally(() => (this.#stopping = undefined));
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping';
    const host = this.#host;
    this.#host = undefined;
    this.#server = undefined;
    try {
      await host?.close();
    } finally {
      this.#state = 'stopped';
    }
  }

  async #start(): Promise<Connector> {
    const { placement, database } = this.config;
    if (this.#borrowed !== undefined) return this.#borrowed.connector;
    if (placement.type === 'server') {
      return new ServerConnector({
        url: placement.url,
        database,
        token: placement.token,
        onListenerError: this.#onError,
      });
    }
    const { makeStderrLogger, openHost } = await import('@inner-universe/host');
    const stderr = makeStderrLogger('warn');
    // A refusal reaches its caller as an error; printing it as well would say it twice.
    const logger: Logger = {
      log: (record) => (record.source === 'host' || record.level === 'panic') && stderr.log(record),
    };
    try {
      this.#host = await openHost(
        placement.type === 'disk'
          ? { data: placement.data, isolation: placement.isolation, logger }
          : { memory: true, isolation: placement.isolation, logger },
      );
      await this.#host.publish({ name: database, module: findModule() });
    } catch (error) {
      throw makeOpenError(error, placement.type === 'disk' ? placement.data : 'memory');
    }
    const host = this.#host;
    return new EmbeddedConnector({
      host,
      database,
      token: host.ownerToken,
      onListenerError: this.#onError,
    });
  }
}
