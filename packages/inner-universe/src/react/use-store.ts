import type { DeepReadonly, TemporalStore } from '@inner-universe/nerv/temporal';
import { useSelection, useSource } from './source.ts';
import { sourceOfStore, type StoreView } from './temporal-store-source.ts';

/** What a store shows, of NERV's own class or any other that the application has open. */
export function useStore<S>(store: TemporalStore<S>): StoreView<S> {
  return useSource(sourceOfStore(store));
}

/** A part of what a store shows; renders again only when that part is another: `Object.is`, unless `equals` is given. */
export function useStoreSelection<S, T>(
  store: TemporalStore<S>,
  selector: (state: DeepReadonly<S>) => T,
  equals: (left: T, right: T) => boolean = Object.is,
): T {
  return useSelection(sourceOfStore(store), ({ state }) => selector(state), equals);
}
