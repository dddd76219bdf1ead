import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { CoreEntityGraph } from './core-entity-graph.ts';
import { LocalEntityGraph } from './local-entity-graph.ts';
import { RowStore } from './row-store.ts';
import { BatchBuilder, OperationFactory } from './replica/index.ts';

const codeOf = (call: () => unknown): unknown => {
  try {
    call();
    return undefined;
  } catch (error) {
    const { code, details } = error as { code: string; details?: { op?: number } };
    return details?.op === undefined ? code : [code, details.op];
  }
};

const clock = { nowMicros: () => 5_000n };

test('it is what the full graph is after the same writes, and refuses the same', () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd');
  const type = fc.constantFrom('x', 'y');
  const fields = fc.record(
    {
      name: fc.constantFrom('', 'one', 'two'),
      tags: fc.uniqueArray(fc.constantFrom('p', 'q')),
      properties: fc.dictionary(fc.constantFrom('k', 'l', '__proto__'), fc.oneof(fc.nat(), fc.constant([1]))),
      validFrom: fc.nat(9),
      validTo: fc.nat(9),
    },
    { requiredKeys: [] },
  );
  const tie = fc.record({
    from: id,
    to: id,
    bidirectional: fc.boolean(),
    strength: fc.constantFrom(1, 1, 1, Number.NaN),
  });
  type Graph = CoreEntityGraph | LocalEntityGraph;
  const write: fc.Arbitrary<(graph: Pick<Graph, 'createEntity'> & Graph) => unknown> = fc.oneof(
    fc.tuple(type, id, fields).map(
      ([t, i, f]) =>
        (graph: Graph) =>
          graph.createEntity(t, { id: i, ...f }),
    ),
    fc.tuple(type, id, fields).map(
      ([t, i, f]) =>
        (graph: Graph) =>
          graph.upsertEntity(t, { id: i, ...f }),
    ),
    fc.tuple(id, fields, fc.array(fc.constantFrom('k', 'l')), fc.boolean()).map(
      ([i, f, removeProperties, clearValidity]) =>
        (graph: Graph) =>
          graph.updateEntity(i, { ...f, removeProperties, clearValidity }),
    ),
    fc.tuple(id, fc.boolean()).map(
      ([i, cascade]) =>
        (graph: Graph) =>
          graph.deleteEntity(i, { cascade }),
    ),
    fc.tuple(type, id, fields, tie).map(
      ([t, i, f, ends]) =>
        (graph: Graph) =>
          graph.createRelation(t, { id: `r${i}`, ...f, ...ends }),
    ),
    fc.tuple(type, id, fields, tie).map(
      ([t, i, f, ends]) =>
        (graph: Graph) =>
          graph.upsertRelation(t, { id: `r${i}`, ...f, ...ends }),
    ),
    fc.tuple(id, fields).map(
      ([i, f]) =>
        (graph: Graph) =>
          graph.updateRelation(`r${i}`, { ...f, strength: 2 }),
    ),
    id.map((i) => (graph: Graph) => graph.deleteRelation(`r${i}`)),
    id.map((i) => (graph: Graph) => graph.updateEntity(i, {}, { ifSeq: 3 })),
  );
  fc.assert(
    fc.property(fc.array(write, { maxLength: 40 }), (writes) => {
      const small = new CoreEntityGraph({ clock });
      const full = new LocalEntityGraph({ clock });
      for (const graph of [small, full]) for (const there of ['a', 'b', 'c']) graph.createEntity('x', { id: there });
      const told: unknown[][] = [[], []];
      small.subscribe((change) => told[0]?.push(change));
      full.subscribe((change) => told[1]?.push(change));
      for (const make of writes) {
        const results = [small, full].map((graph) => {
          try {
            return make(graph);
          } catch (error) {
            return (error as { code: string }).code;
          }
        });
        expect(results[0]).toEqual(results[1]);
      }
      expect(told[0]).toEqual(told[1]);
      expect(small.query()).toEqual(full.query());
      expect(small.queryRelations()).toEqual(full.queryRelations());
      for (const query of [{ type: 'x' }, { type: ['x', 'y'] as const }, { tags: ['p', 'q'] }, { name: 'one' }]) {
        expect(small.query(query)).toEqual(full.query(query));
      }
      const byId = (rows: readonly { readonly id: string }[]): string[] => rows.map((row) => row.id).sort();
      for (const entity of small.query()) {
        for (const query of [{ from: entity.id }, { to: entity.id, type: 'x' }]) {
          expect(small.queryRelations(query)).toEqual(full.queryRelations(query));
        }
        for (const direction of ['out', 'in', 'both', undefined] as const) {
          for (const relationType of ['x', ['x', 'y'], undefined] as const) {
            const options = { direction, relationType };
            expect(byId(small.relationsOf(entity, options))).toEqual(byId(full.relationsOf(entity, options)));
            expect(byId(small.neighbors(entity, options))).toEqual(byId(full.neighbors(entity, options)));
          }
        }
      }
    }),
    { numRuns: 150 },
  );
});

