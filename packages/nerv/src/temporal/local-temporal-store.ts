/** The versions of one state, in memory: all that `TemporalStore` promises. */
import { MergeConflictError, NervError } from '../errors.ts';
import { unreachable } from '../assert.ts';
import { BranchTable } from './branch-table.ts';
import { CoreTemporalStore, normalize, type CoreTemporalStoreOptions, type Head } from './core-temporal-store.ts';
import { DeltaHistory, type HistoryParts } from './delta-history.ts';
import { decides, isPlan, planMergeSteps, runSteps } from './merge-plan.ts';
import { mergeStates } from './merge-states.ts';
import type { JsonPatch } from './patch.ts';
import { StateTree, type StatePath } from './state-tree.ts';
import type {
  AtOptions,
  CommitOptions,
  DeepReadonly,
  LogFilter,
  MergeOptions,
  MergePlan,
  MergeResult,
  StateChange,
  TemporalStore,
  VerifyResult,
  VersionReference,
} from './temporal-store.ts';
import type { Version, VersionRecord } from './version.ts';
import { VersionGraph } from './version-graph.ts';
import { VersionTrees, type SnapshotPolicy } from './version-trees.ts';

/** What a store is given. Everything has a default. */
export interface TemporalStoreOptions extends CoreTemporalStoreOptions {
  /** How often a state is kept whole in memory; default after 32 deltas, or when replaying costs more than the state. */
  readonly snapshots?: SnapshotPolicy | undefined;
}

/** The `TemporalStore` of this process alone, exported under that name. Everything is synchronous. */
export class LocalTemporalStore<S> extends CoreTemporalStore<S, StateChange<S>> implements TemporalStore<S> {
  declare protected keeper: DeltaHistory;
  readonly #options: TemporalStoreOptions;

  /** Starts a history whose first version has the initial state. @throws `value/unsupported` */
  constructor(initial: S, options?: TemporalStoreOptions);
  /** Takes up a history; for `restoreHistory` and `whatIf`. */
  constructor(initial: undefined, options: TemporalStoreOptions, history: HistoryParts & { readonly branch: string });
  constructor(
    initial: S | undefined,
    options: TemporalStoreOptions = {},
    history?: HistoryParts & { readonly branch: string },
  ) {
    super(initial, options, new DeltaHistory(history ?? makeHistory(options.snapshots)), history?.branch);
    this.#options = options;
  }

