import { EventBus, type NervEvent } from '@inner-universe/nerv/events';
import { EntityGraph } from '@inner-universe/nerv/graph';
import { TemporalStore } from '@inner-universe/nerv/temporal';
import { LogReceiver } from '@inner-universe/nerv/events/log-receiver';
import { expect, test } from 'vitest';
import type { LinkState, LinkStatus } from '../connection/link-status.ts';
import { Watched } from '../connection/watched.ts';
import { createTestUniverse, READ_AND_WRITE } from '../testing/index.ts';
import { EventList } from './event-list.ts';
import { keyOfQuery, LiveRows } from './live-rows.ts';
import { shareStore } from './shared-stores.ts';
import type { Readable } from './source.ts';
import { sourceOfStore } from './temporal-store-source.ts';
import type { OpenStore, UniverseParts } from './universe-context.ts';

function linkStatus(state: LinkState): LinkStatus {
  const since = new Date(0);
  return { state, target: 'a test', since, lastError: undefined, failedAttempts: 0, nextAttemptAt: undefined };
}

/** A universe of NERV's own parts that says what was done to its stores. */
function makeParts(open?: () => Promise<unknown>) {
  const link = new Watched<LinkStatus>(linkStatus('connected'), () => undefined);
  const log: string[] = [];
  const parts: UniverseParts = {
    events: new EventBus(),
    graph: new EntityGraph(),
    states: {
      open: async <S>(name: string, initial?: S): Promise<OpenStore<S>> => {
        log.push(`open ${name}`);
        if (open !== undefined) return (await open()) as OpenStore<S>;
        const store = new TemporalStore<S>(initial as S);
        return Object.assign(store, { close: () => void log.push(`close ${name}`) });
      },
    },
    status: link,
  };
  return { parts, link, log };
}

/** Resolves with the first snapshot that is as wanted. */
async function until<T>(source: Readable<T>, isWanted: (value: T) => boolean): Promise<T> {
  return new Promise((resolve) => {
    const look = (): void => {
      const value = source.getSnapshot();
      if (!isWanted(value)) return;
      unsubscribe();
      resolve(value);
    };
    const unsubscribe = source.subscribe(look);
    queueMicrotask(look);
  });
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a store is opened once for all who use it, and closed when the last one has gone', async () => {
  const { parts, log } = makeParts();
  const source = shareStore(parts, 'board', 1, {});
  expect(shareStore(parts, 'board', 1, { branch: 'main' })).toBe(source);
  expect(shareStore(parts, 'board', 1, { branch: 'other' })).not.toBe(source);
  const leave = [source.subscribe(() => undefined), source.subscribe(() => undefined)];
  await until(source, ({ status }) => status === 'confirmed');
  expect(source.getSnapshot()).toMatchObject({ state: 1, branch: 'main', error: undefined });
  leave[0]?.();
  await turn();
  expect(log).toEqual(['open board']);
  leave[1]?.();
  await turn();
  expect(log).toEqual(['open board', 'close board']);
  expect(source.getSnapshot()).toMatchObject({ status: 'loading', state: undefined });
});

test('who leaves and comes back at once, as in strict mode, finds the store open', async () => {
  const { parts, log } = makeParts();
  const source = shareStore(parts, 'board', 1, {});
  source.subscribe(() => undefined)();
  const leave = source.subscribe(() => undefined);
  await until(source, ({ status }) => status === 'confirmed');
  leave();
  source.subscribe(() => undefined);
  await turn();
  expect(log).toEqual(['open board']);
});

test('a store that is there only when everybody has gone is closed', async () => {
  const { parts, log } = makeParts();
  shareStore(parts, 'board', 1, {}).subscribe(() => undefined)();
  await turn();
  expect(log).toEqual(['open board', 'close board']);
});

