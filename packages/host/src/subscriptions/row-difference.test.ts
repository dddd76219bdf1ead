import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differenceOf } from './row-difference.ts';

const rows = fc.array(fc.constantFrom(0, 1, 2, 3).map((value) => new Uint8Array([value])));

const bag = (list: readonly Uint8Array[]): number[] => list.map(([value]) => value!).sort();

test('the difference of two lists of rows turns the one into the other, and is as small as can be', () => {
  fc.assert(
    fc.property(rows, rows, (before, after) => {
      const { inserts, deletes } = differenceOf(before, after);
      const left = [...bag(before)];
      for (const value of bag(deletes)) left.splice(left.indexOf(value), 1);
      expect([...left, ...bag(inserts)].sort()).toEqual(bag(after));
      const inserted = new Set(bag(inserts));
      expect(bag(deletes).some((value) => inserted.has(value))).toBe(false);
    }),
  );
});
