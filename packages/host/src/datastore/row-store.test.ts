import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FREE, RowStore, type RowRun } from './row-store.ts';

const LIVE = 1;
const row = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);

/** Rows back to back in the middle of a buffer, with a gap of four bytes before each. */
function makeRun(rows: readonly Uint8Array[], isKeepable: boolean, margin: number): RowRun {
  const size = rows.reduce((sum, { length }) => sum + 4 + length, 0);
  const bytes = new Uint8Array(new ArrayBuffer(size + margin * 2), margin, size).fill(0xee);
  const starts: number[] = [];
  let at = 0;
  for (const each of rows) {
    starts.push(at + 4);
    bytes.set(each, at + 4);
    at += 4 + each.length;
  }
  return {
    bytes,
    isKeepable,
    starts: Uint32Array.from(starts),
    lengths: Uint32Array.from(rows, ({ length }) => length),
  };
}

describe('a store of rows', () => {
  test('keeps every row through reuse and tidying, and never changes bytes that were handed out', () => {
    const step = fc.record({
      kind: fc.constantFrom('add', 'add', 'add', 'addRun', 'free', 'free', 'free', 'takeBack', 'freeBytes', 'reuse'),
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
          } else if (kind === 'addRun') {
            const rows = Array.from({ length: pick % 9 }, (_, order) => row((length * order) % 1000, number + order));
            const run = makeRun(rows, pick % 2 === 0, pick % 3);
            const first = store.addRun(run, LIVE);
            if (!run.isKeepable) run.bytes.fill(0xdd);
            for (const [order, bytes] of rows.entries()) {
              expect(live.has(first + order) || vacated.includes(first + order)).toBe(false);
              live.set(first + order, bytes);
              if (pick % 4 === 0) handedOut.push({ view: store.row(first + order), copy: bytes });
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
        const [fork, snapshot] = [store.fork(), store.snapshot()];
        for (const [slot, bytes] of live) {
          expect(store.equals(slot, bytes, bytes.length)).toBe(true);
          expect(store.lengthOf(slot)).toBe(bytes.length);
          expect(fork.equals(slot, bytes, bytes.length)).toBe(true);
          expect(Buffer.compare(snapshot.row(slot), bytes)).toBe(0);
        }
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

  test('gives the space of a run back when most of its rows are gone', () => {
    const store = new RowStore();
    const rows = Array.from({ length: 200 }, (_, number) => row(500, number));
    const firsts = Array.from({ length: 100 }, () => store.addRun(makeRun(rows, true, 0), LIVE));
    const full = store.reservedBytes;
    for (const first of firsts) {
      for (let order = 0; order < 200; order += 1) if (order % 10 !== 0) store.free(first + order);
    }
    expect(store.reservedBytes).toBeLessThan(full / 3);
    for (const first of firsts) {
      for (let order = 0; order < 200; order += 10)
        expect(store.equals(first + order, row(500, order), 500)).toBe(true);
    }
  });

  test('keeps the buffer of a run only where little else is in it', () => {
    const rows = Array.from({ length: 20 }, (_, number) => row(1000, number));
    const store = new RowStore();
    const kept = makeRun(rows, true, 8);
    const small = makeRun(rows, true, 100_000);
    expect(store.row(store.addRun(kept, LIVE)).buffer).toBe(kept.bytes.buffer);
    expect(store.row(store.addRun(small, LIVE)).buffer).not.toBe(small.bytes.buffer);
    expect(store.reservedBytes).toBeLessThan(50_000);
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
