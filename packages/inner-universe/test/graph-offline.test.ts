import type { GraphChange } from '@inner-universe/nerv/graph';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SpacetimeEntityGraph, Universe } from '../src/index.ts';
import { SurvivingOutbox } from '../src/offline/test/surviving-outbox.ts';
import { createTestUniverse, READ_AND_WRITE, type TestGrant, type TestUniverse } from '../src/testing/index.ts';

const MINUTE_MS = 60_000;

let testUniverse: TestUniverse;
let outbox: SurvivingOutbox;
let owners: SpacetimeEntityGraph;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
  outbox = new SurvivingOutbox();
  await testUniverse.grant('ada', READ_AND_WRITE);
  owners = testUniverse.universe.graph;
});

afterEach(() => testUniverse.close());

/** A start of an application, Ada's or the owner's, with the outbox. */
function start(name: string, isCut = false): Promise<Universe> {
  return testUniverse.as(name, [], { outbox: { store: outbox }, isCut });
}

function names(graph: SpacetimeEntityGraph): string[] {
  return graph.loaded.query().map(({ id, name }) => `${id}:${name}`);
}

function tell({ origin, type, id, before, after }: GraphChange): string {
  return `${origin} ${type} ${id} ${before?.name ?? '-'} ${after?.name ?? '-'}`;
}

function watch(promise: Promise<unknown>): { state: string } {
  const watched = { state: 'waiting' };
  promise.then(
    () => (watched.state = 'done'),
    (error: { code?: string }) => (watched.state = String(error.code ?? error)),
  );
  return watched;
}

describe.each(['ada', 'owner'])('a graph of %s while the server is away', (name) => {
  /** Has the application see the graph once, so that it is kept; then ends it. */
  async function visit(): Promise<void> {
    const universe = await start(name);
    await universe.graph.load();
    await universe.close();
  }

  test('opens with what was kept, and tells of the differences alone when the server is back', async () => {
    await owners.batch((batch) => {
      for (const id of 'abcd') batch.createEntity('person', { id, name: 'old' });
      batch.createRelation('knows', { id: 'ab', from: 'a', to: 'b' });
    });
    await visit();
    await owners.updateEntity('a', { name: 'newer' });
    await owners.updateEntity('a', { name: 'newest' });
    await owners.deleteEntity('c');
    await owners.createEntity('person', { id: 'e', name: 'new' });
    const universe = await start(name, true);
    const { graph, client } = universe;
    await graph.load();
    expect(client.state).not.toBe('connected');
    expect(names(graph)).toEqual(['a:old', 'b:old', 'c:old', 'd:old']);
    expect((await graph.neighbors('a')).map(({ id }) => id)).toEqual(['b']);
    expect(await graph.query({ where: { name: 'newest' } })).toEqual([]);
    const told: string[] = [];
    graph.subscribe((change) => told.push(tell(change)));
    await testUniverse.settle();
    testUniverse.networkOf(universe).restore();
    await testUniverse.settle();
    expect(names(graph)).toEqual(['a:newest', 'b:old', 'd:old', 'e:new']);
    expect(told.sort()).toEqual([
      'confirmed deleted c old -',
      'confirmed inserted e - new',
      'confirmed updated a old newest',
    ]);
    expect(testUniverse.takeErrors()).toEqual([]);
  });

  test('reads everything anew where the log was trimmed meanwhile, and tells of the differences alone', async () => {
    await owners.batch((batch) => {
      for (const id of 'abc') batch.createEntity('person', { id, name: 'old' });
    });
    await visit();
    await owners.updateEntity('a', { name: 'new' });
    await owners.deleteEntity('c');
    const { client } = testUniverse.universe;
    await client.write([{ tag: 'trimEvents', value: { upToSeq: client.seq, segmentDigest: 'digest' } }]);
    const universe = await start(name, true);
    await universe.graph.load();
    const told: string[] = [];
    universe.graph.subscribe((change) => told.push(tell(change)));
    testUniverse.networkOf(universe).restore();
    await testUniverse.settle();
    expect(names(universe.graph)).toEqual(['a:new', 'b:old']);
    expect(told.sort()).toEqual(['confirmed deleted c old -', 'confirmed updated a old new']);
    testUniverse.takeErrors();
  });

  test('shows writes as pending until the server has them, over restarts too', async () => {
    await owners.createEntity('person', { id: 'a', name: 'old' });
    await visit();
    const first = await start(name, true);
    await first.graph.load();
    const told: string[] = [];
    first.graph.subscribe((change) => told.push(tell(change)));
    await testUniverse.settle();
    const writes = [
      watch(first.graph.updateEntity('a', { name: 'wish', properties: { list: [1] } }, { optimistic: true })),
      watch(first.graph.createEntity('person', { id: 'b', name: 'made' }, { optimistic: true })),
      watch(first.graph.createRelation('knows', { id: 'ab', from: 'a', to: 'b' }, { optimistic: true })),
    ];
    await testUniverse.advance(10 * MINUTE_MS);
    expect(writes.map(({ state }) => state)).toEqual(['waiting', 'waiting', 'waiting']);
    expect(names(first.graph)).toEqual(['a:wish', 'b:made']);
    expect(told).toEqual(['pending updated a old wish', 'pending inserted b - made', 'pending inserted ab - ']);
    outbox.kill();
    testUniverse.takeErrors();

    const second = await start(name, true);
    await second.graph.load();
    expect(names(second.graph)).toEqual(['a:wish', 'b:made']);
    expect((await second.graph.neighbors('a')).map(({ id }) => id)).toEqual(['b']);
    expect(second.graph.loaded.getEntity('a')).toMatchObject({ properties: { list: [1] } });
    const later: string[] = [];
    second.graph.subscribe((change) => later.push(tell(change)));
    await testUniverse.settle();
    testUniverse.networkOf(second).restore();
    await testUniverse.settle();
    expect(names(second.graph)).toEqual(['a:wish', 'b:made']);
    expect((await owners.query()).map((row) => row.name)).toEqual(['wish', 'made']);
    expect(later.filter((change) => !change.startsWith('confirmed updated'))).toEqual([]);
    expect(second.graph.loaded.getEntity('b')?.seq).toBeDefined();
    expect(second.client.unconfirmed()).toEqual([]);
  });

  test('takes back what the server refuses, in one step', async () => {
    await owners.createEntity('person', { id: 'a', name: 'old' });
    await visit();
    const universe = await start(name, true);
    await universe.graph.load();
    const told: string[] = [];
    const live = universe.graph.liveQuery();
    live.subscribe(({ added, updated, removed, origin }) => {
      const [gone, changed] = [removed.map(({ id }) => id), updated.map(({ after }) => after.name)];
      told.push(`${origin} +${added.length} -${gone.join()} ${changed.join()}`);
    });
    await testUniverse.settle();
    const write = watch(
      universe.graph.batch(
        (batch) => {
          batch.updateEntity('a', { name: 'wish' }, { ifSeq: universe.graph.loaded.getEntity('a')?.seq });
          batch.createEntity('person', { id: 'b', name: 'wish' });
        },
        { optimistic: true },
      ),
    );
    expect(names(universe.graph)).toEqual(['a:wish', 'b:wish']);
    await owners.updateEntity('a', { name: 'faster' });
    told.length = 0;
    testUniverse.networkOf(universe).restore();
    await testUniverse.settle();
    expect(write.state).toBe('entity/seq-mismatch');
    expect(names(universe.graph)).toEqual(['a:faster']);
    // The refusal in one step, and what somebody else had done.
    expect(told).toEqual(['confirmed +0 -b old', 'confirmed +0 - faster']);
    testUniverse.takeErrors();
  });
});

