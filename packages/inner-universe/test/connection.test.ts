import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { openHost, silentLogger } from '@inner-universe/host';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  ALL_ENTITIES,
  findModule,
  InnerUniverseConfig,
  openUniverse,
  type InnerUniverseClient,
  type LinkStatus,
  type Universe,
} from '../src/index.ts';
import { TEST_CERTIFICATE } from './certificate.ts';
import { openCutProxy, type CutProxy } from './cut-proxy.ts';
import { startServer, type TestServer } from './forms.ts';

const SILENT = { log: () => undefined };
let server: TestServer;
let proxy: CutProxy;

beforeAll(async () => {
  server = await startServer();
  proxy = await openCutProxy(server.address);
});

afterAll(async () => {
  await proxy.close();
  await server.close();
});

async function connect(options: object = {}): Promise<Universe> {
  return openUniverse({
    server: proxy.address,
    token: server.ownerToken,
    logger: SILENT,
    onError: () => undefined,
    ...options,
  });
}

/** Large reads so far, by the way they took. */
function countReads(universe: Universe, way: 'pool' | 'main'): number {
  const family = universe.metrics.snapshot().find(({ name }) => name === 'inner_universe_pool_reads_total');
  const samples = family?.type === 'counter' ? family.samples : [];
  return samples.find(({ labels }) => labels['way'] === way)?.value ?? 0;
}

describe('the status of a universe', () => {
  test('is one object until it changes, tells the target without secrets, and ends as closed', async () => {
    const universe = await openUniverse({ memory: true });
    const { subscribe, getSnapshot } = universe.status;
    const first = getSnapshot();
    expect(first).toMatchObject({ state: 'connected', target: 'this process', lastError: undefined });
    expect(getSnapshot()).toBe(first);
    const seen: LinkStatus[] = [];
    subscribe(() => seen.push(getSnapshot()));
    await universe.close();
    expect(seen.map(({ state }) => state)).toEqual(['closed']);
  });

  test('follows a server that goes and comes back', async () => {
    const universe = await connect();
    const states: string[] = [];
    const ending = new AbortController();
    const following = (async () => {
      for await (const { state } of universe.status.changes(ending.signal))
        if (states.at(-1) !== state) states.push(state);
    })();
    proxy.mode = 'refuse';
    proxy.cut();
    await vi.waitFor(() => expect(universe.status.getSnapshot().failedAttempts).toBeGreaterThan(0));
    expect(universe.status.getSnapshot().lastError).toMatchObject({ code: 'connection/unreachable' });
    proxy.mode = 'pass';
    await universe.client.reconnect();
    await universe.close();
    await vi.waitFor(() => expect(states.at(-1)).toBe('closed'));
    ending.abort();
    await following;
    expect(states).toEqual(['connected', 'reconnecting', 'connected', 'closed']);
  });
});

test('a breaker fails calls fast while the server is away, says when one is tried, and closes when it is back', async () => {
  const universe = await connect({ reconnectForMs: 0, breaker: { failures: 3, pauseMs: 600_000 } });
  const { client } = universe;
  expect(client.breaker?.getSnapshot()).toMatchObject({ state: 'closed' });
  proxy.mode = 'refuse';
  proxy.cut();
  await vi.waitFor(() => expect(client.state).not.toBe('connected'));
  for (let times = 0; times < 3; times += 1)
    await expect(client.getSystemStatus()).rejects.toMatchObject({ code: 'connection/unreachable' });
  const open = { code: 'connection/circuit-open', retryable: true, details: { failures: 3 } };
  await expect(client.getSystemStatus()).rejects.toMatchObject(open);
  await expect(universe.events.publish('tick', {})).rejects.toMatchObject({ code: 'connection/circuit-open' });
  proxy.mode = 'pass';
  await client.reconnect();
  expect((await client.getSystemStatus()).codeVersion).toBeGreaterThan(0);
  expect(client.breaker?.getSnapshot()).toMatchObject({ state: 'closed', failures: 0 });
  await universe.close();
});

