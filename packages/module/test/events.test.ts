import { describe, expect, test } from 'vitest';
import type { Op } from '../src/wire/index.ts';
import { ADA, openUniverse, ops, type Universe } from './universe.ts';

describe('publishing', () => {
  test('writes the log and the feed in one transaction', async () => {
    const universe = await openUniverse();
    const authoredAt = { __timestamp_micros_since_unix_epoch__: 5n };
    universe.request('r1', [
      ops.event('one', 'order.placed', { source: 'shop', metadata: '{"trace":"t"}', authoredAt }),
    ]);
    const event = {
      eventId: 'one',
      eventType: 'order.placed',
      typeVersion: 1,
      kind: 'application',
      scope: 'main',
      source: 'shop',
      partitionKey: 'shop',
      publisher: 0x0an,
      authoredAt: 5n,
      recordedAt: universe.time.nowMicros(),
      data: '{"id":1}',
      dataEncoding: 'json/1',
      metadata: '{"trace":"t"}',
      metadataEncoding: 'json/1',
      seq: 2n,
    };
    expect(universe.rows('event_log')[1]).toEqual(event);
    expect(universe.inserted('event_feed')).toEqual([{ ...event, durability: 'durable', requestId: 'r1' }]);
    expect(universe.commits).toHaveLength(1);
    expect(universe.rows('event_feed')).toEqual([]);
  });

  test('of an id that exists is refused, also within one request', async () => {
    const universe = await openUniverse();
    universe.apply([ops.event('one')]);
    expect(universe.apply([ops.event('one')])).toMatchObject({ code: 'event/id-taken', ids: ['one'] });
    expect(universe.apply([ops.event('two'), ops.event('two')])).toMatchObject({ code: 'event/id-taken', op: 1 });
    const ephemeral = { durability: 'ephemeral' };
    expect(universe.apply([ops.event('one', 'order.placed', ephemeral)])).toMatchObject({
      code: 'event/id-taken',
      op: 0,
    });
  });

  test('of an id that exists is named by its own op, whatever else is in the request, of which nothing stays', async () => {
    const universe = await openUniverse();
    universe.apply([ops.event('one')]);
    const logged = universe.rows('event_log').length;
    const request = [ops.entity('ada'), ops.event('two'), ops.entity('bob'), ops.event('one'), ops.event('three')];
    expect(universe.apply(request)).toMatchObject({ code: 'event/id-taken', ids: ['one'], op: 3 });
    expect(universe.rows('event_log')).toHaveLength(logged);
    expect(universe.rows('entity')).toEqual([]);
  });

  test.each([
    ['an empty id', { eventId: '' }],
    ['an id of the module', { eventId: 'system:9' }],
    ['an id with a control character', { eventId: 'a\u0000b' }],
    ['an empty type', { eventType: '' }],
    ['a type with a wildcard', { eventType: 'order.*' }],
    ['data that are no JSON', { data: '{' }],
    ['long data that are no JSON', { data: 'x'.repeat(70_000) }],
    ['metadata that are no object', { metadata: '[]' }],
    ['an unknown encoding', { dataEncoding: 'json/2' }],
    ['empty sealed data', { data: '', dataEncoding: 'sealed/1' }],
    ['an unknown durability', { durability: 'maybe' }],
    ['an id with a delete character', { eventId: 'a\u007f' }],
    ['an id with a next-line character', { eventId: 'a\u0085' }],
    ['a chunk reference to nothing', { data: '{"bytes":0,"count":1,"digest":"d"}', dataEncoding: 'chunks/1' }],
    [
      'a chunk reference to too many pieces',
      { data: '{"bytes":1,"count":257,"digest":"d"}', dataEncoding: 'chunks/1' },
    ],
    ['a chunk reference without digest', { data: '{"count":1,"bytes":1}', dataEncoding: 'chunks/1' }],
  ])('%s is refused', async (_, more) => {
    const universe = await openUniverse();
    const before = universe.dump();
    expect(universe.apply([ops.event('one', 'order.placed', more)])).toMatchObject({ code: 'value/malformed', op: 0 });
    expect(universe.dump()).toBe(before);
  });

  test.each([
    ['an id', { eventId: 'x'.repeat(129) }],
    ['an id of few but wide characters', { eventId: '€'.repeat(43) }],
    ['an id of surrogate pairs', { eventId: '😀'.repeat(33) }],
    ['data of wide characters', { data: `"${'€'.repeat(87_382)}"` }],
    ['data', { data: `"${'x'.repeat(262_144)}"` }],
    ['a source', { source: 'x'.repeat(1_025) }],
  ])('%s that is too large is refused with its size', async (_, more) => {
    const universe = await openUniverse();
    expect(universe.apply([ops.event('one', 'order.placed', more)])).toMatchObject({
      code: 'value/too-large',
      details: { bytes: expect.any(Number), limit: expect.any(Number) },
    });
  });

  test('ids of exactly 128 bytes are taken, whatever their characters', async () => {
    const universe = await openUniverse();
    const ids = ['x'.repeat(128), 'é'.repeat(64), `${'€'.repeat(42)}xx`, '😀'.repeat(32)];
    expect(universe.apply(ids.map((id) => ops.event(id)))).toBeUndefined();
    expect(universe.read('read_events', { ids }).events).toHaveLength(4);
  });

  test('metadata may lie in chunks, once they are there', async () => {
    const universe = await openUniverse();
    const more = { metadata: '{"bytes":2,"count":1,"digest":"d"}', metadataEncoding: 'chunks/1' };
    expect(universe.apply([ops.event('e', 'x', more)])).toMatchObject({ code: 'chunk/missing', ids: ['d'] });
    expect(universe.apply([ops.chunk('d', 2), ops.event('e', 'x', more)])).toBeUndefined();
  });

  test('sealed data pass unread', async () => {
    const universe = await openUniverse();
    expect(universe.apply([ops.event('one', 'secret', { data: 'AAAA', dataEncoding: 'sealed/1' })])).toBeUndefined();
  });
});

