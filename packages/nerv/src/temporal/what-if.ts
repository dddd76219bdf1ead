import { MergeConflictError } from '../errors.ts';
import { LocalTemporalStore, type TemporalStoreOptions } from './local-temporal-store.ts';
import { planMergeSteps, runSteps } from './merge-plan.ts';
import type { MergeOptions, VersionReference } from './temporal-store.ts';
import { VersionGraph } from './version-graph.ts';
import { VersionTrees } from './version-trees.ts';

/** What a trial is given; default what its store was given. */
export interface WhatIfOptions extends TemporalStoreOptions {
  /** Where it starts; default the store's head. */
  readonly from?: VersionReference | undefined;
}

/**
 * A branch that is never recorded: a store that starts at a version of another one, sees its whole history, and keeps all
 * that happens to itself. Commit, merge, compare; then let it go, or record what it came to with `adoptWhatIf`. Costs by
 * the number of branch moves, not by the state.
 * @throws `state/version-not-found`; `state/branch-exists` when the store has a branch of that name (default `what-if`)
 */
export function whatIf<S>(store: LocalTemporalStore<S>, options: WhatIfOptions = {}): LocalTemporalStore<S> {
  const { graph: under, trees: treesUnder, branches: recorded, options: inherited } = store.parts;
  const given = { ...inherited, ...options, branch: options.branch ?? 'what-if' };
  const graph = new VersionGraph(under);
  const trees = new VersionTrees(graph, given.snapshots, treesUnder);
  const history = { graph, trees, branches: recorded.fork(), branch: store.branch };
  const trial = new LocalTemporalStore<S>(undefined, given, history);
  trial.createBranch(given.branch, options.from);
  trial.switchBranch(given.branch);
  return trial;
}

/**
 * Records what a trial came to on the store's branch, as one version, merged with what happened there meanwhile; gives
 * its id, or that of the head when the trial changed nothing.
 * @throws `MergeConflictError`; `state/version-not-found` where the store was compacted and went on since; as `commit`
 */
export function adoptWhatIf<S>(
  store: LocalTemporalStore<S>,
  trial: LocalTemporalStore<S>,
  options: MergeOptions = {},
): string {
  const branch = options.branch ?? store.branch;
  const ours = store.version(branch === store.branch ? 0 : branch).id;
  const request = {
    graph: trial.parts.graph,
    branch,
    ours,
    theirs: trial.versionId,
    source: undefined,
  };
  const plan = runSteps(planMergeSteps(request, { ...options, fastForward: false }), (id) => trial.tree(id));
  const { theirs, base, conflicts, patch } = plan;
  if (plan.type === 'up-to-date') return ours;
  if (conflicts.length > 0) throw new MergeConflictError({ ours, theirs, base, conflicts });
  return store.commitPatch(patch, { ...options, expectedHead: options.expectedHead ?? ours });
}
