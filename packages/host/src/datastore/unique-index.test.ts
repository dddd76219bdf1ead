import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BTreeIndex } from './btree-index.ts';
import type { Bound, IndexRange } from './state-view.ts';
import type { IndexKey } from './table-index.ts';
import type { TableIndex } from './table-index.ts';
import { UniqueIndex } from './unique-index.ts';

const numRuns = Number(process.env['RUNS'] ?? 150);

const DEF = { id: 1, name: 'i', accessor: 'i', algorithm: 'btree', columns: [0], isUnique: true } as const;

type Step =
  | { readonly type: 'add' | 'tryAdd' | 'remove'; readonly key: number; readonly slot: number }
  | { readonly type: 'search'; readonly range: IndexRange }
  | { readonly type: 'clear' };

/** Small whole numbers, which are kept apart from others, and both negative ones and fractions. */
const KEYS = Array.from({ length: 31 }, (_, index) => index / 2 - 4);
const key = fc.constantFrom(...KEYS);
const bound: fc.Arbitrary<Bound> = fc.oneof(
  fc.constant({ type: 'unbounded' } as const),
  fc.record({ type: fc.constantFrom('included' as const, 'excluded' as const), value: key }),
);
const range: fc.Arbitrary<IndexRange> = fc.oneof(
  key.map((value) => ({ prefix: [value] })),
  fc.record({ prefix: fc.constant([]), start: bound, end: bound }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constantFrom('add' as const, 'tryAdd' as const), key, slot: fc.nat(9) }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('remove' as const), key, slot: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('search' as const), range }) },
  { weight: 1, arbitrary: fc.constant({ type: 'clear' } as const) },
);

/** What an index answers to a step; slots of one key are a set. */
function take(index: TableIndex, held: Set<string>, next: Step): unknown {
  switch (next.type) {
    case 'add':
      // A slot is added once under a key.
      if (!held.has(`${next.key} ${next.slot}`)) index.add(next.key, next.slot);
      return undefined;
    case 'tryAdd':
      return slotsOf(index.tryAdd(next.key, next.slot));
    case 'remove':
      index.remove(next.key, next.slot);
      return undefined;
    case 'clear':
      index.clear();
      return undefined;
    case 'search': {
      const found: number[] = [];
      index.search(next.range, (slot) => found.push(slot));
      return found.toSorted((a, b) => a - b);
    }
  }
}

function slotsOf(list: ReturnType<TableIndex['find']>): number[] | undefined {
  if (list === undefined) return undefined;
  return typeof list === 'number' ? [list] : [...list].toSorted((a, b) => a - b);
}

test.each([2 ** 23, 8])('finds what an ordered index finds, with %d keys hashed at most', (hashedKeysMax) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const model = new BTreeIndex(DEF, [{ type: 'f64' }]);
      const index = new UniqueIndex(DEF, { type: 'f64' }, { hashSeed: 7, hashedKeysMax });
      const held = new Set<string>();
      for (const next of steps) {
        expect(take(index, held, next)).toEqual(take(model, held, next));
        if (next.type === 'clear') held.clear();
        for (const value of KEYS) {
          const expected = slotsOf(model.find(value as IndexKey));
          expect(slotsOf(index.find(value as IndexKey))).toEqual(expected);
          for (let slot = 0; slot <= 9; slot += 1) {
            if (expected?.includes(slot) === true) held.add(`${value} ${slot}`);
            else held.delete(`${value} ${slot}`);
          }
        }
      }
    }),
    { numRuns },
  );
});

test('a range is in the order of the keys, whenever the order was worked out', () => {
  const index = new UniqueIndex(DEF, { type: 'u32' }, { hashSeed: 7 });
  const all = () => {
    const slots: number[] = [];
    index.search({ prefix: [] }, (slot) => slots.push(slot));
    return slots;
  };
  for (const value of [5, 3, 9]) index.add(value, value);
  expect(all()).toEqual([3, 5, 9]);
  index.add(4, 4);
  index.remove(9, 9);
  expect(all()).toEqual([3, 4, 5]);
});
