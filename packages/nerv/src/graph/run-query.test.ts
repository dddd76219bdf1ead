import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EntityGraph } from './entity-graph.ts';
import type { EntityQuery } from './graph-query.ts';

describe('refused queries', () => {
  const graph = new EntityGraph();
  // What the types forbid is what a program without types may do.
  const deep = Array.from({ length: 40 }).reduce<object>((where) => ({ not: where }), {});
  test.each<[string, unknown]>([
    ['that is no object', 5],
    ['with a type that is none', { type: 5 }],
    ['with tags that are no array', { tags: 'x' }],
    ['with a limit that is no number', { limit: 'x' }],
    ['with a where that is no object', { where: [] }],
    ['with an or that is no array', { where: { or: {} } }],
    ['with an in that is no array', { where: { name: { in: 'x' } } }],
    ['with a prefix that is no text', { where: { name: { startsWith: 5 } } }],
    ['with properties that are no object', { where: { properties: 5 } }],
    ['with a pointer that is none', { where: { properties: { '/a~2': 1 } } }],
    ['that nests too deep', { where: deep }],
    ['at a time that is none', { validAt: 'noon' }],
    ['ordered by nothing', { orderBy: [5] }],
    ['ordered by a field of relations', { orderBy: { field: 'strength' } }],
    ['ordered in no direction', { orderBy: { field: 'name', direction: 'up' } }],
  ])('a query %s', (_, query) => {
    expect(() => graph.query(query as EntityQuery)).toThrow(expect.objectContaining({ code: 'graph/invalid-query' }));
  });

  test.each(['', '{', '5', '{"order":"x"}', '{"id":5,"key":[],"order":"[\\"entity\\"]"}', '[]'])(
    'the cursor %j',
    (cursor) => {
      expect(() => graph.queryPage({ cursor })).toThrow(expect.objectContaining({ code: 'graph/invalid-cursor' }));
    },
  );

  test.each([
    ['depth', { depth: 0 }],
    ['limit', { limit: 1.5 }],
    ['direction', { direction: 'up' }],
  ])('a walk with a wrong %s', (_, options) => {
    const walked = new EntityGraph();
    walked.createEntity('x', { id: 'a' });
    expect(() => walked.neighbors('a', options as object)).toThrow(
      expect.objectContaining({ code: 'graph/invalid-argument' }),
    );
    expect(() => walked.traverse('a', { order: 'sideways' } as object)).toThrow(
      expect.objectContaining({ code: 'graph/invalid-argument' }),
    );
  });
});

test('an index changes nothing but the time it takes', () => {
  const value = fc.constantFrom<string | number | null | boolean>(0, 1, '1', null, true);
  const condition = fc.oneof(
    value,
    fc.record({ equals: value }),
    fc.record({ in: fc.array(value, { maxLength: 3 }) }),
    fc.record({ notEquals: value }),
    fc.record({ gt: value }),
    fc.record({ exists: fc.boolean() }),
  );
  const leaf = fc.oneof(
    fc.record({ properties: fc.record({ p: condition }) }),
    fc.record({ properties: fc.record({ p: condition, q: condition }) }),
    fc.record({ id: fc.constantFrom('0', '3') }),
    fc.record({ name: fc.constantFrom('', 'a') }),
    fc.record({ name: fc.record({ in: fc.constant(['a', 'b']) }) }),
  );
  const where = fc.oneof(
    leaf,
    fc.record({ and: fc.array(leaf, { maxLength: 3 }) }),
    fc.record({ or: fc.array(leaf, { maxLength: 3 }), properties: fc.record({ p: condition }) }),
    leaf.map((not) => ({ not })),
  );
  const rows = fc.array(
    fc.record({
      name: fc.constantFrom('', 'a', 'b'),
      properties: fc.oneof(fc.record({ p: value, q: value }), fc.constant({})),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(rows, where, (inputs, wanted) => {
      const indexed = new EntityGraph({ indexes: { entities: ['p', 'q'] } });
      const plain = new EntityGraph();
      for (const [place, input] of inputs.entries()) {
        for (const graph of [indexed, plain]) graph.createEntity('x', { ...input, id: `${place}`, createdAt: 0 });
      }
      const ids = (graph: EntityGraph): unknown =>
        (graph.query({ where: wanted as EntityQuery['where'] }) as readonly { id: string }[]).map(({ id }) => id);
      expect(ids(indexed)).toEqual(ids(plain));
    }),
  );
});

test('pages of any length, one after another, are the whole', () => {
  const graph = new EntityGraph();
  const orders = [{ property: 'p' }, { field: 'name', direction: 'descending' }] as const;
  for (let number = 0; number < 30; number += 1) {
    graph.createEntity('x', {
      id: `${number}`,
      name: `${number % 4}`,
      properties: number % 3 === 0 ? {} : { p: number % 5 },
    });
  }
  const whole = graph.query({ orderBy: orders });
  for (const limit of [1, 7, 30, 31]) {
    const pages: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page = graph.queryPage({ orderBy: orders, limit, cursor });
      pages.push(...page.items);
      cursor = page.next;
    } while (cursor !== undefined);
    expect(pages).toEqual(whole);
  }
});

test('relations come by pages too; a part of a condition that is undefined is none', () => {
  const graph = new EntityGraph();
  graph.createEntity('x', { id: 'a' });
  for (const id of ['1', '2', '3']) graph.createRelation('r', { id, from: 'a', to: 'a' });
  const first = graph.queryRelationsPage({ limit: 2 });
  expect(first.items.map(({ id }) => id)).toEqual(['1', '2']);
  expect(graph.queryRelationsPage({ limit: 2, cursor: first.next }).items.map(({ id }) => id)).toEqual(['3']);
  expect(graph.queryRelationsPage().items).toHaveLength(3);
  expect(graph.query({ where: { name: undefined } })).toHaveLength(1);
  // What the types forbid is what a program without types may do.
  expect(() => graph.queryPage({ cursor: 5 as unknown as string })).toThrow(
    expect.objectContaining({ code: 'graph/invalid-cursor' }),
  );
});
