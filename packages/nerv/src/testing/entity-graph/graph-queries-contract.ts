import { expect, test } from 'vitest';
import type { EntityGraph } from '../../graph/entity-graph.ts';
import { refused, twoPeople, type WithGraph } from './setting.ts';

/** Queries find what they describe, in order, by pages. */
export function querying(withGraph: WithGraph): void {
  const people = async (graph: EntityGraph): Promise<void> => {
    await graph.batch((batch) => {
      batch.createEntity('person', {
        id: '1',
        name: 'Ada',
        tags: ['poet', 'countess'],
        properties: { age: 36, town: 'London' },
      });
      batch.createEntity('person', {
        id: '2',
        name: 'Bob',
        tags: ['poet'],
        properties: { age: 17, town: 'Rome' },
      });
      batch.createEntity('person', {
        id: '3',
        name: 'Cleo',
        properties: { age: 36, at: { street: 'Main' } },
      });
      batch.createEntity('robot', {
        id: '4',
        name: 'Dot',
        tags: ['countess'],
        properties: { age: 2, parts: ['arm', 'leg'] },
      });
    });
  };
  const cases: readonly [string, Parameters<EntityGraph['query']>[0], string][] = [
    ['everything, by id', {}, '1234'],
    ['a type', { type: 'person' }, '123'],
    ['several types', { type: ['robot', 'person'] }, '1234'],
    ['a tag', { tags: ['poet'] }, '12'],
    ['all of several tags', { tags: ['poet', 'countess'] }, '1'],
    ['a name', { name: 'Bob' }, '2'],
    ['an equal property', { where: { properties: { age: 36 } } }, '13'],
    ['an unequal property, absent ones too', { where: { properties: { town: { notEquals: 'Rome' } } } }, '134'],
    ['greater', { where: { properties: { age: { gt: 17 } } } }, '13'],
    ['greater or equal', { where: { properties: { age: { gte: 17 } } } }, '123'],
    ['less', { where: { properties: { age: { lt: 17 } } } }, '4'],
    ['less or equal, of two', { where: { properties: { age: { lte: 36, gt: 2 } } } }, '123'],
    ['in', { where: { properties: { town: { in: ['Rome', 'London'] } } } }, '12'],
    ['not in', { where: { properties: { town: { notIn: ['Rome', 'London'] } } } }, '34'],
    ['contains, in text', { where: { name: { contains: 'o' } } }, '234'],
    ['contains, in a list', { where: { properties: { parts: { contains: 'leg' } } } }, '4'],
    ['starts with', { where: { name: { startsWith: 'A' } } }, '1'],
    ['ends with', { where: { name: { endsWith: 'o' } } }, '3'],
    ['exists', { where: { properties: { town: { exists: true } } } }, '12'],
    ['does not exist', { where: { properties: { town: { exists: false } } } }, '34'],
    ['a nested property', { where: { properties: { '/at/street': 'Main' } } }, '3'],
    ['or', { where: { or: [{ name: 'Ada' }, { type: 'robot' }] } }, '14'],
    [
      'and',
      {
        where: {
          and: [{ type: 'person' }, { properties: { age: 36 } }, { name: { notEquals: 'Ada' } }],
        },
      },
      '3',
    ],
    ['not', { where: { not: { type: 'person' } } }, '4'],
    ['a tag as a condition', { where: { tags: { contains: 'poet' } } }, '12'],
    ['an order', { orderBy: { property: 'age' } }, '4213'],
    [
      'two orders',
      {
        orderBy: [
          { property: 'age', direction: 'descending' },
          { field: 'name', direction: 'descending' },
        ],
      },
      '3124',
    ],
    ['a limit', { orderBy: { field: 'name' }, limit: 2 }, '12'],
  ];
  for (const [what, query, expected] of cases) {
    test(
      `a query finds ${what}`,
      withGraph(async (graph) => {
        await people(graph);
        expect((await graph.query(query)).map(({ id }) => id).join('')).toBe(expected);
      }),
    );
  }

  test(
    'pages follow one another without gaps, whatever is written between them',
    withGraph(async (graph) => {
      await people(graph);
      const query = { orderBy: { property: 'age' }, limit: 2 } as const;
      const first = await graph.queryPage(query);
      expect(first.items.map(({ id }) => id)).toEqual(['4', '2']);
      await graph.deleteEntity('2');
      const second = await graph.queryPage({ ...query, cursor: first.next });
      expect(second.items.map(({ id }) => id)).toEqual(['1', '3']);
      expect(second.next).toBeUndefined();
      await refused(() => graph.queryPage({ ...query, cursor: 'made up' }), 'graph/invalid-cursor');
      await refused(() => graph.queryPage({ orderBy: { field: 'name' }, cursor: first.next }), 'graph/invalid-cursor');
    }),
  );

  test(
    'relations are found by their ends, type and properties',
    withGraph(async (graph) => {
      const { a, b } = await twoPeople(graph);
      await graph.createRelation('knows', { id: '1', from: a, to: b, strength: 3 });
      await graph.createRelation('pays', { id: '2', from: a, to: b, properties: { euros: 5 } });
      await graph.createRelation('knows', { id: '3', from: b, to: a });
      const ids = async (query: Parameters<EntityGraph['queryRelations']>[0]): Promise<string> =>
        (await graph.queryRelations(query)).map(({ id }) => id).join('');
      expect(await ids({ type: 'knows' })).toBe('13');
      expect(await ids({ from: 'a' })).toBe('12');
      expect(await ids({ from: 'a', to: 'b', type: 'pays' })).toBe('2');
      expect(await ids({ where: { strength: { gt: 1 } } })).toBe('1');
      expect(await ids({ where: { properties: { euros: 5 } } })).toBe('2');
      expect(await ids({ orderBy: { field: 'strength', direction: 'descending' } })).toBe('123');
    }),
  );

  test(
    'a query that makes no sense is refused',
    withGraph(async (graph) => {
      // What the types forbid is what a program without types may do.
      const wrong = (query: unknown) => () => graph.query(query as Record<string, never>);
      await refused(wrong({ where: { age: 1 } }), 'graph/invalid-query');
      await refused(wrong({ where: { name: { like: 'A' } } }), 'graph/invalid-query');
      await refused(wrong({ were: {} }), 'graph/invalid-query');
      await refused(wrong({ limit: 0 }), 'graph/invalid-query');
      await refused(wrong({ orderBy: {} }), 'graph/invalid-query');
    }),
  );
}
