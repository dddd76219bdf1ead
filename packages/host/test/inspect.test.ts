import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Host } from '../src/host.ts';
import { openHost } from '../src/open-host.ts';
import { identityToHex } from '../src/identity/identity.ts';
import type { DatabaseInspection } from '../src/inspection/inspection.ts';
import { createTestHost } from '../src/testing/test-host.ts';
import { DbConnection } from './fixtures/view-game-bindings.ts';
import { bundleOf } from './module-database.ts';
import { connectPeople, followPeople } from './session-fixtures/people-client.ts';

const hosts: Host[] = [];
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.close()));
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

async function openPeople(isolation: 'none' | 'thread'): Promise<Host> {
  const data = await mkdtemp(join(tmpdir(), 'inner-universe-inspect-'));
  const host = await openHost({ data, isolation, logger: { log: () => undefined } });
  folders.push(data);
  hosts.push(host);
  await host.createDatabase({ name: 'test', module: await bundleOf('people.ts') });
  return host;
}

async function insideOf(host: Host): Promise<DatabaseInspection> {
  const { databases } = await host.inspect();
  const inside = databases[0]?.inside;
  if (inside === undefined) throw new Error(`nothing is known of it: ${databases[0]?.unknownBecause}`);
  return inside;
}

test.each(['none', 'thread'] as const)(
  'with isolation %s, a picture tells of tables, clients, queries and schedules',
  async (isolation) => {
    const host = await openPeople(isolation);
    const { connection, identity } = await connectPeople(host);
    const query = 'SELECT * FROM person WHERE age > 30';
    await followPeople(connection, query);
    await connection.reducers.addPerson({ name: 'zoe-the-secret', team: 'red', age: 36 });
    await host.sql('test', 'SELECT * FROM person');
    const inside = await insideOf(host);
    expect(inside.tables.find(({ name }) => name === 'person')).toMatchObject({
      access: 'public',
      isEvent: false,
      columns: [
        { name: 'id', type: 'u64' },
        { name: 'name', type: 'string' },
        { name: 'team', type: 'string' },
        { name: 'age', type: 'u32' },
      ],
      rows: 1,
      bytes: 37,
    });
    expect(inside.tables.find(({ name }) => name === 'person')?.indexes).toContainEqual({
      name: expect.any(String),
      algorithm: 'btree',
      isUnique: false,
      columns: ['team', 'age'],
    });
    expect(inside.clients).toEqual({
      total: 1,
      items: [
        {
          identity: identity.toHexString().replace(/^0x/, ''),
          connectionId: expect.stringMatching(/^[0-9a-f]{32}$/),
          protocol: 'v3',
          confirmedReads: true,
          inboundPayloads: 0,
          inboundBytes: 0,
          outboundMessages: 0,
          outboundBytes: expect.any(Number),
          querySets: { total: 1, items: [{ id: expect.any(Number), queries: { total: 1, items: [query] } }] },
        },
      ],
    });
    expect(inside.liveQueries).toEqual({
      total: 1,
      items: [
        {
          sql: query,
          subscribers: 1,
          plan: [
            'seek person by btree(age) > 30 where person.age > 30',
            'return rows of person',
            'on change: test the changed rows',
          ],
        },
      ],
    });
    expect(inside.reducers).toContain('add_person');
    expect(inside.procedures).toContain('count_people');
    expect(inside.storage).toMatchObject({ nextOffset: expect.stringMatching(/^\d+$/), isReadOnly: false });
    expect(inside.slowCallMs).toBe(1_000);
  },
);