describe('a query', () => {
  const graph = new CoreEntityGraph();
  for (const n of [3, 1, 2, 4]) graph.createEntity('n', { id: `${n}`, properties: { n } });

  test('takes a predicate, gives rows by id, and no more than its limit', () => {
    const ids = (...[query]: Parameters<typeof graph.query>): string =>
      graph
        .query(query)
        .map(({ id }) => id)
        .join('');
    expect([ids(), ids({ where: ({ properties }) => Number(properties['n']) > 1 }), ids({ limit: 2 })]).toEqual([
      '1234',
      '234',
      '12',
    ]);
    expect(ids({ type: 'n', name: '', tags: [], where: ({ id }) => id !== '3', limit: 2 })).toBe('12');
    const full = new LocalEntityGraph();
    full.createEntity('n', { id: 'a' });
    expect(full.query({ where: ({ id }) => id === 'a' })).toHaveLength(1);
    expect(full.query({ where: () => false })).toEqual([]);
  });

  test('refuses what only the full graph can, rather than leave it out', () => {
    const ask = (query: object): unknown => codeOf(() => graph.query(query));
    expect([ask({ orderBy: { field: 'name' } }), ask({ cursor: 'x' }), ask({ where: { name: 'x' } })]).toEqual(
      Array.from({ length: 3 }, () => 'graph/invalid-query'),
    );
    expect(ask({ limit: 0 })).toBe('graph/invalid-argument');
  });
});

test('relations and neighbours are those of a direction and of types, where relations of both ways go both', () => {
  const graph = new CoreEntityGraph();
  for (const id of ['a', 'b', 'c', 'd']) graph.createEntity('n', { id });
  graph.createRelation('r', { id: 'ab', from: 'a', to: 'b' });
  graph.createRelation('r', { id: 'ca', from: 'c', to: 'a' });
  graph.createRelation('s', { id: 'da', from: 'd', to: 'a', bidirectional: true });
  const around = (...[options]: [Parameters<typeof graph.neighbors>[1]?]): unknown => [
    graph
      .neighbors('a', options)
      .map(({ id }) => id)
      .join(''),
    graph
      .relationsOf('a', options)
      .map(({ id }) => id)
      .join(' '),
  ];
  expect(around()).toEqual(['bcd', 'ab ca da']);
  expect(around({ direction: 'out' })).toEqual(['bd', 'ab da']);
  expect(around({ direction: 'in' })).toEqual(['cd', 'ca da']);
  expect(around({ relationType: 'r' })).toEqual(['bc', 'ab ca']);
  expect(around({ relationType: ['s', 't'], direction: 'out' })).toEqual(['d', 'da']);
});

test('what is not in a store is not taken out of it', () => {
  const store = new RowStore();
  expect([store.remove('entity', 'x'), store.remove('relation', 'x'), store.relationsAt('x')]).toEqual([
    undefined,
    undefined,
    [],
  ]);
});

test('rows are found by id, and who is asked for around nobody is told', () => {
  const graph = new CoreEntityGraph();
  const ada = graph.createEntity('person', { name: 'Ada' });
  const tie = graph.createRelation('knows', { from: ada, to: ada });
  expect([graph.getEntity(ada), graph.getRelation(tie.id), graph.getEntity('x')]).toEqual([ada, tie, undefined]);
  expect([graph.neighbors(ada), graph.relationsOf(ada.id)]).toEqual([[], [tie]]);
  expect(codeOf(() => graph.neighbors('x'))).toBe('entity/not-found');
  expect(codeOf(() => graph.getEntity({} as { id: string }))).toBe('graph/invalid-argument');
});

