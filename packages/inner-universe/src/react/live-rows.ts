import type { EntityGraph, EntityQuery, LiveQuery, RelationQuery } from '@inner-universe/nerv/graph';
import type { LinkStatus } from '../connection/link-status.ts';
import type { Watchable } from '../connection/watched.ts';
import { asError, Source } from './source.ts';

/** The rows that a query finds now. */
export interface QueryResult<Row> {
  /** In the query's order; the same list until one of them is another. Empty until they are loaded. */
  readonly rows: readonly Row[];
  readonly status: 'loading' | 'ready' | 'failed';
  readonly error: Error | undefined;
}

/** A query without the types of a schema. */
export type AnyQuery = EntityQuery & RelationQuery;

/** Where a query is asked. */
export interface GraphPlace {
  readonly graph: EntityGraph | undefined;
  readonly link: Watchable<LinkStatus> | undefined;
  /** Why there is no graph, if it is known. */
  readonly error: Error | undefined;
}

const NO_ROWS: readonly never[] = Object.freeze([]);

/** What is shown of a query before it has rows, or instead of them. */
export function noRows(error: Error | undefined): QueryResult<never> {
  return Object.freeze({ rows: NO_ROWS, status: error === undefined ? 'loading' : 'failed', error });
}

/** The same for queries that say the same. */
export function keyOfQuery(query: object): string {
  return JSON.stringify(query, function (this: Record<string, unknown>, name: string, value: unknown) {
    const given = this[name]; // a Date is text already in `value`
    if (given instanceof Date) return { date: given.getTime() };
    return typeof value === 'bigint' ? { bigint: String(value) } : value;
  });
}

/** The rows of one query of a graph: asked while somebody subscribes. */
export class LiveRows extends Source<QueryResult<unknown>> {
  readonly #graph: EntityGraph;
  readonly #asked: { readonly kind: 'entity' | 'relation'; readonly query: AnyQuery };

  constructor(
    graph: EntityGraph,
    link: Watchable<LinkStatus> | undefined,
    asked: { readonly kind: 'entity' | 'relation'; readonly query: AnyQuery },
  ) {
    super(readNow(graph, asked), link);
    this.#graph = graph;
    this.#asked = asked;
  }

  protected override start(set: (result: QueryResult<unknown>) => void): () => void {
    const { kind, query } = this.#asked;
    let live: LiveQuery<unknown>;
    try {
      live = kind === 'entity' ? this.#graph.liveQuery(query) : this.#graph.liveRelations(query);
    } catch (error) {
      set(noRows(asError(error)));
      return () => undefined;
    }
    const ready = readinessOf(live);
    let status: QueryResult<unknown>['status'] = ready === undefined ? 'ready' : 'loading';
    const show = (): void => set({ rows: live.current, status, error: undefined });
    live.subscribe(show);
    if (ready === undefined || live.current.length > 0) show();
    ready?.then(
      () => {
        status = 'ready';
        show();
      },
      (error: unknown) => set({ rows: live.current, status: 'failed', error: asError(error) }),
    );
    return () => live.close();
  }
}

/** When all rows are there; undefined for a graph that has them here. */
function readinessOf(live: LiveQuery<unknown>): Promise<void> | undefined {
  return 'ready' in live && live.ready instanceof Promise ? live.ready : undefined;
}

/** What a graph that has its rows here answers at once; nothing of one that may have to ask a server. */
function readNow(
  graph: EntityGraph,
  { kind, query }: { readonly kind: 'entity' | 'relation'; readonly query: AnyQuery },
): QueryResult<unknown> {
  if ('loaded' in graph) return noRows(undefined);
  try {
    const rows = kind === 'entity' ? graph.query(query) : graph.queryRelations(query);
    return rows instanceof Promise ? noRows(undefined) : Object.freeze({ rows, status: 'ready', error: undefined });
  } catch (error) {
    return noRows(asError(error));
  }
}
