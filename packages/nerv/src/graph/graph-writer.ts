// One write to the store, as a whole: it can be taken back, and says what it did.
//
// - `undo` restores every row that was there before, and nothing else; the order of rows is not part of that.
// - The net changes name each row at most once, and no row that is as it was.

import type { Entity, Relation } from './entity.ts';
import { sameRow } from './make-row.ts';
import type { NetChange, NetChanges, Subject } from './graph-change.ts';
import type { GraphStore, RelationEnds } from './graph-store.ts';

/** What was in a place before it was written. */
export interface WriteStep {
  readonly subject: Subject;
  readonly id: string;
  readonly before: Entity | undefined;
}

/** Writes to a store and remembers what was there. */
export class GraphWriter {
  readonly store: GraphStore;
  readonly #steps: WriteStep[] = [];

  constructor(store: GraphStore) {
    this.store = store;
  }

  /** Puts a row in, or in the place of the one of its id. */
  put(subject: Subject, row: Entity): void {
    this.#steps.push({ subject, id: row.id, before: this.store.put(subject, row) });
  }

  /** Puts in a relation whose id is new, between these vertices. */
  addRelation(relation: Relation, ends: RelationEnds): void {
    this.store.addRelation(relation, ends);
    this.#steps.push({ subject: 'relation', id: relation.id, before: undefined });
  }

  remove(subject: Subject, id: string): void {
    const before = this.store.remove(subject, id);
    if (before !== undefined) this.#steps.push({ subject, id, before });
  }

  /** Where the write stands, to come back to with `undoTo`. */
  mark(): number {
    return this.#steps.length;
  }

  /** Takes back all that was written since the mark. */
  undoTo(mark: number): void {
    revert(this.store, this.#steps.splice(mark));
  }

  /** What was written since the mark, to be reverted later, by this writer or another. */
  stepsSince(mark: number): readonly WriteStep[] {
    return this.#steps.slice(mark);
  }

  /** Writes back what was there before the steps. */
  revert(steps: readonly WriteStep[]): void {
    revert(this, steps);
  }

  /** What was done, all in all. */
  net(): NetChanges {
    const first = { entity: new Map<string, Entity | undefined>(), relation: new Map<string, Entity | undefined>() };
    for (const { subject, id, before } of this.#steps) {
      if (!first[subject].has(id)) first[subject].set(id, before);
    }
    const { entities, relations } = this.store;
    return {
      entities: changesSince(first.entity, (id) => entities.get(id)?.row),
      // What was under the ids of relations were relations.
      relations: changesSince(first.relation as Map<string, Relation>, (id) => relations.get(id)?.row),
    };
  }
}

function revert(rows: Pick<GraphWriter, 'put' | 'remove'> | GraphStore, steps: readonly WriteStep[]): void {
  for (const { subject, id, before } of [...steps].reverse()) {
    if (before === undefined) rows.remove(subject, id);
    else rows.put(subject, before);
  }
}

function changesSince<Row extends Entity>(
  first: ReadonlyMap<string, Row | undefined>,
  now: (id: string) => Row | undefined,
): NetChange<Row>[] {
  const changes: NetChange<Row>[] = [];
  for (const [id, before] of first) {
    const after = now(id);
    if (!sameRow(before, after)) changes.push({ id, before, after });
  }
  return changes;
}
