import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setGlobalLogLevel, type Identity } from 'spacetimedb';
import type { LogRecord } from '../../src/clock/clock.ts';
import type { PlainRow } from '../../src/database/plain-results.ts';
import type { Host } from '../../src/host.ts';
import { openHost } from '../../src/open-host.ts';
import type { ClientLimits, HostedDatabase } from '../../src/hosted-database.ts';
import type { ModuleSource } from '../../src/module/bundle-module.ts';
import type { InProcessRequest, InProcessSocket } from '../../src/session/in-process.ts';
import { readTestModule } from '../../src/testing/module-texts.ts';
import { createTestHost, type TestHost } from '../../src/testing/index.ts';
import { ProbeConnection } from './probe-connection.ts';
import { ProtocolClient, type Version } from './protocol-client.ts';

setGlobalLogLevel('error');

/** Where the database under test runs and how its clients reach it. */
export type Form = 'memory' | 'disk' | 'thread' | 'socket';

/**
 * `memory`: a test host, whose clock moves while a test waits. `disk`: a data directory, clients in the process.
 * `thread`: the same with the database in a worker. `socket`: the same as `disk`, clients over WebSockets.
 */
export const FORMS: readonly Form[] = ['memory', 'disk', 'thread', 'socket'];

export interface ConformanceOptions {
  readonly module: ModuleSource | string;
  readonly strictCompat?: boolean | undefined;
  readonly limits?: ClientLimits | undefined;
}

export interface Connected<Connection> {
  readonly connection: Connection;
  readonly identity: Identity;
  readonly token: string;
}

/** The `DbConnection` of generated bindings, as far as it is needed to connect. */
export interface Connectable<Connection> {
  builder(): Builder<Connection>;
}

interface Builder<Connection> {
  withUri(uri: string): this;
  withDatabaseName(name: string): this;
  withToken(token?: string): this;
  withConfirmedReads(confirmed: boolean): this;
  withWSFn(connect: (request: InProcessRequest) => Promise<InProcessSocket>): this;
  onConnect(callback: (connection: Connection, identity: Identity, token: string) => void): this;
  onConnectError(callback: (context: unknown, error: Error) => void): this;
  onDisconnect(callback: () => void): this;
  build(): Connection;
}

export interface ConnectOptions {
  /** A name; the same name is the same identity. `owner` owns the database. Absent: nobody yet. */
  readonly as?: string | undefined;
  readonly confirmedReads?: boolean | undefined;
  readonly token?: string | undefined;
  readonly onDisconnect?: (() => void) | undefined;
}

export const DATABASE = 'test';

/** A fixture of the suite. */
export function fixture(name: string): ModuleSource {
  return { path: fileURLToPath(new URL(`fixtures/${name}`, import.meta.url)) };
}

/** A module given as text. */
export function source(text: string): ModuleSource {
  return { source: text, directory: fileURLToPath(new URL('fixtures', import.meta.url)) };
}

/** One database under one of the forms: what a test does with it is the same in all. */
export class ConformanceHost {
  readonly form: Form;
  readonly #options: ConformanceOptions;
  readonly #directory: string | undefined;
  readonly #logs: LogRecord[] = [];
  readonly #connections: { disconnect(): void }[] = [];
  readonly #tokens: Map<string, Promise<string>> = new Map();
  #test: TestHost | undefined;
  #host: Host | undefined;
  #address: string | undefined;
  #prober: Promise<ProbeConnection> | undefined;

  private constructor(form: Form, options: ConformanceOptions, directory: string | undefined) {
    this.form = form;
    this.#options = options;
    this.#directory = directory;
  }

