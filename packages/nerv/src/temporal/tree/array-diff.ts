/** What differs between two arrays, found without looking into equal chunks. */
import type { Digest } from '../../hash/digest.ts';
import type { Chunk } from './chunk.ts';
import { levelled } from './levels.ts';
import type { TreeNode } from './slot.ts';
import { matchSequences, type Hunk } from './sequence-match.ts';

/** The hunks (positions of elements) that turn one array into the other, rising. Costs by the differences. */
export function diffElements(before: TreeNode, after: TreeNode): Hunk[] {
  const hunks: Hunk[] = [];
  const [a, b] = levelled(before.root, after.root);
  diffRuns({ chunks: a, start: 0 }, { chunks: b, start: 0 }, hunks);
  return hunks;
}

/** Neighbouring chunks of one level, and the position of their first element. */
interface Run {
  readonly chunks: readonly Chunk[];
  readonly start: number;
}

/** One item of a run's chunks; an element has no child. */
interface Item {
  readonly digest: Digest;
  readonly child: Chunk | undefined;
}

function diffRuns(aRun: Run, bRun: Run, hunks: Hunk[]): void {
  const a = itemsOf(aRun);
  const b = itemsOf(bRun);
  const aStarts = startsOf(a, aRun.start);
  const bStarts = startsOf(b, bRun.start);
  for (const { aFrom, aTo, bFrom, bTo } of matchSequences(a.map(digestOf), b.map(digestOf))) {
    // A hunk lies inside, and there is one start more than items.
    const range = {
      aFrom: aStarts[aFrom],
      aTo: aStarts[aTo],
      bFrom: bStarts[bFrom],
      bTo: bStarts[bTo],
    } as Hunk;
    const aChildren = childrenOf(a.slice(aFrom, aTo));
    const bChildren = childrenOf(b.slice(bFrom, bTo));
    if (aChildren.length === 0 || bChildren.length === 0) hunks.push(range);
    else diffRuns({ chunks: aChildren, start: range.aFrom }, { chunks: bChildren, start: range.bFrom }, hunks);
  }
}

function itemsOf({ chunks }: Run): Item[] {
  return chunks.flatMap(({ digests, children }) =>
    digests.map((digest, index) => ({ digest, child: children[index] })),
  );
}

function digestOf({ digest }: Item): Digest {
  return digest;
}

function childrenOf(items: readonly Item[]): Chunk[] {
  return items.flatMap(({ child }) => child ?? []);
}

/** The position at which each item starts, and behind them the end. */
function startsOf(items: readonly Item[], start: number): number[] {
  const starts = [start];
  let at = start;
  for (const { child } of items) {
    at += child === undefined ? 1 : child.count;
    starts.push(at);
  }
  return starts;
}
