import { expect, test } from 'vitest';
import { SharedRows } from './shared-results.ts';
import { SnapshotCache } from './snapshot-cache.ts';

/** Counts as 10 · (2 · 36 + 128) = 2,000 bytes. */
const rows = (): SharedRows => new SharedRows(Array.from({ length: 10 }, () => new Uint8Array(36)));

test('keeps results until they are dropped', () => {
  const cache = new SnapshotCache<string>(10_000);
  const result = rows();
  cache.put('a', result);
  expect(cache.get('a')).toBe(result);
  expect(cache.bytes).toBe(2_000);
  cache.put('a', rows());
  expect(cache.bytes).toBe(2_000);
  cache.drop('a');
  cache.drop('a');
  expect(cache.get('a')).toBeUndefined();
  expect(cache.bytes).toBe(0);
});

test('gives up what was not used for longest when it is full', () => {
  const cache = new SnapshotCache<string>(4_000);
  for (const name of ['a', 'b']) cache.put(name, rows());
  cache.get('a');
  cache.put('c', rows());
  expect(['a', 'b', 'c'].map((name) => cache.get(name) !== undefined)).toEqual([true, false, true]);
  expect(cache.bytes).toBe(4_000);
});

test('does not keep what alone is over the limit', () => {
  const cache = new SnapshotCache<string>(1_999);
  cache.put('a', rows());
  expect(cache.get('a')).toBeUndefined();
  expect(cache.bytes).toBe(0);
});
