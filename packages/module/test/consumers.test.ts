import { describe, expect, test } from 'vitest';
import { MAX_CONSUMER_WORKERS, partitionOf, type ConsumerAdvance, type Op } from '../src/wire/index.ts';
import { ADA, BOB, openUniverse, ops, OWNER, type Universe } from './universe.ts';

const SECOND = 1_000_000n;

const create = (more: object = {}): Op => ({
  tag: 'createConsumer',
  value: {
    name: 'mail',
    scope: '',
    pattern: 'order.**',
    partitions: 2,
    startSeq: 1n,
    holdsTrim: false,
    failurePolicy: 'park',
    ...more,
  },
});
const claim = (holder: string, partition = 0, leaseMicros = 10n * SECOND): Op => ({
  tag: 'claimPartition',
  value: { name: 'mail', partition, holder, leaseMicros },
});
const advance = (epoch: bigint, from: bigint, to: bigint, partition = 0): ConsumerAdvance => ({
  name: 'mail',
  partition,
  epoch,
  from,
  to,
});

async function openWithConsumer(): Promise<Universe> {
  const universe = await openUniverse();
  expect(
    universe.apply([
      create(),
      ops.grant(ADA.identity, 'consume', 'event:order.**'),
      ops.grant(ADA.identity, 'write', 'scope:main'),
    ]),
  ).toBeUndefined();
  return universe;
}

const partition = (universe: Universe) => universe.read('read_consumers', { name: 'mail' }).partitions[0];

test('a partition has one holder, whose epoch guards every advance', async () => {
  const universe = await openWithConsumer();
  expect(universe.apply([claim('one')], ADA)).toBeUndefined();
  expect(partition(universe)).toMatchObject({ offset: 1n, epoch: 1n, holder: 'one', holderIdentity: ADA.identity });
  expect(universe.apply([claim('two')])).toMatchObject({ code: 'consumer/leased', details: { partition: 0 } });
  expect(universe.apply([claim('two', 1)])).toBeUndefined();
  const step = (value: ConsumerAdvance, caller = ADA) => universe.apply([{ tag: 'advancePartition', value }], caller);
  expect(step(advance(1n, 1n, 5n))).toBeUndefined();
  expect(step(advance(1n, 1n, 6n))).toMatchObject({
    code: 'consumer/wrong-offset',
    details: { offset: '5', from: '1' },
  });
  expect(step(advance(1n, 5n, 4n))).toMatchObject({ code: 'value/malformed' });
  expect(step(advance(0n, 5n, 6n))).toMatchObject({ code: 'consumer/stale-epoch' });
  expect(step(advance(1n, 5n, 6n), OWNER)).toMatchObject({ code: 'consumer/stale-epoch' });
});

test('a lease ends, is extended by each advance, and the next holder’s epoch shuts the last one out', async () => {
  const universe = await openWithConsumer();
  universe.apply([claim('one')], ADA);
  universe.time.advance(9n * SECOND);
  universe.apply([{ tag: 'advancePartition', value: advance(1n, 1n, 2n) }], ADA);
  universe.time.advance(9n * SECOND);
  expect(universe.apply([claim('two')])).toMatchObject({ code: 'consumer/leased' });
  universe.time.advance(SECOND);
  expect(universe.apply([claim('two')])).toBeUndefined();
  expect(universe.apply([{ tag: 'advancePartition', value: advance(1n, 2n, 3n) }], ADA)).toMatchObject({
    code: 'consumer/stale-epoch',
    details: { epoch: '2' },
  });
  expect(
    universe.apply([{ tag: 'releasePartition', value: { name: 'mail', partition: 0, epoch: 2n } }]),
  ).toBeUndefined();
  expect(universe.apply([claim('one')], ADA)).toBeUndefined();
  expect(partition(universe)).toMatchObject({ epoch: 3n, offset: 2n });
});

