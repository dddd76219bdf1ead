import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openUniverse, type Universe } from '../src/index.ts';
import { makeDirectory, removeDirectory } from './forms.ts';
import { startProcess, type TestProcess } from './processes.ts';

let data: string;
let outbox: string;
const processes: TestProcess[] = [];
const universes: Universe[] = [];

beforeEach(async () => {
  data = await makeDirectory();
  outbox = await makeDirectory();
});

afterEach(async () => {
  await Promise.all(universes.splice(0).map((universe) => universe.close()));
  await Promise.all(processes.splice(0).map((started) => started.kill()));
  await Promise.all([removeDirectory(data), removeDirectory(outbox)]);
});

function start(name: string, args: readonly string[]): TestProcess {
  const started = startProcess(name, args);
  processes.push(started);
  return started;
}

async function serve(port: number): Promise<{ address: string; token: string; server: TestProcess }> {
  const server = start('serve.ts', [data, String(port)]);
  return { ...(JSON.parse(await server.nextLine()) as { address: string; token: string }), server };
}

async function open(options: Parameters<typeof openUniverse>[0]): Promise<Universe> {
  const universe = await openUniverse(options);
  universes.push(universe);
  return universe;
}

test('what was accepted survives kill -9 of the application, whether the server is there or not', async () => {
  const first = await serve(0);
  const port = Number(new URL(first.address).port);
  let { server } = first;
  const accepted: number[] = [];
  for (let round = 0; round < 2; round += 1) {
    const from = round * 1_000;
    const application = start('outbox-writer.ts', [first.address, first.token, outbox, String(from)]);
    expect(await application.nextLine()).toBe('ready');
    const take = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 1) accepted.push(Number(await application.nextLine()));
    };
    await take(15);
    // The server goes, and what is written from then on is kept.
    if (round % 2 === 0) await server.kill();
    await take(15);
    await application.kill();
    if (round % 2 === 0) ({ server } = await serve(port));
  }
  const universe = await open({ server: first.address, token: first.token, outbox });
  await vi.waitFor(() => expect(universe.client.work.list()).toEqual([]), { timeout: 20_000 });
  const events = await universe.events.query({ pattern: 'number' });
  const numbers = events.map((event) => (event.data as { number: number }).number);
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  const there = new Set(numbers);
  expect(accepted.filter((number) => !there.has(number))).toEqual([]);
  const ids = new Set((await universe.graph.query({ type: 'number' })).map(({ id }) => id));
  expect(accepted.filter((number) => number % 3 === 0 && !ids.has(`n${number}`))).toEqual([]);
}, 90_000);

test('a server that was never there: the application opens, works, is killed, and loses nothing', async () => {
  const { address, token, server } = await serve(0);
  await server.kill();
  const application = start('outbox-writer.ts', [address, token, outbox]);
  expect(await application.nextLine()).toBe('ready');
  let last = -1;
  while (last < 30) last = Number(await application.nextLine());
  await application.kill();
  const universe = await open({ server: address, token, outbox, offline: 'allow', onError: () => undefined });
  expect(universe.client.state).not.toBe('connected');
  const { pending } = universe.client.work.summary.getSnapshot();
  expect(pending).toBeGreaterThanOrEqual(31 + 11);
  await serve(Number(new URL(address).port));
  await vi.waitFor(() => expect(universe.client.work.list()).toEqual([]), { timeout: 20_000 });
  const numbers = (await universe.events.query({ pattern: 'number' })).map(
    (event) => (event.data as { number: number }).number,
  );
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, number) => number));
  expect(numbers.length).toBeGreaterThan(last);
}, 60_000);

test('a second process on the same outbox is refused, and told who has it; the first one\u2019s end frees it', async () => {
  const { address, token } = await serve(0);
  const application = start('outbox-writer.ts', [address, token, outbox]);
  expect(await application.nextLine()).toBe('ready');
  const second = start('outbox-writer.ts', [address, token, outbox]);
  expect(await second.nextLine()).toBe('outbox/in-use');
  expect(await second.ended()).toBe(0);
  await expect(openUniverse({ server: address, token, outbox })).rejects.toMatchObject({
    code: 'outbox/in-use',
    details: { pid: application.child.pid },
  });
  await application.kill();
  await open({ server: address, token, outbox });
}, 60_000);

test('without offline: allow, opening rejects when the server is away, and the outbox is free again', async () => {
  const { address, token, server } = await serve(0);
  await server.kill();
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await expect(openUniverse({ server: address, token, outbox })).rejects.toMatchObject({
      code: 'connection/unreachable',
    });
  }
  await expect(openUniverse({ server: address, outbox })).rejects.toMatchObject({ code: 'config/invalid' });
});

test('no secret lies in the outbox', async () => {
  const { address, token, server } = await serve(0);
  await server.kill();
  const universe = await open({ server: address, token, outbox, offline: 'allow', onError: () => undefined });
  universe.events.publish('number', { number: 1 }).catch(() => undefined);
  await universe.client.work.secured();
  const entries = await readdir(outbox, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) {
    const text = await readFile(join(file.parentPath, file.name), 'latin1');
    for (const part of token.split('.')) expect(text).not.toContain(part);
  }
});
