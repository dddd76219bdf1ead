import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundleOf } from '../../test/module-database.ts';
import { connectPeople, followPeople } from '../../test/session-fixtures/people-client.ts';
import { call, subscribe } from '../../test/session-fixtures/test-client.ts';
import { WireClient } from '../../test/session-fixtures/wire-client.ts';
import { BsatnWriter } from '../bsatn/writer.ts';
import type { LogRecord } from '../clock/clock.ts';
import type { Caller } from '../database/calls.ts';
import type { Host } from '../host.ts';
import { openHost } from '../open-host.ts';
import type { HostOptions } from '../host-options.ts';
import type { InProcessClose, InProcessSocket } from '../session/in-process.ts';
import type { ServedHost } from '../session/served-host.ts';

const ADA: Caller = { identity: 0xadan, connectionId: 0n };
const NO_ARGS = new Uint8Array(0);

let root: string;
let logs: LogRecord[];
const open: Host[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'threaded-'));
  logs = [];
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((host) => host.close()));
  await rm(root, { recursive: true, force: true });
});

async function openThreaded(options: Partial<HostOptions> = {}): Promise<Host> {
  const where = options.data === undefined ? { memory: true } : {};
  const host = await openHost({
    isolation: 'thread',
    logger: { log: (record) => void logs.push(record) },
    ...where,
    ...options,
  });
  open.push(host);
  return host;
}

const text = (value: string): Uint8Array => {
  const writer = new BsatnWriter();
  writer.string(value);
  return writer.toBytes();
};

async function add(host: Host, name: string, value: string): Promise<void> {
  const { database } = host.database(name);
  const { outcome, offset } = await database.callReducer(ADA, 'add', text(value));
  expect(outcome).toEqual({ type: 'committed' });
  if (offset !== undefined) await database.whenDurable(offset);
}

async function itemsOf(host: Host, name: string): Promise<unknown[]> {
  const [result] = await host.database(name).sql('SELECT * FROM item');
  return result!.rows.map((row) => row['text']);
}

/** A client without an SDK, which tells how it was ended. */
async function connectRaw(
  host: Host,
  name: string,
): Promise<{ socket: InProcessSocket; ended: Promise<InProcessClose> }> {
  const socket = await host.connectInProcess({ wsProtocol: ['v3.bsatn.spacetimedb'], nameOrAddress: name });
  const ended = new Promise<InProcessClose>((resolve) => (socket.onclose = resolve));
  const greeted = new Promise<void>((resolve) => (socket.onmessage = () => resolve()));
  socket.onopen = () => undefined;
  await greeted;
  return { socket, ended };
}

/** The SDK's fixtures ask for `test`. */
function hostAs(host: Host, name: string): ServedHost {
  const { dataDirectory, tokens, logger, owner } = host;
  return { dataDirectory, tokens, logger, owner, findDatabase: () => host.findDatabase(name) };
}

