import { assert } from '../assert.ts';
import type { Logger, LogRecord } from '../clock/clock.ts';
import type { DatabaseState } from '../database/database-state.ts';
import { Host } from '../host.ts';
import { type ClientLimits, type HostedDatabaseOptions, LocalDatabase } from '../hosted-database.ts';
import type { SigningKeys } from '../identity/signing-keys.ts';
import { TokenAuthority } from '../identity/token-authority.ts';
import type { ProgramLoader } from '../module/realm-port.ts';
import type { OutboundHttpOptions } from '../outbound-http/outbound-options.ts';
import { NameRegistry } from '../names/name-registry.ts';
import type { MemoryContents } from '../storage/memory-storage.ts';
import { FaultStorage } from './fault-storage.ts';
import type { ManualTime } from './manual-time.ts';
import { OWNER, TEST_DATABASE } from './origins.ts';
import type { StorageFaults } from './storage-faults.ts';
import type { TestSeed } from './test-seed.ts';

/** What is the same in every life of the process. */
export interface ProcessOptions {
  /** Text of the module's bundle. */
  readonly module: string;
  readonly seed: TestSeed;
  readonly keys: SigningKeys;
  readonly ownerToken: string;
  readonly programs: ProgramLoader;
  readonly time: ManualTime;
  readonly faults: StorageFaults;
  readonly logger: Logger;
  readonly limits?: ClientLimits | undefined;
  readonly strictCompat?: boolean | undefined;
  readonly outboundHttp?: boolean | OutboundHttpOptions | undefined;
  /** Told in the turn in which the process is killed. */
  readonly onKill: () => void;
}

/** What a life of the process begins with. */
export interface ProcessStart {
  /** What is on the disk. */
  readonly contents: MemoryContents;
  /** Where the database goes on from without reading the disk. Absent: it is read. */
  readonly state?: DatabaseState | undefined;
  /** What was logged up to there. */
  readonly logs: readonly LogRecord[];
}

/**
 * One life of the process that a test host stands for: a host with one database, until it is closed or killed. A killed
 * process logs nothing more, and what it still writes goes nowhere.
 */
export class TestProcess {
  readonly host: Host;
  readonly #storage: FaultStorage;
  readonly #options: ProcessOptions;
  #hosted: LocalDatabase | undefined;
  #isAlive = true;

  private constructor(options: ProcessOptions, start: ProcessStart, names: NameRegistry) {
    const { time, faults, seed, keys, ownerToken, limits, strictCompat, outboundHttp } = options;
    this.#options = options;
    this.#storage = new FaultStorage(start.contents, { faults, timers: time, onKill: () => this.#die() });
    const logger: Logger = { log: (record) => this.#isAlive && options.logger.log(record) };
    this.host = new Host(
      {
        memory: true,
        clock: time,
        timers: time,
        logger,
        random: seed.makeRandom('host'),
        limits,
        strictCompat,
        outboundHttp,
      },
      {
        credentials: { tokens: new TokenAuthority(keys, time), owner: seed.identityOf(OWNER), ownerToken },
        names,
        programs: options.programs,
        openLocal: (opening) => this.#openLocal(opening, start),
      },
    );
  }

  /** @throws as `Database.open` */
  static async start(options: ProcessOptions, start: ProcessStart): Promise<TestProcess> {
    const process = new TestProcess(options, start, await NameRegistry.open(undefined, []));
    try {
      process.#storage.hurry();
      await process.host.createDatabase({ name: TEST_DATABASE, module: options.module });
      process.#storage.stopHurrying();
      return process;
    } catch (error) {
      await process.host.close();
      throw error;
    }
  }

  /** The database under test. */
  get hosted(): LocalDatabase {
    assert(this.#hosted !== undefined, 'the database under test is there once the process has started');
    return this.#hosted;
  }

  /** What is on the disk; what was written and is not durable yet, too. */
  get contents(): MemoryContents {
    return this.#storage.contents;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Ends it at once: what is durable stays, and nobody is told. Idempotent. */
  kill(): void {
    this.#storage.kill();
  }

  /** Ends it in an orderly way; of a killed one, gives up what is left of it. Idempotent. */
  async close(): Promise<void> {
    this.#storage.hurry();
    await this.host.close();
  }

  #die(): void {
    this.#isAlive = false;
    this.#options.onKill();
  }

  /** The database under test is the first; others that a test makes are as any. */
  #openLocal(opening: HostedDatabaseOptions, { state, logs }: ProcessStart): Promise<LocalDatabase> {
    return this.#hosted === undefined ? this.#openTested(opening, { state, logs }) : LocalDatabase.open(opening);
  }

  async #openTested(opening: HostedDatabaseOptions, start: Omit<ProcessStart, 'contents'>): Promise<LocalDatabase> {
    const { seed } = this.#options;
    for (const record of start.logs) opening.logger.log(record);
    this.#hosted = await LocalDatabase.open(
      {
        ...opening,
        // What is stored says which program runs: the test may have published another one meanwhile.
        program: undefined,
        storage: this.#storage,
        identity: seed.databaseIdentity,
        hashSeed: seed.hashSeed,
      },
      start.state,
    );
    return this.#hosted;
  }
}
