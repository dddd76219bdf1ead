import { describe, expect, test } from 'vitest';
import type { Op } from '../src/wire/index.ts';
import { ADA, BOB, OWNER, openUniverse, ops } from './universe.ts';

const DAY = 86_400_000_000n;
const HOUR = 3_600_000_000n;

describe('a request', () => {
  test('is applied whole, or not at all, and the refusal names the op', async () => {
    const universe = await openUniverse();
    const before = universe.dump();
    const refusal = universe.apply([ops.event('one'), ops.entity('a'), ops.relation('r', 'a', 'nobody')]);
    expect(refusal).toMatchObject({
      code: 'relation/endpoint-missing',
      op: 2,
      ids: ['r', 'nobody'],
      details: { end: 'toId' },
    });
    expect(universe.dump()).toBe(before);
    expect(universe.commits).toEqual([]);
  });

  test('that is sent again by the same identity is a success that changes nothing', async () => {
    const universe = await openUniverse();
    expect(universe.request('once', [ops.event('one')])).toBeUndefined();
    const before = universe.dump();
    expect(universe.request('once', [ops.event('one')])).toBeUndefined();
    expect(universe.request('once', [ops.event('two'), ops.entity('a')])).toBeUndefined();
    expect(universe.dump()).toBe(before);
  });

  test('of another identity under a taken id is refused', async () => {
    const universe = await openUniverse();
    universe.apply([ops.grant(ADA.identity, 'write', 'scope:*')]);
    expect(universe.request('once', [ops.event('one')])).toBeUndefined();
    expect(universe.request('once', [ops.event('two')], { caller: ADA })).toMatchObject({
      code: 'request/id-taken',
      op: null,
      ids: ['once'],
    });
    expect(universe.rows('event_log').map((row) => row.eventId)).not.toContain('two');
  });

  test('that was refused can be sent again under its id', async () => {
    const universe = await openUniverse();
    expect(universe.request('again', [ops.dropEntity('a')])).toMatchObject({ code: 'entity/not-found' });
    universe.apply([ops.entity('a')]);
    expect(universe.request('again', [ops.dropEntity('a')])).toBeUndefined();
  });

  test('that comes after another one is applied after that alone, and one that was not taken takes nothing', async () => {
    const universe = await openUniverse();
    const after = (requestId: string): Op => ({ tag: 'afterRequest', value: { requestId } });
    const before = universe.dump();
    expect(universe.request('second', [after('first'), ops.event('two')])).toMatchObject({
      code: 'request/out-of-order',
      op: 0,
      ids: ['first'],
    });
    expect(universe.request('first', [ops.event('one'), ops.dropEntity('a')])).toMatchObject({ op: 1 });
    expect(universe.request('second', [after('first'), ops.event('two')])).toMatchObject({ op: 0 });
    expect(universe.request('own', [after('own'), ops.event('two')])).toMatchObject({ code: 'request/out-of-order' });
    expect(universe.dump()).toBe(before);
    expect(universe.request('first', [ops.event('one')])).toBeUndefined();
    expect(universe.request('second', [after('first'), ops.event('two')])).toBeUndefined();
    expect(universe.request('third', [ops.event('three'), after('second'), after('first')])).toBeUndefined();
    // It was applied: what it came after then is of no account.
    expect(universe.request('second', [after('none'), ops.event('four')])).toBeUndefined();
    const ids = universe.rows('event_log').map((row) => row.eventId);
    expect(ids.filter((id) => !id.startsWith('system:'))).toEqual(['one', 'two', 'three']);
  });

  test('does not learn of what others sent by naming it', async () => {
    const universe = await openUniverse();
    universe.apply([ops.grant(ADA.identity, 'write', 'scope:*')]);
    expect(universe.request('owners', [ops.event('one')])).toBeUndefined();
    const refusals = ['owners', 'nobodys'].map((requestId) =>
      universe.apply([{ tag: 'afterRequest', value: { requestId } }], ADA),
    );
    expect(refusals).toMatchObject([
      { code: 'request/out-of-order', ids: ['owners'] },
      { code: 'request/out-of-order', ids: ['nobodys'] },
    ]);
    expect(universe.apply([{ tag: 'afterRequest', value: { requestId: '' } }], ADA)).toMatchObject({
      code: 'value/malformed',
    });
  });

  test('that says what it comes after costs no more of its caller’s rate', async () => {
    const universe = await openUniverse();
    universe.apply([ops.grant(ADA.identity, 'write', 'scope:*')]);
    universe.apply([ops.setting('limits', { opsPerSecond: 1, burstSeconds: 4 })]);
    const after = (requestId: string): Op => ({ tag: 'afterRequest', value: { requestId } });
    expect(universe.request('1', [ops.event('1')], { caller: ADA })).toBeUndefined();
    expect(universe.request('2', [after('1'), ops.event('2')], { caller: ADA })).toBeUndefined();
    expect(universe.request('3', [after('2'), after('1')], { caller: ADA })).toBeUndefined();
    expect(universe.request('4', [after('3')], { caller: ADA })).toBeUndefined();
    expect(universe.request('5', [after('4'), ops.event('5')], { caller: ADA })).toMatchObject({ code: 'limit/rate' });
  });

  test('made more than seven days ago is refused, also when it was applied then and forgotten since', async () => {
    const universe = await openUniverse();
    const issuedAt = universe.time.nowMicros();
    expect(universe.request('old', [ops.event('one')], { issuedAt })).toBeUndefined();
    universe.time.advance(7n * DAY);
    expect(universe.request('old', [ops.event('one')], { issuedAt })).toBeUndefined();
    universe.time.advance(2n * HOUR);
    expect(universe.rows('request')).toEqual([]);
    expect(universe.request('old', [ops.event('two')], { issuedAt })).toMatchObject({
      code: 'request/expired',
      ids: ['old'],
    });
    expect(universe.request('new', [], { issuedAt: universe.time.nowMicros() - 7n * DAY })).toBeUndefined();
    expect(universe.request('newer', [], { issuedAt: universe.time.nowMicros() - 7n * DAY - 1n })).toMatchObject({
      code: 'request/expired',
    });
  });

  test('from a clock that runs more than an hour ahead is refused, because it would be forgotten too early', async () => {
    const universe = await openUniverse();
    const now = universe.time.nowMicros();
    expect(universe.request('early', [], { issuedAt: now + HOUR + 1n })).toMatchObject({ code: 'value/malformed' });
    expect(universe.request('early', [], { issuedAt: now + HOUR })).toBeUndefined();
  });

  test('has at most 1,000 ops', async () => {
    const universe = await openUniverse();
    const events = Array.from({ length: 1_001 }, (_, index) => ops.event(`e${index}`));
    expect(universe.apply(events)).toMatchObject({ code: 'limit/ops', details: { ops: 1_001, limit: 1_000 } });
    expect(universe.apply(events.slice(1))).toBeUndefined();
    expect(universe.rows('event_log')).toHaveLength(1_001);
  });

  test('has at most 1 MiB, counted in UTF-8 bytes', async () => {
    const universe = await openUniverse();
    const wide = `"${'€'.repeat(80_000)}"`;
    const events = Array.from({ length: 4 }, (_, index) => ops.event(`e${index}`, 'big', { data: wide }));
    expect(universe.apply(events)).toBeUndefined();
    const more = Array.from({ length: 5 }, (_, index) => ops.event(`f${index}`, 'big', { data: wide }));
    expect(universe.apply(more)).toMatchObject({ code: 'limit/request', details: { limit: 1_048_576 } });
    const pieces = Array.from({ length: 4 }, (_, index) => ops.chunk(`d${index}`, 262_144));
    expect(universe.apply(pieces)).toMatchObject({ code: 'limit/request', details: { bytes: 1_048_584 } });
    expect(universe.apply(pieces.slice(1))).toBeUndefined();
  });

  test('needs an id of 1 to 128 bytes', async () => {
    const universe = await openUniverse();
    expect(universe.request('', [])).toMatchObject({ code: 'value/malformed', op: null });
    expect(universe.request('ü'.repeat(65), [])).toMatchObject({ code: 'value/too-large' });
    expect(universe.request('a\nb', [])).toMatchObject({ code: 'value/malformed' });
    expect(universe.request('ü'.repeat(64), [])).toBeUndefined();
  });

  test('can be asked for afterwards, by whom it is', async () => {
    const universe = await openUniverse();
    universe.apply([ops.grant(ADA.identity, 'write', 'scope:*'), ops.grant(BOB.identity, 'read', 'scope:*')]);
    universe.request('mine', [ops.event('one')], { caller: ADA });
    expect(universe.read('read_request', { requestId: 'mine' }, ADA)).toEqual({ applied: true, seq: 3n });
    expect(universe.read('read_request', { requestId: 'mine' }, OWNER)).toEqual({ applied: true, seq: 3n });
    expect(universe.read('read_request', { requestId: 'mine' }, BOB)).toEqual({ applied: false, seq: 0n });
    expect(universe.read('read_request', { requestId: 'other' }, ADA)).toEqual({ applied: false, seq: 0n });
  });
});

