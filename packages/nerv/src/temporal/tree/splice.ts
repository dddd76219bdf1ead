/** Edits of a container's items: the old tree is walked only where something changes. */
import { assert } from '../../assert.ts';
import { entryDigest } from '../../hash/tree-digest.ts';
import { compareKeys, escapeKey } from '../../values/json.ts';
import type { Chunk, ItemRun } from './chunk.ts';
import { ChunkBuilder } from './chunk-builder.ts';
import { ABSENT, sameSlot, slotDigest, type MaybeSlot, type Slot, type TreeNode } from './slot.ts';

/** At a position of the old list: remove so many items, and put these in their place. */
export interface Splice {
  readonly at: number;
  readonly remove: number;
  readonly insert: ItemRun;
}

/** A run of no items. */
export const NO_ITEMS: ItemRun = { keys: [], items: [], digests: [] };

/** Items of an array, with their digests. */
export function makeElements(items: readonly Slot[]): ItemRun {
  return { keys: [], items, digests: items.map(slotDigest) };
}

/** Items of an object, with their digests; `keys` rise, one for each slot. */
export function makeEntries(keys: readonly string[], items: readonly Slot[]): ItemRun {
  const digests = keys.map((key, index) => entryDigest(escapeKey(key), slotDigest(items[index])));
  return { keys, items, digests };
}

/** A container of these items alone. */
export function buildNode(kind: 'array' | 'object', items: ItemRun): TreeNode {
  const builder = new ChunkBuilder();
  builder.addRun(0, items);
  return builder.finish(kind);
}

/**
 * The container after the splices, which rise and do not overlap. Gives back `node` itself when its value stays.
 * Costs by the splices, times the height of the tree.
 */
export function spliceNode(node: TreeNode, splices: readonly Splice[]): TreeNode {
  if (splices.length === 0) return node;
  const walk = new SpliceWalk(splices);
  if (node.root !== undefined) walk.walk(node.root, 0, true);
  walk.atEnd(node.count);
  const edited = walk.builder.finish(node.kind);
  return edited.digest === node.digest ? node : edited;
}

/** The object after setting keys, and removing those whose slot is `ABSENT`. Costs as `spliceNode`. */
export function spliceEntries(node: TreeNode, changes: ReadonlyMap<string, MaybeSlot>): TreeNode {
  const splices: Splice[] = [];
  for (const key of [...changes.keys()].sort(compareKeys)) {
    const before = node.find(key);
    const after = changes.get(key);
    if (sameSlot(before, after)) continue;
    splices.push({
      at: node.root?.positionOf(key) ?? 0,
      remove: Number(before !== ABSENT),
      insert: after === ABSENT ? NO_ITEMS : makeEntries([key], [after]),
    });
  }
  return spliceNode(node, splices);
}

/** Positions of a list: `from` on, before `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Adds the splices by which `slots` take the place of a range of the array: only for what really differs. */
export function spliceRange(node: TreeNode, { from, to }: Range, slots: readonly Slot[], splices: Splice[]): void {
  const replace = (at: number, remove: number, insert: readonly Slot[]): void => {
    splices.push({ at, remove, insert: makeElements(insert) });
  };
  if (slots.length === to - from) {
    for (const [index, slot] of slots.entries()) {
      if (!sameSlot(slot, node.at(from + index))) replace(from + index, 1, [slot]);
    }
    return;
  }
  let start = 0;
  let end = slots.length;
  let nodeTo = to;
  while (start < end && from + start < nodeTo && sameSlot(slots[start], node.at(from + start))) start += 1;
  while (end > start && nodeTo > from + start && sameSlot(slots[end - 1], node.at(nodeTo - 1))) {
    end -= 1;
    nodeTo -= 1;
  }
  replace(from + start, nodeTo - from - start, slots.slice(start, end));
}

/** The slots of an array, or of a range of it. */
export function elementsOf(node: TreeNode, { from, to }: Range = { from: 0, to: node.count }): Slot[] {
  const slots: Slot[] = [];
  node.root?.forEach((slot) => slots.push(slot), from, to);
  return slots;
}

class SpliceWalk {
  readonly builder = new ChunkBuilder();
  readonly #splices: readonly Splice[];
  #next = 0;
  /** Old items before this position are removed. */
  #removedTo = 0;

  constructor(splices: readonly Splice[]) {
    this.#splices = splices;
  }

  /** `start` is the position of the chunk's first item. */
  walk(chunk: Chunk, start: number, isLast: boolean): void {
    if (chunk.level > 0) this.#walkChildren(chunk, start, isLast);
    else this.#walkItems(chunk, start);
  }

  /** Puts in what comes behind the last item. */
  atEnd(end: number): void {
    while (this.#nextAt === end) this.#insertNext();
    assert(this.#nextAt === Infinity && this.#removedTo <= end, 'splices lie inside the container');
  }

  /** Takes over what is not touched, in runs, and goes into the rest. */
  #walkChildren(chunk: Chunk, start: number, isLast: boolean): void {
    const { children, level } = chunk;
    let from = 0;
    let at = start;
    for (const [index, child] of children.entries()) {
      const end = at + child.count;
      const isLastChild = isLast && index === children.length - 1;
      // What comes behind the last item goes into its chunk.
      const isTouched = this.#removedTo > at || this.#nextAt < end || (isLastChild && this.#nextAt === end);
      if (isTouched || !this.builder.isClean(level - 1)) {
        this.builder.addRun(level, chunk, from, index);
        from = index + 1;
        if (this.#removedTo < end) this.walk(child, at, isLastChild);
      }
      at = end;
    }
    this.builder.addRun(level, chunk, from, children.length);
  }

  #walkItems(chunk: Chunk, start: number): void {
    let at = 0;
    while (at < chunk.count) {
      if (this.#removedTo > start + at) {
        at = this.#removedTo - start;
      } else if (this.#nextAt === start + at) {
        this.#insertNext();
      } else {
        const end = Math.min(chunk.count, this.#nextAt - start);
        this.builder.addRun(0, chunk, at, end);
        at = end;
      }
    }
  }

  #insertNext(): void {
    const { at, remove, insert } = this.#splices[this.#next] as Splice; // `#nextAt` is its position
    this.#next += 1;
    this.builder.addRun(0, insert);
    this.#removedTo = at + remove;
    assert(this.#nextAt >= this.#removedTo, 'splices rise and do not overlap');
  }

  get #nextAt(): number {
    return this.#splices[this.#next]?.at ?? Infinity;
  }
}
