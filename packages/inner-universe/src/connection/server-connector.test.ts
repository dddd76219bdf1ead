import { generateKeyPairSync, sign } from 'node:crypto';
import { inspect } from 'node:util';
import { identityToHex, openHost, silentLogger, type Host, type RunningServer } from '@inner-universe/host';
import type { CreateEntityOp } from '@inner-universe/module/wire';
import { systemIds } from '@inner-universe/nerv';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openCutProxy, type CutProxy } from '../../test/cut-proxy.ts';
import { InnerUniverseClient } from '../client/inner-universe-client.ts';
import { findModule } from '../controller/module-bundle.ts';
import { ServerConnector } from './server-connector.ts';
import { systemWaiting } from './system-waiting.ts';
import type { TokenSource } from './token-source.ts';

const ISSUER = 'https://issuer.test';
const HOUR_SECONDS = 3_600;

let host: Host;
let server: RunningServer;
let proxy: CutProxy;
let nowMicros = 1_767_225_600_000_000n;
const clock = { nowMicros: () => nowMicros };
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const errors: unknown[] = [];
const onError = (error: unknown): void => void errors.push(error);

beforeAll(async () => {
  const jwk = { ...keys.publicKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'test' };
  host = await openHost({
    memory: true,
    logger: silentLogger,
    clock,
    trustedIssuers: [{ issuer: ISSUER, audiences: 'any', keys: { keys: [jwk] } }],
  });
  await host.publish({ name: 'universe', module: findModule() });
  server = await host.serve({ host: '127.0.0.1', port: 0 });
  proxy = await openCutProxy(server.address);
});

afterAll(async () => {
  await proxy.close();
  await host.close();
});

