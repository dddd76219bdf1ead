import { expect, test } from 'vitest';
import { ManualTime } from '../testing/manual-time.ts';
import { whenExpired } from './token-expiry.ts';

const DAY_MS = 86_400_000;

function watch(validMs: number): { readonly time: ManualTime; readonly ended: number[]; readonly stop: () => void } {
  const time = new ManualTime(0n);
  const ended: number[] = [];
  const nowMs = (): number => Number(time.nowMicros() / 1_000n);
  const stop = whenExpired({ leftMs: () => validMs - nowMs(), timers: time }, () => void ended.push(nowMs()));
  return { time, ended, stop };
}

test('the end is told once, when it is there', () => {
  const { time, ended } = watch(5_000);
  time.advance(4_999_000n);
  expect(ended).toEqual([]);
  time.advance(10_000_000n);
  expect(ended).toEqual([5_000]);
});

test('an end that lies further ahead than a timer reaches is waited for', () => {
  const { time, ended } = watch(60 * DAY_MS);
  time.advance(BigInt(59 * DAY_MS) * 1_000n);
  expect(ended).toEqual([]);
  time.advance(BigInt(2 * DAY_MS) * 1_000n);
  expect(ended).toEqual([60 * DAY_MS]);
});

test('what has expired already is told in a turn of its own', () => {
  const { time, ended } = watch(-1);
  expect(ended).toEqual([]);
  time.runDue();
  expect(ended).toEqual([0]);
});

test('nothing is told after the wait was ended', () => {
  const { time, ended, stop } = watch(5_000);
  time.advance(1_000n);
  stop();
  time.advance(10_000_000n);
  expect(ended).toEqual([]);
});
