import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { Clock, Logger, Random, Timers } from './clock/clock.ts';
import { makeStderrLogger, systemClock, systemRandom, systemTimers } from './clock/system-clock.ts';
import { errorMessage, HostError } from './errors.ts';
import { HostDirectory } from './host-directory.ts';
import { type ClientLimits, HostedDatabase } from './hosted-database.ts';
import { type HostCredentials, makeMemoryCredentials, openHostCredentials } from './identity/host-credentials.ts';
import { deriveIdentity, tryParseIdentity } from './identity/identity.ts';
import { LOCAL_ISSUER, type TokenAuthority } from './identity/token-authority.ts';
import { assertProgramFits } from './database/open-database.ts';
import { type ModuleSource, readModule } from './module/bundle-module.ts';
import { FileTransformCache } from './module/file-transform-cache.ts';
import { makeProgramLoader, type TransformCache } from './module/program-loader.ts';
import type { ProgramLoader } from './module/realm-port.ts';
import type { RunningServer, ServeOptions } from './server/serve.ts';
import { type InProcessRequest, type InProcessSocket, makeInProcessConnector } from './session/in-process.ts';
import type { ServedHost } from './session/served-host.ts';
import { systemCode, toWriteError } from './storage/disk/io-error.ts';
import { openDiskStorage } from './storage/disk/disk-storage.ts';
import { type DirectoryLock, lockDirectory } from './storage/lock.ts';
import { createMemoryStorage } from './storage/memory-storage.ts';
import type { Storage } from './storage/storage.ts';

/** Where a host keeps its databases, and what it runs on. */
export interface HostOptions {
  /** A data directory, made when it is not there. Absent: everything is in memory and ends with the host. */
  readonly data?: string | undefined;
  /** True: in memory. To be given where `data` is not, so that nobody loses data by a typing error. */
  readonly memory?: boolean | undefined;
  /** What others are told who find the directory in use. Default `inner-universe`. */
  readonly command?: string | undefined;
  /** Default: records of level `warn` and above to standard error. */
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
  readonly timers?: Timers | undefined;
  readonly random?: Random | undefined;
  /** Keeps prepared bundles between processes. Default: a folder of the data directory; none in memory. */
  readonly transformCache?: TransformCache | undefined;
  /** What the clients of each database may cost. */
  readonly limits?: ClientLimits | undefined;
  /** True refuses queries that SpacetimeDB refuses although this host could answer them. Default false. */
  readonly strictCompat?: boolean | undefined;
}

/** What to publish, and as what. */
export interface PublishOptions {
  /** Lower-case letters, digits and single dashes. */
  readonly name: string;
  /** The module: text of its bundle, or where to find it. */
  readonly module: string | ModuleSource;
  /** Owner of a new database. Default: the host's owner. */
  readonly owner?: bigint | undefined;
}

/** What publishing did. */
export interface PublishResult {
  readonly database: HostedDatabase;
  readonly outcome: 'created' | 'updated' | 'unchanged';
}

/**
 * Opens a host with all databases of its data directory.
 * @throws {HostError} `host/not-a-host`, `host/newer-version`, `host/credentials-missing`, `identity/invalid-key`,
 * `identity/invalid-token`, and what `Database.open` throws for a database that cannot be opened;
 * @throws {StorageError} `storage/in-use` when another process has the directory open, `storage/write-failed` when
 * something must be written and cannot. What exists can be opened on a full disk: its databases are read-only then.
 */
