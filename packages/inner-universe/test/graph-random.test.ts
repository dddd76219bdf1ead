import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SpacetimeEntityGraph, Universe } from '../src/index.ts';
import {
  createTestUniverse,
  READ_AND_WRITE,
  type TestGrant,
  type TestNetwork,
  type TestUniverse,
} from '../src/testing/index.ts';

/** RUNS= multiplies the runs, SEED= replays them. */
const RUNS = 25 * Number(process.env['RUNS'] ?? 1);

const TYPES_ONLY: readonly TestGrant[] = ['entity:*', 'relation:*'].flatMap((resource): TestGrant[] => [
  { action: 'read', resource },
  { action: 'write', resource },
]);

const id = fc.constantFrom('a', 'b', 'c', 'd');
const whose = fc.nat({ max: 3 });
const write = fc.record({
  type: fc.constant('write' as const),
  whose,
  what: fc.constantFrom('create', 'upsert', 'update', 'delete', 'relate', 'retie', 'untie', 'batch'),
  id,
  other: id,
  value: fc.nat({ max: 5 }),
  optimistic: fc.boolean(),
});
const step = fc.oneof(
  { weight: 6, arbitrary: write },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('fault' as const),
      whose,
      fault: fc.constantFrom('drop', 'duplicate', 'reorder'),
      direction: fc.constantFrom('to-host' as const, 'to-client' as const),
      message: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cut' as const), whose, ms: fc.nat({ max: 5_000 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('settle' as const, 'restart' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Write = Extract<Step, { type: 'write' }>;

/** Someone's graph, and what its subscribers were told, put together. */
class Follower {
  readonly graph: SpacetimeEntityGraph;
  readonly network: TestNetwork;
  readonly told = new Map<string, unknown>();
  readonly live: ReturnType<SpacetimeEntityGraph['liveQuery']>;

  constructor(universe: Universe, network: TestNetwork) {
    this.graph = universe.graph;
    this.network = network;
    this.live = universe.graph.liveQuery({ where: { properties: { value: { gte: 2 } } } });
  }

  async begin(): Promise<void> {
    await this.graph.load();
    for (const row of [...this.graph.loaded.query(), ...this.graph.loaded.queryRelations()]) this.told.set(row.id, row);
    this.graph.loaded.subscribe(({ subject, id: rowId, before, after }) => {
      const key = rowId;
      expect(this.told.get(key), `${subject} ${rowId}`).toEqual(before);
      if (after === undefined) this.told.delete(key);
      else this.told.set(key, after);
    });
  }

  write({ what, id: rowId, other, value, optimistic }: Write): Promise<unknown> {
    const { graph } = this;
    const properties = { value };
    const tie = `${rowId}-${other}`;
    switch (what) {
      case 'create':
        return graph.createEntity('thing', { id: rowId, properties }, { optimistic });
      case 'upsert':
        return graph.upsertEntity('thing', { id: rowId, properties }, { optimistic });
      case 'update':
        return graph.updateEntity(rowId, { properties }, { optimistic });
      case 'delete':
        return graph.deleteEntity(rowId, { cascade: value > 2, optimistic });
      case 'relate':
        return graph.createRelation('tie', { id: tie, from: rowId, to: other, strength: value }, { optimistic });
      case 'retie':
        return graph.updateRelation(tie, { strength: value }, { optimistic });
      case 'untie':
        return graph.deleteRelation(tie, { optimistic });
      default:
        return graph.batch(
          (batch) => {
            batch.upsertEntity('thing', { id: rowId, properties });
            batch.upsertEntity('thing', { id: other, properties });
            batch.upsertRelation('tie', { id: tie, from: rowId, to: other, strength: value });
          },
          { optimistic },
        );
    }
  }
}

async function take(
  testUniverse: TestUniverse,
  followers: readonly Follower[],
  now: Step,
  writes: Promise<unknown>[],
): Promise<void> {
  const follower = 'whose' in now ? followers[now.whose] : undefined;
  switch (now.type) {
    case 'write': {
      // What is refused is refused: what matters is that all see the same in the end.
      const writing = follower?.write(now).catch((error: unknown) => expect(error).toHaveProperty('code'));
      if (writing !== undefined) writes.push(writing);
      break;
    }
    case 'fault':
      if (now.fault === 'drop') follower?.network.dropAt(now.direction, now.message);
      else if (now.fault === 'duplicate') follower?.network.duplicateAt(now.direction, now.message);
      else follower?.network.reorderAt(now.direction, now.message);
      break;
    case 'cut':
      follower?.network.cut();
      await testUniverse.advance(now.ms);
      follower?.network.restore();
      break;
    case 'restart':
      for (const { network } of followers) network.clear();
      await testUniverse.restart();
      break;
    case 'settle':
      for (const { network } of followers) network.clear();
      await testUniverse.settle();
  }
  await testUniverse.advance(3);
}

test('whatever is written and whatever fails on the way, all hold what the server has, and the past stays what it was', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 30 }), async (steps) => {
      const testUniverse = await createTestUniverse();
      try {
        const universes = [
          testUniverse.universe,
          await testUniverse.as('owner'),
          await testUniverse.as('ada', READ_AND_WRITE),
          await testUniverse.as('eve', TYPES_ONLY),
        ];
        const followers = universes.map((universe) => new Follower(universe, testUniverse.networkOf(universe)));
        for (const follower of followers) await follower.begin();
        const writes: Promise<unknown>[] = [];
        const pasts: { atMs: number; entities: unknown; relations: unknown }[] = [];
        for (const now of steps) {
          await take(testUniverse, followers, now, writes);
          if (now.type !== 'settle') continue;
          const { graph } = testUniverse.universe;
          const [entities, relations] = [await graph.query(), await graph.queryRelations()];
          pasts.push({ atMs: Number(testUniverse.clock.nowMicros() / 1000n), entities, relations });
          await testUniverse.advance(3);
        }
        for (const { network } of followers) network.clear();
        await testUniverse.advance(1_000);
        await Promise.all(writes);
        await testUniverse.settle();

        const rows = await testUniverse.host.sql('SELECT id, seq FROM entity');
        const ties = await testUniverse.host.sql('SELECT id, seq FROM relation');
        const bySeq = (row: { readonly id: string; readonly seq: number | undefined }): string =>
          `${row.id} ${row.seq}`;
        for (const { graph, told, live } of followers) {
          expect(graph.loaded.query().map(bySeq)).toEqual(
            rows.map((row) => `${String(row['id'])} ${String(row['seq'])}`).sort(),
          );
          expect(graph.loaded.queryRelations().map(bySeq)).toEqual(
            ties.map((row) => `${String(row['id'])} ${String(row['seq'])}`).sort(),
          );
          expect([...told.values()]).toHaveLength(rows.length + ties.length);
          for (const row of [...graph.loaded.query(), ...graph.loaded.queryRelations()])
            expect(told.get(row.id)).toEqual(row);
          expect(live.current).toEqual(graph.loaded.query({ where: { properties: { value: { gte: 2 } } } }));
          expect(live.current).toEqual(await graph.query({ where: { properties: { value: { gte: 2 } } } }));
        }
        for (const { atMs, entities, relations } of pasts) {
          for (const { graph } of followers) {
            const past = await graph.asOf(atMs);
            expect(await past.query()).toEqual(entities);
            expect(await past.queryRelations()).toEqual(relations);
          }
        }
        expect(testUniverse.takeErrors()).toEqual([]);
      } finally {
        await testUniverse.close();
      }
    }),
    { numRuns: RUNS, ...(process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) }) },
  );
}, 120_000);
