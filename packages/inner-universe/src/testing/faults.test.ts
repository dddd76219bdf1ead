import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Universe } from '../universe.ts';
import { createTestUniverse, READ_AND_WRITE, type TestNetwork, type TestUniverse } from './index.ts';

let testUniverse: TestUniverse;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
});

afterEach(async () => {
  const errors = testUniverse.takeErrors();
  await testUniverse.close();
  expect(errors).toEqual([]);
});

/** Somebody who writes, over a network that fails, and somebody who reads what comes. */
interface Pair {
  readonly writer: Universe;
  readonly network: TestNetwork;
  readonly seenByWriter: readonly unknown[];
  readonly seenByReader: readonly unknown[];
}

type WriterName = 'owner' | 'ada';

async function makePair(name: WriterName): Promise<Pair> {
  const ada = await testUniverse.as('ada', READ_AND_WRITE);
  const [writer, reader] = name === 'owner' ? [testUniverse.universe, ada] : [ada, testUniverse.universe];
  const seenByWriter: unknown[] = [];
  const seenByReader: unknown[] = [];
  writer.events.subscribe('tick', ({ data }) => seenByWriter.push(data));
  reader.events.subscribe('tick', ({ data }) => seenByReader.push(data));
  await writer.events.publish('tick', 0);
  await testUniverse.settle();
  return { writer, network: testUniverse.networkOf(writer), seenByWriter, seenByReader };
}

async function expectEverywhere({ seenByWriter, seenByReader }: Pair, ticks: readonly unknown[]): Promise<void> {
  await testUniverse.settle();
  const rows = await testUniverse.host.sql(`SELECT data FROM event_log WHERE event_type = 'tick'`);
  expect(rows.map(({ data }) => JSON.parse(String(data)) as unknown)).toEqual(ticks);
  expect(seenByWriter).toEqual(ticks);
  expect(seenByReader).toEqual(ticks);
}

const messageFaults: [string, (network: TestNetwork) => void][] = [
  ['the request is lost on its way', (network) => network.dropAt('to-host')],
  ['the request is applied and its answer lost', (network) => network.dropAt('to-client')],
  ['the request comes twice', (network) => network.duplicateAt('to-host')],
  ['the answer comes twice', (network) => network.duplicateAt('to-client')],
  ['the request is lost, and the next connection too', (network) => [1, 2].map((n) => network.dropAt('to-host', n))],
  [
    'the answer is lost, and the next connection while it is made',
    (network) => [1, 3].map((n) => network.dropAt('to-client', n)),
  ],
];

describe.each<WriterName>(['owner', 'ada'])(
  'nothing acknowledged is lost and nothing applied twice for %s when',
  (name) => {
    test.each(messageFaults)('%s', async (_, inject) => {
      const pair = await makePair(name);
      inject(pair.network);
      const ids = [await pair.writer.events.publish('tick', 1), await pair.writer.events.publish('tick', 2)];
      expect(new Set(ids).size).toBe(2);
      await expectEverywhere(pair, [0, 1, 2]);
    });

    test.each(['to-host', 'to-client'] as const)('messages %s change their order', async (direction) => {
      const pair = await makePair(name);
      for (const message of [1, 3, 5]) pair.network.reorderAt(direction, message);
      const written: Promise<unknown>[] = [];
      for (let tick = 1; tick <= 6; tick += 1) {
        // Reads, which do not wait for writes, come between them.
        written.push(pair.writer.events.publish('tick', tick), pair.writer.events.query(), pair.writer.states.has('x'));
        await testUniverse.advance(2);
      }
      await Promise.all(written);
      await expectEverywhere(pair, [0, 1, 2, 3, 4, 5, 6]);
    });

    test.each(['before', 'after'] as const)('the host is killed %s the commit', async (when) => {
      const pair = await makePair(name);
      const crashed = testUniverse.crashAt({ commit: 1, when });
      const publishing = pair.writer.events.publish('tick', 1);
      await crashed;
      await testUniverse.restart();
      await publishing;
      await pair.writer.events.publish('tick', 2);
      await expectEverywhere(pair, [0, 1, 2]);
    });

    test('the host is killed at one commit after the other, of a batch of writes of all kinds', async () => {
      const pair = await makePair(name);
      const { writer } = pair;
      const store = await writer.states.open('counter', { count: 0 });
      for (let tick = 1; tick <= 6; tick += 1) {
        const crashed = testUniverse.crashAt({ commit: 1 + (tick % 2), when: tick % 3 === 0 ? 'after' : 'before' });
        const written = Promise.all([
          writer.events.publish('tick', tick),
          writer.graph.createEntity('thing', { id: `thing-${tick}` }),
          store.commit((draft) => (draft.count += 1)),
        ]);
        await Promise.race([crashed, written]);
        await testUniverse.restart();
        await written;
      }
      testUniverse.host.storage.clear();
      expect(store.state.count).toBe(6);
      expect(await store.verify()).toEqual({ ok: true, versions: 7 });
      expect(await writer.graph.query({ type: 'thing' })).toHaveLength(6);
      await expectEverywhere(pair, [0, 1, 2, 3, 4, 5, 6]);
    });

    test('a request that was given up arrives after it was sent again', async () => {
      const pair = await makePair(name);
      pair.network.delay(90_000, 'to-host');
      const publishing = pair.writer.events.publish('tick', 1);
      await testUniverse.advance(59_000);
      pair.network.delay(0);
      // The silence is too long now: the client gives the connection up, whose message is on its way still.
      await testUniverse.advance(1_000);
      await publishing;
      await pair.writer.events.publish('tick', 2);
      await testUniverse.advance(60_000);
      await expectEverywhere(pair, [0, 1, 2]);
    });

    test('the network is away for a while', async () => {
      const pair = await makePair(name);
      pair.network.cut();
      const published = [1, 2, 3].map((tick) => pair.writer.events.publish('tick', tick));
      await testUniverse.advance(10_000);
      expect(pair.writer.client.state).toBe('reconnecting');
      expect(pair.seenByReader).toEqual([0]);
      pair.network.restore();
      await Promise.all(published);
      await expectEverywhere(pair, [0, 1, 2, 3]);
    });

    test('what is refused is refused once, also when its answer is lost', async () => {
      const pair = await makePair(name);
      await pair.writer.graph.createEntity('thing', { id: 'taken' });
      pair.network.dropAt('to-client');
      await expect(pair.writer.graph.createEntity('thing', { id: 'taken' })).rejects.toMatchObject({
        code: 'entity/id-taken',
      });
      expect(await pair.writer.graph.query({ type: 'thing' })).toHaveLength(1);
    });
  },
);

