import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EntityGraph, type QueryDelta } from './entity-graph.ts';
import type { Entity } from './entity.ts';
import type { EntityQuery } from './graph-query.ts';

/** Follows a live query by its deltas alone, and compares with asking anew. */
function follow(graph: EntityGraph, query: EntityQuery): () => void {
  const live = graph.liveQuery(query);
  const rows = new Map<string, Entity>(live.current.map((row) => [row.id, row]));
  live.subscribe(({ added, updated, removed }: QueryDelta<Entity>) => {
    expect(added.length + updated.length + removed.length).toBeGreaterThan(0);
    for (const row of removed) expect(rows.get(row.id)).toBe(row);
    for (const row of removed) rows.delete(row.id);
    for (const { before, after } of updated) {
      expect(rows.get(before.id)).toBe(before);
      expect(after).not.toBe(before);
      rows.set(after.id, after);
    }
    for (const row of added) {
      expect(rows.has(row.id)).toBe(false);
      rows.set(row.id, row);
    }
  });
  const byId = (left: Entity, right: Entity): number => (left.id < right.id ? -1 : 1);
  return () => {
    expect(live.current).toEqual(graph.query(query));
    expect([...rows.values()].sort(byId)).toEqual([...live.current].sort(byId));
  };
}

describe('live queries against queries', () => {
  // Each write sets, or deletes where there is no rank, some of twenty entities, or a hundred.
  const writeOf = (most: number) => fc.record({ id: fc.nat(most), rank: fc.option(fc.nat(9), { nil: undefined }) });
  const writes = fc.array(fc.array(writeOf(19), { minLength: 1, maxLength: 4 }), {
    minLength: 10,
    maxLength: 60,
  });
  const batches = fc.array(fc.array(writeOf(99), { minLength: 30, maxLength: 90 }), {
    maxLength: 6,
  });

  function run(list: readonly (readonly { id: number; rank: number | undefined }[])[], limit: number): void {
    const graph = new EntityGraph();
    const order = { orderBy: { property: 'rank' } } as const;
    const checks = [
      follow(graph, order),
      follow(graph, { ...order, limit }),
      follow(graph, { orderBy: { property: 'rank', direction: 'descending' }, limit }),
      follow(graph, { ...order, limit, where: { properties: { rank: { gte: 3 } } } }),
    ];
    for (const part of list) {
      graph.batch((batch) => {
        const present = new Set(graph.query().map(({ id }) => id));
        for (const { id: number, rank } of part) {
          const id = `${number}`;
          if (rank !== undefined) {
            batch.upsertEntity('node', { id, properties: { rank } });
            present.add(id);
          } else if (present.delete(id)) {
            batch.deleteEntity(id);
          }
        }
      });
      for (const check of checks) check();
    }
  }

  test('few changes at a time', () => {
    fc.assert(fc.property(writes, fc.integer({ min: 1, max: 6 }), run));
  });

  test('many changes at a time', () => {
    fc.assert(fc.property(batches, fc.integer({ min: 1, max: 6 }), run));
  });
});

test('a change beyond the limit is not told', () => {
  const graph = new EntityGraph();
  for (let rank = 0; rank < 10; rank += 1) graph.createEntity('node', { id: `${rank}`, properties: { rank } });
  const live = graph.liveQuery({ orderBy: { property: 'rank' }, limit: 3 });
  const before = live.current;
  let told = 0;
  live.subscribe(() => {
    told += 1;
  });
  graph.updateEntity('8', { name: 'eight' });
  graph.deleteEntity('9');
  expect(told).toBe(0);
  expect(live.current).toBe(before);
  graph.updateEntity('2', { properties: { rank: 8.5 } });
  expect(told).toBe(1);
  expect(live.current.map(({ id }) => id)).toEqual(['0', '1', '3']);
});

test('closing twice is harmless', () => {
  const graph = new EntityGraph();
  const live = graph.liveQuery();
  const subscription = live.subscribe(() => undefined);
  live.close();
  live.close();
  expect(subscription.active).toBe(false);
});
