/*
 * A commit on its way. Invariants:
 * - its id, author, authoring time and description stay the same, however often it is sent;
 * - what it changed stays what it changed: on another head it makes the very same change, or it is in conflict.
 */
import { canonicalJson, type JsonValue } from '@inner-universe/nerv/values';
import { VersionConflictError } from '@inner-universe/nerv';
import {
  mergeStates,
  touches,
  type CommitOptions,
  type JsonPatch,
  type StateTree,
} from '@inner-universe/nerv/temporal';
import type { CallOptions } from '../connection/connection.ts';

/**
 * What becomes of a commit that somebody else's came before: `'rebase'` applies what it changed to the new head,
 * `'rerun'` makes it anew there (a function runs again, a patch is applied again, a value replaces the state), `'fail'`
 * gives up.
 */
export type OnConflict = 'rebase' | 'rerun' | 'fail';

/** How a version is committed to a store that is shared. */
export interface SharedCommitOptions extends CommitOptions, CallOptions {
  /** Default the store's, `'rebase'`. With `expectedHead` it is always `'fail'`. */
  readonly onConflict?: OnConflict | undefined;
  /**
   * Whether this store shows it at once, as pending, before it is recorded; taken back if it is refused. Only on the
   * branch that is checked out. Default the store's, false.
   */
  readonly optimistic?: boolean | undefined;
}

type ConflictDetails = VersionConflictError['details'];

/** What a commit that lost its race tells in `details`, so that its maker can merge. */
export interface CommitConflictDetails extends ConflictDetails {
  readonly store: string;
  /** The version that was not recorded. */
  readonly versionId: string;
  /** The version that it was made against; `expectedHead` says the same. */
  readonly base: string;
  /** What it changed, against `base`. */
  readonly ours: JsonPatch;
  /** What others changed since `base`. */
  readonly theirs: JsonPatch;
  /** Places that both changed; none if it gave up for another reason. */
  readonly paths: readonly string[];
  /** How often it was sent. */
  readonly attempts: number;
}

/** A state that something is committed to. */
export interface CommitBase {
  readonly versionId: string;
  readonly open: StateTree;
}

/** What a commit is, apart from where it stands. */
export interface CommitParts {
  readonly store: string;
  readonly branch: string;
  /** With everything fixed that a version is made of. */
  readonly options: CommitOptions & { readonly id: string; readonly authoredAtMicros: bigint };
  readonly onConflict: OnConflict;
  readonly isOptimistic: boolean;
  /** Makes the change on a state. */
  readonly change: (open: StateTree) => StateTree;
}

/** One commit: what it changes, and against what it was made last. */
export class StateCommit {
  readonly parts: CommitParts;
  /** How often it lost its race. */
  losses = 0;
  #made: { readonly base: CommitBase; readonly after: StateTree } | undefined;
  #mustRemake = false;

  constructor(parts: CommitParts, made?: { readonly base: CommitBase; readonly after: StateTree }) {
    this.parts = parts;
    this.#made = made;
  }

  get id(): string {
    return this.parts.options.id;
  }

  /**
   * Makes the change. With `isGuess`, own commits that are not known yet come before: it is made anew when they are.
   * @throws what the change throws
   */
  make(base: CommitBase, isGuess: boolean): StateTree {
    const after = this.parts.change(base.open);
    this.#made = { base, after };
    this.#mustRemake = isGuess;
    return after;
  }

  /** The state that the commit leaves of another one, for showing it; undefined where both changed the same place. */
  tryOn(open: StateTree): StateTree | undefined {
    const made = this.#made;
    if (made === undefined) return undefined;
    if (made.base.open.equals(open)) return made.after;
    if (!this.#mustRemake && this.parts.onConflict !== 'rerun') return tryRebase({ ...made, theirs: open });
    try {
      return this.parts.change(open);
    } catch {
      // What cannot be made there is not shown; sending it tells why.
      return undefined;
    }
  }

  /**
   * The state to record on top of `base`. `head` is the last version that is known to be recorded, for the error.
   * @throws `VersionConflictError` with `CommitConflictDetails`; what the change throws
   */
  fit(base: CommitBase, head: string): StateTree {
    const made = this.#made;
    if (made === undefined || this.#mustRemake) return this.make(base, false);
    // Not by the id: what was shown of a version on its way may lie on a newer head than the version itself.
    if (made.base.open.equals(base.open)) return made.after;
    if (this.parts.onConflict === 'rerun') return this.make(base, false);
    const after = this.parts.onConflict === 'fail' ? undefined : tryRebase({ ...made, theirs: base.open });
    if (after === undefined) throw this.makeConflict(base, head);
    this.#made = { base, after };
    return after;
  }

  /** The error for a commit that others came before. */
  makeConflict(theirs: CommitBase, head: string, cause?: unknown): VersionConflictError {
    const made = this.#made;
    const ours = made === undefined ? [] : made.base.open.diff(made.after);
    const others = made === undefined ? [] : made.base.open.diff(theirs.open);
    const base = made?.base.versionId ?? theirs.versionId;
    const details: CommitConflictDetails = {
      store: this.parts.store,
      branch: this.parts.branch,
      versionId: this.id,
      expectedHead: base,
      actualHead: head,
      base,
      ours,
      theirs: others,
      paths: overlapOf(ours, others),
      attempts: this.losses,
    };
    return new VersionConflictError(details, { cause });
  }
}

interface RebaseSides {
  readonly base: CommitBase;
  /** What was made of the base. */
  readonly after: StateTree;
  /** What others made of it. */
  readonly theirs: StateTree;
}

/** A change applied to what others made of its base; undefined where both changed the same place, to the same value too. */
function tryRebase({ base, after, theirs }: RebaseSides): StateTree | undefined {
  if (theirs.equals(base.open)) return after;
  const merged = mergeStates({ base: base.open, ours: after, theirs }, {});
  if (merged.conflicts.length > 0) return undefined;
  // A merge takes what both sides did alike once. Of two who add 1 to a number, both did: nothing may get lost.
  return isSameChange(base.open.diff(after), theirs.diff(merged.tree)) ? merged.tree : undefined;
}

/** Whether two patches do the same, apart from where in an array they do it. */
function isSameChange(a: JsonPatch, b: JsonPatch): boolean {
  if (a.length !== b.length) return false;
  const left = a.map(asComparable).sort();
  const right = b.map(asComparable).sort();
  return left.every((text, index) => text === right[index]);
}

function asComparable(operation: JsonPatch[number]): string {
  // An operation is a JSON object with the members of its type.
  const { path, ...rest } = operation as { readonly path: string } & Readonly<Record<string, JsonValue>>;
  return canonicalJson({ ...rest, path: path.replace(/\/(?:\d+|-)(?=\/|$)/g, '/*') });
}

/** Places of our change that theirs touches. */
function overlapOf(ours: JsonPatch, theirs: JsonPatch): readonly string[] {
  return [...new Set(ours.map(({ path }) => path))].filter((path) => touches(theirs, path) !== 'none');
}