test('a reader whose network fails is told everything, each once and in order', async () => {
  const pair = await makePair('owner');
  const ada = testUniverse.networkOf(await testUniverse.as('ada'));
  expect(ada.isOpen).toBe(true);
  const seen: unknown[] = [];
  const reader = await testUniverse.as('ada');
  reader.events.subscribe('tick', ({ data }) => seen.push(data));
  const network = testUniverse.networkOf(reader);
  network.dropAt('to-client', 2);
  network.duplicateAt('to-client', 7);
  network.reorderAt('to-client', 9);
  network.dropAt('to-client', 14);
  for (let tick = 1; tick <= 30; tick += 1) {
    await pair.writer.events.publish('tick', tick);
    await testUniverse.advance(1);
  }
  const ticks = Array.from({ length: 31 }, (_, tick) => tick);
  await expectEverywhere(pair, ticks);
  expect(seen).toEqual(ticks.slice(1));
});

test('a version whose answer was lost is committed once, and the next commit is against it', async () => {
  const { universe, network } = testUniverse;
  const store = await universe.states.open('counter', { count: 0 });
  network.dropAt('to-client');
  const first = await store.commit((draft) => (draft.count += 1));
  const second = await store.commit((draft) => (draft.count += 1));
  expect((await store.log()).map(({ id }) => id)).toEqual([second, first, expect.any(String)]);
  expect(store.state.count).toBe(2);
});

test('calls that wait for the host are rejected when the clock says so', async () => {
  const { universe } = testUniverse;
  testUniverse.crash();
  const publishing = universe.events.publish('tick', 1);
  const rejected = expect(publishing).rejects.toMatchObject({ code: 'connection/unreachable', retryable: true });
  await testUniverse.advance(40_000);
  await rejected;
  expect(universe.client.state).toBe('lost');
  await testUniverse.restart();
  await universe.events.publish('tick', 2);
  expect((await universe.events.query({ pattern: 'tick' })).map(({ data }) => data)).toEqual([2]);
});

test('a universe can be closed whatever its network and its host are like', async () => {
  const { universe, network } = testUniverse;
  network.freeze();
  const frozen = expect(universe.events.publish('tick', 1)).rejects.toMatchObject({ code: 'connection/closed' });
  const ada = await testUniverse.as('bob', []).catch((error: unknown) => error);
  expect(ada).toMatchObject({ code: 'connection/refused' });
  await testUniverse.close();
  await frozen;
  const dead = await createTestUniverse();
  dead.crash();
  const lost = expect(dead.universe.events.publish('tick', 1)).rejects.toMatchObject({ code: 'connection/closed' });
  await dead.close();
  await lost;
});
