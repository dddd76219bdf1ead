import fc from 'fast-check';
import { MultiDirectedGraph } from 'graphology';
import dijkstra from 'graphology-shortest-path/dijkstra.js';
import { bidirectional } from 'graphology-shortest-path/unweighted.js';
import { expect, test } from 'vitest';
import { EntityGraph } from './entity-graph.ts';

const NODES = 'abcdefghij'.split('');
const node = fc.constantFrom(...NODES);
const ties = fc.array(fc.record({ from: node, to: node, strength: fc.nat(5), bidirectional: fc.boolean() }), {
  maxLength: 30,
});

test('paths are as short, and as light, as those that another library finds', () => {
  fc.assert(
    fc.property(ties, fc.constantFrom('out', 'in', 'both'), (list, direction) => {
      const graph = new EntityGraph();
      const oracle = new MultiDirectedGraph();
      for (const id of NODES) {
        graph.createEntity('node', { id });
        oracle.addNode(id);
      }
      for (const tie of list) {
        graph.createRelation('tie', tie);
        const { from, to, strength: weight, bidirectional: both } = tie;
        if (direction !== 'in' || both) oracle.addEdge(from, to, { weight });
        if (direction !== 'out' || both) oracle.addEdge(to, from, { weight });
      }
      for (const to of NODES) {
        const short = graph.shortestPath('a', to, { direction });
        expect(short?.entities.length).toBe(bidirectional(oracle, 'a', to)?.length);
        expect(short?.cost).toBe(short?.relations.length);
        const light = graph.shortestPath('a', to, {
          direction,
          weight: ({ strength }) => strength,
        });
        const wanted = dijkstra.bidirectional(oracle, 'a', to, 'weight') as readonly string[] | null;
        expect(light?.entities[0]?.id).toBe(wanted === null ? undefined : 'a');
        if (light === undefined || wanted === null) continue;
        const lightest = wanted.slice(1).map((next, place) => {
          const edges = oracle.outEdges(wanted[place], next);
          return Math.min(...edges.map((edge) => Number(oracle.getEdgeAttribute(edge, 'weight'))));
        });
        expect(light.cost).toBe(lightest.reduce((sum, weight) => sum + weight, 0));
        for (const [place, { from, to: end }] of light.relations.entries()) {
          expect([light.entities[place]?.id, light.entities[place + 1]?.id].sort()).toEqual([from, end].sort());
        }
      }
    }),
  );
});

test('a relation of infinite weight leads nowhere; one that weighs nothing costs nothing', () => {
  const graph = new EntityGraph();
  for (const id of 'abc') graph.createEntity('node', { id });
  graph.createRelation('tie', { from: 'a', to: 'b', strength: 0 });
  graph.createRelation('wall', { from: 'b', to: 'c' });
  const weight = ({ type, strength }: { type: string; strength: number }): number =>
    type === 'wall' ? Number.POSITIVE_INFINITY : strength;
  expect(graph.shortestPath('a', 'b', { weight })).toMatchObject({
    cost: 0,
    relations: [{ type: 'tie' }],
  });
  expect(graph.shortestPath('a', 'c', { weight })).toBeUndefined();
});
