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
import { ABSENT, type MaybeSlot, type Slot } from './slot.ts';

/** A run of items that can be put into a chunk: what `Chunk` and a batch of new items have in common. */
export interface ItemRun {
  /** The items' keys, or empty in an array. */
  readonly keys: readonly string[];
  readonly items: readonly (Slot | Chunk)[];
  readonly digests: readonly Digest[];
}

/** One immutable chunk of a container's items. */
export class Chunk implements ItemRun {
  readonly level: number;
  readonly keys: readonly string[];
  readonly items: readonly (Slot | Chunk)[];
  readonly digests: readonly Digest[];
  /** Elements or entries below, all levels down. */
  readonly count: number;
  /** For `slotWeight` (weight.ts), which works it out when it is first asked for. */
  weight = 0;

  constructor(level: number, { keys, items, digests }: ItemRun) {
    this.level = level;
    this.keys = keys;
    this.items = items;
    this.digests = digests;
    let count = items.length;
    if (level > 0) {
      count = 0;
      for (const child of items) count += (child as Chunk).count; // see the invariants
    }
    this.count = count;
  }

  /** The items of a level above 0. */
  get children(): readonly Chunk[] {
    return this.level > 0 ? (this.items as readonly Chunk[]) : [];
  }

  /** The slot under a key. */
  find(key: string): MaybeSlot {
    const index = firstNotBelow(this.keys, key);
    const child = this.children[index];
    if (child !== undefined) return child.find(key);
    // A slot of `undefined` is a value; the index is inside as the key is there.
    return this.keys[index] === key ? (this.items[index] as Slot) : ABSENT;
  }

  /** How many entries have a key below this one: the position of the key, there or not. */
  positionOf(key: string): number {
    const index = firstNotBelow(this.keys, key);
    if (this.level === 0) return index;
    let position = this.children[index]?.positionOf(key) ?? 0;
    for (let i = 0; i < index; i += 1) position += (this.items[i] as Chunk).count; // `index` is at most the length
    return position;
  }

  /** The slot at a position, which is not negative; `ABSENT` behind the last. */
  at(position: number): MaybeSlot {
    if (this.level === 0) return position < this.count ? (this.items[position] as Slot) : ABSENT;
    let left = position;
    for (const child of this.children) {
      if (left < child.count) return child.at(left);
      left -= child.count;
    }
    return ABSENT;
  }

  /** Calls `visit` for the slots at positions [from, to), in order, with their keys (empty in an array). */
  forEach(visit: (slot: Slot, key: string) => void, from = 0, to: number = this.count): void {
    let start = 0;
    for (const child of this.children) {
      if (start < to && start + child.count > from) child.forEach(visit, from - start, to - start);
      start += child.count;
    }
    if (this.level > 0) return;
    for (let i = Math.max(0, from); i < Math.min(to, this.count); i += 1)
      visit(this.items[i] as Slot, this.keys[i] ?? '');
  }
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
