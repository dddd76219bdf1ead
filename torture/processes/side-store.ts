import type { SpacetimeTemporalStore } from 'inner-universe';
import type { Side } from '../deeds.ts';

/** Branches a writer's own store, one branch at a time, and merges it again. */
export class SideStore {
  readonly #store: SpacetimeTemporalStore<Side>;
  #line: Promise<unknown> = Promise.resolve();

  constructor(store: SpacetimeTemporalStore<Side>) {
    this.#store = store;
  }

  /** Resolves when the branch that is named so is merged; one after the other, for the store has one head. */
  branchAndMerge(id: string, value: number): Promise<void> {
    const done = this.#line.then(() => this.#branchAndMerge(id, value));
    this.#line = done.catch(() => undefined);
    return done;
  }

  async #branchAndMerge(id: string, value: number): Promise<void> {
    const store = this.#store;
    await store.createBranch(id);
    await store.switchBranch(id);
    try {
      await store.commit((side) => (side.branched[id] = value), { id: `${id}-branched` });
    } finally {
      await store.switchBranch('main');
    }
    await store.commit((side) => (side.beside[id] = value), { id: `${id}-beside` });
    await store.merge(id);
  }
}
