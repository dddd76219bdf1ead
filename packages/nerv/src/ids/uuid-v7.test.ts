import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Clock, Random } from './clock.ts';
import { systemClock, systemIds, systemRandom } from './system.ts';
import { tryUuidV7TimeMs, UuidV7Source } from './uuid-v7.ts';

const ones: Random = { fill: (bytes) => bytes.fill(0xff) };
const zeros: Random = { fill: (bytes) => bytes.fill(0) };
const clockAt = (timesMs: readonly number[]): Clock => {
  let at = -1;
  return {
    nowMicros() {
      at = Math.min(at + 1, timesMs.length - 1);
      return BigInt(timesMs[at]!) * 1000n;
    },
  };
};

test('an id has the time, version 7, the variant, and random bits before a counter', () => {
  // RFC 9562, appendix A.6, uses this time.
  const timeMs = 0x017f22e279b0;
  expect(new UuidV7Source(clockAt([timeMs]), zeros).nextId()).toBe('017f22e2-79b0-7000-8000-000000000000');
  expect(new UuidV7Source(clockAt([timeMs]), ones).nextId()).toBe('017f22e2-79b0-7fff-8fff-ffffff7fffff');
});

test('ids rise within a millisecond, when the clock stands still and when it goes back', () => {
  const ids = new UuidV7Source(clockAt([1_000, 1_000, 999, 5, 1_001, 1_000, 1_002]), ones);
  const made = Array.from({ length: 2_000 }, () => ids.nextId());
  expect([...made].sort()).toEqual(made);
  expect(new Set(made).size).toBe(made.length);
});

test('when the counter is full the id runs ahead of the clock by a millisecond', () => {
  const ids = new UuidV7Source(clockAt([1_000]), ones);
  // Begun with all ones but the top bit, the counter has 2^23 steps left.
  let last = ids.nextId();
  for (let n = 0; n <= 0x80_0000; n += 1) last = ids.nextId();
  expect(tryUuidV7TimeMs(last)).toBe(1_001);
});

test('the time is read back, and only from a UUIDv7', () => {
  expect(tryUuidV7TimeMs(new UuidV7Source(clockAt([1_234_567]), ones).nextId())).toBe(1_234_567);
  for (const other of ['', 'x', '017f22e2-79b0-4000-8000-000000000000', '017f22e2-79b0-7000-c000-000000000000']) {
    expect(tryUuidV7TimeMs(other)).toBeUndefined();
  }
});

test('a clock beyond what the format holds is refused', () => {
  for (const timeMs of [2 ** 48, -5]) {
    expect(() => new UuidV7Source(clockAt([timeMs]), ones).nextId()).toThrow(
      expect.objectContaining({ code: 'id/exhausted' }),
    );
  }
});

test("the system's ids are UUIDv7 of now, from the system's clock and random source", () => {
  const before = Number(systemClock.nowMicros() / 1000n);
  const timeMs = tryUuidV7TimeMs(systemIds.nextId())!;
  expect(timeMs).toBeGreaterThanOrEqual(before);
  const bytes = new Uint8Array(64);
  systemRandom.fill(bytes);
  expect(bytes.some((byte) => byte !== 0)).toBe(true);
});

test('the layout is that of RFC 9562 for whatever random bits, and the counter counts in the last 24', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 9, maxLength: 9 }),
      fc.integer({ min: 0, max: 2 ** 48 - 1 }),
      (bits, timeMs) => {
        const ids = new UuidV7Source(clockAt([timeMs]), { fill: (bytes) => bytes.set(bits) });
        const made = Array.from({ length: 600 }, () => ids.nextId());
        for (const id of made) {
          expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
          expect(tryUuidV7TimeMs(id)).toBe(timeMs);
        }
        const counters = made.map((id) => Number.parseInt(id.slice(-6), 16));
        expect(counters.every((counter, place) => counter === (counters[0] ?? 0) + place)).toBe(true);
        expect(new Set(made.map((id) => id.slice(0, -6))).size).toBe(1);
      },
    ),
    { numRuns: 50 },
  );
});

test('a time that the caller has read is not read again', () => {
  const ids = new UuidV7Source({ nowMicros: () => 0n }, zeros);
  expect(tryUuidV7TimeMs(ids.nextId(4_000))).toBe(4_000);
  expect(tryUuidV7TimeMs(ids.nextId())).toBe(4_000);
});
