import { describe, expect, test } from 'vitest';
import { EventBus } from '../events/event-bus.ts';
import { EventHistory } from '../events/event-history.ts';
import type { NervEvent } from '../events/event.ts';
import { EntityGraph } from '../graph/entity-graph.ts';
import type { GraphSchema } from '../graph/entity.ts';
import { TemporalStore } from '../temporal/temporal-store.ts';
import { busEvents } from './bus-events.ts';
import { feedGraph, feedStore, type EventFeed } from './feed.ts';

interface Shop {
  'item.added': { readonly id: string; readonly price: number };
  'item.removed': { readonly id: string };
  'shop.opened': undefined;
}

interface Stock {
  readonly items: { readonly [id: string]: number };
}

function stockFeed(store: TemporalStore<Stock>): EventFeed {
  return feedStore<Stock, Shop, 'item.added' | 'item.removed'>(store, {
    name: 'stock',
    on: {
      'item.added': (draft, { data }) => {
        draft.items[data.id] = data.price;
      },
      'item.removed': (draft, { data }) => {
        if (!Object.hasOwn(draft.items, data.id)) throw new Error(`no item ${data.id}`);
        delete draft.items[data.id];
      },
    },
  });
}

const makeBus = (): EventBus<Shop> => new EventBus<Shop>({ history: new EventHistory(100), onError: () => undefined });

describe('a store', () => {
  test('has a version for each event that a reducer matches, described and dated by it', async () => {
    const bus = makeBus();
    const store = new TemporalStore<Stock>({ items: {} });
    const feed = stockFeed(store);
    bus.emit('item.added', { id: 'a', price: 1 }, { source: 'till', timestamp: 1000.5 });
    bus.emit('shop.opened');
    using followed = feed.follow(busEvents(bus));
    bus.emit('item.removed', { id: 'a' });
    await followed.caughtUp;
    expect(store.state).toEqual({ items: {} });
    expect(store.at(1)).toEqual({ items: { a: 1 } });
    expect(store.log().map(({ description }) => description)).toEqual([
      'stock: item.removed',
      'stock: item.added',
      'initial state',
    ]);
    expect(store.version(1)).toMatchObject({ author: 'till', authoredAtMicros: 1_000_500n });
    expect(feed.position.events).toBe(3);
  });

  test('may say how versions are recorded', () => {
    const store = new TemporalStore<{ count: number }>({ count: 0 });
    const feed = feedStore(store, {
      name: 'count',
      on: { '**': (draft) => (draft.count += 1) },
      commit: (event) => ({ description: event.id }),
    });
    const bus = new EventBus();
    using _ = feed.attach(bus);
    const id = bus.emit('a');
    expect(store.version(store.versionId).description).toBe(id);
  });

  test('that refuses a write stops the feed at its event; nothing of it was written', () => {
    const bus = makeBus();
    const store = new TemporalStore<Stock>({ items: {} });
    const feed = stockFeed(store);
    feed.attach(bus);
    const bad = bus.emit('item.removed', { id: 'a' });
    bus.emit('item.added', { id: 'b', price: 2 });
    expect(feed.failure).toMatchObject({
      code: 'projection/failed',
      details: { projection: 'stock', id: bad },
    });
    expect([store.state, feed.waiting, feed.position.events]).toEqual([{ items: {} }, 1, 0]);
    feed.resume({ skip: bad });
    expect(store.state).toEqual({ items: { b: 2 } });
  });
});

