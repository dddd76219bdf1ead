// Rows of one kind and the indexes over them.
//
// - Every index holds exactly the keys of the rows that are here now.

import type { Entity } from './entity.ts';
import { propertyAt, type ValueKey, valueKey } from './property-value.ts';
import { RowIndex } from './row-index.ts';

/** The rows by id, type, tag, name and the properties declared as indexed. */
export class RowTable<Row extends Entity> {
  readonly #rows = new Map<string, Row>();
  readonly #byType = new RowIndex<Row, string>((row) => [row.type]);
  readonly #byTag = new RowIndex<Row, string>((row) => row.tags);
  readonly #byName = new RowIndex<Row, string>((row) => (row.name === '' ? [] : [row.name]));
  readonly #byProperty = new Map<string, RowIndex<Row, ValueKey>>();

  constructor(indexedProperties: readonly string[]) {
    for (const property of indexedProperties) {
      const path = [property];
      this.#byProperty.set(property, new RowIndex((row) => propertyKeys(row, property, path)));
    }
  }

  get size(): number {
    return this.#rows.size;
  }

  get(id: string): Row | undefined {
    return this.#rows.get(id);
  }

  /** All rows, in the order in which their ids came. */
  all(): Iterable<Row> {
    return this.#rows.values();
  }

  /** Puts a row in, or in the place of the one of its id, which it gives. */
  put(row: Row): Row | undefined {
    const before = this.#rows.get(row.id);
    this.#rows.set(row.id, row);
    this.#changeIndexes(before, row);
    return before;
  }

  /** Takes a row out, and gives it. */
  remove(id: string): Row | undefined {
    const before = this.#rows.get(id);
    if (before === undefined) return undefined;
    this.#rows.delete(id);
    this.#changeIndexes(before, undefined);
    return before;
  }

  withType(type: string): ReadonlySet<string> {
    return this.#byType.get(type);
  }

  withTag(tag: string): ReadonlySet<string> {
    return this.#byTag.get(tag);
  }

  /** The ids of the rows of this name, which must not be empty: rows without a name are in no index. */
  withName(name: string): ReadonlySet<string> {
    return this.#byName.get(name);
  }

  /** The ids of the rows whose property has the value; undefined if the property is not declared as indexed. */
  withProperty(property: string, value: unknown): ReadonlySet<string> | undefined {
    return this.#byProperty.get(property)?.get(valueKey(value));
  }

  #changeIndexes(before: Row | undefined, after: Row | undefined): void {
    this.#byType.change(before, after);
    this.#byTag.change(before, after);
    this.#byName.change(before, after);
    for (const index of this.#byProperty.values()) index.change(before, after);
  }
}

function propertyKeys(row: Entity, property: string, path: readonly string[]): readonly ValueKey[] {
  return Object.hasOwn(row.properties, property) ? [valueKey(propertyAt(row.properties, path))] : [];
}
