import type { NervEvent } from '@inner-universe/nerv';
import { afterEach, describe, expect, test } from 'vitest';
import { SpacetimeEntityGraph, SpacetimeEventBus, type EventOptions, type Universe } from '../src/index.ts';
import { createTestUniverse, READ_AND_WRITE, type TestGrant, type TestUniverse } from '../src/testing/index.ts';
import { describeForms } from './forms.ts';

/** What a bus was told, in order. */
function record(bus: SpacetimeEventBus, pattern = '**'): NervEvent[] {
  const events: NervEvent[] = [];
  bus.subscribe(pattern, (event) => events.push(event));
  return events;
}

/** One more bus over the same connection, as another part of a program has it. */
function anotherBus(universe: Universe, options: EventOptions = {}): SpacetimeEventBus {
  return new SpacetimeEventBus(universe.client, { ...options, onError: () => undefined });
}

const dataOf = (events: readonly NervEvent[]): readonly unknown[] => events.map(({ data }) => data);

describeForms((form) => {
  test('emit is synchronous and this bus only, and gives the id', async () => {
    const universe = await form.open();
    const [own, other] = [record(universe.events), record(anotherBus(universe))];
    const id = universe.events.emit('a.b', 1);
    expect(own).toMatchObject([{ id, data: 1, seq: undefined, pending: false }]);
    await universe.events.publish('a.c', 2);
    await universe.client.catchUp();
    expect(dataOf(other)).toEqual([2]);
    expect(dataOf(await universe.events.query())).toEqual([2]);
    await universe.close();
  });

  test('durable: handlers on every bus run when it comes back from the log, in order of seq, each once', async () => {
    const universe = await form.open();
    const other = anotherBus(universe);
    const [own, others] = [record(universe.events), record(other)];
    const first = universe.events.publish('tick', 0);
    expect(own).toEqual([]);
    const rest = Array.from({ length: 300 }, (_, at) =>
      (at % 3 === 0 ? other : universe.events).publish('tick', at + 1),
    );
    const id = await first;
    await Promise.all(rest);
    await universe.client.catchUp();
    expect(dataOf(own)).toEqual(Array.from({ length: 301 }, (_, n) => n));
    expect(dataOf(others)).toEqual(dataOf(own));
    const seqs = own.map(({ seq }) => seq ?? 0);
    expect(seqs).toEqual(seqs.toSorted((left, right) => left - right));
    expect(new Set(seqs).size).toBe(301);
    expect(own[0]).toMatchObject({ id, pending: false });
    expect(await universe.events.query()).toHaveLength(301);
    await universe.close();
  });

  test('ephemeral: the same through the broadcast, without seq and without replay', async () => {
    const universe = await form.open();
    const [own, others] = [record(universe.events), record(anotherBus(universe))];
    const id = await universe.events.publish('cursor.moved', 1, { durability: 'ephemeral' });
    await universe.events.publish('tick', 2);
    await universe.client.catchUp();
    for (const seen of [own, others]) expect(seen[0]).toMatchObject({ id, data: 1, seq: undefined, pending: false });
    for (const seen of [own, others]) expect(dataOf(seen)).toEqual([1, 2]);
    expect(dataOf(await universe.events.query())).toEqual([2]);
    await universe.close();
  });

  test('local: as emit', async () => {
    const universe = await form.open();
    const [own, others] = [record(universe.events), record(anotherBus(universe))];
    await universe.events.publish('a', 1, { durability: 'local' });
    await universe.events.publish('b', 2);
    await universe.client.catchUp();
    expect([dataOf(own), dataOf(others), dataOf(await universe.events.query())]).toEqual([[1, 2], [2], [2]]);
    await universe.close();
  });

  test('optimistic: the own bus gets it at once and pending, and not again; others when the log has it', async () => {
    const universe = await form.open();
    const [own, others] = [record(universe.events), record(anotherBus(universe))];
    const publishing = universe.events.publish('a', { n: 1 }, { optimistic: true });
    expect(own).toMatchObject([{ data: { n: 1 }, pending: true, seq: undefined }]);
    const id = await publishing;
    await universe.events.publish('b', 2);
    await universe.client.catchUp();
    expect(own.map(({ id: each, type }) => (each === id ? 'it' : type))).toEqual(['it', 'b']);
    expect(others[0]).toMatchObject({ id, pending: false, data: { n: 1 } });
    await universe.close();
  });

  test('optimistic and refused: event.rejected with the same id follows, on this bus alone', async () => {
    const universe = await form.open();
    const [own, others] = [record(universe.events), record(anotherBus(universe))];
    const rejected: NervEvent[] = [];
    universe.events.subscribe('event.rejected', (event) => rejected.push(event));
    await universe.events.publish('a', 1, { id: 'taken' });
    const publishing = universe.events.publish('b', 2, { id: 'taken-2', optimistic: true, scope: 'a\u0000b' });
    expect(own.at(-1)).toMatchObject({ id: 'taken-2', pending: true });
    await expect(publishing).rejects.toMatchObject({ code: 'value/malformed' });
    expect(rejected).toMatchObject([
      { id: 'taken-2', kind: 'system', data: { type: 'b', reason: { code: 'value/malformed' } } },
    ]);
    await expect(universe.events.publish('c', 3, { id: 'taken' })).rejects.toMatchObject({ code: 'event/id-taken' });
    expect(rejected).toHaveLength(1);
    await universe.client.catchUp();
    expect(dataOf(others)).toEqual([1]);
    await universe.close();
  });

  test('what cannot be stored is refused before anybody is told, also optimistically', async () => {
    const universe = await form.open();
    const own = record(universe.events);
    const publishing = universe.events.publish('a', { f: () => 1 }, { optimistic: true });
    await expect(publishing).rejects.toMatchObject({ code: 'value/unsupported' });
    expect(own).toEqual([]);
    await universe.close();
  });

  test('patterns match application events; records of the module are asked for', async () => {
    const universe = await form.open();
    const own = record(universe.events);
    const records: string[] = [];
    universe.events.subscribe({ pattern: '**', kind: 'system' }, ({ type }) => records.push(type));
    await universe.graph.createEntity('person', { id: 'ada' });
    await universe.events.publish('a', 1);
    await universe.client.catchUp();
    expect(own.map(({ type }) => type)).toEqual(['a']);
    expect(records).toContain('ENTITY_CREATED');
    await universe.close();
  });

  test('a throwing handler stops no other, and is reported', async () => {
    const errors: unknown[] = [];
    const universe = await form.open({ onError: (error) => errors.push(error) });
    const failure = new Error('handler');
    universe.events.subscribe('a', () => {
      throw failure;
    });
    universe.events.subscribe('a', () => Promise.reject(failure));
    const own = record(universe.events);
    await universe.events.publishAndWait('a', 1);
    expect(dataOf(own)).toEqual([1]);
    expect(errors).toEqual([failure, failure]);
    await universe.close();
  });

  test('what a rule gives as a partition key must be a text that has a UTF-8', async () => {
    const universe = await form.open({
      events: { partitionKey: { half: () => 'a\ud800', none: () => 5 as unknown as string } },
    });
    for (const type of ['half', 'none']) {
      await expect(universe.events.publish(type, 1)).rejects.toMatchObject({ code: 'value/unsupported' });
    }
    expect(await universe.events.query()).toEqual([]);
    await universe.close();
  });

  test('rules by type say how events are published, the most specific one holds, and a call goes before', async () => {
    const universe = await form.open({
      events: {
        durability: { 'cursor.moved': 'ephemeral', 'debug.**': 'local', 'debug.kept': 'durable' },
        scope: { 'shop.**': 'shop' },
        partitionKey: { 'order.*': ({ data }) => (data as { customer?: string }).customer },
      },
    });
    const others = record(anotherBus(universe));
    await universe.events.publish('cursor.moved', 1);
    await universe.events.publish('debug.deep.down', 2);
    await universe.events.publish('debug.kept', 3);
    await universe.events.publish('cursor.moved', 4, { durability: 'durable' });
    await universe.events.publish('order.placed', { customer: 'ada' }, { source: 'web' });
    await universe.events.publish('order.paid', {}, { source: 'web' });
    await universe.events.publish('order.sent', { customer: 'ada' }, { partitionKey: 'own' });
    await universe.events.publish('shop.opened', 5);
    await universe.events.publish('shop.closed', 6, { scope: 'main' });
    await universe.client.catchUp();
    expect(others.map(({ type }) => type)).toEqual([
      ...['cursor.moved', 'debug.kept', 'cursor.moved', 'order.placed', 'order.paid', 'order.sent'],
      ...['shop.opened', 'shop.closed'],
    ]);
    const rows = (await universe.client.queryEvents({ kind: 'application' })).events;
    expect(rows.map(({ eventType, scope, partitionKey }) => [eventType, scope, partitionKey])).toEqual([
      ['debug.kept', 'main', ''],
      ['cursor.moved', 'main', ''],
      ['order.placed', 'main', 'ada'],
      ['order.paid', 'main', 'web'],
      ['order.sent', 'main', 'own'],
      ['shop.opened', 'shop', ''],
      ['shop.closed', 'main', ''],
    ]);
    await universe.close();
  });

  test('events carry the version of their type, and older ones are brought forward wherever they are read', async () => {
    const universe = await form.open({
      events: {
        upcasters: { order: { 2: (data: number) => ({ n: data }), 3: (data: object) => ({ ...data, v: 3 }) } },
      },
    });
    const [plain, half] = [
      anotherBus(universe),
      anotherBus(universe, { upcasters: { order: { 2: (n: number) => ({ n }) } } }),
    ];
    const own = record(universe.events);
    await plain.publish('order', 1);
    await half.publish('order', { n: 2 });
    await universe.events.publish('order', { n: 3, v: 3 });
    await universe.client.catchUp();
    const expected = [1, 2, 3].map((n) => ({ n, v: 3 }));
    expect(dataOf(own)).toEqual(expected);
    expect(dataOf(await universe.events.query())).toEqual(expected);
    expect(dataOf(await universe.events.query({ order: 'descending' }))).toEqual(expected.toReversed());
    const replayed: unknown[] = [];
    await universe.events.replay({ afterSeq: 0 }, ({ data }) => replayed.push(data));
    expect(replayed).toEqual(expected);
    expect((await universe.client.queryEvents({ kind: 'application' })).events.map((row) => row.typeVersion)).toEqual([
      1, 2, 3,
    ]);
    await universe.close();
  });

  test('data of a newer version are told to nobody who does not know it, but reported; a query of it fails', async () => {
    const errors: unknown[] = [];
    const universe = await form.open({ onError: (error) => errors.push(error), events: { upcasters: { order: {} } } });
    const own = record(universe.events);
    const newer = anotherBus(universe, { upcasters: { order: { 2: () => 0 } } });
    const id = await newer.publish('order', 'new');
    await universe.events.publish('order', 'old');
    await universe.client.catchUp();
    expect(dataOf(own)).toEqual(['old']);
    expect(errors).toMatchObject([
      { code: 'event/newer-version', details: { id, type: 'order', typeVersion: 2, known: 1 } },
    ]);
    await expect(universe.events.query({ pattern: 'order' })).rejects.toMatchObject({ code: 'event/newer-version' });
    await universe.close();
  });
});

