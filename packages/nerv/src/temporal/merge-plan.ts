/** Working out a merge, whoever has the states: steps that ask for the states they need, by the ids of versions. */
import type { MergeConflict } from '../errors.ts';
import { mergeStates, undecided } from './merge-states.ts';
import type { StateTree } from './state-tree.ts';
import type { MergeOptions, MergePlan, MergeStrategy, VersionReference } from './temporal-store.ts';
import type { VersionGraph } from './version-graph.ts';

/** Common versions of crossed histories are merged so many levels back. Beyond, everything that differs is a conflict. */
const CROSSING_DEPTH_MAX = 8;

/** Steps that yield the ids of versions, are given their states, and return what they worked out. */
export type StateSteps<T> = Generator<string, T, StateTree>;

/** What is to be merged into what. */
export interface MergeRequest {
  readonly graph: VersionGraph;
  readonly branch: string;
  /** The branch's head. */
  readonly ours: string;
  readonly theirs: string;
  /** The branch that `theirs` is the head of, if it was named so. */
  readonly source: string | undefined;
}

/** Works out a merge. Pure: run it with `runSteps`, or give it the states as they arrive. */
export function* planMergeSteps(request: MergeRequest, options: MergeOptions): StateSteps<MergePlan> {
  const { graph, branch, ours, theirs, source } = request;
  const bases = graph.mergeBases(ours, theirs);
  const conflicts: readonly MergeConflict[] = [];
  const plan = { branch, ours, theirs, source, base: bases[0], bases, conflicts };
  if (bases[0] === theirs) return { ...plan, type: 'up-to-date', patch: [] };
  const ourTree = yield ours;
  const theirTree = yield theirs;
  if (bases[0] === ours && options.fastForward !== false) {
    return { ...plan, type: 'fast-forward', patch: ourTree.diff(theirTree) };
  }
  const base = yield* baseSteps(graph, bases, 0);
  const merged = mergeStates({ base, ours: ourTree, theirs: theirTree }, options);
  return { ...plan, type: 'merge', patch: ourTree.diff(merged.tree), conflicts: merged.conflicts };
}

/** Whether these options decide conflicts, so that a plan that has some is to be worked out again. */
export function decides(options: MergeStrategy): boolean {
  return (
    options.resolve !== undefined || options.lists !== undefined || (options.strategy ?? 'field-wise') !== 'field-wise'
  );
}

/** Whether this is a plan, not a reference to a version. */
export function isPlan(source: VersionReference | MergePlan): source is MergePlan {
  return typeof source === 'object' && 'patch' in source;
}

/** Runs steps where every state is at hand. */
export function runSteps<T>(steps: StateSteps<T>, treeOf: (versionId: string) => StateTree): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next(treeOf(step.value));
  return step.value;
}

/**
 * The state that both sides are compared with. Of several bases it is their merge, in which a place they are in conflict
 * about holds a value that neither side has: so whatever the sides have there is in conflict again, unless it is the same.
 */
function* baseSteps(graph: VersionGraph, bases: readonly string[], depth: number): StateSteps<StateTree | undefined> {
  const [first, ...others] = bases;
  if (first === undefined || (others.length > 0 && depth >= CROSSING_DEPTH_MAX)) return undefined;
  let base = yield first;
  const merged = [first];
  for (const other of others) {
    const below = yield* baseSteps(graph, commonBases(graph, merged, other), depth + 1);
    base = mergeStates({ base: below, ours: base, theirs: yield other }, { resolve: undecided }).tree;
    merged.push(other);
  }
  return base;
}

/** What the versions merged so far have in common with one more: the latest versions that it and any of them descend from. */
function commonBases(graph: VersionGraph, merged: readonly string[], other: string): string[] {
  const found = new Set(merged.flatMap((id) => graph.mergeBases(id, other)));
  return [...found].filter((id) => ![...found].some((later) => later !== id && graph.isAncestor(id, later)));
}
