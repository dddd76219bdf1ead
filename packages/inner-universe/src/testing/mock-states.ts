import { NervError, type Clock, type IdSource } from '@inner-universe/nerv';
import {
  compact,
  StateTree,
  TemporalStore,
  type CompactionOptions,
  type CompactionReport,
  type JsonPatch,
  type StoreSubscription,
} from '@inner-universe/nerv/temporal';
import type { SpacetimeTemporalStore } from '../temporal/spacetime-temporal-store.ts';
import type { TemporalStoreOptions } from '../temporal/store-options.ts';
import type { StateStores } from '../temporal/state-stores.ts';
import type { LoadedState } from '../temporal/version-reader.ts';
import { MockError, record, type MockCalls, type PublicOf } from './mock-calls.ts';

/** NERV's own store. */
type Local = InstanceType<typeof TemporalStore<unknown>>;

/** What the stores of a mock are made with. */
export interface MockStatesParts {
  readonly calls: MockCalls;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly onError: (error: unknown) => void;
}

const SYNC: ReadonlySet<string> = new Set(['subscribe', 'close']);

/** State stores in memory. Whoever opens a store of one name has the same store, with one branch checked out for all. */
export class MockStates implements PublicOf<StateStores> {
  readonly #parts: MockStatesParts;
  readonly #stores = new Map<string, Local>();
  readonly #subscriptions = new Set<StoreSubscription>();

  constructor(parts: MockStatesParts) {
    this.#parts = parts;
  }

  async open<S>(name: string, initial?: S, options: TemporalStoreOptions = {}): Promise<SpacetimeTemporalStore<S>> {
    const known = this.#stores.get(name);
    const store = known ?? this.#create(name, initial, options);
    const { branch = 'main' } = options;
    if (known !== undefined && known.branch !== branch) {
      throw new MockError(
        'mock/not-supported',
        `In a mock, all who open store '${name}' have one branch checked out, which is '${known.branch}', not '${branch}'. Use createTestUniverse().`,
        { details: { store: name, branch } },
      );
    }
    const here = { pending: [], status: 'confirmed', isStale: false };
    const compaction = async (options: CompactionOptions = {}): Promise<CompactionReport> => compact(store, options);
    const own = { name, ...here, compact: compaction, subscribe: this.#subscriber(store), close: () => undefined };
    return record(this.#parts.calls, 'store', store, { sync: SYNC, own });
  }

  async load(versionId: string): Promise<LoadedState> {
    for (const [store, local] of this.#stores) {
      if (isThere(local, versionId)) return { versionId, store, tree: StateTree.from<unknown>(local.at(versionId)) };
    }
    throw new NervError('state/version-not-found', `No store of the mock has a version '${versionId}'.`, {
      details: { versionId },
    });
  }

  async diff(from: string | undefined, to: string): Promise<JsonPatch> {
    const before = from === undefined ? StateTree.from<unknown>({}) : (await this.load(from)).tree;
    return before.diff((await this.load(to)).tree);
  }

  async has(name: string): Promise<boolean> {
    return this.#stores.has(name);
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#subscriptions.clear();
  }

  #create(name: string, initial: unknown, { branch = 'main', author }: TemporalStoreOptions): Local {
    if (initial === undefined || branch !== 'main') {
      throw new NervError(
        'state/branch-not-found',
        `There is no store '${name}' with a branch '${branch}' in the mock.`,
        {
          details: { store: name, branch },
        },
      );
    }
    const { clock, ids, onError } = this.#parts;
    const store = new TemporalStore<unknown>(initial, { branch, author, clock, ids, onListenerError: onError });
    this.#stores.set(name, store);
    return store;
  }

  #subscriber(store: Local): Local['subscribe'] {
    return (listener) => {
      const subscription = store.subscribe(listener);
      this.#subscriptions.add(subscription);
      return subscription;
    };
  }
}

function isThere(store: Local, versionId: string): boolean {
  return store.log({ limit: Number.MAX_SAFE_INTEGER }).some(({ id }) => id === versionId);
}