test('what is kept is of the parts that were loaded; others wait for the server, and hold up nobody', async () => {
  await owners.batch((batch) => {
    batch.createEntity('person', { id: 'a', name: 'in' });
    batch.createEntity('robot', { id: 'b', name: 'out' });
  });
  const people = { types: ['person'], relationTypes: [] };
  const first = await start('ada');
  await first.graph.load(people);
  await first.close();
  const second = await start('ada', true);
  const whole = watch(second.graph.load());
  await second.graph.load(people);
  expect(names(second.graph)).toEqual(['a:in']);
  expect(second.graph.loadedParts).toEqual([people]);
  await testUniverse.settle();
  expect(whole.state).toBe('waiting');
  testUniverse.networkOf(second).restore();
  await testUniverse.settle();
  expect(whole.state).toBe('done');
  expect(names(second.graph)).toEqual(['a:in', 'b:out']);
  expect(testUniverse.takeErrors()).toEqual([]);
});

test('grants for types alone are enough to open what was kept and to catch up', async () => {
  const grants: readonly TestGrant[] = [{ action: 'read', resource: 'entity:person' }];
  await testUniverse.grant('eve', grants);
  await owners.batch((batch) => {
    batch.createEntity('person', { id: 'a', name: 'old' });
    batch.createEntity('secret', { id: 's', name: 'hidden' });
  });
  const first = await start('eve');
  await first.graph.load({ relationTypes: [] });
  expect(names(first.graph)).toEqual(['a:old']);
  await first.close();
  await owners.updateEntity('s', { name: 'still hidden' });
  await owners.deleteEntity('a');
  await owners.createEntity('person', { id: 'b', name: 'new' });
  const second = await start('eve', true);
  await second.graph.load({ relationTypes: [] });
  expect(names(second.graph)).toEqual(['a:old']);
  testUniverse.networkOf(second).restore();
  await testUniverse.settle();
  expect(names(second.graph)).toEqual(['b:new']);
  expect(testUniverse.takeErrors()).toEqual([]);
});