describe('seq and time', () => {
  test('have no gaps after refusals, and order the commits', async () => {
    const universe = await openUniverse();
    for (let index = 0; index < 20; index += 1) {
      expect(universe.apply([ops.event(`e${index}`), ops.entity(`n${index}`)])).toBeUndefined();
      expect(universe.apply([ops.event(`x${index}`), ops.event(`e${index}`)])).toMatchObject({
        code: 'event/id-taken',
        op: 1,
      });
      expect(universe.apply([])).toBeUndefined();
    }
    const seqs = universe.read('read_events').events.map((row: { seq: bigint }) => row.seq);
    expect(seqs).toEqual(Array.from({ length: 41 }, (_, index) => BigInt(index + 1)));
    expect(universe.rows('log_head')).toMatchObject([{ nextSeq: 42n, applicationEvents: 20n, systemRecords: 21n }]);
  });

  test('never run against each other, even when the clock is set back', async () => {
    const universe = await openUniverse();
    universe.apply([ops.event('late')]);
    const late = universe.time.nowMicros();
    universe.time.set(late - DAY);
    universe.apply([ops.event('early')]);
    universe.time.set(late + DAY);
    universe.apply([ops.event('later')]);
    const times = universe
      .read('read_events', { kind: 'application' })
      .events.map((row: { recordedAt: bigint }) => row.recordedAt);
    expect(times).toEqual([late, late, late + DAY]);
  });

  test('one record tells all changes of one kind and scope of a transaction', async () => {
    const universe = await openUniverse();
    universe.apply([
      ops.entity('a'),
      ops.event('one'),
      ops.entity('b'),
      ops.entity('c', { scope: 'lab' }),
      ops.changeEntity('a', { name: 'A' }),
    ]);
    const records = universe.read('read_events', { afterSeq: 1n }).events;
    expect(records.map((row: Record<string, unknown>) => [row.seq, row.eventType, row.scope, row.data])).toEqual([
      [2n, 'ENTITY_CREATED', 'main', '{"ids":["a","b"]}'],
      [3n, 'order.placed', 'main', '{"id":1}'],
      [4n, 'ENTITY_CREATED', 'lab', '{"ids":["c"]}'],
      [5n, 'ENTITY_UPDATED', 'main', '{"ids":["a"],"items":[{"id":"a","fields":["name"]}]}'],
    ]);
    expect(universe.rows('entity').map((row) => row.seq)).toEqual([2n, 2n, 2n]);
  });

  test('a record says of each change what it was', async () => {
    const universe = await openUniverse();
    universe.apply([ops.entity('a'), ops.entity('b')]);
    universe.apply([ops.changeEntity('b', { name: 'B' }), ops.changeEntity('a', { name: 'A', description: 'd' })]);
    universe.apply([ops.version('v'), ops.version('w'), ops.branch('main', 'v'), ops.branch('main', 'w', 'v')]);
    const records = universe.read('read_events', { afterSeq: 2n }).events;
    const told = (type: string): unknown =>
      JSON.parse(records.find((row: { eventType: string }) => row.eventType === type).data);
    expect(told('ENTITY_UPDATED')).toEqual({
      ids: ['b', 'a'],
      items: [
        { id: 'b', fields: ['name'] },
        { id: 'a', fields: ['name', 'description'] },
      ],
    });
    expect(told('STATE_VERSION_COMMITTED')).toEqual({
      ids: ['v', 'w'],
      items: [
        { id: 'v', store: 'cart' },
        { id: 'w', store: 'cart' },
      ],
    });
    expect(told('BRANCH_MOVED')).toEqual({
      ids: ['main', 'main'],
      items: [
        { store: 'cart', name: 'main', from: '', to: 'v' },
        { store: 'cart', name: 'main', from: 'v', to: 'w' },
      ],
    });
    expect(universe.rows('branch_move').map((row) => row.position)).toEqual([2, 3]);
  });

  test('move the head of every scope concerned, under keys that are not its name', async () => {
    const universe = await openUniverse();
    universe.apply([ops.event('one'), ops.event('two', 'x', { scope: 'lab' }), ops.event('three')]);
    const { scopes } = universe.read('read_scopes');
    expect(scopes).toMatchObject([
      { name: 'lab', seq: 3n, recentNumber: 0n },
      { name: 'main', seq: 4n, recentNumber: 0n },
    ]);
    expect(universe.rows('head')).toHaveLength(2);
    for (const { scopeKey } of scopes) expect(scopeKey).toMatch(/^[0-9a-f-]{36}$/);
  });
});

