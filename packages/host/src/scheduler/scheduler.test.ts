import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ManualTime } from '../testing/manual-time.ts';
import { DueQueue, type DueEntry } from './due-queue.ts';
import { DELAY_MICROS_MAX, delayOf, nextTick, readScheduleAt } from './schedule-at.ts';
import { type DueCall, type FireResult, Scheduler } from './scheduler.ts';

const SECOND = 1_000_000n;
const key = (scheduleId: bigint) => ({ tableId: 1, scheduleId });

function setUp(answer: (call: DueCall) => FireResult = () => 'done') {
  const time = new ManualTime(0n);
  const fired: string[] = [];
  const scheduler = new Scheduler({
    clock: time,
    timers: time,
    fire: (call) => {
      fired.push(`${call.scheduleId}@${time.nowMicros() / SECOND}`);
      return answer(call);
    },
  });
  scheduler.start();
  return { time, fired, scheduler };
}

describe('Scheduler', () => {
  test('fires in order of time, and of arming where times are equal', () => {
    const { time, fired, scheduler } = setUp();
    scheduler.arm(key(1n), { type: 'time', atMicros: 3n * SECOND }, 0n);
    scheduler.arm(key(2n), { type: 'time', atMicros: 1n * SECOND }, 0n);
    scheduler.arm(key(3n), { type: 'time', atMicros: 3n * SECOND }, 0n);
    time.advance(10n * SECOND);
    expect(fired).toEqual(['2@1', '1@3', '3@3']);
    expect(scheduler.size).toBe(0);
  });

  test('never fires an entry that was replaced or disarmed', () => {
    const { time, fired, scheduler } = setUp();
    scheduler.arm(key(1n), { type: 'time', atMicros: SECOND }, 0n);
    scheduler.arm(key(1n), { type: 'time', atMicros: 5n * SECOND }, 0n);
    scheduler.arm(key(2n), { type: 'time', atMicros: 2n * SECOND }, 0n);
    scheduler.disarm(key(2n));
    scheduler.disarm(key(9n));
    time.advance(10n * SECOND);
    expect(fired).toEqual(['1@5']);
  });

  test('waits while calls cannot run, and goes on when told', () => {
    let isBlocked = true;
    const { time, fired, scheduler } = setUp(() => (isBlocked ? 'later' : 'done'));
    scheduler.arm(key(1n), { type: 'time', atMicros: SECOND }, 0n);
    time.advance(10n * SECOND);
    expect(fired).toEqual(['1@1']);
    isBlocked = false;
    scheduler.resume();
    time.runDue();
    expect(fired).toEqual(['1@1', '1@10']);
  });

  test('keeps what a call did to its own row', () => {
    const { time, fired, scheduler } = setUp(({ scheduleId, intendedMicros }) => {
      if (intendedMicros === SECOND) scheduler.arm(key(scheduleId), { type: 'time', atMicros: 7n * SECOND }, SECOND);
      return { everyMicros: 2n * SECOND };
    });
    scheduler.arm(key(1n), { type: 'time', atMicros: SECOND }, 0n);
    time.advance(8n * SECOND);
    expect(fired).toEqual(['1@1', '1@7']);
  });

  test('does nothing once it is stopped', () => {
    const { time, fired, scheduler } = setUp();
    scheduler.arm(key(1n), { type: 'time', atMicros: SECOND }, 0n);
    scheduler.arm(key(2n), { type: 'time', atMicros: 0n }, 0n);
    scheduler.stop();
    time.advance(5n * SECOND);
    expect(fired).toEqual([]);
  });

  test('forgets replaced entries long before they are due', () => {
    const { scheduler } = setUp();
    for (let round = 0n; round < 10_000n; round++) {
      scheduler.arm(key(round % 3n), { type: 'time', atMicros: 1_000n * SECOND + round }, 0n);
      scheduler.disarm(key(round % 3n));
    }
    expect(scheduler.size).toBe(0);
  });
});

describe('schedule times', () => {
  test('intervals are absolute, times in the past are due now', () => {
    expect(readScheduleAt({ tag: 0, value: [-5n] })).toEqual({ type: 'interval', everyMicros: 5n });
    expect(readScheduleAt({ tag: 1, value: [9n] })).toEqual({ type: 'time', atMicros: 9n });
    expect(delayOf({ type: 'time', atMicros: 5n }, 9n)).toBe(0n);
    expect(DELAY_MICROS_MAX).toBe(68_719_476_735_000n);
  });

  test('the next tick keeps its phase and lies after now', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10_000n), fc.bigInt(1n, 500n), fc.bigInt(0n, 20_000n), (last, every, now) => {
        const next = nextTick(last, every, now);
        expect(next > now || next === last).toBe(true);
        expect((next - last) % every).toBe(0n);
        if (last <= now) expect(next - every <= now).toBe(true);
      }),
    );
  });
});

describe('DueQueue', () => {
  test('gives entries back sorted, whatever was dropped meanwhile', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.bigInt(0n, 20n), fc.boolean())), (items) => {
        const queue = new DueQueue<DueEntry & { isKept: boolean }>();
        for (const [order, [dueMicros, isKept]] of items.entries()) queue.push({ dueMicros, order, isKept });
        queue.retain(({ isKept }) => isKept);
        const expected = items
          .map(([dueMicros, isKept], order) => ({ dueMicros, order, isKept }))
          .filter(({ isKept }) => isKept)
          .sort((a, b) => Number(a.dueMicros - b.dueMicros) || a.order - b.order);
        const seen = [];
        for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) seen.push(entry);
        expect(seen).toEqual(expected);
      }),
    );
  });
});
