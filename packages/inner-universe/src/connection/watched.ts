/** A value that changes. Its members may be called without `this`, as `useSyncExternalStore` does. */
export interface Watchable<T> {
  /** The value now: the same object until the next change. */
  readonly getSnapshot: () => T;
  /**
   * Calls the listener after each change, before the next one; the result ends that. A listener that throws stops no
   * other; what it throws is reported where the value's owner reports errors.
   */
  readonly subscribe: (listener: (value: T) => void) => () => void;
  /** The value now, then each later one; who is slow gets the latest and misses what lay between. Ends with the signal. */
  changes(signal?: AbortSignal): AsyncGenerator<T, void, undefined>;
}

/** A watchable value for its owner, who sets it. */
export class Watched<T> implements Watchable<T> {
  readonly #listeners: Set<(value: T) => void> = new Set();
  readonly #onError: (error: unknown) => void;
  #value: T;

  constructor(value: T, onError: (error: unknown) => void) {
    this.#value = value;
    this.#onError = onError;
  }

  readonly getSnapshot = (): T => this.#value;

  readonly subscribe = (listener: (value: T) => void): (() => void) => {
    // Two who pass the same function are two listeners.
    const own = (value: T): void => listener(value);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  };

  async *changes(signal?: AbortSignal): AsyncGenerator<T, void, undefined> {
    let wake: () => void = () => undefined;
    let isNew = true;
    const onChange = (): void => {
      isNew = true;
      wake();
    };
    const onAbort = (): void => wake();
    const stop = this.subscribe(onChange);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      while (signal?.aborted !== true) {
        if (isNew) {
          isNew = false;
          yield this.#value;
          continue;
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      stop();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Makes it the value, and tells everybody. */
  set(value: T): void {
    this.#value = value;
    for (const listener of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}
