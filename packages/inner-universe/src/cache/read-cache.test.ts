import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReadCache, type ReadCacheOptions } from './read-cache.ts';

/** A cache of texts with a clock of its own, and loads that the test answers. */
class Bench {
  nowMs = 0;
  readonly cache: ReadCache<string, string>;
  readonly asked: { readonly key: string; answer(value: string): void; fail(error: Error): void }[] = [];

  constructor(options: Partial<ReadCacheOptions<string>> = {}) {
    const nowMs = (): number => this.nowMs;
    this.cache = new ReadCache({ entriesMax: 10, bytesMax: 1_000, ttlMs: 100, nowMs, ...options });
  }

  get(key: string, isGood?: (value: string) => boolean): Promise<string> {
    return this.cache.get(
      key,
      () => new Promise((answer, fail) => void this.asked.push({ key, answer, fail })),
      isGood,
    );
  }

  /** Loads a key now. */
  async load(key: string, value: string = key): Promise<void> {
    const loading = this.get(key);
    this.asked.pop()?.answer(value);
    await loading;
  }
}

test('what was loaded is given out again, until it is too old', async () => {
  const bench = new Bench();
  await bench.load('a', 'one');
  bench.nowMs = 99;
  expect(await bench.get('a')).toBe('one');
  bench.nowMs = 100;
  const again = bench.get('a');
  bench.asked[0]?.answer('two');
  expect(await again).toBe('two');
  expect(bench.cache.stats).toMatchObject({ hits: 1, misses: 2, loads: 2, evictions: 1, entries: 1 });
});

test('who asks while it is loaded shares the load', async () => {
  const bench = new Bench();
  const all = [bench.get('a'), bench.get('a'), bench.get('a'), bench.get('b')];
  expect(bench.asked.map(({ key }) => key)).toEqual(['a', 'b']);
  for (const { key, answer } of bench.asked) answer(key.toUpperCase());
  expect(await Promise.all(all)).toEqual(['A', 'A', 'A', 'B']);
  expect(bench.cache.stats).toMatchObject({ hits: 0, misses: 4, loads: 2 });
});

test('a load that fails is told to all who wait, and tried again by the next', async () => {
  const bench = new Bench();
  const all = [bench.get('a'), bench.get('a')];
  bench.asked[0]?.fail(new Error('away'));
  for (const one of all) await expect(one).rejects.toThrow('away');
  await bench.load('a', 'there');
  expect(await bench.get('a')).toBe('there');
});

test('what was dropped while it was on its way is not kept, and not given to who asks later', async () => {
  const bench = new Bench();
  const early = bench.get('a');
  bench.cache.drop('a');
  const late = bench.get('a');
  bench.asked[1]?.answer('new');
  bench.asked[0]?.answer('old');
  expect(await early).toBe('old');
  expect(await late).toBe('new');
  expect(await bench.get('a')).toBe('new');
  const cleared = bench.get('b');
  bench.cache.clear();
  bench.asked[2]?.answer('b');
  expect(await cleared).toBe('b');
  expect(bench.cache.stats.entries).toBe(0);
});

test('a load that began too early for who shares it is done again, once for all of them', async () => {
  const bench = new Bench();
  const early = bench.get('a');
  const late = [bench.get('a', (value) => value === 'new'), bench.get('a', (value) => value === 'new')];
  bench.asked[0]?.answer('old');
  expect(await early).toBe('old');
  await Promise.resolve();
  expect(bench.asked).toHaveLength(2);
  bench.asked[1]?.answer('new');
  expect(await Promise.all(late)).toEqual(['new', 'new']);
  expect(await bench.get('a')).toBe('new');
});

test('a value may be told not to be kept, and one that is larger than the room is not', async () => {
  const bench = new Bench({ bytesMax: 10, sizeOf: (value) => value.length, keeps: (value) => value !== 'secret' });
  await bench.load('a', 'secret');
  await bench.load('b', 'longer than ten');
  await bench.load('c', 'short');
  expect(['a', 'b', 'c'].map((key) => bench.cache.has(key))).toEqual([false, false, true]);
  expect(bench.cache.stats).toMatchObject({ entries: 1, bytes: 5 });
});

test('nothing found is an answer as well', async () => {
  const cache = new ReadCache<string, string | undefined>({
    entriesMax: 1,
    bytesMax: 1,
    ttlMs: Infinity,
    nowMs: () => 0,
  });
  let loads = 0;
  const load = async (): Promise<undefined> => void (loads += 1);
  expect(await cache.get('a', load)).toBeUndefined();
  expect(await cache.get('a', load)).toBeUndefined();
  expect(loads).toBe(1);
});

test('its bounds hold whatever is done, and what was used last stays', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const action = fc.oneof(
    fc.record({ type: fc.constant('put' as const), key, size: fc.nat({ max: 14 }) }),
    fc.record({ type: fc.constantFrom('peek' as const, 'drop' as const), key, size: fc.constant(0) }),
    fc.record({ type: fc.constant('wait' as const), key, size: fc.nat({ max: 30 }) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      let nowMs = 0;
      const cache = new ReadCache<string, string>({
        entriesMax: 4,
        bytesMax: 20,
        ttlMs: 50,
        nowMs: () => nowMs,
        sizeOf: (value) => value.length,
      });
      /** The one used longest ago first. */
      let model: { readonly key: string; readonly value: string; readonly sinceMs: number }[] = [];
      for (const { type, key: of, size } of actions) {
        const before = model.find((entry) => entry.key === of);
        if (type === 'wait') nowMs += size;
        else model = model.filter((entry) => entry.key !== of);
        if (type === 'put') {
          const value = 'x'.repeat(size);
          cache.put(of, value);
          model.push({ key: of, value, sinceMs: nowMs });
          const bytes = (): number => model.reduce((sum, entry) => sum + entry.value.length, 0);
          while (model.length > 4 || bytes() > 20) model.shift();
        } else if (type === 'drop') cache.drop(of);
        else if (type === 'peek') {
          const isFresh = before !== undefined && nowMs - before.sinceMs < 50;
          expect(cache.peek(of)).toBe(isFresh ? before.value : undefined);
          if (isFresh) model.push(before);
        }
        const { entries, bytes } = cache.stats;
        expect(entries).toBe(model.length);
        expect(bytes).toBe(model.reduce((sum, entry) => sum + entry.value.length, 0));
      }
    }),
  );
});