describe('ephemeral events', () => {
  const ephemeral = { durability: 'ephemeral' };

  test('are broadcast and kept in the ring of their scope, but not logged', async () => {
    const universe = await openUniverse();
    universe.apply([ops.event('one', 'cursor.moved', ephemeral), ops.event('two', 'cursor.moved', ephemeral)]);
    expect(universe.rows('event_log')).toHaveLength(1);
    expect(universe.inserted('event_feed')).toMatchObject([
      { eventId: 'one', seq: 0n, durability: 'ephemeral' },
      { eventId: 'two', seq: 0n, durability: 'ephemeral' },
    ]);
    expect(universe.read('read_scopes').scopes).toMatchObject([{ name: 'main', seq: 1n, recentNumber: 2n }]);
    const page = universe.read('read_events', { scope: 'main', afterSeq: 1n, recentAfter: 1n });
    expect(page).toMatchObject({
      events: [],
      recent: [{ eventId: 'two', recentNumber: 2n }],
      recentNumber: 2n,
      more: false,
    });
  });

  test('leave the ring after 1,024 younger ones', async () => {
    const universe = await openUniverse();
    for (let batch = 0; batch < 3; batch += 1) {
      universe.apply(
        Array.from({ length: 500 }, (_, index) => ops.event(`e${batch * 500 + index}`, 'tick', ephemeral)),
      );
    }
    expect(universe.rows('recent_event')).toHaveLength(1_024);
    const first = universe.read('read_events', { scope: 'main', afterSeq: 1n, recentAfter: 0n });
    expect(first.recent[0]).toMatchObject({ eventId: 'e476', recentNumber: 477n });
    expect(first).toMatchObject({ more: true });
    const second = universe.read('read_events', { scope: 'main', afterSeq: 1n, recentAfter: first.recentNumber });
    expect([...first.recent, ...second.recent].map((row: { recentNumber: bigint }) => row.recentNumber)).toEqual(
      Array.from({ length: 1_024 }, (_, index) => BigInt(477 + index)),
    );
    expect(second).toMatchObject({ more: false, recentNumber: 1_500n });
  });

  test('are filtered as the log is, and their number outlives durable ones', async () => {
    const universe = await openUniverse();
    universe.apply([
      ops.event('one', 'cursor.moved', { ...ephemeral, source: 'left' }),
      ops.event('two', 'key.pressed', { ...ephemeral, source: 'right' }),
    ]);
    const read = (filter: object): string[] =>
      universe
        .read('read_events', { scope: 'main', recentAfter: 0n, ...filter })
        .recent.map((row: { eventId: string }) => row.eventId);
    expect(read({})).toEqual(['one', 'two']);
    expect(read({ source: 'left' })).toEqual(['one']);
    expect(read({ pattern: 'key.*' })).toEqual(['two']);
    expect(read({ kind: 'application' })).toEqual(['one', 'two']);
    expect(read({ kind: 'system' })).toEqual([]);
    expect(read({ recentAfter: 2n })).toEqual([]);
    universe.apply([ops.event('durable')]);
    universe.apply([ops.event('three', 'x', ephemeral)]);
    expect(universe.read('read_scopes').scopes).toMatchObject([{ name: 'main', seq: 2n, recentNumber: 3n }]);
    expect(read({ recentAfter: 2n })).toEqual(['three']);
    expect(universe.read('read_events', { scope: 'main', recentAfter: 9n })).toMatchObject({ recentNumber: 9n });
  });

  test('are read by scope only', async () => {
    const universe = await openUniverse();
    expect(universe.refusedRead('read_events', { recentAfter: 0n })).toMatchObject({ code: 'value/malformed' });
  });
});

