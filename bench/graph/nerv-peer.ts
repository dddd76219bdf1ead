import { EntityGraph } from '@inner-universe/nerv/graph';
import { pageRank } from '@inner-universe/nerv/graph/algorithms';
import type { Peer } from './peer.ts';

const BATCH = 10_000;

interface Schema {
  readonly entities: { readonly person: { readonly town: string; readonly age: number } };
  readonly relations: { readonly knows: object };
}

/** NERV's graph, with the town indexed and no history. */
export function makeNervPeer(): Peer {
  const graph = new EntityGraph<Schema>({ indexes: { entities: ['town'] } });
  return {
    addPeople(people) {
      for (let start = 0; start < people.length; start += BATCH) {
        graph.batch((batch) => {
          for (const { id, name, town, age } of people.slice(start, start + BATCH)) {
            batch.createEntity('person', { id, name, properties: { town, age } });
          }
        });
      }
    },
    addTies(ties) {
      for (let start = 0; start < ties.length; start += BATCH) {
        graph.batch((batch) => {
          for (const { id, from, to, weight } of ties.slice(start, start + BATCH)) {
            batch.createRelation('knows', { id, from, to, strength: weight });
          }
        });
      }
    },
    nameOf: (id) => graph.getEntity(id)?.name,
    inTown: (town) => graph.query({ where: { properties: { town } } }).length,
    around: (id, depth) => graph.neighbors(id, { depth }).length,
    reach: (id) => graph.traverse(id).length,
    pathLength: (from, to) => graph.shortestPath(from, to)?.cost ?? -1,
    pathWeight: (from, to) => graph.shortestPath(from, to, { weight: ({ strength }) => strength })?.cost ?? -1,
    pageRank: () => pageRank(graph).ranking[0]?.score ?? 0,
    keepSorted() {
      const live = graph.liveQuery({ type: 'person', orderBy: { property: 'age' } });
      let changed = 0;
      live.subscribe(({ updated }) => {
        changed += updated.length;
      });
      return (id, age) => {
        graph.updateEntity<'person'>(id, { properties: { age } });
        return changed;
      };
    },
  };
}
