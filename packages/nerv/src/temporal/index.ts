export { TemporalStore } from './temporal-store.ts';
export type {
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
  MergeStrategy,
  Resolution,
  StateChange,
  StoreSubscription,
  VerifyResult,
  VersionReference,
} from './temporal-store.ts';
export type { TemporalStoreOptions } from './local-temporal-store.ts';
export { StateTree } from './state-tree.ts';
export type { StatePath } from './state-tree.ts';
export { checkPatch, parsePatch, stringifyPatch } from './patch.ts';
export type { JsonPatch, PatchOperation } from './patch.ts';
export { touches } from './patch-touch.ts';
export { mergeStates } from './merge-states.ts';
export type { MergedState, MergeSides } from './merge-states.ts';
export { VersionGraph } from './version-graph.ts';
export { expectedChainHash } from './version.ts';
export type { BranchMove, HistoryExport, Tag, Version, VersionRecord } from './version.ts';
export { StoreObservers } from './store-observers.ts';
