import { writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openUniverse, type UniverseOptions } from '../src/index.ts';
import { makeDirectory, removeDirectory, startServer, type TestServer } from './forms.ts';
import { startProcess } from './processes.ts';

let server: TestServer;
let silent: Server;
let silentAddress: string;
const held = new Set<Socket>();

beforeAll(async () => {
  server = await startServer();
  for (const name of ['plain', 'other', 'newer']) {
    const path = fileURLToPath(new URL(`fixtures/${name}-module.ts`, import.meta.url));
    await server.universe.controller.host?.createDatabase({ name, module: { path } });
  }
  silent = createServer((socket) => {
    held.add(socket);
    socket.on('error', () => undefined).on('close', () => held.delete(socket));
  });
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const address = silent.address();
  silentAddress = `ws://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
});

afterAll(async () => {
  for (const socket of held) socket.destroy();
  silent.close();
  await server.close();
});

describe('opening fails with an error that says what to do, and leaves nothing open:', () => {
  const cases: [string, () => UniverseOptions, string, string][] = [
    ['nothing listens there', () => ({ server: 'ws://127.0.0.1:1' }), 'connection/unreachable', 'inner-universe serve'],
    [
      'a name that does not exist',
      () => ({ server: 'ws://no-such-host.invalid' }),
      'connection/unreachable',
      'right address',
    ],
    [
      'nothing listens there, with a token',
      () => ({ server: 'ws://127.0.0.1:1', token: 'a.b.c' }),
      'connection/unreachable',
      'inner-universe serve',
    ],
    [
      'a token that is none',
      () => ({ server: server.address, token: 'nonsense' }),
      'connection/unauthorized',
      'owner.token',
    ],
    ['no token', () => ({ server: server.address }), 'connection/refused', 'ask the owner for a grant'],
    [
      'a database that is not there',
      () => ({ server: server.address, token: server.ownerToken, database: 'nowhere' }),
      'connection/no-such-database',
      'nowhere',
    ],
    [
      'a module without our tables',
      () => ({ server: server.address, token: server.ownerToken, database: 'plain' }),
      'connection/schema-mismatch',
      'not an Inner Universe',
    ],
    [
      'a module whose table has our name and other columns',
      () => ({ server: server.address, token: server.ownerToken, database: 'other' }),
      'connection/schema-mismatch',
      'not an Inner Universe',
    ],
    [
      'a module of a later time',
      () => ({ server: server.address, token: server.ownerToken, database: 'newer' }),
      'connection/schema-mismatch',
      'Update the package',
    ],
  ];
  test.each(cases)('%s', async (_, options, code, message) => {
    await expect(openUniverse(options())).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test('and the process can exit', async () => {
    const options = [...cases.map(([, make]) => make()), { data: fileURLToPath(import.meta.url) }];
    const started = options.map((option) => startProcess('open-and-fail.ts', [JSON.stringify(option)]));
    const codes = [...cases.map(([, , code]) => code), 'universe/not-a-universe'];
    for (const [index, child] of started.entries()) {
      expect(await child.nextLine()).toBe(codes[index]);
      expect(await child.ended()).toBe(0);
    }
  }, 60_000);
});

test('a server that never answers is given up when the caller says so', async () => {
  for (const token of [undefined, 'a.b.c']) {
    const controller = new AbortController();
    const opening = openUniverse({ server: silentAddress, token, signal: controller.signal });
    const accepted = once(silent, 'connection');
    await accepted;
    controller.abort(new Error('changed my mind'));
    await expect(opening).rejects.toThrow('changed my mind');
    await expect.poll(() => held.size).toBe(0);
  }
});

test('a signal that is aborted already opens nothing', async () => {
  const signal = AbortSignal.abort(new Error('too late'));
  await expect(openUniverse({ memory: true, signal })).rejects.toThrow('too late');
  await expect(openUniverse({ server: silentAddress, signal })).rejects.toThrow('too late');
  expect(held.size).toBe(0);
});

test('a directory that is in use says by whom, and one of something else is left alone', async () => {
  const data = await makeDirectory();
  try {
    const first = await openUniverse({ data });
    await expect(openUniverse({ data })).rejects.toMatchObject({
      code: 'universe/in-use',
      message: expect.stringContaining(String(process.pid)),
    });
    await first.close();
    const second = await openUniverse({ data });
    await second.close();
  } finally {
    await removeDirectory(data);
  }
  const other = await makeDirectory();
  try {
    await writeFile(join(other, 'thesis.txt'), 'mine');
    await expect(openUniverse({ data: other })).rejects.toMatchObject({ code: 'universe/not-a-universe' });
  } finally {
    await removeDirectory(other);
  }
});

test('a controller starts once, stops as often as one likes, and serves only what is embedded', async () => {
  const universe = await openUniverse({ memory: true });
  const { controller } = universe;
  await expect(controller.startServerMode()).rejects.toMatchObject({ code: 'universe/open-failed' });
  const client = await server.connect();
  await expect(client.controller.serve({ host: '127.0.0.1', port: 0 })).rejects.toMatchObject({
    code: 'universe/open-failed',
  });
  await client.close();
  await Promise.all([universe.close(), universe.close(), controller.stop()]);
  expect(controller.state).toBe('stopped');
});
