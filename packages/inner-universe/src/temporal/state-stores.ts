import type { Value } from '@inner-universe/nerv/values';
import { StateTree, type JsonPatch } from '@inner-universe/nerv/temporal';
import type { ModuleClient } from '../client/client.ts';
import type { Encryption } from '../encryption/encryption.ts';
import { ALL_REFERENCES } from '../client/reads.ts';
import type { CallOptions } from '../connection/connection.ts';
import { makeCallRunner, runWithin, type CallRunner } from '../connection/run-within.ts';
import { checkName } from './check-arguments.ts';
import { RecoveredCommits } from './recovered-commits.ts';
import { SpacetimeTemporalStore } from './spacetime-temporal-store.ts';
import { checkStoreOptions, type OpenStoreOptions, type TemporalStoreOptions } from './store-options.ts';
import { VersionReader, type LoadedState } from './version-reader.ts';

interface Closable {
  close(): void;
}

/** The state stores of a universe. */
export class StateStores {
  readonly #client: ModuleClient;
  readonly #reader: VersionReader;
  readonly #onError: (error: unknown) => void;
  readonly #encryption: Encryption | undefined;
  readonly #recovered: RecoveredCommits;
  readonly #within: CallRunner;
  readonly #open = new Set<Closable>();

  constructor(client: ModuleClient, onError: (error: unknown) => void, encryption?: Encryption) {
    this.#client = client;
    this.#reader = new VersionReader(client.readPage, (store) =>
      client.telemetry.count('state.verify_failures', 1, { store }),
    );
    this.#recovered = new RecoveredCommits(client, onError);
    this.#onError = onError;
    this.#within = makeCallRunner('states', client.timers);
    this.#encryption = encryption;
  }

  /**
   * Opens a store, with a branch checked out; `initial` becomes the first version if the store has none, and may be left
   * out (`undefined`) for one that is known to have some. Loads the head, not the history. While the server is away, the
   * store is as it was kept here (`isStale`), with the commits that wait for the server, and catches up later. Called
   * off, `initial` may have been recorded.
   * @throws `state/branch-not-found`, naming the branches there are; `config/invalid` for an option that is none
   */
  async open<S>(name: string, initial?: S, options: OpenStoreOptions = {}): Promise<SpacetimeTemporalStore<S>> {
    checkName('The name of a store', name);
    checkStoreOptions(options);
    const { signal, timeoutMs, ...rest } = options;
    const opening = (ending: AbortSignal | undefined): Promise<SpacetimeTemporalStore<S>> =>
      this.#openStore(name, { initial, options: rest }, ending);
    return runWithin('states.open', { signal, timeoutMs }, opening, this.#client.timers);
  }

  async #openStore<S>(
    name: string,
    { initial, options }: { readonly initial: S | undefined; readonly options: TemporalStoreOptions },
    ending: AbortSignal | undefined,
  ): Promise<SpacetimeTemporalStore<S>> {
    const opened: { store?: Closable } = {};
    const onClose = (): void => {
      if (opened.store !== undefined) this.#open.delete(opened.store);
    };
    const shared = { client: this.#client, reader: this.#reader, onError: this.#onError, encryption: this.#encryption };
    const parts = { ...shared, recovered: this.#recovered, name, onClose };
    const store = await SpacetimeTemporalStore.open<S>(parts, initial, options);
    if (ending?.aborted === true) {
      // Nobody waits for it any more.
      store.close();
      throw ending.reason;
    }
    opened.store = store;
    this.#open.add(store);
    return store;
  }

  /** The state of any version of any store, checked against its hash; as recorded, so that sealed fields are sealed. @throws `state/unknown-version`, `state/corrupt-version`, `state/invalid-argument` */
  load(versionId: string, call?: CallOptions): Promise<LoadedState> {
    return this.#within('load', call, () => this.#load(versionId));
  }

  /** The JSON Patch between two versions' states as recorded, also of different stores; from the empty object if `from` is undefined. */
  async diff(from: string | undefined, to: string, call?: CallOptions): Promise<JsonPatch> {
    const diff = async (): Promise<JsonPatch> => {
      checkName('The id of a version', to);
      const before = from === undefined ? StateTree.from<Value>({}) : (await this.#load(from)).tree;
      return before.diff((await this.#load(to)).tree);
    };
    return this.#within('diff', call, diff);
  }

  async #load(versionId: string): Promise<LoadedState> {
    return this.#reader.load(checkName('The id of a version', versionId));
  }

  /** Whether a store exists. */
  async has(name: string, call?: CallOptions): Promise<boolean> {
    checkName('The name of a store', name);
    const page = await this.#client.read('readBranches', { ...ALL_REFERENCES, store: name, limit: 1 }, call);
    return page.branches.length > 0;
  }

  /** Ends every store's subscriptions. */
  close(): void {
    for (const store of [...this.#open]) store.close();
    this.#recovered.close();
  }
}
