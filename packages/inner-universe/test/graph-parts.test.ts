import type { GraphChange } from '@inner-universe/nerv/graph';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SpacetimeEntityGraph, type Universe } from '../src/index.ts';
import { createTestUniverse, type TestGrant, type TestUniverse } from '../src/testing/index.ts';

let testUniverse: TestUniverse;
let owners: SpacetimeEntityGraph;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
  owners = testUniverse.universe.graph;
  const lab = new SpacetimeEntityGraph(testUniverse.universe.client, { onError: () => undefined, scope: 'lab' });
  await owners.batch((batch) => {
    batch.createEntity('person', { id: 'ada', properties: { age: 36 } });
    batch.createEntity('person', { id: 'bob', properties: { age: 17 } });
    batch.createEntity('robot', { id: 'rob' });
    batch.createRelation('knows', { id: 'ab', from: 'ada', to: 'bob' });
    batch.createRelation('owns', { id: 'ar', from: 'ada', to: 'rob' });
  });
  await lab.createEntity('person', { id: 'eve', properties: { age: 50 } });
});

afterEach(async () => {
  const errors = testUniverse.takeErrors();
  await testUniverse.close();
  expect(errors).toEqual([]);
});

const held = (graph: SpacetimeEntityGraph): string =>
  [...graph.loaded.query(), ...graph.loaded.queryRelations()].map(({ id }) => id).join(' ');

/** Everybody sees the same, by whatever right. */
const READERS: readonly [string, readonly TestGrant[]][] = [
  ['the owner', []],
  ['a reader of scopes', [{ action: 'read', resource: 'scope:*' }]],
  [
    'a reader of types',
    [
      { action: 'read', resource: 'entity:*' },
      { action: 'read', resource: 'relation:*' },
    ],
  ],
];

