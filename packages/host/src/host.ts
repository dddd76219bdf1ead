import { randomUUID } from 'node:crypto';
import type { Clock, Logger, Random, Timers } from './clock/clock.ts';
import { makeStderrLogger, systemClock, systemRandom, systemTimers } from './clock/system-clock.ts';
import { errorMessage, HostError } from './errors.ts';
import type { SqlResult } from './database/plain-results.ts';
import type { SqlOptions } from './direct-sql.ts';
import { assertUnlocked, exists, notFound } from './database-refusals.ts';
import type { HostDirectory } from './host-directory.ts';
import type { CreateOptions, HostOptions, PublishOptions, PublishResult } from './host-options.ts';
import { type HostedDatabase, type HostedDatabaseOptions, LocalDatabase } from './hosted-database.ts';
import type { HostCredentials } from './identity/host-credentials.ts';
import { deriveIdentity, identityToHex, tryParseIdentity } from './identity/identity.ts';
import { LOCAL_ISSUER } from './identity/claims.ts';
import type { TokenAuthority } from './identity/token-authority.ts';
import { DatabaseLogs, teeLogger } from './logs/database-logs.ts';
import { type ModuleSource, readModule } from './module/bundle-module.ts';
import { FileTransformCache } from './module/file-transform-cache.ts';
import { makeProgramLoader, type TransformCache } from './module/program-loader.ts';
import type { ProgramLoader } from './module/realm-port.ts';
import type { HostInspection } from './inspection/inspection.ts';
import type { MetricFamily } from './metrics/metric-family.ts';
import { ServerMetrics } from './metrics/server-metrics.ts';
import type { NameRegistry } from './names/name-registry.ts';
import { Registration } from './names/registration.ts';
import { gatherMetrics, inspectHost, type ObservedHost } from './observing.ts';
import { BlockingHttpClient } from './outbound-http/blocking-client.ts';
import { findHelperEntry } from './outbound-http/helper-entry.ts';
import { type OutboundPolicy, readOutboundHttp } from './outbound-http/outbound-options.ts';
import { planUpdate, type PublishPlan, updateDatabase } from './publishing.ts';
import type { PreviewRequest, PublishPreview } from './server/managed-host.ts';
import { makePublishPreview } from './server/publish-preview.ts';
import type { RunningServer, ServeOptions } from './server/serve.ts';
import { type InProcessRequest, type InProcessSocket, makeInProcessConnector } from './session/in-process.ts';
import type { ServedHost } from './session/served-host.ts';
import type { DirectoryLock } from './storage/lock.ts';
import { openStorage } from './storage/open-storage.ts';
import type { StorageKey } from './storage/sealed/storage-key.ts';
import { DatabaseThreads } from './thread/database-threads.ts';
import { type IsolationSettings, makeTimeLimits, readIsolation } from './thread/isolation-options.ts';

/** What a host on disk has besides one in memory. */
export interface HostDisk {
  readonly directory: HostDirectory;
  readonly lock: DirectoryLock;
  /** Absent: what is stored is not encrypted. */
  readonly storageKey: StorageKey | undefined;
}

/** What a host is put together from beside its options. */
export interface HostParts {
  readonly credentials: HostCredentials;
  readonly names: NameRegistry;
  readonly disk?: HostDisk | undefined;
  /** Default: a loader of its own. */
  readonly programs?: ProgramLoader | undefined;
  /** Opens a database in this thread. Default: `LocalDatabase.open`. */
  readonly openLocal?: ((options: HostedDatabaseOptions) => Promise<LocalDatabase>) | undefined;
}

