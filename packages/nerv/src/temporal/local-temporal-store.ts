/**
 * The versions of one state, in memory.
 *
 * Invariants:
 * - A write happens whole (version, state, branch, head) or, when it throws, not at all.
 * - `#head` is the head of the checked-out branch and its state, always.
 */
import { MergeConflictError, NervError } from '../errors.ts';
import { chainHash } from '../hash/version-hash.ts';
import type { Clock, IdSource } from '../ids/clock.ts';
import { systemClock, systemIds, systemReport } from '../ids/system.ts';
import { unreachable } from '../assert.ts';
import { BranchTable } from './branch-table.ts';
import { HistoryReader, type HistoryParts } from './history-reader.ts';
import { decides, isPlan, planMergeSteps, runSteps } from './merge-plan.ts';
import { mergeStates } from './merge-states.ts';
import type { JsonPatch } from './patch.ts';
import { StateTree, type StatePath } from './state-tree.ts';
import { StoreObservers } from './store-observers.ts';
import type {
  AtOptions,
  BranchInfo,
  Change,
  CommitOptions,
  DeepReadonly,
  Drafted,
  LogFilter,
  MergeOptions,
  MergePlan,
  MergeResult,
  StateChange,
  StoreSubscription,
  TemporalStore,
  VerifyResult,
  VersionReference,
} from './temporal-store.ts';
import type { BranchMove, Tag, Version, VersionRecord } from './version.ts';
import { VersionGraph } from './version-graph.ts';
import { makeDelta, NOTHING, VersionTrees, type SnapshotPolicy } from './version-trees.ts';

/** Longest id of a version, in UTF-16 code units. */
const ID_MAX = 128;

/** What a store is given. Everything has a default. */
export interface TemporalStoreOptions {
  /** The branch that the first version is on; default `main`. */
  readonly branch?: string | undefined;
  /** The author of commits that name none; default the empty string. */
  readonly author?: string | undefined;
  /** The first version's description; default `initial state`. */
  readonly description?: string | undefined;
  /** How often a state is kept whole in memory; default after 32 deltas, or when replaying costs more than the state. */
  readonly snapshots?: SnapshotPolicy | undefined;
  readonly clock?: Clock | undefined;
  readonly ids?: IdSource | undefined;
  /** Called with what a listener throws; default the console. */
  readonly onListenerError?: ((error: unknown) => void) | undefined;
}

/** A version about to be recorded. */
interface Recording {
  readonly type: 'commit' | 'merge';
  readonly branch: string;
  readonly parents: readonly string[];
  readonly before: StateTree;
  readonly after: StateTree;
  readonly options: CommitOptions;
}

/** Where a store stands. */
interface Head {
  readonly branch: string;
  readonly versionId: string;
  readonly tree: StateTree;
}

/** The `TemporalStore` of this process alone, exported under that name. Everything is synchronous. */
export class LocalTemporalStore<S> implements TemporalStore<S> {
  #graph: VersionGraph<VersionRecord>;
  #trees: VersionTrees;
  #branches: BranchTable;
  #reader: HistoryReader;
  readonly #options: TemporalStoreOptions;
  readonly #observers: StoreObservers<S>;
  readonly #clock: Clock;
  readonly #ids: IdSource;
  readonly #author: string;
  #lastRecordedAtMicros = 0n;
  #head: Head;

