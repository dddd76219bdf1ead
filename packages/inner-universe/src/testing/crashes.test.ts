import { afterEach, beforeEach, expect, test } from 'vitest';
import { MemoryOutbox } from '../offline/memory-outbox.ts';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from './index.ts';

let testUniverse: TestUniverse;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
});

afterEach(() => testUniverse.close());

test.each(['before', 'after'] as const)(
  'a crash that is planned for a commit of the restart kills the host again, and the next restart goes on (%s)',
  async (when) => {
    const ada = await testUniverse.as('ada', READ_AND_WRITE);
    await testUniverse.universe.events.publish('tick', 1);
    // By the first two those who were connected are signed off, by the others they are let in again.
    for (const commit of [1, 2, 3, 4]) {
      void testUniverse.crashAt({ commit, when });
      await testUniverse.restart();
      expect(testUniverse.host.isAlive).toBe(false);
      await testUniverse.advance(1_000);
      await testUniverse.restart();
      expect(testUniverse.host.isAlive).toBe(true);
    }
    await ada.events.publish('tick', 2);
    expect(await testUniverse.universe.events.query({ pattern: 'tick' })).toHaveLength(2);
  },
);

test('settling ends when the host dies meanwhile', async () => {
  const { network } = testUniverse;
  network.drop();
  // Coming back commits.
  const crashed = testUniverse.crashAt({ commit: 2, when: 'before' });
  await testUniverse.settle();
  await crashed;
  expect(testUniverse.host.isAlive).toBe(false);
});

test('closing ends when the host dies of what is still written, and tells who wrote', async () => {
  const other = await testUniverse.as('owner', [], { outbox: new MemoryOutbox() });
  const written = [testUniverse.universe, other].map((universe, n) => universe.events.publish('tick', n));
  for (const writing of written) writing.catch(() => undefined);
  void testUniverse.crashAt({ commit: 1, when: 'before' });
  await testUniverse.close();
  const outcomes = await Promise.allSettled(written);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});

test('closing ends where nothing becomes durable before the clock is moved', async () => {
  testUniverse.host.storage.delay(1_000n);
  const writing = testUniverse.universe.events.publish('tick');
  writing.catch(() => undefined);
  await testUniverse.close();
  await expect(writing).rejects.toMatchObject({ code: expect.stringMatching(/^connection\//) as string });
});

test.each(['slow', 'frozen'] as const)('a host starts on a device that is %s', async (how) => {
  const { storage } = testUniverse.host;
  if (how === 'slow') storage.delay(1_000n);
  else storage.hold();
  await testUniverse.restart();
  expect(testUniverse.host.isAlive).toBe(true);
  storage.clear();
  await testUniverse.advance(1);
  await testUniverse.universe.events.publish('tick');
});

test('who gave up over a frozen network connects again when it is thawed, without the clock', async () => {
  const { network, universe } = testUniverse;
  network.freeze();
  network.drop();
  // Attempts time out over the frozen network, and are made less and less often.
  await testUniverse.advance(60_000);
  expect(universe.client.state).not.toBe('connected');
  network.thaw();
  await testUniverse.settle();
  expect(universe.client.state).toBe('connected');
});

test('a universe whose host hung up over a frozen network can be closed', async () => {
  const ada = await testUniverse.as('ada', READ_AND_WRITE);
  const network = testUniverse.networkOf(ada);
  network.freeze('to-client');
  await testUniverse.host.hosted.sessions.close();
  await testUniverse.advance(0);
  // Nobody has told the client.
  expect(network.isOpen || ada.client.state === 'connected').toBe(true);
  await testUniverse.close();
  expect(ada.client.state).toBe('closed');
});

test('a host that is killed past the test universe ends attempts to connect all the same', async () => {
  testUniverse.network.drop();
  const { host } = testUniverse;
  const crashed = host.crashAt({ commit: 2, when: 'after' });
  await testUniverse.advance(1_000);
  await crashed;
  await host.restart();
  await testUniverse.advance(1_000);
  expect(testUniverse.universe.client.state).toBe('connected');
});

test('a consumer that is stopped while its claim is on its way gives back what it was given, and ends', async () => {
  const { universe, network } = testUniverse;
  const consumer = await universe.consumers.open('worker', { pattern: 'tick' });
  const stopping = new AbortController();
  let handled = 0;
  const running = consumer.run(async () => void (handled += 1), { signal: stopping.signal });
  const { messages } = network;
  // It joins, and looks who else is there: with the claim on its way it is told to stop.
  const { toHost } = messages;
  while (network.messages.toHost < toHost + 4) await new Promise((resolve) => setImmediate(resolve));
  network.freeze('to-client');
  await testUniverse.advance(0);
  stopping.abort();
  network.thaw();
  await testUniverse.advance(60_000);
  await running;
  const { partitionStates } = await universe.consumers.status('worker');
  expect(partitionStates.map(({ holder }) => holder)).toEqual([undefined]);
  expect(handled).toBe(0);
});
