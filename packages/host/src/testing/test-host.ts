import { assert } from '../assert.ts';
import type { LogRecord } from '../clock/clock.ts';
import type { DatabaseState } from '../database/database-state.ts';
import type { PlainRow } from '../database/plain-results.ts';
import { HostError } from '../errors.ts';
import type { Host } from '../host.ts';
import type { ClientLimits, LocalDatabase } from '../hosted-database.ts';
import { connectionIdToHex } from '../identity/identity.ts';
import type { ModuleSource } from '../module/bundle-module.ts';
import type { OutboundHttpOptions } from '../outbound-http/outbound-options.ts';
import type { InProcessRequest } from '../session/in-process.ts';
import { forkMemoryContents, type MemoryContents } from '../storage/memory-storage.ts';
import { ManualTime, START_MICROS } from './manual-time.ts';
import { readTestModule } from './module-texts.ts';
import { type Origin, originOf, OWNER, sharingPrograms, TEST_DATABASE, testPrograms } from './origins.ts';
import { type CrashPoint, StorageFaults } from './storage-faults.ts';
import { TestLink } from './test-link.ts';
import { type ProcessStart, TestProcess } from './test-process.ts';
import { TestSeed } from './test-seed.ts';

/** What a test host is made of. */
export interface TestHostOptions {
  /** The module under test: text of its bundle, or where to find it. A bundle of source is made once per process. */
  readonly module: string | ModuleSource;
  /**
   * Decides everything that is random on the host's side: identities, connection ids, keys, seeds of hashes. Default
   * the same for all tests.
   */
  readonly seed?: string | number | undefined;
  /** Where the clock stands at first, in microseconds since the epoch. Default: 1 January 2026. `init` ran just before. */
  readonly startMicros?: bigint | undefined;
  /**
   * True lets the database use one realm with all others of its module that say so: faster by the few milliseconds that
   * a realm takes, and what a test leaves in the module's globals the next one finds. Default false.
   */
  readonly shareRealm?: boolean | undefined;
  /** Log records kept for `logs`. Default 10,000; older ones go first. */
  readonly logsMax?: number | undefined;
  /** What clients may cost. */
  readonly limits?: ClientLimits | undefined;
  /** True refuses queries that SpacetimeDB refuses although this host could answer them. Default false. */
  readonly strictCompat?: boolean | undefined;
  /** HTTP requests of the module, as `openHost` has it. They take real time, and block the process. */
  readonly outboundHttp?: boolean | OutboundHttpOptions | undefined;
}

/** Log records that a test host keeps. */
const LOGS_MAX = 10_000;

/** What is needed of the builder of generated bindings. */
export interface ConnectionBuilder<Connection> {
  withUri(uri: string): this;
  withDatabaseName(name: string): this;
  withToken(token?: string): this;
  withWSFn(connect: (request: InProcessRequest) => Promise<TestLink>): this;
  onConnect(callback: (connection: Connection) => void): this;
  onConnectError(callback: (context: unknown, error: Error) => void): this;
  build(): Connection;
}

/** The `DbConnection` class of generated bindings. */
export interface ConnectableType<Connection> {
  builder(): ConnectionBuilder<Connection>;
}

/**
 * A fresh database in memory that runs a module, with a clock that the test moves. The module's `init` is run once for
 * all test hosts of the process with the same module, seed and start; each goes on from there on its own. The caller
 * closes it.
 * @throws {HostError} as `Host.createDatabase`; @throws {SchemaError}
 */
export async function createTestHost(options: TestHostOptions): Promise<TestHost> {
  const module = await readTestModule(options.module);
  const seed = String(options.seed ?? '');
  const startMicros = options.startMicros ?? START_MICROS;
  const origin = await originOf({ module, seed, startMicros });
  const { state, contents, logs } = origin;
  return TestHost.open({ options, module, origin, seed }, { state, contents, startMicros, logs });
}

/** What a test host and its forks have in common. */
interface Setup {
  readonly options: TestHostOptions;
  /** Text of the module's bundle. */
  readonly module: string;
  readonly origin: Origin;
  readonly seed: string;
}

/** Where a test host goes on from. Never changes. */
interface Start {
  readonly state: DatabaseState;
  readonly contents: MemoryContents;
  readonly startMicros: bigint;
  /** What was logged up to there. */
  readonly logs: readonly LogRecord[];
}

/** A database as it was at one moment. Any number of test hosts can go on from it, also after its own was closed. */
export interface TestSnapshot {
  /** An independent test host that goes on from here. The caller closes it. */
  open(): Promise<TestHost>;
}