test('effects and offset of one request are applied together or not at all', async () => {
  const universe = await openWithConsumer();
  universe.apply([claim('one')], ADA);
  const send = (id: string, consumer: ConsumerAdvance, op: Op) => universe.request(id, [op], { caller: ADA, consumer });
  expect(send('r1', advance(1n, 1n, 2n), ops.event('effect'))).toBeUndefined();
  expect(send('r2', advance(1n, 1n, 2n), ops.event('twice'))).toMatchObject({
    code: 'consumer/wrong-offset',
    op: null,
  });
  expect(send('r3', advance(1n, 2n, 3n), ops.event('effect'))).toMatchObject({ code: 'event/id-taken', op: 0 });
  expect(partition(universe)).toMatchObject({ offset: 2n });
  expect(send('r1', advance(1n, 1n, 2n), ops.event('effect'))).toBeUndefined();
  expect(partition(universe)).toMatchObject({ offset: 2n });
});

test('a holder is its name and its identity, and claims for an hour at most', async () => {
  const universe = await openWithConsumer();
  universe.apply([claim('one')], ADA);
  expect(universe.apply([claim('one')])).toMatchObject({ code: 'consumer/leased' });
  expect(universe.apply([claim('other')], ADA)).toMatchObject({ code: 'consumer/leased' });
  expect(universe.apply([claim('one')], ADA)).toBeUndefined();
  expect(partition(universe)).toMatchObject({ epoch: 2n, holderIdentity: ADA.identity });
  expect(universe.apply([claim('one', 1, 3_600n * SECOND)], ADA)).toBeUndefined();
  expect(universe.apply([claim('one', 1, 3_600n * SECOND + 1n)], ADA)).toMatchObject({ code: 'value/malformed' });
  const release = (epoch: bigint): Op => ({ tag: 'releasePartition', value: { name: 'mail', partition: 0, epoch } });
  expect(universe.apply([release(1n)], ADA)).toMatchObject({ code: 'consumer/stale-epoch' });
  expect(universe.apply([release(2n), release(2n)], ADA)).toMatchObject({ code: 'consumer/stale-epoch', op: 1 });
});

test('a connection that ends frees its partitions', async () => {
  const universe = await openWithConsumer();
  universe.connect(ADA);
  universe.apply([claim('one'), claim('one', 1)], ADA);
  universe.database.disconnect(ADA);
  expect(universe.rows('consumer_partition').map((row) => row.holder)).toEqual(['', '']);
  expect(universe.apply([{ tag: 'advancePartition', value: advance(1n, 1n, 2n) }], ADA)).toMatchObject({
    code: 'consumer/stale-epoch',
  });
});

test('events that cannot be taken are parked, read and discarded', async () => {
  const universe = await openWithConsumer();
  universe.apply([claim('one')], ADA);
  const park = (epoch: bigint, reason: string): Op => ({
    tag: 'parkEvent',
    value: { name: 'mail', partition: 0, epoch, eventId: 'e', seq: 1n, reason, attempts: 3 },
  });
  expect(universe.apply([park(9n, 'x')], ADA)).toMatchObject({ code: 'consumer/stale-epoch' });
  universe.apply([park(1n, 'first'), park(1n, 'second')], ADA);
  expect(universe.read('read_consumers', { name: 'mail' }).deadLetters).toMatchObject([
    { eventId: 'e', seq: 1n, reason: 'second', attempts: 3 },
  ]);
  universe.apply([{ tag: 'discardDeadLetter', value: { name: 'mail', eventId: 'e' } }], ADA);
  expect(universe.rows('consumer_dead_letter')).toEqual([]);
  const later = (seq: bigint): Op => {
    const op = park(1n, 'x');
    return op.tag === 'parkEvent' ? { tag: 'parkEvent', value: { ...op.value, seq } } : op;
  };
  const last = universe.read('read_scopes').seq;
  expect(universe.apply([later(last + 1n)], ADA)).toMatchObject({ code: 'value/malformed', ids: ['e'] });
  expect(universe.apply([later(last)], ADA)).toBeUndefined();
  const discard: Op = { tag: 'discardDeadLetter', value: { name: 'mail', eventId: 'e' } };
  universe.apply([ops.grant(BOB.identity, 'consume', 'event:other')]);
  expect(universe.apply([discard], BOB)).toMatchObject({ code: 'consumer/not-found' });
  expect(universe.rows('consumer_dead_letter')).toHaveLength(1);
  universe.apply([{ tag: 'deleteConsumer', value: { name: 'mail' } }]);
  expect(universe.rows('consumer_dead_letter')).toEqual([]);
});

