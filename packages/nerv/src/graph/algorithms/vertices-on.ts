import type { GraphRows } from '../graph-store.ts';
import { isValidAt } from '../validity.ts';
import type { EntityVertex } from '../vertex.ts';
import type { Walk } from '../walk.ts';

/** The vertices that a walk over the whole graph meets: all, or those that hold at the walk's time. */
export function* verticesOn(rows: GraphRows, { validAt }: Walk): Generator<EntityVertex> {
  for (const vertex of rows.entities.all()) {
    if (validAt === undefined || isValidAt(vertex.row, validAt)) yield vertex;
  }
}
