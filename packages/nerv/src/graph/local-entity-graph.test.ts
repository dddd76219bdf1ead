import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { topologicalOrder } from './algorithms/topological-order.ts';
import { EntityGraph, type QueryDelta } from './entity-graph.ts';
import type { Entity, Relation } from './entity.ts';
import type { GraphChange } from './graph-change.ts';
import { MAX_GENERATIONS } from './graph-core.ts';
import type { EntityQuery, RelationQuery } from './graph-query.ts';
import type { LocalEntityGraph } from './local-entity-graph.ts';

const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const type = fc.constantFrom('person', 'robot');
const name = fc.constantFrom('', 'Ada', 'Bob');
const tags = fc.subarray(['x', 'y', 'z']);
const age = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom<unknown>('1', null, 2n, true, NaN, -0, [1]));
const properties = fc.oneof(fc.constant({}), fc.record({ age }));

type Step = (graph: EntityGraph) => void;

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ id, name, tags, properties }).chain((input) =>
    type.map(
      (of): Step =>
        (graph) =>
          void graph.upsertEntity(of, input as { id: string }),
    ),
  ),
  fc.record({ name, tags, properties }).chain((patch) =>
    id.map(
      (of): Step =>
        (graph) =>
          void graph.updateEntity(of, patch as { name: string }),
    ),
  ),
  fc.tuple(id, fc.boolean()).map(
    ([of, cascade]): Step =>
      (graph) =>
        void graph.deleteEntity(of, { cascade }),
  ),
  fc.record({ id, from: id, to: id, strength: fc.nat(3), bidirectional: fc.boolean(), tags }).chain((input) =>
    type.map(
      (of): Step =>
        (graph) =>
          void graph.createRelation(of, input),
    ),
  ),
  fc.tuple(id, fc.nat(3)).map(
    ([of, strength]): Step =>
      (graph) =>
        void graph.updateRelation(of, { strength }),
  ),
  id.map(
    (of): Step =>
      (graph) =>
        void graph.deleteRelation(of),
  ),
);

const batch: fc.Arbitrary<Step> = fc
  .array(fc.tuple(fc.constantFrom('entity', 'relation'), id, id, name), {
    minLength: 1,
    maxLength: 5,
  })
  .map(
    (parts): Step =>
      (graph) =>
        void graph.batch((writes) => {
          for (const [kind, first, second, text] of parts) {
            if (kind === 'entity') writes.createEntity('person', { id: first, name: text });
            else writes.createRelation('person', { id: first, from: first, to: second });
          }
        }),
  );

/** What a graph should hold: told by its changes alone. */
class Model {
  readonly entities = new Map<string, Entity>();
  readonly relations = new Map<string, Relation>();

  take(change: GraphChange): void {
    const rows: Map<string, Entity | Relation> = change.subject === 'entity' ? this.entities : this.relations;
    expect(rows.get(change.id)).toEqual(change.before);
    if (change.after === undefined) rows.delete(change.id);
    else rows.set(change.id, change.after);
  }
}

const byId = (left: Entity, right: Entity): number => (left.id < right.id ? -1 : 1);

function attempt(graph: EntityGraph, step: Step): void {
  try {
    step(graph);
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^(entity|relation)\//) });
  }
}

