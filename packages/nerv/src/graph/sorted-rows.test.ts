import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHUNK_ROWS, SortedRows } from './sorted-rows.ts';

const ascending = (left: number, right: number): number => left - right;

test('holds what was added and not removed, in order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(5000), { maxLength: 60 }), fc.array(fc.nat(60)), (numbers, removed) => {
      const rows = new SortedRows<number>(numbers.slice(0, 10), ascending);
      for (const number of numbers.slice(10)) rows.add(number);
      const kept = new Set(numbers);
      for (const place of removed) {
        const number = numbers[place];
        if (number !== undefined && kept.delete(number)) rows.remove(number);
      }
      expect(rows.first()).toEqual([...kept].sort(ascending));
      expect(rows.size).toBe(kept.size);
      expect(rows.first(3)).toEqual([...kept].sort(ascending).slice(0, 3));
    }),
  );
});

test('stays in order over many chunks, growing and shrinking at any place', () => {
  const numbers = Array.from({ length: 8 * CHUNK_ROWS }, (_, place) => (place * 2654435761) % 1_000_003);
  const rows = new SortedRows<number>([], ascending);
  for (const number of numbers) rows.add(number);
  expect(rows.first()).toEqual([...numbers].sort(ascending));
  const gone = new Set(numbers.filter((_, place) => place % 3 !== 0));
  for (const number of gone) rows.remove(number);
  expect(rows.first()).toEqual(numbers.filter((number) => !gone.has(number)).sort(ascending));
  for (const number of numbers) if (!gone.has(number)) rows.remove(number);
  expect(rows.first()).toEqual([]);
  rows.add(5);
  expect(rows.first()).toEqual([5]);
});
