import type { ManualTime } from '@inner-universe/host/testing';
import type { Clock, Timers } from '@inner-universe/nerv';
import type { Waiting } from '../connection/link.ts';
import type { SeededRandom } from './seeded-random.ts';

/** The clock of a test host, as everything on the client's side sees it: one time for both. */
export class TestTime implements Clock, Timers {
  readonly #time: ManualTime;

  constructor(time: ManualTime) {
    this.#time = time;
  }

  nowMicros(): bigint {
    return this.#time.nowMicros();
  }

  nowMs(): number {
    return Number(this.#time.nowMicros() / 1000n);
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = this.#time.after(delayMs, callback);
    return () => timer.cancel();
  }
}

/**
 * How a client under test waits before it connects again: on the test's clock. Whoever brings the other side back ends
 * the pauses by `wake`, so that a test need not know how long they are.
 */
export class TestWaiting implements Waiting {
  readonly #time: TestTime;
  readonly #random: SeededRandom;
  readonly #sleeping: Set<() => void> = new Set();

  constructor(time: TestTime, random: SeededRandom) {
    this.#time = time;
    this.#random = random;
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        if (!this.#sleeping.delete(finish)) return;
        cancel();
        signal.removeEventListener('abort', finish);
        resolve();
      };
      this.#sleeping.add(finish);
      const cancel = this.#time.schedule(finish, delayMs);
      if (signal.aborted) finish();
      else signal.addEventListener('abort', finish, { once: true });
    });
  }

  random(): number {
    return this.#random.next();
  }

  nowMs(): number {
    return this.#time.nowMs();
  }

  /** Ends every pause now. */
  wake(): void {
    for (const finish of [...this.#sleeping]) finish();
  }
}
