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

/** What a client under test waits by. */
export interface TestWaitingParts {
  readonly time: TestTime;
  readonly random: SeededRandom;
  /** Whether an attempt to connect could succeed now. */
  readonly canConnect: () => boolean;
}

/**
 * How a client under test waits before it connects again: not at all while there is somebody to connect to, so that a
 * test need not know of such pauses; else on the test's clock, or until `wake`.
 */
export class TestWaiting implements Waiting {
  readonly #parts: TestWaitingParts;
  readonly #sleeping: Set<() => void> = new Set();

  constructor(parts: TestWaitingParts) {
    this.#parts = parts;
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
      const cancel = this.#parts.time.schedule(finish, delayMs);
      if (signal.aborted) finish();
      else if (this.#parts.canConnect()) setImmediate(finish);
      else signal.addEventListener('abort', finish, { once: true });
    });
  }

  random(): number {
    return this.#parts.random.next();
  }

  nowMs(): number {
    return this.#parts.time.nowMs();
  }

  /** Ends every pause now. */
  wake(): void {
    for (const finish of [...this.#sleeping]) finish();
  }
}
