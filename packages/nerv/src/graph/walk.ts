// Walking relations: steps, neighbours, breadth first and depth first.

import { EntityNotFoundError, NervError } from '../errors.ts';
import type { Entity, Relation } from './entity.ts';
import type { Direction, NeighborOptions, TraverseOptions, Visit, WalkOptions } from './graph-query.ts';
import type { GraphRows } from './graph-store.ts';
import { isValidAt, timeOf } from './validity.ts';
import type { Edge, EntityVertex, Vertex } from './vertex.ts';

/** Which relations a walk takes, checked. */
export interface Walk {
  readonly direction: Direction;
  readonly types: ReadonlySet<string> | undefined;
  readonly validAt: number | undefined;
}

/** Called with a step's relation and the vertex it leads to; what gives true ends the steps. */
export type TakeStep = (edge: Edge, next: EntityVertex) => boolean | void;

let lastMark = 0;

/**
 * A mark that no vertex has. A walk marks what it has seen with it, and so may not call foreign code, which might walk
 * the same graph in between.
 */
export function nextMark(): number {
  lastMark += 1;
  return lastMark;
}

/** @throws NervError `graph/invalid-argument` */
export function makeWalk({ direction, relationType, validAt: at }: WalkOptions, byDefault: Direction): Walk {
  if (direction !== undefined && direction !== 'out' && direction !== 'in' && direction !== 'both') {
    throw invalidArgument('direction', direction, `'out', 'in' or 'both'`);
  }
  const validAt = timeOf(at);
  if (Number.isNaN(validAt)) throw invalidArgument('validAt', at, 'a time');
  const types = typeof relationType === 'string' ? [relationType] : relationType;
  return { direction: direction ?? byDefault, types: types === undefined ? undefined : new Set(types), validAt };
}

/** The vertex of an entity. @throws EntityNotFoundError */
export function requireVertex(rows: GraphRows, entityId: string): EntityVertex {
  const vertex = rows.entities.get(entityId);
  if (vertex === undefined) throw new EntityNotFoundError(entityId);
  return vertex;
}

/** The steps away from a vertex; a relation between it and itself gives one. Ends that are not here give none. */
export function eachStep(vertex: Vertex, walk: Walk, take: TakeStep): void {
  const { direction } = walk;
  if (direction !== 'in' || vertex.out.twoWay > 0) {
    for (const edge of vertex.out.list) {
      if (edge === undefined) continue;
      const { row, to } = edge;
      if (direction === 'in' && (!row.bidirectional || to === vertex)) continue;
      if (isOnWalk(row, to, walk) && take(edge, to) === true) return;
    }
  }
  if (direction === 'out' && vertex.in.twoWay === 0) return;
  for (const edge of vertex.in.list) {
    if (edge === undefined) continue;
    const { row, from } = edge;
    if (direction !== 'in' && (from === vertex || (direction === 'out' && !row.bidirectional))) continue;
    if (isOnWalk(row, from, walk) && take(edge, from) === true) return;
  }
}

/** The entities around one, nearest first. @throws `entity/not-found`, `graph/invalid-argument` */
export function neighborsOf(rows: GraphRows, entityId: string, options: NeighborOptions): Entity[] {
  const { relationType, validAt } = options;
  const limit = checkedCount('limit', options.limit);
  const visits = traverseFrom(rows, entityId, {
    direction: options.direction ?? 'both',
    relationType,
    validAt,
    maxDepth: checkedCount('depth', options.depth) ?? 1,
    limit: limit === undefined ? undefined : limit + 1,
  });
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

/** An error about an option. */
export function invalidArgument(name: string, value: unknown, wanted: string): NervError {
  return new NervError('graph/invalid-argument', `The option '${name}' is ${String(value)}; it must be ${wanted}.`, {
    details: { option: name, value: String(value) },
  });
}

/** Passes a whole number from 1. @throws NervError `graph/invalid-argument` */
export function checkedCount(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return value;
  throw invalidArgument(name, value, 'a whole number from 1');
}

function isOnWalk(row: Relation, next: Vertex, { types, validAt }: Walk): next is EntityVertex {
  return (
    next.row !== undefined &&
    (types === undefined || types.has(row.type)) &&
    (validAt === undefined || (isValidAt(row, validAt) && isValidAt(next.row, validAt)))
  );
}

interface TraversalPlan {
  readonly walk: Walk;
  readonly maxDepth: number;
  readonly limit: number;
}

type EntityVisit = Visit<Entity, Relation>;

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
