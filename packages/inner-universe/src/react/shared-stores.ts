/*
 * The stores that components of one universe have open. Invariants:
 * - a store of one name, branch and scope is opened once, for all who use it, and closed when the last one has gone;
 * - a store that was opened for somebody who has gone meanwhile is closed as soon as it is there.
 */
import type { DeepReadonly } from '@inner-universe/nerv/temporal';
import type { TemporalStoreOptions } from '../temporal/store-options.ts';
import { asError, Source } from './source.ts';
import { sourceOfStore } from './temporal-store-source.ts';
import type { OpenStore, UniverseParts } from './universe-context.ts';

/** What is shown of a store that is opened by name. */
export interface SharedView<S> {
  readonly store: OpenStore<S> | undefined;
  /** Undefined until the store is open. */
  readonly state: DeepReadonly<S> | undefined;
  readonly versionId: string | undefined;
  readonly branch: string;
  readonly status: 'loading' | 'pending' | 'confirmed' | 'failed';
  readonly error: Error | undefined;
}

/** Which store, and how it is opened. */
export type SharedStoreOptions = Pick<TemporalStoreOptions, 'branch' | 'scope' | 'snapshots'>;

const REGISTRIES = new WeakMap<UniverseParts, SharedStores>();

/** The store of that name that components share. What it starts with, and how snapshots are made, the first one says. */
export function shareStore<S>(
  universe: UniverseParts,
  name: string,
  initial: S | undefined,
  options: SharedStoreOptions,
): SharedStore<S> {
  const registry = REGISTRIES.get(universe) ?? new SharedStores();
  REGISTRIES.set(universe, registry);
  const key = JSON.stringify([name, options.branch ?? 'main', options.scope ?? 'main']);
  // Who names a store says what it holds, everywhere the same.
  const known = registry.find(key) as SharedStore<S> | undefined;
  if (known !== undefined) return known;
  const store = new SharedStore<S>({ universe, name, initial, options, registry, key });
  registry.add(key, store);
  return store;
}

/**
 * Stores by their keys, each as long as somebody holds it: one that was rendered and never shown, as on a server, holds
 * no memory.
 */
class SharedStores {
  readonly #byKey = new Map<string, WeakRef<object>>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.find(key) === undefined) this.#byKey.delete(key);
  });

  find(key: string): object | undefined {
    return this.#byKey.get(key)?.deref();
  }

  add(key: string, store: object): void {
    this.#byKey.set(key, new WeakRef(store));
    this.#gone.register(store, key);
  }

  remove(key: string, store: object): void {
    if (this.find(key) === store) this.#byKey.delete(key);
  }
}

/** What is shown until a store is open. */
export function loadingView<S>(branch: string): SharedView<S> {
  const nothing = { store: undefined, state: undefined, versionId: undefined, error: undefined };
  return Object.freeze({ ...nothing, branch, status: 'loading' as const });
}

interface SharedStoreParts<S> {
  readonly universe: UniverseParts;
  readonly name: string;
  readonly initial: S | undefined;
  readonly options: SharedStoreOptions;
  /** Where others find this one as long as it is used. */
  readonly registry: SharedStores;
  readonly key: string;
}

/** One store that components share: open while somebody subscribes. */
export class SharedStore<S> extends Source<SharedView<S>> {
  readonly #parts: SharedStoreParts<S>;

  constructor(parts: SharedStoreParts<S>) {
    super(loadingView<S>(parts.options.branch ?? 'main'), parts.universe.status);
    this.#parts = parts;
  }

  protected override start(set: (view: SharedView<S>) => void): () => void {
    const { universe, name, initial, options, registry, key } = this.#parts;
    // Who came back after the last one had gone is the one to share again.
    if (registry.find(key) === undefined) registry.add(key, this);
    const loading = this.getServerSnapshot();
    let stop: (() => void) | undefined;
    let isEnded = false;
    universe.states.open<S>(name, initial, options).then(
      (store) => {
        if (isEnded) {
          store.close?.();
          return;
        }
        const source = sourceOfStore(store);
        const show = (): void => set({ store, ...source.getSnapshot(), error: undefined });
        const unsubscribe = source.subscribe(show);
        stop = () => {
          unsubscribe();
          store.close?.();
        };
        show();
      },
      (error: unknown) => set({ ...loading, status: 'failed', error: asError(error) }),
    );
    return () => {
      isEnded = true;
      stop?.();
    };
  }

  protected override ended(): void {
    const { registry, key } = this.#parts;
    registry.remove(key, this);
  }
}