describe('against a plain model', () => {
  test('indexes, integrity and changes hold after any writes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 6, arbitrary: step }, { weight: 1, arbitrary: batch }), {
          maxLength: 40,
        }),
        (steps) => {
          const graph = new EntityGraph({ indexes: { entities: ['age'] } });
          const model = new Model();
          graph.subscribe((change) => model.take(change));
          for (const now of steps) attempt(graph, now);

          const entities = [...model.entities.values()].sort(byId);
          const relations = [...model.relations.values()].sort(byId);
          expect(graph.query()).toEqual(entities);
          expect(graph.queryRelations()).toEqual(relations);
          for (const { from, to } of relations) expect(model.entities.has(from) && model.entities.has(to)).toBe(true);
          for (const of of ['person', 'robot']) {
            expect(graph.query({ type: of })).toEqual(entities.filter((row) => row.type === of));
          }
          for (const tag of ['x', 'y', 'z']) {
            expect(graph.query({ tags: [tag] })).toEqual(entities.filter((row) => row.tags.includes(tag)));
          }
          expect(graph.query({ name: 'Ada' })).toEqual(entities.filter((row) => row.name === 'Ada'));
          const withAge = (wanted: unknown): Entity[] =>
            entities.filter(
              ({ properties: held }) => 'age' in held && (held['age'] === wanted || Object.is(held['age'], wanted)),
            );
          for (const wanted of [0, 1, '1', null, 2n, true, NaN]) {
            // What equals NaN is nothing that a condition's type could say better.
            const found = graph.query({ where: { properties: { age: wanted as number } } });
            expect(found).toEqual(withAge(wanted));
          }
          for (const { id: of } of entities) {
            expect([...graph.relationsOf(of)].sort(byId)).toEqual(
              relations.filter(({ from, to }) => from === of || to === of),
            );
            expect([...graph.relationsOf(of, { direction: 'out' })].sort(byId)).toEqual(
              relations.filter(({ from, to, bidirectional }) => from === of || (bidirectional && to === of)),
            );
          }
        },
      ),
    );
  });

  test('a live query is what the query gives, and its deltas lead there', () => {
    const queries: readonly EntityQuery[] = [
      {},
      { type: 'person', orderBy: { field: 'name', direction: 'descending' } },
      { tags: ['x'], limit: 2, orderBy: [{ property: 'age' }] },
      { where: { or: [{ name: 'Ada' }, { properties: { age: { gt: 1 } } }] }, limit: 1 },
    ];
    const relationQueries: readonly RelationQuery[] = [
      { orderBy: { field: 'strength' } },
      { type: 'person', where: { strength: { gte: 2 } }, limit: 2 },
    ];
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 6, arbitrary: step }, { weight: 2, arbitrary: batch }), {
          maxLength: 40,
        }),
        (steps) => {
          const graph = new EntityGraph();
          const live = [
            ...queries.map((query) => follow(graph.liveQuery(query), () => graph.query(query))),
            ...relationQueries.map((query) => follow(graph.liveRelations(query), () => graph.queryRelations(query))),
          ];
          for (const now of steps) {
            attempt(graph, now);
            for (const check of live) check();
          }
        },
      ),
    );
  });

  test('a large write resorts a live query instead of inserting one by one', () => {
    const graph = new EntityGraph();
    const live = graph.liveQuery({ orderBy: { field: 'name' } });
    const check = follow(live, () => graph.query({ orderBy: { field: 'name' } }));
    graph.batch((writes) => {
      for (let number = 0; number < 500; number += 1)
        writes.createEntity('n', { id: `${number}`, name: `${number % 7}` });
    });
    check();
    graph.batch((writes) => {
      for (let number = 0; number < 400; number += 1) writes.deleteEntity(`${number}`);
    });
    check();
    expect(live.current).toHaveLength(100);
  });
});

function follow<Row extends Entity>(
  live: {
    readonly current: readonly Row[];
    subscribe(handler: (delta: QueryDelta<Row>) => unknown): unknown;
  },
  query: () => readonly Row[],
): () => void {
  const rows = new Map(live.current.map((row) => [row.id, row]));
  live.subscribe(({ added, updated, removed }) => {
    for (const row of removed) expect(rows.delete(row.id)).toBe(true);
    for (const { before, after } of updated) {
      expect(rows.get(before.id)).toBe(before);
      rows.set(after.id, after);
    }
    for (const row of added) {
      expect(rows.has(row.id)).toBe(false);
      rows.set(row.id, row);
    }
  });
  return () => {
    expect(live.current).toEqual(query());
    expect([...rows.values()].sort(byId)).toEqual([...live.current].sort(byId));
  };
}

