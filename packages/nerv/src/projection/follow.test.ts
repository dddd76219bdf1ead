import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventBus } from '../events/event-bus.ts';
import { EventHistory } from '../events/event-history.ts';
import type { NervEvent } from '../events/event.ts';
import type { LocalEventBus } from '../events/local-event-bus.ts';
import { busEvents } from './bus-events.ts';
import { Projection } from './projection.ts';
import type { ProjectionFeed, ProjectionSource } from './projection-source.ts';

function makeList(bad: ReadonlySet<unknown> = new Set()): Projection<readonly unknown[]> {
  return new Projection({
    name: 'list',
    initial: [] as readonly unknown[],
    on: {
      '**': (state: readonly unknown[], event: NervEvent) => {
        if (bad.has(event.data)) throw new Error('cannot');
        return [...state, event.data];
      },
    },
  });
}

const makeBus = (capacity = 100): LocalEventBus =>
  new EventBus({ history: new EventHistory(capacity), onError: () => undefined });

async function all(events: Iterable<NervEvent> | AsyncIterable<NervEvent>): Promise<unknown[]> {
  const data: unknown[] = [];
  for await (const event of events) data.push(event.data);
  return data;
}

test('a projection that follows a bus has its past and its present, without gap or duplicate', async () => {
  const bus = makeBus();
  bus.emit('a', 1);
  bus.emit('b', 2);
  const list = makeList();
  using feed = list.follow(busEvents(bus));
  bus.emit('a', 3);
  expect(await feed.caughtUp).toBe(2);
  bus.emit('a', 4);
  expect(list.state).toEqual([1, 2, 3, 4]);
  expect(feed.active).toBe(true);
  feed.unsubscribe();
  bus.emit('a', 5);
  expect(list.state).toEqual([1, 2, 3, 4]);
});

test('it goes on where it stood, by seq or by the last event, however often it is interrupted', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('emit', 'stop', 'go'), { maxLength: 40 }), fc.boolean(), (steps, hasSeq) => {
      const bus = makeBus();
      const list = makeList();
      const sent: number[] = [];
      let feed: ProjectionFeed | undefined;
      for (const step of [...steps, 'go']) {
        if (step === 'stop') feed?.unsubscribe();
        else if (step === 'go') {
          if (feed?.active !== true) feed = list.follow(busEvents(bus));
        } else {
          const n = sent.push(sent.length);
          bus.deliver({
            id: `e${n}`,
            type: 't',
            data: n - 1,
            timestamp: n,
            seq: hasSeq ? n : undefined,
          });
        }
      }
      expect(list.state).toEqual(sent);
    }),
  );
});

test('one source at a time', () => {
  const list = makeList();
  const source = busEvents(makeBus());
  const feed = list.follow(source);
  expect(() => list.follow(source)).toThrow(expect.objectContaining({ code: 'projection/invalid' }));
  feed[Symbol.dispose]();
  list.follow(source).unsubscribe();
});

test('only events of the kind and source that are asked for', async () => {
  const bus = makeBus();
  bus.emit('a', 1, { source: 'here' });
  bus.emit('a', 2, { source: 'there' });
  bus.deliver({ id: 's', type: 'record', kind: 'system', data: 3, timestamp: 1 });
  expect(await all(busEvents(bus, { source: 'there' }).read())).toEqual([2]);
  const list = makeList();
  await list.follow(busEvents(bus, { kind: 'system' })).caughtUp;
  expect(list.state).toEqual([3]);
});

test('the past is read in pages', async () => {
  const bus = makeBus(5000);
  for (let n = 1; n <= 2500; n += 1) bus.emit('a', n);
  const list = makeList();
  await list.rebuild(busEvents(bus).read());
  expect(list.state).toHaveLength(2500);
  bus.emit('a', 'last');
  expect(await all(busEvents(bus).read(list.position))).toEqual(['last']);
});

