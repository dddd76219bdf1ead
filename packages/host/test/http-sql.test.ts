import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../src/host.ts';
import { openHost } from '../src/open-host.ts';
import { identityToHex } from '../src/identity/identity.ts';
import type { RunningServer } from '../src/server/serve.ts';
import { bundleOf } from './module-database.ts';
import { WireClient } from './session-fixtures/wire-client.ts';
import { subscribe } from './session-fixtures/test-client.ts';

let data: string;
let host: Host;
let server: RunningServer;
let strangerToken: string;
let stranger: bigint;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'inner-universe-sql-'));
  host = await openHost({ data, logger: { log: () => undefined } });
  await host.createDatabase({ name: 'people', module: await bundleOf('people.ts') });
  await host.createDatabase({ name: 'shapes', module: await bundleOf('shapes.ts') });
  server = await host.serve({ host: '127.0.0.1', port: 0 });
  const issued = await host.tokens.issue();
  strangerToken = issued.token;
  stranger = issued.identity;
  await host.sql('people', "INSERT INTO person VALUES (0, 'ada', 'red', 36), (0, 'bob', 'red', 40)");
});

afterAll(async () => {
  await host.close();
  await rm(data, { recursive: true, force: true });
});

interface Request {
  readonly token?: string | undefined;
  readonly query?: string;
  readonly database?: string;
  readonly headers?: Record<string, string>;
}

async function post(
  body: string | Uint8Array,
  { token, query = '', database = 'people', headers }: Request = {},
): Promise<Response> {
  const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return fetch(`${server.address}/v1/database/${database}/sql${query}`, {
    method: 'POST',
    headers: { ...authorization, ...headers },
    body,
  });
}

async function sql(body: string, options: Request = {}): Promise<[number, string]> {
  const response = await post(body, options);
  return [response.status, await response.text()];
}

/** The answer of a statement, without the time it took. */
async function answer(body: string, options: Request = {}): Promise<unknown> {
  const [status, text] = await sql(body, options);
  expect([status, text]).toEqual([200, expect.any(String)]);
  expect(text).toMatch(/"total_duration_micros":\d+/);
  return JSON.parse(text.replaceAll(/"total_duration_micros":\d+,/g, ''));
}

const owner = () => ({ token: host.ownerToken });
const stats = (rows_inserted: number, rows_deleted: number, rows_updated: number) => ({
  rows_inserted,
  rows_deleted,
  rows_updated,
});

