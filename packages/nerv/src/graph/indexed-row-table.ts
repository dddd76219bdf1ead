// What else rows are found by: the properties that were asked for, and the conditions of a `where`.

import { isPlainObject } from '../values/encode.ts';
import type { CompiledQuery } from './compiled-query.ts';
import type { Entity } from './entity.ts';
import { type ValueKey, valueKey } from './property-value.ts';
import { RowIndex } from './row-index.ts';
import { type NamedQuery, RowTable } from './row-table.ts';
import type { Candidates, Slot } from './vertex.ts';
import { propertyGetter } from './where.ts';

/** The properties to index, of entities and of relations: by key, or by JSON pointer. */
export interface IndexedProperties {
  readonly entities?: readonly string[] | undefined;
  readonly relations?: readonly string[] | undefined;
}

interface PropertyIndex<S extends object> {
  readonly get: (row: Entity) => unknown;
  readonly index: RowIndex<S, ValueKey>;
}

/** A table that also knows its rows by declared properties, and looks into a query's `where`. */
export class IndexedRowTable<S extends Slot<Entity>> extends RowTable<S> {
  readonly #byProperty = new Map<string, PropertyIndex<S>>();
  readonly #others: (query: NamedQuery['query']) => readonly Candidates<S>[];

  /** `others` are further ways to find what a query wants. @throws `graph/invalid-query` for a pointer that is none */
  constructor(indexedProperties: readonly string[], others: (query: NamedQuery['query']) => readonly Candidates<S>[]) {
    super();
    this.#others = others;
    for (const property of indexedProperties) {
      this.#byProperty.set(property, {
        get: propertyGetter(property, 'indexes'),
        index: new RowIndex(),
      });
    }
  }

  override change(slot: S, before: Entity | undefined, after: Entity | undefined): void {
    super.change(slot, before, after);
    if (before?.properties === after?.properties) return;
    for (const { get, index } of this.#byProperty.values()) {
      index.move(slot, before && valueKey(get(before)), after && valueKey(get(after)));
    }
  }

  protected override sources(query: CompiledQuery['query']): Candidates<S>[] {
    const { where } = query;
    return [
      ...this.#others(query),
      ...super.sources(query),
      ...(isPlainObject(where) ? this.#sourcesOfWhere(where) : []),
    ];
  }

  // Its conditions must all hold, and each of an `and` as well, so that any of them may be what is looked up.
  *#sourcesOfWhere(where: object): Generator<Candidates<S>> {
    const ids = wantedValues(Reflect.get(where, 'id'));
    if (ids !== undefined) yield this.#withIds(ids);
    const types = wantedValues(Reflect.get(where, 'type'));
    if (types !== undefined) yield this.byType.find(types.map(String));
    const names = wantedValues(Reflect.get(where, 'name'));
    if (names?.includes('') === false) yield this.byName.find(names.map(String));
    const tag: unknown = Reflect.get(Object(Reflect.get(where, 'tags')), 'contains');
    if (typeof tag === 'string') yield this.byTag.find([tag]);
    const properties: unknown = Reflect.get(where, 'properties');
    for (const [property, condition] of Object.entries(properties ?? {})) {
      const index = this.#byProperty.get(property)?.index;
      const values = wantedValues(condition);
      // Rows without the property are in no index.
      if (index === undefined || values?.includes(undefined) !== false) continue;
      yield index.find(values.map(valueKey));
    }
    const and: unknown = Reflect.get(where, 'and');
    if (Array.isArray(and)) for (const branch of and) yield* this.#sourcesOfWhere(Object(branch));
  }

  #withIds(ids: readonly unknown[]): Candidates<S> {
    const slots = new Set<S>();
    for (const id of ids) {
      const slot = this.get(String(id));
      if (slot !== undefined) slots.add(slot);
    }
    return { size: slots.size, slots };
  }
}

// The values of which a condition demands one; undefined if it demands no such thing.
function wantedValues(condition: unknown): readonly unknown[] | undefined {
  if (condition === undefined) return undefined;
  if (!isPlainObject(condition)) return [condition];
  const equal: unknown = Reflect.get(condition, 'equals');
  if (equal !== undefined) return [equal];
  const list: unknown = Reflect.get(condition, 'in');
  return Array.isArray(list) ? list : undefined;
}
