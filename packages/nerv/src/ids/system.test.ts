import { expect, test, vi } from 'vitest';
import { millisecondsOf } from './clock.ts';
import { systemClock, systemNowMs, systemReport, systemTimers } from './system.ts';

test("the system's clocks agree on the time, in their own units", () => {
  const before = Date.now();
  const times = [systemNowMs(), millisecondsOf(systemClock)(), Number(systemClock.nowMicros() / 1000n)];
  const after = Date.now();
  expect(times.every((timeMs) => timeMs >= before && timeMs <= after)).toBe(true);
  expect(millisecondsOf({ nowMicros: () => 1_234_567n })()).toBe(1234);
});

test("the system's timers call back once, unless that is called off", async () => {
  const called: string[] = [];
  const callOff = systemTimers.schedule(() => called.push('called off'), 0);
  callOff();
  await new Promise<void>((resolve) => {
    systemTimers.schedule(() => {
      called.push('called');
      resolve();
    }, 1);
  });
  expect(called).toEqual(['called']);
});

test.each([Number.POSITIVE_INFINITY, 2 ** 31])(
  "the system's timers do not take %s for no time at all",
  async (delayMs) => {
    const called: string[] = [];
    const callOff = systemTimers.schedule(() => called.push('long'), delayMs);
    await new Promise<void>((resolve) => void systemTimers.schedule(resolve, 5));
    callOff();
    expect(called).toEqual([]);
  },
);

test("the system's timers wait a longer time than a timer can in several", () => {
  vi.useFakeTimers();
  const called: string[] = [];
  systemTimers.schedule(() => called.push('late'), 2 ** 32);
  vi.advanceTimersByTime(2 ** 32 - 1);
  expect(called).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(called).toEqual(['late']);
  vi.useRealTimers();
});

test('what nobody asked to be told is seen on the console', () => {
  const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const error = new Error('lost');
  systemReport('It failed:', error);
  expect(shown).toHaveBeenCalledExactlyOnceWith('It failed:', error);
  shown.mockRestore();
});
