// Walking relations: steps, neighbours, breadth first and depth first.

import { NervError } from '../errors.ts';
import { requireEntity } from './apply-operation.ts';
import type { Entity, Relation } from './entity.ts';
import type { GraphStore } from './graph-store.ts';
import type { Direction, NeighborOptions, TraverseOptions, Visit, WalkOptions } from './graph-query.ts';

/** One relation walked from an entity to another. */
export interface Step {
  readonly relation: Relation;
  readonly entity: Entity;
}

/** Which relations a walk takes, checked. */
export interface Walk {
  readonly direction: Direction;
  readonly types: ReadonlySet<string> | undefined;
}

/** @throws NervError `graph/invalid-argument` */
export function makeWalk({ direction, relationType }: WalkOptions, byDefault: Direction): Walk {
  if (direction !== undefined && direction !== 'out' && direction !== 'in' && direction !== 'both') {
    throw invalidArgument('direction', direction, `'out', 'in' or 'both'`);
  }
  const types =
    relationType === undefined ? undefined : typeof relationType === 'string' ? [relationType] : relationType;
  return { direction: direction ?? byDefault, types: types === undefined ? undefined : new Set(types) };
}

/** The steps away from an entity; a relation between it and itself gives one. Ends that are not here give none. */
export function* stepsFrom(store: GraphStore, entityId: string, walk: Walk): Generator<Step> {
  for (const relation of relationsFrom(store, entityId, walk)) {
    const entity = store.entities.get(relation.from === entityId ? relation.to : relation.from);
    if (entity !== undefined) yield { relation, entity };
  }
}

/** The relations of an entity that the walk may take, each once. */
export function* relationsFrom(store: GraphStore, entityId: string, { direction, types }: Walk): Generator<Relation> {
  for (const relation of store.outgoing(entityId).values()) {
    if (direction === 'in' && !relation.bidirectional && relation.to !== entityId) continue;
    if (types === undefined || types.has(relation.type)) yield relation;
  }
  for (const relation of store.incoming(entityId).values()) {
    if (relation.from === entityId || (direction === 'out' && !relation.bidirectional)) continue;
    if (types === undefined || types.has(relation.type)) yield relation;
  }
}

/** The entities around one, nearest first. @throws `entity/not-found`, `graph/invalid-argument` */
export function neighborsOf(store: GraphStore, entityId: string, options: NeighborOptions): Entity[] {
  const depth = checkedCount('depth', options.depth) ?? 1;
  const limit = checkedCount('limit', options.limit);
  const visits = traverseFrom(store, entityId, {
    direction: options.direction ?? 'both',
    relationType: options.relationType,
    maxDepth: depth,
    limit: limit === undefined ? undefined : limit + 1,
  });
  return visits.slice(1).map(({ entity }) => entity);
}

/** The entities reached from one, itself first. @throws `entity/not-found`, `graph/invalid-argument` */
export function traverseFrom(store: GraphStore, startId: string, options: TraverseOptions): Visit<Entity, Relation>[] {
  const { order = 'breadth-first' } = options;
  const plan: TraversalPlan = {
    walk: makeWalk(options, 'out'),
    maxDepth: checkedCount('maxDepth', options.maxDepth) ?? Number.POSITIVE_INFINITY,
    limit: checkedCount('limit', options.limit) ?? Number.POSITIVE_INFINITY,
  };
  const start: Visit<Entity, Relation> = { entity: requireEntity(store, startId), depth: 0, via: undefined };
  if (order === 'breadth-first') return breadthFirst(store, start, plan);
  if (order === 'depth-first') return depthFirst(store, start, plan);
  throw invalidArgument('order', order, `'breadth-first' or 'depth-first'`);
}

/** An error about an option. */
export function invalidArgument(name: string, value: unknown, wanted: string): NervError {
  return new NervError('graph/invalid-argument', `The option '${name}' is ${String(value)}; it must be ${wanted}.`, {
    details: { option: name, value: String(value) },
  });
}

interface TraversalPlan {
  readonly walk: Walk;
  readonly maxDepth: number;
  readonly limit: number;
}

type EntityVisit = Visit<Entity, Relation>;

function breadthFirst(store: GraphStore, start: EntityVisit, { walk, maxDepth, limit }: TraversalPlan): EntityVisit[] {
  const visits = [start];
  const seen = new Set([start.entity.id]);
  for (const visit of visits) {
    if (visit.depth >= maxDepth) break;
    for (const { entity, relation } of stepsFrom(store, visit.entity.id, walk)) {
      if (visits.length >= limit) return visits;
      if (seen.has(entity.id)) continue;
      seen.add(entity.id);
      visits.push({ entity, depth: visit.depth + 1, via: relation });
    }
  }
  return visits;
}

// An entity is reached the first time the walk comes by; with a bound in depth that may be deeper than it could be,
// so whatever lies behind it is walked again when it is reached by a shorter way.
function depthFirst(store: GraphStore, start: EntityVisit, { walk, maxDepth, limit }: TraversalPlan): EntityVisit[] {
  const visits = [start];
  const depths = new Map([[start.entity.id, 0]]);
  const stack = [{ depth: 0, steps: stepsFrom(store, start.entity.id, walk) }];
  while (visits.length < limit) {
    const top = stack.at(-1);
    if (top === undefined) return visits;
    const next = top.depth < maxDepth ? top.steps.next() : undefined;
    if (next === undefined || next.done === true) {
      stack.pop();
      continue;
    }
    const { entity, relation } = next.value;
    const depth = top.depth + 1;
    const reachedAt = depths.get(entity.id);
    if (reachedAt !== undefined && (reachedAt <= depth || maxDepth === Number.POSITIVE_INFINITY)) continue;
    if (reachedAt === undefined) visits.push({ entity, depth, via: relation });
    depths.set(entity.id, depth);
    stack.push({ depth, steps: stepsFrom(store, entity.id, walk) });
  }
  return visits;
}

function checkedCount(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return value;
  throw invalidArgument(name, value, 'a whole number from 1');
}