export async function openHost(options: HostOptions): Promise<Host> {
  if (options.data === undefined) {
    if (options.memory !== true) {
      throw new HostError({
        code: 'host/not-a-host',
        message: 'give a data directory (data), or memory: true to keep nothing',
      });
    }
    return new Host(options, await makeMemoryCredentials(options.clock ?? systemClock), undefined);
  }
  const directory = new HostDirectory(resolve(options.data));
  await directory.check();
  const lock = await lockDirectory(directory.path, { command: options.command ?? 'inner-universe' });
  try {
    await directory.check();
    await directory.prepare();
    const databases = await directory.databaseNames();
    const credentials = await openHostCredentials(directory.credentials, options.clock ?? systemClock, { databases });
    const host = new Host(options, credentials, { directory, lock });
    await host.openStored();
    return host;
  } catch (error) {
    await lock.release();
    throw CANNOT_WRITE.includes(systemCode(error)) ? toWriteError(directory.path, error) : error;
  }
}

/** What a file system says that is full, or may not be written to. */
const CANNOT_WRITE = ['ENOSPC', 'EDQUOT', 'EROFS'];

/** What a host on disk has besides one in memory. */
interface Disk {
  readonly directory: HostDirectory;
  readonly lock: DirectoryLock;
}

/** Many databases in one process: in memory or on disk, for this process's clients and, when served, for others. */
export class Host implements ServedHost {
  readonly logger: Logger;
  readonly #credentials: HostCredentials;
  readonly #disk: Disk | undefined;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #programs: ProgramLoader;
  readonly #clients: Pick<HostOptions, 'limits' | 'strictCompat'>;
  readonly #databases: Map<string, HostedDatabase> = new Map();
  /** Publishing runs one after the other; this resolves when the last has ended, however it did. */
  #publishing: Promise<unknown> = Promise.resolve();
  #server: RunningServer | undefined;
  #isServing = false;
  #closing: Promise<void> | undefined;

  /** Use `openHost`. */
  constructor(options: HostOptions, credentials: HostCredentials, disk: Disk | undefined) {
    this.logger = options.logger ?? makeStderrLogger('warn');
    this.#credentials = credentials;
    this.#disk = disk;
    this.#clock = options.clock ?? systemClock;
    this.#timers = options.timers ?? systemTimers;
    this.#random = options.random ?? systemRandom;
    this.#clients = { limits: options.limits, strictCompat: options.strictCompat };
    this.#programs = makeProgramLoader(options.transformCache ?? this.#makeTransformCache());
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
    const byName = this.#databases.get(nameOrIdentity);
    if (byName !== undefined) return byName;
    const identity = tryParseIdentity(nameOrIdentity);
    return identity === undefined ? undefined : this.databases.find((hosted) => hosted.identity === identity);
  }

