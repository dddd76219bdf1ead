// Rows of one kind and the indexes over them.
//
// - Every index holds exactly the keys of the rows that are here now.

import type { Entity } from './entity.ts';
import { type ValueKey, valueKey } from './property-value.ts';
import { RowIndex } from './row-index.ts';
import { type Candidates, type RowSource, type Slot } from './vertex.ts';
import { isPlainValue, propertyGetter } from './where.ts';
import { asList, type CompiledQuery } from './compiled-query.ts';

interface PropertyIndex<S extends object> {
  readonly get: (row: Entity) => unknown;
  readonly index: RowIndex<S, ValueKey>;
}

/** The slots by id, and by the type, tags, name and declared properties of their rows. */
export class RowTable<S extends Slot<Entity>> implements RowSource<S, CompiledQuery> {
  readonly #slots = new Map<string, S>();
  readonly #byType = new RowIndex<S, string>();
  readonly #byTag = new RowIndex<S, string>();
  readonly #byName = new RowIndex<S, string>();
  readonly #byProperty = new Map<string, PropertyIndex<S>>();
  readonly #others: (query: CompiledQuery['query']) => readonly Candidates<S>[];

  /** `others` are further ways to find what a query wants. @throws `graph/invalid-query` for a pointer that is none */
  constructor(
    indexedProperties: readonly string[],
    others: (query: CompiledQuery['query']) => readonly Candidates<S>[] = () => [],
  ) {
    for (const property of indexedProperties) {
      this.#byProperty.set(property, { get: propertyGetter(property, 'indexes'), index: new RowIndex() });
    }
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
    move(this.#byType, slot, { from: before?.type, to: after?.type });
    // Rows without a name are in no index.
    move(this.#byName, slot, { from: before?.name || undefined, to: after?.name || undefined });
    if (before?.tags !== after?.tags) {
      for (const tag of before?.tags ?? []) this.#byTag.remove(tag, slot);
      for (const tag of after?.tags ?? []) this.#byTag.add(tag, slot);
    }
    if (before?.properties === after?.properties) return;
    for (const { get, index } of this.#byProperty.values()) {
      move(index, slot, { from: before && valueKey(get(before)), to: after && valueKey(get(after)) });
    }
  }

  /** The smallest set of slots at hand that has all that can match. */
  candidates({ query }: CompiledQuery): Candidates<S> {
    const { type, tags = [], name, where } = query;
    const sources = [
      ...this.#others(query),
      ...tags.map((tag) => found(this.#byTag.get(tag))),
      ...this.#sourcesOfWhere(where ?? {}),
    ];
    if (type !== undefined) sources.push(union(asList(type).map((one) => this.#byType.get(one))));
    if (name !== undefined && name !== '') sources.push(found(this.#byName.get(name)));
    let smallest: Candidates<S> = { size: this.#slots.size, slots: this.#slots.values() };
    for (const source of sources) if (source.size < smallest.size) smallest = source;
    return smallest;
  }

  // Its conditions must all hold, and each of an `and` as well, so that any of them may be what is looked up.
  *#sourcesOfWhere(where: object): Generator<Candidates<S>> {
    const ids = wantedValues(Reflect.get(where, 'id'));
    if (ids !== undefined) yield this.#withIds(ids);
    const types = wantedValues(Reflect.get(where, 'type'));
    if (types !== undefined) yield union(types.map((type) => this.#byType.get(String(type))));
    const names = wantedValues(Reflect.get(where, 'name'));
    if (names?.includes('') === false) yield union(names.map((name) => this.#byName.get(String(name))));
    const tag: unknown = Reflect.get(Object(Reflect.get(where, 'tags')), 'contains');
    if (typeof tag === 'string') yield found(this.#byTag.get(tag));
    const properties: unknown = Reflect.get(where, 'properties');
    for (const [property, condition] of Object.entries(properties ?? {})) {
      const index = this.#byProperty.get(property)?.index;
      const values = wantedValues(condition);
      // Rows without the property are in no index.
      if (index === undefined || values?.includes(undefined) !== false) continue;
      yield union(values.map((value) => index.get(valueKey(value))));
    }
    const and: unknown = Reflect.get(where, 'and');
    if (Array.isArray(and)) for (const branch of and) yield* this.#sourcesOfWhere(Object(branch));
  }

  #withIds(ids: readonly unknown[]): Candidates<S> {
    const slots = new Set<S>();
    for (const id of ids) {
      const slot = this.#slots.get(String(id));
      if (slot !== undefined) slots.add(slot);
    }
    return { size: slots.size, slots };
  }
}

interface Move<Key> {
  readonly from: Key | undefined;
  readonly to: Key | undefined;
}

function move<S extends object, Key>(index: RowIndex<S, Key>, slot: S, { from, to }: Move<Key>): void {
  if (Object.is(from, to)) return;
  if (from !== undefined) index.remove(from, slot);
  if (to !== undefined) index.add(to, slot);
}

// The values of which a condition demands one; undefined if it demands no such thing.
function wantedValues(condition: unknown): readonly unknown[] | undefined {
  if (condition === undefined) return undefined;
  if (isPlainValue(condition)) return [condition];
  // What is no plain value is an object.
  const operators = condition as object;
  const equal: unknown = Reflect.get(operators, 'equals');
  if (equal !== undefined) return [equal];
  const list: unknown = Reflect.get(operators, 'in');
  return Array.isArray(list) ? list : undefined;
}

function found<S>(slots: ReadonlySet<S> | readonly S[]): Candidates<S> {
  return { size: 'size' in slots ? slots.size : slots.length, slots };
}

function union<S>(parts: readonly (ReadonlySet<S> | readonly S[])[]): Candidates<S> {
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
