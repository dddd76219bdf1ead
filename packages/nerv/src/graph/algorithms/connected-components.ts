import type { Entity } from '../entity.ts';
import type { WalkOptions } from '../graph-query.ts';
import { typed } from '../typed.ts';
import type { EntityVertex } from '../vertex.ts';
import { nextMark } from '../traverse.ts';
import { eachStep, makeWalk, type TakeStep, type Walk } from '../walk.ts';
import { type AnyEntity, type AnyRelation, type GraphSource, verticesOn } from './graph-source.ts';

/** Which relations connect, and which entities there are. */
export type ComponentOptions<T extends string> = Pick<WalkOptions<T>, 'relationType' | 'validAt'>;

/**
 * The parts of a graph that no relation connects, whatever its direction: the largest first, equal ones in the order
 * of their first entity. Time and memory grow with entities and relations.
 * @throws NervError `graph/invalid-argument`
 */
export function connectedComponents<E extends AnyEntity, R extends AnyRelation>(
  graph: GraphSource<E, R>,
  options: ComponentOptions<R['type']> = {},
): readonly (readonly E[])[] {
  const walk = makeWalk({ ...options, direction: 'both' }, 'both');
  const mark = nextMark();
  const components: Entity[][] = [];
  for (const start of verticesOn(graph.rows, walk)) {
    if (start.mark !== mark) components.push(reachedFrom(start, walk, mark).map(({ row }) => row));
  }
  return typed(components.sort((left, right) => right.length - left.length));
}

// What has been reached is walked from in its turn, so that the list grows while it is gone through.
function reachedFrom(start: EntityVertex, walk: Walk, mark: number): readonly EntityVertex[] {
  start.mark = mark;
  const reached = [start];
  const take: TakeStep = (_, next) => {
    if (next.mark === mark) return;
    next.mark = mark;
    reached.push(next);
  };
  for (const vertex of reached) eachStep(vertex, walk, take);
  return reached;
}