describe('a host whose databases run in threads', () => {
  test('goes on while a call takes long: timers, other databases and other clients get their turn', async () => {
    const host = await openThreaded({ callTimeLimitMs: 300 });
    await host.publish({ name: 'busy', module: await bundleOf('runaway.ts') });
    await host.publish({ name: 'other', module: await bundleOf('runaway.ts') });
    const order: string[] = [];
    const long = Promise.resolve(host.database('busy').database.callReducer(ADA, 'loop', NO_ARGS)).then((result) => {
      order.push('the long call ended');
      return result;
    });
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
    order.push('a timer fired');
    await add(host, 'other', 'meanwhile');
    order.push('another database answered');
    expect((await long).outcome).toMatchObject({ type: 'failed-internal', reason: 'fatal' });
    expect(order).toEqual(['a timer fired', 'another database answered', 'the long call ended']);
    await add(host, 'busy', 'afterwards');
    expect(await itemsOf(host, 'busy')).toEqual(['afterwards']);
    expect(logs.map(({ message }) => message)).toContain(
      'a call was ended: the module starts anew, its globals with it',
    );
  });

  test('answers as one without threads: status, sql, logs, snapshot, publishing anew, delete', async () => {
    const host = await openThreaded({ data: join(root, 'data') });
    const created = await host.publish({ name: 'people', module: await bundleOf('people.ts') });
    expect(created).toMatchObject({ outcome: 'created', database: { isolation: 'thread', name: 'people' } });
    const hosted = host.database('people');
    expect(() => hosted.local).toThrow(expect.objectContaining({ code: 'database/in-thread' }));
    await hosted.database.snapshot();
    const status = await hosted.database.status();
    expect(status.snapshotBytes).toBeGreaterThan(0);
    expect(hosted.database.def.tables.some(({ name }) => name === 'person')).toBe(true);
    const { connection } = await connectPeople(hostAs(host, 'people'));
    await followPeople(connection, 'SELECT * FROM person');
    await connection.reducers.addPerson({ name: 'Ada', team: 'red', age: 36 });
    expect(await hosted.sql('SELECT * FROM person')).toMatchObject([{ rows: [{ name: 'Ada' }] }]);
    connection.disconnect();

    const before = hosted.programHash;
    const updated = await host.publish({
      name: 'people',
      module: await bundleOf('people-more.ts'),
      policy: 'break-clients',
    });
    expect(updated.outcome).toBe('updated');
    expect(hosted.programHash).not.toBe(before);
    expect(hosted.database.program).toBe(await bundleOf('people-more.ts'));
    expect(await host.publish({ name: 'people', module: await bundleOf('people-more.ts') })).toMatchObject({
      outcome: 'unchanged',
    });
    await host.deleteDatabase('people');
    expect(host.databases).toEqual([]);
    await expect(hosted.database.status()).rejects.toMatchObject({ code: 'database/closed' });
  });

  test('a refused publication says why and leaves nothing, as without threads', async () => {
    const host = await openThreaded();
    await expect(host.publish({ name: 'bad', module: 'export default 7' })).rejects.toMatchObject({
      code: 'module/load-failed',
      message: expect.stringContaining('must export schema as default export'),
    });
    await expect(host.publish({ name: 'bad', module: await bundleOf('bad-init.ts') })).rejects.toMatchObject({
      code: 'database/init-failed',
    });
    await expect(
      openThreaded({ callTimeLimitMs: 200 }).then((short) => short.publish({ name: 'bad', module: 'for (;;);' })),
    ).rejects.toMatchObject({ code: 'module/timeout' });
    expect(host.databases).toEqual([]);
  });

  test('options that cannot be kept are refused', async () => {
    const clock = { nowMicros: () => 0n };
    await expect(openThreaded({ clock })).rejects.toMatchObject({ code: 'host/invalid-option' });
    await expect(openThreaded({ callTimeLimitMs: 0 })).rejects.toMatchObject({ code: 'host/invalid-option' });
    await expect(openThreaded({ isolation: 'cell' as never })).rejects.toMatchObject({ code: 'host/invalid-option' });
  });
});

describe('clients over a socket', () => {
  test('one that does not read is dropped when its share is full, and the others read on', async () => {
    const host = await openThreaded({ limits: { sessions: { outboxBytesMax: 2 * 1024 * 1024 } } });
    await host.publish({ name: 'test', module: await bundleOf('runaway.ts') });
    const { address } = await host.serve({ host: '127.0.0.1', port: 0 });
    const [slow, quick] = [await WireClient.open(address), await WireClient.open(address)];
    for (const client of [slow, quick]) await client.ask(subscribe(1, 1, 'SELECT * FROM item'));
    slow.socket.pause();
    const isDropped = (): boolean => logs.some(({ message }) => message.includes('reads too slowly'));
    let written = 0;
    while (!isDropped()) {
      written += 1;
      await add(host, 'test', 'x'.repeat(256 * 1024));
      await quick.until(() => quick.messages.filter(({ type }) => type === 'update').length === written);
    }
    expect(await itemsOf(host, 'test')).toHaveLength(written);
    expect(quick.closed).toBeUndefined();
  });

  test('a flood of calls is taken in order, and slows its sender down', async () => {
    const host = await openThreaded();
    await host.publish({ name: 'test', module: await bundleOf('runaway.ts') });
    const { address } = await host.serve({ host: '127.0.0.1', port: 0 });
    const client = await WireClient.open(address);
    const calls = 3_000;
    for (let id = 1; id <= calls; id++) client.socket.send(call('reducer', id, 'add', text('x'.repeat(4_000))));
    await client.until(() => client.messages.length > calls);
    expect(client.messages.slice(1).map((message) => message.type === 'reducer' && message.requestId)).toEqual(
      Array.from({ length: calls }, (_, index) => index + 1),
    );
    expect(await itemsOf(host, 'test')).toHaveLength(calls);
  });

  test('closing the server sends what is durable and ends them with 1001, the database goes on', async () => {
    const host = await openThreaded({ data: join(root, 'data') });
    await host.publish({ name: 'test', module: await bundleOf('runaway.ts') });
    const server = await host.serve({ host: '127.0.0.1', port: 0 });
    const client = await WireClient.open(server.address);
    client.socket.send(call('reducer', 1, 'add', text('kept')));
    await client.until(() => client.messages.length > 1);
    await server.close();
    expect(await client.ended()).toEqual({ code: 1001, reason: 'module exited' });
    expect(await itemsOf(host, 'test')).toEqual(['kept']);
  });
});

