import type {
  EntityGraph,
  EntityOf,
  EntityProperties,
  EntityQuery,
  EntityTypeOf,
  GraphSchema,
  RelationOf,
  RelationProperties,
  RelationQuery,
  RelationTypeOf,
} from '@inner-universe/nerv/graph';
import { useMemo } from 'react';
import { keyOfQuery, LiveRows, noRows, type AnyQuery, type GraphPlace, type QueryResult } from './live-rows.ts';
import { constant, useSource, useThrown, type Readable } from './source.ts';
import { useProvided, type Provided } from './universe-context.ts';

/** One entity, as it is now. */
export interface EntityResult<E> {
  /** Undefined until it is loaded, and if there is none of that id. */
  readonly entity: E | undefined;
  readonly status: 'loading' | 'ready' | 'failed';
  readonly error: Error | undefined;
}

/** How a component wants errors. */
export interface ErrorOptions {
  /** Throws what goes wrong, for an error boundary. Default false: it is told by `error`. */
  readonly throwErrors?: boolean | undefined;
}

/** The entities of the universe's graph that match, kept up to date. A query that says the same is the same query. */
export function useGraphQuery<S extends GraphSchema = GraphSchema, T extends EntityTypeOf<S> = EntityTypeOf<S>>(
  query: EntityQuery<T, EntityProperties<S, T>> = {},
  options: ErrorOptions = {},
): QueryResult<EntityOf<S, T>> {
  return useRows(placeIn(useProvided()), { kind: 'entity', query: query as AnyQuery }, options);
}

/** As `useGraphQuery`, for relations. */
export function useRelationQuery<S extends GraphSchema = GraphSchema, T extends RelationTypeOf<S> = RelationTypeOf<S>>(
  query: RelationQuery<T, RelationProperties<S, T>> = {},
  options: ErrorOptions = {},
): QueryResult<RelationOf<S, T>> {
  return useRows(placeIn(useProvided()), { kind: 'relation', query: query as AnyQuery }, options);
}

/** The entity of an id, kept up to date; also one that is made later. */
export function useEntity<S extends GraphSchema = GraphSchema, T extends EntityTypeOf<S> = EntityTypeOf<S>>(
  id: string,
  options: ErrorOptions & { readonly type?: T | undefined } = {},
): EntityResult<EntityOf<S, T>> {
  const { type } = options;
  const query = { ...(type === undefined ? {} : { type }), where: { id: { equals: id } }, limit: 1 };
  const { rows, status, error } = useRows<EntityOf<S, T>>(placeIn(useProvided()), { kind: 'entity', query }, options);
  const [entity] = rows;
  return useMemo(() => ({ entity, status, error }), [entity, status, error]);
}

/** As `useGraphQuery`, of a graph that the application has: NERV's own, or any other. */
export function useLiveQuery<S extends GraphSchema = GraphSchema, T extends EntityTypeOf<S> = EntityTypeOf<S>>(
  graph: EntityGraph<S>,
  query: EntityQuery<T, EntityProperties<S, T>> = {},
  options: ErrorOptions = {},
): QueryResult<EntityOf<S, T>> {
  // The schema is the caller's compiler's; rows are the same without it.
  const erased = graph as unknown as EntityGraph;
  return useRows(
    { graph: erased, link: undefined, error: undefined },
    { kind: 'entity', query: query as AnyQuery },
    options,
  );
}

interface Asked {
  readonly kind: 'entity' | 'relation';
  readonly query: AnyQuery;
}

function useRows<Row>(
  { graph, link, error }: GraphPlace,
  { kind, query }: Asked,
  options: ErrorOptions,
): QueryResult<Row> {
  const key = keyOfQuery(query);
  const source = useMemo<Readable<QueryResult<unknown>>>(
    () => {
      if (graph !== undefined) return new LiveRows(graph, link, { kind, query });
      const loading = noRows(undefined);
      return error === undefined ? constant(loading) : { ...constant(noRows(error)), getServerSnapshot: () => loading };
    },
    // The key says all that the query does.
    [graph, link, error, kind, key],
  );
  // Rows are of the schema that the caller names: every one of them came in through a method that asks for it.
  const rows = useSource(source) as QueryResult<Row>;
  useThrown(rows.error, options.throwErrors);
  return rows;
}

function placeIn({ universe, error }: Provided): GraphPlace {
  return { graph: universe?.graph, link: universe?.status, error };
}
