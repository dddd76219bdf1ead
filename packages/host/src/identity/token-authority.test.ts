import { CompactSign, SignJWT, generateKeyPair } from 'jose';
import { describe, expect, test } from 'vitest';
import type { Clock } from '../clock/clock.ts';
import { deriveIdentity, identityToHex } from './identity.ts';
import { generateSigningKeys, type SigningKeys } from './signing-keys.ts';
import { EXCHANGED_TOKEN_SECONDS, TokenAuthority } from './token-authority.ts';

const START_SECONDS = 1_800_000_000;

class SettableClock implements Clock {
  seconds = START_SECONDS;
  nowMicros(): bigint {
    return BigInt(this.seconds) * 1_000_000n;
  }
}

function makeAuthority() {
  const clock = new SettableClock();
  const keys = generateSigningKeys();
  return { clock, keys, tokens: new TokenAuthority(keys, clock) };
}

const sign = (keys: SigningKeys, claims: unknown) =>
  new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ typ: 'JWT', alg: 'ES256' })
    .sign(keys.privateKey);

const baseClaims = { iss: 'localhost', sub: 'someone', iat: START_SECONDS };

describe('tokens of the host', () => {
  test('speak for the identity they were issued for, and do not expire', async () => {
    const { clock, tokens } = makeAuthority();
    const { identity, token } = await tokens.issue();
    clock.seconds += 100 * 365 * 86_400;
    const credentials = await tokens.verify(token);
    expect(credentials.identity).toBe(identity);
    expect(credentials.identity).toBe(deriveIdentity('localhost', credentials.subject));
    expect(credentials.expiresAtSeconds).toBeUndefined();
    expect(JSON.parse(credentials.jwtPayload)).toEqual({
      hex_identity: identityToHex(identity),
      sub: credentials.subject,
      iss: 'localhost',
      aud: ['spacetimedb'],
      iat: START_SECONDS,
    });
  });

  test('are new for everybody who asks', async () => {
    const { tokens } = makeAuthority();
    const [one, two] = await Promise.all([tokens.issue(), tokens.issue()]);
    expect(one.identity).not.toBe(two.identity);
  });

  test('with an expiry of null count as lasting: official servers write them so', async () => {
    const { keys, tokens } = makeAuthority();
    const token = await sign(keys, { ...baseClaims, exp: null, hex_identity: null });
    expect((await tokens.verify(token)).expiresAtSeconds).toBeUndefined();
  });
});

describe('refused with identity/invalid-token', () => {
  test.each([
    ['a missing issuer', { sub: 'a', iat: 1 }, /Issuer missing/],
    ['an empty subject', { ...baseClaims, sub: '' }, /Subject empty/],
    ['a subject of 129 bytes', { ...baseClaims, sub: 'x'.repeat(129) }, /Subject too long/],
    ['no time of issue', { iss: 'localhost', sub: 'a' }, /iat/],
    ['a passed expiry', { ...baseClaims, exp: START_SECONDS }, /ExpiredSignature/],
    ['a time before which it does not count', { ...baseClaims, nbf: START_SECONDS + 1 }, /ImmatureSignature/],
    ['an expiry that is text', { ...baseClaims, exp: 'never' }, /exp is not a number/],
    ["somebody else's hex_identity", { ...baseClaims, hex_identity: '0'.repeat(64) }, /Identity mismatch/],
    ['a payload that is no object', [1], /not a JSON object/],
  ])('%s', async (_name, claims, message) => {
    const { keys, tokens } = makeAuthority();
    const verified = tokens.verify(await sign(keys, claims));
    await expect(verified).rejects.toMatchObject({ code: 'identity/invalid-token' });
    await expect(verified).rejects.toThrow(message);
  });

  test('a token of another host with the same issuer name', async () => {
    const { token } = await makeAuthority().tokens.issue();
    await expect(makeAuthority().tokens.verify(token)).rejects.toThrow('Invalid token: InvalidSignature');
  });

  test('a token without a signature', async () => {
    const { tokens } = makeAuthority();
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = `${encode({ alg: 'none' })}.${encode(baseClaims)}.`;
    await expect(tokens.verify(unsigned)).rejects.toThrow(/InvalidSignature/);
  });

  test('a token that is signed with the public key as if it were a shared secret', async () => {
    const { keys, tokens } = makeAuthority();
    const forged = await new SignJWT(baseClaims)
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(keys.publicPem));
    await expect(tokens.verify(forged)).rejects.toThrow(/InvalidSignature/);
  });

  test('what is no token, and nothing of it stands in the error', async () => {
    const { tokens } = makeAuthority();
    const error: unknown = await tokens.verify('hunter2.hunter2.hunter2').catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'identity/invalid-token' });
    expect(JSON.stringify(error) + String(error)).not.toContain('hunter2');
  });

  test('a token of unreasonable length', async () => {
    await expect(makeAuthority().tokens.verify('x'.repeat(100_000))).rejects.toThrow(/longer than/);
  });
});