test('consumers are made once, by whom the pattern is granted, and deleted whole', async () => {
  const universe = await openWithConsumer();
  expect(universe.apply([create()])).toMatchObject({ code: 'consumer/exists' });
  expect(universe.apply([create({ name: 'x', partitions: 0 })])).toMatchObject({ code: 'value/malformed' });
  expect(universe.apply([create({ name: 'x', partitions: 257 })])).toMatchObject({ code: 'value/malformed' });
  expect(universe.apply([create({ name: 'x', failurePolicy: 'panic' })])).toMatchObject({ code: 'value/malformed' });
  expect(universe.apply([create({ name: 'x', pattern: '**' })], ADA)).toMatchObject({ code: 'permission/denied' });
  universe.apply([ops.grant(BOB.identity, 'consume', 'event:order.*')]);
  expect(universe.apply([create({ name: 'x', pattern: 'order.**' })], BOB)).toMatchObject({
    code: 'permission/denied',
  });
  expect(universe.apply([create({ name: 'x', pattern: 'order.*' })], BOB)).toBeUndefined();
  expect(universe.apply([claim('b')], BOB)).toMatchObject({ code: 'consumer/not-found' });
  expect(universe.read('read_consumers', {}, BOB).consumers.map((row: { name: string }) => row.name)).toEqual(['x']);
  expect(universe.read('read_consumers').consumers).toHaveLength(2);
  expect(universe.refusedRead('read_consumers', { name: 'mail' }, BOB)).toMatchObject({ code: 'consumer/not-found' });
  expect(universe.apply([claim('b', 9)])).toMatchObject({ code: 'consumer/not-found' });
  expect(universe.apply([claim('b', 0, 0n)])).toMatchObject({ code: 'value/malformed' });
  universe.apply([{ tag: 'deleteConsumer', value: { name: 'mail' } }]);
  expect(universe.rows('consumer_partition').map((row) => row.name)).toEqual(['x', 'x']);
  expect(universe.apply([claim('b')])).toMatchObject({ code: 'consumer/not-found' });
});

const seek = (toSeq: bigint, only?: number): Op => ({
  tag: 'seekConsumer',
  value: { name: 'mail', partition: only, toSeq },
});
const park = (value: { eventId: string; seq: bigint; partition?: number; epoch?: bigint }): Op => ({
  tag: 'parkEvent',
  value: { name: 'mail', partition: 0, epoch: 1n, reason: 'poison', attempts: 3, ...value },
});
const letters = (universe: Universe): readonly string[] =>
  universe.rows('consumer_dead_letter').map((row) => `${row.eventId} ${row.attempts}`);

test('seeking moves offsets back, shuts the holders out, and drops the letters of events that come again', async () => {
  const universe = await openWithConsumer();
  universe.apply(['a', 'b', 'c'].map((id) => ops.event(id)));
  universe.apply([claim('one'), claim('one', 1)], ADA);
  universe.apply([{ tag: 'advancePartition', value: advance(1n, 1n, 5n) }], ADA);
  universe.apply([park({ eventId: 'a', seq: 2n }), park({ eventId: 'b', seq: 4n })], ADA);
  universe.apply([park({ eventId: 'c', seq: 4n, partition: 1 })], ADA);
  expect(universe.apply([seek(3n, 0)], ADA)).toBeUndefined();
  expect(universe.read('read_consumers', { name: 'mail' }).partitions).toMatchObject([
    { offset: 3n, epoch: 2n, holder: '' },
    { offset: 1n, epoch: 1n, holder: 'one' },
  ]);
  expect([...letters(universe)].sort()).toEqual(['a 3', 'c 3']);
  expect(universe.apply([{ tag: 'advancePartition', value: advance(1n, 3n, 5n) }], ADA)).toMatchObject({
    code: 'consumer/stale-epoch',
  });
  expect(universe.apply([claim('two')])).toBeUndefined();
  expect(partition(universe)).toMatchObject({ epoch: 3n, offset: 3n });
  expect(universe.apply([seek(0n)])).toBeUndefined();
  expect(universe.rows('consumer_partition').map((row) => row.offset)).toEqual([0n, 0n]);
  expect(letters(universe)).toEqual([]);
});