  /** Starts a history whose first version has the initial state. @throws `value/unsupported` */
  constructor(initial: S, options?: TemporalStoreOptions);
  /** Takes up a history; for `restoreHistory` and `whatIf`. */
  constructor(initial: undefined, options: TemporalStoreOptions, history: HistoryParts & { readonly branch: string });
  constructor(
    initial: S | undefined,
    options: TemporalStoreOptions = {},
    history?: HistoryParts & { readonly branch: string },
  ) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#ids = options.ids ?? systemIds;
    this.#author = options.author ?? '';
    this.#observers = new StoreObservers(
      options.onListenerError ?? ((error) => systemReport('A listener of a TemporalStore failed:', error)),
    );
    this.#graph = history?.graph ?? new VersionGraph();
    this.#trees = history?.trees ?? new VersionTrees(this.#graph, options.snapshots);
    this.#branches = history?.branches ?? new BranchTable();
    this.#reader = new HistoryReader({ graph: this.#graph, trees: this.#trees, branches: this.#branches });
    this.#head = history === undefined ? this.#start(StateTree.from(initial), options) : this.#headOf(history.branch);
    // There is a head, so a branch was moved to it.
    this.#lastRecordedAtMicros = (this.#branches.moves().at(-1) as BranchMove).recordedAtMicros;
  }

  /** What the store is made of; for the parts of `temporal/` alone. */
  get parts(): HistoryParts & { readonly options: TemporalStoreOptions } {
    return { graph: this.#graph, trees: this.#trees, branches: this.#branches, options: this.#options };
  }

  /** Goes on with another history that has the same heads; for the parts of `temporal/` alone. */
  replaceHistory({ graph, trees, branches }: HistoryParts): void {
    this.#graph = graph;
    this.#trees = trees;
    this.#branches = branches;
    this.#reader = new HistoryReader({ graph, trees, branches });
  }

  get state(): DeepReadonly<S> {
    return show<S>(this.#head.tree);
  }

  get versionId(): string {
    return this.#head.versionId;
  }

  get branch(): string {
    return this.#head.branch;
  }

  commit(change: Change<S>, options: string | CommitOptions = {}): string {
    const before = this.#before(options);
    // What is no function is a state: functions cannot be stored.
    const after =
      typeof change === 'function'
        ? before.tree.edit((draft) => (change as (draft: Drafted<S>) => unknown)(draft as Drafted<S>))
        : before.tree.adopt(StateTree.from(change));
    return this.#commit(before, after, options);
  }

  commitPatch(patch: JsonPatch, options: string | CommitOptions = {}): string {
    const before = this.#before(options);
    return this.#commit(before, before.tree.apply(patch), options);
  }

  at(reference: VersionReference, options: AtOptions = {}): DeepReadonly<S> {
    return show<S>(this.tree(reference, options));
  }

  /** The state of a version as a tree: its hash, text, parts and differences. @throws as `at` */
  tree(reference: VersionReference, options: AtOptions = {}): StateTree {
    return this.#trees.read(this.#reader.resolve(reference, options.branch ?? this.branch, options.by));
  }

  version(reference: VersionReference, options: AtOptions = {}): Version {
    return this.#graph.get(this.#reader.resolve(reference, options.branch ?? this.branch, options.by));
  }

  diff(from: VersionReference, to: VersionReference = 0): JsonPatch {
    return this.tree(from).diff(this.tree(to));
  }

  log(filter: LogFilter = {}): Version[] {
    return this.#reader.log(filter, filter.branch ?? this.branch);
  }

  blame(path: StatePath, reference: VersionReference = 0): Version {
    return this.#reader.blame(path, this.#reader.resolve(reference, this.branch));
  }

  branches(): BranchInfo[] {
    return this.#branches.list();
  }

  createBranch(name: string, at: VersionReference = 0): void {
    if (this.#branches.has(name)) {
      throw new NervError('state/branch-exists', `There is already a branch '${name}'. Choose another name.`, {
        details: { branch: name },
      });
    }
    this.#branches.move(name, this.#reader.resolve(at, this.branch), this.#now());
  }

  switchBranch(name: string): void {
    this.#checkOut('switch', name);
  }

  deleteBranch(name: string): void {
    this.#branches.head(name);
    if (name === this.branch) {
      throw new NervError(
        'state/invalid-argument',
        `Branch '${name}' is checked out. Switch to another before deleting it.`,
        {
          details: { branch: name },
        },
      );
    }
    this.#branches.move(name, undefined, this.#now());
  }

  fastForward(to: VersionReference): string {
    const target = this.#reader.resolve(to, this.branch);
    this.#fastForward(this.branch, target);
    return target;
  }

  /**
   * Puts a branch on any version, making the branch if need be; the way it stood stays readable by time.
   * @throws `VersionConflictError` when `expectedHead` is given and the branch is elsewhere; `state/version-not-found`
   */
  moveBranch(name: string, to: VersionReference, options: { readonly expectedHead?: string | undefined } = {}): void {
    const target = this.#reader.resolve(to, this.branch);
    if (options.expectedHead !== undefined) this.#branches.checkHead(name, options.expectedHead);
    if (this.#branches.has(name) && this.#branches.head(name) === target) return;
    this.#branches.move(name, target, this.#now());
    if (name === this.branch) this.#checkOut('move', name);
  }

  planMerge(source: VersionReference, options: MergeOptions = {}): MergePlan {
    const branch = options.branch ?? this.branch;
    const theirs = this.#reader.resolve(source, branch);
    return this.#plan({ branch, theirs, source: this.#reader.tryBranch(source) }, options);
  }

  merge(source: VersionReference | MergePlan, options: MergeOptions = {}): MergeResult {
    let plan = isPlan(source) ? source : this.planMerge(source, options);
    this.#branches.checkHead(plan.branch, plan.ours);
    if (plan.source !== undefined) this.#branches.checkHead(plan.source, plan.theirs);
    if (options.expectedHead !== undefined) this.#branches.checkHead(plan.branch, options.expectedHead);
    if (plan === source && plan.conflicts.length > 0 && decides(options)) {
      plan = this.#plan(plan, { ...options, fastForward: false });
    }
    switch (plan.type) {
      case 'up-to-date':
        return { type: plan.type, versionId: plan.ours };
      case 'fast-forward':
        this.#fastForward(plan.branch, plan.theirs);
        return { type: plan.type, versionId: plan.theirs };
      case 'merge':
        return { type: plan.type, versionId: this.#mergeByPlan(plan, options) };
      default:
        return unreachable(plan.type, 'merge plan');
    }
  }

  revert(reference: VersionReference, options: MergeOptions = {}): string {
    const before = this.#before(options);
    const reverted = this.version(reference);
    const [parent] = this.#graph.parentsOf(reverted);
    if (parent === undefined) {
      throw new NervError(
        'state/invalid-argument',
        `Version '${reverted.id}' is a root: there is nothing before it to go back to.`,
        {
          details: { versionId: reverted.id },
        },
      );
    }
    const sides = { base: this.#trees.read(reverted.id), ours: before.tree, theirs: this.#trees.read(parent) };
    const { tree, conflicts } = mergeStates(sides, options);
    if (conflicts.length > 0) {
      throw new MergeConflictError({ ours: before.versionId, theirs: parent, base: reverted.id, conflicts });
    }
    return this.#commit(before, tree, { description: `Revert "${reverted.description}"`, ...options });
  }

  tag(name: string, reference: VersionReference = 0): void {
    this.#branches.tag(name, this.#reader.resolve(reference, this.branch));
  }

  deleteTag(name: string): void {
    this.#branches.deleteTag(name);
  }

  tags(): Tag[] {
    return this.#branches.tags();
  }

  verify(): VerifyResult {
    return this.#reader.verify();
  }

  subscribe(listener: (change: StateChange<S>) => void): StoreSubscription {
    return this.#observers.add(listener);
  }

  select<T>(
    selector: (state: DeepReadonly<S>) => T,
    listener: (selected: T, previous: T, change: StateChange<S>) => void,
    equals?: (a: T, b: T) => boolean,
  ): StoreSubscription {
    return this.#observers.select(this.state, { selector, listener, equals });
  }

  #start(tree: StateTree, options: TemporalStoreOptions): Head {
    const branch = options.branch ?? 'main';
    const description = options.description ?? 'initial state';
    const version = this.#record({
      type: 'commit',
      branch,
      parents: [],
      before: NOTHING,
      after: tree,
      options: { description },
    });
    return { branch, versionId: version, tree };
  }

  #before(options: string | CommitOptions): Head {
    const { branch = this.branch, expectedHead } = normalize(options);
    const versionId = this.#branches.head(branch);
    if (expectedHead !== undefined) this.#branches.checkHead(branch, expectedHead);
    return branch === this.branch ? this.#head : { branch, versionId, tree: this.#trees.read(versionId) };
  }

  #commit(before: Head, after: StateTree, options: string | CommitOptions): string {
    const { branch, versionId, tree } = before;
    return this.#record({
      type: 'commit',
      branch,
      parents: [versionId],
      before: tree,
      after,
      options: normalize(options),
    });
  }

  #plan(
    {
      branch,
      theirs,
      source,
    }: { readonly branch: string; readonly theirs: string; readonly source: string | undefined },
    options: MergeOptions,
  ): MergePlan {
    const request = { graph: this.#graph, branch, ours: this.#branches.head(branch), theirs, source };
    return runSteps(planMergeSteps(request, options), (id) => this.#trees.read(id));
  }

  #fastForward(branch: string, target: string): void {
    const head = this.#branches.head(branch);
    if (!this.#graph.isAncestor(head, target)) {
      throw new NervError(
        'state/not-fast-forward',
        `Version '${target}' does not descend from '${head}', the head of '${branch}'. Merge it instead.`,
        { details: { branch, head, target } },
      );
    }
    this.moveBranch(branch, target);
  }

  #mergeByPlan(plan: MergePlan, options: MergeOptions): string {
    const { branch, ours, theirs, base, conflicts } = plan;
    if (conflicts.length > 0) throw new MergeConflictError({ ours, theirs, base, conflicts });
    const before = this.#trees.read(ours);
    const description = `Merge ${theirs} into ${branch}`;
    return this.#record({
      type: 'merge',
      branch,
      parents: [ours, this.#graph.get(theirs).id],
      before,
      after: before.apply(plan.patch),
      options: { description, ...options },
    });
  }

  /** The one way in: whatever can be refused is refused before the first write. */
  #record({ type, branch, parents, before, after: tree, options }: Recording): string {
    const { patch, text: delta } = makeDelta(before, tree);
    const recordedAtMicros = this.#now();
    const described = {
      author: options.author ?? this.#author,
      authoredAtMicros: options.authoredAtMicros ?? recordedAtMicros,
      description: options.description ?? '',
      dataHash: tree.hash,
    };
    const chain = chainHash({ ...described, parents: parents.map((id) => this.#graph.chainHashOf(id)) });
    const id = checkId(options.id ?? this.#ids.nextId());
    const version: VersionRecord = Object.freeze({
      id,
      parents,
      ...described,
      chainHash: chain,
      recordedAtMicros,
      delta,
    });
    this.#graph.add(version);
    this.#trees.noteMade(version, tree, patch);
    this.#branches.move(branch, id, recordedAtMicros);
    if (parents.length > 0 && branch === this.branch) this.#moveHead(type, { branch, versionId: id, tree }, patch);
    return id;
  }

  #checkOut(type: 'move' | 'switch', branch: string): void {
    this.#moveHead(type, this.#headOf(branch), undefined);
  }

  #headOf(branch: string): Head {
    const versionId = this.#branches.head(branch);
    return { branch, versionId, tree: this.#trees.read(versionId) };
  }

  #moveHead(type: StateChange<S>['type'], head: Head, patch: JsonPatch | undefined): void {
    const previous = this.#head;
    this.#head = head;
    if (this.#observers.isEmpty) return;
    this.#observers.tell({
      type,
      branch: head.branch,
      versionId: head.versionId,
      previousVersionId: previous.versionId,
      patch: patch ?? previous.tree.diff(head.tree),
      state: show<S>(head.tree),
      previousState: show<S>(previous.tree),
      status: 'confirmed',
    });
  }

  /** Never runs backwards, so that the order of moves is the order of their times. */
  #now(): bigint {
    const now = this.#clock.nowMicros();
    if (now > this.#lastRecordedAtMicros) this.#lastRecordedAtMicros = now;
    return this.#lastRecordedAtMicros;
  }
}

function show<S>(tree: StateTree): DeepReadonly<S> {
  // Every state of this store was put in as an S, and a view cannot be written to.
  return tree.view() as DeepReadonly<S>;
}

function normalize(options: string | CommitOptions): CommitOptions {
  return typeof options === 'string' ? { description: options } : options;
}

function checkId(id: string): string {
  if (id !== '' && id.length <= ID_MAX) return id;
  throw new NervError('state/invalid-argument', `'${id}' is no version id: it takes 1 to ${ID_MAX} characters.`, {
    details: { id },
  });
}