describe('arguments that make no sense are refused at the call', () => {
  test.each([-1, 0, Number.NaN, 1.5])('a limit of %d', async (limit) => {
    await using testUniverse = await createTestUniverse();
    const { events } = testUniverse.universe;
    await events.publish('a', 1);
    const refused = { code: 'event/invalid', details: { limit } };
    await expect(events.query({ limit })).rejects.toMatchObject(refused);
    await expect(events.query({ limit, from: 0 })).rejects.toMatchObject(refused);
    await expect(events.queryPage({ limit })).rejects.toMatchObject(refused);
    await expect(events.replay({ limit }, () => undefined)).rejects.toMatchObject(refused);
    expect(dataOf(await events.query({ limit: Number.POSITIVE_INFINITY }))).toEqual([1]);
  });

  test.each([undefined, null, 'log', {}])('a handler that is %j, also where there are no events', async (handler) => {
    await using testUniverse = await createTestUniverse();
    const { events } = testUniverse.universe;
    const given = handler as never; // as a program without types gives it
    const refused = { code: 'event/invalid', message: expect.stringContaining('handler') };
    await expect(events.replay({}, given)).rejects.toMatchObject(refused);
    expect(() => events.subscribe('a', given)).toThrow(expect.objectContaining(refused));
    expect(() => events.once('a', given)).toThrow(expect.objectContaining(refused));
    await events.publishAndWait('a', 1);
    expect(testUniverse.takeErrors()).toEqual([]);
  });
});

