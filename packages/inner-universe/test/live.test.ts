import { describe, expect, test } from 'vitest';
import type { Universe } from '../src/index.ts';
import { createTestUniverse, READ_AND_WRITE, type TestGrant } from '../src/testing/index.ts';

/** Two connections to one new database: the owner's, and another of the owner's or of somebody with grants. */
async function openPair(grants?: readonly TestGrant[]): Promise<{
  one: Universe;
  two: Universe;
  /** Resolves when both have been told everything. */
  settle(): Promise<void>;
  close(): Promise<void>;
}> {
  const testUniverse = await createTestUniverse();
  const close = async (): Promise<void> => {
    const errors = testUniverse.takeErrors();
    await testUniverse.close();
    expect(errors).toEqual([]);
  };
  const two = await (grants === undefined ? testUniverse.as('owner') : testUniverse.as('ada', grants));
  return { one: testUniverse.universe, two, settle: () => testUniverse.settle(), close };
}

describe.each([
  ['the owner twice', undefined],
  ['the owner and somebody who was let in', READ_AND_WRITE],
])('two connections to one universe: %s', (_, grants) => {
  test('see the events of both, each once, in the same order, their own ones too', async () => {
    const { one, two, settle, close } = await openPair(grants);
    const seen: Record<'one' | 'two', number[]> = { one: [], two: [] };
    one.events.subscribe('tick', (event) => seen.one.push((event.data as { number: number }).number));
    two.events.subscribe('tick', (event) => seen.two.push((event.data as { number: number }).number));
    const published: Promise<string>[] = [];
    for (let number = 0; number < 400; number += 2) {
      published.push(one.events.publish('tick', { number }), two.events.publish('tick', { number: number + 1 }));
      if (number % 40 === 0) await published.at(-1);
    }
    await Promise.all(published);
    await settle();
    expect(seen.one).toEqual(seen.two);
    expect(seen.one.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_unused, number) => number));
    expect(seen.one.filter((number) => number % 2 === 0)).toEqual(
      Array.from({ length: 200 }, (_unused, index) => 2 * index),
    );
    await close();
  });

  test('see ephemeral events of each other', async () => {
    const { one, two, settle, close } = await openPair(grants);
    const seen: unknown[] = [];
    two.events.subscribe('cursor.*', (event) => seen.push(event.data));
    for (let x = 0; x < 5; x += 1) await one.events.publish('cursor.moved', x, { durability: 'ephemeral' });
    await settle();
    expect(seen).toEqual([0, 1, 2, 3, 4]);
    expect((await two.events.publishAndWait('cursor.moved', 5, { durability: 'ephemeral' })).handled).toBe(1);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
    await close();
  });

  test('see the versions of each other, each once, in order', async () => {
    const { one, two, settle, close } = await openPair(grants);
    const first = await one.states.open('cart', { count: 0 });
    const second = await two.states.open('cart', { count: -1 });
    expect(second.state.count).toBe(0);
    const told: Record<'first' | 'second', string[]> = { first: [], second: [] };
    first.subscribe((change) => told.first.push(change.versionId));
    second.subscribe((change) => told.second.push(change.versionId));
    const made: string[] = [];
    for (let n = 1; n <= 5; n += 1) {
      made.push(await first.commit((draft) => (draft.count += 1)));
      await settle();
      expect(second.versionId).toBe(made.at(-1));
      made.push(await second.commit((draft) => (draft.count += 10)));
      await settle();
      expect(first.versionId).toBe(made.at(-1));
    }
    expect(first.state.count).toBe(55);
    expect(told).toEqual({ first: made, second: made });
    await close();
  });

  test('of two writers on one branch one wins; the loser learns of it, and its second try succeeds', async () => {
    const { one, two, settle, close } = await openPair(grants);
    const stores = [await one.states.open('counter', { count: 0 }), await two.states.open('counter', { count: 0 })];
    let conflicts = 0;
    const add = async (store: (typeof stores)[number]): Promise<void> => {
      for (let n = 0; n < 10; n += 1) {
        for (;;) {
          try {
            await store.commit((draft) => (draft.count += 1));
            break;
          } catch (error) {
            const { code, details } = error as { code: string; details: { expectedHead: string; actualHead: string } };
            expect(code).toBe('state/version-conflict');
            expect(details.actualHead).not.toBe(details.expectedHead);
            expect(await store.version(details.actualHead)).toBeDefined();
            conflicts += 1;
          }
        }
      }
    };
    await Promise.all(stores.map(add));
    for (const store of stores) {
      await settle();
      expect(store.state.count).toBe(20);
      expect(await store.verify()).toEqual({ ok: true, versions: 21 });
    }
    expect(conflicts).toBeGreaterThan(0);
    await close();
  });

  test('may open a store that does not exist at the same time', async () => {
    const { one, two, close } = await openPair(grants);
    const [first, second] = await Promise.all([
      one.states.open('new', { by: 'one' }),
      two.states.open('new', { by: 'two' }),
    ]);
    expect(first.versionId).toBe(second.versionId);
    expect(first.state).toEqual(second.state);
    expect(await first.log()).toHaveLength(1);
    await close();
  });

  test('see the graph of each other change, live', async () => {
    const { one, two, settle, close } = await openPair(grants);
    const changes: string[] = [];
    await two.graph.load();
    two.graph.subscribe((change) => changes.push(`${change.type} ${change.id}`));
    const people = two.graph.liveQuery({ type: 'person', orderBy: { field: 'name' } });
    const ada = await one.graph.createEntity('person', { id: 'ada', name: 'Ada' });
    const bob = await two.graph.createEntity('person', { id: 'bob', name: 'Bob' });
    await one.graph.createRelation('knows', { id: 'knows', from: ada, to: bob });
    await settle();
    expect(changes).toHaveLength(3);
    await one.graph.updateEntity(ada, { name: 'Zoe' });
    await settle();
    expect(people.current.map(({ name }) => name)).toEqual(['Bob', 'Zoe']);
    await one.graph.deleteEntity(bob, { cascade: true });
    await settle();
    expect(changes).toHaveLength(6);
    expect(changes.slice(0, 4)).toEqual(['inserted ada', 'inserted bob', 'inserted knows', 'updated ada']);
    expect(changes.slice(4).sort()).toEqual(['deleted bob', 'deleted knows']);
    expect((await two.graph.neighbors('ada')).length).toBe(0);
    await close();
  });
});

