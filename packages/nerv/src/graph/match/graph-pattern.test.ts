import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EntityGraph } from '../entity-graph.ts';
import type { Entity, Relation } from '../entity.ts';
import { GraphHistory } from '../history/graph-history.ts';
import type { LocalEntityGraph } from '../local-entity-graph.ts';
import { pattern } from './graph-pattern.ts';

function office(): LocalEntityGraph {
  let nowMs = 1;
  const clock = { nowMs: () => nowMs++, nowMicros: () => 0n };
  const graph = new EntityGraph({
    clock,
    history: new GraphHistory(),
    indexes: { entities: ['age'] },
  });
  graph.batch((batch) => {
    for (const [id, age] of [
      ['ada', 36],
      ['bob', 17],
      ['cleo', 50],
      ['dot', 36],
    ] as const) {
      batch.createEntity('person', { id, properties: { age } });
    }
    batch.createEntity('firm', { id: 'acme' });
    batch.createEntity('firm', { id: 'bolt' });
    for (const [id, from, to] of [
      ['1', 'ada', 'acme'],
      ['2', 'bob', 'acme'],
      ['3', 'cleo', 'bolt'],
      ['4', 'dot', 'bolt'],
      ['5', 'dot', 'acme'],
    ] as const) {
      batch.createRelation('works', {
        id,
        from,
        to,
        strength: Number(id),
        validTo: id === '5' ? 10 : undefined,
      });
    }
    batch.createRelation('boss', { id: 'b1', from: 'ada', to: 'bob' });
    batch.createRelation('boss', { id: 'b2', from: 'bob', to: 'cleo' });
    batch.createRelation('boss', { id: 'b3', from: 'cleo', to: 'dot' });
    batch.createRelation('likes', { id: 'l', from: 'ada', to: 'dot', bidirectional: true });
  });
  return graph;
}

const works = { type: 'works' } as const;

