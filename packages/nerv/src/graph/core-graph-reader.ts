import { compileQuery } from './compiled-query.ts';
import type {
  Entity,
  EntityOf,
  EntityProperties,
  EntityTypeOf,
  GraphSchema,
  Reference,
  Relation,
  RelationOf,
  RelationProperties,
  RelationTypeOf,
} from './entity.ts';
import type { EntityQuery, NeighborOptions, RelationQuery, WalkOptions } from './graph-query.ts';
import type { GraphRows } from './graph-store.ts';
import { idOf } from './operation-factory.ts';
import { runQuery } from './run-query.ts';
import { eachStep, makeWalk, neighborsOf, requireVertex } from './walk.ts';

/** The reads that every graph in memory has. */
export class CoreGraphReader<S extends GraphSchema = GraphSchema, Rows extends GraphRows = GraphRows> {
  /** What algorithms and patterns go over. */
  readonly rows: Rows;

  constructor(rows: Rows) {
    this.rows = rows;
  }

  /** The entity of this id; undefined if there is none. */
  getEntity(entity: Reference): EntityOf<S> | undefined {
    return typed(this.rows.entities.get(idOf(entity))?.row);
  }

  /** The relation of this id; undefined if there is none. */
  getRelation(relation: Reference): RelationOf<S> | undefined {
    return typed(this.rows.relations.get(idOf(relation))?.row);
  }

  /** All entities that match, in the query's order, up to its limit. @throws `graph/invalid-query` */
  query<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): readonly EntityOf<S, T>[] {
    return typed(runQuery<Entity>(this.rows.entities, compileQuery(query, 'entity')));
  }

  /** All relations that match. @throws `graph/invalid-query` */
  queryRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): readonly RelationOf<S, T>[] {
    return typed(runQuery<Relation>(this.rows.relations, compileQuery(query, 'relation')));
  }

  /** The relations of an entity, in the given direction (default both). @throws `entity/not-found` */
  relationsOf(entity: Reference, options: WalkOptions<RelationTypeOf<S>> = {}): readonly RelationOf<S>[] {
    const relations: Relation[] = [];
    eachStep(requireVertex(this.rows, idOf(entity)), makeWalk(options, 'both'), ({ row }) => void relations.push(row));
    return typed(relations);
  }

  /** The entities around one, nearest first, each once, without itself. @throws `entity/not-found` */
  neighbors(entity: Reference, options: NeighborOptions<RelationTypeOf<S>> = {}): readonly EntityOf<S>[] {
    return typed(neighborsOf(this.rows, idOf(entity), options));
  }
}

/**
 * Rows are stored without the schema's types. They are of those types all the same: every row came in through a method
 * that asks for them.
 */
export function typed<T>(rows: unknown): T {
  return rows as T;
}

/** What the schema's types promise about an argument is not needed to store it, or to run it. */
export function erase<T>(argument: unknown): T {
  return argument as T;
}