  /**
   * Creates a database from a module. When that fails, nothing of it is left.
   * @throws {HostError} `host/database-exists`, `host/invalid-name`, `module/*`, `database/init-failed`
   */
  async createDatabase(options: PublishOptions): Promise<HostedDatabase> {
    return this.#inTurn(async () => {
      if (this.#databases.has(options.name)) throw exists(options.name);
      return this.#create(options, await readProgram(options));
    });
  }

  /**
   * Makes a database run a module: creates it, or gives an existing one the new program where its data fit, which
   * ends its sessions. When that fails, everything is as before.
   * @throws {HostError} as `createDatabase`, and `database/migration-required`
   */
  async publish(options: PublishOptions): Promise<PublishResult> {
    return this.#inTurn(async () => {
      const program = await readProgram(options);
      const existing = this.#databases.get(options.name);
      if (existing === undefined) return { database: await this.#create(options, program), outcome: 'created' };
      if (existing.database.program === program) return { database: existing, outcome: 'unchanged' };
      return { database: await this.#update(existing, program), outcome: 'updated' };
    });
  }

  /** Ends a database's sessions and deletes it with all it holds. @throws {HostError} `host/database-not-found` */
  async deleteDatabase(nameOrIdentity: string): Promise<void> {
    await this.#inTurn(async () => {
      const hosted = this.database(nameOrIdentity);
      this.#databases.delete(hosted.name);
      await hosted.close();
      await this.#disk?.directory.removeDatabase(hosted.name);
    });
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
  async openStored(): Promise<void> {
    const names = (await this.#disk?.directory.databaseNames()) ?? [];
    try {
      for (const name of names) await this.#openStored(name);
      this.#warnOfStrangers();
    } catch (error) {
      await Promise.allSettled(this.databases.map((hosted) => hosted.close()));
      throw error;
    }
  }

  /** Databases may have other owners; that all of them do is what restoring a wrong `credentials` folder looks like. */
  #warnOfStrangers(): void {
    if (this.databases.length === 0 || this.databases.some(({ owner }) => owner === this.owner)) return;
    const message =
      'no database here belongs to the owner that credentials/ names, so that its token opens none of them. ' +
      'If the folder was exchanged, restore it from the backup of this data directory.';
    this.logger.log({ level: 'warn', message, source: 'host', timestampMicros: this.#clock.nowMicros() });
  }

  async #openStored(name: string): Promise<void> {
    try {
      this.#databases.set(name, await this.#openDatabase(name, {}));
    } catch (error) {
      if (!(error instanceof HostError) || error.code !== 'database/no-program') throw error;
      // Nothing was ever stored: its creation was cut short before `init` was durable.
      await this.#disk?.directory.removeDatabase(name);
    }
  }

  async #create(options: PublishOptions, program: string): Promise<HostedDatabase> {
    assertName(options.name);
    const { name, owner } = options;
    try {
      const hosted = await this.#openDatabase(name, { program, owner });
      this.#databases.set(name, hosted);
      return hosted;
    } catch (error) {
      await this.#disk?.directory.removeDatabase(name);
      throw error;
    }
  }

  /** Checks the new program against the running one before anything is closed. */
  async #update(existing: HostedDatabase, program: string): Promise<HostedDatabase> {
    const { name } = existing;
    const loaded = await this.#programs.load(program);
    assertProgramFits(loaded, existing.database.def);
    if (this.#disk === undefined) {
      throw new HostError({
        code: 'database/migration-required',
        message: `the database "${name}" is in memory, where a running program cannot be exchanged. Delete it and create it anew.`,
        details: { name },
      });
    }
    this.#databases.delete(name);
    await existing.close();
    const updated = await this.#openDatabase(name, { program });
    this.#databases.set(name, updated);
    return updated;
  }

  async #openDatabase(
    name: string,
    choice: { readonly program?: string; readonly owner?: bigint | undefined },
  ): Promise<HostedDatabase> {
    return HostedDatabase.open({
      name,
      program: choice.program,
      storage: await this.#openStorage(name),
      identity: deriveIdentity(LOCAL_ISSUER, randomUUID()),
      owner: choice.owner ?? this.owner,
      clock: this.#clock,
      timers: this.#timers,
      logger: this.logger,
      programs: this.#programs,
      ...this.#clients,
      hashSeed: new DataView(this.#random.bytes(4).buffer).getUint32(0),
    });
  }

  async #openStorage(name: string): Promise<Storage> {
    if (this.#disk === undefined) return createMemoryStorage({ keep: false });
    return openDiskStorage({ directory: this.#disk.directory.databasePath(name), random: this.#random });
  }

  #makeTransformCache(): TransformCache | undefined {
    if (this.#disk === undefined) return undefined;
    return new FileTransformCache(this.#disk.directory.cache, (message) => {
      this.logger.log({ level: 'warn', message, source: 'host', timestampMicros: this.#clock.nowMicros() });
    });
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

async function readProgram({ module }: PublishOptions): Promise<string> {
  return typeof module === 'string' ? module : readModule(module);
}

function assertName(name: string): void {
  if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) && name.length <= 128) return;
  throw new HostError({
    code: 'host/invalid-name',
    message: `"${name}" is no name for a database: use lower-case letters and digits, with single dashes between them, 128 at most`,
    details: { name },
  });
}

function exists(name: string): HostError {
  return new HostError({
    code: 'host/database-exists',
    message: `there is a database "${name}" already; publish to it, or delete it first`,
    details: { name },
  });
}