/** One database for a test, several identities, a clock under control, and faults on demand. */
export class TestHost {
  /** Schedules run inside `time.advance`. */
  readonly time: ManualTime;
  /** What the module and the host logged. */
  readonly logs: readonly LogRecord[];
  /** What goes wrong with the storage. */
  readonly storage: StorageFaults = new StorageFaults();
  /** What decided all that is random here: to be printed when a test fails that chose it. */
  readonly seed: string;
  readonly #setup: Setup;
  readonly #seed: TestSeed;
  readonly #logs: LogRecord[] = [];
  readonly #tokens: Map<string, Promise<string>> = new Map();
  readonly #links: Set<TestLink> = new Set();
  readonly #linkOf: WeakMap<object, TestLink> = new WeakMap();
  readonly #onKilled: Set<() => void> = new Set();
  #process: TestProcess | undefined;
  #connections = 0;

  private constructor(setup: Setup, startMicros: bigint) {
    this.#setup = setup;
    this.seed = setup.seed;
    this.#seed = new TestSeed(setup.seed);
    this.time = new ManualTime(startMicros);
    this.logs = this.#logs;
    this.#tokens.set(OWNER, Promise.resolve(setup.origin.ownerToken));
  }

  /** Use `createTestHost`. @throws as `Database.open` */
  static async open(setup: Setup, { state, contents, startMicros, logs }: Start): Promise<TestHost> {
    const test = new TestHost(setup, startMicros);
    await test.#start({ state, contents: forkMemoryContents(contents), logs });
    return test;
  }

  /** The host around the database; another one after `restart`. */
  get host(): Host {
    return this.#running.host;
  }

  /** The database with its clients; another one after `restart`. */
  get hosted(): LocalDatabase {
    return this.#running.hosted;
  }

  /** False from a crash until `restart`. */
  get isAlive(): boolean {
    return this.#running.isAlive;
  }

  /** Name under which clients reach the database. */
  get databaseName(): string {
    return TEST_DATABASE;
  }

  /** The identity that a name stands for: the same one in every test host with this seed. */
  identityOf(name: string): bigint {
    return this.#seed.identityOf(name);
  }

