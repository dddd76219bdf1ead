import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { SpacetimeEntityGraph, type Universe } from '../src/index.ts';
import { createTestUniverse, type TestUniverse } from '../src/testing/index.ts';

let testUniverse: TestUniverse;
let universe: Universe;

beforeAll(async () => {
  testUniverse = await createTestUniverse();
  ({ universe } = testUniverse);
});

afterAll(() => testUniverse.close());

/** In which scopes entities, or relations, of these ids are. */
async function scopesOf(...ids: readonly string[]): Promise<unknown[]> {
  const rows = await Promise.all(
    ids.map(async (id) => {
      const { client } = universe;
      const wanted = { ids: [id], scope: '', name: '', cursor: '', limit: 0 };
      const { entities } = await client.read('readEntities', { ...wanted, entityType: '', tag: '' });
      const ends = { relationType: '', fromId: '', toId: '', endId: '' };
      const { relations } = await client.read('readRelations', { ...wanted, ...ends });
      return [...entities, ...relations][0]?.scope;
    }),
  );
  return rows;
}

describe('a write', () => {
  test('creates in the scope that it names, else in that of the graph', async () => {
    const { graph } = universe;
    await graph.createEntity('thing', { id: 'here' });
    await graph.createEntity('thing', { id: 'there' }, { scope: 'lab' });
    await graph.upsertEntity('thing', { id: 'also-there' }, { scope: 'lab' });
    await graph.createRelation('near', { id: 'r', from: 'there', to: 'also-there' }, { scope: 'lab' });
    await graph.upsertRelation('near', { id: 's', from: 'there', to: 'also-there' }, { scope: 'lab' });
    expect(await scopesOf('here', 'there', 'also-there', 'r', 's')).toEqual(['main', 'lab', 'lab', 'lab', 'lab']);
  });

  test('of a batch goes to its scope, or to that of its part of the batch, in the order of all', async () => {
    const { graph } = universe;
    await graph.batch(
      (batch) => {
        const attic = batch.inScope('attic');
        batch.createEntity('thing', { id: 'b1' });
        attic.createEntity('thing', { id: 'b2' });
        attic.createEntity('thing', { id: 'b3' });
        attic.inScope('cellar').createEntity('thing', { id: 'b4' });
        attic.createRelation('near', { id: 'b5', from: 'b2', to: 'b3' });
        batch.updateEntity('b2', { name: 'renamed' });
      },
      { scope: 'lab' },
    );
    expect(await scopesOf('b1', 'b2', 'b3', 'b4', 'b5')).toEqual(['lab', 'attic', 'attic', 'cellar', 'attic']);
    expect(await graph.getEntity('b2')).toMatchObject({ name: 'renamed' });
  });

  test('with large properties puts them where the row is, created or changed', async () => {
    const { graph } = universe;
    const large = (letter: string): string => letter.repeat(300_000);
    await graph.createEntity('thing', { id: 'large', properties: { text: large('a') } }, { scope: 'lab' });
    await graph.updateEntity('large', { properties: { text: large('b') } });
    expect(await graph.getEntity('large')).toMatchObject({ properties: { text: large('b') } });
    expect(await scopesOf('large')).toEqual(['lab']);
  });

  test('is shown at once where its scope is held, and not where it is not', async () => {
    const graph = new SpacetimeEntityGraph(universe.client, {
      onError: (error) => {
        throw error;
      },
    });
    await graph.load({ scopes: ['lab'] });
    const there = graph.createEntity('thing', { id: 'shown' }, { scope: 'lab', optimistic: true });
    const elsewhere = graph.createEntity('thing', { id: 'hidden' }, { optimistic: true });
    expect([graph.loaded.getEntity('shown')?.id, graph.loaded.getEntity('hidden')]).toEqual(['shown', undefined]);
    await Promise.all([there, elsewhere]);
    await graph.close();
  });

  test.each(['', 5, null])('to a scope %j is refused', async (scope) => {
    const writing = universe.graph.createEntity('thing', {}, { scope: scope as string });
    await expect(writing).rejects.toMatchObject({
      code: 'graph/invalid-argument',
      details: { option: 'scope' },
    });
  });
});