describe('an answer', () => {
  test('has the form that SpacetimeDB gives it', async () => {
    expect(await answer("SELECT id, name FROM person WHERE name = 'ada'")).toEqual([
      {
        schema: {
          elements: [
            { name: { some: 'id' }, algebraic_type: { U64: [] } },
            { name: { some: 'name' }, algebraic_type: { String: [] } },
          ],
        },
        rows: [[1, 'ada']],
        stats: stats(0, 0, 0),
      },
    ]);
    expect((await post('SELECT * FROM person')).headers.get('content-type')).toBe('application/json');
  });

  test('of a statement that writes is empty but for its counts', async () => {
    expect(await answer("INSERT INTO note VALUES ('a', 1), ('b', 2)", owner())).toEqual([
      { schema: { elements: [] }, rows: [], stats: stats(2, 0, 0) },
    ]);
    expect(await answer('UPDATE note SET size = 3', owner())).toMatchObject([{ stats: stats(0, 0, 2) }]);
    expect(await answer('DELETE FROM note', owner())).toMatchObject([{ stats: stats(0, 2, 0) }]);
  });

  test('has one element for each statement', async () => {
    const text = "INSERT INTO note VALUES ('x', 1); SELECT COUNT(*) AS n FROM note; DELETE FROM note;";
    expect(await answer(text, owner())).toMatchObject([{ rows: [] }, { rows: [[1]] }, { stats: stats(0, 1, 0) }]);
  });

  test('shows values of every type exactly', async () => {
    const text =
      '{"name":"n\\"","center":[1,2],"outline":{"nothing":[]},"color":{"green":[]},"parts":[],"maybe":{"some":7}}';
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${strangerToken}` };
    const path = `${server.address}/v1/database/shapes/call/draw`;
    expect((await fetch(path, { method: 'POST', headers, body: text })).status).toBe(200);
    const [status, json] = await sql(
      'SELECT name, i64Value, i128Value, u128Value, i256Value, u256Value, f32Value, f64Value, bytes, names, center, outline, color, maybe, owner, took FROM drawing',
      { database: 'shapes' },
    );
    expect(status).toBe(200);
    const expected = [
      '"n\\""',
      '-64',
      String(-(2n ** 100n)),
      String(2n ** 100n),
      `"-0x1${'0'.repeat(50)}"`,
      `"0x1${'0'.repeat(50)}"`,
      '0.5',
      '0.1',
      '"010203"',
      '["n\\"","n\\""]',
      '[1.0,2.0]',
      '[2,[]]',
      '[1,[]]',
      '[0,[1.0,2.0]]',
      `["0x${identityToHex(stranger)}"]`,
      '[0]',
    ];
    expect(json).toContain(`"rows":[[${expected.join(',')}]]`);
  });

  test('of many rows is sent in pieces, and whole', async () => {
    const rows = Array.from({ length: 8_000 }, (_, at) => `('${'é'.repeat(8)}${at}',${at})`);
    for (let at = 0; at < rows.length; at += 1_000) {
      await host.sql('people', `INSERT INTO note VALUES ${rows.slice(at, at + 1_000).join(',')}`);
    }
    await host.sql('people', 'UPDATE note SET size = 5');
    const [, text] = await sql('SELECT * FROM note', owner());
    expect(text.length).toBeGreaterThan(2 * 64 * 1024);
    expect((JSON.parse(text) as { rows: unknown[] }[])[0]?.rows).toHaveLength(8_000);
    await host.sql('people', 'DELETE FROM note');
  });
});

describe('rights', () => {
  test('anybody reads public tables, and is told who they are', async () => {
    const response = await post('SELECT * FROM person');
    expect(response.status).toBe(200);
    expect(response.headers.get('spacetime-identity')).toMatch(/^[0-9a-f]{64}$/);
    expect(response.headers.get('spacetime-identity-token')).toBeTruthy();
  });

  test('private tables are there for the owner alone', async () => {
    expect(await sql('SELECT * FROM note', { token: strangerToken })).toEqual([
      400,
      'no such table: `note`. If the table exists, it may be marked private.',
    ]);
    expect(await answer('SELECT * FROM note', owner())).toMatchObject([{ rows: [] }]);
  });

  test.each([
    'DELETE FROM person',
    "UPDATE person SET name = 'x'",
    "INSERT INTO person VALUES (0, 'evil', 'x', 1)",
    'SET row_limit = 0',
    'SELECT * FROM person; DELETE FROM person',
  ])('%s is refused from a foreign page: 401 without a token, 403 with one that anybody gets', async (text) => {
    const headers = { origin: 'https://evil.example', 'content-type': 'text/plain' };
    expect((await sql(text, { headers }))[0]).toBe(401);
    expect(await sql(text, { headers, token: strangerToken })).toEqual([
      403,
      `Caller ${identityToHex(stranger)} is not authorized to run SQL DML statements`,
    ]);
    expect((await sql(text, { headers, query: `?token=${encodeURIComponent(strangerToken)}` }))[0]).toBe(403);
    expect((await host.sql('people', 'SELECT COUNT(*) AS n FROM person'))[0]?.rows).toEqual([{ n: 2n }]);
  });

  test('a bad token is refused, also where none is needed', async () => {
    expect((await sql('SELECT * FROM person', { token: 'nonsense' }))[0]).toBe(401);
  });

  test('the module refuses whom it does not let in', async () => {
    const { token } = await host.tokens.issue('banned');
    expect(await sql('SELECT * FROM person', { token })).toEqual([403, 'banned']);
  });
});

describe('what is wrong is a bad request', () => {
  test.each([
    ['', 'Empty SQL query'],
    ['nonsense', 'Expected an SQL statement'],
    ["SELECT * FROM person WHERE name = ''; DROP TABLE person; --'", 'Unsupported: DROP'],
    ['SELECT * FROM person ORDER BY id', 'Unsupported: ORDER'],
    ["INSERT INTO person VALUES (0, 'ada', 'x', 1)", 'unique index'],
    ['\u0000', 'Expected an SQL statement'],
    ['('.repeat(40_000), 'Expected an SQL statement'],
    [`SELECT * FROM person WHERE id = ${'9'.repeat(40_000)}`, 'cannot be parsed as type `U64`'],
    [`SELECT * FROM person WHERE ${'('.repeat(20_000)}id = 1`, ''],
    ['x'.repeat(60_000), 'SQL query exceeds maximum allowed length'],
  ])('%.50s', async (text, message) => {
    const [status, reason] = await sql(text, owner());
    expect([status, reason]).toEqual([400, expect.stringContaining(message)]);
    expect(reason.length).toBeLessThan(1_000);
  });

  test('and so is text that is no UTF-8, and an unknown way to confirm', async () => {
    expect((await post(Uint8Array.of(0xff, 0xfe), owner())).status).toBe(400);
    expect((await sql('SELECT * FROM person', { query: '?confirmed=perhaps' }))[0]).toBe(400);
  });

  test('a text of 10 MB is not read, and nobody else is harmed', async () => {
    const response = await post('-- '.padEnd(10_000_000, 'x'), owner()).catch((error: unknown) => error);
    // The host closes while the client still sends: either the answer arrives, or the connection ends.
    if (response instanceof Response) expect(response.status).toBe(413);
    expect((await sql('SELECT * FROM person'))[0]).toBe(200);
  });

  test('a database that is not there is not found', async () => {
    expect(await sql('SELECT * FROM person', { database: 'nowhere' })).toEqual([404, '`nowhere` not found']);
  });
});

describe('what it changes', () => {
  test('is durable when the answer comes, unless asked otherwise', async () => {
    const { database } = host.database('people');
    const offsets: bigint[] = [];
    const stop = host.database('people').local.onCommit(({ kind, offset }) => {
      if (kind === 'sql' && offset !== undefined) offsets.push(offset);
    });
    await answer("INSERT INTO note VALUES ('durable', 1)", { ...owner(), query: '?confirmed=true' });
    await answer("INSERT INTO note VALUES ('durable', 2)", owner());
    expect(host.database('people').local.durableOffset).toBeGreaterThan(offsets[1]!);
    await answer("INSERT INTO note VALUES ('perhaps', 3)", { ...owner(), query: '?confirmed=false' });
    await database.whenDurable(offsets[2]!);
    stop();
    expect(offsets).toHaveLength(3);
  });

  test('reaches who has subscribed', async () => {
    const client = await WireClient.open(server.address, { database: 'people' });
    await client.ask(subscribe(1, 1, 'SELECT * FROM result'));
    await answer("INSERT INTO result VALUES ('told', 'yes')", owner());
    // A row that begins with the length of its key, which nothing else here writes.
    await client.until(() => inspect(client.messages, { depth: 10 }).includes('04000000746f6c64'));
    client.vanish();
  });
});

test('a database in a thread of its own answers the same', async () => {
  const threaded = await openHost({ memory: true, isolation: 'thread', logger: { log: () => undefined } });
  try {
    await threaded.createDatabase({ name: 'people', module: await bundleOf('people.ts') });
    const { address } = await threaded.serve({ host: '127.0.0.1', port: 0 });
    const ask = (path: string, body: string, headers: Record<string, string> = {}) =>
      fetch(`${address}/v1/database/people/${path}`, { method: 'POST', body, headers });
    const called = await ask('call/add_person', '["ada","red",36]', { 'content-type': 'application/json' });
    expect(called.status).toBe(200);
    expect(await (await ask('sql', 'SELECT * FROM person')).text()).toContain('"rows":[[1,"ada","red",36]]');
    expect((await ask('sql', 'DELETE FROM person')).status).toBe(401);
    expect((await ask('sql', 'nonsense')).status).toBe(400);
    expect((await fetch(`${address}/v1/database/people/schema?version=10`)).status).toBe(200);
    expect(await threaded.sql('people', 'DELETE FROM person; SELECT * FROM person')).toMatchObject([
      { deleted: 1 },
      { rows: [] },
    ]);
  } finally {
    await threaded.close();
  }
});
