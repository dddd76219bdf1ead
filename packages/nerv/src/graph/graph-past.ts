import type { EntityOf, GraphSchema, Reference, RelationOf } from './entity.ts';
import type { GraphReads } from './entity-graph.ts';

/** What an entity or relation was for a while, by the time of recording. */
export interface RowVersion<Row> {
  readonly subject: 'entity' | 'relation';
  readonly row: Row;
  /** When it was written, in milliseconds since 1970; undefined if that was before what the history keeps. */
  readonly recordedAt: number | undefined;
  /** When the next version was written, or it was deleted; undefined while it is current. */
  readonly replacedAt: number | undefined;
}

/** A graph that keeps its past. Not every graph does. */
export interface GraphPast<S extends GraphSchema = GraphSchema> {
  /**
   * The graph as everything recorded up to a time, in milliseconds since 1970, had made it; it does not change any more.
   * @throws `graph/no-history`, `graph/history-trimmed`, `graph/invalid-argument`
   */
  asOf(time: number | Date): GraphReads<S> | Promise<GraphReads<S>>;

  /** What the entity or relation of an id has been, the oldest first, as far back as is kept. @throws `graph/no-history` */
  history(
    of: Reference,
  ): readonly RowVersion<EntityOf<S> | RelationOf<S>>[] | Promise<readonly RowVersion<EntityOf<S> | RelationOf<S>>[]>;
}