describe.each(READERS)('parts of a graph that %s loads', (_, grants) => {
  let universe: Universe;
  let graph: SpacetimeEntityGraph;

  beforeEach(async () => {
    universe = await (grants.length === 0 ? testUniverse.as('owner') : testUniverse.as('reader', grants));
    graph = universe.graph;
  });

  test('hold what they say, add up, and are let go', async () => {
    expect(graph.loadedParts).toEqual([]);
    await graph.load({ types: ['person'], relationTypes: [] });
    expect(held(graph)).toBe('ada bob eve');
    await graph.load({ types: [], relationTypes: ['owns'] });
    expect(held(graph)).toBe('ada bob eve ar');
    await graph.load({ scopes: ['lab'] });
    await graph.load({ types: ['robot', 'person'], where: { properties: { age: { gte: 40 } } }, relationTypes: [] });
    expect(held(graph)).toBe('ada bob eve ar');
    expect(graph.loadedParts).toHaveLength(4);
    graph.unload({ types: ['person'], relationTypes: [] });
    await testUniverse.settle();
    expect(held(graph)).toBe('eve ar');
    graph.unload();
    await testUniverse.settle();
    expect([held(graph), graph.loadedParts]).toEqual(['', []]);
    await graph.load();
    expect(held(graph)).toBe('ada bob eve rob ab ar');
  });

  test('follow what is written, and nothing beyond them; what leaves them is gone here', async () => {
    await graph.load({ types: ['person'], where: { properties: { age: { gte: 18 } } }, relationTypes: ['knows'] });
    const told: string[] = [];
    graph.loaded.subscribe(({ type, id }: GraphChange) => void told.push(`${type} ${id}`));
    await owners.updateEntity('bob', { properties: { age: 18 } });
    await owners.updateEntity('rob', { name: 'Rob' });
    await owners.createEntity('person', { id: 'cleo', properties: { age: 3 } });
    await testUniverse.settle();
    await owners.updateEntity('eve', { properties: { age: 1 } });
    await owners.deleteEntity('bob', { cascade: true });
    await testUniverse.settle();
    expect(held(graph)).toBe('ada');
    expect(told.sort()).toEqual(['deleted ab', 'deleted bob', 'deleted eve', 'inserted bob']);
  });

  test('answer what they cover without asking for pages; all else is read', async () => {
    await graph.load({ types: ['person'], relationTypes: ['knows'] });
    const read = vi.spyOn(universe.client, 'read');
    const pagesRead = (): number =>
      read.mock.calls.filter(([name]) => name === 'readEntities' || name === 'readNeighborhood').length;
    expect(await graph.query({ type: 'person' })).toHaveLength(3);
    expect(await graph.getEntity('ada')).toMatchObject({ id: 'ada' });
    expect(await graph.queryRelations({ type: ['knows'] })).toHaveLength(1);
    expect(pagesRead()).toBe(0);
    expect(await graph.query()).toHaveLength(4);
    expect(await graph.query({ type: ['person', 'robot'] })).toHaveLength(4);
    expect((await graph.neighbors('ada')).map(({ id }) => id).sort()).toEqual(['bob', 'rob']);
    expect(pagesRead()).toBeGreaterThanOrEqual(4);
    expect(held(graph)).toBe('ada bob eve ab');
  });

  test('of live queries are loaded with them, and let go with them', async () => {
    const live = graph.liveQuery({ type: 'person', where: { properties: { age: { gte: 18 } } } });
    const subscription = graph.subscribe({ subject: 'relation', type: 'owns' }, () => undefined);
    await vi.waitFor(() => expect(held(graph)).toBe('ada eve ar'));
    await owners.updateEntity('bob', { properties: { age: 20 } });
    await testUniverse.settle();
    expect(live.current.map(({ id }) => id)).toEqual(['ada', 'bob', 'eve']);
    live.close();
    subscription.unsubscribe();
    await testUniverse.settle();
    expect([held(graph), graph.loadedParts]).toEqual(['', []]);
  });

  test('that make no sense are refused', async () => {
    await expect(graph.load({ types: 'person' as never })).rejects.toMatchObject({ code: 'graph/invalid-argument' });
    await expect(graph.load({ where: { nothing: 1 } as never })).rejects.toMatchObject({ code: 'graph/invalid-query' });
    expect(graph.loadedParts).toEqual([]);
  });

  test('change what subscribers of types are told only as far as they asked', async () => {
    const told: string[] = [];
    graph.subscribe({ subject: 'entity', type: 'person' }, ({ type, id }) => void told.push(`${type} ${id}`));
    await vi.waitFor(() => expect(held(graph)).toBe('ada bob eve'));
    await graph.load();
    await owners.updateEntity('rob', { name: 'Rob' });
    await owners.updateEntity('ada', { name: 'Ada' });
    await testUniverse.settle();
    expect(told).toEqual(['updated ada']);
  });
});

test('more than the limit is not loaded: the error says what to do, and a smaller part is', async () => {
  const onError = vi.fn<(error: unknown) => void>();
  const graph = new SpacetimeEntityGraph(testUniverse.universe.client, { onError, heldRowsMax: 4 });
  await expect(graph.load()).rejects.toMatchObject({
    code: 'graph/too-large',
    message: expect.stringContaining('heldRowsMax'),
    details: { heldRowsMax: 4 },
  });
  expect(graph.loadedParts).toEqual([]);
  expect(held(graph)).toBe('');
  await graph.load({ types: ['person'], relationTypes: [] });
  expect(held(graph)).toBe('ada bob eve');
  // Others may write more than that, up to twice as much: then nothing is held any more, and that is told.
  await owners.batch((batch) => Array.from({ length: 5 }, (_, n) => batch.createEntity('person', { id: `p${n}` })));
  await testUniverse.settle();
  expect(held(graph).split(' ')).toHaveLength(8);
  await owners.createEntity('person', { id: 'one-more' });
  await testUniverse.settle();
  expect([held(graph), graph.loadedParts]).toEqual(['', []]);
  expect(onError.mock.calls).toEqual([[expect.objectContaining({ code: 'graph/too-large' })]]);
  expect(await graph.query({ type: 'person' })).toHaveLength(9);
  await graph.close();
});