test('who comes back later shares a new store with others', async () => {
  const { parts, log } = makeParts();
  const source = shareStore(parts, 'board', 1, {});
  source.subscribe(() => undefined)();
  await turn();
  source.subscribe(() => undefined);
  expect(shareStore(parts, 'board', 1, {})).toBe(source);
  await until(source, ({ status }) => status === 'confirmed');
  expect(log).toEqual(['open board', 'close board', 'open board']);
});

test('a store that could not be opened says why, and is opened again when there is a connection', async () => {
  const failure = new Error('nobody there');
  let isDown = true;
  const { parts, link, log } = makeParts(async () => {
    if (isDown) throw failure;
    return new TemporalStore(2);
  });
  const source = shareStore(parts, 'board', 1, {});
  source.subscribe(() => undefined);
  const failed = await until(source, ({ status }) => status === 'failed');
  expect(failed).toMatchObject({ error: failure, state: undefined });
  isDown = false;
  link.set(linkStatus('reconnecting'));
  link.set(linkStatus('connected'));
  expect(await until(source, ({ status }) => status === 'confirmed')).toMatchObject({ state: 2, error: undefined });
  expect(log).toEqual(['open board', 'open board']);
});

test('all readers of a store get the same view, and a new one with each version', () => {
  const store = new TemporalStore({ count: 0 });
  const source = sourceOfStore(store);
  expect(sourceOfStore(store)).toBe(source);
  const before = source.getSnapshot();
  expect(source.getSnapshot()).toBe(before);
  const seen: unknown[] = [];
  const leave = source.subscribe(() => seen.push(source.getSnapshot()));
  store.commit((draft) => (draft.count += 1));
  expect(seen).toEqual([{ state: { count: 1 }, versionId: store.versionId, branch: 'main', status: 'confirmed' }]);
  expect(source.getSnapshot()).not.toBe(before);
  leave();
  store.commit((draft) => (draft.count += 1));
  expect(seen).toHaveLength(1);
});

test('an optimistic commit is shown as pending, then as confirmed', async () => {
  await using test = await createTestUniverse();
  const ada = await test.as('ada', [...READ_AND_WRITE, { action: 'commit', resource: 'store:*' }]);
  const source = shareStore(ada, 'board', { count: 0 }, {});
  const seen: unknown[] = [];
  source.subscribe(() => {
    const { status, state } = source.getSnapshot();
    seen.push([status, state?.count]);
  });
  const { store } = await until(source, ({ status }) => status === 'confirmed');
  await store?.commit((draft) => (draft as { count: number }).count++, { optimistic: true } as object);
  expect(seen).toEqual([
    ['confirmed', 0],
    ['pending', 1],
    ['confirmed', 1],
  ]);
});

test('a list of events grows up to its limit, and forgets the oldest', () => {
  const bus = new EventBus();
  const list = new EventList(bus, undefined, { pattern: 'a.*', from: 'now', limit: 2 });
  const leave = list.subscribe(() => undefined);
  expect(list.getSnapshot()).toEqual({ events: [], status: 'ready', error: undefined });
  for (const data of [1, 2, 3]) bus.emit('a.b', data);
  bus.emit('b.b', 4);
  const { events } = list.getSnapshot();
  expect(events.map(({ data }) => data)).toEqual([2, 3]);
  expect(list.getSnapshot().events).toBe(events);
  leave();
});

test('a list leaves its bus when the last reader has gone', async () => {
  const bus = new EventBus();
  const list = new EventList(bus, undefined, { pattern: '**', from: 'now', limit: 2 });
  let told = 0;
  list.subscribe(() => (told += 1))();
  await turn();
  bus.emit('a', 1);
  expect(told).toBe(0);
  expect(list.getSnapshot().events).toEqual([]);
});

