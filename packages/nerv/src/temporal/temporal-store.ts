import type { MergeConflict } from '../errors.ts';
import type { Sealed } from '../values/sealed.ts';
import { LocalTemporalStore } from './local-temporal-store.ts';
import type { JsonPatch } from './patch.ts';
import type { StatePath } from './state-tree.ts';
import type { ListMerger } from './tree/merge.ts';
import type { Tag, Version } from './version.ts';

/** A state as it is read: nothing in it can be changed. */
export type DeepReadonly<S> = S extends Date | Uint8Array | Sealed
  ? S
  : S extends ReadonlyMap<infer K, infer V>
    ? ReadonlyMap<DeepReadonly<K>, DeepReadonly<V>>
    : S extends ReadonlySet<infer M>
      ? ReadonlySet<DeepReadonly<M>>
      : S extends object
        ? { readonly [K in keyof S]: DeepReadonly<S[K]> }
        : S;

/** A state as a draft function sees it: everything in it can be changed. */
export type Drafted<S> = S extends Date | Uint8Array | Sealed
  ? S
  : S extends ReadonlyMap<infer K, infer V>
    ? Map<K, V>
    : S extends ReadonlySet<infer M>
      ? Set<M>
      : S extends object
        ? { -readonly [K in keyof S]: Drafted<S[K]> }
        : S;

/** What to commit: a function that changes a draft (its result is ignored; it must be synchronous), or the new state. */
export type Change<S> = ((draft: Drafted<S>) => unknown) | S | DeepReadonly<S>;

/**
 * A version: by its id, by a tag's or branch's name (in this order), as so many versions back from the head along first
 * parents, or as the one that was the branch's head at a time.
 */
export type VersionReference = string | number | Date;

/** How a version is recorded. */
export interface CommitOptions {
  readonly description?: string | undefined;
  /** A label, as in git; default the store's. */
  readonly author?: string | undefined;
  /** The branch to commit to; default the one that is checked out. */
  readonly branch?: string | undefined;
  /** Refuse (`VersionConflictError`) unless the branch is there; default wherever it is. */
  readonly expectedHead?: string | undefined;
  /** The version's id; default a new UUIDv7. */
  readonly id?: string | undefined;
  /** When the author made it; default now. */
  readonly authoredAtMicros?: bigint | undefined;
}

/** How `at` reads a reference. */
export interface CoreAtOptions {
  /** Default the branch that is checked out. */
  readonly branch?: string | undefined;
}

/** How `at` reads a time. */
export interface AtOptions extends CoreAtOptions {
  /**
   * `'recorded'` (the default): the branch's head at that time. `'authored'`: the last version on the branch's
   * first-parent line that was authored by then.
   */
  readonly by?: 'recorded' | 'authored' | undefined;
}

/** Which versions `log` tells, the last to arrive first. All that is given must hold. */
export interface LogFilter {
  /** Start here and go back; default the head of `branch`. */
  readonly from?: VersionReference | undefined;
  /** Default the branch that is checked out. */
  readonly branch?: string | undefined;
  readonly author?: string | undefined;
  /** Part of the description, whatever the case. */
  readonly text?: string | undefined;
  readonly tag?: string | undefined;
  /** A JSON pointer: versions whose delta touches this place, or one in it or around it. */
  readonly path?: string | undefined;
  readonly authoredSince?: Date | undefined;
  readonly authoredUntil?: Date | undefined;
  /** Follow only first parents; default all parents. */
  readonly firstParent?: boolean | undefined;
  /** At most so many; default all. */
  readonly limit?: number | undefined;
}

/** A branch and where it stands. */
export interface BranchInfo {
  readonly name: string;
  readonly head: string;
}

/** What a resolver decides for one conflict: a side, a value, that nothing shall stand there, or nothing (it stays). */
export type Resolution =
  | { readonly take: 'base' | 'ours' | 'theirs' }
  | { readonly value: unknown }
  | { readonly remove: true }
  | undefined;