describe('reading events', () => {
  async function openFilled(): Promise<Universe> {
    const universe = await openUniverse();
    for (let index = 0; index < 30; index += 1) {
      universe.time.advance(1_000_000n);
      const type = index % 3 === 0 ? 'order.placed' : 'order.item.added';
      universe.apply([ops.event(`e${index}`, type, { scope: index % 2 === 0 ? '' : 'lab', source: `s${index % 5}` })]);
    }
    return universe;
  }

  const ids = (page: { events: { eventId: string }[] }): string[] => page.events.map((row) => row.eventId);

  test('filters by scope, pattern, kind, source and time, alone and together', async () => {
    const universe = await openFilled();
    const every = (wanted: (index: number) => boolean): string[] =>
      Array.from({ length: 30 }, (_, index) => index)
        .filter(wanted)
        .map((index) => `e${index}`);
    const read = (filter: object): string[] => ids(universe.read('read_events', { kind: 'application', ...filter }));
    const start = universe.time.nowMicros() - 29_000_000n;
    const at = (index: number): bigint => start + BigInt(index) * 1_000_000n;
    expect(read({})).toEqual(every(() => true));
    expect(read({ scope: 'lab' })).toEqual(every((index) => index % 2 === 1));
    expect(read({ pattern: 'order.placed' })).toEqual(every((index) => index % 3 === 0));
    expect(read({ pattern: 'order.*' })).toEqual(every((index) => index % 3 === 0));
    expect(read({ pattern: 'order.**' })).toEqual(every(() => true));
    expect(read({ source: 's2' })).toEqual(every((index) => index % 5 === 2));
    expect(read({ scope: 'lab', pattern: 'order.placed', source: 's3' })).toEqual(every((index) => index % 30 === 3));
    expect(read({ recordedFrom: at(10), recordedUntil: at(12) })).toEqual(['e10', 'e11', 'e12']);
    expect(read({ recordedFrom: at(29) + 1n })).toEqual([]);
    expect(read({ recordedUntil: start - 1n })).toEqual([]);
    expect(read({ afterSeq: 30n })).toEqual(['e29']);
    expect(read({ throughSeq: 2n })).toEqual(['e0']);
    expect(read({ throughSeq: 3n, recordedUntil: at(9) })).toEqual(['e0', 'e1']);
    expect(read({ throughSeq: 9n, recordedUntil: at(1) })).toEqual(['e0', 'e1']);
    expect(read({ afterSeq: 29n, recordedFrom: at(1) })).toEqual(['e28', 'e29']);
    expect(read({ afterSeq: 1n, recordedFrom: at(28) })).toEqual(['e28', 'e29']);
    expect(ids(universe.read('read_events', { kind: 'system' }))).toEqual(['system:1']);
    expect(ids(universe.read('read_events', { ids: ['e3', 'nobody', 'e1'] }))).toEqual(['e3', 'e1']);
  });

  test.each([false, true])('goes through all pages in order (descending: %s)', async (descending) => {
    const universe = await openFilled();
    const found: string[] = [];
    let span = descending ? { throughSeq: 0n } : { afterSeq: 0n };
    for (let pages = 0; pages < 100; pages += 1) {
      const page = universe.read('read_events', { descending, limit: 4, pattern: 'order.**', ...span });
      expect(page.events.length).toBeLessThanOrEqual(4);
      found.push(...ids(page));
      if (!page.more) break;
      span = descending ? { throughSeq: page.lookedTo - 1n } : { afterSeq: page.lookedTo };
    }
    const all = Array.from({ length: 30 }, (_, index) => `e${index}`);
    expect(found).toEqual(descending ? all.reverse() : all);
  });

  test('says up to where it looked although nothing was found, so that the next page starts there', async () => {
    const universe = await openFilled();
    expect(universe.read('read_events', { pattern: 'nothing' })).toMatchObject({
      events: [],
      lookedTo: 31n,
      more: false,
      seq: 31n,
    });
    expect(universe.read('read_events', { afterSeq: 31n })).toMatchObject({ events: [], lookedTo: 31n, more: false });
    expect(universe.read('read_events', { afterSeq: 99n })).toMatchObject({ events: [], lookedTo: 99n, more: false });
  });

  test('keeps a page under 1 MiB and 1,000 rows', async () => {
    const universe = await openUniverse();
    const data = `"${'x'.repeat(200_000)}"`;
    for (let index = 0; index < 12; index += 1) universe.apply([ops.event(`big${index}`, 'big', { data })]);
    const first = universe.read('read_events', { pattern: 'big' });
    expect(first.events).toHaveLength(5);
    expect(first.more).toBe(true);
    for (let batch = 0; batch < 3; batch += 1) {
      universe.apply(Array.from({ length: 400 }, (_, index) => ops.event(`s${batch}-${index}`, 'small')));
    }
    const small = universe.read('read_events', { pattern: 'small', limit: 5_000 });
    expect(small.events).toHaveLength(1_000);
    expect(universe.read('read_events', { pattern: 'small', afterSeq: small.lookedTo }).events).toHaveLength(200);
  });

  test('finds a rare type at once, and looks for what no index tells in bounded steps', async () => {
    const universe = await openUniverse();
    universe.apply([ops.event('first', 'rare.bird')]);
    for (let batch = 0; batch < 21; batch += 1) {
      universe.apply(Array.from({ length: 1_000 }, (_, index) => ops.event(`n${batch}-${index}`, 'common')));
    }
    universe.apply([ops.event('last', 'rare.bird')]);
    const exact = universe.read('read_events', { pattern: 'rare.bird' });
    expect(ids(exact)).toEqual(['first', 'last']);
    expect(exact.more).toBe(false);
    const first = universe.read('read_events', { pattern: 'rare.*' });
    expect(ids(first)).toEqual(['first']);
    expect(first).toMatchObject({ more: true });
    expect(first.lookedTo).toBeLessThan(21_003n);
    const second = universe.read('read_events', { pattern: 'rare.*', afterSeq: first.lookedTo });
    expect(ids(second)).toEqual(['last']);
    expect(second).toMatchObject({ more: false, lookedTo: 21_003n });
  });

  test('a pattern that is none is refused', async () => {
    const universe = await openUniverse();
    expect(universe.refusedRead('read_events', { pattern: 'a..b' })).toMatchObject({
      code: 'value/malformed',
      op: null,
    });
  });
});