test('it is plain data, and holds no row, token or key', async () => {
  const host = await openPeople('none');
  const { connection, token } = await connectPeople(host);
  await followPeople(connection, 'SELECT * FROM person');
  await connection.reducers.addPerson({ name: 'zoe-the-secret', team: 'red', age: 36 });
  const picture = await host.inspect();
  const text = JSON.stringify(picture);
  // What JSON has no word for is left out there, and nothing else.
  expect(JSON.parse(text)).toEqual(withoutUndefined(picture));
  for (const secret of ['zoe-the-secret', token, host.ownerToken, 'PRIVATE KEY']) expect(text).not.toContain(secret);
  expect(picture).toMatchObject({
    owner: identityToHex(host.owner),
    isolation: 'none',
    server: undefined,
    process: { node: process.version },
    databases: [{ name: 'test', names: ['test'], isLocked: false, isolation: 'none', unknownBecause: undefined }],
  });
});

test('schedules are told with their function and when they are due', async () => {
  const test = await createTestHost({ module: await bundleOf('people.ts') });
  try {
    const dueAt = test.time.nowMicros() + 5_000_000n;
    await test.sql(`INSERT INTO note VALUES ('x', 1)`);
    const { database } = test.hosted;
    const args = new Uint8Array(4 + 1 + 8 + 1);
    const view = new DataView(args.buffer);
    view.setUint32(0, 1, true);
    args[4] = 0x61;
    view.setBigInt64(5, 5_000_000n, true);
    database.callReducer({ identity: 1n, connectionId: 0n }, 'schedule', args);
    const { schedules } = await test.hosted.inspect();
    expect(schedules).toEqual({
      total: 1,
      items: [{ table: 'tick', function: 'on_tick', scheduleId: '1', dueAtMicros: dueAt.toString() }],
    });
  } finally {
    await test.close();
  }
});

test('views are told with what they read', async () => {
  const test = await createTestHost({ module: await bundleOf('view-game.ts') });
  try {
    const ada = await test.connect(DbConnection, 'ada');
    await new Promise<void>((resolve) => {
      ada
        .subscriptionBuilder()
        .onApplied(() => resolve())
        .subscribe(['SELECT * FROM top_players', 'SELECT * FROM my_player', 'SELECT * FROM strong_items']);
    });
    const { views } = await test.hosted.inspect();
    const used = views.items
      .filter(({ users }) => users > 0)
      .map(({ name, sender, reads, sql }) => ({ name, sender, reads, sql }));
    expect(used.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      {
        name: 'my_player',
        sender: identityToHex(test.identityOf('ada')),
        reads: { tables: [], keys: 1 },
        sql: undefined,
      },
      {
        name: 'strong_items',
        sender: undefined,
        reads: { tables: ['item'], keys: 0 },
        sql: expect.stringContaining('item'),
      },
      { name: 'top_players', sender: undefined, reads: { tables: ['player'], keys: 0 }, sql: undefined },
    ]);
    const families = await test.hosted.metrics();
    const calls = families.find(({ name }) => name === 'inner_universe_host_calls_total');
    expect(calls?.samples).toContainEqual({
      labels: { db: identityToHex(test.hosted.identity), kind: 'view', function: 'top_players', outcome: 'ok' },
      value: 1,
    });
  } finally {
    await test.close();
  }
});

test('a database in a thread that is stopped is reported as such', async () => {
  const host = await openPeople('thread');
  const up = async () => {
    const families = await host.metrics();
    return families
      .find(({ name }) => name === 'inner_universe_host_database_up')
      ?.samples.map((sample) => 'value' in sample && sample.value);
  };
  expect(await up()).toEqual([1]);
  const families = await host.metrics();
  const heaps = families.find(({ name }) => name === 'inner_universe_host_heap_used_bytes');
  expect(heaps?.samples.map(({ labels }) => labels['isolate'])).toEqual([
    identityToHex(host.database('test').identity),
    'host',
  ]);
  await host.database('test').close();
  expect(await up()).toEqual([0]);
  const { databases } = await host.inspect();
  expect(databases[0]).toMatchObject({ inside: undefined, unknownBecause: expect.stringContaining('closed') });
});

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(entries.map(([name, part]) => [name, withoutUndefined(part)]));
}
