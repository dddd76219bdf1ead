import { expect, test } from 'vitest';
import { Backoff } from './backoff.ts';

let made = 0;
const ids = { nextId: () => `id-${(made += 1)}` };

test('pauses double up to the longest, and a share of each is left to chance', () => {
  const exact = new Backoff({ delayMsMin: 100, delayMsMax: 1_000, jitter: 0 }, ids);
  expect([1, 2, 3, 4, 5, 200].map((attempts) => exact.delayMs(attempts))).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  const vague = new Backoff({ delayMsMin: 100, delayMsMax: 1_000 }, ids);
  const delays = Array.from({ length: 200 }, () => vague.delayMs(1));
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(50);
  expect(Math.max(...delays)).toBeLessThanOrEqual(100);
  expect(new Set(delays).size).toBeGreaterThan(100);
});

test('trying ends with the attempts, or with an error that will not pass', () => {
  const backoff = new Backoff({ attempts: 3, retryIf: (error) => error !== 'final' }, ids);
  expect([1, 2, 3].map((attempts) => backoff.allows(attempts, 'x'))).toEqual([true, true, false]);
  expect(backoff.allows(1, 'final')).toBe(false);
});

test.each([{ attempts: 1.5 }, { attempts: 0 }, { delayMsMin: -1 }, { delayMsMax: Number.NaN }, { jitter: 1.1 }])(
  'wrong options are refused: %j',
  (options) => {
    expect(() => new Backoff(options, ids)).toThrow(expect.objectContaining({ code: 'config/invalid' }));
  },
);