describe('a pool', () => {
  test('reads large pages over connections of its own, opened when needed and closed when idle', async () => {
    const universe = await connect({ pool: { connections: 2, idleMs: 1 } });
    const count = async (): Promise<number> => (await universe.client.read('readConnections', {})).connections.length;
    const before = await count();
    const pages = Array.from({ length: 6 }, () => universe.client.read('readEntities', ALL_ENTITIES));
    await Promise.all(pages);
    expect(countReads(universe, 'pool')).toBe(6);
    await vi.waitFor(async () => expect(await count()).toBe(before));
    await universe.close();
  });

  test('a large read after an acknowledged write sees it', async () => {
    const universe = await connect({ pool: { connections: 3 } });
    for (let number = 0; number < 40; number += 1) {
      const { id } = await universe.graph.createEntity('pooled', { name: String(number) });
      const reads = Array.from({ length: 3 }, () => universe.client.queryEntities({ entityType: 'pooled' }));
      for (const { entities } of await Promise.all(reads)) expect(entities.map((entity) => entity.id)).toContain(id);
    }
    expect(countReads(universe, 'main')).toBe(0);
    await universe.close();
  });

  test('whose connections are cut loses no read', async () => {
    const universe = await connect({ pool: { connections: 3 } });
    const reads = Array.from({ length: 30 }, async () => {
      const page = await universe.client.read('readEntities', ALL_ENTITIES);
      return page.entities.length;
    });
    await vi.waitFor(() => expect(countReads(universe, 'pool')).toBeGreaterThan(0));
    proxy.cut();
    expect(new Set(await Promise.all(reads)).size).toBe(1);
    await universe.close();
  });
});

test('every operation of the client can be called off', async () => {
  const universe = await openUniverse({ memory: true });
  const { client } = universe;
  const reason = new Error('left');
  const options = { signal: AbortSignal.abort(reason) };
  const nothing = {} as never; // it is called off before anybody looks
  const operations: Record<string, () => Promise<unknown>> = {
    publishEvent: () => client.publishEvent(nothing, options),
    queryEvents: () => client.queryEvents({}, options),
    createEntity: () => client.createEntity(nothing, options),
    getEntity: () => client.getEntity('x', options),
    updateEntity: () => client.updateEntity(nothing, options),
    deleteEntity: () => client.deleteEntity(nothing, options),
    queryEntities: () => client.queryEntities({}, options),
    createRelation: () => client.createRelation(nothing, options),
    getRelation: () => client.getRelation('x', options),
    updateRelation: () => client.updateRelation(nothing, options),
    deleteRelation: () => client.deleteRelation(nothing, options),
    queryRelations: () => client.queryRelations({}, options),
    commitStateVersion: () => client.commitStateVersion(nothing, options),
    recordDelta: () => client.recordDelta(nothing, options),
    getVersionHistory: () => client.getVersionHistory('x', options).next(),
    getSystemStatus: () => client.getSystemStatus(options),
    applyConfiguration: () => client.applyConfiguration([], options),
  } satisfies Partial<Record<keyof InnerUniverseClient, unknown>>;
  for (const [name, call] of Object.entries(operations)) await expect(call(), name).rejects.toBe(reason);
  await universe.close();
});

test('the time of a call is for all of it: waiting for the server, and its answer', async () => {
  const universe = await connect();
  proxy.mode = 'refuse';
  proxy.cut();
  await vi.waitFor(() => expect(universe.client.state).toBe('reconnecting'));
  await expect(universe.client.getSystemStatus({ timeoutMs: 30 })).rejects.toMatchObject({
    code: 'connection/timeout',
  });
  proxy.mode = 'pass';
  await universe.client.reconnect({ timeoutMs: 10_000 });
  await universe.close();
});