test('somebody with grants to some scopes sees these live, and nothing else', async () => {
  const { graph } = await testUniverse.as('guest', [{ action: 'read', resource: 'scope:lab' }]);
  await graph.load();
  const told: string[] = [];
  graph.subscribe(({ type, id }) => void told.push(`${type} ${id}`));
  await testUniverse.settle();
  expect(held(graph)).toBe('eve');
  await owners.updateEntity('ada', { name: 'hidden' });
  await owners.deleteEntity('rob', { cascade: true });
  await owners.updateEntity('eve', { name: 'seen' });
  await testUniverse.settle();
  expect(told).toEqual(['updated eve']);
  expect(await graph.query()).toHaveLength(1);
  expect(await graph.getEntity('ada')).toBeUndefined();
  await expect(graph.neighbors('ada')).rejects.toMatchObject({ code: 'entity/not-found' });
  await expect(graph.relationsOf('ada')).rejects.toMatchObject({ code: 'entity/not-found' });
  expect(await (await graph.asOf(Date.now() + 1e12)).query()).toHaveLength(1);
  expect(await graph.history('ada')).toEqual([]);
});

test('a reader of one type learns of nothing else, not even that it is gone', async () => {
  const { graph } = await testUniverse.as('guest', [{ action: 'read', resource: 'entity:robot' }]);
  const told: string[] = [];
  graph.subscribe({ subject: 'entity' }, ({ type, id }) => void told.push(`${type} ${id}`));
  await testUniverse.settle();
  await owners.deleteEntity('bob', { cascade: true });
  await owners.updateEntity('rob', { name: 'one' });
  await owners.updateEntity('rob', { name: 'two' });
  await testUniverse.settle();
  expect(held(graph)).toBe('rob');
  expect(graph.loaded.getEntity('rob')?.name).toBe('two');
  expect(new Set(told)).toEqual(new Set(['updated rob']));
  await owners.deleteEntity('rob', { cascade: true });
  await testUniverse.settle();
  expect(told.at(-1)).toBe('deleted rob');
  await expect(graph.queryRelations()).rejects.toMatchObject({ code: 'permission/denied' });
});

test('the past of a type whose history was not kept is refused, and its present is not', async () => {
  await testUniverse.universe.client.applyConfiguration([{ key: 'history', value: '{"cursor":"none"}' }]);
  await owners.createEntity('cursor', { id: 'c', name: 'one' });
  await testUniverse.advance(5);
  const then = Number(testUniverse.clock.nowMicros() / 1000n);
  await testUniverse.advance(5);
  await owners.updateEntity('c', { name: 'two' });
  const past = await owners.asOf(then);
  await expect(past.query({ type: 'cursor' })).rejects.toMatchObject({
    code: 'graph/no-history',
    details: { type: 'cursor' },
  });
  await expect(past.getEntity('c')).rejects.toMatchObject({ code: 'graph/no-history' });
  await expect(owners.history('c')).rejects.toMatchObject({ code: 'graph/no-history' });
  expect(await past.query({ type: 'person' })).toHaveLength(3);
  await testUniverse.advance(5);
  const now = await owners.asOf(Number(testUniverse.clock.nowMicros() / 1000n));
  expect((await now.query({ type: 'cursor' })).map(({ name }) => name)).toEqual(['two']);
});

test('a long history is read by pages', async () => {
  const graph = new SpacetimeEntityGraph(testUniverse.universe.client, { onError: () => undefined, versionsMax: 3 });
  for (let n = 0; n < 4; n += 1) await graph.updateEntity('ada', { name: `n${n}` });
  await expect(graph.history('ada')).rejects.toMatchObject({ code: 'graph/too-large' });
  const names: string[] = [];
  for await (const page of graph.historyPages('ada')) names.push(...page.map(({ row }) => row.name));
  expect(names).toEqual(['', 'n0', 'n1', 'n2', 'n3']);
  await graph.close();
});