test('a token of an external issuer is refused as such', async () => {
  const { tokens } = makeAuthority();
  const { privateKey } = await generateKeyPair('ES256');
  const token = await new SignJWT({ iss: 'https://issuer.example', sub: 'a', iat: 1 })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(privateKey);
  await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'identity/unknown-issuer' });
});

describe('the exchange for a WebSocket upgrade', () => {
  async function exchanged() {
    const parts = makeAuthority();
    const { identity, token } = await parts.tokens.issue();
    const credentials = await parts.tokens.verify(token);
    return { ...parts, identity, token, short: await parts.tokens.exchange({ credentials, token }) };
  }

  test('gives a token for the same identity that is valid for a minute', async () => {
    const { clock, tokens, identity, token, short } = await exchanged();
    expect(short).not.toBe(token);
    expect((await tokens.verify(short)).identity).toBe(identity);
    clock.seconds += EXCHANGED_TOKEN_SECONDS;
    await expect(tokens.verify(short)).rejects.toThrow(/ExpiredSignature/);
  });

  test('the first use gives the lasting token back, a second one does not', async () => {
    const { tokens, identity, token, short } = await exchanged();
    const first = await tokens.redeem(short);
    expect(first.token).toBe(token);
    expect(first.credentials.expiresAtSeconds).toBeUndefined();
    const second = await tokens.redeem(short);
    expect(second.token).toBe(short);
    expect(second.credentials.identity).toBe(identity);
  });

  test('a connection may last as long as the token that was exchanged, however often the short one is used', async () => {
    const { keys, tokens } = makeAuthority();
    const token = await sign(keys, { ...baseClaims, exp: START_SECONDS + 3_600 });
    const short = await tokens.exchange({ credentials: await tokens.verify(token), token });
    for (const given of [short, short, token])
      expect(await tokens.redeem(given)).toMatchObject({ lastsUntilSeconds: START_SECONDS + 3_600 });
    const lasting = await exchanged();
    for (const given of [lasting.short, lasting.short, lasting.token])
      expect((await lasting.tokens.redeem(given)).lastsUntilSeconds).toBeUndefined();
  });

  test('does not lengthen the life of a token', async () => {
    const { keys, tokens } = makeAuthority();
    const token = await sign(keys, { ...baseClaims, exp: START_SECONDS + 5 });
    const short = await tokens.exchange({ credentials: await tokens.verify(token), token });
    expect((await tokens.verify(short)).expiresAtSeconds).toBe(START_SECONDS + 5);
  });

  test('claims the host knows nothing of are kept', async () => {
    const { keys, tokens } = makeAuthority();
    const token = await sign(keys, { ...baseClaims, roles: ['editor'] });
    const short = await tokens.exchange({ credentials: await tokens.verify(token), token });
    expect(JSON.parse((await tokens.verify(short)).jwtPayload)).toMatchObject({ roles: ['editor'] });
  });
});
