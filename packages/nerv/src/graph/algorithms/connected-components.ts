import type { Entity, EntityOf, GraphSchema, RelationTypeOf } from '../entity.ts';
import type { WalkOptions } from '../graph-query.ts';
import { type GraphReader, typed } from '../graph-reader.ts';
import type { EntityVertex } from '../vertex.ts';
import { eachStep, makeWalk } from '../walk.ts';
import { verticesOn } from './vertices-on.ts';

/** Which relations connect, and which entities there are. */
export type ComponentOptions<S extends GraphSchema> = Pick<WalkOptions<RelationTypeOf<S>>, 'relationType' | 'validAt'>;

/**
 * The parts of a graph that no relation connects, whatever its direction: the largest first, equal ones in the order
 * of their first entity. Time and memory grow with entities and relations.
 * @throws NervError `graph/invalid-argument`
 */
export function connectedComponents<S extends GraphSchema = GraphSchema>(
  graph: GraphReader<S>,
  options: ComponentOptions<S> = {},
): readonly (readonly EntityOf<S>[])[] {
  const walk = makeWalk({ ...options, direction: 'both' }, 'both');
  const seen = new Set<EntityVertex>();
  const components: Entity[][] = [];
  for (const start of verticesOn(graph.rows, walk)) {
    if (seen.has(start)) continue;
    const component: Entity[] = [];
    for (const vertex of reachedFrom(start, seen, (at, reach) => eachStep(at, walk, (_, next) => reach(next)))) {
      component.push(vertex.row);
    }
    components.push(component);
  }
  return typed(components.sort((left, right) => right.length - left.length));
}

// What has been reached is walked from in its turn, so that the list grows while it is gone through.
function reachedFrom(
  start: EntityVertex,
  seen: Set<EntityVertex>,
  eachNext: (vertex: EntityVertex, reach: (next: EntityVertex) => void) => void,
): readonly EntityVertex[] {
  seen.add(start);
  const reached = [start];
  const reach = (next: EntityVertex): void => {
    if (seen.has(next)) return;
    seen.add(next);
    reached.push(next);
  };
  for (const vertex of reached) eachNext(vertex, reach);
  return reached;
}
