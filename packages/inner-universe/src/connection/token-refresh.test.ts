import { generateKeyPairSync, sign } from 'node:crypto';
import { identityToHex, openHost, silentLogger, type Host } from '@inner-universe/host';
import { ManualTime } from '@inner-universe/host/testing';
import { systemIds } from '@inner-universe/nerv';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { InnerUniverseClient } from '../client/inner-universe-client.ts';
import { findModule } from '../controller/module-bundle.ts';
import { ServerConnector } from './server-connector.ts';
import { tryReadExpiry } from './token-refresh.ts';
import type { TokenSource } from './token-source.ts';

const ISSUER = 'https://issuer.test';
const HOUR_SECONDS = 3_600;
const MINUTE_MS = 60_000;
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let time: ManualTime;
let host: Host;
let address: string;
let pump: NodeJS.Timeout;
const clients: InnerUniverseClient[] = [];
const errors: unknown[] = [];

beforeEach(async () => {
  time = new ManualTime();
  // What is due now runs, while time stands.
  pump = setInterval(() => time.runDue(), 1);
  const jwk = { ...keys.publicKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'test' };
  host = await openHost({
    memory: true,
    logger: silentLogger,
    clock: time,
    timers: time,
    trustedIssuers: [{ issuer: ISSUER, audiences: 'any', keys: { keys: [jwk] } }],
  });
  await host.publish({ name: 'universe', module: findModule() });
  ({ address } = await host.serve({ host: '127.0.0.1', port: 0 }));
  errors.length = 0;
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await host.close();
  clearInterval(pump);
});

