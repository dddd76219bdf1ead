/**
 * The versions of one state, in memory.
 *
 * Invariants:
 * - A write happens whole (version, state, branch, head) or, when it throws, not at all.
 * - `#head` is the head of the checked-out branch and its state, always.
 */
import { NervError, taken } from '../errors.ts';
import { chainHash } from '../hash/version-hash.ts';
import { formatTreeHash } from '../hash/tree-digest.ts';
import type { Clock, IdSource } from '../ids/clock.ts';
import { systemClock, systemIds, systemReport } from '../ids/system.ts';
import { checkName } from './branch-table.ts';
import { KeptVersions, type VersionKeeper } from './kept-versions.ts';
import { StoreObservers } from './store-observers.ts';
import type {
  BranchInfo,
  Change,
  CommitOptions,
  CoreAtOptions,
  CoreStateChange,
  DeepReadonly,
  LogFilter,
  StoreSubscription,
  VersionReference,
} from './temporal-store.ts';
import { adoptSlot } from './tree/adopt.ts';
import { knownSlot } from './tree/draft-slot.ts';
import { editSlot } from './tree/edit.ts';
import { importValue } from './tree/import-value.ts';
import { slotDigest, type Slot } from './tree/slot.ts';
import { viewSlot } from './tree/view.ts';
import { versionNotFound, type Tag, type Version } from './version.ts';

/** What a store is given. Everything has a default. */
export interface CoreTemporalStoreOptions {
  /** The branch that the first version is on; default `main`. */
  readonly branch?: string | undefined;
  /** The author of commits that name none; default the empty string. */
  readonly author?: string | undefined;
  /** The first version's description; default `initial state`. */
  readonly description?: string | undefined;
  readonly clock?: Clock | undefined;
  readonly ids?: IdSource | undefined;
  /** Called with what a listener throws; default the console. */
  readonly onListenerError?: ((error: unknown) => void) | undefined;
}

/** A version about to be recorded. */
export interface Recording {
  readonly type: 'commit' | 'merge';
  readonly branch: string;
  readonly parents: readonly string[];
  readonly before?: Slot | undefined;
  readonly after: Slot;
  readonly options: CommitOptions;
}

/** Where a branch stands, and its state. */
export interface Head {
  readonly branch: string;
  readonly versionId: string;
  readonly slot: Slot;
}

/**
 * The smallest store: commits, branches and tags, any version's state at once, and subscribers. `TemporalStore` of the
 * entry `temporal` has all of this, with merges, patches and more; what begins with `protected` is for it.
 */
export class CoreTemporalStore<S, C extends CoreStateChange<S> = CoreStateChange<S>> {
  protected keeper: VersionKeeper;
  readonly #options: CoreTemporalStoreOptions;
  readonly #observers: StoreObservers<S, CoreStateChange<S>>;
  readonly #clock: Clock;
  #lastRecordedAtMicros: bigint;
  #head: Head;

