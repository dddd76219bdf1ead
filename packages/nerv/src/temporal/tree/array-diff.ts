/** What differs between two arrays, found without looking into equal chunks. */
import type { Chunk } from './chunk.ts';
import type { TreeNode } from './slot.ts';
import { matchSequences, type Hunk } from './sequence-match.ts';

/** The hunks (positions of elements) that turn one array into the other, rising. Costs by the differences. */
export function diffElements(before: TreeNode, after: TreeNode): Hunk[] {
  const hunks: Hunk[] = [];
  if (before.root === undefined || after.root === undefined) {
    if (before.count + after.count > 0) hunks.push({ aFrom: 0, aTo: before.count, bFrom: 0, bTo: after.count });
    return hunks;
  }
  let a: readonly Chunk[] = [before.root];
  let b: readonly Chunk[] = [after.root];
  while ((a[0]?.level ?? 0) > (b[0]?.level ?? 0)) a = a.flatMap((chunk) => chunk.children);
  while ((b[0]?.level ?? 0) > (a[0]?.level ?? 0)) b = b.flatMap((chunk) => chunk.children);
  diffRuns({ chunks: a, start: 0 }, { chunks: b, start: 0 }, hunks);
  return mergeAdjacent(hunks);
}

/** Neighbouring chunks of one level, and the position of their first element. */
interface Run {
  readonly chunks: readonly Chunk[];
  readonly start: number;
}

/** One item of a run's chunks: where its digest and its child are. */
interface Item {
  readonly chunk: Chunk;
  readonly index: number;
}

function diffRuns(aRun: Run, bRun: Run, hunks: Hunk[]): void {
  const a = itemsOf(aRun);
  const b = itemsOf(bRun);
  let prefix = 0;
  while (prefix < a.length && prefix < b.length && sameItem(a[prefix], b[prefix])) prefix += 1;
  let suffix = 0;
  while (suffix < a.length - prefix && suffix < b.length - prefix && sameItem(a.at(-1 - suffix), b.at(-1 - suffix)))
    suffix += 1;
  const aMiddle = a.slice(prefix, a.length - suffix);
  const bMiddle = b.slice(prefix, b.length - suffix);
  const aStarts = startsOf(aMiddle, aRun.start + countOf(a.slice(0, prefix)));
  const bStarts = startsOf(bMiddle, bRun.start + countOf(b.slice(0, prefix)));
  for (const hunk of matchSequences(aMiddle.map(itemKey), bMiddle.map(itemKey))) {
    const range: Hunk = {
      aFrom: aStarts[hunk.aFrom] ?? 0,
      aTo: aStarts[hunk.aTo] ?? 0,
      bFrom: bStarts[hunk.bFrom] ?? 0,
      bTo: bStarts[hunk.bTo] ?? 0,
    };
    const aChildren = childrenOf(aMiddle.slice(hunk.aFrom, hunk.aTo));
    const bChildren = childrenOf(bMiddle.slice(hunk.bFrom, hunk.bTo));
    if (aChildren.length === 0 || bChildren.length === 0) hunks.push(range);
    else diffRuns({ chunks: aChildren, start: range.aFrom }, { chunks: bChildren, start: range.bFrom }, hunks);
  }
}

function itemsOf(run: Run): Item[] {
  return run.chunks.flatMap((chunk) => Array.from({ length: chunk.size }, (_, index) => ({ chunk, index })));
}

function childrenOf(items: readonly Item[]): Chunk[] {
  return items.flatMap(({ chunk, index }) => chunk.children[index] ?? []);
}

function countOf(items: readonly Item[]): number {
  return items.reduce((count, item) => count + itemCount(item), 0);
}

function itemCount({ chunk, index }: Item): number {
  return chunk.children[index]?.count ?? 1;
}

/** The position at which each item starts, and behind them the end. */
function startsOf(items: readonly Item[], start: number): number[] {
  const starts = [start];
  let at = start;
  for (const item of items) {
    at += itemCount(item);
    starts.push(at);
  }
  return starts;
}

function sameItem(a: Item | undefined, b: Item | undefined): boolean {
  return a !== undefined && b !== undefined && itemKey(a) === itemKey(b);
}

function itemKey({ chunk, index }: Item): string {
  return chunk.digests[index] ?? '';
}

/** Hunks of neighbouring chunks can touch; together they are one. */
function mergeAdjacent(hunks: readonly Hunk[]): Hunk[] {
  const merged: Hunk[] = [];
  for (const hunk of hunks) {
    const last = merged.at(-1);
    if (last !== undefined && last.aTo === hunk.aFrom && last.bTo === hunk.bFrom) {
      merged[merged.length - 1] = { aFrom: last.aFrom, aTo: hunk.aTo, bFrom: last.bFrom, bTo: hunk.bTo };
    } else {
      merged.push(hunk);
    }
  }
  return merged;
}