/** How conflicts are decided. Without any of it, a conflict is reported and nothing is written. */
export interface MergeStrategy {
  /**
   * `'field-wise'` (the default) takes what one side alone changed and reports the rest; `'ours'` and `'theirs'`
   * decide the rest for that side.
   */
  readonly strategy?: 'field-wise' | 'ours' | 'theirs' | undefined;
  /** Asked for each conflict before the strategy. */
  readonly resolve?: ((conflict: MergeConflict) => Resolution) | undefined;
  /** How lists are merged whose elements have an identity: `byIdentity({ '/items': 'id' })`; default by position. */
  readonly lists?: ListMerger | undefined;
}

/** How a merge is recorded and decided. */
export interface MergeOptions extends CommitOptions, MergeStrategy {
  /** Move the branch without a merge commit where nothing is to be merged; default true. */
  readonly fastForward?: boolean | undefined;
}

/**
 * A merge that was worked out but not done: plain data, to review, store (`stringifyPlan`) and give to `merge`, which
 * refuses it when something moved since.
 */
export interface MergePlan {
  readonly type: 'up-to-date' | 'fast-forward' | 'merge';
  readonly branch: string;
  /** The branch's head: `merge` refuses the plan when it has moved since. */
  readonly ours: string;
  readonly theirs: string;
  /** The branch that `theirs` is the head of, if it was named so: `merge` refuses the plan when it has moved since. */
  readonly source: string | undefined;
  /** The first of `bases`. */
  readonly base: string | undefined;
  /**
   * The latest versions that both sides descend from. Of several (branches merged crosswise) the base is their merge; a
   * place they are in conflict about has a Map of both sides as its base, so it is in conflict again.
   */
  readonly bases: readonly string[];
  /** From the state of `ours` to the merged one. Places in conflict stay as they are in `ours`. */
  readonly patch: JsonPatch;
  /** What is not decided. `merge` refuses the plan while there is any, unless its options decide them. */
  readonly conflicts: readonly MergeConflict[];
}

/** What came of a merge: the branch's head is now `versionId`. */
export interface MergeResult {
  readonly type: MergePlan['type'];
  readonly versionId: string;
}

/** Whether a history is as it was written. */
export type VerifyResult =
  | { readonly ok: true; readonly versions: number }
  | { readonly ok: false; readonly versionId: string; readonly reason: string };

/** One change of what `state` shows, as every store tells it. */
export interface CoreStateChange<S> {
  readonly type: 'commit' | 'merge' | 'move' | 'switch';
  readonly branch: string;
  readonly versionId: string;
  readonly previousVersionId: string;
  readonly state: DeepReadonly<S>;
  readonly previousState: DeepReadonly<S>;
  /** `'pending'` while it holds writes of one's own that are not confirmed; a store without a server never has any. */
  readonly status: 'pending' | 'confirmed';
}

/** One change of what `state` shows. */
export interface StateChange<S> extends CoreStateChange<S> {
  /** From the previous state to this one. */
  readonly patch: JsonPatch;
}

/** Ends a subscription. */
export interface StoreSubscription {
  unsubscribe(): void;
  [Symbol.dispose](): void;
}

/**
 * The versions of one state: what NERV's own class and every persistent store promise alike. What may need the network
 * returns `T | Promise<T>`; code that awaits runs on all of them. What throws here rejects there.
 */
export interface TemporalStore<S> {
  /** The state of the checked-out branch's head, read-only; parts that did not change are `===` across versions. */
  readonly state: DeepReadonly<S>;
  /** The head of the branch that is checked out. */
  readonly versionId: string;
  /** The branch that is checked out. */
  readonly branch: string;

  /**
   * Records a version and moves the branch to it, both or neither; gives the version's id. A string as options is the
   * description. A change that changes nothing is recorded too.
   * @throws `VersionConflictError`; `state/branch-not-found`, `state/id-taken`, `state/invalid-argument`,
   * `value/unsupported`
   */
  commit(change: Change<S>, options?: string | CommitOptions): string | Promise<string>;

