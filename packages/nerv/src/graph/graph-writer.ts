// One write to the store, as a whole: it can be taken back, and says what it did.
//
// - `undo` restores every row that was there before, and nothing else; the order of rows is not part of that.
// - The net changes name each row at most once, and no row that is as it was.

import type { Entity, Relation } from './entity.ts';
import { sameRow } from './make-row.ts';
import type { NetChange, NetChanges, Subject } from './graph-change.ts';
import type { WritableRows } from './row-store.ts';

/** What was in a place before it was written. */
export interface WriteStep {
  readonly subject: Subject;
  readonly id: string;
  readonly before: Entity | undefined;
}

/** Writes to a store and remembers what was there. */
export class GraphWriter {
  readonly store: WritableRows;
  protected readonly steps: WriteStep[] = [];

  constructor(store: WritableRows) {
    this.store = store;
  }

  /** Puts a row in, or in the place of the one of its id. */
  put(subject: Subject, row: Entity): void {
    this.steps.push({ subject, id: row.id, before: this.store.put(subject, row) });
  }

  remove(subject: Subject, id: string): void {
    const before = this.store.remove(subject, id);
    if (before !== undefined) this.steps.push({ subject, id, before });
  }

  /** Takes back all that was written since so many steps. */
  undoTo(steps: number): void {
    revert(this.store, this.steps.splice(steps));
  }

  /** What was done, all in all. */
  net(): NetChanges {
    const first = {
      entity: new Map<string, Entity | undefined>(),
      relation: new Map<string, Entity | undefined>(),
    };
    for (const { subject, id, before } of this.steps) {
      if (!first[subject].has(id)) first[subject].set(id, before);
    }
    const netOf = (subject: Subject): NetChange<Entity>[] =>
      changesSince(first[subject], (id) => this.store.get(subject, id));
    // What is under the ids of relations are relations.
    return { entities: netOf('entity'), relations: netOf('relation') as NetChange<Relation>[] };
  }
}

/** Writes back what was there before the steps. */
export function revert(rows: GraphWriter | WritableRows, steps: readonly WriteStep[]): void {
  for (const { subject, id, before } of [...steps].reverse()) {
    if (before === undefined) rows.remove(subject, id);
    else rows.put(subject, before);
  }
}

function changesSince(
  first: ReadonlyMap<string, Entity | undefined>,
  now: (id: string) => Entity | undefined,
): NetChange<Entity>[] {
  const changes: NetChange<Entity>[] = [];
  for (const [id, before] of first) {
    const after = now(id);
    if (!sameRow(before, after)) changes.push({ id, before, after });
  }
  return changes;
}
