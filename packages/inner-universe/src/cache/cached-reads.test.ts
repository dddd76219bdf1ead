import { afterEach, beforeEach, expect, test } from 'vitest';
import { ALL_ENTITIES } from '../client/reads.ts';
import { MemoryOutbox } from '../offline/memory-outbox.ts';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../testing/index.ts';
import type { Universe } from '../universe.ts';
import { SILENT_TELEMETRY } from '../observability/telemetry.ts';
import type { ClientCacheStats } from './cache-options.ts';
import { CachedReads, type CacheFeed } from './cached-reads.ts';

/** What is not looked at of a row. */
const ROW = { id: 'ada', tags: [], properties: '{}', scope: 'main', description: '' };

let testUniverse: TestUniverse;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
});

afterEach(async () => {
  const errors = testUniverse.takeErrors();
  await testUniverse.close();
  expect(errors).toEqual([]);
});

function statsOf(universe: Universe): ClientCacheStats {
  const stats = universe.client.cacheStats();
  if (stats === undefined) throw new Error('There is no cache.');
  return stats;
}

async function nameOf(universe: Universe, id = 'ada'): Promise<string | undefined> {
  return (await universe.graph.getEntity(id))?.name;
}

test('an entity is read once, by however many ask and through whichever way', async () => {
  const { universe } = testUniverse;
  await universe.graph.batch((batch) => {
    batch.createEntity('person', { id: 'ada', name: 'Ada' });
    batch.createEntity('person', { id: 'bob', name: 'Bob' });
    batch.createRelation('knows', { id: 'r', from: 'ada', to: 'bob' });
  });
  const before = testUniverse.network.messages.toHost;
  const ids = ['ada', 'bob', 'ada'];
  const names = await Promise.all(ids.map((id) => nameOf(universe, id)));
  expect(names).toEqual(['Ada', 'Bob', 'Ada']);
  // Those that are asked for in one turn go into one call.
  expect(testUniverse.network.messages.toHost - before).toBe(1);
  expect(await nameOf(universe)).toBe('Ada');
  expect((await universe.client.getEntity('bob'))?.name).toBe('Bob');
  expect((await universe.graph.getRelation('r'))?.to).toBe('bob');
  expect((await universe.graph.getRelation('r'))?.to).toBe('bob');
  expect(testUniverse.network.messages.toHost - before).toBe(2);
  expect(statsOf(universe)).toMatchObject({ hits: 3, misses: 4, loads: 3, entries: 3, stale: 0 });
});

test('a write is read back at once, also a deletion with what goes with it, and a creation after not finding', async () => {
  const { universe } = testUniverse;
  const { graph } = universe;
  expect(await nameOf(universe)).toBeUndefined();
  expect(await nameOf(universe)).toBeUndefined();
  expect(statsOf(universe)).toMatchObject({ hits: 1, loads: 1 });
  await graph.createEntity('person', { id: 'ada', name: 'Ada' });
  await graph.createEntity('person', { id: 'bob' });
  await graph.createRelation('knows', { id: 'r', from: 'ada', to: 'bob' });
  expect(await nameOf(universe)).toBe('Ada');
  await graph.updateEntity('ada', { name: 'Ada L.' });
  expect(await nameOf(universe)).toBe('Ada L.');
  expect(await graph.getRelation('r')).toBeDefined();
  await graph.deleteEntity('ada', { cascade: true });
  expect(await graph.getEntity('ada')).toBeUndefined();
  expect(await graph.getRelation('r')).toBeUndefined();
});

test.each(['owner', 'ada'])('whoever is told of a change of somebody else finds nothing older (%s)', async (reader) => {
  const { universe } = testUniverse;
  const other = await testUniverse.as(reader, reader === 'owner' ? [] : READ_AND_WRITE);
  await universe.graph.createEntity('person', { id: 'ada', name: 'first' });
  await testUniverse.settle();
  expect(await nameOf(other)).toBe('first');
  const { hits } = statsOf(other);
  expect(await nameOf(other)).toBe('first');
  expect(statsOf(other).hits).toBe(hits + 1);
  const found: Promise<string | undefined>[] = [];
  other.client.listen(() => found.push(nameOf(other)));
  await universe.graph.updateEntity('ada', { name: 'second' });
  await testUniverse.settle();
  expect(found.length).toBeGreaterThan(0);
  expect(new Set(await Promise.all(found))).toEqual(new Set(['second']));
  expect(await nameOf(other)).toBe('second');
});

