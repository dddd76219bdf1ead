export { CoreTemporalStore } from './core-temporal-store.ts';
export type { CoreTemporalStoreOptions } from './core-temporal-store.ts';
export { TemporalStore } from './temporal-store.ts';
export type {
  AtOptions,
  BranchInfo,
  Change,
  CommitOptions,
  CoreAtOptions,
  CoreStateChange,
  DeepReadonly,
  Drafted,
  LogFilter,
  MergeOptions,
  MergePlan,
  MergeResult,
  MergeStrategy,
  Resolution,
  StateChange,
  StoreSubscription,
  VerifyResult,
  VersionReference,
} from './temporal-store.ts';
export { MergeConflictError } from '../errors.ts';
export type { MergeConflict } from '../errors.ts';
export type { LocalTemporalStore, TemporalStoreOptions } from './local-temporal-store.ts';
export type { SnapshotPolicy } from './version-trees.ts';
export { exportHistory, restoreHistory } from './history-export.ts';
export { compact } from './compaction.ts';
export type { CompactionOptions, CompactionReport } from './compaction.ts';
export { adoptWhatIf, whatIf } from './what-if.ts';
export type { WhatIfOptions } from './what-if.ts';
export { redo, undo } from './undo.ts';
export type { UndoOptions } from './undo.ts';
export { byIdentity } from './tree/keyed-lists.ts';
export type { ListMerger } from './tree/merge.ts';
export { parsePlan, stringifyPlan } from './plan-text.ts';
export { toPlain } from './plain.ts';
export { StateTree } from './state-tree.ts';
export type { StatePath } from './state-tree.ts';
export { checkPatch, parsePatch, stringifyPatch } from './patch.ts';
export type { JsonPatch, PatchOperation } from './patch.ts';
export { touches } from './patch-touch.ts';
export { mergeStates } from './merge-states.ts';
export { decides, isPlan, planMergeSteps, runSteps } from './merge-plan.ts';
export type { MergeRequest, StateSteps } from './merge-plan.ts';
export type { MergedState, MergeSides } from './merge-states.ts';
export { VersionGraph } from './version-graph.ts';
export { expectedChainHash } from './version.ts';
export type { BranchMove, CompactedRun, HistoryExport, Tag, Version, VersionRecord } from './version.ts';
export { StoreObservers } from './store-observers.ts';