describe('a store across the network', () => {
  /** A store whose writes take until they are let go on. */
  function makeSlow(): {
    store: TemporalStore<Stock>;
    local: TemporalStore<Stock>;
    settle: (error?: Error) => Promise<void>;
  } {
    const local = new TemporalStore<Stock>({ items: {} });
    const waiting: ((error?: Error) => void)[] = [];
    const store = Object.create(local, {
      commit: {
        value: (change: never, options: never) =>
          new Promise((resolve, reject) => {
            waiting.push((error) => (error === undefined ? resolve(local.commit(change, options)) : reject(error)));
          }),
      },
    }) as TemporalStore<Stock>;
    const settle = async (error?: Error): Promise<void> => {
      expect(waiting).toHaveLength(1);
      waiting.shift()?.(error);
      await Promise.resolve();
      await Promise.resolve();
    };
    return { store, local, settle };
  }

  function added(id: string, seq: number): NervEvent {
    const common = {
      kind: 'application',
      source: undefined,
      metadata: {},
      pending: false,
      timestamp: 1,
    } as const;
    return { ...common, id, type: 'item.added', data: { id, price: seq }, seq };
  }

  test('gets one write at a time, in order', async () => {
    const { store, local, settle } = makeSlow();
    const feed = stockFeed(store);
    expect([feed.apply(added('a', 1)), feed.apply(added('b', 2)), feed.apply(added('b', 2))]).toEqual([
      true,
      true,
      true,
    ]);
    expect([feed.position.seq, feed.waiting]).toEqual([undefined, 2]);
    await settle();
    expect([feed.position.seq, local.state]).toEqual([1, { items: { a: 1 } }]);
    let settled = false;
    const done = feed.settled().then(() => (settled = true));
    expect(settled).toBe(false);
    await settle();
    await done;
    expect([feed.position.seq, local.state, feed.waiting]).toEqual([2, { items: { a: 1, b: 2 } }, 0]);
    await feed.settled();
  });

  test('is not asked for the past while a write is under way', async () => {
    const { store, settle } = makeSlow();
    const feed = stockFeed(store);
    feed.apply(added('a', 1));
    const source = busEvents(makeBus());
    expect(() => feed.follow(source)).toThrow(expect.objectContaining({ code: 'projection/invalid' }));
    await settle();
    expect(await feed.follow(source).caughtUp).toBe(0);
  });

  test('that refuses one stops the feed there, and is asked again on resuming', async () => {
    const { store, local, settle } = makeSlow();
    const feed = stockFeed(store);
    feed.apply(added('a', 1));
    feed.apply(added('b', 2));
    await settle(new Error('offline'));
    await expect(feed.settled()).rejects.toMatchObject({
      code: 'projection/failed',
      details: { id: 'a', seq: 1 },
    });
    expect(feed.waiting).toBe(1);
    feed.resume();
    await settle();
    await settle();
    expect(local.state).toEqual({ items: { a: 1, b: 2 } });
  });

  test('is taken up where it stood', async () => {
    const { store, local, settle } = makeSlow();
    const position = { events: 1, seq: 5, eventId: 'e', timeMs: 1 };
    const feed = feedStore<Stock>(store, {
      name: 'stock',
      on: { '**': (draft, event) => (draft.items[event.id] = 1) },
      position,
    });
    expect(feed.apply(added('old', 5))).toBe(false);
    feed.apply(added('new', 6));
    await settle();
    expect([local.state, feed.position.events]).toEqual([{ items: { new: 1 } }, 2]);
  });
});

describe('a graph', () => {
  test('gets each event as one batch, whole or not at all', () => {
    interface People {
      'person.hired': { readonly name: string; readonly boss?: string };
    }
    const bus = new EventBus<People>({ onError: () => undefined });
    const graph = new EntityGraph();
    const feed = feedGraph<GraphSchema, People, 'person.hired' | 'person.*'>(graph, {
      name: 'people',
      on: {
        'person.hired': (batch, { data }) => batch.createEntity('person', { id: data.name, name: data.name }),
        'person.*': (batch, { data }) => {
          if (data.boss !== undefined) batch.createRelation('reports-to', { from: data.name, to: data.boss });
        },
      },
    });
    using _ = feed.attach(bus);
    bus.emit('person.hired', { name: 'Ada' });
    bus.emit('person.hired', { name: 'Bob', boss: 'Ada' });
    bus.emit('person.hired', { name: 'Eve', boss: 'Nobody' });
    expect(graph.query().map(({ id }) => id)).toEqual(['Ada', 'Bob']);
    expect(graph.neighbors('Bob').map(({ id }) => id)).toEqual(['Ada']);
    expect(feed.failure).toMatchObject({
      code: 'projection/failed',
      cause: expect.objectContaining({ code: 'relation/endpoint-missing' }),
    });
    expect(feed.name).toBe('people');
  });
});
