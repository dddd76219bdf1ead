import * as sortedBTree from 'sorted-btree';

/** The part of a B+ tree that indexes use. */
export interface OrderedMap<K, V> {
  readonly size: number;
  get(key: K): V | undefined;
  set(key: K, value: V): boolean;
  setIfNotPresent(key: K, value: V): boolean;
  delete(key: K): boolean;
  clear(): void;
  /** A map with the same entries. Costs nothing by itself: either side copies the nodes that it changes. */
  clone(): OrderedMap<K, V>;
  minKey(): K | undefined;
  maxKey(): K | undefined;
  /** Calls `onFound`, which returns nothing, from `low` to `high` in order. */
  forRange(low: K, high: K, includeHigh: boolean, onFound: (key: K, value: V) => void): number;
}

type OrderedMapClass = new <K, V>(entries: [K, V][] | undefined, compare: (a: K, b: K) => number) => OrderedMap<K, V>;

/** Creates an empty map in the order of `compare`. */
export function makeOrderedMap<K, V>(compare: (a: K, b: K) => number): OrderedMap<K, V> {
  return new BTree<K, V>(undefined, compare);
}

const BTree: OrderedMapClass = findClass(sortedBTree);

/** The library is CommonJS: depending on the loader, its class is the default export or a member of it. */
function findClass(module: unknown): OrderedMapClass {
  let candidate = module;
  while (typeof candidate === 'object' && candidate !== null && 'default' in candidate) candidate = candidate.default;
  if (typeof candidate !== 'function') throw new TypeError('sorted-btree has no class as its default export');
  // The class of version 2.1.0 has this constructor and these members; the tests of the indexes run on it.
  return candidate as OrderedMapClass;
}
