import { describe, expect, test } from 'vitest';
import { createMemoryStorage, makeMemoryContents } from '../../host/src/storage/memory-storage.ts';
import { CODE_VERSION } from '../src/wire/index.ts';
import { ADA, hex, openUniverse, ops, OWNER, type Plain } from './universe.ts';

const HOUR = 3_600_000_000n;

test('the publisher becomes the owner, and the log begins with that', async () => {
  const universe = await openUniverse();
  expect(universe.rows('event_log')).toMatchObject([
    {
      seq: 1n,
      eventType: 'SYSTEM_INITIALIZED',
      kind: 'system',
      publisher: OWNER.identity,
      data: JSON.stringify({ ids: [hex(OWNER.identity)] }),
    },
  ]);
  expect(universe.read('read_scopes')).toMatchObject({
    owner: OWNER.identity,
    seq: 1n,
    scopes: [{ name: 'main', seq: 1n }],
  });
  expect(universe.read('read_status')).toMatchObject({
    events: 0n,
    changes: 1n,
    entities: 0n,
    relations: 0n,
    versions: 0n,
    seq: 1n,
    codeVersion: CODE_VERSION,
    dataVersion: CODE_VERSION,
  });
});

describe('connections', () => {
  test('are rows while they last, and broadcast', async () => {
    const universe = await openUniverse();
    expect(universe.connect(OWNER).type).toBe('accepted');
    expect(universe.rows('client_connection')).toEqual([
      { connectionId: OWNER.connectionId, identity: OWNER.identity, connectedAt: universe.time.nowMicros() },
    ]);
    expect(universe.read('read_connections').connections).toHaveLength(1);
    universe.database.disconnect(OWNER);
    expect(universe.rows('client_connection')).toEqual([]);
    expect(universe.inserted('event_feed').map((row) => [row.eventType, row.seq, row.durability])).toEqual([
      ['CLIENT_CONNECTED', 0n, 'ephemeral'],
      ['CLIENT_DISCONNECTED', 0n, 'ephemeral'],
    ]);
    expect(universe.inserted('event_feed').map((row) => row.scope)).toEqual(['$system', '$system']);
    expect(universe.rows('event_log')).toHaveLength(1);
  });

  test('are logged when the setting says so', async () => {
    const universe = await openUniverse();
    universe.apply([ops.setting('audit_connections', true)]);
    universe.connect(OWNER);
    universe.database.disconnect(OWNER);
    expect(
      universe
        .rows('event_log')
        .map((row) => row.eventType)
        .slice(-2),
    ).toEqual(['CLIENT_CONNECTED', 'CLIENT_DISCONNECTED']);
    expect(universe.inserted('event_feed').filter((row) => row.eventType === 'CLIENT_CONNECTED')).toHaveLength(1);
  });
});

test('everything is there after the host was opened anew', async () => {
  const contents = makeMemoryContents();
  const first = await openUniverse({ storage: createMemoryStorage({ contents }) });
  first.apply([ops.event('e'), ops.entity('a', { tags: ['t'] }), ops.version('v', [], { move: { branch: 'main' } })]);
  const before = first.dump();
  await first.database.close();
  const second = await openUniverse({ storage: createMemoryStorage({ contents }) });
  expect(second.dump()).toBe(before);
  expect(second.request('later', [ops.event('f')])).toBeUndefined();
  expect(second.read('read_events', { ids: ['f'] }).events).toMatchObject([{ seq: 7n }]);
});

