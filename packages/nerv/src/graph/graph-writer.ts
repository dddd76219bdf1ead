// One write to the store, as a whole: it can be taken back, and says what it did.
//
// - `undo` restores every row that was there before, and nothing else; the order of rows is not part of that.
// - The net changes name each row at most once, and no row that is as it was.

import type { Entity, Relation } from './entity.ts';
import { sameRow } from './make-row.ts';
import type { NetChange, NetChanges } from './graph-change.ts';
import type { GraphStore, RelationEnds } from './graph-store.ts';

/** What was in a place before it was written. */
export type WriteStep =
  | { readonly subject: 'entity'; readonly id: string; readonly before: Entity | undefined }
  | { readonly subject: 'relation'; readonly id: string; readonly before: Relation | undefined };

/** Writes to a store and remembers what was there. */
export class GraphWriter {
  readonly store: GraphStore;
  readonly #steps: WriteStep[] = [];

  constructor(store: GraphStore) {
    this.store = store;
  }

  putEntity(entity: Entity): void {
    this.#steps.push({ subject: 'entity', id: entity.id, before: this.store.putEntity(entity) });
  }

  removeEntity(id: string): void {
    const before = this.store.removeEntity(id);
    if (before !== undefined) this.#steps.push({ subject: 'entity', id, before });
  }

  putRelation(relation: Relation): void {
    this.#steps.push({ subject: 'relation', id: relation.id, before: this.store.putRelation(relation) });
  }

  /** Puts in a relation whose id is new, between these vertices. */
  addRelation(relation: Relation, ends: RelationEnds): void {
    this.store.addRelation(relation, ends);
    this.#steps.push({ subject: 'relation', id: relation.id, before: undefined });
  }

  removeRelation(id: string): void {
    const before = this.store.removeRelation(id);
    if (before !== undefined) this.#steps.push({ subject: 'relation', id, before });
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
    const entities = new Map<string, Entity | undefined>();
    const relations = new Map<string, Relation | undefined>();
    for (const step of this.#steps) {
      if (step.subject === 'entity') {
        if (!entities.has(step.id)) entities.set(step.id, step.before);
      } else if (!relations.has(step.id)) {
        relations.set(step.id, step.before);
      }
    }
    return {
      entities: changesSince(entities, (id) => this.store.entities.get(id)?.row),
      relations: changesSince(relations, (id) => this.store.relations.get(id)?.row),
    };
  }
}

interface Reverted {
  putEntity(entity: Entity): unknown;
  removeEntity(id: string): unknown;
  putRelation(relation: Relation): unknown;
  removeRelation(id: string): unknown;
}

function revert(rows: Reverted, steps: readonly WriteStep[]): void {
  for (const step of [...steps].reverse()) {
    if (step.subject === 'entity') {
      if (step.before === undefined) rows.removeEntity(step.id);
      else rows.putEntity(step.before);
    } else if (step.before === undefined) {
      rows.removeRelation(step.id);
    } else {
      rows.putRelation(step.before);
    }
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
