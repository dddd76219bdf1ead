// The graph as a whole: its connected parts, and an order along its relations (Kahn, 1962).

import { assert } from '../assert.ts';
import { NervError } from '../errors.ts';
import type { Entity } from './entity.ts';
import type { GraphStore } from './graph-store.ts';
import type { WalkOptions } from './graph-query.ts';
import { makeWalk, stepsFrom, type Walk } from './walk.ts';

type WholeGraphOptions = Pick<WalkOptions, 'relationType'>;

/** The parts that no relation connects, the largest first, equal ones in the order of their first entity. */
export function findComponents(store: GraphStore, options: WholeGraphOptions): Entity[][] {
  const walk = makeWalk({ ...options, direction: 'both' }, 'both');
  const seen = new Set<string>();
  const components: Entity[][] = [];
  for (const entity of store.entities.all()) {
    if (seen.has(entity.id)) continue;
    seen.add(entity.id);
    components.push(collect(store, entity, { walk, seen }));
  }
  return components.sort((left, right) => right.length - left.length);
}

/** @throws NervError `graph/cycle` with the ids of a cycle, each leading to the next and the last to the first */
export function orderTopologically(store: GraphStore, options: WholeGraphOptions): Entity[] {
  const walk = makeWalk({ ...options, direction: 'out' }, 'out');
  const unmet = new Map<string, number>();
  for (const entity of store.entities.all()) {
    for (const next of stepsFrom(store, entity.id, walk)) {
      unmet.set(next.entity.id, (unmet.get(next.entity.id) ?? 0) + 1);
    }
  }
  const ordered: Entity[] = [];
  for (const entity of store.entities.all()) if (!unmet.has(entity.id)) ordered.push(entity);
  for (const entity of ordered) {
    for (const next of stepsFrom(store, entity.id, walk)) {
      const left = (unmet.get(next.entity.id) ?? 0) - 1;
      unmet.set(next.entity.id, left);
      if (left === 0) ordered.push(next.entity);
    }
  }
  if (ordered.length < store.entities.size)
    throw cycleError(findCycle(store, new Set(ordered.map(({ id }) => id)), walk));
  return ordered;
}

interface Collecting {
  readonly walk: Walk;
  readonly seen: Set<string>;
}

function collect(store: GraphStore, start: Entity, { walk, seen }: Collecting): Entity[] {
  const component = [start];
  for (const member of component) {
    for (const { entity } of stepsFrom(store, member.id, walk)) {
      if (seen.has(entity.id)) continue;
      seen.add(entity.id);
      component.push(entity);
    }
  }
  return component;
}

// Every entity that could not be ordered is led to by another such, so walking backwards comes round.
function findCycle(store: GraphStore, ordered: ReadonlySet<string>, { types }: Walk): string[] {
  const back: Walk = { direction: 'in', types };
  const first = [...store.entities.all()].find(({ id }) => !ordered.has(id));
  assert(first !== undefined, 'an entity is left over');
  const trail: string[] = [];
  const places = new Map<string, number>();
  for (let id = first.id; ;) {
    const place = places.get(id);
    if (place !== undefined) return trail.slice(place).reverse();
    places.set(id, trail.length);
    trail.push(id);
    let before: string | undefined;
    for (const { entity } of stepsFrom(store, id, back)) if (!ordered.has(entity.id)) before = entity.id;
    assert(before !== undefined, 'what is left over is led to by what is left over');
    id = before;
  }
}

function cycleError(cycle: readonly string[]): NervError {
  return new NervError(
    'graph/cycle',
    `The relations lead in a circle: ${[...cycle, cycle[0]].slice(0, 8).join(' -> ')}${cycle.length > 7 ? ' …' : ''}. ` +
      `Choose relation types without circles.`,
    { details: { cycle } },
  );
}
