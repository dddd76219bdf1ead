/**
 * Who is told of a store's changes.
 *
 * Invariants:
 * - Every listener hears of every change made while it is subscribed, each once, in the order they were made, also of
 *   those that listeners make.
 * - A listener that throws is reported and harms no other.
 */
import type { CoreStateChange, DeepReadonly, StateChange, StoreSubscription } from './temporal-store.ts';

type Listener<C> = (change: C) => void;

/** What part of a state somebody follows. */
export interface Selection<S, T, C = StateChange<S>> {
  readonly selector: (state: DeepReadonly<S>) => T;
  readonly listener: (selected: T, previous: T, change: C) => void;
  readonly equals?: ((a: T, b: T) => boolean) | undefined;
}

/** The listeners of one store. */
export class StoreObservers<S, C extends CoreStateChange<S> = StateChange<S>> {
  readonly #listeners = new Set<Listener<C>>();
  readonly #waiting: C[] = [];
  readonly #report: (error: unknown) => void;
  #isTelling = false;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  add(listener: Listener<C>): StoreSubscription {
    const own: Listener<C> = (change) => listener(change);
    this.#listeners.add(own);
    const unsubscribe = (): void => {
      this.#listeners.delete(own);
    };
    return { unsubscribe, [Symbol.dispose]: unsubscribe };
  }

  /** As `TemporalStore.select`, from a state on. */
  select<T>(state: DeepReadonly<S>, { selector, listener, equals = Object.is }: Selection<S, T, C>): StoreSubscription {
    let selected = selector(state);
    return this.add((change) => {
      const previous = selected;
      const next = selector(change.state);
      if (equals(previous, next)) return;
      selected = next;
      listener(next, previous, change);
    });
  }

  tell(change: C): void {
    this.#waiting.push(change);
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) this.#tellAll(next);
    this.#isTelling = false;
  }

  #tellAll(change: C): void {
    // A listener that is added meanwhile hears from the next change on.
    for (const listener of Array.from(this.#listeners)) {
      if (!this.#listeners.has(listener)) continue;
      try {
        listener(change);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
