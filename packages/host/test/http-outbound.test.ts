import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BsatnReader } from '../src/bsatn/reader.ts';
import { BsatnWriter } from '../src/bsatn/writer.ts';
import type { Host } from '../src/host.ts';
import { openHost } from '../src/open-host.ts';
import type { HostOptions } from '../src/host-options.ts';
import { createTestHost } from '../src/testing/test-host.ts';
import { ADA, bundleOf } from './module-database.ts';

let target: Worker;
let port: number;
let host: Host;

beforeAll(async () => {
  target = new Worker(new URL('processes/http-target.mjs', import.meta.url));
  [port] = (await once(target, 'message')) as [number];
});

afterAll(() => target.terminate());
afterEach(() => host.close());

async function open(options: Partial<HostOptions> = {}): Promise<void> {
  const outboundHttp = { allowPrivate: [`127.0.0.1:${port}`], responseBytesMax: 1_000_000 };
  host = await openHost({ memory: true, logger: { log: () => undefined }, outboundHttp, ...options });
  await host.createDatabase({ name: 'test', module: await bundleOf('http-outbound.ts') });
}

function args(...values: (string | number)[]): Uint8Array {
  const writer = new BsatnWriter();
  for (const value of values) {
    if (typeof value === 'string') writer.string(value);
    else writer.u32(value);
  }
  return writer.toBytes();
}

/** The text that a procedure returns, or why it failed. */
async function run(name: string, ...values: (string | number)[]): Promise<string> {
  const { outcome } = await host.database('test').database.callProcedure(ADA, name, args(...values));
  return outcome.type === 'returned'
    ? new BsatnReader(outcome.bytes).string()
    : `${outcome.reason}: ${outcome.message}`;
}

const fetchText = (path: string, timeoutMs = 0): Promise<string> =>
  run('fetch_text', path.startsWith('/') ? `http://127.0.0.1:${port}${path}` : path, timeoutMs);

async function countNotes(): Promise<bigint> {
  const { outcome } = await host.database('test').database.callProcedure(ADA, 'count', args());
  return outcome.type === 'returned' ? new BsatnReader(outcome.bytes).u64() : -1n;
}

const REFUSED = 'refusing to connect to private or special-purpose addresses';

describe.each([{ isolation: 'none' }, { isolation: 'thread' }] as const)(
  'requests of a procedure ($isolation)',
  (isolation) => {
    beforeEach(() => open(isolation));

    test('are answered, whatever the status', async () => {
      expect(await fetchText('/hello')).toBe('200 yes /hello');
      expect(await fetchText('/404')).toBe('404 yes /404');
      expect(await fetchText(`/redirect?to=/there`)).toBe('200 yes /there');
    });

    test('carry text and bytes', async () => {
      expect(await run('post_both', `http://127.0.0.1:${port}/echo`)).toBe('grüße\n0,255,1');
    });

    test('fail with an error that the module can tell from others', async () => {
      expect(await fetchText('http://127.0.0.1:1/?secret')).toContain(
        `HttpError: error sending request for url (http://127.0.0.1:1/): ${REFUSED}`,
      );
      expect(await fetchText(`/redirect?to=http://10.0.0.1/`)).toContain(REFUSED);
      expect(await fetchText('/never', 100)).toContain('HttpError: error sending');
      expect(await fetchText('/slow', 100)).toContain('timed out after 100 ms');
      expect(await fetchText('/large?bytes=1000001')).toContain('longer than 1000000 bytes');
      expect((await fetchText('/large?bytes=1000000')).length).toBeGreaterThan(1_000_000);
    });

    test('inside a transaction are refused', async () => {
      expect(await run('fetch_in_transaction', `http://127.0.0.1:${port}/`)).toBe(
        'WouldBlockTransaction: Attempted async or blocking op while holding open a transaction',
      );
    });

    test('can be made by an HTTP handler, between its transactions', async () => {
      const server = await host.serve({ host: '127.0.0.1', port: 0 });
      const headers = { 'x-url': `http://127.0.0.1:${port}/relayed` };
      const response = await fetch(`${server.address}/v1/database/test/route/relay`, { headers });
      expect([response.status, await response.text()]).toEqual([200, '/relayed']);
      expect(await countNotes()).toBe(2n);
    });
  },
);

describe('the option outboundHttp', () => {
  test('lets nothing private through by default', async () => {
    await open({ outboundHttp: undefined });
    expect(await fetchText('/hello')).toContain(REFUSED);
  });

  test('turns requests off', async () => {
    for (const isolation of ['none', 'thread'] as const) {
      await open({ outboundHttp: false, isolation });
      expect(await fetchText('/hello')).toBe('HttpError: module outbound HTTP requests are disabled');
      await host.close();
    }
  });

  test('is checked when the host is opened', async () => {
    await expect(openHost({ memory: true, outboundHttp: { allowPrivate: ['*'] } })).rejects.toMatchObject({
      code: 'host/invalid-option',
    });
  });
});

test('a call that waits for an answer is ended at its time, and the next one gets its own answer', async () => {
  for (const isolation of ['none', 'thread'] as const) {
    await open({ isolation, callTimeLimitMs: 150, procedureTimeLimitMs: 150 });
    expect(await fetchText('/never')).toMatch(/^fatal: .*took longer than 150 ms/s);
    expect(await fetchText('/after')).toBe('200 yes /after');
    await host.close();
  }
});

test('a test host lets through what the test says', async () => {
  const module = { path: fileURLToPath(new URL('fixtures/http-outbound.ts', import.meta.url)) };
  const testHost = await createTestHost({ module, outboundHttp: { allowPrivate: ['127.0.0.1'] } });
  host = testHost.host;
  const { outcome } = testHost.hosted.database.callProcedure(ADA, 'fetch_text', args(`http://127.0.0.1:${port}/x`, 0));
  expect(outcome.type === 'returned' && new BsatnReader(outcome.bytes).string()).toBe('200 yes /x');
  await testHost.close();
});

test('requests after the host was closed are not sent', async () => {
  await open();
  expect(await fetchText('/hello')).toBe('200 yes /hello');
  const { local } = host.database('test');
  await host.close();
  expect(() => local.callProcedure(ADA, 'fetch_text', args('http://127.0.0.1/', 0))).toThrow(/closed/);
});
