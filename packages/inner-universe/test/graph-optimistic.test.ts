import type { GraphChange } from '@inner-universe/nerv/graph';
import { Sealed } from '@inner-universe/nerv/values';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  MemoryKeyStore,
  openKeyRing,
  makeKeyWrapper,
  makeRandomKey,
  openUniverse,
  SpacetimeEntityGraph,
} from '../src/index.ts';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../src/testing/index.ts';

let testUniverse: TestUniverse;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
});

afterEach(async () => {
  const errors = testUniverse.takeErrors();
  await testUniverse.close();
  expect(errors).toEqual([]);
});

function tell({ origin, type, id, before, after }: GraphChange): string {
  return `${origin} ${type} ${id} ${before?.name ?? '-'} ${after?.name ?? '-'}`;
}

describe.each(['the owner', 'somebody who was let in'])('a write of %s that is shown at once', (who) => {
  let graph: SpacetimeEntityGraph;
  let told: string[];

  beforeEach(async () => {
    const universe = await (who === 'the owner' ? testUniverse.as('owner') : testUniverse.as('ada', READ_AND_WRITE));
    await universe.graph.createEntity('person', { id: 'a', name: 'old' });
    ({ graph } = universe);
    await graph.load();
    told = [];
    graph.subscribe((change) => void told.push(tell(change)));
    await testUniverse.settle();
  });

  test('is pending until its rows are here, and then confirmed in one step', async () => {
    const live = graph.liveQuery({ orderBy: { field: 'name' } });
    const deltas: string[] = [];
    live.subscribe(({ origin, added, updated, removed }) => {
      deltas.push(`${origin} +${added.length} ~${updated.length} -${removed.length}`);
    });
    const writing = graph.batch(
      (batch) => {
        batch.updateEntity('a', { name: 'new' });
        batch.createEntity('person', { id: 'b', name: 'made' });
        batch.createRelation('knows', { id: 'r', from: 'a', to: 'b' });
      },
      { optimistic: true },
    );
    expect(told).toEqual(['pending updated a old new', 'pending inserted b - made', 'pending inserted r - ']);
    expect(live.current.map(({ name, seq }) => [name, seq])).toEqual([
      ['made', undefined],
      ['new', undefined],
    ]);
    expect((await graph.neighbors('a')).map(({ id }) => id)).toEqual(['b']);
    await writing;
    expect(live.current.every(({ seq }) => seq !== undefined)).toBe(true);
    expect(deltas).toEqual(['pending +1 ~1 -0', 'confirmed +0 ~2 -0']);
    expect(told.slice(3).sort()).toEqual([
      'confirmed updated a new new',
      'confirmed updated b made made',
      'confirmed updated r  ',
    ]);
  });

  test('is taken back whole where it is refused, and what it hid is seen again', async () => {
    await testUniverse.universe.graph.createEntity('robot', { id: 'taken' });
    await testUniverse.settle();
    graph.unload();
    await graph.load({ types: ['person'], relationTypes: [] });
    told.length = 0;
    const writing = graph.batch(
      (batch) => {
        batch.updateEntity('a', { name: 'wish' });
        batch.createEntity('person', { id: 'taken', name: 'wish' });
      },
      { optimistic: true },
    );
    const isShown = told.length > 0;
    await expect(writing).rejects.toMatchObject({ code: 'entity/id-taken', details: { op: 1 } });
    expect(graph.loaded.getEntity('a')?.name).toBe('old');
    expect(graph.loaded.getEntity('taken')?.type).not.toBe('person');
    if (isShown)
      expect(told.slice(-2).sort()).toEqual(['confirmed deleted taken wish -', 'confirmed updated a wish old']);
  });

  test('is told as a conflict of seq, typed, where the row was changed since', async () => {
    const { seq } = (await graph.getEntity('a')) ?? {};
    await testUniverse.universe.graph.updateEntity('a', { name: 'faster' });
    const writing = graph.updateEntity('a', { name: 'wish' }, { ifSeq: seq, optimistic: true });
    await expect(writing).rejects.toMatchObject({
      code: 'entity/seq-mismatch',
      details: { ids: ['a'], ifSeq: String(seq), seq: expect.any(String) },
    });
    await testUniverse.settle();
    expect(graph.loaded.getEntity('a')?.name).toBe('faster');
  });

  test('of what is not held here is sent all the same', async () => {
    graph.unload();
    await graph.load({ types: [], relationTypes: [] });
    told.length = 0;
    await graph.updateEntity('a', { name: 'sent' }, { optimistic: true });
    expect((await testUniverse.universe.graph.getEntity('a'))?.name).toBe('sent');
  });

  test('is the default where the graph was made so, but for calls that say otherwise', async () => {
    const universe = await (who === 'the owner' ? testUniverse.as('owner') : testUniverse.as('ada'));
    const onError = vi.fn<() => void>();
    const own = new SpacetimeEntityGraph(universe.client, { onError, optimistic: true });
    await own.load();
    const first = own.updateEntity('a', { name: 'at once' });
    expect(own.loaded.getEntity('a')?.name).toBe('at once');
    const second = own.updateEntity('a', { name: 'later' }, { optimistic: false });
    expect(own.loaded.getEntity('a')?.name).toBe('at once');
    await Promise.all([first, second]);
    expect(own.loaded.getEntity('a')?.name).toBe('later');
    const third = own.deleteEntity('a');
    expect(own.loaded.getEntity('a')).toBeUndefined();
    await third;
    expect(onError).not.toHaveBeenCalled();
    await own.close();
  });
});

