import type { Entity, Reference, Relation } from '../entity.ts';
import type { GraphRows } from '../graph-store.ts';
import { isValidAt } from '../validity.ts';
import type { EntityVertex } from '../vertex.ts';
import type { Walk } from '../walk.ts';

/** Any entity of any schema. */
export type AnyEntity = Entity<string, object>;

/** Any relation of any schema. */
export type AnyRelation = Relation<string, object>;

/** What an algorithm runs over: a `GraphReader`, present or past. Its methods only tell what its rows are. */
export interface GraphSource<E, R> {
  readonly rows: GraphRows;
  getEntity(entity: Reference): E | undefined;
  getRelation(relation: Reference): R | undefined;
}

/** The vertices that a walk over the whole graph meets: all, or those that hold at the walk's time. */
export function* verticesOn(rows: GraphRows, { validAt }: Walk): Generator<EntityVertex> {
  for (const vertex of rows.entities.all()) {
    if (validAt === undefined || isValidAt(vertex.row, validAt)) yield vertex;
  }
}
