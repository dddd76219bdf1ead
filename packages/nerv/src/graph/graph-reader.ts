import { compileQuery } from './compiled-query.ts';
import { CoreGraphReader, erase, typed } from './core-graph-reader.ts';
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
import type { EntityQuery, Page, Path, PathOptions, RelationQuery, TraverseOptions, Visit } from './graph-query.ts';
import { idOf } from './operation-factory.ts';
import { runQueryFrom, runQueryPage } from './query-page.ts';
import { findShortestPath } from './shortest-path.ts';
import { traverseFrom } from './traverse.ts';

/** A graph to be read, synchronously: the present one, or one of the past. Algorithms and patterns take it. */
export class GraphReader<S extends GraphSchema = GraphSchema> extends CoreGraphReader<S> implements GraphReads<S> {
  override query<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): readonly EntityOf<S, T>[] {
    return typed(runQueryFrom<Entity>(this.rows.entities, compileQuery(query, 'entity')));
  }

  queryPage<T extends EntityTypeOf<S> = EntityTypeOf<S>>(
    query: EntityQuery<T, EntityProperties<S, T>> = {},
  ): Page<EntityOf<S, T>> {
    return typed(runQueryPage<Entity>(this.rows.entities, compileQuery(query, 'entity')));
  }

  override queryRelations<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): readonly RelationOf<S, T>[] {
    return typed(runQueryFrom<Relation>(this.rows.relations, compileQuery(query, 'relation')));
  }

  queryRelationsPage<T extends RelationTypeOf<S> = RelationTypeOf<S>>(
    query: RelationQuery<T, RelationProperties<S, T>> = {},
  ): Page<RelationOf<S, T>> {
    return typed(runQueryPage<Relation>(this.rows.relations, compileQuery(query, 'relation')));
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