describe('maintenance', () => {
  test('forgets requests after seven days and an hour, in steps', async () => {
    const universe = await openUniverse();
    for (let index = 0; index < 30; index += 1) {
      universe.time.advance(HOUR);
      universe.apply([]);
    }
    universe.time.advance(7n * 24n * HOUR - 9n * HOUR);
    expect(universe.rows('request')).toHaveLength(11);
    universe.time.advance(11n * HOUR);
    expect(universe.rows('request')).toEqual([]);
  });

  test('drops chunks that nothing refers to after a day, and keeps the others', async () => {
    const universe = await openUniverse();
    const chunk = (digest: string) =>
      ({
        tag: 'uploadChunk',
        value: { scope: '', digest, position: 0, count: 1, bytes: new Uint8Array([1]) },
      }) as const;
    universe.apply([chunk('kept'), chunk('lost')]);
    universe.apply([ops.event('e', 'x', { data: '{"bytes":1,"count":1,"digest":"kept"}', dataEncoding: 'chunks/1' })]);
    universe.time.advance(23n * HOUR);
    expect(universe.rows('chunk')).toHaveLength(2);
    universe.time.advance(2n * HOUR);
    expect(universe.rows('chunk').map((row) => row.digest)).toEqual(['kept']);
    expect(universe.rows('chunk_value').map((row) => row.digest)).toEqual(['kept']);
  });

  test('keeps chunks another day that are uploaded again', async () => {
    const universe = await openUniverse();
    universe.apply([ops.chunk('d', 1)]);
    universe.time.advance(20n * HOUR);
    universe.apply([ops.chunk('d', 1)]);
    universe.time.advance(20n * HOUR);
    expect(universe.rows('chunk')).toHaveLength(1);
    universe.time.advance(5n * HOUR);
    expect(universe.rows('chunk')).toEqual([]);
  });

  test('is for the owner and the timer alone', async () => {
    const universe = await openUniverse();
    universe.apply([ops.grant(ADA.identity, 'write', 'scope:*')]);
    const timer = { scheduledId: 1n, scheduledAt: { tag: 'Time', value: 1n } };
    expect(universe.call(OWNER, 'run_maintenance', { timer })).toBeUndefined();
    expect(() => universe.call(ADA, 'run_maintenance', { timer })).toThrow(/no such reducer/);
  });
});

describe('chunks', () => {
  const piece = (position: number, bytes: number, more: object = {}) =>
    ({
      tag: 'uploadChunk',
      value: { scope: '', digest: 'd', position, count: 3, bytes: new Uint8Array(bytes).fill(position + 1), ...more },
    }) as const;

  test('put a large value together, which can be referred to once it is whole', async () => {
    const universe = await openUniverse();
    const size = 262_144;
    const reference = {
      data: JSON.stringify({ bytes: 2 * size + 5, count: 3, digest: 'd' }),
      dataEncoding: 'chunks/1',
    };
    universe.apply([piece(2, 5), piece(0, size)]);
    expect(universe.apply([ops.event('e', 'x', reference)])).toMatchObject({
      code: 'chunk/missing',
      details: { received: 2, count: 3 },
    });
    universe.apply([piece(1, size)]);
    expect(universe.apply([piece(1, size)])).toBeUndefined();
    expect(universe.apply([ops.event('e', 'x', reference)])).toBeUndefined();
    expect(universe.apply([ops.event('f', 'x', { ...reference, scope: 'lab' })])).toMatchObject({
      code: 'chunk/missing',
    });
    expect(universe.rows('chunk_value')).toMatchObject([
      { received: 3, references: 1n, byteLength: BigInt(2 * size + 5) },
    ]);
    const { count, pieces } = universe.read('read_chunk', { digest: 'd' });
    expect(count).toBe(3);
    expect(pieces.map((bytes: Uint8Array) => [bytes.byteLength, bytes[0]])).toEqual([
      [size, 1],
      [size, 2],
      [5, 3],
    ]);
    expect(universe.read('read_chunk', { digest: 'd', position: 2 }).pieces).toHaveLength(1);
    expect(universe.refusedRead('read_chunk', { digest: 'd', position: 3 })).toMatchObject({ code: 'chunk/missing' });
    expect(universe.refusedRead('read_chunk', { digest: 'other' })).toMatchObject({ code: 'chunk/missing' });
  });

  test('that do not fit are refused', async () => {
    const universe = await openUniverse();
    universe.apply([piece(0, 10)]);
    expect(universe.apply([piece(0, 11)])).toMatchObject({ code: 'chunk/mismatch', details: { position: 0 } });
    expect(universe.apply([piece(0, 10, { bytes: new Uint8Array(10) })])).toMatchObject({ code: 'chunk/mismatch' });
    expect(universe.apply([piece(1, 10, { count: 4 })])).toMatchObject({ code: 'chunk/mismatch' });
    for (const [bytes, count] of [
      [10, 1],
      [10, 3],
      [10, 2],
    ])
      expect(
        universe.apply([
          ops.event('e', 'x', { data: JSON.stringify({ bytes, count, digest: 'd' }), dataEncoding: 'chunks/1' }),
        ]),
      ).toMatchObject({ code: 'chunk/missing', details: { received: 1, count } });
    universe.apply([piece(1, 10), piece(2, 10)]);
    const wrong = { data: '{"bytes":31,"count":3,"digest":"d"}', dataEncoding: 'chunks/1' };
    expect(universe.apply([ops.event('e', 'x', wrong)])).toMatchObject({ code: 'chunk/missing' });
    expect(universe.apply([piece(3, 10)])).toMatchObject({ code: 'value/malformed' });
    expect(universe.apply([piece(1, 262_145)])).toMatchObject({ code: 'value/too-large' });
    expect(universe.apply([piece(0, 1, { digest: 'e', count: 257 })])).toMatchObject({ code: 'value/malformed' });
  });

  test('are read in pages of 1 MiB', async () => {
    const universe = await openUniverse();
    for (let position = 0; position < 6; position += 1) universe.apply([piece(position, 200_000, { count: 6 })]);
    expect(universe.read('read_chunk', { digest: 'd' }).pieces).toHaveLength(5);
    expect(universe.read('read_chunk', { digest: 'd', position: 5 }).pieces).toHaveLength(1);
  });

  test('of a store’s states are read by whom the scope lets', async () => {
    const universe = await openUniverse();
    universe.apply([piece(0, 1, { count: 1 })]);
    const snapshot = { state: '{"bytes":1,"count":1,"digest":"d"}', stateEncoding: 'chunks/1' };
    expect(universe.apply([ops.version('v', [], { snapshot })])).toBeUndefined();
    expect(universe.rows('state_snapshot')).toMatchObject([{ byteLength: 1n }]);
    universe.apply([ops.grant(ADA.identity, 'read', 'store:cart')]);
    expect(universe.refusedRead('read_chunk', { digest: 'd' }, ADA)).toMatchObject({ code: 'permission/denied' });
    universe.apply([ops.grant(ADA.identity, 'read', 'scope:main')]);
    expect(universe.read('read_chunk', { digest: 'd' }, ADA).pieces).toHaveLength(1);
  });
});

