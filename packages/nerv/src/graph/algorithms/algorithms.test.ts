import fc from 'fast-check';
import { MultiDirectedGraph } from 'graphology';
import { connectedComponents as oracleComponents } from 'graphology-components';
import pagerank from 'graphology-metrics/centrality/pagerank.js';
import { describe, expect, test } from 'vitest';
import { EntityGraph } from '../entity-graph.ts';
import { GraphHistory } from '../history/graph-history.ts';
import type { LocalEntityGraph } from '../local-entity-graph.ts';
import { connectedComponents } from './connected-components.ts';
import { pageRank } from './page-rank.ts';
import { topologicalOrder } from './topological-order.ts';

interface Tie {
  readonly from: string;
  readonly to: string;
  readonly strength: number;
  readonly bidirectional: boolean;
}

const NODES = 'abcdefgh'.split('');
const node = fc.constantFrom(...NODES);
const ties: fc.Arbitrary<readonly Tie[]> = fc.array(
  fc.record({ from: node, to: node, strength: fc.nat(4), bidirectional: fc.boolean() }),
  { maxLength: 20 },
);

function build(list: readonly Tie[]): LocalEntityGraph {
  const graph = new EntityGraph();
  graph.batch((batch) => {
    for (const id of NODES) batch.createEntity('node', { id });
    for (const tie of list) batch.createRelation('tie', tie);
  });
  return graph;
}

/** The same graph for the library that the results are compared with. */
function buildOracle(list: readonly Tie[]): MultiDirectedGraph {
  const oracle = new MultiDirectedGraph();
  for (const id of NODES) oracle.addNode(id);
  for (const { from, to, strength, bidirectional } of list) {
    oracle.addEdge(from, to, { weight: strength });
    if (bidirectional && from !== to) oracle.addEdge(to, from, { weight: strength });
  }
  return oracle;
}

const idsOf = (entities: readonly { readonly id: string }[]): string => entities.map(({ id }) => id).join('');

describe('connected components', () => {
  test('are those that another library finds', () => {
    fc.assert(
      fc.property(ties, (list) => {
        const found = connectedComponents(build(list));
        const sorted = (parts: readonly (readonly string[])[]): string[] =>
          parts.map((part) => [...part].sort().join('')).sort();
        expect(sorted(found.map((part) => part.map(({ id }) => id)))).toEqual(
          sorted(oracleComponents(buildOracle(list))),
        );
        const sizes = found.map((part) => part.length);
        expect(sizes).toEqual([...sizes].sort((left, right) => right - left));
      }),
    );
  });

  test('can be of some relations, of a time, and of the past', () => {
    let nowMs = 1;
    const clock = { nowMs: () => nowMs, nowMicros: () => BigInt(nowMs) * 1000n };
    const graph = new EntityGraph({ clock, history: new GraphHistory() });
    graph.batch((batch) => {
      for (const id of 'abc') batch.createEntity('node', { id, validTo: id === 'c' ? 5 : undefined });
      batch.createRelation('tie', { from: 'a', to: 'b', validTo: 5 });
      batch.createRelation('other', { from: 'b', to: 'c' });
    });
    const parts = (
      options: Parameters<typeof connectedComponents>[1],
      of = graph as Parameters<typeof connectedComponents>[0],
    ): string => connectedComponents(of, options).map(idsOf).join(' ');
    expect(parts({})).toBe('abc');
    expect(parts({ relationType: 'other' })).toBe('bc a');
    expect(parts({ validAt: 4 })).toBe('abc');
    expect(parts({ validAt: 5 })).toBe('a b');
    nowMs = 2;
    graph.deleteEntity('b', { cascade: true });
    expect(parts({})).toBe('a c');
    expect(parts({}, graph.asOf(1))).toBe('abc');
    expect(() => connectedComponents(graph, { validAt: Number.NaN })).toThrow(
      expect.objectContaining({ code: 'graph/invalid-argument' }),
    );
  });
});

