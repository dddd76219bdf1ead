import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HttpClient } from './http-client.ts';
import { issueIdentity } from './identity-api.ts';

const IDENTITY = 'C2'.repeat(32);
let answer: { status: number; text: string };
let asked: string[];
let server: Server;

beforeEach(async () => {
  asked = [];
  server = createServer(({ method, url }, response) => {
    asked.push(`${method} ${url}`);
    response.writeHead(answer.status).end(answer.text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

function makeHttp(): HttpClient {
  const { port } = server.address() as AddressInfo;
  return new HttpClient(new URL(`http://127.0.0.1:${port}/base/`), { token: undefined });
}

test('an identity is asked for below the base address, and written as grants name it', async () => {
  answer = { status: 200, text: JSON.stringify({ identity: `0x${IDENTITY}`, token: 'eyJ.a.b' }) };
  expect(await issueIdentity(makeHttp())).toEqual({ identity: IDENTITY.toLowerCase(), token: 'eyJ.a.b' });
  expect(asked).toEqual(['POST /base/v1/identity']);
});

test.each([
  [403, 'not here', 'server/refused', false],
  [503, '', 'server/failed', true],
])('a server that answers %i gives none', async (status, text, code, retryable) => {
  answer = { status, text };
  await expect(issueIdentity(makeHttp())).rejects.toMatchObject({ code, retryable, details: { status } });
});

test.each([
  ['no JSON', '<html>'],
  ['no object', 'null'],
  ['no identity', JSON.stringify({ token: 'eyJ.secret.b' })],
  ['a short identity', JSON.stringify({ identity: 'c2', token: 'eyJ.secret.b' })],
  ['a token of two lines', JSON.stringify({ identity: IDENTITY, token: 'eyJ.secret\nx' })],
])('an answer with %s is refused, and not shown', async (_what, text) => {
  answer = { status: 200, text };
  const error = await issueIdentity(makeHttp()).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'server/failed' });
  expect(String(error)).not.toContain('secret');
});
