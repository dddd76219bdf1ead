/** Finds slots by keys. A key without slots is not kept, and one with a single slot needs no set. */
export class RowIndex<S extends object, Key> {
  readonly #buckets = new Map<Key, S | Set<S>>();

  add(key: Key, slot: S): void {
    const bucket = this.#buckets.get(key);
    if (bucket instanceof Set) bucket.add(slot);
    else this.#buckets.set(key, bucket === undefined ? slot : new Set([bucket, slot]));
  }

  remove(key: Key, slot: S): void {
    const bucket = this.#buckets.get(key);
    if (bucket === slot) this.#buckets.delete(key);
    if (!(bucket instanceof Set)) return;
    bucket.delete(slot);
    if (bucket.size === 0) this.#buckets.delete(key);
  }

  /** The slots under a key. The set may be the index's own: it is read, at once, and never kept. */
  get(key: Key): ReadonlySet<S> | readonly S[] {
    const bucket = this.#buckets.get(key);
    if (bucket instanceof Set) return bucket;
    return bucket === undefined ? [] : [bucket];
  }
}