  /** As `commit`, by a JSON Patch (RFC 6902) over the encoded form. @throws `state/invalid-patch`, and as `commit` */
  commitPatch(patch: JsonPatch, options?: string | CommitOptions): string | Promise<string>;

  /** The state of a version. @throws `state/version-not-found`, `state/version-compacted`, `state/corrupt-version` */
  at(reference: VersionReference, options?: AtOptions): DeepReadonly<S> | Promise<DeepReadonly<S>>;

  /** What is recorded of a version. @throws `state/version-not-found` */
  version(reference: VersionReference, options?: AtOptions): Version | Promise<Version>;

  /** The JSON Patch from one version's state to another's (default the head's). @throws as `at` */
  diff(from: VersionReference, to?: VersionReference): JsonPatch | Promise<JsonPatch>;

  /** The versions that a head descends from. @throws `state/version-not-found`, `state/branch-not-found` */
  log(filter?: LogFilter): Version[] | Promise<Version[]>;

  /** The version that made a place what it is at `reference` (default the head). @throws as `at` */
  blame(path: StatePath, reference?: VersionReference): Version | Promise<Version>;

  /** All branches, by name. */
  branches(): BranchInfo[] | Promise<BranchInfo[]>;

  /** Makes a branch at a version (default the head). @throws `state/branch-exists`, `state/version-not-found` */
  createBranch(name: string, at?: VersionReference): void | Promise<void>;

  /** Checks out a branch. @throws `state/branch-not-found` */
  switchBranch(name: string): void | Promise<void>;

  /** Deletes a branch, not its versions. @throws `state/branch-not-found`; `state/invalid-argument` if checked out */
  deleteBranch(name: string): void | Promise<void>;

  /** Moves the checked-out branch to a version that descends from its head. @throws `state/not-fast-forward` */
  fastForward(to: VersionReference): string | Promise<string>;

  /** Works out a merge of a version into the branch and writes nothing. @throws `state/version-not-found` */
  planMerge(source: VersionReference, options?: MergeOptions): MergePlan | Promise<MergePlan>;

  /**
   * Merges a version into the branch, or carries out a plan; the merge commit's parents are the head and the source.
   * A plan that has conflicts is worked out again, between the very same versions, with the options' strategy.
   * @throws `MergeConflictError` with every conflict that is not decided; `VersionConflictError`
   */
  merge(source: VersionReference | MergePlan, options?: MergeOptions): MergeResult | Promise<MergeResult>;

  /** Commits the opposite of what a version changed. @throws `MergeConflictError` where it was changed again since */
  revert(reference: VersionReference, options?: MergeOptions): string | Promise<string>;

  /** Names a version (default the head). @throws `state/tag-exists`, `state/version-not-found` */
  tag(name: string, reference?: VersionReference): void | Promise<void>;

  /** Takes a name away. @throws `state/tag-not-found` */
  deleteTag(name: string): void | Promise<void>;

  /** All tags, by name. */
  tags(): Tag[] | Promise<Tag[]>;

  /** Checks every hash of the whole history; names the first bad version. */
  verify(): VerifyResult | Promise<VerifyResult>;

  /** Calls back after each change of `state`, in order. A throwing listener is reported and harms no other. */
  subscribe(listener: (change: StateChange<S>) => void): StoreSubscription;

  /** As `subscribe`, but only when the selected part changed (`Object.is`, unless `equals` is given). */
  select<T>(
    selector: (state: DeepReadonly<S>) => T,
    listener: (selected: T, previous: T, change: StateChange<S>) => void,
    equals?: (a: T, b: T) => boolean,
  ): StoreSubscription;
}

/** The `TemporalStore` of this process alone: synchronous, in memory. */
export const TemporalStore: typeof LocalTemporalStore = LocalTemporalStore;
