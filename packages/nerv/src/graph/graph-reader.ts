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
import type { GraphReads } from './entity-graph.ts';
import type {
  EntityQuery,
  NeighborOptions,
  Page,
  Path,
  PathOptions,
  RelationQuery,
  TraverseOptions,
  Visit,
  WalkOptions,
} from './graph-query.ts';
import type { GraphRows } from './graph-store.ts';
import { idOf } from './operation-factory.ts';
import { runQuery, runQueryPage } from './run-query.ts';
import { findShortestPath } from './shortest-path.ts';
import { eachStep, makeWalk, neighborsOf, requireVertex, traverseFrom } from './walk.ts';

/** A graph to be read, synchronously: the present one, or one of the past. Algorithms and patterns take it. */
export class GraphReader<S extends GraphSchema = GraphSchema> implements GraphReads<S> {
  /** What algorithms and patterns go over. */
  readonly rows: GraphRows;

  constructor(rows: GraphRows) {
    this.rows = rows;
  }

  getEntity(entity: Reference): EntityOf<S> | undefined {
    return typed(this.rows.entities.get(idOf(entity))?.row);
  }

  getRelation(relation: Reference): RelationOf<S> | undefined {
    return typed(this.rows.relations.get(idOf(relation))?.row);
  }

  query<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): readonly EntityOf<S, T>[] {
    return typed(runQuery<Entity>(this.rows.entities, compileQuery(query, 'entity')));
  }

  queryPage<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): Page<EntityOf<S, T>> {
    return typed(runQueryPage<Entity>(this.rows.entities, compileQuery(query, 'entity')));
  }

  queryRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): readonly RelationOf<S, T>[] {
    return typed(runQuery<Relation>(this.rows.relations, compileQuery(query, 'relation')));
  }

  queryRelationsPage<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): Page<RelationOf<S, T>> {
    return typed(runQueryPage<Relation>(this.rows.relations, compileQuery(query, 'relation')));
  }

  relationsOf(entity: Reference, options: WalkOptions<RelationTypeOf<S>> = {}): readonly RelationOf<S>[] {
    const relations: Relation[] = [];
    eachStep(requireVertex(this.rows, idOf(entity)), makeWalk(options, 'both'), ({ row }) => void relations.push(row));
    return typed(relations);
  }

  neighbors(entity: Reference, options: NeighborOptions<RelationTypeOf<S>> = {}): readonly EntityOf<S>[] {
    return typed(neighborsOf(this.rows, idOf(entity), options));
  }

  traverse(
    start: Reference,
    options: TraverseOptions<RelationTypeOf<S>> = {},
  ): readonly Visit<EntityOf<S>, RelationOf<S>>[] {
    return typed(traverseFrom(this.rows, idOf(start), options));
  }

  shortestPath(
    from: Reference,
    to: Reference,
    options: PathOptions<RelationTypeOf<S>, RelationOf<S>> = {},
  ): Path<EntityOf<S>, RelationOf<S>> | undefined {
    const ends = { from: idOf(from), to: idOf(to) };
    return typed(findShortestPath(this.rows, ends, erase(options)));
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
