import { afterEach, beforeEach, expect, expectTypeOf, test } from 'vitest';
import { RefusedError } from '../errors.ts';
import type { Universe } from '../universe.ts';
import { createMockInnerUniverse, type MockUniverse } from './index.ts';

let mock: MockUniverse;

beforeEach(async () => {
  mock = await createMockInnerUniverse({ source: 'test' });
});

afterEach(() => mock.close());

/** Code under test: it knows of a universe only. */
async function placeOrder(universe: Universe, id: string): Promise<number> {
  const orders = await universe.states.open('orders', { count: 0 });
  await universe.graph.createEntity('order', { id });
  await orders.commit((draft) => (draft.count += 1), 'one more');
  await universe.events.publish('order.placed', { id });
  return orders.state.count;
}

test('code that uses a universe runs on it, and its calls are recorded', async () => {
  const heard: unknown[] = [];
  mock.events.subscribe('order.*', ({ data, seq, source }) => heard.push([data, seq, source]));
  expect(await placeOrder(mock, 'a')).toBe(1);
  expect(await placeOrder(mock, 'b')).toBe(2);
  expect(heard).toEqual([
    [{ id: 'a' }, 1, 'test'],
    [{ id: 'b' }, 2, 'test'],
  ]);
  expect(mock.callsOf('events.publish')).toEqual([
    ['order.placed', { id: 'a' }],
    ['order.placed', { id: 'b' }],
  ]);
  expect(mock.callsOf('graph.createEntity').map(([type]) => type)).toEqual(['order', 'order']);
  expect(mock.callsOf('store.commit').map(([, description]) => description)).toEqual(['one more', 'one more']);
  expect(mock.callsOf('apply').flatMap(([ops]) => ops.map(({ tag }) => tag))).toEqual(['publishEvent', 'publishEvent']);
  expect(mock.calls.map(({ operation }) => operation)).toContain('states.open');
  mock.clearCalls();
  expect(mock.calls).toEqual([]);
});

test('events come from elsewhere when the test says so', async () => {
  const seen: unknown[] = [];
  const rows: string[] = [];
  const entities: unknown[] = [];
  mock.events.subscribe('**', ({ type, data, seq, metadata }) => seen.push([type, data, seq, metadata]));
  mock.client.subscribeEventLogChanges((_type, row) => rows.push(row.eventType));
  mock.client.subscribeEntityChanges((type, ids) => entities.push([type, ids]));
  const id = await mock.simulateEvent('order.paid', { at: new Date(5) }, { source: 'bank', metadata: { trace: 't' } });
  await mock.simulateEvent('cursor.moved', 1, { durability: 'ephemeral' });
  await mock.simulateEvent('ENTITY_CREATED', { ids: ['x'] }, { kind: 'system' });
  expect(seen).toEqual([
    ['order.paid', { at: new Date(5) }, 1, { trace: 't' }],
    ['cursor.moved', 1, undefined, {}],
  ]);
  expect(rows).toEqual(['order.paid', 'cursor.moved']);
  expect(entities).toEqual([['INSERTED', ['x']]]);
  expect((await mock.events.query({ source: 'bank' })).map((event) => event.id)).toEqual([id]);
  expect((await mock.events.query({ order: 'descending', kind: 'system' })).map(({ seq }) => seq)).toEqual([2]);
  await expect(mock.simulateEvent('again', 1, { id })).rejects.toMatchObject({ code: 'event/id-taken' });
});

test('a page after the other gives the whole log, forwards and backwards', async () => {
  for (let tick = 1; tick <= 7; tick += 1) await mock.simulateEvent('tick', tick);
  for (const order of ['ascending', 'descending'] as const) {
    const found: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page = await mock.events.queryPage({ order, limit: 3, cursor });
      found.push(...page.items.map(({ data }) => data));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(found).toEqual(order === 'ascending' ? [1, 2, 3, 4, 5, 6, 7] : [7, 6, 5, 4, 3, 2, 1]);
  }
});