test.each<[string, (graph: Universe['graph'], options: object) => Promise<unknown>]>([
  ['createEntity', (graph, options) => graph.createEntity('thing', { id: 'x' }, options)],
  ['upsertEntity', (graph, options) => graph.upsertEntity('thing', { id: 'x' }, options)],
  ['updateEntity', (graph, options) => graph.updateEntity('here', { name: 'x' }, options)],
  ['deleteEntity', (graph, options) => graph.deleteEntity('here', options)],
  ['createRelation', (graph, options) => graph.createRelation('near', { id: 'x', from: 'here', to: 'here' }, options)],
  ['upsertRelation', (graph, options) => graph.upsertRelation('near', { id: 'x', from: 'here', to: 'here' }, options)],
  ['updateRelation', (graph, options) => graph.updateRelation('r', { name: 'x' }, options)],
  ['deleteRelation', (graph, options) => graph.deleteRelation('r', options)],
  ['batch', (graph, options) => graph.batch((batch) => void batch.createEntity('thing', { id: 'x' }), options)],
])('%s refuses options that it does not have, and writes nothing', async (write, run) => {
  await expect(run(universe.graph, { optimistc: true })).rejects.toMatchObject({
    code: 'graph/invalid-argument',
    details: { write, option: 'optimistc' },
    message: expect.stringContaining('It takes signal, timeoutMs, optimistic'),
  });
  expect(await universe.graph.getEntity('x')).toBeUndefined();
  expect(await universe.graph.getRelation('x')).toBeUndefined();
});

test('a handler of a consumer writes to any scope', async () => {
  const consumer = await universe.consumers.open('scribe', { pattern: 'note.made' });
  const run = consumer.run(({ id }, transaction) => {
    transaction.graph.createEntity('note', { id: `main-${id}` });
    transaction.graph.inScope('lab').createEntity('note', { id: `lab-${id}` });
  });
  const id = await universe.events.publish('note.made', 1);
  await testUniverse.settle();
  await vi.waitUntil(async () => (await universe.graph.getEntity(`lab-${id}`)) !== undefined);
  expect(await scopesOf(`main-${id}`, `lab-${id}`)).toEqual(['main', 'lab']);
  await consumer.close();
  await run;
});

describe('what may not be seen', () => {
  test('is told of as what is not there is, by walks, updates and deletions, held or not', async () => {
    const ada = await testUniverse.as('ada', [
      { action: 'read', resource: 'scope:lab' },
      { action: 'write', resource: 'scope:lab' },
    ]);
    const asks: readonly ((graph: Universe['graph'], id: string) => Promise<unknown>)[] = [
      (graph, id) => graph.neighbors(id),
      (graph, id) => graph.relationsOf(id),
      (graph, id) => graph.traverse(id),
      (graph, id) => graph.shortestPath(id, id),
      (graph, id) => graph.shortestPath('there', id),
      (graph, id) => graph.updateEntity(id, { name: 'x' }),
      (graph, id) => graph.deleteEntity(id),
    ];
    for (const isHeld of [false, true]) {
      if (isHeld) await ada.graph.load();
      for (const ask of asks) {
        const told = await Promise.all(
          ['here', 'nowhere'].map((id) =>
            ask(ada.graph, id).then(
              () => 'nothing',
              (error: unknown) => `${(error as { code: string }).code} ${(error as Error).message.replace(id, 'ID')}`,
            ),
          ),
        );
        expect(told[0]).toBe(told[1]);
        expect(told[0]).toMatch(/^entity\/not-found The entity 'ID' was not found, or is not visible to you/);
      }
    }
  });
});

test('a query by pages of more candidates than may be read is refused, with what to do', async () => {
  await universe.graph.batch((batch) => {
    for (let number = 0; number < 30; number += 1) batch.createEntity('row', { name: `${number % 3}` });
  });
  const graph = new SpacetimeEntityGraph(universe.client, { onError: () => undefined, queryRowsMax: 20 });
  await expect(graph.queryPage({ type: 'row', limit: 5 })).rejects.toMatchObject({
    code: 'graph/too-large',
    details: { queryRowsMax: 20 },
    message: expect.stringContaining('scan'),
  });
  expect(await graph.query({ type: 'row', name: '1' })).toHaveLength(10);
  await graph.load({ types: ['row'] });
  expect(await graph.query({ type: 'row' })).toHaveLength(30);
  await graph.close();
});
