import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { AssertionError } from '../assert.ts';
import { applyOperation } from './apply-operation.ts';
import { EntityGraph } from './entity-graph.ts';
import type { GraphOperation } from './graph-operation.ts';
import { GraphStore } from './graph-store.ts';
import { GraphWriter } from './graph-writer.ts';

test('the relations of a hub are those that there are, in their order, however many came and went', () => {
  const change = fc.record({ id: fc.nat(60), isThere: fc.boolean(), bidirectional: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { minLength: 50, maxLength: 200 }), (changes) => {
      const graph = new EntityGraph();
      graph.createEntity('node', { id: 'hub' });
      graph.createEntity('node', { id: 'rim' });
      const there = new Map<string, boolean>();
      for (const { id: number, isThere, bidirectional } of changes) {
        const id = `${number}`;
        if (isThere) {
          graph.upsertRelation('tie', { id, from: 'hub', to: 'rim', bidirectional });
          there.set(id, bidirectional);
        } else if (there.delete(id)) {
          graph.deleteRelation(id);
        }
      }
      const ids = (of: string, direction: 'out' | 'in'): string[] =>
        graph.relationsOf(of, { direction }).map(({ id }) => id);
      const twoWay = [...there].filter(([, both]) => both).map(([id]) => id);
      expect(ids('hub', 'out')).toEqual([...there.keys()]);
      expect(ids('rim', 'in')).toEqual([...there.keys()]);
      expect(ids('hub', 'in')).toEqual(twoWay);
      expect(ids('rim', 'out')).toEqual(twoWay);
    }),
  );
});

test('a hub that lost nearly all its relations keeps the others, and takes new ones', () => {
  const graph = new EntityGraph();
  graph.createEntity('node', { id: 'hub' });
  for (let n = 0; n < 100; n += 1) graph.createRelation('tie', { id: `${n}`, from: 'hub', to: 'hub' });
  for (let n = 0; n < 95; n += 1) graph.deleteRelation(`${n}`);
  graph.createRelation('tie', { id: 'new', from: 'hub', to: 'hub' });
  graph.deleteRelation('97');
  expect(graph.relationsOf('hub').map(({ id }) => id)).toEqual(['95', '96', '98', '99', 'new']);
});

test('a property under a pointer can be indexed, and every kind of value is found by index', () => {
  const graph = new EntityGraph({ indexes: { entities: ['/at/city', 'value'] } });
  const values = [
    1,
    '1',
    1n,
    true,
    null,
    [1],
    { one: 1 },
    new Date(1),
    '\u0000o[1]',
    new Map([[1, new Set([1])]]),
    NaN,
  ];
  for (const [place, value] of values.entries()) {
    graph.createEntity('v', {
      id: `${place}`,
      properties: { value, at: { city: `c${place % 2}` } },
    });
  }
  for (const [place, value] of values.entries()) {
    const found = graph.query({ where: { properties: { value: { equals: value } } } });
    expect(found.map(({ id }) => id)).toEqual([`${place}`]);
    expect(graph.query({ where: { properties: { value: { in: [value] } } } })).toEqual(found);
  }
  graph.createEntity('v', { id: 'list', properties: { list: [Number.NaN, 2] } });
  expect(graph.query({ where: { properties: { list: { contains: Number.NaN } } } })).toHaveLength(1);
  expect(graph.query({ where: { properties: { list: { contains: 1 } } } })).toHaveLength(0);
  expect(graph.query({ where: { properties: { value: { gte: Number.NaN } } } })).toHaveLength(0);
  expect(graph.query({ where: { properties: { '/at/city': 'c1' } } })).toHaveLength(5);
  graph.updateEntity('1', { properties: { at: { city: 'c0' } } });
  expect(graph.query({ where: { properties: { '/at/city': 'c1' } } })).toHaveLength(4);
  expect(() => new EntityGraph({ indexes: { entities: ['/a~2'] } })).toThrow(
    expect.objectContaining({ code: 'graph/invalid-query' }),
  );
});

