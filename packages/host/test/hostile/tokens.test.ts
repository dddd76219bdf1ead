import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock/system-clock.ts';
import { WireClient } from '../session-fixtures/wire-client.ts';
import { Victim } from './victim.ts';

let victim: Victim;
let aheadMicros = 0n;
let publicPem = '';
/** The claims of the owner's token, which is what everybody wants to be. */
let owner: Record<string, unknown>;

const attacker = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const attackerJwk = attacker.publicKey.export({ format: 'jwk' });

beforeAll(async () => {
  victim = await Victim.start({ clock: { nowMicros: () => systemClock.nowMicros() + aheadMicros } });
  publicPem = await (await fetch(`${victim.address}/v1/identity/public-key`)).text();
  owner = JSON.parse(Buffer.from(victim.host.ownerToken.split('.')[1]!, 'base64url').toString()) as typeof owner;
});

afterAll(() => victim.close());

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function signed(header: Record<string, unknown>, claims: unknown, key: KeyObject = attacker.privateKey): string {
  const head = `${encode(header)}.${encode(claims)}`;
  return `${head}.${sign('sha256', Buffer.from(head), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

function hmac(header: Record<string, unknown>, secret: string): string {
  const head = `${encode(header)}.${encode(owner)}`;
  return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`;
}

/** What the host makes of a token, over HTTP in the header and the query, and at the upgrade. */
async function verdicts(token: string): Promise<number[]> {
  const statuses = await Promise.all([
    fetch(`${victim.address}/v1/database/test`, { headers: { authorization: `Bearer ${token}` } }),
    fetch(`${victim.address}/v1/database/test?token=${encodeURIComponent(token)}`),
    fetch(`${victim.address}/v1/identity/websocket-token`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    }),
    fetch(`${victim.address}/v1/database/test/sql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'text/plain' },
      body: 'SELECT * FROM note',
    }),
  ]);
  const client = new WireClient(victim.address, { token });
  const upgrade = await new Promise<number>((resolve) => {
    client.socket.once('open', () => resolve(101));
    client.socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
  });
  client.vanish();
  return [...statuses.map(({ status }) => status), upgrade];
}

const REFUSED = [401, 401, 401, 401, 401];

const forged: [string, () => string][] = [
  ['no signature at all, alg none', () => `${encode({ alg: 'none', typ: 'JWT' })}.${encode(owner)}.`],
  ['alg None, with a signature', () => signed({ alg: 'None' }, owner)],
  ['HS256 with the public key as the secret', () => hmac({ alg: 'HS256', typ: 'JWT' }, publicPem)],
  ['HS256 with the public key without its line ends', () => hmac({ alg: 'HS256' }, publicPem.trim())],
  ['ES256 with another key', () => signed({ alg: 'ES256', typ: 'JWT' }, owner)],
  ['another key, brought along', () => signed({ alg: 'ES256', jwk: attackerJwk }, owner)],
  ['another key, named by address', () => signed({ alg: 'ES256', jku: 'http://127.0.0.1:1/keys', kid: '1' }, owner)],
  ['another issuer', () => signed({ alg: 'ES256' }, { ...owner, iss: 'https://evil.example' })],
  ['a header that demands what nobody knows', () => signed({ alg: 'ES256', crit: ['x'], x: 1 }, owner)],
  [
    "other claims under the owner's signature",
    () => {
      const [header, , signature] = victim.host.ownerToken.split('.');
      return `${header!}.${encode({ ...owner, sub: 'somebody' })}.${signature!}`;
    },
  ],
  ['a signature of zeros', () => `${victim.host.ownerToken.split('.').slice(0, 2).join('.')}.${'A'.repeat(86)}`],
  ['no signature behind the dot', () => `${victim.host.ownerToken.split('.').slice(0, 2).join('.')}.`],
  ['claims that are no JSON', () => `${encode({ alg: 'ES256' })}.bm90IEpTT04.AAAA`],
  ['a list of claims', () => signed({ alg: 'ES256' }, [owner])],
  ['only dots', () => '..'],
  ['five parts', () => `${victim.host.ownerToken}.a.b`],
  ['a very long one', () => `${encode({ alg: 'ES256' })}.${encode({ ...owner, x: 'x'.repeat(7_000) })}.AAAA`],
];

test.each(forged)('a token with %s is refused everywhere', async (_what, make) => {
  expect(await verdicts(make())).toEqual(REFUSED);
  await victim.assertServes();
});

test("the owner's own token is taken: the ones above are refused for what they are", async () => {
  const statuses = await verdicts(victim.host.ownerToken);
  expect(statuses.filter((status) => status === 401 || status === 403)).toEqual([]);
});

test('a token of a minute stands for its original once, for itself until it expires, and then for nothing', async () => {
  const { token } = await victim.host.tokens.issue();
  const exchanged = await fetch(`${victim.address}/v1/identity/websocket-token`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  });
  const { token: short } = (await exchanged.json()) as { token: string };
  const first = await WireClient.open(victim.address, { token: short });
  const second = await WireClient.open(victim.address, { token: short });
  expect(first.messages[0]).toMatchObject({ type: 'initial', token });
  expect(second.messages[0]).toMatchObject({ type: 'initial', token: short });
  try {
    aheadMicros = 61_000_000n;
    expect(await verdicts(short)).toEqual(REFUSED);
    const connections = [first, second].map(({ closed }) => closed);
    expect(connections).toEqual([undefined, undefined]);
  } finally {
    aheadMicros = 0n;
    first.vanish();
    second.vanish();
  }
  await victim.assertServes();
});

test('no log tells a token, whether it was good or bad', async () => {
  await verdicts(forged[2]![1]());
  await verdicts(victim.host.ownerToken);
  const text = inspect(victim.logs, { depth: 20, maxArrayLength: null, maxStringLength: null });
  expect(text).toContain('connection refused');
  for (const token of [victim.host.ownerToken, forged[2]![1]()]) {
    for (const part of token.split('.').slice(1)) expect(text).not.toContain(part);
  }
});
