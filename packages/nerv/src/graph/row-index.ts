import type { Candidates } from './vertex.ts';

/** Finds slots by keys, of which a slot has one at most, or has several at a time. */
export class RowIndex<S extends object, Key> {
  /** A key without slots is not kept, and one with a single slot needs no set. */
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

  /** Takes in that a slot's only key became another. */
  move(slot: S, from: Key | undefined, to: Key | undefined): void {
    if (Object.is(from, to)) return;
    if (from !== undefined) this.remove(from, slot);
    if (to !== undefined) this.add(to, slot);
  }

  /** The slots under a key. To be read at once. */
  get(key: Key): ReadonlySet<S> | readonly S[] {
    const bucket = this.#buckets.get(key);
    return bucket instanceof Set ? bucket : bucket === undefined ? [] : [bucket];
  }

  /** The slots under any of these keys; of an index where slots have one key, each once. To be read at once. */
  find(keys: readonly Key[]): Candidates<S> {
    const buckets = [...new Set(keys)].map((key) => this.get(key));
    return {
      size: buckets.reduce((size, bucket) => size + ('size' in bucket ? bucket.size : bucket.length), 0),
      slots: buckets.length === 1 ? (buckets[0] as Iterable<S>) : eachOf(buckets),
    };
  }
}

function* eachOf<S>(buckets: readonly Iterable<S>[]): Generator<S> {
  for (const bucket of buckets) yield* bucket;
}