/** Many databases in one process: in memory or on disk, for this process's clients and, when served, for others. */
export class Host implements ServedHost {
  readonly logger: Logger;
  /** What comes in over the network is counted here. */
  readonly serverMetrics: ServerMetrics = new ServerMetrics();
  readonly #credentials: HostCredentials;
  readonly #disk: HostDisk | undefined;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #programs: ProgramLoader;
  /** Present when databases run in threads of their own. */
  readonly #threads: DatabaseThreads | undefined;
  readonly #outboundPolicy: OutboundPolicy | undefined;
  /** Of the databases in this thread; the others have their own. */
  readonly #outboundHttp: BlockingHttpClient | undefined;
  readonly #openLocal: (options: HostedDatabaseOptions) => Promise<LocalDatabase>;
  readonly #clients: Pick<HostOptions, 'limits' | 'strictCompat' | 'slowCallMs' | 'slowQueryMs'>;
  readonly #isolation: IsolationSettings;
  readonly #trustedIssuers: readonly string[];
  readonly #names: NameRegistry;
  readonly #logs: DatabaseLogs;
  /** By key, see `NameRegistry`. */
  readonly #databases: Map<string, HostedDatabase> = new Map();
  /** Publishing runs one after the other; this resolves when the last has ended, however it did. */
  #publishing: Promise<unknown> = Promise.resolve();
  #server: RunningServer | undefined;
  #isServing = false;
  #closing: Promise<void> | undefined;

  /** Use `openHost`. */
  constructor(options: HostOptions, { credentials, names, disk, programs, openLocal }: HostParts) {
    this.logger = options.logger ?? makeStderrLogger('warn');
    this.#credentials = credentials;
    this.#disk = disk;
    this.#names = names;
    this.#clock = options.clock ?? systemClock;
    const directoryOf = disk === undefined ? undefined : (key: string) => disk.directory.logsPath(key);
    this.#logs = new DatabaseLogs({ clock: this.#clock, logger: this.logger, limits: options.logs, directoryOf });
    this.#timers = options.timers ?? systemTimers;
    this.#random = options.random ?? systemRandom;
    const { limits, strictCompat, slowCallMs, slowQueryMs } = options;
    this.#clients = { limits, strictCompat, slowCallMs, slowQueryMs };
    this.#trustedIssuers = (options.trustedIssuers ?? []).map(({ issuer }) => issuer);
    const isolation = readIsolation(options);
    this.#isolation = isolation;
    const transformCache = options.transformCache ?? this.#makeTransformCache();
    this.#programs = programs ?? makeProgramLoader(transformCache, { timeLimits: makeTimeLimits(isolation) });
    this.#outboundPolicy = readOutboundHttp(options.outboundHttp);
    this.#outboundHttp = this.#outboundPolicy && new BlockingHttpClient(this.#outboundPolicy, findHelperEntry);
    if (isolation.isolation === 'thread') {
      this.#threads = new DatabaseThreads(isolation, options, transformCache);
    }
    this.#openLocal = openLocal ?? ((opening) => LocalDatabase.open(opening));
  }

  /** The data directory; undefined for a host in memory. */
  get dataDirectory(): string | undefined {
    return this.#disk?.directory.path;
  }

  get tokens(): TokenAuthority {
    return this.#credentials.tokens;
  }

  /** Identity of the host's owner, who owns every database that is not published for somebody else. */
  get owner(): bigint {
    return this.#credentials.owner;
  }

  /** A token of the owner. Never to be logged or served. */
  get ownerToken(): string {
    return this.#credentials.ownerToken;
  }

