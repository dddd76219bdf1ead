// Walking relations, step by step.

import { EntityNotFoundError, NervError } from '../errors.ts';
import type { Relation } from './entity.ts';
import type { Direction, WalkOptions } from './graph-query.ts';
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

/** @throws NervError `graph/invalid-argument` */
export function makeWalk({ direction, relationType, validAt: at }: WalkOptions, byDefault: Direction): Walk {
  if (direction !== undefined && direction !== 'out' && direction !== 'in' && direction !== 'both') {
    throw invalidArgument('direction', direction, `'out', 'in' or 'both'`);
  }
  const validAt = timeOf(at);
  if (Number.isNaN(validAt)) throw invalidArgument('validAt', at, 'a time');
  const types = typeof relationType === 'string' ? [relationType] : relationType;
  return {
    direction: direction ?? byDefault,
    types: types === undefined ? undefined : new Set(types),
    validAt,
  };
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
