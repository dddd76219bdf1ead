import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT, type GenerateKeyPairResult } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../clock/clock.ts';
import { ExternalTokens } from './external-tokens.ts';
import { deriveIdentity } from './identity.ts';
import { generateSigningKeys } from './signing-keys.ts';
import { TokenAuthority } from './token-authority.ts';
import type { TrustedIssuer } from './trusted-issuer.ts';

const ISSUER = 'https://auth.example.com';
const NOW = 1_800_000_000;

let nowSeconds = NOW;
const clock: Clock = { nowMicros: () => BigInt(nowSeconds) * 1_000_000n };
const keys = new Map<string, GenerateKeyPairResult>();
/** What the issuer answers, by address; and what it was asked. */
let answers = new Map<string, () => Response>();
let asked: string[] = [];

beforeAll(async () => {
  for (const [id, algorithm] of [
    ['first', 'ES256'],
    ['second', 'RS256'],
    ['third', 'EdDSA'],
  ] as const) {
    keys.set(id, await generateKeyPair(algorithm, { extractable: true }));
  }
});

beforeEach(async () => {
  nowSeconds = NOW;
  asked = [];
  answers = new Map();
  answers.set(`${ISSUER}/.well-known/openid-configuration`, () =>
    Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/keys` }),
  );
  const set = await setOf('first', 'second');
  answers.set(`${ISSUER}/keys`, () => Response.json(set));
});

async function setOf(...ids: string[]) {
  return {
    keys: await Promise.all(
      ids.map(async (id) => ({ ...(await exportJWK(keys.get(id)!.publicKey)), kid: id, use: 'sig' })),
    ),
  };
}

const fetch = (address: string): Promise<Response> => {
  asked.push(address);
  const answer = answers.get(address);
  return answer === undefined ? Promise.reject(new Error(`nobody at ${address}`)) : Promise.resolve(answer());
};

function open(more: Partial<TrustedIssuer> = {}): TokenAuthority {
  const issuers = [{ issuer: ISSUER, audiences: ['my-app'], ...more }];
  return new TokenAuthority(generateSigningKeys(), clock, new ExternalTokens({ issuers, fetch, clock }));
}

interface Making {
  readonly key?: string;
  readonly id?: string | undefined;
  readonly algorithm?: string;
  readonly claims?: Record<string, unknown>;
}

function make({ key = 'first', id = key, algorithm = 'ES256', claims = {} }: Making = {}): Promise<string> {
  const payload = { iss: ISSUER, sub: 'ada', aud: 'my-app', iat: NOW, exp: NOW + 3_600, ...claims };
  const header = { alg: algorithm, ...(id === '' ? {} : { kid: id }) };
  return new SignJWT(payload).setProtectedHeader(header).sign(keys.get(key)!.privateKey);
}

describe('a token of a trusted issuer', () => {
  test('is accepted, and its identity is that of issuer and subject', async () => {
    const authority = open();
    const credentials = await authority.verify(await make());
    expect(credentials).toMatchObject({ identity: deriveIdentity(ISSUER, 'ada'), issuer: ISSUER, subject: 'ada' });
    expect(JSON.parse(credentials.jwtPayload)).toMatchObject({ aud: 'my-app' });
    await authority.verify(await make({ key: 'second', algorithm: 'RS256' }));
    await authority.verify(await make({ id: '', claims: { aud: ['other', 'my-app'] } }));
    expect(asked).toEqual([`${ISSUER}/.well-known/openid-configuration`, `${ISSUER}/keys`]);
  });

  test('can be exchanged for a short one of this host', async () => {
    const authority = open();
    const token = await make();
    const short = await authority.exchange({ credentials: await authority.verify(token), token });
    expect(await authority.redeem(short)).toMatchObject({
      token,
      credentials: { identity: deriveIdentity(ISSUER, 'ada') },
    });
  });

  test.each<[string, Making, string]>([
    ['expired', { claims: { exp: NOW } }, 'ExpiredSignature'],
    ['not yet valid', { claims: { nbf: NOW + 60 } }, 'ImmatureSignature'],
    ['for somebody else', { claims: { aud: 'other' } }, 'InvalidAudience'],
    ['for nobody', { claims: { aud: undefined } }, 'InvalidAudience'],
    ['without a subject', { claims: { sub: undefined } }, 'Subject missing'],
    ['of a subject that is too long', { claims: { sub: 'x'.repeat(129) } }, 'Subject too long'],
    ['without its time', { claims: { iat: undefined } }, 'iat'],
    ['that claims another identity', { claims: { hex_identity: '0'.repeat(64) } }, 'Identity mismatch'],
    ['signed with another key', { key: 'third', id: 'first', algorithm: 'EdDSA' }, 'not found in JWKs'],
    ['of a key that is unknown', { key: 'first', id: 'ninth' }, 'Specified key ID not found in JWKs'],
  ])('%s is refused', async (_what, making, reason) => {
    await expect(open().verify(await make(making))).rejects.toMatchObject({
      code: 'identity/invalid-token',
      message: expect.stringContaining(reason),
    });
  });

  test('is refused when its algorithm needs no key, or a secret one', async () => {
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const payload = encode({ iss: ISSUER, sub: 'ada', aud: 'my-app', iat: NOW });
    for (const alg of ['none', 'HS256']) {
      await expect(open().verify(`${encode({ alg, typ: 'JWT' })}.${payload}.AAAA`)).rejects.toMatchObject({
        message: 'Invalid token: InvalidAlgorithm',
      });
    }
    expect(asked).toEqual([]);
  });

  test('whose payload was changed is refused, and no error quotes it', async () => {
    const [head, , signature] = (await make()).split('.');
    const payload = Buffer.from(JSON.stringify({ iss: ISSUER, sub: 'eve', aud: 'my-app', iat: NOW })).toString(
      'base64url',
    );
    const failure: unknown = await open()
      .verify(`${head}.${payload}.${signature}`)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ message: 'Invalid token: InvalidSignature' });
    expect(String((failure as Error).stack)).not.toContain(signature);
  });
});

describe('issuers', () => {
  test('that are not listed are not even asked', async () => {
    const token = await make({ claims: { iss: 'https://elsewhere.example' } });
    await expect(open().verify(token)).rejects.toMatchObject({ code: 'identity/unknown-issuer' });
    const nobody = new TokenAuthority(generateSigningKeys(), clock);
    await expect(nobody.verify(await make())).rejects.toMatchObject({ code: 'identity/unknown-issuer' });
    expect(asked).toEqual([]);
  });

  test('cannot make tokens of this host, whatever they claim', async () => {
    await expect(open().verify(await make({ claims: { iss: 'localhost' } }))).rejects.toMatchObject({
      message: 'Invalid token: InvalidSignature',
    });
  });

  test.each<[string, TrustedIssuer[]]>([
    ['this host', [{ issuer: 'localhost', audiences: 'any' }]],
    ['one without audiences', [{ issuer: ISSUER, audiences: [] }]],
    [
      'one twice',
      [
        { issuer: ISSUER, audiences: 'any' },
        { issuer: ISSUER, audiences: ['x'] },
      ],
    ],
    ['one over plain HTTP', [{ issuer: 'http://auth.example.com', audiences: 'any' }]],
    ['one whose keys cannot be found', [{ issuer: 'my-issuer', audiences: 'any' }]],
  ])('are refused: %s', (_what, issuers) => {
    expect(() => new ExternalTokens({ issuers, fetch, clock })).toThrow(
      expect.objectContaining({ code: 'identity/invalid-issuer' }),
    );
  });

  test('without a network: keys of the configuration, or of a file that is read again', async () => {
    const given = open({ issuer: 'offline', keys: await setOf('first') });
    await given.verify(await make({ claims: { iss: 'offline' } }));
    const root = await mkdtemp(join(tmpdir(), 'inner-universe-keys-'));
    try {
      const path = join(root, 'keys.json');
      await writeFile(path, JSON.stringify(await setOf('first')));
      const filed = open({ keys: { path } });
      await filed.verify(await make());
      await writeFile(path, JSON.stringify(await setOf('second')));
      nowSeconds += 16;
      await filed.verify(await make({ key: 'second', algorithm: 'RS256' }));
      await expect(filed.verify(await make())).rejects.toMatchObject({ code: 'identity/invalid-token' });
    } finally {
      await rm(root, { recursive: true, force: true });
    }
    expect(asked).toEqual([]);
  });
});

describe('keys', () => {
  const KEYS = `${ISSUER}/keys`;
  const keyRequests = () => asked.filter((address) => address === KEYS).length;

  test('are kept for five minutes, and asked for once however many need them', async () => {
    const authority = open();
    const token = await make();
    await Promise.all(Array.from({ length: 50 }, () => authority.verify(token)));
    nowSeconds += 299;
    await authority.verify(token);
    expect(keyRequests()).toBe(1);
    nowSeconds += 2;
    await authority.verify(token);
    expect(keyRequests()).toBe(2);
  });

  test('that are new are found, but tokens with made-up keys do not make the issuer be asked each time', async () => {
    const authority = open();
    await authority.verify(await make());
    const set = await setOf('first', 'third');
    answers.set(KEYS, () => Response.json(set));
    const fresh = await make({ key: 'third', algorithm: 'EdDSA' });
    await expect(authority.verify(fresh)).rejects.toMatchObject({ code: 'identity/invalid-token' });
    nowSeconds += 16;
    await authority.verify(fresh);
    for (let at = 0; at < 20; at += 1)
      await authority.verify(await make({ id: `made-up-${at}` })).catch(() => undefined);
    expect(keyRequests()).toBe(2);
  });

  test('are used for two hours while the issuer is away, and not longer', async () => {
    const authority = open();
    const token = await make({ claims: { exp: undefined } });
    await authority.verify(token);
    answers.clear();
    nowSeconds += 7_000;
    await authority.verify(token);
    nowSeconds += 300;
    await expect(authority.verify(token)).rejects.toMatchObject({
      code: 'identity/issuer-unavailable',
      retryable: true,
      details: { reason: expect.stringContaining('nobody at') },
    });
  });

  test.each<[string, string, () => Response]>([
    ['an error', KEYS, () => new Response('no', { status: 500 })],
    ['no JSON', KEYS, () => new Response('<html>')],
    ['no keys', KEYS, () => Response.json({ keys: [] })],
    ['keys that cannot be used', KEYS, () => Response.json({ keys: [{ kty: 'oct', k: 'AAAA' }, { kty: 'EC' }] })],
    ['far too much', KEYS, () => new Response(new Uint8Array(300_000))],
    [
      'another issuer',
      `${ISSUER}/.well-known/openid-configuration`,
      () => Response.json({ issuer: 'https://other.example', jwks_uri: KEYS }),
    ],
    [
      'an address without TLS',
      `${ISSUER}/.well-known/openid-configuration`,
      () => Response.json({ issuer: ISSUER, jwks_uri: 'http://auth.example.com/keys' }),
    ],
  ])('an answer of %s gives none', async (_what, address, answer) => {
    answers.set(address, answer);
    await expect(open().verify(await make())).rejects.toMatchObject({ code: 'identity/issuer-unavailable' });
  });

  afterEach(() => {
    answers.clear();
  });
});
