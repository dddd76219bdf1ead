import { createPrivateKey, sign } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { openUniverse } from 'inner-universe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommandLine } from '../run.ts';

let data: string;
let stopping: AbortController;
let ended: Promise<number> | undefined;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'inner-universe-serve-'));
  stopping = new AbortController();
});

afterEach(async () => {
  stopping.abort();
  await ended;
  await rm(data, { recursive: true, force: true });
});

/** Runs `serve` in this process; gives its address once it listens. */
function serve(...options: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const out = (text: string): void => {
      const address = / at (http:\S+)/.exec(stripVTControlCharacters(text))?.[1];
      if (address !== undefined) resolve(address);
    };
    const output = { isTerminal: false, out, err: () => undefined };
    const args = ['serve', '--data', data, '--port', '0', ...options];
    ended = runCommandLine(args, { output, signal: stopping.signal });
    ended.then((code) => reject(new Error(`it ended with ${code}`)), reject);
  });
}

test('what it measures is for the owner of the host, unless told otherwise', async () => {
  const address = await serve();
  expect((await fetch(`${address}/metrics`)).status).toBe(401);
  const token = (await readFile(join(data, 'credentials/owner.token'), 'utf8')).trim();
  const response = await fetch(`${address}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
});

test('--metrics public lets anybody read what the host measures, and what the universe does', async () => {
  const address = await serve('--metrics', 'public');
  const text = await (await fetch(`${address}/metrics`)).text();
  expect(text).toMatch(/^inner_universe_host_database_up\{db="[0-9a-f]{64}"\} 1$/m);
  expect(text).toMatch(/^inner_universe_connection_status\{database="universe"\} 1$/m);
});

test('--metrics off lets nobody', async () => {
  const address = await serve('--metrics', 'off');
  expect((await fetch(`${address}/metrics`)).status).toBe(404);
});

test('--slow-call-ms logs what takes longer, where the owner reads it', async () => {
  const address = await serve('--slow-call-ms', '0');
  const token = (await readFile(join(data, 'credentials/owner.token'), 'utf8')).trim();
  const headers = { authorization: `Bearer ${token}` };
  const lines = await (await fetch(`${address}/v1/database/universe/logs`, { headers })).text();
  expect(lines).toContain('slow procedure read_scopes');
});

test('it is alive and ready, and with --drain-ms says that it stops before it does', async () => {
  const address = await serve('--drain-ms', '400');
  expect(await (await fetch(`${address}/health`)).json()).toEqual({ status: 'ok' });
  expect(await (await fetch(`${address}/ready`)).json()).toEqual({ status: 'ready' });
  stopping.abort();
  const statusOfReady = async (): Promise<number> => (await fetch(`${address}/ready`)).status;
  await expect.poll(statusOfReady, { interval: 10 }).toBe(503);
  expect(await ended).toBe(0);
  await expect(fetch(`${address}/health`)).rejects.toThrow();
});

/** The owner's token again, as its keys sign it, for a few seconds. */
async function makePassingToken(seconds: number): Promise<string> {
  const credentials = join(data, 'credentials');
  const key = createPrivateKey(await readFile(join(credentials, 'id_ecdsa')));
  const [header = '', body = ''] = (await readFile(join(credentials, 'owner.token'), 'utf8')).split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object; // the host wrote it
  const passing = { ...claims, exp: Math.floor(Date.now() / 1_000) + seconds };
  const text = `${header}.${Buffer.from(JSON.stringify(passing)).toString('base64url')}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

test.each([
  ['end', 'lost'],
  ['keep', 'connected'],
] as const)('--expired-tokens %s leaves a connection %s whose token has expired', async (what, state) => {
  const server = await serve('--expired-tokens', what);
  const token = await makePassingToken(2);
  await using universe = await openUniverse({ server, token, reconnectForMs: 0 });
  expect(universe.client.state).toBe('connected');
  const headers = { authorization: `Bearer ${token}` };
  const statusOfLogs = async (): Promise<number> =>
    (await fetch(`${server}/v1/database/universe/logs`, { headers })).status;
  await expect.poll(statusOfLogs, { timeout: 10_000 }).toBe(401);
  await expect.poll(() => universe.client.state, { timeout: 10_000 }).toBe(state);
  if (what === 'keep') expect((await universe.client.getSystemStatus()).events).toBe(0n);
});

test.each([
  ['--expired-tokens', 'sometimes'],
  ['--metrics', 'everybody'],
  ['--slow-call-ms', 'soon'],
  ['--drain-ms', '-1'],
])('refuses %s %s as wrong usage', async (...options) => {
  await expect(serve(...options)).rejects.toThrow('it ended with 2');
});
