import { expect, test } from 'vitest';
import { ManualTime } from '../testing/manual-time.ts';
import { HangWatch } from './hang-watch.ts';

const SECOND = 1_000_000n;

function makeWatch(timeoutMs: number) {
  const time = new ManualTime();
  const seen: string[] = [];
  const watch = new HangWatch({
    timers: time,
    timeoutMs,
    ping: () => seen.push('ping'),
    onHang: () => seen.push('hang'),
  });
  return { time, seen, watch };
}

test('who answers every ping is left alone', () => {
  const { time, seen, watch } = makeWatch(10_000);
  for (let beat = 0; beat < 10; beat++) {
    watch.noteLife();
    time.advance(5n * SECOND);
  }
  expect(seen).toEqual(Array<string>(11).fill('ping'));
  watch.stop();
});

test('who answers nothing for the time allowed hangs, once', () => {
  const { time, seen } = makeWatch(10_000);
  time.advance(60n * SECOND);
  expect(seen).toEqual(['ping', 'ping', 'ping', 'hang']);
});

test('a watch that is stopped says nothing more', () => {
  const { time, seen, watch } = makeWatch(10_000);
  watch.stop();
  time.advance(60n * SECOND);
  expect(seen).toEqual(['ping']);
});
