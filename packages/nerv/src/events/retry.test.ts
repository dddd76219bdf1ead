import { describe, expect, test } from 'vitest';
import type { Timers } from '../ids/clock.ts';
import { DeadLetterList } from './dead-letters.ts';
import { EventBus } from './event-bus.ts';
import { withRetry } from './retry.ts';

/** Timers that call back when told. */
class ManualTimers implements Timers {
  readonly delays: number[] = [];
  readonly waiting = new Set<() => void>();

  schedule(callback: () => void, delayMs: number): () => void {
    this.delays.push(delayMs);
    this.waiting.add(callback);
    return () => this.waiting.delete(callback);
  }

  async fire(): Promise<void> {
    await settle();
    for (const callback of [...this.waiting]) {
      this.waiting.delete(callback);
      callback();
    }
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let tick = 0; tick < 20; tick += 1) await Promise.resolve();
}

const wrong = new Error('wrong');
const noChance = { fill: (bytes: Uint8Array) => void bytes.fill(0) };
const allChance = { fill: (bytes: Uint8Array) => void bytes.fill(0xff) };

/** A handler that fails so many times. */
function failing(times: number, isAsync = false): { handler: () => unknown; calls: () => number } {
  let calls = 0;
  return {
    calls: () => calls,
    handler: () => {
      calls += 1;
      if (calls > times) return 'done';
      if (isAsync) return Promise.reject(wrong);
      throw wrong;
    },
  };
}

describe('retry', () => {
  test.each([false, true])(
    'a handler that fails is called again until it does not (asynchronous: %s)',
    async (isAsync) => {
      const timers = new ManualTimers();
      const bus = new EventBus();
      const { handler, calls } = failing(2, isAsync);
      bus.subscribe('a', withRetry(handler, { timers, random: noChance }));
      const report = bus.publishAndWait('a');
      expect(calls()).toBe(1);
      await timers.fire();
      await timers.fire();
      expect(await report).toMatchObject({ handled: 1, errors: [] });
      expect([calls(), timers.delays]).toEqual([3, [100, 200]]);
    },
  );

  test('a handler that does not fail is called once, at once, and what it gives is given', () => {
    const timers = new ManualTimers();
    expect(withRetry(() => 7, { timers })({} as never)).toBe(7);
    expect(timers.delays).toEqual([]);
  });

  test('delays grow up to their greatest, less a share that is left to chance', async () => {
    const delaysOf = async (random: typeof noChance, jitter: number): Promise<number[]> => {
      const timers = new ManualTimers();
      const options = {
        attempts: 5,
        delayMsMin: 10,
        delayMsMax: 50,
        factor: 3,
        jitter,
        timers,
        random,
      };
      const bus = new EventBus({ onError: () => undefined });
      bus.subscribe('a', withRetry(failing(9).handler, options));
      const report = bus.publishAndWait('a');
      for (let attempt = 0; attempt < 4; attempt += 1) await timers.fire();
      await report;
      return timers.delays;
    };
    expect(await delaysOf(noChance, 1)).toEqual([10, 30, 50, 50]);
    expect(await delaysOf(allChance, 0)).toEqual([10, 30, 50, 50]);
    expect(await delaysOf(allChance, 0.5)).toEqual([5, 15, 25, 25]);
  });

  test('what still fails is parked and reported', async () => {
    const timers = new ManualTimers();
    const failures: unknown[] = [];
    const deadLetters = new DeadLetterList();
    const bus = new EventBus({ onError: ({ error }) => failures.push(error) });
    bus.subscribe('a', withRetry(failing(9).handler, { attempts: 2, timers, deadLetters }));
    const report = bus.publishAndWait('a', 'data');
    await timers.fire();
    expect((await report).errors).toEqual([wrong]);
    expect(failures).toEqual([wrong]);
    expect(deadLetters.list()).toMatchObject([{ event: { type: 'a', data: 'data' }, error: wrong, attempts: 2 }]);
  });

  test('an error that cannot pass is not tried again; without a list it is only reported', async () => {
    const timers = new ManualTimers();
    const bus = new EventBus({ onError: () => undefined });
    const { handler, calls } = failing(9);
    bus.subscribe('a', withRetry(handler, { timers, retryIf: (error) => error !== wrong }));
    expect((await bus.publishAndWait('a')).errors).toEqual([wrong]);
    expect([calls(), timers.delays]).toEqual([1, []]);
  });

  test('when its signal aborts, events that wait are given up, and none waits after', async () => {
    const timers = new ManualTimers();
    const deadLetters = new DeadLetterList();
    const controller = new AbortController();
    const bus = new EventBus({ onError: () => undefined });
    bus.subscribe('a', withRetry(failing(9).handler, { timers, deadLetters, signal: controller.signal }));
    const first = bus.publishAndWait('a');
    await settle();
    expect(timers.waiting.size).toBe(1);
    controller.abort();
    expect((await first).errors).toEqual([wrong]);
    expect(timers.waiting.size).toBe(0);
    await bus.publishAndWait('a');
    expect([timers.delays.length, deadLetters.size]).toEqual([1, 2]);
  });

  test('so many events wait for their next attempt; one more is given up at once', async () => {
    const timers = new ManualTimers();
    const deadLetters = new DeadLetterList();
    const bus = new EventBus({ onError: () => undefined });
    bus.subscribe('a', withRetry(failing(2).handler, { timers, deadLetters, capacity: 1 }));
    const first = bus.publishAndWait('a', 1);
    await bus.publishAndWait('a', 2);
    expect(deadLetters.list().map(({ event }) => event.data)).toEqual([2]);
    await timers.fire();
    expect((await first).errors).toEqual([]);
  });

  test('with a concurrency of one, events keep their order while one is tried again', async () => {
    const timers = new ManualTimers();
    const bus = new EventBus();
    const seen: unknown[] = [];
    let hasFailed = false;
    const handler = withRetry(
      (event) => {
        if (event.data === 1 && !hasFailed) {
          hasFailed = true;
          throw wrong;
        }
        seen.push(event.data);
      },
      { timers },
    );
    bus.subscribe({ pattern: 'a', concurrency: 1 }, handler);
    const reports = [1, 2, 3].map((number) => bus.publishAndWait('a', number));
    await timers.fire();
    await Promise.all(reports);
    expect(seen).toEqual([1, 2, 3]);
  });

  test('the real timers and the real chance are used if none are given', async () => {
    const bus = new EventBus();
    const { handler, calls } = failing(1);
    bus.subscribe('a', withRetry(handler, { delayMsMin: 0 }));
    await bus.publishAndWait('a');
    expect(calls()).toBe(2);
  });

  test.each([
    { attempts: 0 },
    { capacity: 0 },
    { delayMsMin: -1 },
    { delayMsMax: NaN },
    { factor: -2 },
    { jitter: 1.5 },
  ])('%j is refused', (options) => {
    expect(() => withRetry(() => undefined, options)).toThrow(expect.objectContaining({ code: 'event/invalid' }));
  });
});

