import type { DeepReadonly, TemporalStore } from '@inner-universe/nerv/temporal';
import type { Readable } from './source.ts';

/** What a store shows: everything in it belongs together. */
export interface StoreView<S> {
  readonly state: DeepReadonly<S>;
  readonly versionId: string;
  readonly branch: string;
  /** `pending` while it shows commits of one's own that are not recorded yet. */
  readonly status: 'pending' | 'confirmed';
}

const SOURCES = new WeakMap<object, Readable<StoreView<unknown>>>();

/** A store to be read by hooks: the same one for all who read that store. */
export function sourceOfStore<S>(store: TemporalStore<S>): Readable<StoreView<S>> {
  // What was made for a store is of its state.
  const known = SOURCES.get(store) as Readable<StoreView<S>> | undefined;
  if (known !== undefined) return known;
  const source = makeSource(store);
  SOURCES.set(store, source as Readable<StoreView<unknown>>);
  return source;
}

function makeSource<S>(store: TemporalStore<S>): Readable<StoreView<S>> {
  let view = viewOf(store);
  const read = (): StoreView<S> => {
    const now = viewOf(store);
    const isSame =
      Object.is(now.state, view.state) &&
      now.versionId === view.versionId &&
      now.branch === view.branch &&
      now.status === view.status;
    if (!isSame) view = now;
    return view;
  };
  return {
    subscribe: (listener) => {
      const subscription = store.subscribe(() => listener());
      return () => subscription.unsubscribe();
    },
    getSnapshot: read,
    getServerSnapshot: read,
  };
}

function viewOf<S>(store: TemporalStore<S>): StoreView<S> {
  const { state, versionId, branch } = store;
  return {
    state,
    versionId,
    branch,
    status: 'status' in store && store.status === 'pending' ? 'pending' : 'confirmed',
  };
}
