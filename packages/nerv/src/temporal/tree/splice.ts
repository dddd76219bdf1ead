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
  assert(keys.length === slots.length, 'an entry has a key and a value');
  treeWork.itemsHashed += slots.length;
  const digests = slots.map((slot, index) => entryDigest(escapeKey(keys[index] ?? ''), slotDigest(slot)));
  return { keys, slots, digests };
}

/** A container of these items alone. */
export function buildNode(kind: 'array' | 'object', items: ItemRun): TreeNode {
  const builder = new ChunkBuilder();
  builder.addRun(items, 0, items.slots.length);
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
  else walk.walk(node.root, undefined, 0, 0, true);
  const edited = builder.finish(node.kind);
  return edited.digest === node.digest ? node : edited;
}

/** The object after setting keys, and removing those whose slot is `ABSENT`. Costs as `spliceNode`. */
export function spliceEntries(node: TreeNode, changes: ReadonlyMap<string, MaybeSlot>): TreeNode {
  const { root } = node;
  const splices: Splice[] = [];
  for (const key of [...changes.keys()].sort(compareKeys)) {
    const before = root === undefined ? ABSENT : root.find(key);
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

  /** `start` is the position of the chunk's first item; its digest stands in `owner` at item `index`. */
  walk(chunk: Chunk, owner: Chunk | undefined, index: number, start: number, isLast: boolean): void {
    const end = start + chunk.count;
    if (this.#removedTo >= end && !isLast) return;
    const at = this.#nextAt();
    const isTouched = at < end || (isLast && at === end) || this.#removedTo > start;
    if (!isTouched && owner !== undefined && this.#builder.isClean(chunk.level)) {
      this.#builder.addChunk(chunk, owner.digests[index] ?? '');
      return;
    }
    if (chunk.level === 0) {
      this.#walkItems(chunk, start);
      if (isLast) this.atEnd(end);
      return;
    }
    let childStart = start;
    for (const [childIndex, child] of chunk.children.entries()) {
      this.walk(child, chunk, childIndex, childStart, isLast && childIndex === chunk.children.length - 1);
      childStart += child.count;
    }
  }

  /** Puts in what comes behind the last item. */
  atEnd(end: number): void {
    while (this.#nextAt() === end) this.#insertNext();
    assert(this.#nextAt() === Infinity && this.#removedTo <= end, 'splices lie inside the container');
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
        this.#builder.addRun(chunk, i, runEnd);
        i = runEnd;
      }
    }
  }

  #insertNext(): void {
    const splice = this.#splices[this.#next];
    assert(splice !== undefined, 'there is a next splice');
    this.#next += 1;
    this.#builder.addRun(splice.insert, 0, splice.insert.slots.length);
    this.#removedTo = splice.at + splice.remove;
    assert(this.#nextAt() >= this.#removedTo, 'splices rise and do not overlap');
  }

  #nextAt(): number {
    return this.#splices[this.#next]?.at ?? Infinity;
  }
}