describe('walks against plain ones', () => {
  const edges = fc.array(fc.record({ from: id, to: id, strength: fc.nat(5), bidirectional: fc.boolean() }), {
    maxLength: 14,
  });
  const build = (
    list: readonly { from: string; to: string; strength: number; bidirectional: boolean }[],
  ): LocalEntityGraph => {
    const graph = new EntityGraph();
    graph.batch((writes) => {
      for (const node of 'abcdef') writes.createEntity('node', { id: node });
      for (const edge of list) writes.createRelation('edge', edge);
    });
    return graph;
  };

  test('shortest paths cost what trying every way costs', () => {
    fc.assert(
      fc.property(edges, (list) => {
        const graph = build(list);
        const costs = new Map<string, number>([['a', 0]]);
        const ways = list.flatMap((edge) =>
          edge.bidirectional ? [edge, { ...edge, from: edge.to, to: edge.from }] : [edge],
        );
        for (let round = 0; round < 6; round += 1) {
          for (const { from, to, strength } of ways) {
            const cost = (costs.get(from) ?? Infinity) + strength;
            if (cost < (costs.get(to) ?? Infinity)) costs.set(to, cost);
          }
        }
        for (const node of 'abcdef') {
          const path = graph.shortestPath('a', node, { weight: ({ strength }) => strength });
          expect(path?.cost).toEqual(costs.get(node));
          if (path === undefined) continue;
          expect(path.relations).toHaveLength(path.entities.length - 1);
          expect(path.relations.reduce((sum, { strength }) => sum + strength, 0)).toBe(path.cost);
        }
      }),
    );
  });

  test('walks of both orders reach the same, within any depth', () => {
    fc.assert(
      fc.property(edges, fc.nat(4), (list, bound) => {
        const graph = build(list);
        for (const options of [{}, { maxDepth: bound + 1 }]) {
          const wide = graph.traverse('a', options).map(({ entity }) => entity.id);
          const deep = graph.traverse('a', { ...options, order: 'depth-first' }).map(({ entity }) => entity.id);
          expect(new Set(wide).size).toBe(wide.length);
          expect([...deep].sort()).toEqual([...wide].sort());
        }
      }),
    );
  });

  test('a topological order exists or a circle is shown', () => {
    fc.assert(
      fc.property(edges, (list) => {
        const graph = build(list.map((edge) => ({ ...edge, bidirectional: false })));
        try {
          const places = new Map(topologicalOrder(graph).map((entity, place) => [entity.id, place]));
          expect(places.size).toBe(6);
          for (const { from, to } of list) expect(places.get(from)).toBeLessThan(places.get(to) ?? -1);
        } catch (error) {
          expect(error).toMatchObject({ code: 'graph/cycle' });
          const { cycle } = (error as { details: { cycle: string[] } }).details;
          for (const [place, from] of cycle.entries()) {
            const to = cycle[(place + 1) % cycle.length];
            expect(list.some((edge) => edge.from === from && edge.to === to)).toBe(true);
          }
        }
      }),
    );
  });
});

describe('telling', () => {
  test('a write made by a subscriber is told after the one it followed from, to everybody', () => {
    const graph = new EntityGraph();
    const seen: string[] = [];
    graph.subscribe(({ id: of }) => {
      if (of === 'first') graph.createEntity('x', { id: 'second' });
    });
    graph.subscribe(({ id: of }) => seen.push(of));
    graph.createEntity('x', { id: 'first' });
    expect(seen).toEqual(['first', 'second']);
  });

  test('a live query is up to date for every subscriber', () => {
    const graph = new EntityGraph();
    const live = graph.liveQuery();
    const sizes: number[] = [];
    graph.subscribe(() => sizes.push(live.current.length));
    graph.batch((writes) => {
      writes.createEntity('x');
      writes.createEntity('x');
    });
    expect(sizes).toEqual([2, 2]);
  });

  test('a subscriber that fails harms nobody and is reported', async () => {
    const errors: unknown[] = [];
    const graph = new EntityGraph({ onError: (error) => errors.push(error) });
    const seen: string[] = [];
    graph.subscribe(() => {
      throw new Error('sync');
    });
    graph.subscribe(() => Promise.reject(new Error('async')));
    graph.liveQuery().subscribe(() => {
      throw new Error('live');
    });
    graph.subscribe(({ id: of }) => seen.push(of));
    graph.createEntity('x', { id: 'a' });
    expect(seen).toEqual(['a']);
    await vi.waitFor(() => expect(errors.map(String)).toEqual(['Error: live', 'Error: sync', 'Error: async']));
  });

  test('subscribers that answer writes with writes for ever are stopped with an error', () => {
    const errors: unknown[] = [];
    const graph = new EntityGraph({ onError: (error) => errors.push(error) });
    graph.subscribe(() => graph.createEntity('x'));
    graph.createEntity('x');
    expect(errors).toEqual([expect.objectContaining({ code: 'graph/limit' })]);
    expect(graph.query()).toHaveLength(MAX_GENERATIONS);
    graph.createEntity('y');
  });

  test('who unsubscribes while being told is not told again', () => {
    const graph = new EntityGraph();
    const seen: string[] = [];
    const subscription = graph.subscribe(({ id: of }) => {
      seen.push(of);
      subscription.unsubscribe();
    });
    graph.batch((writes) => {
      writes.createEntity('x', { id: 'a' });
      writes.createEntity('x', { id: 'b' });
    });
    expect(seen).toEqual(['a']);
    expect(subscription.active).toBe(false);
  });

  test('a write that ends as it began is not told', () => {
    const graph = new EntityGraph();
    const seen: string[] = [];
    graph.subscribe(({ type: of }) => seen.push(of));
    graph.batch((writes) => {
      writes.createEntity('x', { id: 'a' });
      writes.deleteEntity('a');
    });
    expect(seen).toEqual([]);
  });

  test('a closed live query cannot be followed', () => {
    const graph = new EntityGraph();
    const live = graph.liveQuery();
    live[Symbol.dispose]();
    expect(() => live.subscribe(() => undefined)).toThrow(expect.objectContaining({ code: 'graph/closed' }));
    expect(() => graph.liveQuery({ cursor: 'x' })).toThrow(expect.objectContaining({ code: 'graph/invalid-query' }));
  });
});

