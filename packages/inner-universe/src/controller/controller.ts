import type { Host, RunningServer, ServeOptions } from '@inner-universe/host';
import { systemClock } from '@inner-universe/nerv';
import type { CallOptions, Connector } from '../connection/connection.ts';
import { EmbeddedConnector } from '../connection/embedded-connector.ts';
import { runWithin, runWithSignal } from '../connection/run-within.ts';
import { systemWaiting } from '../connection/system-waiting.ts';
import { Watched, type Watchable } from '../connection/watched.ts';
import { NervPersistenceError } from '../errors.ts';
import { makeObserver } from '../observability/observer.ts';
import { makeHostLogger } from '../observability/host-logger.ts';
import { CALL_OPTION_FORMS, checkCallOptions, checkOptions } from './check-options.ts';
import { checkDeploymentOptions, checkServeOptions } from './controller-options.ts';
import { InnerUniverseConfig, type DiskOptions, type MemoryOptions, type UniverseOptions } from './config.ts';
import type { DeploymentOptions, DeploymentReport } from './deployment/deployment.ts';
import { Drains } from './drains.ts';
import { makeOpenError } from './open-error.ts';
import { findModule } from './module-bundle.ts';
import { isNewerThanHere } from './newer-module.ts';
import { makeServerConnector } from './server-access.ts';
import { readStorageKey } from './storage-key.ts';

/** Where a controller stands. */
export type ControllerState = 'stopped' | 'starting' | 'running' | 'deploying' | 'stopping';

/** Where a controller stands, and since when. Frozen; a new object for each change. */
export interface ControllerStatus {
  readonly state: ControllerState;
  readonly since: Date;
  /** Why it stopped or could not start; undefined where nothing went wrong. */
  readonly lastError: Error | undefined;
  /** The address it serves at; undefined while it does not. */
  readonly address: string | undefined;
}

/** How to reach a database that somebody else runs and closes, and its host if it is in this process; a test may exchange it. */
export interface BorrowedHost {
  readonly host: Host | undefined;
  readonly connector: Connector;
}

/** How a controller is to stop. */
export interface StopOptions extends CallOptions {
  /** How long work that is on its way is waited for, in milliseconds. Default 10,000. */
  readonly drainMs?: number | undefined;
}

const DRAIN_MS = 10_000;

/** Owns what a universe runs on: the embedded host, or the address of a server. */
export class InnerUniverseController implements AsyncDisposable {
  readonly config: InnerUniverseConfig;
  readonly #onError: (error: unknown) => void;
  readonly #borrowed: BorrowedHost | undefined;
  readonly #status: Watched<ControllerStatus>;
  readonly #drains: Drains;
  #host: Host | undefined;
  #server: RunningServer | undefined;
  #stopping: Promise<void> | undefined;
  /** Ends starting or deploying, and what is being ended. */
  #busy: { readonly ending: AbortController; readonly done: Promise<unknown> } | undefined;

  /**
   * `onError` is told what nobody else is; default what the options say, as in `openUniverse`. With a borrowed host, the
   * configuration's placement is not opened: the database is there.
   * @throws {NervPersistenceError} `config/invalid` for options that are none
   */
  constructor(
    config: InnerUniverseConfig | UniverseOptions,
    onError?: (error: unknown) => void,
    borrowed?: BorrowedHost,
  ) {
    this.config = config instanceof InnerUniverseConfig ? config : InnerUniverseConfig.from(config);
    this.#onError = onError ?? makeOnError(this.config);
    this.#borrowed = borrowed;
    this.#drains = new Drains(this.#onError);
    const status = { state: 'stopped', since: new Date(), lastError: undefined, address: undefined } as const;
    this.#status = new Watched<ControllerStatus>(Object.freeze(status), this.#onError);
  }

  get state(): ControllerState {
    return this.#status.getSnapshot().state;
  }

