import { expect } from 'vitest';
import { deriveIdentity, identityToHex, tryParseIdentity } from '../../src/identity/identity.ts';
import { fixture } from './forms.ts';
import { plainSection, section } from './rule.ts';

plainSection('Identities', (rule) => {
  rule('an identity is derived from issuer and subject', () => {
    for (const [issuer, subject, hex] of [
      ['localhost', 'test-subject', 'c200b3ce65d91b79ecfb7d881cd65bf8da2f647d590af1474ad19faa7aa87e38'],
      [
        'localhost',
        '6d4b5430-00cf-4a99-932c-ad2d07bab841',
        'c200483152d642c7d402de06cacc36dcb0c2a1f2bbeb8e7d5a673f2435cca975',
      ],
    ] as const) {
      expect(identityToHex(deriveIdentity(issuer, subject))).toBe(hex);
      expect(tryParseIdentity(`0x${hex}`)).toBe(BigInt(`0x${hex}`));
    }
  });
});

section('Tokens', { module: fixture('conf-rooms.ts') }, (rule) => {
  const payloadOf = (token: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;

  rule('anybody is given an identity, with an ES256 token that says which', async (host) => {
    const { text } = await host.http('POST', '/v1/identity');
    const { identity, token } = JSON.parse(text) as { identity: string; token: string };
    expect(identity).toMatch(/^c200[0-9a-f]{60}$/);
    expect(JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString())).toMatchObject({
      typ: 'JWT',
      alg: 'ES256',
    });
    expect(payloadOf(token)).toMatchObject({
      iss: 'localhost',
      hex_identity: identity,
      aud: ['spacetimedb'],
      iat: expect.any(Number),
    });
    const own = { headers: { authorization: `Bearer ${token}` } };
    expect((await host.http('GET', `/v1/identity/${identity}/verify`, own)).status).toBe(204);
    expect((await host.http('GET', `/v1/identity/${'c2'.padEnd(64, '0')}/verify`, own)).status).toBe(400);
    expect((await host.http('GET', `/v1/identity/${identity}/verify`)).status).toBe(401);
  });
  rule('a token is exchanged for one of a minute, for the same identity, by its bearer alone', async (host) => {
    const { status, text } = await host.http('POST', '/v1/identity/websocket-token', { as: 'ada' });
    expect(status).toBe(200);
    const { token } = JSON.parse(text) as { token: string };
    const { iat, exp, hex_identity: identity } = payloadOf(token) as { iat: number; exp: number; hex_identity: string };
    expect(exp - iat).toBe(60);
    expect(BigInt(`0x${identity}`)).toBe(await host.identityOf('ada'));
    expect((await host.http('POST', '/v1/identity/websocket-token')).status).toBe(401);
  });
  rule('the public key is told as PEM', async (host) => {
    const answer = await host.http('GET', '/v1/identity/public-key');
    expect(answer.text).toMatch(/^-----BEGIN PUBLIC KEY-----\n[\s\S]+-----END PUBLIC KEY-----\n?$/);
    expect(answer.headers.get('content-type')).toMatch(/^application\/pem-certificate-chain/);
  });
  rule('a bad credential is 401 wherever it is shown, a malformed header 400', async (host) => {
    for (const path of ['/v1/ping', '/v1/database/test', '/v1/database/test/schema?version=9']) {
      expect((await host.http('GET', path, { headers: { authorization: 'Bearer nonsense' } })).status, path).toBe(401);
      expect((await host.http('GET', path, { headers: { authorization: 'nonsense' } })).status, path).toBe(400);
    }
    expect((await host.http('GET', '/v1/ping')).status).toBe(200);
  });
  rule('a browser may ask for an exchange from any origin', async (host) => {
    const answer = await host.http('OPTIONS', '/v1/identity/websocket-token', {
      headers: {
        origin: 'https://example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(answer.status).toBeLessThan(300);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('authorization');
  });
});