  /** What the store is made of; for the parts of `temporal/` alone. */
  get parts(): HistoryParts & { readonly options: TemporalStoreOptions } {
    const { graph, trees, branches } = this.keeper;
    return { graph, trees, branches, options: this.#options };
  }

  /** Goes on with another history that has the same heads; for the parts of `temporal/` alone. */
  replaceHistory(parts: HistoryParts): void {
    this.keeper = new DeltaHistory(parts);
  }

  commitPatch(patch: JsonPatch, options: string | CommitOptions = {}): string {
    const commit = normalize(options);
    const head = this.expectHead(commit);
    return this.#commit(head, StateTree.ofSlot(head.slot).apply(patch), commit);
  }

  override at(reference: VersionReference, options?: AtOptions): DeepReadonly<S> {
    return super.at(reference, options);
  }

  override version(reference: VersionReference, options?: AtOptions): Version {
    return super.version(reference, options);
  }

  /** The state of a version as a tree: its hash, text, parts and differences. @throws as `at` */
  tree(reference: VersionReference, options?: AtOptions): StateTree {
    return this.keeper.trees.read(this.resolve(reference, options));
  }

  diff(from: VersionReference, to: VersionReference = 0): JsonPatch {
    return this.tree(from).diff(this.tree(to));
  }

  override log(filter: LogFilter = {}): Version[] {
    return this.keeper.log(filter, filter.branch ?? this.branch);
  }

  blame(path: StatePath, reference: VersionReference = 0): Version {
    return this.keeper.blame(path, this.resolve(reference));
  }

  fastForward(to: VersionReference): string {
    const target = this.resolve(to);
    this.#fastForward(this.branch, target);
    return target;
  }

  /**
   * Puts a branch on any version, making the branch if need be; the way it stood stays readable by time.
   * @throws `VersionConflictError` when `expectedHead` is given and the branch is elsewhere; `state/version-not-found`
   */
  moveBranch(name: string, to: VersionReference, options: { readonly expectedHead?: string | undefined } = {}): void {
    const { branches } = this.keeper;
    const target = this.resolve(to);
    if (options.expectedHead !== undefined) branches.checkHead(name, options.expectedHead);
    if (branches.tryHead(name) === target) return;
    branches.move(name, target, this.now());
    if (name === this.branch) this.moveHead('move', this.headOf(name));
  }

  planMerge(source: VersionReference, options: MergeOptions = {}): MergePlan {
    const branch = options.branch ?? this.branch;
    const theirs = this.resolve(source, { branch });
    return this.#plan({ branch, theirs, source: this.keeper.tryBranch(source) }, options);
  }

  merge(source: VersionReference | MergePlan, options: MergeOptions = {}): MergeResult {
    let plan = isPlan(source) ? source : this.planMerge(source, options);
    const { branches } = this.keeper;
    branches.checkHead(plan.branch, plan.ours);
    if (plan.source !== undefined) branches.checkHead(plan.source, plan.theirs);
    if (options.expectedHead !== undefined) branches.checkHead(plan.branch, options.expectedHead);
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
    const head = this.expectHead(options);
    const reverted = this.keeper.graph.get(this.resolve(reference));
    const [parent] = this.keeper.graph.parentsOf(reverted);
    if (parent === undefined) {
      throw new NervError('state/invalid-argument', `Version '${reverted.id}' is a root: nothing comes before it.`, {
        details: { versionId: reverted.id },
      });
    }
    const { trees } = this.keeper;
    const sides = {
      base: trees.read(reverted.id),
      ours: StateTree.ofSlot(head.slot),
      theirs: trees.read(parent),
    };
    const { tree, conflicts } = mergeStates(sides, options);
    if (conflicts.length > 0) {
      throw new MergeConflictError({
        ours: head.versionId,
        theirs: parent,
        base: reverted.id,
        conflicts,
      });
    }
    return this.#commit(head, tree, {
      description: `Revert "${reverted.description}"`,
      ...options,
    });
  }

  verify(): VerifyResult {
    return this.keeper.verify();
  }

  protected override resolve(reference: VersionReference, { branch = this.branch, by }: AtOptions = {}): string {
    return this.keeper.resolve(reference, branch, by);
  }

  #commit({ branch, versionId, slot }: Head, { slot: after }: StateTree, options: CommitOptions): string {
    return this.record({
      type: 'commit',
      branch,
      parents: [versionId],
      before: slot,
      after,
      options,
    });
  }

  #plan({ branch, theirs, source }: PlanRequest, options: MergeOptions): MergePlan {
    const { graph, trees, branches } = this.keeper;
    const request = { graph, branch, ours: branches.head(branch), theirs, source };
    return runSteps(planMergeSteps(request, options), (id) => trees.read(id));
  }

  #fastForward(branch: string, target: string): void {
    const head = this.keeper.branches.head(branch);
    if (!this.keeper.graph.isAncestor(head, target)) {
      throw new NervError(
        'state/not-fast-forward',
        `Version '${target}' does not descend from '${head}', the head of '${branch}'. Merge it instead.`,
        { details: { branch, head, target } },
      );
    }
    this.moveBranch(branch, target);
  }

  #mergeByPlan({ branch, ours, theirs, base, conflicts, patch }: MergePlan, options: MergeOptions): string {
    if (conflicts.length > 0) throw new MergeConflictError({ ours, theirs, base, conflicts });
    const before = this.keeper.trees.read(ours);
    return this.record({
      type: 'merge',
      branch,
      parents: [ours, this.keeper.get(theirs).id],
      before: before.slot,
      after: before.apply(patch).slot,
      options: { description: `Merge ${theirs} into ${branch}`, ...options },
    });
  }
}

/** What a merge is to be worked out of. */
type PlanRequest = Pick<MergePlan, 'branch' | 'theirs' | 'source'>;

function makeHistory(policy: SnapshotPolicy | undefined): HistoryParts {
  const graph = new VersionGraph<VersionRecord>();
  return { graph, trees: new VersionTrees(graph, policy), branches: new BranchTable() };
}
