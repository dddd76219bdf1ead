/** Edits of a container's items: the old tree is walked only where something changes. */
import { assert } from '../../assert.ts';
import { entryDigest } from '../../hash/tree-digest.ts';
import { compareKeys, escapeKey } from '../../values/json.ts';
import type { Chunk, ItemRun } from './chunk.ts';
import { ChunkBuilder } from './chunk-builder.ts';
import { ABSENT, sameSlot, slotDigest, type MaybeSlot, type Slot, type TreeNode } from './slot.ts';
import { treeWork } from './work.ts';

/** At a position of the old list: remove so many items, and put these in their place. */
export interface Splice {
  readonly at: number;
  readonly remove: number;
  readonly insert: ItemRun;
}

/** A run of no items. */
export const NO_ITEMS: ItemRun = { keys: [], slots: [], digests: [] };

/** Items of an array, with their digests. */
export function makeElements(slots: readonly Slot[]): ItemRun {
  treeWork.itemsHashed += slots.length;
  return { keys: NO_ITEMS.keys, slots, digests: slots.map(slotDigest) };
}

/** Items of an object, with their digests; `keys` must rise. */
export function makeEntries(keys: readonly string[], slots: readonly Slot[]): ItemRun {
  // So there is a key for every index below.
  assert(keys.length === slots.length, 'an entry has a key and a value');
  treeWork.itemsHashed += slots.length;
  const digests = slots.map((slot, index) => entryDigest(escapeKey(keys[index] as string), slotDigest(slot)));
  return { keys, slots, digests };
}

/** A container of these items alone. */
export function buildNode(kind: 'array' | 'object', items: ItemRun): TreeNode {
  const builder = new ChunkBuilder();
  builder.addRun(0, items, 0, items.slots.length);
  return builder.finish(kind);
}

/**
 * The container after the splices, which rise and do not overlap. Gives back `node` itself when its value stays.
 * Costs by the splices, times the height of the tree.
 */
export function spliceNode(node: TreeNode, splices: readonly Splice[]): TreeNode {
  if (splices.length === 0) return node;
  const builder = new ChunkBuilder();
  const walk = new SpliceWalk(builder, splices);
  if (node.root === undefined) walk.atEnd(0);
  else walk.walk(node.root, 0, true);
  const edited = builder.finish(node.kind);
  return edited.digest === node.digest ? node : edited;
}

/** The object after setting keys, and removing those whose slot is `ABSENT`. Costs as `spliceNode`. */
export function spliceEntries(node: TreeNode, changes: ReadonlyMap<string, MaybeSlot>): TreeNode {
  const { root } = node;
  const splices: Splice[] = [];
  for (const key of [...changes.keys()].sort(compareKeys)) {
    const before = node.find(key);
    const after = changes.get(key);
    if (sameSlot(before, after)) continue;
    splices.push({
      at: root?.positionOf(key) ?? 0,
      remove: before === ABSENT ? 0 : 1,
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
  if (slots.length === to - from) {
    for (const [index, slot] of slots.entries()) {
      if (sameSlot(slot, node.at(from + index))) continue;
      splices.push({ at: from + index, remove: 1, insert: makeElements([slot]) });
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
  splices.push({ at: from + start, remove: nodeTo - from - start, insert: makeElements(slots.slice(start, end)) });
}

/** The slots at positions [from, to) of an array. */
export function elementsOf(node: TreeNode, from = 0, to: number = node.count): Slot[] {
  const slots: Slot[] = [];
  node.root?.forEach((slot) => slots.push(slot), from, to);
  return slots;
}

class SpliceWalk {
  readonly #builder: ChunkBuilder;
  readonly #splices: readonly Splice[];
  #next = 0;
  /** Old items before this position are removed. */
  #removedTo = 0;

  constructor(builder: ChunkBuilder, splices: readonly Splice[]) {
    this.#builder = builder;
    this.#splices = splices;
  }

  /** `start` is the position of the chunk's first item. */
  walk(chunk: Chunk, start: number, isLast: boolean): void {
    if (chunk.level > 0) {
      this.#walkChildren(chunk, start, isLast);
    } else {
      this.#walkItems(chunk, start);
      if (isLast) this.atEnd(start + chunk.count);
    }
  }

  /** Puts in what comes behind the last item. */
  atEnd(end: number): void {
    while (this.#nextAt() === end) this.#insertNext();
    assert(this.#nextAt() === Infinity && this.#removedTo <= end, 'splices lie inside the container');
  }

  /** Takes over what is not touched, in runs, and goes into the rest. */
  #walkChildren(chunk: Chunk, start: number, isLast: boolean): void {
    const { children, level } = chunk;
    const isLastChild = (index: number): boolean => isLast && index === children.length - 1;
    let index = 0;
    let at = start;
    while (index < children.length) {
      const from = index;
      if (this.#builder.isClean(level - 1)) {
        for (let child = children[index]; child !== undefined; child = children[index]) {
          if (this.#touches(at, at + child.count, isLastChild(index))) break;
          at += child.count;
          index += 1;
        }
        this.#builder.addRun(level, chunk, from, index);
      }
      const touched = children[index];
      if (touched === undefined) break;
      const isRemoved = this.#removedTo >= at + touched.count && !isLastChild(index);
      if (!isRemoved) this.walk(touched, at, isLastChild(index));
      at += touched.count;
      index += 1;
    }
  }

  /** Whether anything changes at positions [start, end), or behind them when they are the last. */
  #touches(start: number, end: number, isLast: boolean): boolean {
    const at = this.#nextAt();
    return this.#removedTo > start || at < end || (isLast && at === end);
  }

  #walkItems(chunk: Chunk, start: number): void {
    const count = chunk.slots.length;
    let i = 0;
    while (i < count) {
      if (this.#removedTo > start + i) {
        i = Math.min(count, this.#removedTo - start);
      } else if (this.#nextAt() === start + i) {
        this.#insertNext();
      } else {
        const runEnd = Math.min(count, this.#nextAt() - start);
        this.#builder.addRun(0, chunk, i, runEnd);
        i = runEnd;
      }
    }
  }

  #insertNext(): void {
    const splice = this.#splices[this.#next];
    assert(splice !== undefined, 'there is a next splice');
    this.#next += 1;
    this.#builder.addRun(0, splice.insert, 0, splice.insert.slots.length);
    this.#removedTo = splice.at + splice.remove;
    assert(this.#nextAt() >= this.#removedTo, 'splices rise and do not overlap');
  }

  #nextAt(): number {
    return this.#splices[this.#next]?.at ?? Infinity;
  }
}
