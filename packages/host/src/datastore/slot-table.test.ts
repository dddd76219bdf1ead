import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTableKey, SlotTable } from './slot-table.ts';

const numRuns = Number(process.env['RUNS'] ?? 200);

/** Few keys that come again and again, and the largest there are. */
const key = fc.oneof(fc.nat(40), fc.nat(2 ** 31 - 2), fc.constantFrom(0, 2 ** 31 - 2));
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('set' as const), key, slot: fc.integer() }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('copy' as const) }) },
);

test('answers as a map does, and a copy is not touched by what comes later', () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 300 }), (seed, steps) => {
      let table = new SlotTable(seed);
      const model = new Map<number, number>();
      const copies: (readonly [SlotTable, ReadonlyMap<number, number>])[] = [];
      for (const next of steps) {
        if (next.type === 'set') {
          table.set(next.key, next.slot);
          model.set(next.key, next.slot);
        } else if (next.type === 'delete') {
          table.delete(next.key);
          model.delete(next.key);
        } else {
          copies.push([table, new Map(model)]);
          table = table.copy();
        }
      }
      for (const [made, expected] of [...copies, [table, model] as const]) {
        expect(made.size).toBe(expected.size);
        expect(new Map(made.entries())).toEqual(expected);
        for (let asked = 0; asked <= 40; asked += 1) expect(made.get(asked)).toBe(expected.get(asked));
      }
    }),
    { numRuns },
  );
});

test('finds every key after many came and went', () => {
  const table = new SlotTable(1);
  for (let round = 0; round < 3; round += 1) {
    for (let next = 0; next < 5_000; next += 1) table.set(next * 7, next);
    for (let next = 0; next < 5_000; next += 3) table.delete(next * 7);
  }
  for (let next = 0; next < 5_000; next += 1) expect(table.get(next * 7)).toBe(next % 3 === 0 ? undefined : next);
});

test('takes whole numbers from 0 to 2^31 - 2 and no other keys', () => {
  for (const taken of [0, 1, 2 ** 31 - 2]) expect(isTableKey(taken)).toBe(true);
  for (const other of [-1, 0.5, 2 ** 31 - 1, 2 ** 32, Number.NaN, Infinity, 1n, '1', undefined])
    expect(isTableKey(other)).toBe(false);
});
