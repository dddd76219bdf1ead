import { isPromiseLike } from '../events/promise-like.ts';

/** A state that changes: a projection, a temporal store, a view of another. The handler is called after the change. */
export interface StateSource<State> {
  readonly state: State;
  subscribe(handler: () => unknown): { unsubscribe(): void };
}

/** A running subscription. To dispose of it is to unsubscribe; doing so twice is harmless. */
export interface StateSubscription {
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

/** Who is told of a state's changes: each of all of them, in order, also of those that handlers make. */
export class StateSubscribers<State> {
  readonly #handlers = new Set<(state: State, previous: State) => unknown>();
  readonly #report: (error: unknown) => void;
  readonly #onEmpty: (() => void) | undefined;
  readonly #waiting: (readonly [state: State, previous: State])[] = [];
  #isTelling = false;

  constructor(report: (error: unknown) => void, onEmpty?: () => void) {
    this.#report = report;
    this.#onEmpty = onEmpty;
  }

  add(handler: (state: State, previous: State) => unknown): StateSubscription {
    const own = (state: State, previous: State): unknown => handler(state, previous);
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

  /** Tells those who are subscribed when it is the change's turn, and still are when it is theirs. */
  tell(state: State, previous: State): void {
    this.#waiting.push([state, previous]);
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const change = next;
      for (const handler of [...this.#handlers]) {
        if (this.#handlers.has(handler)) attempt(() => handler(...change), this.#report);
      }
    }
    this.#isTelling = false;
  }

  clear(): void {
    this.#handlers.clear();
  }
}
