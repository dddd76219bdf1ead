/**
 * The chunks of hash/tree-digest.ts in memory.
 *
 * Invariants:
 * - A chunk never changes. Level 0 holds slots, every other level holds chunks of the level below.
 * - `digests` has one for each item: those that the chunk's own digest is made of. The chunk's own digest stands with
 *   its parent; a node's covers its root's.
 * - `keys` has one key for each item of an object's chunk, rising: the entry's, or the last one of the child.
 */
import type { Digest } from '../../hash/digest.ts';
import { compareKeys } from '../../values/json.ts';
import { ABSENT, slotWeight, type MaybeSlot, type Slot } from './slot.ts';

/** A run of items that can be put into a chunk: what `Chunk` and a batch of new items have in common. */
export interface ItemRun {
  readonly keys: readonly string[];
  readonly slots: readonly Slot[];
  readonly digests: readonly Digest[];
}

/** The parts that a chunk is made of. */
export interface ChunkParts extends ItemRun {
  readonly level: number;
  readonly children: readonly Chunk[];
}

/** One immutable chunk of a container's items. */
export class Chunk implements ItemRun {
  readonly level: number;
  /** The items' keys, or empty in an array. */
  readonly keys: readonly string[];
  /** The items of level 0. */
  readonly slots: readonly Slot[];
  /** The items of any other level. */
  readonly children: readonly Chunk[];
  readonly digests: readonly Digest[];
  /** Elements or entries below, all levels down. */
  readonly count: number;
  /** See `TreeNode.weight`. */
  readonly weight: number;

  constructor(parts: ChunkParts) {
    this.level = parts.level;
    this.keys = parts.keys;
    this.slots = parts.slots;
    this.children = parts.children;
    this.digests = parts.digests;
    let count = parts.slots.length;
    let weight = 0;
    for (const slot of parts.slots) weight += slotWeight(slot);
    for (const child of parts.children) {
      count += child.count;
      weight += child.weight;
    }
    this.count = count;
    this.weight = weight;
  }

  /** How many items it has itself. */
  get size(): number {
    return this.digests.length;
  }

  /** The slot under a key. */
  find(key: string): MaybeSlot {
    const index = firstNotBelow(this.keys, key);
    if (this.level > 0) {
      const child = this.children[index];
      return child === undefined ? ABSENT : child.find(key);
    }
    // A slot of `undefined` is a value; the index is inside as the key is there.
    return this.keys[index] === key ? (this.slots[index] as Slot) : ABSENT;
  }

  /** How many entries have a key below this one: the position of the key, there or not. */
  positionOf(key: string): number {
    const index = firstNotBelow(this.keys, key);
    if (this.level === 0) return index;
    let position = 0;
    for (let i = 0; i < index; i += 1) position += (this.children[i] as Chunk).count; // `index` is at most the length
    const child = this.children[index];
    return child === undefined ? position : position + child.positionOf(key);
  }

  /** The slot at a position, which is not negative; `ABSENT` behind the last. */
  at(position: number): MaybeSlot {
    if (this.level === 0) return position < this.slots.length ? (this.slots[position] as Slot) : ABSENT;
    let left = position;
    for (const child of this.children) {
      if (left < child.count) return child.at(left);
      left -= child.count;
    }
    return ABSENT;
  }

  /** Calls `visit` for the slots at positions [from, to), in order, with their keys (empty in an array). */
  forEach(visit: (slot: Slot, key: string) => void, from = 0, to: number = this.count): void {
    if (this.level === 0) {
      for (let i = Math.max(0, from); i < Math.min(to, this.slots.length); i += 1) {
        visit(this.slots[i] as Slot, this.keys[i] ?? ''); // the index is inside
      }
      return;
    }
    let start = 0;
    for (const child of this.children) {
      if (start < to && start + child.count > from) child.forEach(visit, from - start, to - start);
      start += child.count;
    }
  }
}

/** The chunks that two trees have at the level of the lower one. */
export function levelled(a: Chunk | undefined, b: Chunk | undefined): [readonly Chunk[], readonly Chunk[]] {
  let chunksA: readonly Chunk[] = a === undefined ? [] : [a];
  let chunksB: readonly Chunk[] = b === undefined ? [] : [b];
  while (levelOf(chunksA) > levelOf(chunksB)) chunksA = chunksA.flatMap(({ children }) => children);
  while (levelOf(chunksB) > levelOf(chunksA)) chunksB = chunksB.flatMap(({ children }) => children);
  return [chunksA, chunksB];
}

/** The level of neighbouring chunks; 0 when there are none. */
export function levelOf(chunks: readonly Chunk[]): number {
  return chunks[0]?.level ?? 0;
}

/** The index of the first key that is not below `key`, by binary search; the length when all are below. */
function firstNotBelow(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(keys[middle] as string, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