describe('topological order', () => {
  test('puts each entity before those it leads to, or names a cycle', () => {
    fc.assert(
      fc.property(ties, (given) => {
        const list = given.map((tie) => ({ ...tie, bidirectional: false }));
        try {
          const places = new Map(topologicalOrder(build(list)).map(({ id }, place) => [id, place]));
          expect(places.size).toBe(NODES.length);
          for (const { from, to } of list) expect(places.get(from)).toBeLessThan(places.get(to) ?? -1);
        } catch (error) {
          expect(error).toMatchObject({ code: 'graph/cycle' });
          const { cycle } = (error as { details: { cycle: string[] } }).details;
          for (const [place, from] of cycle.entries()) {
            const to = cycle[(place + 1) % cycle.length];
            expect(list.some((tie) => tie.from === from && tie.to === to)).toBe(true);
          }
        }
      }),
    );
  });

  test('of some relations there may be one where of all there is none; a long cycle is not told whole', () => {
    const graph = new EntityGraph();
    const ids = Array.from({ length: 12 }, (_, n) => `n${n}`);
    graph.batch((batch) => {
      for (const id of ids) batch.createEntity('node', { id });
      for (const [place, from] of ids.entries()) {
        const to = ids[place + 1];
        batch.createRelation(to === undefined ? 'back' : 'on', { from, to: to ?? 'n0' });
      }
    });
    expect(topologicalOrder(graph, { relationType: 'on' }).map(({ id }) => id)).toEqual(ids);
    expect(() => topologicalOrder(graph)).toThrow(/n1 -> n2 -> .* …\. /);
  });

  test('a relation between an entity and itself, or both ways, is a cycle', () => {
    const graph = build([{ from: 'a', to: 'b', strength: 1, bidirectional: true }]);
    expect(() => topologicalOrder(graph)).toThrow(expect.objectContaining({ code: 'graph/cycle' }));
    const self = build([{ from: 'a', to: 'a', strength: 1, bidirectional: false }]);
    expect(() => topologicalOrder(self)).toThrow(
      expect.objectContaining({ code: 'graph/cycle', details: { cycle: ['a'] } }),
    );
  });
});

describe('PageRank', () => {
  const fine = { tolerance: 1e-10, maxRounds: 1_000 } as const;

  test('gives the scores that another library gives, weighed or not', () => {
    fc.assert(
      fc.property(ties, fc.boolean(), (list, weighed) => {
        const { ranking, converged } = pageRank(build(list), {
          ...fine,
          weight: weighed ? ({ strength }) => strength + 1 : undefined,
        });
        const oracle = buildOracle(list);
        oracle.updateEachEdgeAttributes((_, attributes) => ({
          weight: Number(attributes['weight']) + 1,
        }));
        const wanted = pagerank(oracle, {
          maxIterations: 1_000,
          tolerance: 1e-10,
          getEdgeWeight: weighed ? 'weight' : null,
        });
        expect(converged).toBe(true);
        expect(ranking.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 8);
        for (const { entity, score } of ranking) expect(score).toBeCloseTo(wanted[entity.id] ?? Number.NaN, 6);
        const scores = ranking.map(({ score }) => score);
        expect(scores).toEqual([...scores].sort((left, right) => right - left));
      }),
    );
  });

  test('an entity whose relations all weigh nothing shares what it holds with all', () => {
    const list = [{ from: 'a', to: 'b', strength: 0, bidirectional: false }];
    const { ranking } = pageRank(build(list), { ...fine, weight: ({ strength }) => strength });
    for (const { score } of ranking) expect(score).toBeCloseTo(1 / NODES.length, 8);
  });

  test('ends after the rounds it is given, and says so', () => {
    const graph = build([{ from: 'a', to: 'b', strength: 1, bidirectional: false }]);
    expect(pageRank(graph, { maxRounds: 1, tolerance: 1e-12 })).toMatchObject({
      converged: false,
      rounds: 1,
    });
    expect(pageRank(new EntityGraph())).toEqual({ ranking: [], converged: true, rounds: 0 });
  });

  test.each([
    { damping: 1 },
    { damping: -0.1 },
    { tolerance: 0 },
    { maxRounds: 0 },
    { weight: () => -1 },
    { weight: () => Number.POSITIVE_INFINITY },
  ])('%j is refused', (options) => {
    const graph = build([{ from: 'a', to: 'b', strength: 1, bidirectional: false }]);
    expect(() => pageRank(graph, options)).toThrow(expect.objectContaining({ code: 'graph/invalid-argument' }));
  });
});
