import { identityHex, type StateStep, type WireIdentity } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import { jcsHash } from '@inner-universe/nerv/hash';
import { parsePatch, StateTree } from '@inner-universe/nerv/temporal';
import type { ReadPage } from '../client/change-feed.ts';
import { loadStoredText } from '../client/value-text.ts';

/** A version's state, checked against its hash. */
export interface LoadedState {
  readonly versionId: string;
  readonly store: string;
  readonly tree: StateTree;
}

/** How many states are kept for the next reads. States share what they have in common, so each costs its difference. */
const STATES_KEPT = 64;

/** Materialises versions: nearest snapshot plus deltas, fetched by pages, verified before they are handed out. */
export class VersionReader {
  readonly #read: ReadPage;
  readonly #kept = new Map<string, LoadedState>();

  constructor(read: ReadPage) {
    this.#read = read;
  }

  /**
   * The state of a version.
   * @throws `state/unknown-version`, `state/incomplete` as the module does, and `state/corrupt-version`
   */
  async load(versionId: string): Promise<LoadedState> {
    const kept = this.#kept.get(versionId);
    if (kept !== undefined) {
      this.#keep(kept);
      return kept;
    }
    const loaded = await this.#materialise(versionId);
    this.#keep(loaded);
    return loaded;
  }

  /** Keeps a state that was made here, so that it need not be fetched. */
  adopt(state: LoadedState): void {
    this.#keep(state);
  }

  async #materialise(versionId: string): Promise<LoadedState> {
    const steps: StateStep[] = [];
    let store = '';
    let base: StateTree | undefined;
    for (let from = versionId; from !== '' && base === undefined; ) {
      const page = await this.#read('readState', { versionId: from, limit: 0 });
      store = page.store;
      const scope = await this.#scopeOf(page.store, from, [...page.steps, ...(page.snapshot === undefined ? [] : [page.snapshot])]);
      for (const step of page.steps) {
        const near = this.#kept.get(step.versionId);
        if (near !== undefined) {
          base = near.tree;
          break;
        }
        const text = await loadStoredText(this.#read, { text: step.delta, encoding: step.deltaEncoding, scope });
        steps.push({ ...step, delta: text, deltaEncoding: 'json/1' });
      }
      if (base === undefined && page.snapshot !== undefined) {
        const { state, stateEncoding, dataHash, publisher } = page.snapshot;
        base = StateTree.parse(await loadStoredText(this.#read, { text: state, encoding: stateEncoding, scope }));
        verify(base, { versionId: page.snapshot.versionId, dataHash, publisher });
      }
      from = base === undefined ? page.continueFrom : '';
    }
    let tree = base ?? StateTree.from({});
    for (const step of steps.reverse()) tree = tree.apply(parsePatch(step.delta));
    const last = steps.at(-1);
    if (last !== undefined) verify(tree, last);
    return { versionId, store, tree };
  }

  /** Chunks are read within their scope; only values that lie in chunks cost the question. */
  async #scopeOf(store: string, versionId: string, parts: readonly { deltaEncoding?: string; stateEncoding?: string }[]): Promise<string> {
    if (parts.every((part) => (part.deltaEncoding ?? part.stateEncoding) !== 'chunks/1')) return '';
    const { versions } = await this.#read('readVersions', {
      ids: [versionId],
      scope: '',
      store,
      branch: '',
      line: '',
      descending: false,
      cursor: '',
      limit: 0,
    });
    return versions[0]?.version.scope ?? '';
  }

  #keep(state: LoadedState): void {
    this.#kept.delete(state.versionId);
    this.#kept.set(state.versionId, state);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= STATES_KEPT) return;
      this.#kept.delete(oldest);
    }
  }
}

function verify(tree: StateTree, version: { versionId: string; dataHash: string; publisher: WireIdentity }): void {
  const found = version.dataHash.startsWith('sha256-jcs:') ? jcsHash(tree.toValue()) : tree.hash;
  if (found === version.dataHash) return;
  const publisher = identityHex(version.publisher);
  throw new NervError(
    'state/corrupt-version',
    `Version ${version.versionId} does not have the state its hash names: ${version.dataHash} was recorded by ${publisher}, ` +
      `${found} is there. Do not build on it; restore it from another copy.`,
    { details: { versionId: version.versionId, dataHash: version.dataHash, found, publisher } },
  );
}
