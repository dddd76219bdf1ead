// The rows of the small graph: found by indexes alone, and not tied to one another.

import type { Entity, Relation } from './entity.ts';
import type { Subject } from './graph-change.ts';
import { RowIndex } from './row-index.ts';
import { type NamedQuery, RowTable } from './row-table.ts';
import type { Candidates, Slot } from './vertex.ts';

/** Rows as writes see them, without rules: whoever writes here keeps the graph's promises. */
export interface WritableRows {
  get(subject: Subject, id: string): Entity | undefined;
  /** Puts a row in, or in the place of the one of its id, which it gives. */
  put(subject: Subject, row: Entity): Entity | undefined;
  /** Takes a row out, and gives it. */
  remove(subject: Subject, id: string): Entity | undefined;
  /** The relations that begin or end at an entity. */
  relationsAt(entityId: string): Iterable<Relation>;
}

interface RowSlot<Row extends Entity> extends Slot<Row> {
  row: Row;
}

/** The rows of a graph and the ways to find them. */
export class RowStore implements WritableRows {
  readonly entities: RowTable<RowSlot<Entity>> = new RowTable();
  readonly relations: RelationTable = new RelationTable();

  get(subject: Subject, id: string): Entity | undefined {
    return this.#table(subject).get(id)?.row;
  }

  put(subject: Subject, row: Entity): Entity | undefined {
    const table = this.#table(subject);
    const slot = table.get(row.id);
    const before = slot?.row;
    if (slot !== undefined) slot.row = row;
    table.change(slot ?? { row }, before, row);
    return before;
  }

  remove(subject: Subject, id: string): Entity | undefined {
    const table = this.#table(subject);
    const slot = table.get(id);
    if (slot !== undefined) table.change(slot, slot.row, undefined);
    return slot?.row;
  }

  relationsAt(entityId: string): Relation[] {
    const relations: Relation[] = [];
    for (const end of ENDS) for (const { row } of this.relations.byEnd[end].get(entityId)) relations.push(row);
    return relations;
  }

  #table(subject: Subject): RowTable<RowSlot<Entity>> {
    // Under each subject are rows of its kind alone.
    return subject === 'entity'
      ? this.entities
      : (this.relations as RowTable<Slot<Entity>> as RowTable<RowSlot<Entity>>);
  }
}

const ENDS = ['from', 'to'] as const;

/** Relations are found by their ends too. */
class RelationTable extends RowTable<RowSlot<Relation>> {
  readonly byEnd: Readonly<Record<(typeof ENDS)[number], RowIndex<RowSlot<Relation>, string>>> = {
    from: new RowIndex(),
    to: new RowIndex(),
  };

  override change(slot: RowSlot<Relation>, before: Relation | undefined, after: Relation | undefined): void {
    super.change(slot, before, after);
    for (const end of ENDS) this.byEnd[end].move(slot, before?.[end], after?.[end]);
  }

  protected override sources(query: NamedQuery['query']): Candidates<RowSlot<Relation>>[] {
    const sources = super.sources(query);
    for (const end of ENDS) {
      const id = query[end];
      if (id !== undefined) sources.push(this.byEnd[end].find([id]));
    }
    return sources;
  }
}
