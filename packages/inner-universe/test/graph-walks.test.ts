import fc from 'fast-check';
import { EntityGraph } from '@inner-universe/nerv/graph';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { SpacetimeEntityGraph } from '../src/index.ts';
import { createTestUniverse, type TestUniverse } from '../src/testing/index.ts';

let testUniverse: TestUniverse;

beforeAll(async () => {
  testUniverse = await createTestUniverse();
});

afterAll(() => testUniverse.close());

/** How often the module is asked while something is done, and for what. */
async function countReads<T>(work: () => Promise<T>): Promise<{ result: T; reads: readonly string[] }> {
  const read = vi.spyOn(testUniverse.universe.client, 'read');
  try {
    const result = await work();
    return { result, reads: read.mock.calls.map(([name]) => name) };
  } finally {
    read.mockRestore();
  }
}

const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const id = fc.constantFrom(...IDS);
const relation = fc.record({
  from: id,
  to: id,
  type: fc.constantFrom('x', 'y'),
  strength: fc.integer({ min: 0, max: 9 }),
  bidirectional: fc.boolean(),
});

test('walks by pages give what they give over the whole graph, in the same order', async () => {
  const { graph } = testUniverse.universe;
  await graph.batch((batch) => IDS.forEach((each) => batch.createEntity('node', { id: each })));
  let round = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(relation, { maxLength: 20 }),
      fc.record({
        start: id,
        goal: id,
        direction: fc.constantFrom('out' as const, 'in' as const, 'both' as const),
        relationType: fc.constantFrom(undefined, 'x', ['x', 'y'], []),
        order: fc.constantFrom('breadth-first' as const, 'depth-first' as const),
        depth: fc.constantFrom(1, 2, 5),
        limit: fc.constantFrom(undefined, 1, 3),
      }),
      async (relations, { start, goal, direction, relationType, order, depth, limit }) => {
        round += 1;
        const local = new EntityGraph();
        for (const each of IDS) local.createEntity('node', { id: each });
        const before = await graph.queryRelations();
        await graph.batch((batch) => before.forEach((each) => batch.deleteRelation(each)));
        const inputs = relations.map(({ type, ...input }, n) => ({
          type,
          input: { ...input, id: `${round}-${String(n).padStart(2, '0')}` },
        }));
        await graph.batch((batch) => inputs.forEach(({ type, input }) => batch.createRelation(type, input)));
        for (const { type, input } of inputs) local.createRelation(type, input);
        const walk = { direction, relationType };
        const ids = (rows: readonly { readonly id: string }[]): string[] => rows.map((row) => row.id);
        expect(ids(await graph.neighbors(start, { ...walk, depth, limit }))).toEqual(
          ids(local.neighbors(start, { ...walk, depth, limit })),
        );
        expect(ids(await graph.relationsOf(start, walk))).toEqual(ids(local.relationsOf(start, walk)));
        const visits = { ...walk, order, maxDepth: depth, limit };
        const told = (
          all: readonly { entity: { id: string }; depth: number; via: { id: string } | undefined }[],
        ): string[] => all.map((visit) => `${visit.entity.id} ${visit.depth} ${visit.via?.id}`);
        expect(told(await graph.traverse(start, visits))).toEqual(told(local.traverse(start, visits)));
        expect(told(await graph.traverse(start, { ...walk, order }))).toEqual(
          told(local.traverse(start, { ...walk, order })),
        );
        const weight = ({ strength }: { readonly strength: number }): number => strength;
        for (const options of [walk, { ...walk, weight }]) {
          const [found, expected] = [
            await graph.shortestPath(start, goal, options),
            local.shortestPath(start, goal, options),
          ];
          expect(found?.cost).toBe(expected?.cost);
          expect(found?.entities.length).toBe(expected?.entities.length);
        }
      },
    ),
    { numRuns: 40 * Number(process.env['RUNS'] ?? 1) },
  );
  expect(graph.loadedParts).toEqual([]);
});