test('a stub answers in place of the mock, as often as it was told to', async () => {
  const refusal = new RefusedError({ code: 'limit/rate', message: 'slowly', ids: [], op: null, details: {} });
  const takeAway = mock.stub('apply', () => Promise.reject(refusal), { times: 1 });
  await expect(mock.events.publish('tick', 1)).rejects.toMatchObject({ code: 'limit/rate', retryable: true });
  await mock.events.publish('tick', 2);
  expect((await mock.events.query()).map(({ data }) => data)).toEqual([2]);
  takeAway();

  const remove = mock.stub('graph.query', () => []);
  await mock.graph.createEntity('order', { id: 'a' });
  expect(await mock.graph.query()).toEqual([]);
  remove();
  expect((await mock.graph.query()).map(({ id }) => id)).toEqual(['a']);

  const store = await mock.states.open('cart', { count: 0 });
  mock.stub('store.commit', () => 'version-7');
  expect(await store.commit({ count: 1 })).toBe('version-7');
  expect(store.state.count).toBe(0);
});

test('stubs and calls are typed by their operation', () => {
  mock.stub('readBranches', ({ store, cursor }) => {
    expectTypeOf(store).toEqualTypeOf<string>();
    return { branches: [], cursor, more: false, seq: 0n };
  });
  // @ts-expect-error -- this read gives a page of branches
  mock.stub('readBranches', () => ({ tags: [] }));
  // @ts-expect-error -- there is no such operation
  mock.stub('readNothing', () => undefined);
  expectTypeOf(mock.callsOf('apply')[0]?.[0][0]?.tag).toMatchTypeOf<string | undefined>();
});

test('what would need the module says so, unless the test answers', async () => {
  await expect(mock.client.getSystemStatus()).rejects.toMatchObject({ code: 'mock/not-stubbed' });
  await expect(mock.client.applyConfiguration([{ key: 'guests', value: 'true' }])).rejects.toMatchObject({
    code: 'mock/not-stubbed',
    message: expect.stringContaining('createTestUniverse'),
  });
  mock.stub('readConnections', () => ({ connections: [], more: false }) as never);
  expect(await mock.client.read('readConnections', {})).toEqual({ connections: [], more: false });
  await mock.states.open('cart', { count: 0 });
  await expect(mock.states.open('cart', undefined, { branch: 'draft' })).rejects.toMatchObject({
    code: 'mock/not-supported',
  });
  await expect(mock.states.open('none')).rejects.toMatchObject({ code: 'state/branch-not-found' });
  await expect(mock.controller.serve({ host: '127.0.0.1', port: 0 })).rejects.toMatchObject({
    code: 'universe/open-failed',
  });
});

test('states have a history, and whoever opens a store has the same one', async () => {
  const first = await mock.states.open('cart', { items: [] as string[] });
  const changes: string[] = [];
  first.subscribe(({ versionId }) => changes.push(versionId));
  const second = await mock.states.open('cart', { items: ['ignored'] });
  const version = await second.commit((draft) => void draft.items.push('apple'), 'add an apple');
  expect(first.state.items).toEqual(['apple']);
  expect(changes).toEqual([version]);
  expect(first.name).toBe('cart');
  expect((await first.log()).map(({ description }) => description)).toEqual(['add an apple', 'initial state']);
  expect((await mock.states.load(version)).tree.get('/items/0')).toBe('apple');
  const [, root] = await first.log();
  expect(await mock.states.diff(root?.id, version)).toHaveLength(1);
  expect(await mock.states.has('cart')).toBe(true);
  await expect(mock.states.load('nothing')).rejects.toMatchObject({ code: 'state/version-not-found' });
});

test('the graph is loaded and live', async () => {
  await mock.graph.load();
  const people = mock.graph.liveQuery({ type: 'person' });
  const ada = await mock.graph.createEntity('person', { id: 'ada' });
  const bob = await mock.graph.createEntity('person', { id: 'bob' });
  await mock.graph.createRelation('knows', { from: ada, to: bob });
  expect(people.current.map(({ id }) => id)).toEqual(['ada', 'bob']);
  expect((await mock.graph.neighbors(ada)).map(({ id }) => id)).toEqual(['bob']);
  expect(mock.graph.loaded.getEntity('ada')).toEqual(ada);
});

test('what a handler throws is kept, and after closing nothing works any more', async () => {
  mock.events.subscribe('tick', () => {
    throw new Error('thrown by a handler');
  });
  await mock.simulateEvent('tick', 1);
  expect(mock.errors).toEqual([expect.objectContaining({ message: 'thrown by a handler' })]);
  await mock.close();
  await mock.close();
  await expect(mock.events.publish('tick', 1)).rejects.toMatchObject({ code: 'universe/closed' });
  await expect(mock.graph.query()).rejects.toMatchObject({ code: 'universe/closed' });
  await expect(mock.client.getSystemStatus()).rejects.toMatchObject({ code: 'universe/closed' });
});
