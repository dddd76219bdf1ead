import type { Logger, LogRecord } from '../clock/clock.ts';
import { type Host, openHost } from '../host.ts';
import type { HostedDatabase } from '../hosted-database.ts';
import { HostError } from '../errors.ts';
import { type ModuleSource, readModule } from '../module/bundle-module.ts';
import type { InProcessRequest, InProcessSocket } from '../session/in-process.ts';
import { ManualTime } from './manual-time.ts';

/** What a test host is made of. */
export interface TestHostOptions {
  /** The module under test: text of its bundle, or where to find it. */
  readonly module: string | ModuleSource;
  /** Where the clock stands at first, in microseconds since the epoch. Default: 1 January 2026. */
  readonly startMicros?: bigint | undefined;
  /** Log records kept for `logs`. Default 10,000; older ones go first. */
  readonly logsMax?: number | undefined;
}

/** What is needed of the builder of generated bindings. */
export interface ConnectionBuilder<Connection> {
  withUri(uri: string): this;
  withDatabaseName(name: string): this;
  withToken(token?: string): this;
  withWSFn(connect: (request: InProcessRequest) => Promise<InProcessSocket>): this;
  onConnect(callback: (connection: Connection) => void): this;
  onConnectError(callback: (context: unknown, error: Error) => void): this;
  build(): Connection;
}

/** The `DbConnection` class of generated bindings. */
export interface ConnectableType<Connection> {
  builder(): ConnectionBuilder<Connection>;
}

const DATABASE = 'test';

/**
 * A fresh database in memory that runs a module, with a clock that the test moves. The caller closes it.
 * @throws {HostError} as `Host.createDatabase`; @throws {SchemaError}
 */
export async function createTestHost(options: TestHostOptions): Promise<TestHost> {
  const time = new ManualTime(options.startMicros);
  const logs: LogRecord[] = [];
  const logsMax = options.logsMax ?? 10_000;
  const logger: Logger = {
    log: (record) => {
      logs.push(record);
      if (logs.length > logsMax) logs.shift();
    },
  };
  const host = await openHost({ memory: true, clock: time, timers: time, logger });
  try {
    const module = typeof options.module === 'string' ? options.module : await readModule(options.module);
    const hosted = await host.createDatabase({ name: DATABASE, module });
    return new TestHost({ host, hosted, time, logs });
  } catch (error) {
    await host.close();
    throw error;
  }
}

/** One database for a test, several identities, and a clock under control. */
export class TestHost {
  readonly host: Host;
  readonly hosted: HostedDatabase;
  /** Schedules run inside `time.advance`. */
  readonly time: ManualTime;
  /** What the module and the host logged. */
  readonly logs: readonly LogRecord[];
  readonly #tokens: Map<string, Promise<string>> = new Map();

  /** Use `createTestHost`. */
  constructor(parts: {
    readonly host: Host;
    readonly hosted: HostedDatabase;
    readonly time: ManualTime;
    readonly logs: readonly LogRecord[];
  }) {
    this.host = parts.host;
    this.hosted = parts.hosted;
    this.time = parts.time;
    this.logs = parts.logs;
    this.#tokens.set('owner', Promise.resolve(parts.host.ownerToken));
  }

  /** Name under which clients reach the database. */
  get databaseName(): string {
    return this.hosted.name;
  }

  /** The token of a named identity: the same name is the same identity; `owner` owns the database. */
  tokenOf(name: string): Promise<string> {
    const known = this.#tokens.get(name);
    if (known !== undefined) return known;
    const token = this.host.tokens.issue().then((issued) => issued.token);
    this.#tokens.set(name, token);
    return token;
  }

  /**
   * Connects a client of generated bindings, as a named identity; resolves when it is connected.
   * @throws {HostError} `identity/forbidden` when the module refuses it
   */
  async connect<Connection>(type: ConnectableType<Connection>, as = 'owner'): Promise<Connection> {
    const token = await this.tokenOf(as);
    return new Promise<Connection>((resolve, reject) => {
      // The SDK reports every failure to connect in its own words: keep ours.
      let refusal: unknown;
      const connectInProcess = async (request: InProcessRequest): Promise<InProcessSocket> => {
        try {
          return await this.host.connectInProcess(request);
        } catch (error) {
          refusal = error;
          throw error;
        }
      };
      type
        .builder()
        .withUri('ws://in-process')
        .withDatabaseName(DATABASE)
        .withToken(token)
        .withWSFn(connectInProcess)
        .onConnect((connection) => resolve(connection))
        .onConnectError((_context, error) => reject(refusal instanceof HostError ? refusal : error))
        .build();
    });
  }

  /** Ends every connection and the database. Idempotent. */
  async close(): Promise<void> {
    await this.host.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
