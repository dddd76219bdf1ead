import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FREE, RowStore } from './row-store.ts';

const LIVE = 1;
const row = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);

describe('a store of rows', () => {
  test('keeps every row through reuse and tidying, and never changes bytes that were handed out', () => {
    const step = fc.record({
      kind: fc.constantFrom('add', 'add', 'add', 'free', 'free', 'takeBack', 'freeBytes', 'reuse'),
      length: fc.oneof(fc.nat({ max: 30 }), fc.nat({ max: 3000 }), fc.constantFrom(0, 64, 65, 131_072, 140_000)),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 400, size: 'max' }), (steps) => {
        const store = new RowStore();
        const live = new Map<number, Uint8Array>();
        const vacated: number[] = [];
        const handedOut: { readonly view: Uint8Array; readonly copy: Uint8Array }[] = [];
        for (const [number, { kind, length, pick }] of steps.entries()) {
          const slots = [...live.keys()];
          const slot = slots[pick % slots.length];
          if (kind === 'add' || kind === 'takeBack') {
            const bytes = row(length, number);
            const added = store.add(bytes, length, LIVE);
            expect(live.has(added) || vacated.includes(added)).toBe(false);
            if (kind === 'takeBack') {
              store.takeBack(added);
            } else {
              live.set(added, bytes);
              if (pick % 4 === 0) handedOut.push({ view: store.row(added), copy: bytes });
            }
          } else if (kind === 'reuse') {
            const freed = vacated.pop();
            if (freed !== undefined) store.reuse(freed);
          } else if (slot !== undefined) {
            live.delete(slot);
            if (kind === 'free') store.free(slot);
            else {
              store.freeBytes(slot);
              vacated.push(slot);
            }
            expect(store.states[slot]).toBe(FREE);
          }
        }
        for (const [slot, bytes] of live) expect(store.equals(slot, bytes, bytes.length)).toBe(true);
        for (const { view, copy } of handedOut) expect(Buffer.compare(view, copy)).toBe(0);
        expect(store.liveBytes).toBe([...live.values()].reduce((sum, bytes) => sum + bytes.length, 0));
      }),
      { numRuns: 40 },
    );
  });

  test('gives space back when most rows are gone', () => {
    const store = new RowStore();
    const slots = Array.from({ length: 20_000 }, (_, number) => store.add(row(500, number), 500, LIVE));
    const full = store.reservedBytes;
    expect(full).toBeGreaterThan(20_000 * 500);
    for (const [at, slot] of slots.entries()) if (at % 10 !== 0) store.free(slot);
    expect(store.reservedBytes).toBeLessThan(full / 3);
    for (const [at, slot] of slots.entries()) {
      if (at % 10 === 0) expect(store.equals(slot, row(500, at), 500)).toBe(true);
    }
  });

  test('does not grow while rows come and go', () => {
    const store = new RowStore();
    const slots: number[] = [];
    let most = 0;
    for (let round = 0; round < 50_000; round += 1) {
      slots.push(store.add(row(200, round), 200, LIVE));
      if (slots.length > 1000) store.free(slots.shift()!);
      if (round > 5000) most = Math.max(most, store.reservedBytes);
    }
    expect(most).toBeLessThan(4 * 1024 * 1024);
    expect(store.slotCount).toBeLessThanOrEqual(1002);
  });

  test('of few rows is small', () => {
    const store = new RowStore();
    store.add(row(10, 1), 10, LIVE);
    expect(store.reservedBytes).toBeLessThan(8192);
  });

  test('gives a snapshot that later changes do not touch', () => {
    const store = new RowStore();
    const slots = Array.from({ length: 300 }, (_, number) => store.add(row(100, number), 100, LIVE));
    const snapshot = store.snapshot();
    for (const slot of slots) store.free(slot);
    for (let number = 0; number < 300; number += 1) store.add(row(100, 255), 100, LIVE);
    for (const [number, slot] of slots.entries()) {
      expect(snapshot.states[slot]).toBe(LIVE);
      expect(Buffer.compare(snapshot.row(slot), row(100, number))).toBe(0);
    }
  });
});
