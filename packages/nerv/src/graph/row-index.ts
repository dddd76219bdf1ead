/** What an index needs of a row. */
export interface IndexedRow {
  readonly id: string;
}

/** Finds ids by keys, of which a row may have any number. A key without rows is not kept. */
export class RowIndex<Row extends IndexedRow, Key> {
  readonly #buckets = new Map<Key, Set<string>>();
  readonly #keysOf: (row: Row) => readonly Key[];

  constructor(keysOf: (row: Row) => readonly Key[]) {
    this.#keysOf = keysOf;
  }

  /** Takes a row's change in; one of the two is missing if the row comes or goes. */
  change(before: Row | undefined, after: Row | undefined): void {
    const old = before === undefined ? NO_KEYS : this.#keysOf(before);
    const now = after === undefined ? NO_KEYS : this.#keysOf(after);
    if (old.length === now.length && old.every((key, place) => Object.is(key, now[place]))) return;
    if (before !== undefined) for (const key of old) this.#remove(key, before.id);
    if (after !== undefined) for (const key of now) this.#add(key, after.id);
  }

  /** The ids under a key. The set is the index's own: it is read, at once, and never kept. */
  get(key: Key): ReadonlySet<string> {
    return this.#buckets.get(key) ?? NO_IDS;
  }

  #add(key: Key, id: string): void {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) this.#buckets.set(key, new Set([id]));
    else bucket.add(id);
  }

  #remove(key: Key, id: string): void {
    const bucket = this.#buckets.get(key);
    bucket?.delete(id);
    if (bucket?.size === 0) this.#buckets.delete(key);
  }
}

const NO_KEYS: readonly never[] = Object.freeze([]);
const NO_IDS: ReadonlySet<string> = new Set();
