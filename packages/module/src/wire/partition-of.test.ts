import { expect, test } from 'vitest';
import { fnv1a, partitionOf } from './partition-of.ts';

test.each([
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['foobar', 0xbf9cf968],
  ['ü', undefined],
])('FNV-1a of %j is that of its reference', (text, hash) => {
  const bytes = new TextEncoder().encode(text);
  const slow = bytes.reduce((sum, byte) => Number((BigInt(sum ^ byte) * 0x01000193n) & 0xffffffffn), 0x811c9dc5) >>> 0;
  expect(fnv1a(text)).toBe(slow);
  if (hash !== undefined) expect(slow).toBe(hash);
});

test('a partition is one of those there are, and keys spread over them', () => {
  const counts = [0, 0, 0, 0, 0];
  for (let number = 0; number < 5_000; number += 1) counts[partitionOf(`key-${number}`, 5)]! += 1;
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5_000);
  for (const count of counts) expect(count).toBeGreaterThan(800);
  expect(partitionOf('anything', 1)).toBe(0);
});
