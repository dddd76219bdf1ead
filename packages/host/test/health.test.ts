import { request } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import type { Host } from '../src/host.ts';
import { openHost } from '../src/open-host.ts';
import type { RunningServer, ServeOptions } from '../src/server/serve.ts';
import { createTestHost, type TestHost } from '../src/testing/test-host.ts';
import { bundleOf } from './module-database.ts';

const silent = { log: () => undefined };
const opened: (Host | TestHost)[] = [];

afterEach(async () => {
  for (const host of opened.splice(0)) await host.close();
});

async function open(serving: Partial<ServeOptions> = {}): Promise<{ host: Host; server: RunningServer }> {
  const host = await openHost({ memory: true, logger: silent });
  opened.push(host);
  await host.createDatabase({ name: 'secret-name', module: await bundleOf('people.ts') });
  return { host, server: await host.serve({ host: '127.0.0.1', port: 0, ...serving }) };
}

async function ask(server: RunningServer, path: string, token?: string): Promise<[number, unknown]> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${server.address}${path}`, { headers });
  return [response.status, await response.json()];
}

/** The status of a request that names another host, as a probe does that knows only an address. */
function askByName(server: RunningServer, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${server.address}${path}`, { headers: { host: '10.1.2.3:3000' } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

/** A test host whose storage can be made to fail. */
async function openFaulty(): Promise<{ test: TestHost; server: RunningServer }> {
  const testHost = await createTestHost({ module: await bundleOf('people.ts') });
  opened.push(testHost);
  return { test: testHost, server: await testHost.host.serve({ host: '127.0.0.1', port: 0 }) };
}

describe('health and readiness', () => {
  test('are told to anybody, and nothing more than that', async () => {
    const { server } = await open();
    expect(await ask(server, '/health')).toEqual([200, { status: 'ok' }]);
    expect(await ask(server, '/ready')).toEqual([200, { status: 'ready' }]);
  });

  test('are told to probes that know no name of the server; nothing else is', async () => {
    const { server } = await open();
    expect(await askByName(server, '/health')).toBe(200);
    expect(await askByName(server, '/ready')).toBe(200);
    expect(await askByName(server, '/v1/ping')).toBe(403);
  });

  test('a server whose storage failed is alive and not ready, and says why to its owner alone', async () => {
    const { test: testHost, server } = await openFaulty();
    testHost.storage.failAt(1);
    await expect(testHost.sql(`INSERT INTO person (id, name, team, age) VALUES (0, 'a', 'b', 1)`)).rejects.toThrow();
    expect(await ask(server, '/health')).toEqual([200, { status: 'ok' }]);
    expect(await ask(server, '/ready')).toEqual([503, { status: 'not-ready' }]);
    const [status, told] = await ask(server, '/ready', testHost.host.ownerToken);
    expect(status).toBe(503);
    expect(told).toMatchObject({
      isDraining: false,
      databases: [{ name: testHost.databaseName, notReadyBecause: expect.stringContaining('storage failed') }],
    });
    const { token } = await testHost.host.tokens.issue();
    expect(await ask(server, '/ready', token)).toEqual([503, { status: 'not-ready' }]);
  });

  test('a database that is closed is not ready', async () => {
    const { host, server } = await open();
    await host.database('secret-name').close();
    expect(await ask(server, '/ready')).toEqual([503, { status: 'not-ready' }]);
  });

  test('a server that is about to stop is not ready any more, and serves until it stops', async () => {
    const { server } = await open({ drainMs: 300 });
    const closing = server.close();
    expect(await ask(server, '/ready')).toEqual([503, { status: 'not-ready' }]);
    expect(await ask(server, '/health')).toEqual([200, { status: 'ok' }]);
    await closing;
    await expect(fetch(`${server.address}/health`)).rejects.toThrow();
  });
});

describe('GET /metrics', () => {
  const own = [{ type: 'gauge' as const, name: 'app_orders', help: 'Orders', samples: [{ labels: {}, value: 7 }] }];

  test('is what /v1/metrics is, with what the application measured itself', async () => {
    const { server } = await open({ metrics: 'public', moreMetrics: () => own });
    for (const path of ['/metrics', '/v1/metrics']) {
      const text = await (await fetch(`${server.address}${path}`)).text();
      expect(text).toContain('inner_universe_host_resident_memory_bytes');
      expect(text).toContain('\n# HELP app_orders Orders\n# TYPE app_orders gauge\napp_orders 7\n');
    }
  });

  test('is for the owner alone where nothing else is said', async () => {
    const { host, server } = await open({ moreMetrics: () => own });
    expect((await fetch(`${server.address}/metrics`)).status).toBe(401);
    const { token } = await host.tokens.issue();
    const headers = (value: string) => ({ headers: { authorization: `Bearer ${value}` } });
    const refused = await fetch(`${server.address}/metrics`, headers(token));
    expect([refused.status, await refused.text()]).toEqual([403, expect.not.stringContaining('app_orders')]);
    expect((await fetch(`${server.address}/metrics`, headers(host.ownerToken))).status).toBe(200);
  });

  test('is not there when it is off, not even for the owner', async () => {
    const { host, server } = await open({ metrics: 'off' });
    for (const path of ['/metrics', '/v1/metrics']) {
      const response = await fetch(`${server.address}${path}`, {
        headers: { authorization: `Bearer ${host.ownerToken}` },
      });
      expect(response.status).toBe(404);
    }
  });
});
