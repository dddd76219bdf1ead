// Cheapest paths, after Dijkstra (1959), with a binary heap.

import { assert } from '../assert.ts';
import { requireEntity } from './apply-operation.ts';
import type { Entity, Relation } from './entity.ts';
import type { GraphStore } from './graph-store.ts';
import type { Path, PathOptions } from './graph-query.ts';
import { invalidArgument, makeWalk, stepsFrom, type Step } from './walk.ts';

interface Ends {
  readonly from: string;
  readonly to: string;
}

interface Arrival {
  readonly id: string;
  readonly cost: number;
}

/** @throws `entity/not-found`; `graph/invalid-argument` for a negative weight, or one that is no number */
export function findShortestPath(
  store: GraphStore,
  { from, to }: Ends,
  options: PathOptions<string, Relation>,
): Path<Entity, Relation> | undefined {
  const start = requireEntity(store, from);
  requireEntity(store, to);
  const walk = makeWalk(options, 'out');
  const { weight = unitWeight } = options;
  const costs = new Map([[from, 0]]);
  const arrivedBy = new Map<string, Step & { readonly before: string }>();
  const settled = new Set<string>();
  const heap = new ArrivalHeap();
  heap.push({ id: from, cost: 0 });
  for (let nearest = heap.pop(); nearest !== undefined; nearest = heap.pop()) {
    if (nearest.id === to) return pathTo(start, arrivedBy, { from, to }, nearest.cost);
    if (settled.has(nearest.id)) continue;
    settled.add(nearest.id);
    for (const step of stepsFrom(store, nearest.id, walk)) {
      const cost = nearest.cost + checkedWeight(weight(step.relation), step.relation);
      if (cost >= (costs.get(step.entity.id) ?? Number.POSITIVE_INFINITY)) continue;
      costs.set(step.entity.id, cost);
      arrivedBy.set(step.entity.id, { ...step, before: nearest.id });
      heap.push({ id: step.entity.id, cost });
    }
  }
  return undefined;
}

function pathTo(
  start: Entity,
  arrivedBy: ReadonlyMap<string, Step & { readonly before: string }>,
  { from, to }: Ends,
  cost: number,
): Path<Entity, Relation> {
  const entities: Entity[] = [];
  const relations: Relation[] = [];
  for (let at = to; at !== from;) {
    const step = arrivedBy.get(at);
    assert(step !== undefined, 'a path leads back to its start');
    entities.push(step.entity);
    relations.push(step.relation);
    at = step.before;
  }
  entities.push(start);
  return { entities: entities.reverse(), relations: relations.reverse(), cost };
}

function unitWeight(): number {
  return 1;
}

function checkedWeight(weight: number, relation: Relation): number {
  if (weight >= 0) return weight;
  throw invalidArgument('weight', weight, `a number from 0, for relation '${relation.id}' too`);
}

/** The arrivals, the cheapest first. Node n lies over nodes 2n + 1 and 2n + 2, and costs no more than they do. */
class ArrivalHeap {
  readonly #items: Arrival[] = [];

  push(arrival: Arrival): void {
    const items = this.#items;
    let place = items.length;
    items.push(arrival);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = items[parent];
      if (above === undefined || above.cost <= arrival.cost) break;
      items[place] = above;
      place = parent;
    }
    items[place] = arrival;
  }

  pop(): Arrival | undefined {
    const [first] = this.#items;
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) this.#sink(last);
    return first;
  }

  #sink(arrival: Arrival): void {
    const items = this.#items;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const right = left + 1;
      const child = costAt(items, right) < costAt(items, left) ? right : left;
      const below = items[child];
      if (below === undefined || below.cost >= arrival.cost) break;
      items[place] = below;
      place = child;
    }
    items[place] = arrival;
  }
}

function costAt(items: readonly Arrival[], place: number): number {
  return items[place]?.cost ?? Number.POSITIVE_INFINITY;
}