test('a batch is written whole or not at all, at one time, and says which write was refused', () => {
  let now = 0n;
  const graph = new CoreEntityGraph({ clock: { nowMicros: () => (now += 1_000n) } });
  const told: unknown[] = [];
  graph.subscribe({ subject: 'entity' }, ({ id, type }) => told.push([id, type]));
  graph.batch(() => undefined);
  graph.batch((batch) => {
    const a = batch.createEntity('x', { id: 'a' });
    batch.createRelation('r', { from: a, to: batch.createEntity('x', { id: 'b' }) });
  });
  expect(new Set(graph.query().map(({ createdAt }) => createdAt)).size).toBe(1);
  expect(told).toEqual([
    ['a', 'inserted'],
    ['b', 'inserted'],
  ]);
  const refused = codeOf(() =>
    graph.batch((batch) => {
      batch.updateEntity('a', { name: 'new' });
      batch.deleteEntity('b', { cascade: true });
      batch.createRelation('r', { from: 'a', to: 'b' });
    }),
  );
  expect(refused).toEqual(['relation/endpoint-missing', 2]);
  expect([graph.query().map(({ name }) => name), graph.queryRelations().length, told.length]).toEqual([['', ''], 1, 2]);
  expect(() =>
    graph.batch((batch) => {
      batch.createEntity('x');
      throw new RangeError('mine');
    }),
  ).toThrow(RangeError);
});

test('subscribers hear of what they selected, until they leave or the graph closes', () => {
  const graph = new CoreEntityGraph();
  const told: string[] = [];
  const hear = (name: string) => () => void told.push(name);
  graph.subscribe({ change: 'deleted', type: 'x' }, hear('deleted x'));
  graph.subscribe({ id: 'a' }, hear('a'));
  const subscription = graph.subscribe(hear('all'));
  graph.createEntity('x', { id: 'a' });
  subscription.unsubscribe();
  expect(subscription.active).toBe(false);
  graph.createEntity('y', { id: 'b' });
  graph.deleteEntity('b');
  graph.deleteEntity('a');
  expect(told).toEqual(['a', 'all', 'deleted x', 'a']);
  expect(codeOf(() => graph.subscribe({}, undefined as never))).toBe('graph/invalid-argument');
  graph[Symbol.dispose]();
  expect([codeOf(() => graph.createEntity('x')), codeOf(() => graph.batch(() => undefined))]).toEqual([
    'graph/closed',
    'graph/closed',
  ]);
});

test('what a subscriber throws is reported, and writes do not follow from one another for ever', () => {
  const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const graph = new CoreEntityGraph();
  graph.subscribe(() => void graph.createEntity('x'));
  graph.createEntity('x');
  expect(shown.mock.calls.map(([, error]) => (error as { code: string }).code)).toEqual(['graph/limit']);
  shown.mockRestore();
});

test('a builder collects the operations of a batch, as the factory makes them', () => {
  let id = 0;
  const factory = new OperationFactory({ nextId: () => `n${(id += 1)}`, nowMs: () => 7 });
  const batch = new BatchBuilder(factory.atOnce());
  const ids = [
    batch.createEntity('x', { name: 'a' }),
    batch.upsertEntity('x', { id: 'u' }),
    batch.updateEntity('u', { name: 'b' }, { ifSeq: 1 }),
    batch.createRelation('r', { from: 'u', to: { id: 'n1' } }),
    batch.upsertRelation('r', { id: 'r', from: 'u', to: 'u' }),
    batch.updateRelation('r', { strength: 2 }),
    batch.deleteRelation('r'),
    batch.deleteEntity('u', { cascade: true }),
  ];
  expect(ids).toEqual(['n1', 'u', 'u', 'n2', 'r', 'r', 'r', 'u']);
  expect(batch.operations).toEqual([
    factory.entity('create-entity', 'x', { id: 'n1', name: 'a' }),
    factory.entity('upsert-entity', 'x', { id: 'u' }),
    factory.updateEntity('u', { name: 'b' }, { ifSeq: 1 }),
    factory.relation('create-relation', 'r', { id: 'n2', from: 'u', to: 'n1' }),
    factory.relation('upsert-relation', 'r', { id: 'r', from: 'u', to: 'u' }),
    factory.updateRelation('r', { strength: 2 }),
    factory.deleteRelation('r'),
    factory.deleteEntity('u', { cascade: true }),
  ]);
  expect(new Set(batch.operations.map(({ at }) => at))).toEqual(new Set([7]));
});