describe('a walk by pages', () => {
  beforeAll(async () => {
    const { graph } = testUniverse.universe;
    await graph.batch((batch) => {
      for (let n = 0; n <= 200; n += 1) batch.createEntity('place', { id: `p${n}` });
      for (let n = 0; n < 200; n += 1) batch.createRelation('road', { id: `r${n}`, from: `p${n}`, to: `p${n + 1}` });
      batch.createEntity('place', { id: 'hub' });
      for (let n = 0; n <= 200; n += 1) batch.createRelation('spoke', { id: `s${n}`, from: 'hub', to: `p${n}` });
    });
  });

  test('asks once for what is around all that it has reached together', async () => {
    const { graph } = testUniverse.universe;
    const { result, reads } = await countReads(() => graph.neighbors('hub', { direction: 'out', depth: 2 }));
    expect(result).toHaveLength(201);
    // The start; what is around it, and the ends; what is around those.
    expect(reads).toEqual(['readEntities', 'readNeighborhood', 'readEntities', 'readNeighborhood']);
  });

  test('asks for no more than its bounds need', async () => {
    const { graph } = testUniverse.universe;
    const options = { relationType: 'road', maxDepth: 3 };
    const { result, reads } = await countReads(() => graph.traverse('p0', options));
    expect(result.map(({ entity }) => entity.id)).toEqual(['p0', 'p1', 'p2', 'p3']);
    expect(reads.filter((name) => name === 'readNeighborhood')).toHaveLength(3);
  });

  test('is refused beyond the limit, with what to do', async () => {
    const { client } = testUniverse.universe;
    const graph = new SpacetimeEntityGraph(client, { onError: () => undefined, walkEntitiesMax: 50 });
    await expect(graph.traverse('hub')).rejects.toMatchObject({
      code: 'graph/too-large',
      message: expect.stringContaining('maxDepth'),
    });
    expect(await graph.neighbors('p100', { relationType: 'road', depth: 20 })).toHaveLength(40);
    await graph.load();
    expect(await graph.traverse('hub')).toHaveLength(202);
    await graph.close();
  });
});

test('the past is walked by pages too', async () => {
  const { graph } = testUniverse.universe;
  await graph.batch((batch) => {
    for (const each of ['k', 'l', 'm']) batch.createEntity('stop', { id: each });
    batch.createRelation('line', { id: 'kl', from: 'k', to: 'l' });
    batch.createRelation('line', { id: 'lm', from: 'l', to: 'm', strength: 5 });
  });
  await testUniverse.advance(10);
  const then = Number(testUniverse.clock.nowMicros() / 1000n) - 5;
  await graph.deleteEntity('l', { cascade: true });
  const past = await graph.asOf(then);
  expect((await past.traverse('k')).map(({ entity }) => entity.id)).toEqual(['k', 'l', 'm']);
  expect((await past.shortestPath('k', 'm', { weight: ({ strength }) => strength }))?.cost).toBe(6);
  expect((await past.neighbors('m', { depth: 2 })).map((row) => row.id)).toEqual(['l', 'k']);
  expect(await graph.neighbors('k')).toEqual([]);
  const scanned: string[] = [];
  for await (const page of past.scan({ type: 'stop' })) scanned.push(...page.map((row) => row.id));
  expect(scanned.sort()).toEqual(['k', 'l', 'm']);
});

describe('a query by pages', () => {
  test('gives pages in any order, which hold no more than they give', async () => {
    const { graph } = testUniverse.universe;
    await graph.batch((batch) => {
      for (let n = 0; n < 500; n += 1) batch.createEntity('item', { id: `i${n}`, properties: { rank: (n * 7) % 500 } });
    });
    const ranks: unknown[] = [];
    for (let cursor: string | undefined, page = 0; page === 0 || cursor !== undefined; page += 1) {
      const query = {
        type: 'item',
        orderBy: { property: 'rank', direction: 'descending' },
        limit: 120,
        cursor,
      } as const;
      const { items, next } = await graph.queryPage(query);
      ranks.push(...items.map(({ properties }) => properties['rank']));
      cursor = next;
    }
    expect(ranks).toEqual(Array.from({ length: 500 }, (_, n) => 499 - n));
  });

  test('goes by an index of a property where there is one, and finds the same without', async () => {
    const { graph, client } = testUniverse.universe;
    await graph.batch((batch) => {
      for (let n = 0; n < 300; n += 1)
        batch.createEntity('book', { id: `b${n}`, properties: { shelf: n % 100, genre: n % 2 === 0 ? 'x' : 'y' } });
    });
    const query = { type: 'book', where: { properties: { shelf: 42, genre: 'x' } } } as const;
    const expected = ['b142', 'b242', 'b42'];
    const find = async (): Promise<string[]> => (await graph.query(query)).map((row) => row.id);
    expect(await find()).toEqual(expected);
    await client.applyConfiguration([{ key: 'indexes', value: '{"book":["shelf"]}' }]);
    await testUniverse.advance(60_001);
    const read = vi.spyOn(client, 'read');
    expect(await find()).toEqual(expected);
    const pages = await Promise.all(read.mock.results.map(({ value }) => value as Promise<{ entities: unknown[] }>));
    expect(pages.flatMap(({ entities }) => entities)).toHaveLength(3);
    read.mockRestore();
    const either = { type: 'book', where: { properties: { shelf: { in: [42, 43] } } } } as const;
    expect(await graph.query(either)).toHaveLength(6);
  });
});
