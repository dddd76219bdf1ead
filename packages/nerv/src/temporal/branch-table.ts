/**
 * Branches and tags: the names that move, and those that stay.
 *
 * Invariants:
 * - Every head and tag names a version that is in the graph; a past move may name one that compaction left out.
 * - The moves of one store never go back in time.
 */
import { missing, NervError, taken, VersionConflictError } from '../errors.ts';
import { compareKeys } from '../values/json.ts';
import type { BranchMove, Tag } from './version.ts';

/** Longest name of a branch or tag, and longest id of a version, in UTF-16 code units. */
const NAME_MAX = 128;

/** The branches and tags of one store. Whoever calls has checked that the versions are there. */
export class BranchTable {
  readonly #heads = new Map<string, string>();
  readonly #moves: BranchMove[] = [];
  readonly #tags = new Map<string, string>();

  /** Another table that starts where this one stands. */
  fork(): BranchTable {
    const copy = new BranchTable();
    for (const move of this.#moves) copy.addMove(move);
    for (const [name, versionId] of this.#tags) copy.tag(name, versionId);
    return copy;
  }

  /** Where a branch stands, if there is one of this name. */
  tryHead(branch: string): string | undefined {
    return this.#heads.get(branch);
  }

  /** @throws `state/branch-not-found` */
  head(branch: string): string {
    const head = this.tryHead(branch);
    if (head === undefined) throw missing('state/branch-not-found', 'branch', { branch });
    return head;
  }

  /** @throws `VersionConflictError` unless the branch is where it is expected */
  checkHead(branch: string, expectedHead: string | undefined): void {
    const actualHead = this.tryHead(branch);
    if (actualHead !== expectedHead) throw new VersionConflictError({ branch, expectedHead, actualHead });
  }

  /** Moves, makes or (`head` undefined) deletes a branch. @throws `state/invalid-argument` for a bad name */
  move(branch: string, head: string | undefined, recordedAtMicros: bigint): void {
    checkName('branch', branch);
    this.addMove({ branch, previous: this.tryHead(branch), head, recordedAtMicros });
  }

  /** Takes in a move that was made before. */
  addMove(move: BranchMove): void {
    if (move.head === undefined) this.#heads.delete(move.branch);
    else this.#heads.set(move.branch, move.head);
    this.#moves.push(move);
  }

  /** Where the branch stood at a time, deleted since or not; `undefined` when it was not there. @throws `state/branch-not-found` */
  headAt(branch: string, atMicros: bigint): string | undefined {
    const moves = this.#moves.filter((move) => move.branch === branch);
    if (moves.length === 0) this.head(branch);
    return moves.findLast(({ recordedAtMicros }) => recordedAtMicros <= atMicros)?.head;
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
    const there = this.tagged(name);
    if (there !== undefined) throw taken('state/tag-exists', 'tag', { tag: name, versionId: there });
    this.#tags.set(name, versionId);
  }

  /** @throws `state/tag-not-found` */
  deleteTag(name: string): void {
    if (!this.#tags.delete(name)) throw missing('state/tag-not-found', 'tag', { tag: name });
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

/** Passes what can be a name. @throws `state/invalid-argument` */
export function checkName(what: 'branch' | 'tag' | 'version', name: string): void {
  if (name !== '' && name.length <= NAME_MAX) return;
  throw new NervError('state/invalid-argument', `'${name}' names no ${what}: it takes 1 to ${NAME_MAX} characters.`, {
    details: { name },
  });
}
