import { Observers } from '../events/observers.ts';
import type { CoreStateChange, DeepReadonly, StateChange, StoreSubscription } from './temporal-store.ts';

/** What part of a state somebody follows. */
export interface Selection<S, T, C = StateChange<S>> {
  readonly selector: (state: DeepReadonly<S>) => T;
  readonly listener: (selected: T, previous: T, change: C) => void;
  readonly equals?: ((a: T, b: T) => boolean) | undefined;
}

/** The listeners of one store. */
export class StoreObservers<S, C extends CoreStateChange<S> = StateChange<S>> extends Observers<readonly [change: C]> {
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
}
