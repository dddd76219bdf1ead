import type { Entity, Relation } from './entity.ts';

/** Which kind of rows something is about. */
export type Subject = 'entity' | 'relation';

/** Whether a change is a write of one's own that nobody has confirmed yet, or is confirmed. */
export type GraphOrigin = 'pending' | 'confirmed';

interface ChangeOf<Kind extends Subject, Type extends string, Before, After> {
  readonly type: Type;
  readonly subject: Kind;
  readonly id: string;
  readonly before: Before;
  readonly after: After;
  readonly origin: GraphOrigin;
}

type RowChange<Kind extends Subject, Row> =
  | ChangeOf<Kind, 'inserted', undefined, Row>
  | ChangeOf<Kind, 'updated', Row, Row>
  | ChangeOf<Kind, 'deleted', Row, undefined>;

/** A change of one entity. */
export type EntityChange<E = Entity> = RowChange<'entity', E>;

/** A change of one relation. */
export type RelationChange<R = Relation> = RowChange<'relation', R>;

/** A change of one entity or relation, told apart by `subject` and `type`. */
export type GraphChange<E = Entity, R = Relation> = EntityChange<E> | RelationChange<R>;

/** What a write did to one row, all in all: at least one of the two is there. */
export interface NetChange<Row> {
  readonly id: string;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
}

/** What a write did, all in all, each row once. */
export interface NetChanges {
  readonly entities: readonly NetChange<Entity>[];
  readonly relations: readonly NetChange<Relation>[];
}

/** A row's net change as subscribers get it. */
export function makeChange<Kind extends Subject, Row>(
  subject: Kind,
  { id, before, after }: NetChange<Row>,
  origin: GraphOrigin,
): RowChange<Kind, Row> {
  // Where there was no row before, there is one after.
  if (before === undefined) return { type: 'inserted', subject, id, before: undefined, after: after as Row, origin };
  if (after === undefined) return { type: 'deleted', subject, id, before, after: undefined, origin };
  return { type: 'updated', subject, id, before, after, origin };
}
