import type { Op } from '@inner-universe/module/wire';
import { NervError, VersionConflictError } from '@inner-universe/nerv';
import {
  MergeConflictError,
  decides,
  isPlan,
  mergeStates,
  planMergeSteps,
  type MergeOptions,
  type MergePlan,
  type MergeResult,
  type StateTree,
  type VersionReference,
} from '@inner-universe/nerv/temporal';
import type { StatePair } from '../encryption/state-sealer.ts';
import type { BranchFollower } from './branch-follower.ts';
import { checkMergeOptions, checkMergeSource } from './check-arguments.ts';
import type { ParentState } from './commit-line.ts';
import { withDescent } from './partial-descent.ts';
import { makeNotFastForward } from './state-refusals.ts';
import type { SealedStates } from './sealed-states.ts';
import type { VersionLog } from './version-log.ts';
import type { Recording } from './version-recorder.ts';

/** A revert that others came before is worked out again so many times. */
const REVERTS_MAX = 8;

/** What merges of one store work with. */
export interface StoreMergingParts {
  readonly store: string;
  readonly log: VersionLog;
  readonly follower: Pick<BranchFollower<unknown>, 'head' | 'refresh' | 'announceMove' | 'settle'>;
  readonly sealed: SealedStates;
  readonly treeOf: (versionId: string) => Promise<StateTree>;
  readonly headOf: (branch: string) => Promise<ParentState>;
  /** Records a version; `open` is how its state is seen. */
  readonly record: (recording: Recording, open: StateTree) => Promise<string>;
  readonly write: (ops: readonly Op[]) => Promise<void>;
}

/** Merges, fast-forwards and reverts of one store. Nothing else of it is written meanwhile. */
export class StoreMerging {
  readonly #parts: StoreMergingParts;

  constructor(parts: StoreMergingParts) {
    this.#parts = parts;
  }

  /** Works out a merge of a version, named as `reference`. Reads the histories back to what they have in common. */
  async planReference(reference: VersionReference, theirs: string, options: MergeOptions): Promise<MergePlan> {
    checkMergeOptions('planMerge', options);
    const isName = typeof reference === 'string' && reference !== theirs;
    // What is neither a version's id nor a tag's name is a branch's.
    const isBranch = isName && (await this.#parts.log.tagged(reference)) === undefined;
    const branch = options.branch ?? this.#parts.follower.head.branch;
    return this.#plan({ branch, theirs, source: isBranch ? reference : undefined }, options);
  }

  /** Merges a version, or carries out a plan. @throws `MergeConflictError`, `VersionConflictError` */
  async merge(
    source: VersionReference | MergePlan,
    options: MergeOptions,
    resolve: (reference: VersionReference) => Promise<string>,
  ): Promise<MergeResult> {
    checkMergeOptions('merge', options);
    checkMergeSource(source);
    let plan = isPlan(source) ? source : await this.planReference(source, await resolve(source), options);
    await this.#checkHead(plan.branch, plan.ours, plan.ours);
    if (plan.source !== undefined) await this.#checkHead(plan.source, plan.theirs);
    if (options.expectedHead !== undefined) await this.#checkHead(plan.branch, options.expectedHead, plan.ours);
    if (plan === source && plan.conflicts.length > 0 && decides(options)) {
      plan = await this.#plan(plan, { ...options, fastForward: false });
    }
    const { type, branch, ours, theirs } = plan;
    if (type === 'up-to-date') return { type, versionId: ours };
    if (type === 'fast-forward') {
      await this.fastForward(branch, ours, theirs);
      return { type, versionId: theirs };
    }
    return { type, versionId: await this.#mergeByPlan(plan, options) };
  }

  /** Moves a branch on to a version that descends from its head. @throws `state/not-fast-forward` */
  async fastForward(branch: string, head: string, target: string): Promise<void> {
    const { store, log, follower, write } = this.#parts;
    if (!(await withDescent(log, [head, target], async (graph) => graph.isAncestor(head, target)))) {
      throw makeNotFastForward({ branch, head, target });
    }
    follower.announceMove(target);
    await this.#followed(branch, () =>
      write([{ tag: 'moveBranch', value: { store, name: branch, expectedHead: head, head: target } }]),
    );
    await follower.settle(branch, target);
  }

  /** Commits the opposite of what a version changed; worked out again where others came first. */
  async revert(versionId: string, options: MergeOptions): Promise<string> {
    checkMergeOptions('revert', options);
    const { log, treeOf } = this.#parts;
    const reverted = await log.get(versionId);
    const [parent] = await log.parentsOf(reverted);
    if (parent === undefined) throw makeRootRevert(versionId);
    const sides = { base: await treeOf(versionId), theirs: await treeOf(parent) };
    const described = { description: `Revert "${reverted.description}"`, ...options };
    const { branch = this.#parts.follower.head.branch, expectedHead } = options;
    for (let losses = 0; ; losses += 1) {
      if (expectedHead !== undefined) await this.#checkHead(branch, expectedHead);
      const ours = await this.#parts.headOf(branch);
      const pair = await this.#revertOn(ours, { ...sides, parent, versionId }, options);
      try {
        return await this.#recordOn(ours, branch, pair, described);
      } catch (error) {
        const isLost = error instanceof VersionConflictError && expectedHead === undefined;
        if (!isLost || losses === REVERTS_MAX) throw error;
      }
    }
  }

  async #revertOn(
    ours: ParentState,
    reverted: {
      readonly base: StateTree;
      readonly theirs: StateTree;
      readonly parent: string;
      readonly versionId: string;
    },
    options: MergeOptions,
  ): Promise<StatePair> {
    const { base, theirs, parent, versionId } = reverted;
    const { tree, conflicts } = mergeStates({ base, theirs, ours: ours.tree }, options);
    if (conflicts.length > 0) {
      throw new MergeConflictError({ ours: ours.versionId, theirs: parent, base: versionId, conflicts });
    }
    return this.#parts.sealed.sealMerged(ours.tree, tree);
  }

  async #plan(
    { branch, theirs, source }: Pick<MergePlan, 'branch' | 'theirs' | 'source'>,
    options: MergeOptions,
  ): Promise<MergePlan> {
    const { log, headOf, treeOf } = this.#parts;
    const { versionId: ours } = await headOf(branch);
    return withDescent(log, [ours, theirs], async (graph) => {
      const steps = planMergeSteps({ graph, branch, ours, theirs, source }, options);
      let step = steps.next();
      while (step.done !== true) step = steps.next(await treeOf(step.value));
      return step.value;
    });
  }