  /** The databases that are open, by name. */
  get databases(): readonly HostedDatabase[] {
    return [...this.#databases.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws {HostError} `host/database-not-found` */
  database(nameOrIdentity: string): HostedDatabase {
    const found = this.findDatabase(nameOrIdentity);
    if (found !== undefined) return found;
    const names = this.databases.map(({ name }) => name);
    throw new HostError({
      code: 'host/database-not-found',
      message: `there is no database "${nameOrIdentity}"; there ${names.length === 0 ? 'are none' : `is ${names.join(', ')}`}`,
      details: { database: nameOrIdentity, names },
    });
  }

  findDatabase(nameOrIdentity: string): HostedDatabase | undefined {
    const identity = tryParseIdentity(nameOrIdentity);
    if (identity !== undefined) return this.databases.find((hosted) => hosted.identity === identity);
    const key = this.#names.keyOf(nameOrIdentity);
    return key === undefined ? undefined : this.#databases.get(key);
  }

  /**
   * Creates a database from a module. When that fails, nothing of it is left.
   * @throws {HostError} `host/database-exists`, `host/invalid-name`, `module/*`, `database/init-failed`
   */
  async createDatabase(options: CreateOptions): Promise<HostedDatabase> {
    return this.#inTurn(async () => {
      if (options.name !== undefined && this.#names.keyOf(options.name) !== undefined) throw exists(options.name);
      return this.#create(options, await readProgram(options));
    });
  }

  /**
   * Makes a database run a module: creates it, or gives the running one the new program, which takes over its data by
   * an automatic migration. Clients stay connected unless the plan breaks them. When it fails, everything is as before.
   * @throws {HostError} as `createDatabase`, and `database/migration-refused` (every reason in `details.refusals`),
   * `database/breaks-clients`, `database/plan-outdated`, `host/database-locked`
   */
  async publish(options: PublishOptions): Promise<PublishResult> {
    return this.#inTurn(async () => {
      const program = await readProgram(options);
      const existing = this.findDatabase(options.name);
      // An identity is given by the host, not chosen: one that belongs to nothing here is no name for something new.
      if (existing === undefined && tryParseIdentity(options.name) !== undefined) throw notFound(options.name);
      if (existing === undefined) return { database: await this.#create(options, program), outcome: 'created' };
      assertUnlocked(existing, 'published to');
      const exchange = await updateDatabase(existing, program, options);
      return { database: existing, outcome: exchange === undefined ? 'unchanged' : 'updated', exchange };
    });
  }

  /**
   * What publishing a module to a database that exists would do to its data and clients now. Changes nothing.
   * @throws {HostError} `host/database-not-found`, `module/*`; @throws {SchemaError}
   */
  async planPublish(options: Pick<PublishOptions, 'name' | 'module'>): Promise<PublishPlan> {
    return this.#inTurn(async () => planUpdate(this.database(options.name), await readProgram(options)));
  }

  /** A plan as the HTTP interface shows it. @throws as `planPublish` */
  async previewPublish({ name, module, isColored }: PreviewRequest): Promise<PublishPreview> {
    return makePublishPreview(await this.planPublish({ name, module }), isColored);
  }