function makeToken(seconds: number, subject = 'ada'): string {
  const iat = Number(time.nowMicros() / 1_000_000n);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'ES256', typ: 'JWT', kid: 'test' })}.${part({ iss: ISSUER, sub: subject, aud: ['test'], iat, exp: iat + seconds })}`;
  const signature = sign('sha256', Buffer.from(text), { key: keys.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

async function open(token: TokenSource): Promise<InnerUniverseClient> {
  const connector = new ServerConnector({
    url: address.replace('http', 'ws'),
    database: 'universe',
    token,
    onListenerError: (error) => void errors.push(error),
  });
  const client = await InnerUniverseClient.open({
    connector,
    database: 'universe',
    clock: time,
    timers: { schedule: (callback, delayMs) => cancelOf(time.after(delayMs, callback)) },
    waiting: { sleep: pause, random: () => 0, nowMs: () => Number(time.nowMicros() / 1_000n) },
    ids: systemIds,
    onError: (error) => void errors.push(error),
    asksWhenIdle: false,
  });
  clients.push(client);
  return client;
}

/** Pauses between attempts take turns, not time. */
function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function cancelOf(timer: { cancel(): void }): () => void {
  return () => timer.cancel();
}

async function letIn(): Promise<void> {
  const owner = await open(host.ownerToken);
  const subject = identityToHex((await host.tokens.verify(makeToken(HOUR_SECONDS))).identity);
  for (const action of ['read', 'write'])
    await owner.write([
      { tag: 'grant', value: { subject, action, resource: 'scope:main', scope: '', expiresAt: undefined } },
    ]);
}

/** Moves time on and waits until the client is connected. */
async function advance(client: InnerUniverseClient, minutes: number): Promise<void> {
  time.advance(BigInt(minutes * MINUTE_MS) * 1_000n);
  for (let turn = 0; turn < 20; turn += 1) await pause();
  await vi.waitFor(() => expect(client.state).toBe('connected'), { timeout: 10_000, interval: 1 });
}

test('a connection is made anew with a fresh token a minute before its own expires, and nothing is lost or done twice', async () => {
  await letIn();
  const owner = clients[0]!;
  const given: string[] = [];
  const client = await open(() => {
    given.push(makeToken(HOUR_SECONDS));
    return given.at(-1)!;
  });
  const told: string[] = [];
  client.subscribeEntityChanges((type, ids) => void told.push(...ids.map((id) => `${type} ${id}`)));
  const endings: unknown[] = [];
  const leftMs: number[] = [];
  client.onState(({ state, lastError }) => {
    if (state !== 'reconnecting') return;
    endings.push(lastError);
    leftMs.push(tryReadExpiry(given.at(-2))! - Number(time.nowMicros() / 1_000n));
  });
  const expected: string[] = [];
  for (let minute = 0; minute < 130; minute += 1) {
    const id = `e${minute}`;
    const written = [client.write([makeEntity(`${id}-a`)]), owner.write([makeEntity(`${id}-b`)])];
    if (minute % 3 === 0) await Promise.all(written);
    await advance(client, 1);
    await Promise.all(written);
    expected.push(`INSERTED ${id}-a`, `INSERTED ${id}-b`);
  }
  await client.catchUp();
  expect(told.toSorted()).toEqual(expected.toSorted());
  expect(new Set(told).size).toBe(told.length);
  // None of its connections ended by itself.
  expect(endings).toEqual([undefined, undefined]);
  expect(given).toHaveLength(3);
  for (const left of leftMs) expect(left).toBe(MINUTE_MS);
  expect(errors).toEqual([]);
}, 60_000);

test('somebody who gives tokens and is away for a while costs no connection: the open one stays until there is a token', async () => {
  await letIn();
  let asked = 0;
  let isAway = false;
  const client = await open(() => {
    asked += 1;
    if (isAway) throw new Error('away');
    return makeToken(HOUR_SECONDS);
  });
  const states: string[] = [];
  client.onState(({ state }) => void states.push(state));
  await advance(client, 58);
  expect(asked).toBe(1);
  isAway = true;
  await advance(client, 1.5);
  await vi.waitFor(() => expect(asked).toBe(2));
  for (let turn = 0; turn < 5; turn += 1) await pause();
  expect(states).toEqual([]);
  await client.write([makeEntity('meanwhile')]);
  isAway = false;
  await advance(client, 0.25);
  await vi.waitFor(() => expect(states).toEqual(['reconnecting', 'connected']));
  expect(asked).toBe(3);
  await advance(client, 10);
  expect(states).toEqual(['reconnecting', 'connected']);
  await client.write([makeEntity('after')]);
});

describe('nothing is asked ahead', () => {
  test('for a token that is the same each time', async () => {
    await letIn();
    const client = await open(makeToken(HOUR_SECONDS));
    const states: string[] = [];
    client.onState(({ state }) => void states.push(state));
    await advance(client, 59.9);
    expect(states).toEqual([]);
  });

  test('for one without an end', async () => {
    let asked = 0;
    const client = await open(() => {
      asked += 1;
      return host.ownerToken;
    });
    for (let day = 0; day < 5; day += 1) await advance(client, 24 * 60);
    expect(asked).toBe(1);
  });

  test('without pauses, of somebody who gives the same token again and again', async () => {
    await letIn();
    let asked = 0;
    const token = makeToken(HOUR_SECONDS);
    const client = await open(() => {
      asked += 1;
      return token;
    });
    await advance(client, 58);
    for (let second = 0; second < 119; second += 1) await advance(client, 1 / 60);
    expect(asked).toBeGreaterThan(2);
    expect(asked).toBeLessThan(20);
  });
});

describe('the end of a token', () => {
  test('is its exp, in seconds', () => {
    const exp = Number(time.nowMicros() / 1_000_000n) + HOUR_SECONDS;
    expect(tryReadExpiry(makeToken(HOUR_SECONDS))).toBe(exp * 1_000);
  });

  test('is unknown of whatever is no such token, and reading it never throws', () => {
    expect(tryReadExpiry(undefined)).toBeUndefined();
    expect(tryReadExpiry(host.ownerToken)).toBeUndefined();
    const word = fc.string({ unit: 'binary-ascii' });
    fc.assert(
      fc.property(fc.array(fc.oneof(word, word.map(btoa)), { maxLength: 4 }), (words) => {
        const found = tryReadExpiry(words.join('.'));
        expect(found === undefined || Number.isFinite(found)).toBe(true);
      }),
    );
    for (const claims of ['null', '7', '{"exp":"soon"}', '{"exp":null}', '{"exp":1e999}'])
      expect(tryReadExpiry(`a.${btoa(claims)}.c`)).toBeUndefined();
  });
});

function makeEntity(id: string) {
  const texts = { description: '', properties: '{}', propertiesEncoding: 'json/1', author: '' };
  const value = { id, name: id, entityType: 'person', scope: 'main', tags: [], upsert: false, ...texts };
  return { tag: 'createEntity', value } as const;
}
