import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DatabaseApi } from './database-api.ts';
import { HttpClient } from './http-client.ts';

/** What a server answers to the next requests, and what it was asked. */
let answers: { status: number; text: string; headers?: Record<string, string> }[];
let asked: { method: string; url: string; authorization: string | undefined; body: string }[];
let server: Server;

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

beforeEach(async () => {
  answers = [];
  asked = [];
  server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, authorization: headers.authorization, body });
      const answer = answers.shift() ?? { status: 500, text: 'nothing was expected' };
      response.writeHead(answer.status, answer.headers).end(answer.text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

function makeApi(token?: string, signal: AbortSignal = new AbortController().signal): DatabaseApi {
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`);
  return new DatabaseApi(new HttpClient(url, { token, signal }), 'my notes');
}

test('a plan that breaks clients is read, and named when it is carried out', async () => {
  answers.push(
    {
      status: 200,
      text: JSON.stringify({
        AutoMigrate: {
          migrate_plan: 'x \u001b[31mred\n',
          break_clients: true,
          token: '0xabc',
          major_version_upgrade: false,
        },
      }),
    },
    { status: 200, text: JSON.stringify({ Success: { domain: 'n', database_identity: 'c2', op: 'updated' } }) },
  );
  const api = makeApi('secret');
  expect(await api.preview('bundle')).toEqual({
    type: 'automatic',
    plan: 'x \ufffd[31mred\n',
    breaksClients: true,
    token: '0xabc',
    isMajorUpgrade: false,
  });
  expect(await api.publish('bundle', { planToken: '0xabc', breakClients: true })).toEqual({
    identity: 'c2',
    outcome: 'updated',
  });
  expect(asked).toEqual([
    {
      method: 'POST',
      url: '/base/v1/database/my%20notes/pre_publish?style=NoColor&host_type=Js',
      authorization: 'Bearer secret',
      body: 'bundle',
    },
    {
      method: 'PUT',
      url: '/base/v1/database/my%20notes?host_type=Js&policy=BreakClients&token=0xabc',
      authorization: 'Bearer secret',
      body: 'bundle',
    },
  ]);
});

test('a database that is not there has no plan; a module that does not fit has a reason', async () => {
  answers.push(
    { status: 404, text: 'No such database.' },
    { status: 200, text: JSON.stringify({ ManualMigrate: { reason: 'columns', major_version_upgrade: false } }) },
  );
  const api = makeApi('t');
  expect(await api.preview('')).toBeUndefined();
  expect(await api.preview('')).toEqual({ type: 'manual', reason: 'columns' });
});

test.each([
  [401, 'Invalid token: InvalidSignature', 'server/unauthorized', /does not accept the token/],
  [403, 'c2 is not authorized', 'server/forbidden', /identity that owns 'my notes'/],
  [404, 'No such database.', 'server/no-such-database', /has no database 'my notes' \(No such database\)/],
  [400, 'Database update rejected: one\ntwo', 'server/refused', /rejected: one\ntwo\./],
  [503, '', 'server/failed', /failed with status 503/],
  [200, '<html>', 'server/failed', /no SpacetimeDB server gives: <html>/],
])('an answer of %i is told in plain words', async (status, text, code, message) => {
  answers.push({ status, text });
  const failure = await makeApi('t')
    .publish('bundle', {})
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code, message: expect.stringMatching(message) as string });
});

test('a redirection is not followed: it would lead the token astray', async () => {
  answers.push({ status: 307, text: '', headers: { location: 'http://127.0.0.1:1/' } });
  await expect(makeApi('t').publish('bundle', {})).rejects.toMatchObject({ code: 'server/unreachable' });
  expect(asked).toHaveLength(1);
});

test('a schema is asked for in its newest version, then in the older one', async () => {
  answers.push({ status: 400, text: 'unknown version' }, { status: 200, text: OLDER });
  expect(await makeApi().schema()).toMatchObject({ tables: [], reducers: [] });
  expect(asked.map(({ url, authorization }) => [url, authorization])).toEqual([
    ['/base/v1/database/my%20notes/schema?version=10', undefined],
    ['/base/v1/database/my%20notes/schema?version=9', undefined],
  ]);
});

const OLDER = JSON.stringify({
  typespace: { types: [] },
  tables: [],
  reducers: [],
  types: [],
  misc_exports: [],
  row_level_security: [],
});

test('what is told of a database is read in both ways that servers write it; what is none is refused', async () => {
  const identity = 'ab'.repeat(32);
  const facts = {
    database_identity: { __identity__: `0x${identity}` },
    owner_identity: { __identity__: 'CD'.repeat(32) },
    initial_program: `0x${'01'.repeat(32)}`,
  };
  answers.push({ status: 200, text: JSON.stringify(facts) }, { status: 404, text: 'no' }, { status: 200, text: '{}' });
  const api = makeApi();
  expect(await api.tryReadFacts()).toEqual({ identity, owner: 'cd'.repeat(32), programHash: '01'.repeat(32) });
  expect(await api.tryReadFacts()).toBeUndefined();
  await expect(api.tryReadFacts()).rejects.toMatchObject({ code: 'server/failed' });
});

test('an interruption ends a request with its own reason', async () => {
  const controller = new AbortController();
  const reason = new Error('interrupted');
  const pending = makeApi('t', controller.signal).publish('bundle', {});
  controller.abort(reason);
  await expect(pending).rejects.toBe(reason);
});
