import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { HttpRequestHead } from '../module-http/http-message.ts';
import { BlockingHttpClient } from './blocking-client.ts';
import { findHelperEntry } from './helper-entry.ts';

const POLICY = { allowPrivate: ['127.0.0.1'], responseBytesMax: 1000 };
const NO_BODY = new Uint8Array(0);

let target: Worker;
let port: number;
let client: BlockingHttpClient | undefined;

beforeAll(async () => {
  target = new Worker(new URL('../../test/processes/http-target.mjs', import.meta.url));
  [port] = (await once(target, 'message')) as [number];
});

afterAll(() => target.terminate());
afterEach(() => client?.close());

const get = (path: string, timeoutMicros?: bigint): HttpRequestHead => ({
  method: 'GET',
  headers: [],
  timeoutMicros,
  uri: `http://127.0.0.1:${port}${path}`,
  version: '1.1',
});

test('the response is there when the call returns', () => {
  client = new BlockingHttpClient(POLICY, findHelperEntry);
  const { head, body } = client.request(get('/hello'), NO_BODY);
  expect([head.status, new TextDecoder().decode(body)]).toEqual([200, '/hello']);
  expect(() => client?.request(get('/never', 50_000n), NO_BODY)).toThrow('timed out after 50 ms');
  expect(client.request(get('/404'), NO_BODY).head.status).toBe(404);
});

test('a helper that dies is missed in the end, and another one takes its place', () => {
  const entries = ['data:text/javascript,process.exit(1)', 'data:text/javascript,throw 1', findHelperEntry()];
  client = new BlockingHttpClient(POLICY, () => entries.shift() ?? '', 300);
  expect(() => client?.request(get('/a', 0n), NO_BODY)).toThrow('does not answer');
  expect(() => client?.request(get('/b', 0n), NO_BODY)).toThrow('does not answer');
  expect(new TextDecoder().decode(client.request(get('/c'), NO_BODY).body)).toBe('/c');
  expect(entries).toEqual([]);
});

test('a closed client sends nothing', async () => {
  client = new BlockingHttpClient(POLICY, () => {
    throw new Error('no helper is started');
  });
  await client.close();
  await client.close();
  expect(() => client?.request(get('/'), NO_BODY)).toThrow('the host is closed');
});