test('a query looks at no more rows than the smallest index has that it can use', () => {
  const store = new GraphStore({ entities: ['p'] });
  const writer = new GraphWriter(store);
  for (let n = 0; n < 100; n += 1) {
    const input = {
      id: `${n}`,
      name: n === 5 ? 'five' : '',
      tags: n < 3 ? ['few'] : [],
      properties: { p: n % 10 },
    };
    applyOperation(writer, { type: 'create-entity', entityType: n < 50 ? 'x' : 'y', input, at: 0 });
  }
  for (let n = 0; n < 20; n += 1) {
    const tie = { relationType: 'r', from: '0', to: `${n}`, input: { id: `r${n}` }, at: 0 };
    applyOperation(writer, { type: 'create-relation', ...tie });
  }
  const query = (wanted: object) => ({
    subject: 'entity' as const,
    query: wanted,
    matches: () => true,
    order: undefined as never,
    limit: undefined,
  });
  const seen = (wanted: object): number => {
    const { size, slots } = store.entities.candidates(query(wanted));
    expect([...slots].length).toBeLessThanOrEqual(size);
    return size;
  };
  expect(seen({})).toBe(100);
  expect(seen({ type: 'x' })).toBe(50);
  expect(seen({ type: ['x', 'y'] })).toBe(100);
  expect(seen({ type: ['x', 'x'] })).toBe(50);
  expect(seen({ type: 'x', tags: ['few'] })).toBe(3);
  expect(seen({ name: 'five' })).toBe(1);
  expect(seen({ name: '' })).toBe(100);
  expect(seen({ where: { id: { in: ['1', '1', 'z'] } } })).toBe(1);
  expect(seen({ where: { type: 'y', properties: { p: 3 } } })).toBe(10);
  expect(seen({ where: { properties: { p: { in: [3, 4] } } } })).toBe(20);
  expect(seen({ where: { and: [{ tags: { contains: 'few' } }, { name: { startsWith: 'a' } }] } })).toBe(3);
  expect(seen({ where: { name: { in: ['five', 'six', 'five'] } } })).toBe(1);
  expect(seen({ where: { not: { name: 'five' }, properties: { q: 1 } } })).toBe(100);
  const edges = (wanted: object): number => store.relations.candidates(query(wanted)).size;
  expect(edges({ from: '0' })).toBe(20);
  expect(edges({ from: '0', to: '7' })).toBe(1);
  expect(edges({ to: 'nobody' })).toBe(0);
});

test('what is ordered by values of other kinds has an order, and the first of many are the first of all', () => {
  const graph = new EntityGraph();
  const values = [[2], new Map([[1, 1]]), [1], new Set([1]), { a: 1 }];
  for (let n = 0; n < 200; n += 1) {
    graph.createEntity('v', {
      id: `${(n * 37) % 200}`,
      properties: { n: (n * 91) % 200, other: values[n % 5] },
    });
  }
  for (const orderBy of [{ property: 'n' }, { property: 'other', direction: 'descending' }] as const) {
    const all = graph.query({ orderBy });
    for (const limit of [1, 3, 10, 199]) expect(graph.query({ orderBy, limit })).toEqual(all.slice(0, limit));
  }
  expect(graph.query({ orderBy: { property: 'other' } })[0]?.properties['other']).toEqual(expect.anything());
});

test('errors that nobody asked for are shown; those of the hook too', () => {
  const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  try {
    const graph = new EntityGraph();
    graph.subscribe(() => {
      throw new Error('handler');
    });
    graph.createEntity('x');
    const hooked = new EntityGraph({
      onError: () => {
        throw new Error('hook');
      },
    });
    const subscription = hooked.subscribe({ id: 'a' }, () => {
      throw new Error('handler');
    });
    hooked.createEntity('x', { id: 'b' });
    hooked.createEntity('x', { id: 'a' });
    subscription[Symbol.dispose]();
    hooked.deleteEntity('a');
    expect(shown.mock.calls.map(([, error]) => String(error))).toEqual(['Error: handler', 'Error: hook']);
  } finally {
    shown.mockRestore();
  }
});

