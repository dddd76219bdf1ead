// An order along the relations, after Kahn (1962).

import { assert } from '../../assert.ts';
import { NervError } from '../../errors.ts';
import { typed } from '../typed.ts';
import type { EntityVertex } from '../vertex.ts';
import { eachStep, makeWalk, type Walk } from '../walk.ts';
import type { ComponentOptions } from './connected-components.ts';
import { type AnyEntity, type AnyRelation, type GraphSource, verticesOn } from './graph-source.ts';

/**
 * All entities, each before those its relations lead to.
 * @throws NervError `graph/cycle` with the ids of a cycle, each leading to the next and the last to the first;
 * `graph/invalid-argument`
 */
export function topologicalOrder<E extends AnyEntity, R extends AnyRelation>(
  graph: GraphSource<E, R>,
  options: ComponentOptions<R['type']> = {},
): readonly E[] {
  const walk = makeWalk({ ...options, direction: 'out' }, 'out');
  const vertices = [...verticesOn(graph.rows, walk)];
  const unmet = countUnmet(vertices, walk);
  const ordered = vertices.filter((vertex) => !unmet.has(vertex));
  for (const vertex of ordered) {
    eachStep(vertex, walk, (_, next) => {
      // What a relation leads to has been counted.
      const left = (unmet.get(next) as number) - 1;
      unmet.set(next, left);
      if (left === 0) ordered.push(next);
    });
  }
  if (ordered.length < vertices.length) throw cycleError(findCycle(vertices, new Set(ordered), walk));
  return typed(ordered.map(({ row }) => row));
}

// How many relations lead to each vertex that any leads to.
function countUnmet(vertices: readonly EntityVertex[], walk: Walk): Map<EntityVertex, number> {
  const unmet = new Map<EntityVertex, number>();
  for (const vertex of vertices) {
    eachStep(vertex, walk, (_, next) => void unmet.set(next, (unmet.get(next) ?? 0) + 1));
  }
  return unmet;
}

// Every entity that could not be ordered is led to by another such, so walking backwards comes round.
function findCycle(vertices: readonly EntityVertex[], ordered: ReadonlySet<EntityVertex>, walk: Walk): string[] {
  const back: Walk = { ...walk, direction: 'in' };
  const first = vertices.find((vertex) => !ordered.has(vertex));
  assert(first !== undefined, 'an entity is left over');
  const trail: EntityVertex[] = [];
  const places = new Map<EntityVertex, number>();
  for (let vertex = first; ;) {
    const place = places.get(vertex);
    if (place !== undefined)
      return trail
        .slice(place)
        .reverse()
        .map(({ row }) => row.id);
    places.set(vertex, trail.length);
    trail.push(vertex);
    const before = leftOverBefore(vertex, ordered, back);
    assert(before !== undefined, 'what is left over is led to by what is left over');
    vertex = before;
  }
}

function leftOverBefore(
  vertex: EntityVertex,
  ordered: ReadonlySet<EntityVertex>,
  back: Walk,
): EntityVertex | undefined {
  let found: EntityVertex | undefined;
  eachStep(vertex, back, (_, before) => {
    if (!ordered.has(before)) found = before;
    return found !== undefined;
  });
  return found;
}

function cycleError(cycle: readonly string[]): NervError {
  return new NervError(
    'graph/cycle',
    `The relations lead in a circle: ${[...cycle, cycle[0]].slice(0, 8).join(' -> ')}${cycle.length > 7 ? ' …' : ''}. ` +
      `Choose relation types without circles.`,
    { details: { cycle } },
  );
}