test('a pending event is replaced by the one of the log, and goes when it is refused', () => {
  const bus = new EventBus();
  const receiver = new LogReceiver(bus, () => 0);
  const list = new EventList(bus, undefined, { pattern: 'a', from: 'now', limit: 5 });
  list.subscribe(() => undefined);
  const show = (): unknown => list.getSnapshot().events.map(({ id, seq, pending }) => [id, seq, pending]);
  const event = { type: 'a', data: 1, timestamp: 0 };
  void receiver.deliver({ ...event, id: 'mine', pending: true });
  void receiver.deliver({ ...event, id: 'refused', pending: true });
  expect(show()).toEqual([
    ['mine', undefined, true],
    ['refused', undefined, true],
  ]);
  void receiver.deliver({ ...event, id: 'before', seq: 1 });
  receiver.rejectPending('refused', new Error('no'));
  expect(show()).toEqual([
    ['before', 1, false],
    ['mine', undefined, true],
  ]);
});

test('past events come first, each event once, whatever comes meanwhile', async () => {
  await using test = await createTestUniverse();
  const { events } = test.universe;
  for (const data of [1, 2, 3]) await events.publish('a', data);
  const list = new EventList(events, undefined, { pattern: 'a', from: 'start', limit: 3 });
  list.subscribe(() => undefined);
  expect(list.getSnapshot().status).toBe('loading');
  await events.publishAndWait('a', 4);
  const { events: listed } = await until(list, ({ status }) => status === 'ready');
  expect(listed.map(({ data }: NervEvent) => data)).toEqual([2, 3, 4]);
});

test('a bus without a past fails a list that asks for it, as a value', async () => {
  const list = new EventList(new EventBus(), undefined, { pattern: 'a', from: 'start', limit: 3 });
  list.subscribe(() => undefined);
  const { error } = await until(list, ({ status }) => status === 'failed');
  expect(error).toMatchObject({ code: 'event/no-history' });
});

test('rows of a graph that is here are there at once, and follow it', () => {
  const graph = new EntityGraph();
  graph.createEntity('person', { id: 'a', name: 'Ada' });
  const rows = new LiveRows(graph, undefined, { kind: 'entity', query: { type: 'person' } });
  expect(rows.getSnapshot()).toMatchObject({ status: 'ready', rows: [{ id: 'a' }] });
  rows.subscribe(() => undefined);
  graph.createEntity('person', { id: 'b' });
  graph.createEntity('place', { id: 'c' });
  const shown = rows.getSnapshot();
  expect(shown.rows).toMatchObject([{ id: 'a' }, { id: 'b' }]);
  graph.updateEntity('c', { name: 'nowhere' });
  expect(rows.getSnapshot()).toBe(shown);
});

test('rows of a server are loading until all are here, also where there are none', async () => {
  await using test = await createTestUniverse();
  const { graph } = test.universe;
  const rows = new LiveRows(graph, undefined, { kind: 'entity', query: { type: 'person' } });
  rows.subscribe(() => undefined);
  expect(rows.getSnapshot()).toEqual({ rows: [], status: 'loading', error: undefined });
  expect((await until(rows, ({ status }) => status === 'ready')).rows).toEqual([]);
  await graph.createEntity('person', { id: 'a' });
  expect((await until(rows, ({ rows: found }) => found.length === 1)).rows).toMatchObject([{ id: 'a' }]);
});

test('a wrong query is told as a value', () => {
  const query = { limit: -1 };
  const rows = new LiveRows(new EntityGraph(), undefined, { kind: 'entity', query });
  rows.subscribe(() => undefined);
  expect(rows.getSnapshot()).toMatchObject({ status: 'failed', error: { code: 'graph/invalid-query' } });
});

test('queries are told apart by all they say', () => {
  const date = new Date(5);
  expect(keyOfQuery({ validAt: date })).not.toBe(keyOfQuery({ validAt: date.toJSON() }));
  expect(keyOfQuery({ where: { properties: { n: 1n } } })).not.toBe(keyOfQuery({ where: { properties: { n: '1' } } }));
  expect(keyOfQuery({ type: 'a', tags: undefined })).toBe(keyOfQuery({ type: 'a' }));
});
