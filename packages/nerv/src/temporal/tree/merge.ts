/** Three-way merge of two states with the one they came from. Costs by what either side changed. */
import { escapeKey } from '../../values/json.ts';
import { appendPointer } from '../../values/pointer.ts';
import { diffElements } from './array-diff.ts';
import { diffEntries } from './object-diff.ts';
import type { Hunk } from './sequence-match.ts';
import { ABSENT, sameSlot, TreeNode, type MaybeSlot } from './slot.ts';
import { buildNode, elementsOf, makeElements, NO_ITEMS, spliceEntries, spliceNode, type Splice } from './splice.ts';

/** One place that both sides changed differently. */
export interface SlotConflict {
  readonly path: string;
  readonly base: MaybeSlot;
  readonly ours: MaybeSlot;
  readonly theirs: MaybeSlot;
}

/** Decides a conflict: what shall stand there. It keeps account itself of those it cannot decide. */
export type SlotResolver = (conflict: SlotConflict) => MaybeSlot;

/** One place in the three states of a merge. */
export interface MergeSlots {
  readonly base: MaybeSlot;
  readonly ours: MaybeSlot;
  readonly theirs: MaybeSlot;
}

/** One list in the three states of a merge; empty in `base` when both sides added it. */
export interface ListSides {
  readonly base: TreeNode;
  readonly ours: TreeNode;
  readonly theirs: TreeNode;
}

/** The merged list, or what a resolver put in its place. */
export interface MergedList {
  readonly slot: MaybeSlot;
}

/** What a list merger can leave to the merge it is part of. */
export interface MergeAt {
  /** Merges one element, told by that path. */
  element(sides: MergeSlots, path: string): MaybeSlot;
  /** Has the list as a whole decided as a conflict. */
  conflict(): MaybeSlot;
}

/** Merges the list at a path, or leaves it to the usual way. Made by `byIdentity`. */
export type ListMerger = (path: string, sides: ListSides, mergeAt: MergeAt) => MergedList | undefined;

/**
 * The state that has the changes of both sides. Objects merge key by key, arrays by the regions that changed; what both
 * changed differently goes to `resolve`.
 */
export function mergeSlots(sides: MergeSlots, resolve: SlotResolver, lists?: ListMerger): MaybeSlot {
  return new Merge(resolve, lists).merge(sides, '');
}

const EMPTY_OBJECT = buildNode('object', NO_ITEMS);
const EMPTY_ARRAY = buildNode('array', NO_ITEMS);

class Merge {
  readonly #resolve: SlotResolver;
  readonly #lists: ListMerger | undefined;

  constructor(resolve: SlotResolver, lists: ListMerger | undefined) {
    this.#resolve = resolve;
    this.#lists = lists;
  }

  merge(sides: MergeSlots, path: string): MaybeSlot {
    const { base, ours, theirs } = sides;
    if (sameSlot(ours, theirs) || sameSlot(base, theirs)) return ours;
    if (sameSlot(base, ours)) return theirs;
    if (isObject(ours) && isObject(theirs)) {
      // Two objects that were both added are merged as if they had grown from an empty one.
      if (base === ABSENT) return this.#mergeObjects({ base: EMPTY_OBJECT, ours, theirs }, path);
      if (isObject(base)) return this.#mergeObjects({ base, ours, theirs }, path);
    }
    if (isArray(ours) && isArray(theirs)) {
      if (base === ABSENT || isArray(base)) {
        const list = this.#tryList({ base: base === ABSENT ? EMPTY_ARRAY : base, ours, theirs }, path, sides);
        if (list !== undefined) return list.slot;
      }
      if (isArray(base)) return this.#mergeArrays({ base, ours, theirs }, path);
    }
    return this.#resolve({ path, base, ours, theirs });
  }