describe('trimming', () => {
  test('lets go of what large values the rows referred to, unless others refer to it', async () => {
    const universe = await openUniverse();
    const large = { data: '{"bytes":2,"count":1,"digest":"d"}', dataEncoding: 'chunks/1' };
    const shared = { metadata: '{"bytes":3,"count":1,"digest":"s"}', metadataEncoding: 'chunks/1' };
    universe.apply([ops.chunk('d', 2), ops.chunk('s', 3)]);
    universe.apply([ops.event('one', 'x', { ...large, ...shared }), ops.event('two', 'x', shared)]);
    const references = (): unknown[] => universe.rows('chunk_value').map((row) => [row.digest, row.references]);
    expect(references()).toEqual(
      expect.arrayContaining([
        ['d', 1n],
        ['s', 2n],
      ]),
    );
    expect(universe.apply([{ tag: 'trimEvents', value: { upToSeq: 2n, segmentDigest: 'd' } }])).toBeUndefined();
    expect(references()).toEqual(
      expect.arrayContaining([
        ['d', 0n],
        ['s', 1n],
      ]),
    );
  });

  test('removes the oldest rows, keeps seq going, and is told to readers', async () => {
    const universe = await openUniverse();
    universe.apply(Array.from({ length: 10 }, (_, index) => ops.event(`e${index}`)));
    expect(universe.apply([{ tag: 'trimEvents', value: { upToSeq: 6n, segmentDigest: 'd1' } }])).toBeUndefined();
    expect(
      universe
        .rows('event_log')
        .map((row) => row.seq)
        .sort(),
    ).toEqual([7n, 8n, 9n, 10n, 11n, 12n].sort());
    expect(universe.rows('log_head')).toMatchObject([
      { trimmedSeq: 6n, trimmedDigest: 'd1', nextSeq: 13n, applicationEvents: 10n },
    ]);
    expect(universe.refusedRead('read_events', { afterSeq: 3n })).toMatchObject({
      code: 'event/trimmed',
      details: { trimmedSeq: '6' },
    });
    expect(universe.read('read_events', { afterSeq: 6n, kind: 'application' }).events).toHaveLength(5);
    expect(universe.refusedRead('read_events', { afterSeq: 5n })).toMatchObject({ code: 'event/trimmed' });
    expect(universe.read('read_events', { descending: true })).toMatchObject({ trimmedSeq: 6n, more: false });
    expect(universe.read('read_status')).toMatchObject({ events: 10n, trimmedSeq: 6n });
    const before = universe.rows('log_head');
    for (const upToSeq of [6n, 2n])
      expect(universe.apply([{ tag: 'trimEvents', value: { upToSeq, segmentDigest: 'd2' } }])).toBeUndefined();
    expect(universe.rows('log_head')).toEqual(before);
    const trim = (upToSeq: bigint): Op => ({ tag: 'trimEvents', value: { upToSeq, segmentDigest: `d${upToSeq}` } });
    expect(universe.apply([trim(9n), trim(7n)])).toBeUndefined();
    expect(universe.rows('log_head')).toMatchObject([{ trimmedSeq: 9n, trimmedDigest: 'd9' }]);
    expect(universe.read('read_events', { afterSeq: 9n }).events.map((row: { seq: bigint }) => row.seq)).toEqual([
      10n,
      11n,
      12n,
      13n,
    ]);
  });

  test('goes no further than the log, 1,000 rows or a consumer that holds', async () => {
    const universe = await openUniverse();
    universe.apply(Array.from({ length: 1_000 }, (_, index) => ops.event(`e${index}`)));
    universe.apply([ops.event('last')]);
    const trim = (upToSeq: bigint) => universe.apply([{ tag: 'trimEvents', value: { upToSeq, segmentDigest: 'd' } }]);
    expect(trim(5_000n)).toMatchObject({ code: 'value/malformed' });
    expect(trim(1_003n)).toMatchObject({ code: 'value/malformed' });
    expect(trim(1_001n)).toMatchObject({ code: 'value/too-large', details: { trimmedSeq: '0' } });
    const consumer = {
      name: 'mail',
      scope: '',
      pattern: '**',
      partitions: 1,
      startSeq: 10n,
      holdsTrim: true,
      failurePolicy: 'park',
    };
    universe.apply([{ tag: 'createConsumer', value: consumer }]);
    expect(trim(11n)).toMatchObject({ code: 'consumer/holds', ids: ['mail'], details: { offset: '10' } });
    expect(trim(10n)).toBeUndefined();
    universe.apply([{ tag: 'createConsumer', value: { ...consumer, name: 'other', startSeq: 0n, holdsTrim: false } }]);
    universe.apply([{ tag: 'deleteConsumer', value: { name: 'mail' } }]);
    universe.apply(Array.from({ length: 9 }, (_, index) => ops.event(`more${index}`)));
    expect(trim(1_011n)).toMatchObject({ code: 'value/too-large', details: { trimmedSeq: '10', limit: 1_000 } });
    expect(trim(1_010n)).toBeUndefined();
  });

  test('is the owner’s alone', async () => {
    const universe = await openUniverse();
    universe.apply([ops.grant(ADA.identity, 'write', 'scope:*')]);
    expect(universe.apply([{ tag: 'trimEvents', value: { upToSeq: 1n, segmentDigest: 'd' } }], ADA)).toMatchObject({
      code: 'permission/denied',
    });
  });
});