test('wrappers apply one op each', async () => {
  const universe = await openUniverse();
  const call = (name: string, op: { value: object }): unknown =>
    universe.call(OWNER, name, { requestId: `w-${name}`, issuedAt: universe.time.nowMicros(), op: op.value });
  const version = ops.version('v1');
  expect(call('create_entity', ops.entity('a'))).toBeUndefined();
  expect(call('update_entity', ops.changeEntity('a', { name: 'A' }))).toBeUndefined();
  expect(call('create_relation', ops.relation('r', 'a', 'a'))).toBeUndefined();
  expect(call('update_relation', ops.changeRelation('r', { strength: 0.5 }))).toBeUndefined();
  expect(call('delete_relation', ops.dropRelation('r'))).toBeUndefined();
  expect(call('delete_entity', ops.dropEntity('a'))).toBeUndefined();
  expect(call('publish_event', ops.event('e'))).toBeUndefined();
  expect(call('commit_state_version', ops.version('v0', [], { delta: undefined }))).toBeUndefined();
  expect(call('record_delta', { value: { versionId: 'v0', delta: '[]', deltaEncoding: '' } })).toBeUndefined();
  expect(call('record_snapshot', { value: { versionId: 'v0', state: '{}', stateEncoding: '' } })).toBeUndefined();
  expect(universe.apply([version])).toBeUndefined();
  expect(call('move_branch', ops.branch('main', 'v1'))).toBeUndefined();
  expect(
    call('create_tag', {
      value: { store: 'cart', name: 't', versionId: 'v1', description: '', author: '', replace: false },
    }),
  ).toBeUndefined();
  expect(call('grant_access', ops.grant(ADA.identity, 'read', 'scope:main'))).toBeUndefined();
  expect(call('revoke_access', ops.revoke(ADA.identity, 'read', 'scope:main'))).toBeUndefined();
  expect(
    call('upload_chunk', { value: { scope: '', digest: 'd', position: 0, count: 1, bytes: new Uint8Array(1) } }),
  ).toBeUndefined();
  expect(call('trim_events', { value: { upToSeq: 1n, segmentDigest: 'd' } })).toBeUndefined();
  const settings = [
    { key: 'guests', value: 'true' },
    { key: 'audit_connections', value: 'true' },
  ];
  expect(
    universe.call(OWNER, 'apply_configuration', { requestId: 'c', issuedAt: universe.time.nowMicros(), settings }),
  ).toBeUndefined();
  expect(universe.read('read_configuration').settings.map((row: { key: string }) => row.key)).toEqual([
    'audit_connections',
    'guests',
  ]);
});