  #tryList(nodes: ListSides, path: string, sides: MergeSlots): MergedList | undefined {
    return this.#lists?.(path, nodes, {
      element: (element, at) => this.merge(element, at),
      conflict: () => this.#resolve({ path, ...sides }),
    });
  }

  #mergeObjects({ base, ours, theirs }: ListSides, path: string): TreeNode {
    const ourChanges = new Map<string, MaybeSlot>();
    diffEntries(base, ours, (key, _, after) => ourChanges.set(key, after));
    const changes = new Map<string, MaybeSlot>();
    diffEntries(base, theirs, (key, before, after) => {
      const ourSlot = ourChanges.has(key) ? ourChanges.get(key) : before;
      const at = appendPointer(path, escapeKey(key));
      changes.set(key, this.merge({ base: before, ours: ourSlot, theirs: after }, at));
    });
    return spliceEntries(ours, changes);
  }

  #mergeArrays(nodes: ListSides, path: string): MaybeSlot {
    const ourHunks = diffElements(nodes.base, nodes.ours);
    const splices: Splice[] = [];
    for (const their of diffElements(nodes.base, nodes.theirs)) {
      const overlapping = ourHunks.filter((our) => overlaps(our, their));
      const [our] = overlapping;
      if (our === undefined) {
        const shift = shiftBefore(ourHunks, their.aFrom);
        const insert = makeElements(elementsOf(nodes.theirs, { from: their.bFrom, to: their.bTo }));
        splices.push({ at: their.aFrom + shift, remove: their.aTo - their.aFrom, insert });
      } else if (overlapping.length === 1 && isPairwise(our, their)) {
        this.#mergePairs(nodes, { our, their }, path, splices);
      } else if (overlapping.length > 1 || !isSameChange(nodes, our, their)) {
        return this.#resolve({ path, ...nodes });
      }
    }
    return spliceNode(nodes.ours, splices);
  }

  /** Both sides replaced the same elements one for one. */
  #mergePairs(nodes: ListSides, { our, their }: HunkPair, path: string, splices: Splice[]): void {
    for (let i = 0; i < our.aTo - our.aFrom; i += 1) {
      const at = our.bFrom + i;
      const ours = nodes.ours.elementAt(at);
      const sides = {
        base: nodes.base.elementAt(our.aFrom + i),
        ours,
        theirs: nodes.theirs.elementAt(their.bFrom + i),
      };
      const merged = this.merge(sides, appendPointer(path, at));
      if (sameSlot(merged, ours)) continue;
      splices.push({
        at,
        remove: 1,
        insert: merged === ABSENT ? NO_ITEMS : makeElements([merged]),
      });
    }
  }
}

interface HunkPair {
  readonly our: Hunk;
  readonly their: Hunk;
}

function isObject(slot: MaybeSlot): slot is TreeNode {
  return slot instanceof TreeNode && slot.kind === 'object';
}

function isArray(slot: MaybeSlot): slot is TreeNode {
  return slot instanceof TreeNode && slot.kind === 'array';
}

/** Whether two hunks touch the same elements of the base, or put elements in at the same point. */
function overlaps(a: Hunk, b: Hunk): boolean {
  if (a.aFrom === a.aTo && b.aFrom === b.aTo) return a.aFrom === b.aFrom;
  return a.aFrom < b.aTo && b.aFrom < a.aTo;
}

function isPairwise(a: Hunk, b: Hunk): boolean {
  const length = a.aTo - a.aFrom;
  return (
    a.aFrom === b.aFrom && a.aTo === b.aTo && a.bTo - a.bFrom === length && b.bTo - b.bFrom === length && length > 0
  );
}

function isSameChange(nodes: ListSides, our: Hunk, their: Hunk): boolean {
  if (our.aFrom !== their.aFrom || our.aTo !== their.aTo) return false;
  const a = elementsOf(nodes.ours, { from: our.bFrom, to: our.bTo });
  const b = elementsOf(nodes.theirs, { from: their.bFrom, to: their.bTo });
  return a.length === b.length && a.every((slot, index) => sameSlot(slot, b[index]));
}

/** How far the hunks that end at or before a position of the base have moved it. */
function shiftBefore(hunks: readonly Hunk[], position: number): number {
  let shift = 0;
  for (const hunk of hunks) {
    if (hunk.aTo <= position) shift += hunk.bTo - hunk.bFrom - (hunk.aTo - hunk.aFrom);
  }
  return shift;
}
