// Rows of one kind and the indexes over them.
//
// - Every index holds exactly the keys of the rows that are here now.

import type { Entity } from './entity.ts';
import { RowIndex } from './row-index.ts';
import type { Candidates, RowSource, Slot } from './vertex.ts';
import { asList, type CompiledQuery } from './compiled-query.ts';

/** The slots by id, and by the type, tags and name of their rows. */
export class RowTable<S extends Slot<Entity>> implements RowSource<S, CompiledQuery> {
  protected readonly byType: RowIndex<S, string> = new RowIndex();
  protected readonly byTag: RowIndex<S, string> = new RowIndex();
  protected readonly byName: RowIndex<S, string> = new RowIndex();
  readonly #slots = new Map<string, S>();
  readonly #others: (query: CompiledQuery['query']) => readonly Candidates<S>[];

  /** `others` are further ways to find what a query wants. */
  constructor(others: (query: CompiledQuery['query']) => readonly Candidates<S>[]) {
    this.#others = others;
  }

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
    move(this.byType, slot, { from: before?.type, to: after?.type });
    // Rows without a name are in no index.
    move(this.byName, slot, { from: before?.name || undefined, to: after?.name || undefined });
    if (before?.tags !== after?.tags) {
      for (const tag of before?.tags ?? []) this.byTag.remove(tag, slot);
      for (const tag of after?.tags ?? []) this.byTag.add(tag, slot);
    }
  }

  /** The smallest set of slots at hand that has all that can match. */
  candidates({ query }: CompiledQuery): Candidates<S> {
    let smallest: Candidates<S> = { size: this.#slots.size, slots: this.#slots.values() };
    for (const source of this.sources(query)) if (source.size < smallest.size) smallest = source;
    return smallest;
  }

  /** The sets of slots that can be looked up, each of which has all that can match. */
  protected sources(query: CompiledQuery['query']): Candidates<S>[] {
    const { type, tags = [], name } = query;
    const sources = [...this.#others(query), ...tags.map((tag) => found(this.byTag.get(tag)))];
    if (type !== undefined) sources.push(union(asList(type).map((one) => this.byType.get(one))));
    if (name !== undefined && name !== '') sources.push(found(this.byName.get(name)));
    return sources;
  }
}

interface Move<Key> {
  readonly from: Key | undefined;
  readonly to: Key | undefined;
}

/** Has an index follow a row's key. */
export function move<S extends object, Key>(index: RowIndex<S, Key>, slot: S, { from, to }: Move<Key>): void {
  if (Object.is(from, to)) return;
  if (from !== undefined) index.remove(from, slot);
  if (to !== undefined) index.add(to, slot);
}

/** Slots under one key. */
export function found<S>(slots: ReadonlySet<S> | readonly S[]): Candidates<S> {
  return { size: 'size' in slots ? slots.size : slots.length, slots };
}

/** Slots under any of several keys, each once. */
export function union<S>(parts: readonly (ReadonlySet<S> | readonly S[])[]): Candidates<S> {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return found(only);
  const all = parts.map(found);
  return { size: all.reduce((sum, { size }) => sum + size, 0), slots: eachOnce(all) };
}

function* eachOnce<S>(parts: readonly Candidates<S>[]): Generator<S> {
  const seen = new Set<S>();
  for (const { slots } of parts) {
    for (const slot of slots) {
      if (seen.has(slot)) continue;
      seen.add(slot);
      yield slot;
    }
  }
}