test('a seek is recorded and audited, stays within the log, and is for those who may consume', async () => {
  const universe = await openWithConsumer();
  const last = universe.read('read_scopes').seq;
  expect(universe.apply([seek(last + 1n)])).toMatchObject({ code: 'value/malformed', ids: ['mail'] });
  expect(universe.apply([seek(0n, 2)])).toMatchObject({ code: 'consumer/not-found', details: { partition: 2 } });
  universe.apply([ops.grant(BOB.identity, 'consume', 'event:other')]);
  expect(universe.apply([seek(0n)], BOB)).toMatchObject({ code: 'consumer/not-found' });
  expect(universe.apply([seek(1n)], ADA)).toBeUndefined();
  const entries = universe.read('read_audit').entries;
  expect(entries.at(-1)).toMatchObject({ action: 'seek', resource: 'event:order.**', actor: ADA.identity });
  expect(JSON.parse(entries.at(-1).detail)).toEqual({ name: 'mail', toSeq: '1', partition: null, scope: 'main' });
  const records = universe.read('read_events', { kind: 'system' }).events;
  expect(records.at(-1)).toMatchObject({ eventType: 'CONSUMER_MOVED', scope: 'main' });
  expect(JSON.parse(records.at(-1).data)).toEqual({
    ids: ['mail'],
    items: [{ id: 'mail', seq: '1', partitions: ['0', '1'] }],
  });
});

test('a letter that is to be tried again says so by its attempts, once', async () => {
  const universe = await openWithConsumer();
  universe.apply([claim('one'), park({ eventId: 'a', seq: 1n })]);
  const retry = (eventId: string): Op => ({ tag: 'retryDeadLetter', value: { name: 'mail', eventId } });
  expect(universe.apply([retry('a')], ADA)).toBeUndefined();
  expect(universe.apply([retry('a')], ADA)).toBeUndefined();
  expect(letters(universe)).toEqual(['a 0']);
  expect(universe.apply([retry('b')])).toMatchObject({ code: 'consumer/not-found', ids: ['mail', 'b'] });
  expect(universe.apply([park({ eventId: 'a', seq: 1n })])).toBeUndefined();
  expect(letters(universe)).toEqual(['a 3']);
});

test('workers take part until they leave, their lease ends, or their connection does', async () => {
  const universe = await openWithConsumer();
  const join = (holder: string, leaseMicros = 10n * SECOND): Op => ({
    tag: 'joinConsumer',
    value: { name: 'mail', holder, leaseMicros },
  });
  const workers = (caller = OWNER): readonly string[] =>
    universe
      .read('read_consumer_workers', { name: 'mail' }, caller)
      .workers.map((row: { holder: string }) => row.holder);
  expect(universe.apply([join('z')], ADA)).toBeUndefined();
  universe.time.advance(SECOND);
  expect(universe.apply([join('b'), join('a')])).toBeUndefined();
  expect(workers(ADA)).toEqual(['z', 'a', 'b']);
  expect(universe.apply([join('z')])).toMatchObject({ code: 'consumer/leased' });
  universe.time.advance(8n * SECOND);
  expect(universe.apply([join('z')], ADA)).toBeUndefined();
  universe.time.advance(2n * SECOND);
  expect(workers()).toEqual(['z']);
  universe.apply([join('c')]);
  const leave = (holder: string): Op => ({ tag: 'leaveConsumer', value: { name: 'mail', holder } });
  expect(universe.apply([leave('z')])).toBeUndefined();
  expect(workers()).toEqual(['z', 'c']);
  expect(universe.apply([leave('c'), leave('nobody')])).toBeUndefined();
  expect(workers()).toEqual(['z']);
  universe.connect(ADA);
  universe.database.disconnect(ADA);
  expect(workers()).toEqual([]);
  expect(universe.apply([join('x', 0n)])).toMatchObject({ code: 'value/malformed' });
  universe.apply([ops.grant(BOB.identity, 'consume', 'event:other')]);
  expect(universe.apply([join('x')], BOB)).toMatchObject({ code: 'consumer/not-found' });
  expect(universe.refusedRead('read_consumer_workers', { name: 'mail' }, BOB)).toMatchObject({
    code: 'consumer/not-found',
  });
});