  /** The token of a named identity: the same name is the same identity; `owner` owns the database. */
  tokenOf(name: string): Promise<string> {
    const known = this.#tokens.get(name);
    if (known !== undefined) return known;
    const token = this.host.tokens.issue(this.#seed.subjectOf(name)).then((issued) => issued.token);
    this.#tokens.set(name, token);
    return token;
  }

  /**
   * Connects a client of generated bindings, as a named identity; resolves when it is connected.
   * @throws {HostError} `identity/forbidden` when the module refuses it, `host/closed` when the process was killed
   */
  async connect<Connection>(type: ConnectableType<Connection>, as: string = OWNER): Promise<Connection> {
    const token = await this.tokenOf(as);
    return new Promise<Connection>((resolve, reject) => {
      // The SDK reports every failure to connect in its own words: keep ours.
      let refusal: unknown;
      let link: TestLink | undefined;
      const connectInProcess = async (request: InProcessRequest): Promise<TestLink> => {
        try {
          link = await this.openLink(request);
          return link;
        } catch (error) {
          refusal = error;
          throw error;
        }
      };
      type
        .builder()
        .withUri('ws://in-process')
        .withDatabaseName(TEST_DATABASE)
        .withToken(token)
        .withWSFn(connectInProcess)
        .onConnect((connection) => {
          if (link !== undefined && isObject(connection)) this.#linkOf.set(connection, link);
          resolve(connection);
        })
        .onConnectError((_context, error) => reject(refusal instanceof HostError ? refusal : error))
        .build();
    });
  }

  /**
   * A client's end of a new connection, for clients that are not generated bindings: what the SDK's `withWSFn` returns.
   * @throws as `connect`
   */
  async openLink(request: InProcessRequest): Promise<TestLink> {
    if (!this.#running.isAlive) throw makeKilledError();
    this.#connections += 1;
    const connectionId = connectionIdToHex(this.#seed.connectionId(this.#connections));
    const process = this.#running;
    const link = new TestLink(await process.host.connectInProcess({ ...request, connectionId }), this.time);
    if (!process.isAlive) {
      // It was let in by a process that died before it was told: whoever is connected had been told of that by then.
      link.drop();
      throw makeKilledError();
    }
    this.#links.add(link);
    link.whenEnded(() => this.#links.delete(link));
    return link;
  }

  /** The network of a connection that `connect` gave. @throws {TypeError} for any other */
  linkOf(connection: object): TestLink {
    const link = this.#linkOf.get(connection);
    if (link !== undefined) return link;
    throw new TypeError('this connection was not made by connect() of this test host');
  }

  /**
   * Runs SQL against the database, past its clients, and gives the rows of the last statement. The owner may write and
   * sees private tables.
   * @throws {HostError} as `Database.sql`
   */
  async sql(text: string, as: string = OWNER): Promise<readonly PlainRow[]> {
    const results = await this.hosted.sql(text, { as: this.identityOf(as) });
    return results.at(-1)?.rows ?? [];
  }

  /**
   * The database as it is now. Costs little: rows are shared until they change.
   * @throws {HostError} `database/busy` inside a call or while another program takes over; `host/closed` and
   * `database/read-only` after a crash or a failed write: `restart` comes first
   */
  snapshot(): TestSnapshot {
    const { hosted, contents, isAlive } = this.#running;
    if (!isAlive) throw makeKilledError();
    if (hosted.database.failure !== undefined) throw hosted.database.failure;
    const start: Start = {
      state: hosted.database.capture(),
      contents: forkMemoryContents(contents),
      // Later than all that was done here: a module's `ctx.random` goes by the time of its first call.
      startMicros: this.time.nowMicros() + 1n,
      logs: [],
    };
    return { open: () => TestHost.open(this.#setup, start) };
  }

  /**
   * An independent test host that goes on from here: the same rows, sequences and identities, schedules due when they
   * are due here, a clock of its own that stands one microsecond later. Nobody is connected to it: `client_disconnected`
   * runs in it for who is connected here. All that was written counts as durable there. The caller closes it.
   * @throws as `snapshot`
   */
  fork(): Promise<TestHost> {
    return this.snapshot().open();
  }

  /**
   * Kills the process now: nothing more becomes durable, every connection is lost, and the module runs no more. The
   * database can be used again after `restart`.
   */
  crash(): void {
    this.#running.kill();
  }

  /** Kills the process at a commit to come. Resolves when that has happened. @throws {RangeError} */
  crashAt(point: CrashPoint): Promise<void> {
    this.storage.planCrash(point);
    return new Promise((resolve) => {
      const stop = this.onKilled(() => {
        stop();
        resolve();
      });
    });
  }

  /** Calls back each time that the process is killed, in that very turn. The result ends it. */
  onKilled(listener: () => void): () => void {
    this.#onKilled.add(listener);
    return () => void this.#onKilled.delete(listener);
  }

  /**
   * Starts the process anew, killing it if it still runs: what was durable is there, connections are lost and their
   * clients have heard of it, the clock goes on. The module's globals are gone, and clients that were connected are
   * signed off, as after a crash. A crash that was planned may come at one of these commits: look at `isAlive`.
   * @throws as `Database.open`
   */
  async restart(): Promise<void> {
    const dead = this.#running;
    const lost = [...this.#links].map((link) => link.closed);
    dead.kill();
    await Promise.all([dead.close(), ...lost]);
    this.time.set(this.time.nowMicros() + 1n);
    await this.#start({ contents: dead.contents, logs: [] });
  }

  /** Ends every connection and the database. Idempotent. */
  async close(): Promise<void> {
    await this.#process?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #running(): TestProcess {
    assert(this.#process !== undefined, 'the process has started when the test host is given out');
    return this.#process;
  }

  async #start(start: ProcessStart): Promise<void> {
    const { options, module, origin } = this.#setup;
    this.#process = await TestProcess.start(
      {
        module,
        seed: this.#seed,
        keys: origin.keys,
        ownerToken: origin.ownerToken,
        programs: options.shareRealm === true ? sharingPrograms : testPrograms,
        time: this.time,
        faults: this.storage,
        logger: { log: (record) => this.#log(record) },
        limits: options.limits,
        strictCompat: options.strictCompat,
        outboundHttp: options.outboundHttp,
        onKill: () => this.#lose(),
      },
      start,
    );
  }

  /** The process is gone: so is every connection. */
  #lose(): void {
    for (const link of [...this.#links]) link.drop();
    for (const listener of [...this.#onKilled]) listener();
  }

  #log(record: LogRecord): void {
    this.#logs.push(record);
    if (this.#logs.length > (this.#setup.options.logsMax ?? LOGS_MAX)) this.#logs.shift();
  }
}

function makeKilledError(): HostError {
  return new HostError({ code: 'host/closed', message: 'the process was killed: call restart() first' });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