test('a page that tells of more than the live feed has told makes what is older count for nothing', async () => {
  // Fed by hand: a feed that is behind what was read, as when the log is read over another connection.
  let stored = { ...ROW, name: 'first', seq: 10n };
  let head = 10n;
  const feed: CacheFeed = { cursor: 10n, isOwner: true, follows: () => true, listen: () => () => undefined };
  const cache: CachedReads = new CachedReads({
    options: {},
    // The one read that is asked for here.
    read: () => cache.noting(Promise.resolve({ entities: [stored], seq: head, cursor: '', more: false } as never)),
    feed,
    link: { state: () => 'connected', onState: () => () => undefined },
    servesStale: false,
    nowMs: () => 0,
    telemetry: SILENT_TELEMETRY,
  });
  const name = async (): Promise<string | undefined> =>
    (await cache.read('readEntities', { ...ALL_ENTITIES, ids: ['ada'] })).entities[0]?.name;
  expect([await name(), await name()]).toEqual(['first', 'first']);
  expect(cache.stats).toMatchObject({ hits: 1, loads: 1 });
  stored = { ...stored, name: 'second', seq: 11n };
  head = 11n;
  await cache.noting(Promise.resolve({ seq: 11n }));
  expect([await name(), await name()]).toEqual(['second', 'second']);
  expect(cache.stats).toMatchObject({ hits: 2, loads: 2 });
});

test('who writes past the graph reads back what he wrote, although nothing was told yet', async () => {
  const { universe } = testUniverse;
  await universe.graph.createEntity('person', { id: 'ada', name: 'first' });
  const { client } = await testUniverse.as('ada', READ_AND_WRITE);
  expect((await client.getEntity('ada'))?.name).toBe('first');
  const told: string[] = [];
  client.listen((events) => told.push(...events.map(({ eventType }) => eventType)));
  await client.updateEntity({ id: 'ada', name: 'second', propertiesRemoved: [], clearValidity: false });
  expect(told).toEqual([]);
  expect((await client.getEntity('ada'))?.name).toBe('second');
});

test('a load that was under way when a change was told is not kept', async () => {
  const { universe } = testUniverse;
  const other = await testUniverse.as('owner');
  await universe.graph.createEntity('person', { id: 'ada', name: 'first' });
  await testUniverse.settle();
  const network = testUniverse.networkOf(other);
  // The question waits on its way; meanwhile the change is made and told.
  network.freeze('to-host');
  const early = nameOf(other);
  await universe.graph.updateEntity('ada', { name: 'second' });
  const told = new Promise<void>((resolve) => void other.client.listen(() => resolve()));
  await universe.graph.updateEntity('ada', { name: 'third' });
  await told;
  expect(statsOf(other).entries).toBe(0);
  network.thaw();
  await early;
  expect(statsOf(other).entries).toBe(0);
  expect(await nameOf(other)).toBe('third');
});

test('while the connection is away nothing is given out from here, and afterwards all is read anew', async () => {
  const { universe } = testUniverse;
  await universe.graph.createEntity('person', { id: 'ada', name: 'first' });
  const other = await testUniverse.as('owner');
  expect(await nameOf(other)).toBe('first');
  testUniverse.networkOf(other).cut();
  await testUniverse.advance(1);
  const waiting = nameOf(other);
  await universe.graph.updateEntity('ada', { name: 'second' });
  testUniverse.networkOf(other).restore();
  expect(await waiting).toBe('second');
  expect(statsOf(other)).toMatchObject({ hits: 0, stale: 0 });
});