describe('patterns', () => {
  test('find what is several hops away, by either way of a relation', () => {
    const colleagues = pattern()
      .entity('me', { type: 'person', where: { id: 'ada' } })
      .hop({ ...works, as: 'mine' }, 'firm', { type: 'firm' })
      .hop({ ...works, as: 'theirs', direction: 'in' }, 'other');
    const found = colleagues.find(office());
    expect(found.map(({ firm, other, mine, theirs }) => [firm.id, other.id, mine.id, theirs.id].join()).sort()).toEqual(
      ['acme,bob,1,2', 'acme,dot,1,5'],
    );
    expect(Object.isFrozen(found[0])).toBe(true);
  });

  test('close circles, and branch', () => {
    const graph = office();
    const triangle = pattern()
      .entity('boss')
      .hop({ type: 'boss' }, 'other')
      .hop({ type: 'works' }, 'firm')
      .hop({ type: 'works', direction: 'in' }, 'boss');
    expect(triangle.find(graph).map(({ boss, other, firm }) => [boss.id, other.id, firm.id].join())).toEqual([
      'ada,bob,acme',
      'cleo,dot,bolt',
    ]);
    const branching = pattern()
      .entity('person', { type: 'person' })
      .hop(works, 'firm')
      .hop({ from: 'person', type: 'likes' }, 'friend');
    expect(
      branching
        .find(graph)
        .map(({ person, firm, friend }) => [person.id, firm.id, friend.id].join())
        .sort(),
    ).toEqual(['ada,acme,dot', 'dot,acme,ada', 'dot,bolt,ada']);
  });

  test('take several relations in one hop, each once', () => {
    const graph = office();
    const chain = pattern()
      .entity('top', { where: { id: 'ada' } })
      .hop({ as: 'line', type: 'boss', hops: [2, 3] }, 'low');
    expect(chain.find(graph).map(({ low, line }) => [low.id, ...line.map(({ id }) => id)].join())).toEqual([
      'cleo,b1,b2',
      'dot,b1,b2,b3',
    ]);
    // The search begins at the end that is given, and goes the hop against its way.
    const upwards = pattern()
      .entity('top')
      .hop({ as: 'line', type: 'boss', hops: [1, 9] }, 'low', { where: { id: 'dot' } });
    expect(
      upwards
        .find(graph)
        .map(({ top, line }) => [top.id, ...line.map(({ id }) => id)].join())
        .sort(),
    ).toEqual(['ada,b1,b2,b3', 'bob,b2,b3', 'cleo,b3']);
    const round = pattern()
      .entity('a', { where: { id: 'ada' } })
      .hop({ hops: [2, 2], direction: 'both', type: 'likes' }, 'b');
    expect(round.find(graph)).toEqual([]);
  });

  test('take filters of relations, conditions over all, a limit, a time, and the past', () => {
    const graph = office();
    const strong = pattern()
      .entity('person')
      .hop({ ...works, where: { strength: { gte: 3 } } }, 'firm');
    const pairs = (list: readonly { person: Entity; firm: Entity }[]): string[] =>
      list.map(({ person, firm }) => `${person.id},${firm.id}`).sort();
    expect(pairs(strong.find(graph))).toEqual(['cleo,bolt', 'dot,acme', 'dot,bolt']);
    expect(pairs(strong.where(({ person, firm }) => person.id === 'dot' && firm.id === 'acme').find(graph))).toEqual([
      'dot,acme',
    ]);
    expect(strong.find(graph, { limit: 2 })).toHaveLength(2);
    expect(pairs(strong.find(graph, { validAt: 9 }))).toContain('dot,acme');
    expect(pairs(strong.find(graph, { validAt: new Date(10) }))).not.toContain('dot,acme');
    const aged = pattern()
      .entity('person', { where: { properties: { age: 36 } } })
      .hop(works, 'firm');
    expect(pairs(aged.find(graph))).toEqual(['ada,acme', 'dot,acme', 'dot,bolt']);
    const before = graph.updateEntity('ada', { name: 'Ada' }).updatedAt;
    graph.deleteEntity('acme', { cascade: true });
    expect(pairs(aged.find(graph))).toEqual(['dot,bolt']);
    expect(pairs(aged.find(graph.asOf(before)))).toEqual(['ada,acme', 'dot,acme', 'dot,bolt']);
  });

  test('without hops are queries', () => {
    expect(
      pattern()
        .entity('a', { type: 'firm' })
        .find(office())
        .map(({ a }) => a.id),
    ).toEqual(['acme', 'bolt']);
  });

  test('that cannot be are refused', () => {
    const refused = (act: () => unknown, code: string): void => expect(act).toThrow(expect.objectContaining({ code }));
    const a = pattern().entity('a');
    // What the types forbid is what a program without types may do.
    const untyped = a as unknown as { hop(...parts: unknown[]): typeof untyped };
    refused(() => untyped.hop({}, 'a', {}), 'graph/invalid-query');
    refused(() => untyped.hop({ from: 'z' }, 'b'), 'graph/invalid-query');
    refused(() => untyped.hop({ as: 'a' }, 'b'), 'graph/invalid-query');
    refused(() => untyped.hop({ as: 'b' }, 'b'), 'graph/invalid-query');
    refused(() => untyped.hop({ as: 'r' }, 'b').hop({ as: 'r' }, 'c'), 'graph/invalid-query');
    refused(() => untyped.hop({ limit: 1 }, 'b'), 'graph/invalid-query');
    refused(() => untyped.hop({}, 'b', { orderBy: { field: 'id' } }), 'graph/invalid-query');
    refused(() => untyped.hop({ where: { nothing: 1 } }, 'b'), 'graph/invalid-query');
    refused(() => a.hop({ hops: [0, 1] }, 'b'), 'graph/invalid-argument');
    refused(() => a.hop({ hops: [2, 1] }, 'b'), 'graph/invalid-argument');
    refused(() => untyped.hop({ direction: 'up' }, 'b'), 'graph/invalid-argument');
    refused(() => a.find(new EntityGraph(), { validAt: Number.NaN }), 'graph/invalid-argument');
    refused(() => a.find(new EntityGraph(), { limit: 0 }), 'graph/invalid-argument');
  });
});

test('a pattern of two hops finds what trying all relations finds', () => {
  const node = fc.constantFrom('a', 'b', 'c', 'd');
  const ties = fc.array(fc.record({ from: node, to: node, bidirectional: fc.boolean() }), {
    maxLength: 10,
  });
  const direction = fc.constantFrom('out', 'in', 'both');
  fc.assert(
    fc.property(ties, direction, direction, node, fc.boolean(), (list, first, second, last, closed) => {
      const graph = new EntityGraph();
      for (const id of 'abcd') graph.createEntity('node', { id });
      for (const [place, tie] of list.entries()) graph.createRelation('tie', { id: `${place}`, ...tie });
      const relations = graph.queryRelations();
      const goes = ({ from, to, bidirectional }: Relation, x: string, y: string, way: string): boolean =>
        (from === x && to === y && (way !== 'in' || bidirectional)) ||
        (to === x && from === y && (way !== 'out' || bidirectional));
      const wanted: string[] = [];
      for (const x of 'abcd')
        for (const y of 'abcd')
          for (const one of relations)
            for (const other of relations) {
              const z = closed ? x : last;
              if (one !== other && goes(one, x, y, first) && goes(other, y, z, second)) {
                wanted.push([x, one.id, y, other.id, z].join());
              }
            }
      const start = pattern().entity('x').hop({ as: 'one', direction: first }, 'y');
      const found = closed
        ? start
            .hop({ as: 'other', direction: second }, 'x')
            .find(graph)
            .map((match) => ({ ...match, z: match.x }))
        : start.hop({ as: 'other', direction: second }, 'z', { where: { id: last } }).find(graph);
      const told = found.map(({ x, one, y, other, z }) => [x.id, one.id, y.id, other.id, z.id].join());
      expect(told.sort()).toEqual(wanted.sort());
    }),
  );
});
