/** Where two sequences differ: the longest common subsequence where that is affordable, else close to it. */

/** `a[aFrom..aTo)` stands where `b[bFrom..bTo)` stands; between the hunks, both are equal. */
export interface Hunk {
  readonly aFrom: number;
  readonly aTo: number;
  readonly bFrom: number;
  readonly bTo: number;
}

/** Beyond so many pairs the exact method (time and memory by the product of the lengths) is left. */
const EXACT_PAIRS_MAX = 65_536;

/** The hunks that turn `a` into `b`, rising. */
export function matchSequences(a: readonly string[], b: readonly string[]): Hunk[] {
  const hunks: Hunk[] = [];
  matchRange(a, b, { aFrom: 0, aTo: a.length, bFrom: 0, bTo: b.length }, hunks);
  return hunks;
}

function matchRange(a: readonly string[], b: readonly string[], range: Hunk, hunks: Hunk[]): void {
  let { aFrom, aTo, bFrom, bTo } = range;
  while (aFrom < aTo && bFrom < bTo && a[aFrom] === b[bFrom]) {
    aFrom += 1;
    bFrom += 1;
  }
  while (aFrom < aTo && bFrom < bTo && a[aTo - 1] === b[bTo - 1]) {
    aTo -= 1;
    bTo -= 1;
  }
  const inner: Hunk = { aFrom, aTo, bFrom, bTo };
  if (aFrom === aTo && bFrom === bTo) return;
  if (aFrom === aTo || bFrom === bTo) hunks.push(inner);
  else if ((aTo - aFrom) * (bTo - bFrom) <= EXACT_PAIRS_MAX) matchExactly(a, b, inner, hunks);
  else matchByAnchors(a, b, inner, hunks);
}

/** Patience: items that are unique on both sides and in the same order on both split the range. */
function matchByAnchors(a: readonly string[], b: readonly string[], range: Hunk, hunks: Hunk[]): void {
  const anchors = rising(commonUnique(a, b, range));
  if (anchors.length === 0) {
    hunks.push(range);
    return;
  }
  let { aFrom, bFrom } = range;
  for (const [aAt, bAt] of anchors) {
    matchRange(a, b, { aFrom, aTo: aAt, bFrom, bTo: bAt }, hunks);
    aFrom = aAt + 1;
    bFrom = bAt + 1;
  }
  matchRange(a, b, { aFrom, aTo: range.aTo, bFrom, bTo: range.bTo }, hunks);
}

/** Pairs of positions, rising in `a`. */
function commonUnique(a: readonly string[], b: readonly string[], range: Hunk): [number, number][] {
  const inA = uniquePositions(a, range.aFrom, range.aTo);
  const inB = uniquePositions(b, range.bFrom, range.bTo);
  const pairs: [number, number][] = [];
  for (const [item, aAt] of inA) {
    const bAt = inB.get(item);
    if (aAt !== -1 && bAt !== undefined && bAt !== -1) pairs.push([aAt, bAt]);
  }
  return pairs.sort((x, y) => x[0] - y[0]);
}

/** Where each item stands; -1 when at several places. */
function uniquePositions(items: readonly string[], from: number, to: number): Map<string, number> {
  const positions = new Map<string, number>();
  for (let i = from; i < to; i += 1) {
    const item = items[i] as string; // `to` is at most the length
    positions.set(item, positions.has(item) ? -1 : i);
  }
  return positions;
}

/** The last pair of a rising chain, and the chain before it. */
interface Link {
  readonly pair: readonly [number, number];
  readonly before: Link | undefined;
}

/** The longest part of the pairs that rises in `b` too (patience sorting). */
function rising(pairs: readonly [number, number][]): (readonly [number, number])[] {
  const tails: Link[] = [];
  for (const pair of pairs) {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const tail = tails[middle] as Link; // `middle` is below the length
      if (tail.pair[1] < pair[1]) low = middle + 1;
      else high = middle;
    }
    tails[low] = { pair, before: tails[low - 1] };
  }
  const chain: (readonly [number, number])[] = [];
  for (let link = tails.at(-1); link !== undefined; link = link.before) chain.push(link.pair);
  return chain.reverse();
}

/** The longest common subsequence by dynamic programming, over the range. */
function matchExactly(a: readonly string[], b: readonly string[], range: Hunk, hunks: Hunk[]): void {
  const { aFrom, aTo, bFrom, bTo } = range;
  const width = bTo - bFrom + 1;
  // lengths[i * width + j]: the common subsequence of a[aFrom+i..aTo) and b[bFrom+j..bTo).
  const lengths = new Int32Array((aTo - aFrom + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] as number; // there is a border of zeros
  for (let i = aTo - aFrom - 1; i >= 0; i -= 1) {
    for (let j = bTo - bFrom - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        a[aFrom + i] === b[bFrom + j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  let i = 0;
  let j = 0;
  let open: { i: number; j: number } = { i: 0, j: 0 };
  const close = (): void => {
    if (open.i < i || open.j < j)
      hunks.push({ aFrom: aFrom + open.i, aTo: aFrom + i, bFrom: bFrom + open.j, bTo: bFrom + j });
  };
  while (i < aTo - aFrom && j < bTo - bFrom) {
    if (a[aFrom + i] === b[bFrom + j]) {
      close();
      i += 1;
      j += 1;
      open = { i, j };
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      i += 1;
    } else {
      j += 1;
    }
  }
  i = aTo - aFrom;
  j = bTo - bFrom;
  close();
}