  /** Starts a history whose first version has the initial state. @throws `value/unsupported` */
  constructor(initial: S, options?: CoreTemporalStoreOptions);
  /** Keeps its versions there, and takes up the history that is, if a branch is named; for the parts of `temporal/`. */
  constructor(
    initial: S | undefined,
    options: CoreTemporalStoreOptions,
    keeper: VersionKeeper,
    checkedOut: string | undefined,
  );
  constructor(
    initial: S | undefined,
    options: CoreTemporalStoreOptions = {},
    keeper: VersionKeeper = new KeptVersions(),
    checkedOut?: string,
  ) {
    this.keeper = keeper;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#observers = new StoreObservers(
      options.onListenerError ?? ((error) => systemReport('A listener of a TemporalStore failed:', error)),
    );
    this.#lastRecordedAtMicros = keeper.branches.moves().at(-1)?.recordedAtMicros ?? 0n;
    const { branch = 'main', description = 'initial state' } = options;
    if (checkedOut === undefined) {
      const after = importValue(initial, '', knownSlot);
      this.record({ type: 'commit', branch, parents: [], after, options: { description } });
    }
    this.#head = this.headOf(checkedOut ?? branch);
  }

  /** The state of the checked-out branch's head, read-only; parts that did not change are `===` across versions. */
  get state(): DeepReadonly<S> {
    return show(this.#head.slot);
  }

  /** The head of the branch that is checked out. */
  get versionId(): string {
    return this.#head.versionId;
  }

  /** The branch that is checked out. */
  get branch(): string {
    return this.#head.branch;
  }

  /** As `TemporalStore.commit`. */
  commit(change: Change<S>, options: string | CommitOptions = {}): string {
    const commit = normalize(options);
    const { branch, versionId, slot } = this.expectHead(commit);
    // What is no function is a state: functions cannot be stored.
    const after =
      typeof change === 'function'
        ? editSlot(slot, change as (draft: never) => unknown)
        : adoptSlot(slot, importValue(change, '', knownSlot));
    return this.record({
      type: 'commit',
      branch,
      parents: [versionId],
      before: slot,
      after,
      options: commit,
    });
  }

  /** As `TemporalStore.at`. */
  at(reference: VersionReference, options?: CoreAtOptions): DeepReadonly<S> {
    return show(this.keeper.read(this.resolve(reference, options)));
  }

  /** As `TemporalStore.version`. */
  version(reference: VersionReference, options?: CoreAtOptions): Version {
    return this.keeper.get(this.resolve(reference, options));
  }

  /** The versions that a head descends from by first parents, the last first. @throws as `at` */
  log({ from = 0, branch, limit = Infinity }: Pick<LogFilter, 'from' | 'branch' | 'limit'> = {}): Version[] {
    const versions: Version[] = [];
    for (const version of this.#line(this.resolve(from, { branch }))) {
      if (versions.length >= limit) break;
      versions.push(version);
    }
    return versions;
  }

  /** All branches, by name. */
  branches(): BranchInfo[] {
    return this.keeper.branches.list();
  }

  /** Makes a branch at a version (default the head). @throws `state/branch-exists`, `state/version-not-found` */
  createBranch(name: string, at: VersionReference = 0): void {
    const { branches } = this.keeper;
    if (branches.tryHead(name) !== undefined) throw taken('state/branch-exists', 'branch', { branch: name });
    branches.move(name, this.resolve(at), this.now());
  }

  /** Checks out a branch. @throws `state/branch-not-found` */
  switchBranch(name: string): void {
    this.moveHead('switch', this.headOf(name));
  }

  /** Deletes a branch, not its versions. @throws `state/branch-not-found`; `state/invalid-argument` if checked out */
  deleteBranch(name: string): void {
    this.keeper.branches.head(name);
    if (name === this.branch) {
      throw new NervError('state/invalid-argument', `Branch '${name}' is checked out. Switch to another first.`, {
        details: { branch: name },
      });
    }
    this.keeper.branches.move(name, undefined, this.now());
  }

  /** Names a version (default the head). @throws `state/tag-exists`, `state/version-not-found` */
  tag(name: string, reference: VersionReference = 0): void {
    this.keeper.branches.tag(name, this.resolve(reference));
  }

  /** Takes a name away. @throws `state/tag-not-found` */
  deleteTag(name: string): void {
    this.keeper.branches.deleteTag(name);
  }

  /** All tags, by name. */
  tags(): Tag[] {
    return this.keeper.branches.tags();
  }

  /** Calls back after each change of `state`, in order. A throwing listener is reported and harms no other. */
  subscribe(listener: (change: C) => void): StoreSubscription {
    return this.#observers.add(listener as (change: CoreStateChange<S>) => void); // see `moveHead`
  }

  /** As `subscribe`, but only when the selected part changed (`Object.is`, unless `equals` is given). */
  select<T>(
    selector: (state: DeepReadonly<S>) => T,
    listener: (selected: T, previous: T, change: C) => void,
    equals?: (a: T, b: T) => boolean,
  ): StoreSubscription {
    const told = listener as (selected: T, previous: T, change: CoreStateChange<S>) => void; // see `moveHead`
    return this.#observers.select(this.state, { selector, listener: told, equals });
  }

  /** The id that a reference means. @throws `state/version-not-found`, `state/branch-not-found` */
  protected resolve(reference: VersionReference, { branch = this.branch }: CoreAtOptions = {}): string {
    const { branches } = this.keeper;
    let found: string | undefined;
    if (typeof reference === 'string') {
      found = this.keeper.has(reference) ? reference : (branches.tagged(reference) ?? branches.tryHead(reference));
    } else if (typeof reference === 'number') {
      let back = 0;
      for (const { id } of this.#line(branches.head(branch))) {
        if (back === reference) found = id;
        if (back >= reference) break;
        back += 1;
      }
    } else {
      // A Date has milliseconds: the whole of its last one counts. An invalid one comes before all.
      const timeMicros = BigInt(reference.getTime() || 0) * 1000n + 999n;
      found = branches.headAt(branch, timeMicros);
    }
    if (found === undefined) throw versionNotFound(String(reference));
    return found;
  }

  /** The head that a commit goes on from. @throws `state/branch-not-found`, `VersionConflictError` */
  protected expectHead({ branch = this.branch, expectedHead }: CommitOptions): Head {
    this.keeper.branches.head(branch);
    if (expectedHead !== undefined) this.keeper.branches.checkHead(branch, expectedHead);
    return branch === this.branch ? this.#head : this.headOf(branch);
  }

  /** Where a branch stands. @throws `state/branch-not-found` */
  protected headOf(branch: string): Head {
    const versionId = this.keeper.branches.head(branch);
    return { branch, versionId, slot: this.keeper.read(versionId) };
  }

  /** The one way in: whatever can be refused is refused before the first write. */
  protected record({ type, branch, parents, before, after, options }: Recording): string {
    const { author = this.#options.author ?? '', description = '' } = options;
    const { id = (this.#options.ids ?? systemIds).nextId() } = options;
    checkName('version', id);
    const recordedAtMicros = this.now();
    const { authoredAtMicros = recordedAtMicros } = options;
    const covered = {
      dataHash: formatTreeHash(slotDigest(after)),
      author,
      authoredAtMicros,
      description,
    };
    const chain = chainHash({
      ...covered,
      parents: parents.map((parent) => this.keeper.get(parent).chainHash),
    });
    this.keeper.add({ id, parents, ...covered, chainHash: chain, recordedAtMicros }, after, before);
    this.keeper.branches.move(branch, id, recordedAtMicros);
    if (parents.length > 0 && branch === this.branch) this.moveHead(type, { branch, versionId: id, slot: after });
    return id;
  }

  /** Shows another state, and tells of it. */
  protected moveHead(type: CoreStateChange<S>['type'], head: Head): void {
    const previous = this.#head;
    this.#head = head;
    if (this.#observers.isEmpty) return;
    const change: CoreStateChange<S> = {
      type,
      branch: head.branch,
      versionId: head.versionId,
      previousVersionId: previous.versionId,
      state: show(head.slot),
      previousState: show(previous.slot),
      status: 'confirmed',
    };
    // With what the keeper adds it is a C: a store's keeper describes what the store says that its changes have.
    this.#observers.tell({ ...change, ...this.keeper.describe?.(previous.slot, head.slot) });
  }

  /** Never runs backwards, so that the order of moves is the order of their times. */
  protected now(): bigint {
    const now = this.#clock.nowMicros();
    if (now > this.#lastRecordedAtMicros) this.#lastRecordedAtMicros = now;
    return this.#lastRecordedAtMicros;
  }

  /** A version and its first parents, back to the root. */
  *#line(id: string): Generator<Version> {
    for (let next: string | undefined = id; next !== undefined;) {
      const version: Version = this.keeper.get(next);
      yield version;
      [next] = version.parents;
    }
  }
}

/** Options, of which the description may be given alone. */
export function normalize(options: string | CommitOptions): CommitOptions {
  return typeof options === 'string' ? { description: options } : options;
}

function show<S>(slot: Slot): DeepReadonly<S> {
  // Every state of this store was put in as an S, and a view cannot be written to.
  return viewSlot(slot) as DeepReadonly<S>;
}