test('rules that are wrong are refused before anything is opened', async () => {
  const { openUniverse } = await import('../src/index.ts');
  const open = (events: EventOptions): Promise<Universe> => openUniverse({ memory: true, events });
  await expect(open({ durability: { 'a.**b': 'local' } })).rejects.toMatchObject({ code: 'config/invalid' });
  await expect(open({ durability: { a: 'sometimes' as 'local' } })).rejects.toMatchObject({ code: 'config/invalid' });
  await expect(open({ scope: { a: '' } })).rejects.toMatchObject({ code: 'config/invalid' });
  await expect(open({ upcasters: { a: { 2: () => 0, 4: () => 0 } } })).rejects.toMatchObject({
    code: 'event/missing-upcaster',
  });
});

describe.each<[string, readonly TestGrant[] | undefined]>([
  ['the owner', undefined],
  ['somebody who was let in', READ_AND_WRITE],
])('%s, whose connection is bad', (_, grants) => {
  let testUniverse: TestUniverse;
  afterEach(async () => {
    expect(testUniverse.takeErrors()).toEqual([]);
    await testUniverse.close();
  });

  async function openBoth(): Promise<{ owner: Universe; user: Universe }> {
    testUniverse = await createTestUniverse();
    const owner = testUniverse.universe;
    return { owner, user: await (grants === undefined ? testUniverse.as('owner') : testUniverse.as('ada', grants)) };
  }

  test('durable events wait while it is away, and are delivered once the log has them, in order', async () => {
    const { owner, user } = await openBoth();
    const [own, others] = [record(user.events), record(owner.events)];
    const network = testUniverse.networkOf(user);
    network.cut();
    const publishing = [1, 2, 3].map((n) => user.events.publish('tick', n));
    const optimistic = user.events.publish('tick', 4, { optimistic: true });
    await owner.events.publish('tick', 0);
    await testUniverse.settle();
    expect(own).toMatchObject([{ data: 4, pending: true }]);
    expect(dataOf(others)).toEqual([0]);
    network.restore();
    await Promise.all([...publishing, optimistic]);
    await testUniverse.settle();
    expect(dataOf(own)).toEqual([4, 0, 1, 2, 3]);
    expect(dataOf(others)).toEqual([0, 1, 2, 3, 4]);
  });

  test('each event is delivered once, whatever is lost on the way', async () => {
    const { owner, user } = await openBoth();
    const [own, others] = [record(user.events), record(owner.events)];
    const network = testUniverse.networkOf(user);
    for (let n = 0; n < 8; n += 1) {
      network.dropAt(n % 2 === 0 ? 'to-client' : 'to-host', 1 + (n % 3));
      const publishing = user.events.publish('tick', n);
      await testUniverse.advance(10_000);
      await publishing;
    }
    await testUniverse.settle();
    expect(dataOf(own)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(dataOf(others)).toEqual(dataOf(own));
    expect(dataOf(await user.events.query())).toEqual(dataOf(own));
  });

  test('ephemeral events may be missed while it is away, durable ones are not', async () => {
    const { owner, user } = await openBoth();
    const own = record(user.events);
    const network = testUniverse.networkOf(user);
    network.cut();
    await owner.events.publish('cursor', 1, { durability: 'ephemeral' });
    await owner.events.publish('tick', 2);
    network.restore();
    await testUniverse.advance(10_000);
    await testUniverse.settle();
    expect(dataOf(own)).toEqual([2]);
    await owner.events.publish('cursor', 3, { durability: 'ephemeral' });
    await testUniverse.settle();
    expect(dataOf(own)).toEqual([2, 3]);
  });

  test('an endless publisher and a handler that does not settle: bounded here, and nothing durable is lost', async () => {
    const { owner, user } = await openBoth();
    const seen: number[] = [];
    const settle: (() => void)[] = [];
    let isSlow = true;
    user.events.subscribe('tick', ({ data }) => {
      seen.push(data as number);
      return isSlow ? new Promise<void>((resolve) => settle.push(resolve)) : undefined;
    });
    const total = 13_000;
    for (let from = 0; from < total; from += 1_000) {
      await Promise.all(Array.from({ length: 1_000 }, (_unused, at) => owner.events.publish('tick', from + at)));
    }
    await testUniverse.settle();
    expect(seen).toHaveLength(1_000);
    isSlow = false;
    for (const each of settle) each();
    await user.events.publishAndWait('last', 0);
    await testUniverse.settle();
    expect(seen).toEqual(Array.from({ length: total }, (_unused, n) => n));
  }, 60_000);
});

describe('somebody who is let in', () => {
  test('to a scope in which nothing was written yet finds nothing there, and then what is', async () => {
    await using testUniverse = await createTestUniverse();
    const owner = testUniverse.universe;
    await owner.graph.createEntity('person', { id: 'hidden' });
    const { events, graph } = await testUniverse.as('ada', [{ action: 'read', resource: 'scope:fresh' }]);
    const seen = record(events);
    expect(await events.query()).toEqual([]);
    expect(await graph.query()).toEqual([]);
    await graph.load();
    await owner.events.publish('a', 1, { scope: 'fresh' });
    const fresh = new SpacetimeEntityGraph(owner.client, { onError: () => undefined, scope: 'fresh' });
    await fresh.createEntity('person', { id: 'shown' });
    await testUniverse.settle();
    expect(dataOf(seen)).toEqual([1]);
    expect(dataOf(await events.query())).toEqual([1]);
    expect(await graph.query()).toMatchObject([{ id: 'shown' }]);
    expect(testUniverse.takeErrors()).toEqual([]);
  });

  test('gets of 3,000 ephemeral events those that the ring still has when it looks, in order, and no more', async () => {
    const testUniverse = await createTestUniverse();
    const ada = await testUniverse.as('ada', READ_AND_WRITE);
    const own = record(ada.events);
    testUniverse.networkOf(ada).freeze();
    for (let from = 0; from < 3_000; from += 1_000) {
      await Promise.all(
        Array.from({ length: 1_000 }, (_, at) =>
          testUniverse.universe.events.publish('cursor', from + at, { durability: 'ephemeral' }),
        ),
      );
    }
    testUniverse.networkOf(ada).thaw();
    await testUniverse.settle();
    const seen = dataOf(own) as readonly number[];
    expect(seen.length).toBeLessThanOrEqual(3_000);
    expect(seen.slice(-1_024)).toEqual(Array.from({ length: 1_024 }, (_, at) => 3_000 - 1_024 + at));
    expect(seen).toEqual(seen.toSorted((left, right) => left - right));
    expect(testUniverse.takeErrors()).toEqual([]);
    await testUniverse.close();
  });

  test('is refused what it may not publish, is told so, and its optimistic events are taken back', async () => {
    const testUniverse = await createTestUniverse();
    const grants = [
      { action: 'publish', resource: 'event:sensor.**' },
      { action: 'read', resource: 'event:sensor.**' },
    ] as const;
    const sensor = await testUniverse.as('sensor', grants);
    const rejected: string[] = [];
    sensor.events.subscribe('event.rejected', ({ id }) => rejected.push(id));
    const own = record(sensor.events);
    await sensor.events.publish('sensor.heat', 1, { optimistic: true });
    const refused = sensor.events.publish('order.placed', 2, { id: 'not-mine', optimistic: true });
    await expect(refused).rejects.toMatchObject({ code: 'permission/denied' });
    await testUniverse.settle();
    expect(own.map(({ data, pending }) => [data, pending])).toEqual([
      [1, true],
      [2, true],
    ]);
    expect(rejected).toEqual(['not-mine']);
    await testUniverse.universe.events.publish('order.placed', 3);
    await testUniverse.settle();
    expect(own).toHaveLength(2);
    await testUniverse.close();
  });
});
