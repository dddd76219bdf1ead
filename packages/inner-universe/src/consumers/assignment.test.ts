import type { ConsumerPartitionRow } from '@inner-universe/module/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { claimable, shareOf } from './assignment.ts';

test('the shares of all workers add up to the partitions, and differ by one at most', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 256 }), (count, partitions) => {
      const workers = Array.from({ length: count }, (_, number) => `worker-${number}`);
      const shares = workers.map((self) => shareOf({ workers, self }, partitions));
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(partitions);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      expect(shareOf({ workers, self: 'stranger' }, partitions)).toBe(0);
    }),
  );
});

test('what nobody who takes part holds may be claimed, and no two begin with the same if they can help it', () => {
  const row = (partition: number, holder = ''): ConsumerPartitionRow => {
    // As far as it is looked at.
    return { partition, holder } as ConsumerPartitionRow;
  };
  const workers = ['a', 'b', 'c'];
  const rows = [row(0, 'a'), row(1, 'gone'), row(2), row(3, 'c'), row(4), row(5)];
  const claimsOf = (self: string): readonly number[] =>
    claimable(rows, { workers, self }).map(({ partition }) => partition);
  expect([...claimsOf('b')].sort()).toEqual([1, 2, 4, 5]);
  expect([...claimsOf('a')].sort()).toEqual([0, 1, 2, 4, 5]);
  expect([...claimsOf('c')].sort()).toEqual([1, 2, 3, 4, 5]);
  const free = Array.from({ length: 6 }, (_, partition) => row(partition));
  const firsts = workers.map((self) => claimable(free, { workers, self })[0]?.partition);
  expect(new Set(firsts).size).toBe(3);
});
