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
import { idOf } from './graph-writes.ts';
import { runQueryFrom, runQueryPage } from './query-page.ts';
import { findShortestPath } from './shortest-path.ts';
import { neighborsOf, traverseFrom } from './traverse.ts';
import { erase, typed } from './typed.ts';
import { eachStep, makeWalk, requireVertex } from './walk.ts';

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

  relationsOf(entity: Reference, options: WalkOptions<RelationTypeOf<S>> = {}): readonly RelationOf<S>[] {
    const relations: Relation[] = [];
    eachStep(requireVertex(this.rows, idOf(entity)), makeWalk(options, 'both'), ({ row }) => void relations.push(row));
    return typed(relations);
  }

  query<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): readonly EntityOf<S, T>[] {
    return typed(runQueryFrom<Entity>(this.rows.entities, compileQuery(query, 'entity')));
  }

  queryPage<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): Page<EntityOf<S, T>> {
    return typed(runQueryPage<Entity>(this.rows.entities, compileQuery(query, 'entity')));
  }

  queryRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): readonly RelationOf<S, T>[] {
    return typed(runQueryFrom<Relation>(this.rows.relations, compileQuery(query, 'relation')));
  }

  queryRelationsPage<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): Page<RelationOf<S, T>> {
    return typed(runQueryPage<Relation>(this.rows.relations, compileQuery(query, 'relation')));
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