test('who may work offline is given what is here, counted as possibly out of date', async () => {
  const { universe } = testUniverse;
  await universe.graph.createEntity('person', { id: 'ada', name: 'first' });
  const other = await testUniverse.as('owner', [], { outbox: new MemoryOutbox(), isCut: true });
  const network = testUniverse.networkOf(other);
  network.restore();
  await testUniverse.advance(1_000);
  expect(other.status.getSnapshot().state).toBe('connected');
  expect(await nameOf(other)).toBe('first');
  network.cut();
  await testUniverse.advance(1);
  await universe.graph.updateEntity('ada', { name: 'second' });
  expect(other.status.getSnapshot().state).not.toBe('connected');
  expect(await nameOf(other)).toBe('first');
  expect(statsOf(other)).toMatchObject({ hits: 1, stale: 1 });
  network.restore();
  await testUniverse.advance(1_000);
  expect(await nameOf(other)).toBe('second');
});

test('whoever is refused something is not shown what was read before', async () => {
  const { universe } = testUniverse;
  await universe.graph.createEntity('person', { id: 'ada', name: 'first' });
  const other = await testUniverse.as('ada', READ_AND_WRITE);
  expect(await nameOf(other)).toBe('first');
  expect(statsOf(other).entries).toBe(1);
  await testUniverse.revoke('ada', READ_AND_WRITE);
  // The move of the log makes the live feed ask what may be read, and it is refused.
  await testUniverse.settle();
  expect(testUniverse.takeErrors()).toMatchObject([{ code: 'permission/denied' }]);
  expect(statsOf(other).entries).toBe(0);
  await expect(other.graph.getEntity('ada')).rejects.toMatchObject({ code: 'permission/denied' });
});

test('what a grantee does not find is not kept, for nobody would tell that he may now read it', async () => {
  const { universe } = testUniverse;
  const other = await testUniverse.as('ada', [{ action: 'read', resource: 'entity:person' }]);
  await universe.graph.createEntity('place', { id: 'london', name: 'London' });
  expect(await nameOf(other, 'london')).toBeUndefined();
  await testUniverse.grant('ada', [{ action: 'read', resource: 'entity:place' }]);
  expect(await nameOf(other, 'london')).toBe('London');
});

test('a large value is fetched once', async () => {
  const { universe } = testUniverse;
  const text = 'long '.repeat(400_000);
  await universe.graph.createEntity('page', { id: 'ada', properties: { text } });
  const first = await universe.graph.getEntity('ada');
  const { toHost } = testUniverse.network.messages;
  const second = await universe.graph.getEntity('ada');
  expect(second?.properties['text']).toBe(text);
  expect(second).toEqual(first);
  expect(testUniverse.network.messages.toHost).toBe(toHost);
});

test('who calls his own read off leaves the load to the others', async () => {
  const { universe } = testUniverse;
  await universe.graph.createEntity('person', { id: 'ada', name: 'Ada' });
  const other = await testUniverse.as('owner');
  testUniverse.networkOf(other).freeze();
  const ending = new AbortController();
  const mine = other.client.getEntity('ada', { signal: ending.signal, timeoutMs: 60_000 });
  const yours = other.client.getEntity('ada');
  ending.abort(new Error('no longer wanted'));
  await expect(mine).rejects.toThrow('no longer wanted');
  testUniverse.networkOf(other).thaw();
  expect((await yours)?.name).toBe('Ada');
  expect(statsOf(other).loads).toBe(1);
});

test('it can be switched off, and is bounded as it is told', async () => {
  const small = await createTestUniverse({ cache: { entriesMax: 2 } });
  const off = await createTestUniverse({ cache: false });
  try {
    for (const id of ['a', 'b', 'c']) {
      await small.universe.graph.createEntity('person', { id });
      await small.universe.graph.getEntity(id);
    }
    expect(statsOf(small.universe)).toMatchObject({ entries: 2, evictions: 1 });
    expect(off.universe.client.cacheStats()).toBeUndefined();
    expect(await nameOf(off.universe)).toBeUndefined();
  } finally {
    await small.close();
    await off.close();
  }
});