test('a batch that fails late takes back updates and deletions of both kinds', () => {
  const graph = new EntityGraph();
  graph.createEntity('x', { id: 'a', name: 'before' });
  graph.createRelation('r', { id: 'r', from: 'a', to: 'a', strength: 1 });
  graph.createRelation('r', { id: 's', from: 'a', to: 'a' });
  const before = [
    graph.query(),
    graph.queryRelations(),
    graph
      .relationsOf('a')
      .map(({ id: of }) => of)
      .sort(),
  ];
  expect(() =>
    graph.batch((writes) => {
      writes.updateRelation('r', { strength: 2 });
      writes.deleteRelation('s');
      writes.updateEntity('a', { name: 'after' });
      writes.deleteEntity('a', { cascade: true });
      writes.createEntity('', {});
    }),
  ).toThrow(
    expect.objectContaining({
      code: 'entity/invalid',
      details: expect.objectContaining({ op: 4 }),
    }),
  );
  expect([
    graph.query(),
    graph.queryRelations(),
    graph
      .relationsOf('a')
      .map(({ id: of }) => of)
      .sort(),
  ]).toEqual(before);
});

test('to dispose of a graph is to close it; subscribing needs a handler', () => {
  const graph = new EntityGraph();
  // What the types forbid is what a program without types may do.
  expect(() => graph.subscribe({}, undefined as never)).toThrow(
    expect.objectContaining({ code: 'graph/invalid-argument' }),
  );
  const live = graph.liveQuery();
  graph[Symbol.dispose]();
  expect(live.current).toEqual([]);
  expect(() => graph.liveQuery()).toThrow(expect.objectContaining({ code: 'graph/closed' }));
});

test('what is no reference is refused', () => {
  const graph = new EntityGraph();
  for (const wrong of [undefined, null, 5, {}]) {
    // What the types forbid is what a program without types may do.
    expect(() => graph.getEntity(wrong as unknown as string)).toThrow(
      expect.objectContaining({ code: 'graph/invalid-argument' }),
    );
  }
});

test('values that only look alike are kept apart by conditions', () => {
  const graph = new EntityGraph();
  const values = [1, '1', 1n, true, null, [1], { one: 1 }, new Date(1), '\u0000o[1]', new Map([[1, 1]])];
  for (const [place, value] of values.entries()) graph.createEntity('v', { id: `${place}`, properties: { value } });
  for (const [place, value] of values.entries()) {
    const found = graph.query({ where: { properties: { value: { equals: value } } } });
    expect(found.map((row) => row.id)).toEqual([`${place}`]);
  }
});

test('an order is total over values of all kinds', () => {
  const graph = new EntityGraph();
  const values = [undefined, null, false, true, NaN, -1, 2n, 3, 'a', 'b', new Date(1), new Date(2)];
  for (const [place, value] of values.entries()) {
    graph.createEntity('v', { id: `${99 - place}`, properties: { value } });
  }
  const sorted = graph.query({ orderBy: { property: 'value' } }).map(({ properties: held }) => held['value']);
  expect(sorted).toEqual(values);
});