describe('a module that uses up its heap', () => {
  test('on disk: its clients are told to come again, what was acknowledged is there, and others notice nothing', async () => {
    const host = await openThreaded({ data: join(root, 'data'), threadHeapMiB: 64 });
    await host.publish({ name: 'greedy', module: await bundleOf('runaway.ts') });
    await host.publish({ name: 'other', module: await bundleOf('runaway.ts') });
    await add(host, 'greedy', 'kept');
    const bystander = await connectRaw(host, 'other');
    const client = await connectRaw(host, 'greedy');
    await expect(host.database('greedy').database.callReducer(ADA, 'allocate', NO_ARGS)).rejects.toMatchObject({
      code: 'database/thread-ended',
      retryable: true,
      message: expect.stringContaining('more memory than 64 MiB'),
    });
    expect(await client.ended).toMatchObject({ code: 1012 });
    expect(await itemsOf(host, 'greedy')).toEqual(['kept']);
    await add(host, 'greedy', 'after');
    await connectRaw(host, 'greedy');
    await add(host, 'other', 'fine');
    expect(bystander.socket.readyState).toBe(1);
    expect(logs.filter(({ level }) => level === 'error').map(({ message }) => message)).toContainEqual(
      expect.stringContaining('It is opened again from its directory'),
    );
  });

  test('in memory: it is lost and says so; publishing starts it anew', async () => {
    const host = await openThreaded({ threadHeapMiB: 64 });
    await host.publish({ name: 'greedy', module: await bundleOf('runaway.ts') });
    await add(host, 'greedy', 'gone');
    const client = await connectRaw(host, 'greedy');
    const { database } = host.database('greedy');
    await expect(database.callReducer(ADA, 'allocate', NO_ARGS)).rejects.toMatchObject({
      code: 'database/thread-ended',
    });
    expect(await client.ended).toEqual({ code: 1011, reason: 'the database is lost', wasClean: true });
    await expect(database.status()).rejects.toMatchObject({ code: 'database/stopped', details: { isLost: true } });
    await expect(connectRaw(host, 'greedy')).rejects.toMatchObject({ code: 'database/stopped' });
    expect(host.database('greedy').failure).toMatchObject({ code: 'database/stopped' });
    expect((await host.publish({ name: 'greedy', module: await bundleOf('runaway.ts') })).outcome).toBe('updated');
    expect(await itemsOf(host, 'greedy')).toEqual([]);
    await add(host, 'greedy', 'new');
  });

  test('again and again: it is stopped after some restarts, and publishing starts it with its data', async () => {
    const host = await openThreaded({ data: join(root, 'data'), threadHeapMiB: 64 });
    await host.publish({ name: 'greedy', module: await bundleOf('runaway.ts') });
    await add(host, 'greedy', 'kept');
    const { database } = host.database('greedy');
    const codes: unknown[] = [];
    while (codes.at(-1) !== 'database/stopped') {
      await Promise.resolve(database.callReducer(ADA, 'allocate', NO_ARGS)).catch((error) => codes.push(error.code));
    }
    expect(codes).toEqual([...Array<string>(4).fill('database/thread-ended'), 'database/stopped']);
    await host.publish({ name: 'greedy', module: await bundleOf('runaway.ts') });
    expect(await itemsOf(host, 'greedy')).toEqual(['kept']);
  }, 60_000);
});

test('what was acknowledged in a thread survives kill -9 of the process', async () => {
  const data = join(root, 'data');
  const bundleFile = join(root, 'bundle.js');
  await writeFile(bundleFile, await bundleOf('runaway.ts'));
  const writer = fileURLToPath(new URL('../../test/processes/threaded-writer.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', writer, data, bundleFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.split('\n').length > 200) child.kill('SIGKILL');
  });
  await new Promise<void>((resolve) => child.on('close', () => resolve()));
  expect(child.signalCode, errors).toBe('SIGKILL');
  const acknowledged = output.split('\n').slice(0, -1).map(Number);
  const host = await openThreaded({ data });
  const stored = (await itemsOf(host, 'test')).map(Number).sort((left, right) => left - right);
  expect(stored.length).toBeGreaterThanOrEqual(acknowledged.length);
  expect(stored).toEqual(stored.map((_, index) => index));
});