  /**
   * Deletes all data of a database and runs `init` as if it were new, with the module given or the one it runs. Its
   * identity, owner and names stay; its clients are ended. When it fails, everything is as before.
   * @throws {HostError} as `publish`
   */
  async resetDatabase(options: {
    readonly name: string;
    readonly module?: string | ModuleSource | undefined;
  }): Promise<HostedDatabase> {
    return this.#inTurn(async () => {
      const hosted = this.database(options.name);
      assertUnlocked(hosted, 'reset');
      const { module = hosted.database.program } = options;
      await updateDatabase(hosted, await readProgram({ module }), { clear: true });
      return hosted;
    });
  }

  /**
   * Runs SQL statements in a database, as its owner unless said otherwise; one result for each statement.
   * @throws {HostError} `host/database-not-found`, and as `HostedDatabase.sql`
   */
  async sql(nameOrIdentity: string, text: string, options: SqlOptions = {}): Promise<readonly SqlResult[]> {
    return this.database(nameOrIdentity).sql(text, options);
  }

  /** Ends a database's sessions and deletes it with all it holds. @throws {HostError} `host/database-not-found` */
  async deleteDatabase(nameOrIdentity: string): Promise<void> {
    await this.#inTurn(async () => {
      const hosted = this.database(nameOrIdentity);
      const { key } = hosted.registration;
      assertUnlocked(hosted, 'deleted');
      this.#databases.delete(key);
      try {
        await hosted.close();
      } catch (error) {
        // What could not be made durable goes with all the rest: a full disk must not keep what is deleted.
        this.#warn(`"${hosted.name}" was not closed in order before it was deleted: ${errorMessage(error)}`);
      }
      await this.#forget(key);
    });
  }

  /**
   * Gives a database exactly these names; without any it is reached by its identity alone.
   * @throws {HostError} `host/database-not-found`, `host/invalid-name`, `host/name-taken`
   */
  async renameDatabase(nameOrIdentity: string, names: readonly string[]): Promise<void> {
    await this.#inTurn(() => this.#names.setNames(this.database(nameOrIdentity).registration.key, names));
  }

  /** Gives a database one more name. @throws {HostError} as `renameDatabase` */
  async addDatabaseName(nameOrIdentity: string, name: string): Promise<void> {
    await this.#inTurn(async () => {
      const { key, names } = this.database(nameOrIdentity).registration;
      await this.#names.setNames(key, [...names, name]);
    });
  }

  /** Locks a database, or unlocks it: a locked one is neither published to nor reset nor deleted. */
  async lockDatabase(nameOrIdentity: string, isLocked: boolean): Promise<void> {
    await this.#inTurn(() => this.#names.setLocked(this.database(nameOrIdentity).registration.key, isLocked));
  }

  /**
   * Everything that is counted, of the host and its databases, as samples; `formatPrometheus` writes them as text. A
   * database in a thread that does not answer within two seconds is reported as not up, without its own metrics.
   */
  metrics(): Promise<readonly MetricFamily[]> {
    return gatherMetrics(this.#observed);
  }

  /**
   * What the host and its databases are like now: plain data for consoles and bug reports, as JSON has it. It holds no
   * tokens, keys or rows, but the text of the clients' queries.
   */
  inspect(): Promise<HostInspection> {
    return inspectHost({
      ...this.#observed,
      clock: this.#clock,
      dataDirectory: this.dataDirectory,
      owner: this.owner,
      isolation: this.#isolation,
      trustedIssuers: this.#trustedIssuers,
      address: this.#server?.address,
    });
  }

  get #observed(): ObservedHost {
    return { databases: this.databases, server: this.serverMetrics, timers: this.#timers };
  }

  /** Connects a client inside this process: for the SDK's `withWSFn`. The promise rejects when it is not let in. */
  readonly connectInProcess = (request: InProcessRequest): Promise<InProcessSocket> =>
    makeInProcessConnector(this)(request);

  /**
   * Serves all databases to other processes until `close`, or until the returned server is closed.
   * @throws {HostError} `host/already-serving`, `server/address-in-use`, `server/listen-failed`
   */
  async serve(options: ServeOptions): Promise<RunningServer> {
    this.#assertOpen();
    if (this.#isServing) {
      throw new HostError({
        code: 'host/already-serving',
        message: 'the host is served already; close that server first',
      });
    }
    this.#isServing = true;
    try {
      // Loaded when it is needed: a host inside an application's process has no use for a web server.
      const { serveHost } = await import('./server/serve.ts');
      const server = await serveHost(this, options);
      this.#server = server;
      this.#disk?.lock.announce(server.address);
      return { ...server, close: () => this.#stopServing(server) };
    } catch (error) {
      this.#isServing = false;
      throw error;
    }
  }

  /** Stops serving, ends all sessions, makes everything durable and gives up the directory. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Opens what the data directory holds. For `openHost` alone. */
  async openStored(keys: readonly string[]): Promise<void> {
    try {
      for (const key of keys) await this.#openStored(key);
      this.#warnOfStrangers();
      await this.#sealWhatIsPlain();
    } catch (error) {
      await Promise.allSettled(this.databases.map((hosted) => hosted.close()));
      await this.#logs.closeAll();
      throw error;
    }
  }

  /** Databases may have other owners; that all of them do is what restoring a wrong `credentials` folder looks like. */
  #warnOfStrangers(): void {
    if (this.databases.length === 0 || this.databases.some(({ owner }) => owner === this.owner)) return;
    const message =
      'no database here belongs to the owner that credentials/ names, so that its token opens none of them. ' +
      'If the folder was exchanged, restore it from the backup of this data directory.';
    this.#warn(message);
  }

  /** Snapshots stand for everything before them, which goes: nothing plain is left then. */
  async #sealWhatIsPlain(): Promise<void> {
    const storageKey = this.#disk?.storageKey;
    if (storageKey?.isConverting !== true) return;
    for (const { database } of this.databases) await database.snapshot();
    await storageKey.finishConverting();
  }

  #warn(message: string): void {
    this.logger.log({ level: 'warn', message, source: 'host', timestampMicros: this.#clock.nowMicros() });
  }

  async #openStored(key: string): Promise<void> {
    try {
      this.#databases.set(key, await this.#openDatabase(key, {}));
    } catch (error) {
      if (!(error instanceof HostError) || error.code !== 'database/no-program') throw error;
      // Nothing was ever stored: its creation was cut short before `init` was durable.
      await this.#forget(key);
    }
  }

  async #create({ name, owner }: CreateOptions, program: string): Promise<HostedDatabase> {
    const identity = deriveIdentity(LOCAL_ISSUER, randomUUID());
    const key = await this.#names.add(name, identityToHex(identity));
    try {
      const hosted = await this.#openDatabase(key, { program, owner, identity });
      this.#databases.set(key, hosted);
      return hosted;
    } catch (error) {
      await this.#forget(key);
      throw error;
    }
  }

  /** Leaves nothing of a database that is closed. Its files go first: without them it is none at the next start. */
  async #forget(key: string): Promise<void> {
    await this.#logs.close(key);
    await this.#disk?.directory.removeDatabase(key);
    await this.#names.remove(key);
  }

  async #openDatabase(
    key: string,
    choice: { readonly program?: string; readonly owner?: bigint | undefined; readonly identity?: bigint },
  ): Promise<HostedDatabase> {
    const registration = new Registration(key, this.#names, await this.#logs.open(key));
    const common = {
      name: registration.names[0] ?? key,
      registration,
      program: choice.program,
      identity: choice.identity ?? deriveIdentity(LOCAL_ISSUER, randomUUID()),
      owner: choice.owner ?? this.owner,
      logger: teeLogger(this.logger, registration.logStore),
      ...this.#clients,
      hashSeed: new DataView(this.#random.bytes(4).buffer).getUint32(0),
    };
    const place = {
      directory: this.#disk?.directory.databasePath(key),
      sealing: this.#disk?.storageKey?.describeSealer(key),
    };
    if (this.#threads !== undefined) {
      return this.#threads.open({ ...common, ...place, outboundPolicy: this.#outboundPolicy });
    }
    return this.#openLocal({
      ...common,
      outboundHttp: this.#outboundHttp,
      storage: await openStorage({ ...place, random: this.#random }),
      clock: this.#clock,
      timers: this.#timers,
      programs: this.#programs,
    });
  }

  #makeTransformCache(): TransformCache | undefined {
    if (this.#disk === undefined) return undefined;
    return new FileTransformCache(this.#disk.directory.cache, (message) => this.#warn(message));
  }

  async #inTurn<Result>(action: () => Promise<Result>): Promise<Result> {
    this.#assertOpen();
    const previous = this.#publishing;
    const turn = (async () => {
      await previous;
      this.#assertOpen();
      return action();
    })();
    this.#publishing = turn.catch(() => undefined);
    return turn;
  }

  async #stopServing(server: RunningServer): Promise<void> {
    await server.close();
    if (this.#server !== server) return;
    this.#server = undefined;
    this.#isServing = false;
    this.#disk?.lock.announce(undefined);
  }

  async #close(): Promise<void> {
    await this.#publishing;
    if (this.#server !== undefined) await this.#stopServing(this.#server);
    const results = await Promise.allSettled(this.databases.map((hosted) => hosted.close()));
    await this.#outboundHttp?.close();
    await this.#logs.closeAll();
    await this.#disk?.lock.release();
    const failures: unknown[] = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    const [first] = failures;
    if (failures.length > 1)
      throw new AggregateError(failures, `${failures.length} databases failed to close: ${errorMessage(first)}`);
    if (first !== undefined) throw first;
  }

  #assertOpen(): void {
    if (this.#closing === undefined) return;
    throw new HostError({ code: 'host/closed', message: 'the host is closed; open it again' });
  }
}

async function readProgram({ module }: Pick<PublishOptions, 'module'>): Promise<string> {
  return typeof module === 'string' ? module : readModule(module);
}
