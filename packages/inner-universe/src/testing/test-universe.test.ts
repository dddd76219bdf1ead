import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from './index.ts';

let testUniverse: TestUniverse;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
});

afterEach(async () => {
  const errors = testUniverse.takeErrors();
  await testUniverse.close();
  expect(errors).toEqual([]);
});

test('it is the real module: events, versions and a graph, as anywhere', async () => {
  const { universe } = testUniverse;
  expect((await universe.events.publishAndWait('order.placed', { id: 1 })).handled).toBe(0);
  const cart = await universe.states.open('cart', { items: [] as string[] });
  await cart.commit((draft) => void draft.items.push('apple'));
  await universe.graph.createEntity('person', { id: 'ada' });
  await expect(universe.graph.createEntity('person', { id: 'ada' })).rejects.toMatchObject({ code: 'entity/id-taken' });
  const { events, entities, versions } = await universe.client.getSystemStatus();
  expect([events, entities, versions]).toEqual([1n, 1n, 2n]);
  expect(universe.controller.state).toBe('running');
  expect(universe.controller.host?.database(testUniverse.host.databaseName)).toBe(testUniverse.host.hosted);
});

test('somebody else may do what was granted, and nothing else', async () => {
  const { universe } = testUniverse;
  await expect(testUniverse.as('ada')).rejects.toMatchObject({ code: 'connection/refused' });
  const ada = await testUniverse.as('ada', [{ action: 'publish', resource: 'event:sensor.**' }]);
  expect(ada.client.identity).toBe(testUniverse.identityOf('ada'));
  expect(ada.client.identity).not.toBe(universe.client.identity);
  await ada.events.publish('sensor.heat', 21);
  await expect(ada.events.publish('other', 1)).rejects.toMatchObject({ code: 'permission/denied' });
  await testUniverse.grant('ada', READ_AND_WRITE);
  await ada.events.publish('other', 2);
  expect((await ada.events.query()).map(({ data }) => data)).toEqual([21, 2]);
  await testUniverse.revoke('ada', READ_AND_WRITE);
  await expect(ada.events.query()).rejects.toMatchObject({ code: 'permission/denied' });
});

test('what one does the others see once it has settled', async () => {
  const [ada, bob] = await Promise.all([
    testUniverse.as('ada', READ_AND_WRITE),
    testUniverse.as('bob', READ_AND_WRITE),
  ]);
  const seen: unknown[] = [];
  bob.events.subscribe('**', ({ data }) => seen.push(data));
  await Promise.all([ada.events.publish('tick', 1), ada.events.publish('tick', 2)]);
  await testUniverse.settle();
  expect(seen).toEqual([1, 2]);
});

test('one clock moves the module, its schedules, grants, and the timeouts of clients', async () => {
  const { universe, clock, host } = testUniverse;
  expect(new Date(Number(clock.nowMicros() / 1000n)).toISOString()).toBe('2026-01-01T00:00:00.000Z');
  const until = new Date(Number(clock.nowMicros() / 1000n) + 60_000);
  const ada = await testUniverse.as(
    'ada',
    READ_AND_WRITE.map((grant) => ({ ...grant, expiresAt: until })),
  );
  await ada.events.publish('early', 1);
  await testUniverse.advance(61_000);
  await expect(ada.events.publish('late', 1)).rejects.toMatchObject({ code: 'permission/denied' });
  const [event] = await universe.events.query({ pattern: 'early' });
  expect(event?.timestamp).toBe(until.getTime() - 60_000);

  const waiting = expect(universe.events.waitFor('never', { timeoutMs: 5_000 })).rejects.toMatchObject({
    code: 'event/timeout',
  });
  await testUniverse.advance(5_000);
  await waiting;

  const requests = async (): Promise<number> => (await host.sql('SELECT * FROM request')).length;
  expect(await requests()).toBeGreaterThan(0);
  // The module forgets requests after some days, by a schedule of its own.
  await testUniverse.advance(10 * 86_400_000);
  await testUniverse.settle();
  expect(await requests()).toBe(0);
  await expect(testUniverse.advance(-1)).rejects.toThrow(RangeError);
});

