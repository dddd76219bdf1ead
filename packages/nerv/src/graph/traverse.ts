// Walking as far as relations lead: breadth first or depth first.

import type { Entity, Relation } from './entity.ts';
import type { NeighborOptions, TraverseOptions, Visit } from './graph-query.ts';
import type { GraphRows } from './graph-store.ts';
import type { Edge, EntityVertex, Vertex } from './vertex.ts';
import { checkedCount, eachStep, invalidArgument, makeWalk, requireVertex, type TakeStep, type Walk } from './walk.ts';

let lastMark = 0;

/**
 * A mark that no vertex has. A walk marks what it has seen with it, and so may not call foreign code, which might walk
 * the same graph in between.
 */
export function nextMark(): number {
  lastMark += 1;
  return lastMark;
}

/** The entities around one, nearest first. @throws `entity/not-found`, `graph/invalid-argument` */
export function neighborsOf(rows: GraphRows, entityId: string, options: NeighborOptions): Entity[] {
  const limit = checkedCount('limit', options.limit) ?? Number.POSITIVE_INFINITY;
  const walk = makeWalk(options, 'both');
  const maxDepth = checkedCount('depth', options.depth) ?? 1;
  const visits = breadthFirst(requireVertex(rows, entityId), { walk, maxDepth, limit: limit + 1 });
  return visits.slice(1).map(({ entity }) => entity);
}

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

/** How far a walk goes. */
interface TraversalPlan {
  readonly walk: Walk;
  readonly maxDepth: number;
  readonly limit: number;
}

/** An entity on a walk. */
type EntityVisit = Visit<Entity, Relation>;

/** Ring by ring. */
function breadthFirst(start: EntityVertex, { walk, maxDepth, limit }: TraversalPlan): EntityVisit[] {
  const visits: EntityVisit[] = [{ entity: start.row, depth: 0, via: undefined }];
  const mark = nextMark();
  start.mark = mark;
  let depth = 1;
  let reached: EntityVertex[] = [];
  const take: TakeStep = (edge, next) => {
    if (visits.length >= limit) return true;
    if (next.mark === mark) return false;
    next.mark = mark;
    reached.push(next);
    visits.push({ entity: next.row, depth, via: edge.row });
    return false;
  };
  let ring: EntityVertex[] = [start];
  for (; depth <= maxDepth && ring.length > 0; depth += 1) {
    reached = [];
    for (const vertex of ring) {
      if (visits.length >= limit) return visits;
      eachStep(vertex, walk, take);
    }
    ring = reached;
  }
  return visits;
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
