// Rows of one kind and the indexes over them.
//
// - Every index holds exactly the keys of the rows that are here now.

import type { Entity } from './entity.ts';
import { RowIndex } from './row-index.ts';
import type { CoreRelationQuery } from './find-rows.ts';
import type { Candidates, RowSource, Slot } from './vertex.ts';
import type { CompiledQuery } from './compiled-query.ts';

/** What a query names. */
export interface NamedQuery {
  readonly query: Omit<CoreRelationQuery, 'where'>;
}

/** The slots by id, and by the type, tags and name of their rows. */
export class RowTable<S extends Slot<Entity>> implements RowSource<S, CompiledQuery> {
  protected readonly byType: RowIndex<S, string> = new RowIndex();
  protected readonly byTag: RowIndex<S, string> = new RowIndex();
  protected readonly byName: RowIndex<S, string> = new RowIndex();
  readonly #slots = new Map<string, S>();

  get(id: string): S | undefined {
    return this.#slots.get(id);
  }

  /** All slots, in the order in which their ids came. */
  all(): Iterable<S> {
    return this.#slots.values();
  }

  /** Takes in that a slot's row changed; one of the two is missing if the slot comes or goes. */
  change(slot: S, before: Entity | undefined, after: Entity | undefined): void {
    if (before === undefined && after !== undefined) this.#slots.set(after.id, slot);
    if (before !== undefined && after === undefined) this.#slots.delete(before.id);
    this.byType.move(slot, before?.type, after?.type);
    // Rows without a name are in no index.
    this.byName.move(slot, before?.name || undefined, after?.name || undefined);
    if (before?.tags !== after?.tags) {
      for (const tag of before?.tags ?? []) this.byTag.remove(tag, slot);
      for (const tag of after?.tags ?? []) this.byTag.add(tag, slot);
    }
  }

  /** The smallest set of slots at hand that has all that can match. */
  candidates({ query }: NamedQuery): Candidates<S> {
    let smallest: Candidates<S> = { size: this.#slots.size, slots: this.#slots.values() };
    for (const source of this.sources(query)) if (source.size < smallest.size) smallest = source;
    return smallest;
  }

  /** The sets of slots that can be looked up, each of which has all that can match. */
  protected sources(query: NamedQuery['query']): Candidates<S>[] {
    const { type, tags = [], name } = query;
    const sources = tags.map((tag) => this.byTag.find([tag]));
    if (type !== undefined) sources.push(this.byType.find([type].flat()));
    if (name !== undefined && name !== '') sources.push(this.byName.find([name]));
    return sources;
  }
}