test('a change that others make over a pending write is seen under it', async () => {
  const { graph } = await testUniverse.as('ada', READ_AND_WRITE);
  await graph.createEntity('person', { id: 'a', name: 'old', properties: { x: 1 } });
  await graph.load();
  const network = testUniverse.network;
  network.cut();
  const owners = testUniverse.universe.graph;
  const loading = owners.load();
  network.restore();
  await loading;
  network.cut();
  const writing = owners.updateEntity('a', { properties: { x: 2 } }, { optimistic: true });
  await graph.updateEntity('a', { name: 'theirs' });
  network.restore();
  await writing;
  await testUniverse.settle();
  expect(owners.loaded.getEntity('a')).toMatchObject({ name: 'theirs', properties: { x: 2 } });
});

test('what is held is sealed again when its keys are erased, in live queries too', async () => {
  const keyRing = await openKeyRing({
    store: new MemoryKeyStore(),
    wrapper: await makeKeyWrapper({ active: 'one', keys: { one: makeRandomKey() } }),
  });
  const universe = await openUniverse({
    memory: true,
    encryption: { keyRing, entities: { person: { fields: ['ssn'], subject: ({ id }) => id } } },
  });
  const { graph } = universe;
  await graph.createEntity('person', { id: 'a', name: 'Ada', properties: { ssn: 'secret', city: 'Paris' } });
  await graph.createEntity('person', { id: 'b', properties: { ssn: 'other' } });
  await graph.createRelation('knows', { id: 'ab', from: 'a', to: 'b' });
  await graph.load();
  const live = graph.liveQuery({ where: { name: 'Ada' } });
  const told: string[] = [];
  graph.subscribe((change) => void told.push(tell(change)));
  await vi.waitFor(() => expect(live.current[0]?.properties['ssn']).toBe('secret'));
  await keyRing.erase('a');
  await vi.waitFor(() => expect(live.current[0]?.properties['ssn']).toBeInstanceOf(Sealed));
  expect(graph.loaded.getEntity('a')?.properties['city']).toBe('Paris');
  expect(graph.loaded.getEntity('b')?.properties['ssn']).toBe('other');
  expect(graph.loaded.neighbors('a').map(({ id }) => id)).toEqual(['b']);
  expect(told).toEqual(['confirmed updated a Ada Ada']);
  await universe.close();
});
