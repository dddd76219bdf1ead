/**
 * Branches and tags: the names that move, and those that stay.
 *
 * Invariants:
 * - Every head and tag names a version that is in the graph; a past move may name one that compaction left out.
 * - The moves of one store never go back in time.
 */
import { NervError, VersionConflictError } from '../errors.ts';
import { compareKeys } from '../values/json.ts';
import type { BranchMove, Tag } from './version.ts';

/** Longest name of a branch or tag, in UTF-16 code units. */
const NAME_MAX = 128;

/** The branches and tags of one store. Whoever calls has checked that the versions are there. */
export class BranchTable {
  readonly #heads = new Map<string, string>();
  readonly #moves: BranchMove[] = [];
  readonly #movesOf = new Map<string, BranchMove[]>();
  readonly #tags = new Map<string, string>();

  /** Another table that starts where this one stands. */
  fork(): BranchTable {
    const copy = new BranchTable();
    for (const move of this.#moves) copy.addMove(move);
    for (const [name, versionId] of this.#tags) copy.#tags.set(name, versionId);
    return copy;
  }

  /** Where a branch stands, if there is one of this name. */
  tryHead(branch: string): string | undefined {
    return this.#heads.get(branch);
  }

  /** @throws `state/branch-not-found` */
  head(branch: string): string {
    const head = this.#heads.get(branch);
    if (head !== undefined) return head;
    throw new NervError('state/branch-not-found', `There is no branch '${branch}'. Make it with createBranch.`, {
      details: { branch },
    });
  }

  /** @throws `VersionConflictError` unless the branch is where it is expected */
  checkHead(branch: string, expectedHead: string | undefined): void {
    const actualHead = this.#heads.get(branch);
    if (actualHead !== expectedHead) throw new VersionConflictError({ branch, expectedHead, actualHead });
  }

  /** Moves, makes or (`head` undefined) deletes a branch. @throws `state/invalid-argument` for a bad name */
  move(branch: string, head: string | undefined, recordedAtMicros: bigint): void {
    checkName('branch', branch);
    this.addMove({ branch, previous: this.#heads.get(branch), head, recordedAtMicros });
  }

  /** Takes in a move that was made before. */
  addMove(move: BranchMove): void {
    if (move.head === undefined) this.#heads.delete(move.branch);
    else this.#heads.set(move.branch, move.head);
    this.#moves.push(move);
    const moves = this.#movesOf.get(move.branch);
    if (moves === undefined) this.#movesOf.set(move.branch, [move]);
    else moves.push(move);
  }

  /** Where the branch stood at a time, deleted since or not; `undefined` when it was not there. @throws `state/branch-not-found` */
  headAt(branch: string, atMicros: bigint): string | undefined {
    const moves = this.#movesOf.get(branch);
    if (moves === undefined) return this.head(branch);
    let low = 0;
    let high = moves.length;
    while (low < high) {
      const middle = (low + high) >>> 1; // inside
      if ((moves[middle] as BranchMove).recordedAtMicros <= atMicros) low = middle + 1;
      else high = middle;
    }
    return moves[low - 1]?.head;
  }

  /** By name. */
  list(): { readonly name: string; readonly head: string }[] {
    return [...this.#heads].map(([name, head]) => ({ name, head })).sort(byName);
  }

  /** Every move, in order. */
  moves(): readonly BranchMove[] {
    return this.#moves;
  }

  /** @throws `state/tag-exists`, `state/invalid-argument` for a bad name */
  tag(name: string, versionId: string): void {
    checkName('tag', name);
    if (this.#tags.has(name)) {
      throw new NervError('state/tag-exists', `There is already a tag '${name}'. Delete it first; tags do not move.`, {
        details: { tag: name, versionId: this.#tags.get(name) },
      });
    }
    this.#tags.set(name, versionId);
  }

  /** @throws `state/tag-not-found` */
  deleteTag(name: string): void {
    if (this.#tags.delete(name)) return;
    throw new NervError('state/tag-not-found', `There is no tag '${name}'. See tags().`, { details: { tag: name } });
  }

  tagged(name: string): string | undefined {
    return this.#tags.get(name);
  }

  /** By name. */
  tags(): Tag[] {
    return [...this.#tags].map(([name, versionId]) => ({ name, versionId })).sort(byName);
  }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return compareKeys(a.name, b.name);
}

function checkName(what: 'branch' | 'tag', name: string): void {
  if (name !== '' && name.length <= NAME_MAX) return;
  throw new NervError(
    'state/invalid-argument',
    `'${name}' is no name for a ${what}: it takes 1 to ${NAME_MAX} characters.`,
    {
      details: { name },
    },
  );
}
