import type { LiveEvent, ReadPage } from '../client/change-source.ts';
import type { BranchHead } from './version-log.ts';

/** Where a transaction left a branch, and the `seq` it has. */
export interface Move extends BranchHead {
  readonly branch: string;
  /** All versions that the transaction moved the branch to, in order; the last is `versionId`. */
  readonly passes: readonly string[];
}

interface MoveItem {
  readonly store: string;
  readonly name: string;
  readonly to: string;
}

/** What a record of moves tells of a store: one move for each branch. */
export function movesOf(record: LiveEvent, store: string): readonly Move[] {
  const { items = [] } = JSON.parse(record.data) as { items?: readonly MoveItem[] }; // the module's own record
  const moves = new Map<string, Move>();
  for (const { store: of, name, to } of items) {
    if (of !== store) continue;
    const passes = [...(moves.get(name)?.passes ?? []), to];
    moves.set(name, { branch: name, versionId: to, seq: record.seq, passes });
  }
  return [...moves.values()];
}

/** The moves of a branch after a `seq`, one for each transaction. */
export async function* readMoves(
  read: ReadPage,
  { store, branch, afterSeq }: { readonly store: string; readonly branch: string; readonly afterSeq: bigint },
): AsyncGenerator<Move, void, undefined> {
  // A cursor begins with a `seq`: with nothing behind it, it stands before everything of that one.
  let cursor = `${afterSeq + 1n}:`;
  let last: Move | undefined;
  for (;;) {
    const page = await read('readBranchMoves', { store, branch, cursor, limit: 0 });
    for (const { seq, toHead } of page.moves) {
      const isSame = last?.seq === seq;
      if (last !== undefined && !isSame) yield last;
      // A branch that was deleted is nowhere; where it was goes on being shown.
      const passes: readonly string[] = [...(isSame ? (last?.passes ?? []) : []), ...(toHead === '' ? [] : [toHead])];
      const versionId = passes.at(-1);
      last = versionId === undefined ? undefined : { branch, versionId, seq, passes };
    }
    if (!page.more) break;
    cursor = page.cursor;
  }
  if (last !== undefined) yield last;
}
