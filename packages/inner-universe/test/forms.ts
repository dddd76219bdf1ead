import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { openUniverse, type Universe, type UniverseOptions } from '../src/index.ts';

/** What a test adds to how a universe is opened. */
export type FormOptions = Pick<
  UniverseOptions,
  'onError' | 'source' | 'reconnectForMs' | 'encryption' | 'events' | 'archive'
>;

/** One of the ways to have a universe: the same tests run over all of them. */
export interface Form {
  readonly name: 'memory' | 'disk' | 'disk, in a thread' | 'server';
  /** A universe of its own, empty; the test closes it. */
  open(options?: FormOptions): Promise<Universe>;
  /** Gives up what lies behind the universes that were opened. */
  close(): Promise<void>;
}

/** Runs a test body over a universe in memory, on disk, and on a server over a WebSocket. */
export function describeForms(body: (form: Form) => void): void {
  describeEach([memoryForm(), diskForm('none'), serverForm()], body);
}

/** Runs a test body over a universe on disk whose module and data are in a worker thread. */
export function describeThread(body: (form: Form) => void): void {
  describeEach([diskForm('thread')], body);
}

function describeEach(forms: readonly Form[], body: (form: Form) => void): void {
  for (const form of forms) {
    describe(`on ${form.name}`, () => {
      afterAll(() => form.close());
      body(form);
    });
  }
}

function memoryForm(): Form {
  return {
    name: 'memory',
    open: (options) => openUniverse({ memory: true, ...options }),
    close: async () => undefined,
  };
}

function diskForm(isolation: 'none' | 'thread'): Form {
  const directories: string[] = [];
  return {
    name: isolation === 'none' ? 'disk' : 'disk, in a thread',
    open: async (options) => {
      const data = await makeDirectory();
      directories.push(data);
      return openUniverse({ data, isolation, ...options });
    },
    close: async () => {
      await Promise.all(directories.map(removeDirectory));
    },
  };
}

function serverForm(): Form {
  const servers: TestServer[] = [];
  let databases = 0;
  return {
    name: 'server',
    open: async (options) => {
      if (servers.length === 0) servers.push(await startServer());
      const [server] = servers as [TestServer];
      databases += 1;
      return server.connect({ database: await server.createDatabase(`test-${databases}`), ...options });
    },
    close: async () => {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

/** A universe that is served over WebSockets on a free port of this machine. */
export interface TestServer {
  readonly address: string;
  readonly ownerToken: string;
  readonly universe: Universe;
  /** Makes one more empty database and gives its name. */
  createDatabase(name: string): Promise<string>;
  /** Connects as the owner, or with the given token, or (null) without one. */
  connect(options?: FormOptions & { database?: string; token?: string | null }): Promise<Universe>;
  close(): Promise<void>;
}

/** Serves a universe in memory, or in a directory. */
export async function startServer(options: { data?: string; port?: number } = {}): Promise<TestServer> {
  const { data, port = 0 } = options;
  const universe = await openUniverse(data === undefined ? { memory: true } : { data });
  const { host } = universe.controller;
  if (host === undefined) throw new Error('An embedded universe has a host.');
  const address = await universe.controller.serve({ host: '127.0.0.1', port });
  return {
    address,
    ownerToken: host.ownerToken,
    universe,
    createDatabase: async (name) => {
      const { program } = host.database('universe').database;
      return (await host.createDatabase({ name, module: program })).name;
    },
    connect: ({ token = host.ownerToken, ...rest } = {}) =>
      openUniverse({ server: address, token: token ?? undefined, ...rest }),
    close: () => universe.close(),
  };
}

/** An object whose `close` closes the universe it belongs to as well. */
export function closing<T extends { close(): unknown }>(object: T, universe: Universe): T {
  return new Proxy(object, {
    get: (target, name) => {
      if (name === 'close') {
        return async () => {
          await target.close();
          await universe.close();
        };
      }
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** A directory of its own for a test. */
export function makeDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'inner-universe-'));
}

export async function removeDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}
