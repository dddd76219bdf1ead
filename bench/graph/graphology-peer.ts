import { MultiDirectedGraph } from 'graphology';
import pagerank from 'graphology-metrics/centrality/pagerank.js';
import dijkstra from 'graphology-shortest-path/dijkstra.js';
import { bidirectional } from 'graphology-shortest-path/unweighted.js';
import type { Peer } from './peer.ts';
import type { Person } from './world.ts';

/** graphology: nodes and edges with attributes; it has no indexes over them. */
export function makeGraphologyPeer(): Peer {
  const graph = new MultiDirectedGraph<Omit<Person, 'id'>, { weight: number }>();
  const walk = (start: string, depthMax: number, next: (node: string, take: (to: string) => void) => void): number => {
    const seen = new Set([start]);
    let ring = [start];
    let namesLength = 0;
    for (let depth = 0; depth < depthMax && ring.length > 0; depth += 1) {
      const reached: string[] = [];
      for (const node of ring) {
        next(node, (to) => {
          if (seen.has(to)) return;
          seen.add(to);
          namesLength += graph.getNodeAttribute(to, 'name').length;
          reached.push(to);
        });
      }
      ring = reached;
    }
    return namesLength > 0 ? seen.size : 1;
  };
  return {
    addPeople(people) {
      for (const { id, ...attributes } of people) graph.addNode(id, attributes);
    },
    addTies(ties) {
      for (const { id, from, to, weight } of ties) graph.addEdgeWithKey(id, from, to, { weight });
    },
    nameOf: (id) => graph.getNodeAttribute(id, 'name'),
    inTown: (town) => graph.filterNodes((_, attributes) => attributes.town === town).sort().length,
    around: (id, depth) => walk(id, depth, (node, take) => graph.forEachNeighbor(node, take)) - 1,
    reach: (id) => walk(id, Infinity, (node, take) => graph.forEachOutNeighbor(node, take)),
    pathLength: (from, to) => (bidirectional(graph, from, to)?.length ?? 0) - 1,
    pathWeight(from, to) {
      const path = dijkstra.bidirectional(graph, from, to, 'weight');
      if (path === null) return -1;
      let weight = 0;
      for (let place = 1; place < path.length; place += 1) {
        const between = graph.outEdges(path[place - 1], path[place]);
        weight += Math.min(...between.map((edge) => graph.getEdgeAttribute(edge, 'weight')));
      }
      return weight;
    },
    pageRank: () => Math.max(...Object.values(pagerank(graph, { getEdgeWeight: null }))),
  };
}
