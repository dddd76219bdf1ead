import { identityHex, type StatePage, type StateStep, type WireIdentity } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import { jcsHash } from '@inner-universe/nerv/hash';
import { parsePatch, StateTree, type PatchOperation } from '@inner-universe/nerv/temporal';
import { LASTING, ReadCache } from '../cache/read-cache.ts';
import type { ReadPage } from '../client/change-source.ts';
import { ALL_VERSIONS } from '../client/reads.ts';
import { refusalOf } from '../errors.ts';
import { loadStoredText } from '../client/value-text.ts';

/** A version's state, checked against its hash. */
export interface LoadedState {
  readonly versionId: string;
  readonly store: string;
  readonly tree: StateTree;
}

/** How many states are kept for the next reads. States share what they have in common, so each costs its difference. */
const STATES_KEPT = 64;

/** What a state is put together from. */
interface StateLine {
  readonly store: string;
  readonly base: StateTree | undefined;
  readonly snapshot: SnapshotValue | undefined;
  /** Newest first. */
  readonly steps: readonly StateStep[];
}

type SnapshotValue = HashedVersion & { readonly state: string };

/** Materialises versions: nearest snapshot plus deltas, fetched by pages, verified before they are handed out. */
export class VersionReader {
  readonly #read: ReadPage;
  readonly #onCorrupt: (store: string) => void;
  readonly #kept = new ReadCache<string, LoadedState>({ ...LASTING, entriesMax: STATES_KEPT });

  /** `onCorrupt` is told of each version that turns out not to be what its hash names. */
  constructor(read: ReadPage, onCorrupt: (store: string) => void = () => undefined) {
    this.#read = read;
    this.#onCorrupt = onCorrupt;
  }

  /**
   * The state of a version. Where its first parent is named and was read lately, only the difference is fetched. Who
   * asks while it is fetched shares that.
   * @throws `state/unknown-version`, `state/incomplete` as the module does, and `state/corrupt-version`
   */
  load(versionId: string, parent?: string): Promise<LoadedState> {
    const steps = parent !== undefined && this.#kept.has(parent) ? 1 : 0;
    return this.#kept.get(versionId, () => this.#materialise(versionId, steps));
  }

  /** Keeps a state that was made here, so that it need not be fetched. */
  adopt(state: LoadedState): void {
    this.#kept.put(state.versionId, state);
  }

  /** Forgets the states that were read: versions were left out. */
  forget(): void {
    this.#kept.clear();
  }

  async #materialise(versionId: string, limit: number): Promise<LoadedState> {
    const line = await this.#fetch(versionId, limit);
    const { store, snapshot } = line;
    try {
      const base = snapshot === undefined ? line.base : rebuild(snapshot, () => StateTree.parse(snapshot.state));
      return { versionId, store, tree: replay(base ?? StateTree.from<unknown>({}), line.steps) };
    } catch (error) {
      if (error instanceof NervError && error.code === 'state/corrupt-version') this.#onCorrupt(store);
      throw error;
    }
  }

  /** What a version is made of: the nearest state that is known or stored whole, and the steps from there, newest first. */
  async #fetch(versionId: string, limit: number): Promise<StateLine> {
    const steps: StateStep[] = [];
    for (let from = versionId, isFirst = true; ; isFirst = from === versionId) {
      const page = await this.#readStep(from, limit, isFirst);
      if (page === undefined) {
        // The rest was left out meanwhile: what stands in its place is found from the beginning.
        steps.length = 0;
        from = versionId;
        continue;
      }
      const { store, snapshot } = page;
      const scope = await this.#scopeOf(from, [...page.steps, ...(snapshot === undefined ? [] : [snapshot])]);
      for (const step of page.steps) {
        const near = this.#kept.peek(step.versionId);
        if (near !== undefined) return { store, base: near.tree, snapshot: undefined, steps };
        const delta = await loadStoredText(this.#read, { text: step.delta, encoding: step.deltaEncoding, scope });
        steps.push({ ...step, delta, deltaEncoding: 'json/1' });
      }
      if (snapshot !== undefined) {
        const stored = { text: snapshot.state, encoding: snapshot.stateEncoding, scope };
        const state = await loadStoredText(this.#read, stored);
        return { store, base: undefined, snapshot: { ...snapshot, state }, steps };
      }
      const near = this.#kept.peek(page.continueFrom);
      if (page.continueFrom === '' || near !== undefined) {
        return { store, base: near?.tree, snapshot: undefined, steps };
      }
      from = page.continueFrom;
    }
  }

  /** One page of a state; undefined for a later one that is not there any more. */
  async #readStep(versionId: string, limit: number, isFirst: boolean): Promise<StatePage | undefined> {
    try {
      return await this.#read('readState', { versionId, limit });
    } catch (error) {
      if (isFirst || refusalOf(error)?.code !== 'state/unknown-version') throw error;
      return undefined;
    }
  }

  /** Chunks are read within their scope; only values that lie in chunks cost the question. */
  async #scopeOf(
    versionId: string,
    parts: readonly { deltaEncoding?: string; stateEncoding?: string }[],
  ): Promise<string> {
    if (parts.every((part) => (part.deltaEncoding ?? part.stateEncoding) !== 'chunks/1')) return '';
    const { versions } = await this.#read('readVersions', { ...ALL_VERSIONS, ids: [versionId] });
    return versions[0]?.version.scope ?? '';
  }
}

/** What a hash is told to be of. */
interface HashedVersion {
  readonly versionId: string;
  readonly dataHash: string;
  readonly publisher: WireIdentity;
}

/** The state after steps, newest first. When it is not what the last one names, the first bad one is found. */
function replay(base: StateTree, steps: readonly StateStep[]): StateTree {
  const [last] = steps;
  if (last === undefined) return base;
  try {
    return rebuild(last, () => {
      const patch: PatchOperation[] = [];
      for (const step of steps.toReversed()) for (const operation of parsePatch(step.delta)) patch.push(operation);
      return base.apply(patch);
    });
  } catch (error) {
    let tree = base;
    for (const step of steps.toReversed()) tree = rebuild(step, () => tree.apply(parsePatch(step.delta)));
    throw error;
  }
}

/** Makes a version's state and checks it. @throws `state/corrupt-version`, also when it cannot be made */
function rebuild(version: HashedVersion, make: () => StateTree): StateTree {
  let tree: StateTree;
  try {
    tree = make();
  } catch (cause) {
    if (!(cause instanceof NervError)) throw cause;
    throw makeCorrupt(version, `what was recorded gives no state: ${cause.message}`, cause);
  }
  const found = version.dataHash.startsWith('sha256-jcs:') ? jcsHash(tree.toValue()) : tree.hash;
  if (found !== version.dataHash) throw makeCorrupt(version, `its state has the hash ${found}`);
  return tree;
}

function makeCorrupt({ versionId, dataHash, publisher }: HashedVersion, reason: string, cause?: unknown): NervError {
  const by = identityHex(publisher);
  return new NervError(
    'state/corrupt-version',
    `Version ${versionId} is not what its hash names (${dataHash}, recorded by ${by}): ${reason}. ` +
      'Do not build on it; restore it from another copy.',
    { details: { versionId, dataHash, publisher: by }, cause },
  );
}