test('a refusal fits into 4 KiB whatever it has to name', async () => {
  const universe = await openUniverse();
  const long = (index: number): string => `${index}`.padEnd(128, 'é'.repeat(64)).slice(0, 64);
  universe.apply([ops.entity('hub'), ops.entity('leaf')]);
  universe.apply(Array.from({ length: 60 }, (_, index) => ops.relation(long(index), 'hub', 'leaf')));
  const refusal = universe.apply([ops.dropEntity('hub')])!;
  expect(refusal).toMatchObject({ code: 'entity/has-relations', details: { relations: 60 } });
  const type = 'x'.repeat(200_000);
  const other = universe.apply([ops.event('e', type)])!;
  expect(other.code).toBe('value/malformed');
  const wide = universe.apply([ops.dropEntity('€'.repeat(1_000))])!;
  expect(wide).toMatchObject({ code: 'entity/not-found', ids: [`${'€'.repeat(128)}…`] });
  const pairs = universe.apply([ops.dropEntity(`x${'😀'.repeat(3_000)}`)])!;
  expect(pairs.message).toMatch(/😀…$/u);
  expect(/\p{Surrogate}/u.test(pairs.message + pairs.ids.join(''))).toBe(false);
  const quotes = (index: number): string => `${'"'.repeat(126)}${index + 10}`;
  universe.apply(Array.from({ length: 20 }, (_, index) => ops.relation(quotes(index), 'leaf', 'leaf')));
  const many = universe.apply([ops.dropEntity('leaf')])!;
  expect(many.ids.length).toBeLessThan(17);
  expect(many.details['idsOmitted']).toBe(17 - many.ids.length);
  universe.apply([ops.grant(ADA.identity, 'read', 'scope:main')]);
  const setting = universe.apply([ops.setting('k'.repeat(10_000), 1)], ADA)!;
  expect(setting).toMatchObject({ code: 'permission/denied', op: 0, details: {} });
  for (const each of [refusal, other, wide, pairs, many, setting])
    expect(new TextEncoder().encode(JSON.stringify(each)).byteLength).toBeLessThanOrEqual(4_096);
});

test('status counts what there is', async () => {
  const universe = await openUniverse();
  universe.apply([
    ops.event('e'),
    ops.event('f', 'x', { durability: 'ephemeral' }),
    ops.entity('a'),
    ops.entity('b'),
    ops.relation('r', 'a', 'b'),
    ops.version('v'),
  ]);
  const status = universe.read('read_status');
  expect(status).toMatchObject({
    events: 1n,
    changes: 5n,
    entities: 2n,
    relations: 1n,
    versions: 1n,
    seq: 6n,
    release: '0.1.0',
  });
  const rows = Object.fromEntries(status.tables.map((table: Plain) => [table.name, table.rows]));
  for (const { name } of universe.database.def.tables)
    expect(rows[name], name).toBe(BigInt(universe.rows(name).length));
});