test('a bus whose answers come later, and one whose pages fail', async () => {
  const local = makeBus();
  local.emit('a', 1);
  local.emit('a', 2);
  // The same bus, with the network before its reads.
  const remote: EventBus = Object.create(local, {
    queryPage: { value: async (query: object) => Promise.resolve(local.queryPage(query)) },
    replay: {
      value: async (query: object, handler: never) => Promise.resolve().then(() => local.replay(query, handler)),
    },
    subscribe: { value: local.subscribe.bind(local) },
  }) as EventBus;
  const list = makeList();
  const feed = list.follow(busEvents(remote));
  local.emit('a', 3);
  expect(list.state).toEqual([]);
  await feed.caughtUp;
  expect(list.state).toEqual([1, 2, 3]);
  feed.unsubscribe();

  const offline = new Error('offline');
  const broken: EventBus = Object.create(remote, {
    replay: { value: () => Promise.reject(offline) },
  }) as EventBus;
  const failed = list.follow(busEvents(broken));
  await expect(failed.caughtUp).rejects.toBe(offline);
  expect(list.failure).toMatchObject({ code: 'projection/gap', cause: offline });
  failed.unsubscribe();
  local.emit('a', 4);
  await list.follow(busEvents(remote)).caughtUp;
  expect(list.state).toEqual([1, 2, 3, 4]);
});

describe('an event that fails', () => {
  test('in the past rejects catching up; following again begins at that event', async () => {
    const bus = makeBus();
    const bad = new Set<unknown>([2]);
    const list = makeList(bad);
    for (const n of [1, 2, 3]) bus.emit('a', n);
    const feed = list.follow(busEvents(bus));
    await expect(feed.caughtUp).rejects.toMatchObject({ code: 'projection/failed' });
    bus.emit('a', 4);
    expect(list.state).toEqual([1]);
    feed.unsubscribe();
    bad.clear();
    await list.follow(busEvents(bus)).caughtUp;
    expect(list.state).toEqual([1, 2, 3, 4]);
  });
});

describe('a gap', () => {
  test('between the position and what the history still holds is told, and nothing taken', async () => {
    const bus = makeBus(2);
    const list = makeList();
    bus.emit('a', 1);
    list.follow(busEvents(bus)).unsubscribe();
    for (const n of [2, 3, 4]) bus.emit('a', n);
    const feed = list.follow(busEvents(bus));
    await expect(feed.caughtUp).rejects.toMatchObject({ code: 'projection/gap' });
    expect([list.state, feed.active, list.failure?.code]).toEqual([[1], false, 'projection/gap']);
    expect(() => bus.emit('a', 5) && list.apply(bus.query().at(-1)!)).toThrow(
      expect.objectContaining({ code: 'projection/gap' }),
    );
    await expect(all(busEvents(bus).read(list.position))).rejects.toMatchObject({
      code: 'projection/gap',
    });
    await list.rebuild(busEvents(bus).read());
    expect(list.state).toEqual([4, 5]);
  });

  test('is none when following ends before the past was handed over', async () => {
    const bus = makeBus();
    const list = makeList();
    bus.emit('a', 1);
    list.follow(busEvents(bus)).unsubscribe();
    const feed = list.follow(busEvents(new EventBus({ history: new EventHistory(1) })));
    feed.unsubscribe();
    expect(await feed.caughtUp).toBe(0);
    expect(list.failure).toBeUndefined();
  });
});

test('a source of one’s own needs no bus', async () => {
  const events = [1, 2].map((n): NervEvent => ({
    ...{ kind: 'application', source: undefined, metadata: {}, pending: false, timestamp: n },
    ...{ id: `${n}`, type: 'a', data: n, seq: n },
  }));
  const source: ProjectionSource = {
    read: () => events,
    follow(after, take) {
      for (const event of events) if (event.seq! > (after.seq ?? 0)) take(event);
      return {
        active: true,
        caughtUp: Promise.resolve(2),
        unsubscribe: () => undefined,
        [Symbol.dispose]: () => undefined,
      };
    },
  };
  const list = makeList();
  expect(await list.follow(source).caughtUp).toBe(2);
  expect(list.state).toEqual([1, 2]);
});
