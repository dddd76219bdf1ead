import { isPromiseLike } from './promise-like.ts';

/** A running subscription. To dispose of it is to unsubscribe; doing so twice is harmless. */
export interface Observation {
  readonly active: boolean;
  unsubscribe(): void;
  [Symbol.dispose](): void;
}

/** Calls a function of the user's whose errors, or whose promise's, are to be reported and harm nobody else. */
export function attempt(call: () => unknown, report: (error: unknown) => void): void {
  try {
    const result = call();
    if (isPromiseLike(result)) result.then(undefined, report);
  } catch (error) {
    report(error);
  }
}

/**
 * Who is told of something.
 *
 * Invariants:
 * - Each hears of all that happens while it is subscribed, once, in the order it happened, also of what handlers cause.
 * - One that throws is reported and harms no other.
 */
export class Observers<Args extends readonly unknown[]> {
  readonly #handlers = new Set<(...args: Args) => unknown>();
  readonly #report: (error: unknown) => void;
  readonly #onEmpty: (() => void) | undefined;
  readonly #waiting: Args[] = [];
  #isTelling = false;

  constructor(report: (error: unknown) => void, onEmpty?: () => void) {
    this.#report = report;
    this.#onEmpty = onEmpty;
  }

  get isEmpty(): boolean {
    return this.#handlers.size === 0;
  }

  add(handler: (...args: Args) => unknown): Observation {
    const own = (...args: Args): unknown => handler(...args);
    const handlers = this.#handlers;
    handlers.add(own);
    const unsubscribe = (): void => {
      if (handlers.delete(own) && handlers.size === 0) this.#onEmpty?.();
    };
    return {
      get active() {
        return handlers.has(own);
      },
      unsubscribe,
      [Symbol.dispose]: unsubscribe,
    };
  }

  /** Tells those who are subscribed when it is the turn of this, and still are when it is theirs. */
  tell(...args: Args): void {
    this.#waiting.push(args);
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const about = next;
      for (const handler of [...this.#handlers]) {
        if (this.#handlers.has(handler)) attempt(() => handler(...about), this.#report);
      }
    }
    this.#isTelling = false;
  }

  clear(): void {
    this.#handlers.clear();
  }
}
