import { expect, test } from 'vitest';
import { systemTurnClock } from './system.ts';
import { TurnClock } from './turn-clock.ts';

test('the clock stands still until the running code is done', () => {
  const deferred: (() => void)[] = [];
  let time = 10;
  const clock = new TurnClock(
    () => time,
    (callback) => deferred.push(callback),
  );
  expect(clock.nowMs()).toBe(10);
  time = 20;
  expect([clock.nowMs(), clock.nowMicros(), deferred.length]).toEqual([10, 10_000n, 1]);
  for (const callback of deferred) callback();
  expect(clock.nowMs()).toBe(20);
});

test("the system's one goes on after an await", async () => {
  const before = systemTurnClock.nowMs?.() ?? 0;
  while (Date.now() <= before);
  expect(systemTurnClock.nowMs?.()).toBe(before);
  await Promise.resolve();
  expect(systemTurnClock.nowMs?.()).toBeGreaterThan(before);
});