  static async open(form: Form, options: ConformanceOptions): Promise<ConformanceHost> {
    const directory = form === 'memory' ? undefined : await mkdtemp(join(tmpdir(), 'conformance-'));
    const opened = new ConformanceHost(form, options, directory);
    try {
      await opened.#open();
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  get host(): Host {
    return this.#test?.host ?? this.#host!;
  }

  get hosted(): HostedDatabase {
    return this.host.database(DATABASE);
  }

  /** What module and host logged, as `level: text`. */
  get logs(): string[] {
    return this.#records.map(({ level, message }) => `${level}: ${message}`);
  }

  get #records(): readonly LogRecord[] {
    return this.#test?.logs ?? this.#logs;
  }

  tokenOf(name: string): Promise<string> {
    if (this.#test !== undefined) return this.#test.tokenOf(name);
    if (name === 'owner') return Promise.resolve(this.host.ownerToken);
    let token = this.#tokens.get(name);
    if (token === undefined) {
      token = this.host.tokens.issue(name).then((issued) => issued.token);
      this.#tokens.set(name, token);
    }
    return token;
  }

  async identityOf(name: string): Promise<bigint> {
    return (await this.host.tokens.verify(await this.tokenOf(name))).identity;
  }

  /** Connects the official SDK; rejects when the connection is refused or ends at once. */
  async connect<Connection extends { disconnect(): void }>(
    type: Connectable<Connection>,
    options: ConnectOptions = {},
  ): Promise<Connected<Connection>> {
    const { as, confirmedReads = true, onDisconnect } = options;
    const token = options.token ?? (as === undefined ? undefined : await this.tokenOf(as));
    const address = this.form === 'socket' ? await this.address() : undefined;
    return new Promise((resolve, reject) => {
      const builder = type
        .builder()
        .withUri(address ?? 'ws://in-process.invalid')
        .withDatabaseName(DATABASE)
        .withToken(token)
        .withConfirmedReads(confirmedReads)
        .onConnect((connection, identity, received) => {
          this.#connections.push(connection);
          resolve({ connection, identity, token: received });
        })
        .onConnectError((_context, error) => reject(error))
        .onDisconnect(() => {
          onDisconnect?.();
          reject(new Error('disconnected'));
        });
      if (address === undefined) builder.withWSFn(this.host.connectInProcess);
      builder.build();
    });
  }

  /** Connects a client that speaks the protocol itself. */
  async dial({ as, version = 'v3', confirmed = true }: DialOptions = {}): Promise<ProtocolClient> {
    const token = as === undefined ? undefined : await this.tokenOf(as);
    const client = await this.#dial(token, version, confirmed);
    this.#connections.push({ disconnect: () => client.close() });
    return client;
  }

  async #dial(token: string | undefined, version: Version, confirmed: boolean): Promise<ProtocolClient> {
    if (this.form !== 'socket') {
      const request = { wsProtocol: [`${version}.bsatn.spacetimedb`], nameOrAddress: DATABASE, authToken: token };
      return ProtocolClient.inProcess(this.host.connectInProcess, { ...request, confirmedReads: confirmed });
    }
    const query = new URLSearchParams({ confirmed: String(confirmed), ...(token === undefined ? {} : { token }) });
    const address = (await this.address()).replace('http', 'ws');
    return ProtocolClient.overSocket(`${address}/v1/database/${DATABASE}/subscribe?${query.toString()}`, version);
  }

  /** Runs one of the module's probes over the SDK and gives what it noted. Rejects when it throws. */
  async probe(what: string): Promise<string> {
    this.#prober ??= this.#connectProber();
    const connection = await this.#prober;
    await connection.reducers.run({ what });
    return connection.db.result.key.find(what)?.value ?? '(nothing noted)';
  }

  /** What the module noted under a key, whoever made it do so. */
  async noted(key: string): Promise<string | undefined> {
    const rows = await this.sql(`SELECT value FROM result WHERE key = '${key}'`);
    return rows[0]?.['value'] as string | undefined;
  }

  /** Runs SQL as the owner, or as somebody else, and gives the rows of the last statement. */
  async sql(text: string, as = 'owner'): Promise<readonly PlainRow[]> {
    const results = await this.hosted.sql(text, { as: await this.identityOf(as) });
    return results.at(-1)?.rows ?? [];
  }

  /** Sends an HTTP request; the host is served when it was not. */
  async http(method: string, path: string, options: HttpOptions = {}): Promise<HttpAnswer> {
    const headers: Record<string, string> = { ...options.headers };
    if (options.as !== undefined) headers['authorization'] = `Bearer ${await this.tokenOf(options.as)}`;
    const { body } = options;
    const response = await fetch(`${await this.address()}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, text: await response.text(), headers: response.headers };
  }

  async address(): Promise<string> {
    this.#address ??= (await this.host.serve({ host: '127.0.0.1', port: 0 })).address;
    return this.#address;
  }

  /** Resolves when the condition holds. Where the clock is under control it moves on meanwhile, 5 ms at a time. */
  async until(isMet: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isMet())) {
      this.#test?.time.advance(5_000n);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Ends the host and opens it again from what it stored; in memory the process is killed instead. */
  async restart(): Promise<void> {
    this.#prober = undefined;
    this.#address = undefined;
    if (this.#test !== undefined) return this.#test.restart();
    await this.#host?.close();
    this.#host = await openHost(this.#hostOptions());
  }

  /** Ends every connection that was made so far. */
  hangUp(): void {
    for (const connection of this.#connections.splice(0)) connection.disconnect();
    this.#prober = undefined;
  }

  async close(): Promise<void> {
    this.hangUp();
    await this.#test?.close();
    await this.#host?.close();
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }

  async #open(): Promise<void> {
    const { strictCompat, limits } = this.#options;
    const module = await readTestModule(this.#options.module);
    if (this.form === 'memory') {
      this.#test = await createTestHost({ module, strictCompat, limits });
      return;
    }
    this.#host = await openHost(this.#hostOptions());
    await this.#host.publish({ name: DATABASE, module });
  }

  #hostOptions(): Parameters<typeof openHost>[0] {
    const { strictCompat, limits } = this.#options;
    const logger = { log: (record: LogRecord) => void this.#logs.push(record) };
    const isolation = this.form === 'thread' ? ('thread' as const) : ('none' as const);
    return { data: join(this.#directory!, 'data'), isolation, logger, strictCompat, limits };
  }

  async #connectProber(): Promise<ProbeConnection> {
    const { connection } = await this.connect(ProbeConnection, { as: 'owner' });
    await subscribed(connection, 'SELECT * FROM result');
    return connection;
  }
}

export interface DialOptions {
  readonly as?: string | undefined;
  readonly version?: Version | undefined;
  readonly confirmed?: boolean | undefined;
}

export interface HttpOptions {
  readonly as?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

interface Subscriber {
  subscriptionBuilder(): {
    onApplied(callback: () => void): ReturnType<Subscriber['subscriptionBuilder']>;
    onError(callback: (context: { event?: unknown }) => void): ReturnType<Subscriber['subscriptionBuilder']>;
    subscribe(queries: string[]): { unsubscribeThen(callback: () => void): void };
  };
}

/** Subscribes with the SDK; resolves when the rows are there, rejects with what the host has against it. */
export function subscribed(connection: Subscriber, ...queries: string[]): Promise<{ unsubscribe(): Promise<void> }> {
  return new Promise((resolve, reject) => {
    const handle = connection
      .subscriptionBuilder()
      .onApplied(() => resolve({ unsubscribe: () => new Promise((ended) => handle.unsubscribeThen(() => ended())) }))
      .onError((context) => reject(context.event))
      .subscribe(queries);
  });
}