test('opening takes no longer than was said, and leaves nothing open', async () => {
  const held = new Set<Socket>();
  const silent = createServer((socket) => {
    held.add(socket);
    // It reads, so that it notices the end, and never answers.
    socket.resume();
    socket.on('error', () => undefined).on('close', () => held.delete(socket));
  });
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const opening = openUniverse({ server: `ws://127.0.0.1:${port}`, token: 'a.b.c', timeoutMs: 50 });
  await expect(opening).rejects.toMatchObject({ code: 'connection/timeout' });
  await vi.waitFor(() => expect(held.size).toBe(0));
  silent.close();
});

test('a universe opens from the environment, and printing it shows no secret', async () => {
  const environment = { INNER_UNIVERSE_SERVER: server.address, INNER_UNIVERSE_TOKEN: server.ownerToken };
  const config = InnerUniverseConfig.fromEnvironment(environment);
  const universe = await openUniverse(config);
  for (const object of [config, universe, universe.client, universe.controller])
    expect(inspect(object, { depth: 9, showHidden: true })).not.toContain(server.ownerToken);
  await universe.close();
});

describe('over TLS', () => {
  test('a server is believed by the certificates that were given, and by nothing else', async () => {
    const host = await openHost({ memory: true, logger: silentLogger });
    await host.publish({ name: 'universe', module: findModule() });
    const { address } = await host.serve({ host: '127.0.0.1', port: 0, tls: TEST_CERTIFICATE });
    const options = { server: address, token: host.ownerToken };
    await expect(openUniverse(options)).rejects.toMatchObject({
      code: 'connection/untrusted',
      message: expect.stringContaining('tls: { ca }') as string,
    });
    const universe = await openUniverse({ ...options, tls: { ca: TEST_CERTIFICATE.cert } });
    await universe.events.publish('tick', {});
    await universe.close();
    await host.close();
  });
});

describe('stopping the controller', () => {
  test('takes no new work, and what was begun is done and durable', async () => {
    const universe = await openUniverse({ memory: true });
    const published = Array.from({ length: 500 }, (_, number) => universe.events.publish('tick', { number }));
    const states: string[] = [];
    universe.controller.onState(({ state }) => states.push(state));
    const stopped = universe.controller.stop();
    await stopped;
    await expect(universe.client.write([])).rejects.toMatchObject({ code: 'universe/closed' });
    expect((await Promise.all(published)).length).toBe(500);
    expect(states).toEqual(['stopping', 'stopped']);
    expect(universe.status.getSnapshot().state).toBe('closed');
    await universe.close();
  });

  test('does not wait for ever for what is on its way, and says so', async () => {
    const errors: unknown[] = [];
    const universe = await openUniverse({ memory: true, onError: (error) => errors.push(error) });
    universe.controller.addDrain(() => new Promise(() => undefined));
    await universe.controller.stop({ drainMs: 10 });
    expect(errors).toMatchObject([{ code: 'connection/timeout', details: { drainMs: 10 } }]);
    expect(universe.controller.state).toBe('stopped');
  });

  test('goes on when nobody waits for it any more', async () => {
    const universe = await openUniverse({ memory: true, onError: () => undefined });
    let release: () => void = () => undefined;
    universe.controller.addDrain(() => new Promise((resolve) => (release = resolve)));
    await expect(universe.controller.stop({ timeoutMs: 10 })).rejects.toMatchObject({ code: 'connection/timeout' });
    expect(universe.controller.state).toBe('stopping');
    release();
    await universe.controller.stop();
    expect(universe.controller.status.getSnapshot()).toMatchObject({ state: 'stopped', lastError: undefined });
  });

  test('serving can be called off, and then nobody listens', async () => {
    const universe = await openUniverse({ memory: true });
    const reason = new Error('left');
    const call = { signal: AbortSignal.abort(reason) };
    await expect(universe.controller.serve({ host: '127.0.0.1', port: 0 }, call)).rejects.toBe(reason);
    const address = await universe.controller.serve({ host: '127.0.0.1', port: 0 });
    expect(universe.controller.status.getSnapshot().address).toBe(address);
    await universe.close();
    await expect(fetch(address)).rejects.toThrow();
  });
});
