import type { Clock } from './clock.ts';

/** A clock that is read once and then stands still until the work of the moment is over. */
export class TurnClock implements Clock {
  readonly #readMs: () => number;
  readonly #defer: (callback: () => void) => void;
  #nowMs: number | undefined;

  /** `defer` calls back once the running code is done, as `queueMicrotask` does. */
  constructor(readMs: () => number, defer: (callback: () => void) => void) {
    this.#readMs = readMs;
    this.#defer = defer;
  }

  nowMicros(): bigint {
    return BigInt(this.nowMs()) * 1000n;
  }

  nowMs(): number {
    if (this.#nowMs === undefined) {
      this.#nowMs = this.#readMs();
      this.#defer(() => {
        this.#nowMs = undefined;
      });
    }
    return this.#nowMs;
  }
}