test('on the owner\u2019s connections each change of an entity is told as it was, however fast they come', async () => {
  const { one, two, settle, close } = await openPair();
  const names: unknown[] = [];
  await two.graph.load();
  two.graph.subscribe({ subject: 'entity' }, (change) => names.push(change.after?.name));
  await one.graph.createEntity('person', { id: 'ada', name: '0' });
  const updates = Array.from({ length: 50 }, (_, n) => one.graph.updateEntity('ada', { name: String(n + 1) }));
  await Promise.all(updates);
  await settle();
  expect(names.at(-1)).toBe('50');
  // Updates that shared a request are one transaction, of which the outcome is told; the order is kept.
  const numbers = names.map(Number);
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(new Set(numbers).size).toBe(numbers.length);
  await close();
});

test('who may read one scope sees just that, live, and what is granted later from then on', async () => {
  const { one, two, settle, close } = await openPair([{ action: 'read', resource: 'scope:shop' }]);
  const seen: string[] = [];
  two.events.subscribe('**', (event) => seen.push(event.type));
  await one.events.publish('secret', 1);
  await one.events.publish('shown', 1, { scope: 'shop' });
  await one.events.publish('secret.ephemeral', 1, { durability: 'ephemeral' });
  await one.events.publish('shown.ephemeral', 1, { durability: 'ephemeral', scope: 'shop' });
  await settle();
  expect(seen).toEqual(['shown', 'shown.ephemeral']);
  expect((await two.events.query()).map(({ type }) => type)).toEqual(['shown']);
  await expect(two.events.publish('own', 1)).rejects.toMatchObject({ code: 'permission/denied' });
  await expect(two.client.getSystemStatus()).rejects.toMatchObject({ code: 'permission/denied' });

  const subject = two.client.identity;
  const grant = { subject, action: 'read', resource: 'scope:main', scope: '', expiresAt: undefined };
  await one.client.write([{ tag: 'grant', value: grant }]);
  for (let n = 0; n < 4; n += 1) await one.events.publish('granted', n);
  await settle();
  expect(seen.filter((type) => type === 'granted').length).toBeGreaterThanOrEqual(1);
  await two.client.catchUp();
  expect(seen.filter((type) => type === 'granted')).toHaveLength(4);
  expect(seen).not.toContain('secret');
  await close();
});

test('who may only publish does so, and hears nothing', async () => {
  const { one, two, settle, close } = await openPair([{ action: 'publish', resource: 'event:sensor.**' }]);
  const seen: string[] = [];
  one.events.subscribe('**', (event) => seen.push(event.type));
  const report = await two.events.publishAndWait('sensor.heat', 21);
  expect(report.handled).toBe(0);
  await expect(two.events.publish('other', 1)).rejects.toMatchObject({ code: 'permission/denied' });
  await settle();
  expect(seen).toEqual(['sensor.heat']);
  await close();
});

test('who has a grant for one store alone commits to it', async () => {
  const { one, two, settle, close } = await openPair([
    { action: 'read', resource: 'store:cart' },
    { action: 'commit', resource: 'store:cart' },
  ]);
  const first = await one.states.open('cart', { count: 0 });
  const second = await two.states.open('cart', { count: 0 });
  await second.commit((draft) => (draft.count = 1));
  await second.commit((draft) => (draft.count = 2));
  expect(second.state.count).toBe(2);
  await settle();
  expect(first.state.count).toBe(2);
  await first.commit((draft) => (draft.count = 3));
  await expect(second.commit((draft) => (draft.count = 9))).rejects.toMatchObject({ code: 'state/version-conflict' });
  expect(second.state.count).toBe(3);
  await second.commit((draft) => (draft.count += 1));
  await settle();
  expect(first.state.count).toBe(4);
  await close();
});

test('a bridged bus of NERV gets what comes from the log, and gives what is published there, each once', async () => {
  const { EventBus } = await import('@inner-universe/nerv/events');
  const { one, two, settle, close } = await openPair();
  const bus = new EventBus();
  const local: string[] = [];
  const remote: string[] = [];
  bus.subscribe('**', (event) => local.push(event.type));
  two.events.subscribe('**', (event) => remote.push(event.type));
  const disconnect = one.events.connect(bus);
  bus.publish('from.bus', 1);
  await settle();
  expect(remote).toEqual(['from.bus']);
  await two.events.publish('from.log', 2);
  await two.events.publish('from.ring', 3, { durability: 'ephemeral' });
  await settle();
  expect(local).toEqual(['from.bus', 'from.log', 'from.ring']);
  disconnect();
  bus.publish('alone', 4);
  await two.events.publish('last', 5);
  expect(remote).toEqual(['from.bus', 'from.log', 'from.ring', 'last']);
  expect(local).toEqual(['from.bus', 'from.log', 'from.ring', 'alone']);
  await close();
});