  /** Where it stands, to be watched. */
  get status(): Watchable<ControllerStatus> {
    return this.#status;
  }

  /** Calls the listener after each change of `status`; the result ends that. */
  onState(listener: (status: ControllerStatus) => void): () => void {
    return this.#status.subscribe(listener);
  }

  /** The embedded host; undefined when the universe is on a server. */
  get host(): Host | undefined {
    return this.#host ?? (this.state === 'stopped' ? undefined : this.#borrowed?.host);
  }

  /**
   * Makes the database available and tells how to connect: an embedded host is opened, the module published to it
   * where it is new or changed; of a server only the address is taken. Called off, it rejects when what was begun is
   * closed again.
   * @throws {NervPersistenceError} `universe/in-use`, `universe/not-a-universe`, `universe/newer-version`,
   * `universe/corrupt`, `universe/key-required`, `universe/wrong-key`, `config/invalid` when a key file cannot be read,
   * `universe/storage-failed`, `universe/open-failed`, `connection/timeout`; the signal's reason
   */
  async startServerMode(call: CallOptions = {}): Promise<Connector> {
    checkCallOptions('startServerMode', call);
    this.#assertStopped();
    return this.#keepBusy('starting', call, async (signal) => {
      try {
        const connector = await runWithSignal('startServerMode', { ...call, signal }, async (ending) => {
          const started = await this.#start();
          ending?.throwIfAborted();
          return started;
        });
        this.#change('running');
        return connector;
      } catch (error) {
        await this.#closeHost();
        throw error;
      }
    });
  }

  /**
   * Brings a database to the state this release needs, wherever it is: builds the module, shows what publishing it
   * would do, publishes it, migrates data, and reads back what is there then. Needs no server mode, and leaves nothing
   * open. Default target: that of the configuration.
   * @throws {NervPersistenceError} `config/invalid`, `deployment/*`, `server/*`, `connection/*`, `universe/*`; the signal's reason
   */
  async startDeploymentMode(options: DeploymentOptions = {}): Promise<DeploymentReport> {
    checkDeploymentOptions(options);
    this.#assertStopped();
    return this.#keepBusy('deploying', options, async (signal) => {
      const { deploy } = await import('./deployment/deployment.ts');
      const report = await deploy(this.config, { ...options, signal }, this.#onError);
      if (this.state === 'deploying') this.#change('stopped');
      return report;
    });
  }

  /**
   * Serves an embedded universe to other processes and browsers; gives the address. With `tls` it does so over TLS.
   * @throws {NervPersistenceError} `universe/open-failed` when it is on a server already; `connection/timeout`; the
   * host's own error when it cannot listen; `config/invalid`; the signal's reason.
   */
  async serve(options: ServeOptions, call: CallOptions = {}): Promise<string> {
    checkServeOptions(options);
    checkCallOptions('serve', call);
    const { host } = this;
    if (host === undefined || this.state !== 'running') {
      throw new NervPersistenceError(
        'universe/open-failed',
        host === undefined && this.state === 'running'
          ? 'Only an embedded universe can be served; this one is on a server.'
          : `Only a running universe can be served; this one is ${this.state}.`,
      );
    }
    const server = await this.#listen(host, options, call);
    this.#server = server;
    this.#change('running', { address: server.address });
    return server.address;
  }

  /** Has work waited for when it stops, before what it runs on is closed. The result takes that back. */
  addDrain(drain: () => Promise<void>): () => void {
    return this.#drains.add(drain);
  }

  /**
   * Takes no more connections and no new work, waits up to `drainMs` for what is on its way, makes everything durable,
   * and gives up the directory. Idempotent. When the call is called off, stopping goes on all the same.
   * @throws {ConnectionError} `connection/timeout`; the signal's reason; what closing throws
   */
  async stop(options: StopOptions = {}): Promise<void> {
    checkOptions('stop', options, { ...CALL_OPTION_FORMS, drainMs: 'duration' });
    if (this.state === 'stopped') return;
    if (this.#stopping === undefined) {
      this.#stopping = this.#stop(options.drainMs ?? DRAIN_MS).finally(() => (this.#stopping = undefined));
      // Whoever waits is told; that nobody waits any more is no fault.
      this.#stopping.catch(() => undefined);
    }
    const stopping = this.#stopping;
    return runWithin('stop', options, () => stopping);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(drainMs: number): Promise<void> {
    this.#change('stopping', { lastError: undefined });
    this.#busy?.ending.abort(makeStopped());
    await this.#busy?.done;
    let lastError: Error | undefined;
    try {
      await Promise.all([this.#server?.close(), this.#drains.run(drainMs)]);
    } catch (error) {
      // The host is closed all the same: what was acknowledged is to be durable.
      lastError = asError(error);
    }
    try {
      await this.#closeHost();
    } catch (error) {
      lastError = asError(error);
    } finally {
      this.#change('stopped', { lastError, address: undefined });
    }
    if (lastError !== undefined) throw lastError;
  }

  /** Works in a state that `stop` ends; what fails there leads back to `stopped`. */
  async #keepBusy<T>(
    state: 'starting' | 'deploying',
    { signal }: CallOptions,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const ending = new AbortController();
    const onAbort = (): void => ending.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#change(state, { lastError: undefined });
    const working = work(ending.signal);
    this.#busy = { ending, done: working.catch(() => undefined) };
    try {
      return await working;
    } catch (error) {
      if (this.state === state) this.#change('stopped', { lastError: asError(error) });
      throw error;
    } finally {
      this.#busy = undefined;
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async #closeHost(): Promise<void> {
    const host = this.#host;
    this.#host = undefined;
    this.#server = undefined;
    await host?.close();
  }

  /** Listens; a server that nobody waits for any more is closed again. */
  #listen(host: Host, options: ServeOptions, call: CallOptions): Promise<RunningServer> {
    return runWithSignal('serve', call, async (signal) => {
      const server = await host.serve(options);
      if (signal?.aborted !== true) return server;
      await server.close();
      throw signal.reason;
    });
  }

  async #start(): Promise<Connector> {
    const { placement, database } = this.config;
    if (this.#borrowed !== undefined) return this.#borrowed.connector;
    if (placement.type === 'server') return makeServerConnector(placement, database, this.#onError);
    const { makeStderrLogger, openHost } = await import('./embedded-host.ts');
    const { logger: given, slowCallMs, slowQueryMs } = this.config.options as DiskOptions | MemoryOptions; // the forms left
    const logger = makeHostLogger(given, makeStderrLogger('warn'));
    const common = { isolation: placement.isolation, logger, slowCallMs, slowQueryMs };
    const storageKey = await readStorageKey((this.config.options as DiskOptions).storageKey); // no other form has it
    try {
      this.#host = await openHost(
        placement.type === 'disk' ? { data: placement.data, storageKey, ...common } : { memory: true, ...common },
      );
      if (!(await isNewerThanHere(this.#host, database)))
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

  #assertStopped(): void {
    if (this.state === 'stopped') return;
    throw new NervPersistenceError('universe/open-failed', `The controller is ${this.state} already.`);
  }

  #change(state: ControllerState, facts: Partial<ControllerStatus> = {}): void {
    const before = this.#status.getSnapshot();
    const since = state === before.state ? before.since : new Date();
    this.#status.set(Object.freeze({ ...before, ...facts, state, since }));
  }
}

/** Where errors go that nobody else is told, as the options say. */
function makeOnError({ options, database }: InnerUniverseConfig): (error: unknown) => void {
  const clock = options.clock ?? systemClock;
  return makeObserver(options, { database, clock, nowMs: () => systemWaiting.nowMs() }).onError;
}

function makeStopped(): NervPersistenceError {
  return new NervPersistenceError('universe/closed', 'The controller was stopped before this was done.');
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