  async #mergeByPlan(plan: MergePlan, options: MergeOptions): Promise<string> {
    const { branch, ours, theirs, base, conflicts, patch } = plan;
    if (conflicts.length > 0) throw new MergeConflictError({ ours, theirs, base, conflicts });
    const { log, treeOf, sealed, record } = this.#parts;
    const before = await treeOf(ours);
    const parents = [await log.link(ours), await log.link(theirs)];
    const described = { description: `Merge ${theirs} into ${branch}`, ...options };
    const { tree: after, open } = await sealed.sealMerged(before, before.apply(patch));
    return record({ branch, expectedHead: ours, parents, before, after, options: described }, open);
  }

  async #recordOn(ours: ParentState, branch: string, pair: StatePair, options: MergeOptions): Promise<string> {
    const recording = { branch, expectedHead: ours.versionId, parents: [ours.link], before: ours.tree, options };
    return this.#parts.record({ ...recording, after: pair.tree }, pair.open);
  }

  /** Refuses unless the branch is where it is expected, as far as known here; asks again before it refuses. */
  async #checkHead(branch: string, expectedHead: string, ours?: string): Promise<void> {
    const { log, follower } = this.#parts;
    const { head } = follower;
    if (branch === head.branch && head.versionId === expectedHead) return;
    const { versionId: actualHead } = await log.head(branch);
    if (branch === head.branch && follower.head.versionId !== actualHead) await follower.refresh();
    const stands = ours ?? expectedHead;
    if (actualHead === expectedHead && actualHead === stands) return;
    throw new VersionConflictError({ branch, expectedHead, actualHead });
  }

  /** Runs a write of a branch; when it loses a race, the head here is brought up to date before it says so. */
  async #followed<T>(branch: string, write: () => Promise<T>): Promise<T> {
    const { follower } = this.#parts;
    try {
      return await write();
    } catch (error) {
      if (error instanceof VersionConflictError && branch === follower.head.branch) await follower.refresh();
      throw error;
    }
  }
}

function makeRootRevert(versionId: string): NervError {
  return new NervError(
    'state/invalid-argument',
    `Version '${versionId}' is a root: there is nothing before it to go back to.`,
    { details: { versionId } },
  );
}