function makeToken(subject: string, seconds: number): string {
  const iat = Number(nowMicros / 1_000_000n);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'ES256', typ: 'JWT', kid: 'test' })}.${part({ iss: ISSUER, sub: subject, aud: ['test'], iat, exp: iat + seconds })}`;
  const signature = sign('sha256', Buffer.from(text), { key: keys.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

function makeConnector(token: TokenSource | undefined): ServerConnector {
  const url = proxy.address.replace('http', 'ws');
  return new ServerConnector({ url, database: 'universe', token, onListenerError: onError });
}

function openClient(token: TokenSource | undefined, reconnectForMs = 30_000): Promise<InnerUniverseClient> {
  const parts = { clock, ids: systemIds, waiting: systemWaiting, onError, reconnectForMs };
  return InnerUniverseClient.open({ connector: makeConnector(token), database: 'universe', ...parts });
}

async function grantEverything(identity: string): Promise<void> {
  const owner = await openClient(host.ownerToken);
  const grant = { subject: identity, action: 'read', resource: 'scope:main', scope: '', expiresAt: undefined };
  await owner.write([{ tag: 'grant', value: grant }]);
  await owner.close();
}

async function identityOf(subject: string): Promise<string> {
  return identityToHex((await host.tokens.verify(makeToken(subject, HOUR_SECONDS))).identity);
}

test('two connections cut before their first message in a row do not reject a write that waits', async () => {
  const client = await openClient(host.ownerToken);
  const before = proxy.cutUpgrades;
  proxy.mode = 'cut-upgrades';
  proxy.cut();
  const written = client.createEntity(makeEntity('patient'));
  await vi.waitFor(() => expect(proxy.cutUpgrades).toBeGreaterThan(before + 3), { timeout: 10_000 });
  expect(client.status.getSnapshot()).toMatchObject({
    state: 'reconnecting',
    lastError: { code: 'connection/refused' },
  });
  proxy.mode = 'pass';
  await written;
  expect(await client.getEntity('patient')).toMatchObject({ id: 'patient' });
  await client.close();
});

test('a server that goes away and comes back is found again, and the status says what happens', async () => {
  const client = await openClient(host.ownerToken);
  const states: string[] = [];
  client.onState(({ state }) => states.at(-1) !== state && states.push(state));
  proxy.mode = 'refuse';
  proxy.cut();
  await vi.waitFor(() =>
    expect(client.status.getSnapshot()).toMatchObject({ state: 'reconnecting', failedAttempts: 2 }),
  );
  expect(client.status.getSnapshot().lastError).toMatchObject({ code: 'connection/unreachable' });
  proxy.mode = 'pass';
  await client.reconnect();
  expect(states).toEqual(['reconnecting', 'connected']);
  await client.close();
  expect(client.status.getSnapshot().state).toBe('closed');
});

test('a token that expired meanwhile is exchanged: the function is asked for each connection', async () => {
  const identity = await identityOf('ada');
  await grantEverything(identity);
  const given: string[] = [];
  const client = await openClient(async () => {
    given.push(makeToken('ada', HOUR_SECONDS));
    return given.at(-1) ?? '';
  });
  expect(client.identity).toBe(identity);
  nowMicros += BigInt(2 * HOUR_SECONDS) * 1_000_000n;
  proxy.cut();
  expect(await client.getEntity('nobody')).toBeUndefined();
  expect(client.identity).toBe(identity);
  expect(given).toHaveLength(2);
  await client.close();
});

test('a token that is not accepted is asked for once more, and then refused', async () => {
  const expired = makeToken('ada', HOUR_SECONDS);
  nowMicros += BigInt(2 * HOUR_SECONDS) * 1_000_000n;
  let asked = 0;
  const renewed = await makeConnector(() => {
    asked += 1;
    return asked === 1 ? expired : makeToken('ada', HOUR_SECONDS);
  }).connect();
  expect(asked).toBe(2);
  await renewed.close();

  asked = 0;
  const always = makeConnector(() => {
    asked += 1;
    return expired;
  });
  await expect(always.connect()).rejects.toMatchObject({ code: 'connection/unauthorized' });
  expect(asked).toBe(2);
  await expect(makeConnector(expired).connect()).rejects.toMatchObject({ code: 'connection/unauthorized' });
});

test('a new token of somebody else is refused, and what waits is told so', async () => {
  await grantEverything(await identityOf('eve'));
  let subject = 'ada';
  const client = await openClient(() => makeToken(subject, HOUR_SECONDS));
  subject = 'eve';
  proxy.cut();
  await expect(client.getSystemStatus()).rejects.toMatchObject({ code: 'connection/identity-changed' });
  subject = 'ada';
  await client.reconnect();
  expect(client.state).toBe('connected');
  await client.close();
});

test('a function that gives no token fails the attempt with its reason, and no error shows a token', async () => {
  const secret = makeToken('ada', HOUR_SECONDS);
  const cause = new Error('the vault is sealed');
  const wrong: [TokenSource, object][] = [
    [() => Promise.reject(cause), { code: 'connection/no-token', cause, retryable: true }],
    [() => '', { code: 'connection/no-token' }],
    [() => `${secret}\nsecond line`, { code: 'connection/no-token' }],
    [() => 17 as unknown as string, { code: 'connection/no-token' }],
    [() => `${secret}x`, { code: 'connection/unauthorized' }],
  ];
  for (const [token, expected] of wrong) {
    const error: unknown = await makeConnector(token)
      .connect()
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject(expected);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(secret.slice(0, 40));
  }
});

test('a function that never answers is given up in time, and when the caller leaves', async () => {
  const never = makeConnector(() => new Promise(() => undefined));
  await expect(never.connect({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'connection/timeout' });
  const reason = new Error('left');
  await expect(never.connect({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test('printing a connection or a client shows no token', async () => {
  const connection = await makeConnector(host.ownerToken).connect();
  const client = await openClient(host.ownerToken);
  expect(connection.token).toBe(host.ownerToken);
  for (const object of [connection, client])
    expect(inspect(object, { depth: 9, showHidden: true })).not.toContain(host.ownerToken);
  await connection.close();
  await client.close();
});

function makeEntity(id: string): CreateEntityOp {
  const texts = { description: '', properties: '{}', propertiesEncoding: 'json/1', author: '' };
  return { id, name: id, entityType: 'person', scope: 'main', tags: [], upsert: false, ...texts };
}

test('a connection ends with its token; the next one is made with a fresh token, and nothing is lost or done twice', async () => {
  const identity = await identityOf('guest');
  await grantEverything(identity);
  const owner = await openClient(host.ownerToken);
  let asked = 0;
  const reader = await openClient(() => {
    asked += 1;
    return makeToken('guest', 1);
  });
  const told: string[] = [];
  reader.subscribeEntityChanges((type, ids) => void told.push(...ids.map((id) => `${type} ${id}`)));
  const endings: unknown[] = [];
  reader.onState(({ state, lastError }) => state === 'reconnecting' && endings.push(lastError));
  const expected: string[] = [];
  for (let n = 0; asked < 4; n += 1) {
    nowMicros += 200_000n;
    await owner.createEntity(makeEntity(`expiring-${n}`));
    expected.push(`INSERTED expiring-${n}`);
    await reader.queryEntities();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await reader.catchUp();
  expect(told).toEqual(expected);
  expect(endings.length).toBeGreaterThan(0);
  expect(reader.state).toBe('connected');
  await Promise.all([reader.close(), owner.close()]);
}, 60_000);

test('who has no other token than one that expired is told so, and gets no further', async () => {
  await grantEverything(await identityOf('passing'));
  const reader = await openClient(makeToken('passing', 1), 0);
  nowMicros += 2_000_000n;
  await vi.waitFor(() => expect(reader.state).toBe('lost'), { timeout: 10_000 });
  expect(reader.status.getSnapshot().lastError).toMatchObject({ code: 'connection/unauthorized' });
  await expect(reader.queryEntities()).rejects.toMatchObject({ code: 'connection/unauthorized' });
  await reader.close();
});

test('a server that is told to keep connections whose token expires keeps them, as SpacetimeDB does', async () => {
  await grantEverything(await identityOf('kept'));
  await server.close();
  const keeping = await host.serve({ host: '127.0.0.1', port: 0, expiredTokens: 'keep' });
  const url = keeping.address.replace('http', 'ws');
  const token = makeToken('kept', 1);
  const connection = await new ServerConnector({
    url,
    database: 'universe',
    token,
    onListenerError: onError,
  }).connect();
  nowMicros += 2_000_000n;
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(connection.isOpen).toBe(true);
  await expect(connection.callProcedure('readScopes', {})).resolves.toBeDefined();
  await connection.close();
  await keeping.close();
});
