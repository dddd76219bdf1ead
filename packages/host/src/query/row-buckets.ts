/** Adds an item to the list that a map keeps under a key. */
export function addToBucket<K, T>(buckets: Map<K, T[]>, key: K, item: T): void {
  const bucket = buckets.get(key);
  if (bucket === undefined) buckets.set(key, [item]);
  else bucket.push(item);
}
