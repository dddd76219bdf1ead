import type { TableDelta } from '../datastore/state-view.ts';
import type { CommitKind } from './calls.ts';

/** A commit that may yet be lost. */
export interface UndurableCommit {
  readonly offset: bigint;
  readonly kind: CommitKind;
  readonly deltas: readonly TableDelta[];
}

/**
 * What was committed and is not durable yet, so that it can be taken back when it never will be. Holds no more than the
 * storage lets wait.
 */
export class UndurableCommits {
  #commits: UndurableCommit[] = [];

  get isEmpty(): boolean {
    return this.#commits.length === 0;
  }

  /** Notes a commit; in the order of their offsets. */
  add(commit: UndurableCommit): void {
    this.#commits.push(commit);
  }

  /** Forgets what has become durable: all below that offset. */
  forgetBelow(durableOffset: bigint): void {
    const first = this.#commits.findIndex(({ offset }) => offset >= durableOffset);
    if (first < 0) this.#commits = [];
    else if (first > 0) this.#commits.splice(0, first);
  }

  /** Gives all that is left, the newest first, and forgets it. */
  takeNewestFirst(): readonly UndurableCommit[] {
    return this.#commits.splice(0).reverse();
  }
}