describe('dead letters', () => {
  const letter = (handler: () => unknown, error: unknown = wrong) => ({
    event: {} as never,
    error,
    attempts: 1,
    handler,
  });

  test('keep the newest, and count those that were dropped', () => {
    const letters = new DeadLetterList(2);
    const made = [1, 2, 3].map((number) => letter(() => undefined, number));
    for (const one of made) letters.park(one);
    expect([letters.list().map(({ error }) => error), letters.dropped, letters.size]).toEqual([[2, 3], 1, 2]);
    expect([letters.remove(made[1]!), letters.remove(made[1]!), letters.size]).toEqual([true, false, 1]);
    expect(() => new DeadLetterList(0)).toThrow(expect.objectContaining({ code: 'event/invalid' }));
  });

  test('are tried again one by one: taken ones leave, others stay with what they failed with', async () => {
    const letters = new DeadLetterList();
    const again = new Error('again');
    const good = letter(async () => undefined);
    const bad = letter(() => {
      throw again;
    });
    letters.park(bad);
    letters.park(good);
    expect(await letters.retryAll()).toBe(1);
    expect(letters.list()).toEqual([{ ...bad, error: again, attempts: 2 }]);
    expect(await letters.retry(good)).toBe(false);
    const removed = letter(() => {
      letters.remove(removed);
      throw again;
    });
    letters.park(removed);
    expect(await letters.retry(removed)).toBe(false);
    expect(letters.size).toBe(1);
  });
});