test('the same seed gives the same ids and identities, another one others', async () => {
  const idsOf = async (seed: string): Promise<readonly string[]> => {
    const one = await createTestUniverse({ seed });
    const { universe } = one;
    const store = await universe.states.open('cart', { count: 0 });
    const ada = await one.as('ada', READ_AND_WRITE);
    const { id } = await ada.graph.createEntity('person');
    const ids = [await universe.events.publish('tick', 1), await store.commit({ count: 1 }), id, one.identityOf('ada')];
    await one.close();
    return ids;
  };
  const first = await idsOf('a');
  expect(await idsOf('a')).toEqual(first);
  const other = await idsOf('b');
  expect(other.filter((id) => first.includes(id))).toEqual([]);
});

test('a fork goes on from here, on its own', async () => {
  const { universe } = testUniverse;
  await testUniverse.as('ada', READ_AND_WRITE);
  await universe.events.publish('tick', 'once');
  const forks = [await testUniverse.fork(), await testUniverse.fork()];
  const [one, two] = forks as [TestUniverse, TestUniverse];
  await universe.events.publish('tick', 'twice');
  const ids = [await one.universe.events.publish('tick', 'one'), await two.universe.events.publish('tick', 'two')];
  const ticks = (of: TestUniverse): Promise<readonly unknown[]> =>
    of.universe.events.query({ pattern: 'tick' }).then((events) => events.map(({ data }) => data));
  expect(await ticks(testUniverse)).toEqual(['once', 'twice']);
  expect(await ticks(one)).toEqual(['once', 'one']);
  expect(await ticks(two)).toEqual(['once', 'two']);
  expect(new Set(ids).size).toBe(2);
  expect((await (await one.as('ada')).events.query()).length).toBe(2);
  await Promise.all(forks.map((fork) => fork.close()));
});

test('after a restart what was durable is there, and everybody is connected again', async () => {
  const { universe } = testUniverse;
  const ada = await testUniverse.as('ada', READ_AND_WRITE);
  const store = await universe.states.open('cart', { count: 0 });
  await store.commit({ count: 1 });
  await testUniverse.restart();
  expect([universe.client.state, ada.client.state]).toEqual(['connected', 'connected']);
  await store.commit({ count: 2 });
  expect((await (await ada.states.open('cart', { count: 0 })).log()).length).toBe(3);
  expect(universe.controller.host?.database(testUniverse.host.databaseName)).toBe(testUniverse.host.hosted);
});

test('slow messages come when the clock has moved', async () => {
  const { universe, network } = testUniverse;
  network.delay(100);
  let isDone = false;
  const publishing = universe.events.publish('tick', 1).then(() => (isDone = true));
  await testUniverse.advance(199);
  expect(isDone).toBe(false);
  await testUniverse.advance(1);
  expect(isDone).toBe(true);
  await publishing;
});

test('a frozen connection is given up after the silence that is allowed', async () => {
  const { universe, network } = testUniverse;
  network.freeze('to-client');
  const publishing = universe.events.publish('tick', 1);
  await testUniverse.advance(59_999);
  expect(universe.client.state).toBe('connected');
  await testUniverse.advance(1);
  expect(universe.client.state).toBe('reconnecting');
  network.thaw();
  network.restore();
  await publishing;
  expect(await universe.events.query()).toHaveLength(1);
});

test('errors that nobody waits for are kept for the test', async () => {
  const { universe } = testUniverse;
  universe.events.subscribe('tick', () => {
    throw new Error('thrown by a handler');
  });
  await universe.events.publish('tick', 1);
  await testUniverse.settle();
  expect(testUniverse.takeErrors()).toEqual([expect.objectContaining({ message: 'thrown by a handler' })]);
  expect(testUniverse.takeErrors()).toEqual([]);
});

test('a network belongs to a universe of the test', () => {
  const other = { ...testUniverse.universe };
  expect(() => testUniverse.networkOf(other)).toThrow(TypeError);
  expect(() => testUniverse.network.dropAt('to-host', 0)).toThrow(RangeError);
  expect(() => testUniverse.network.delay(-1)).toThrow(RangeError);
});
