// Walking as far as relations lead: breadth first or depth first.

import type { TraverseOptions } from './graph-query.ts';
import type { GraphRows } from './graph-store.ts';
import type { Edge, EntityVertex, Vertex } from './vertex.ts';
import {
  breadthFirst,
  checkedCount,
  eachStep,
  type EntityVisit,
  invalidArgument,
  makeWalk,
  requireVertex,
  type TraversalPlan,
  type Walk,
} from './walk.ts';

/** The entities reached from one, itself first. @throws `entity/not-found`, `graph/invalid-argument` */
export function traverseFrom(rows: GraphRows, startId: string, options: TraverseOptions): EntityVisit[] {
  const { order = 'breadth-first' } = options;
  const plan: TraversalPlan = {
    walk: makeWalk(options, 'out'),
    maxDepth: checkedCount('maxDepth', options.maxDepth) ?? Number.POSITIVE_INFINITY,
    limit: checkedCount('limit', options.limit) ?? Number.POSITIVE_INFINITY,
  };
  const start = requireVertex(rows, startId);
  if (order === 'breadth-first') return breadthFirst(start, plan);
  if (order === 'depth-first') return depthFirst(start, plan);
  throw invalidArgument('order', order, `'breadth-first' or 'depth-first'`);
}

// An entity is reached the first time the walk comes by; with a bound in depth that may be deeper than it could be,
// so whatever lies behind it is walked again when it is reached by a shorter way.
function depthFirst(start: EntityVertex, { walk, maxDepth, limit }: TraversalPlan): EntityVisit[] {
  const visits: EntityVisit[] = [{ entity: start.row, depth: 0, via: undefined }];
  const depths = new Map<Vertex, number>([[start, 0]]);
  const stack = [makeFrame(start, 0, walk)];
  while (visits.length < limit) {
    const top = stack.at(-1);
    if (top === undefined) return visits;
    const step = top.depth < maxDepth ? top.steps[top.taken] : undefined;
    if (step === undefined) {
      stack.pop();
      continue;
    }
    top.taken += 1;
    const depth = top.depth + 1;
    const reachedAt = depths.get(step.next);
    if (reachedAt !== undefined && (reachedAt <= depth || maxDepth === Number.POSITIVE_INFINITY)) continue;
    if (reachedAt === undefined) visits.push({ entity: step.next.row, depth, via: step.edge.row });
    depths.set(step.next, depth);
    stack.push(makeFrame(step.next, depth, walk));
  }
  return visits;
}

interface Frame {
  readonly depth: number;
  readonly steps: readonly { readonly edge: Edge; readonly next: EntityVertex }[];
  taken: number;
}

function makeFrame(vertex: EntityVertex, depth: number, walk: Walk): Frame {
  const steps: { readonly edge: Edge; readonly next: EntityVertex }[] = [];
  eachStep(vertex, walk, (edge, next) => void steps.push({ edge, next }));
  return { depth, steps, taken: 0 };
}
