import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlotHash } from './slot-hash.ts';

const numRuns = Number(process.env['RUNS'] ?? 150);

/** Few hashes, so that most collide; some differ in the highest bit alone, some in bits that small sets do not use. */
const HASHES = [0, 1, 63, 64, 65, -1, -(2 ** 31), 2 ** 31 - 1, 0x4000_0000, 128];

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('add' as const), hash: fc.constantFrom(...HASHES) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('remove' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('clear' as const, 'fork' as const) }) },
);

function slotsUnder(slots: SlotHash, hash: number): number[] {
  const found: number[] = [];
  for (let place = slots.first(hash); place >= 0; place = slots.next(hash, place)) found.push(slots.slotAt(place));
  return found.toSorted((a, b) => a - b);
}

function expectSame(slots: SlotHash, model: ReadonlyMap<number, number>): void {
  for (const hash of HASHES) {
    const expected = [...model].filter(([, other]) => other === hash).map(([slot]) => slot);
    expect(slotsUnder(slots, hash)).toEqual(expected.toSorted((a, b) => a - b));
  }
  expect([...slots.slots()].toSorted((a, b) => a - b)).toEqual([...model.keys()].toSorted((a, b) => a - b));
}

test('finds what a map finds though hashes collide, and a fork is not touched by what comes later', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const slots = new SlotHash();
      const model = new Map<number, number>();
      const forks: { readonly fork: SlotHash; readonly model: ReadonlyMap<number, number> }[] = [];
      for (const [slot, next] of steps.entries()) {
        const held = [...model];
        if (next.type === 'add') {
          slots.add(next.hash, slot);
          model.set(slot, next.hash);
        } else if (next.type === 'remove') {
          const [removed, hash] = held[next.pick % Math.max(1, held.length)] ?? [slot, 0];
          slots.remove(hash, removed);
          model.delete(removed);
        } else if (next.type === 'clear') {
          slots.clear();
          model.clear();
        } else {
          forks.push({ fork: slots.fork(), model: new Map(model) });
        }
      }
      expectSame(slots, model);
      for (const { fork, model: asThen } of forks) expectSame(fork, asThen);
    }),
    { numRuns },
  );
});

test('either side of a fork may be written to first', () => {
  const slots = new SlotHash();
  slots.add(5, 1);
  const fork = slots.fork();
  fork.add(5, 2);
  slots.remove(5, 1);
  expect(slotsUnder(fork, 5)).toEqual([1, 2]);
  expect(slotsUnder(slots, 5)).toEqual([]);
  slots.fork().clear();
  slots.add(5, 3);
  expect(slotsUnder(slots, 5)).toEqual([3]);
});

test('takes at most 24 bytes an entry once there are many', () => {
  const slots = new SlotHash();
  for (let slot = 0; slot < 100_000; slot += 1) slots.add(Math.imul(slot, 0x9e37_79b1), slot);
  expect(slots.bytes).toBeLessThanOrEqual(100_000 * 24);
  slots.clear();
  expect(slots.bytes).toBeLessThan(1024);
});
