import type { Timers } from '@inner-universe/nerv';

/** What somebody waits for. Rung while nobody waits, it lets the next one through at once; rung often before that, it counts once. */
export class Bell {
  readonly #timers: Timers;
  #isRung = false;
  #wake: (() => void) | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Wakes the one who waits, or who will. */
  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Resolves when it is rung, with true; or, when one is given, after that time, with false. One may wait at a time. */
  wait(timeoutMs?: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel?.();
        this.#wake = undefined;
        const wasRung = this.#isRung;
        this.#isRung = false;
        resolve(wasRung);
      };
      const cancel = timeoutMs === undefined ? undefined : this.#timers.schedule(finish, timeoutMs);
      this.#wake = finish;
      if (this.#isRung) finish();
    });
  }
}