test('a consumer has so many workers at most, and room again when leases end', async () => {
  const universe = await openWithConsumer();
  const join = (number: number): Op => ({
    tag: 'joinConsumer',
    value: { name: 'mail', holder: `worker-${number}`, leaseMicros: SECOND },
  });
  expect(universe.apply(Array.from({ length: MAX_CONSUMER_WORKERS }, (_, number) => join(number)))).toBeUndefined();
  expect(universe.apply([join(0)])).toBeUndefined();
  expect(universe.apply([join(MAX_CONSUMER_WORKERS)])).toMatchObject({
    code: 'consumer/full',
    details: { workers: MAX_CONSUMER_WORKERS, limit: MAX_CONSUMER_WORKERS },
  });
  universe.time.advance(2n * SECOND);
  expect(universe.apply([join(MAX_CONSUMER_WORKERS)])).toBeUndefined();
  universe.apply([{ tag: 'deleteConsumer', value: { name: 'mail' } }]);
  expect(universe.rows('consumer_worker')).toEqual([]);
});

describe('how far a consumer is behind', () => {
  const lagOf = (universe: Universe, more: object = {}, caller = OWNER): readonly number[] => {
    return universe.read('read_consumer_lag', { name: 'mail', afterSeqs: [0n, 0n], ...more }, caller).counts;
  };
  const order = (id: string, more: object = {}): Op => ops.event(id, 'order.placed', more);

  test('each event counts for its partition alone, and only those of the consumer’s scope, pattern and kind', async () => {
    const universe = await openWithConsumer();
    const keys = Array.from({ length: 20 }, (_, number) => `key ${number} ü`);
    universe.apply(keys.map((partitionKey, number) => order(`order-${number}`, { partitionKey })));
    universe.apply([ops.event('other', 'other'), order('elsewhere', { scope: 'elsewhere' })]);
    universe.apply([order('by-source', { source: keys[0] })]);
    const expected = [0, 0];
    for (const key of [...keys, keys[0] ?? '']) expected[partitionOf(key, 2)]! += 1;
    expect(lagOf(universe)).toEqual(expected);
    expect(lagOf(universe, { kind: 'system' })).toEqual([0, 0]);
    expect(lagOf(universe, { kind: '' })).toEqual(expected);
  });

  test('what lies before a partition’s place, or after the end of the question, does not count', async () => {
    const universe = await openWithConsumer();
    universe.apply(Array.from({ length: 10 }, (_, number) => order(`order-${number}`, { partitionKey: 'one' })));
    const own = partitionOf('one', 2);
    const seqs = universe
      .rows('event_log')
      .filter((row) => row.eventType === 'order.placed')
      .map((row) => row.seq as bigint);
    const places = (seq: bigint): readonly bigint[] => [0, 1].map((partition) => (partition === own ? seq : 0n));
    expect(lagOf(universe, { afterSeqs: places(seqs[3]!) })[own]).toBe(6);
    expect(lagOf(universe, { afterSeqs: places(seqs[3]!), throughSeq: seqs[5] })[own]).toBe(2);
    expect(lagOf(universe, { lookAfter: seqs[7] })[own]).toBe(2);
    expect(universe.refusedRead('read_consumer_lag', { name: 'mail', afterSeqs: [0n] })).toMatchObject({
      code: 'value/malformed',
    });
  });

  test('it counts what the caller may read, and tells who may not use the consumer nothing', async () => {
    const universe = await openWithConsumer();
    universe.apply([order('order-1')]);
    expect(lagOf(universe, {}, ADA)).toEqual([0, 0]);
    universe.apply([ops.grant(ADA.identity, 'read', 'event:order.**')]);
    expect(lagOf(universe, {}, ADA).reduce((sum, count) => sum + count)).toBe(1);
    universe.apply([ops.grant(BOB.identity, 'read', 'event:order.**')]);
    expect(universe.refusedRead('read_consumer_lag', { name: 'mail', afterSeqs: [0n, 0n] }, BOB)).toMatchObject({
      code: 'consumer/not-found',
    });
  });
});