test('what is written twice in a batch is told once', () => {
  const graph = new EntityGraph();
  graph.createEntity('x', { id: 'a' });
  const told: unknown[] = [];
  graph.subscribe(({ subject, before, after }) => told.push([subject, before?.name, after?.name]));
  graph.batch((batch) => {
    batch.createRelation('r', { id: 'r', from: 'a', to: 'a', name: 'one' });
    batch.updateRelation('r', { name: 'two' });
    batch.updateEntity('a', { name: 'one' });
    batch.updateEntity('a', { name: 'two' });
  });
  expect(told).toEqual([
    ['entity', '', 'two'],
    ['relation', undefined, 'two'],
  ]);
});

test('what throws inside a batch for reasons of its own goes through as it is, and nothing is written', () => {
  const graph = new EntityGraph();
  const trap = {
    get value(): string {
      throw new RangeError('trap');
    },
  };
  expect(() =>
    graph.batch((batch) => {
      batch.createEntity('x');
      batch.createEntity('x', { properties: trap });
    }),
  ).toThrow(RangeError);
  expect(graph.query()).toEqual([]);
});

test('an operation of no known kind is a bug', () => {
  const writer = new GraphWriter(new GraphStore());
  expect(() => applyOperation(writer, { type: 'explode' } as unknown as GraphOperation)).toThrow(AssertionError);
});

test('a walk ends in the middle of a ring once it has what it may', () => {
  const graph = new EntityGraph();
  graph.createEntity('n', { id: 'root' });
  for (let n = 0; n < 4; n += 1) {
    graph.createEntity('n', { id: `child${n}` });
    graph.createEntity('n', { id: `leaf${n}` });
    graph.createRelation('r', { from: 'root', to: `child${n}` });
    graph.createRelation('r', { from: `child${n}`, to: `leaf${n}` });
  }
  const ids = graph.traverse('root', { limit: 7 }).map(({ entity }) => entity.id);
  expect(ids).toEqual(['root', 'child0', 'child1', 'child2', 'child3', 'leaf0', 'leaf1']);
  expect(graph.traverse('root', { order: 'depth-first', limit: 3 }).map(({ entity }) => entity.id)).toEqual([
    'root',
    'child0',
    'leaf0',
  ]);
});

test('rows know the relations at an entity, also at one that is not here', () => {
  const store = new GraphStore();
  const writer = new GraphWriter(store);
  applyOperation(writer, { type: 'create-entity', entityType: 'x', input: { id: 'a' }, at: 0 });
  const input = { id: 'r' };
  applyOperation(writer, { type: 'create-relation', relationType: 'r', from: 'a', to: 'a', input, at: 0 });
  expect([...store.relationsAt('a')].map(({ id }) => id)).toEqual(['r', 'r']);
  expect([...store.relationsAt('b')]).toEqual([]);
});

test('a predicate stands for all conditions, not for one among others', () => {
  const graph = new EntityGraph();
  expect(graph.query({ where: () => true })).toEqual([]);
  const nested = { and: [(): boolean => true] } as unknown as { readonly id: string };
  expect(() => graph.query({ where: nested })).toThrow(expect.objectContaining({ code: 'graph/invalid-query' }));
});

test('a live query may be closed twice, and what is closed tells nothing more', () => {
  const graph = new EntityGraph();
  const live = graph.liveQuery({ type: 'x' });
  const other = graph.liveRelations();
  const told: number[] = [];
  live.subscribe(({ added }) => told.push(added.length));
  graph.createEntity('x');
  live.close();
  live.close();
  graph.createEntity('x');
  other.close();
  expect([told, live.current.length]).toEqual([[1], 1]);
  expect(() => live.subscribe(() => undefined)).toThrow(expect.objectContaining({ code: 'graph/closed' }));
});
