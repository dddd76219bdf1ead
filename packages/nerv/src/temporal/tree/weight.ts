import type { Chunk } from './chunk.ts';
import { TreeNode, type Slot } from './slot.ts';

/** About how many places a slot has, long texts counted by length: what loading or sending it costs. */
export function slotWeight(slot: Slot): number {
  if (typeof slot === 'string') return 1 + (slot.length >>> 5);
  if (typeof slot !== 'object' || slot === null) return 1;
  if (!(slot instanceof TreeNode)) return 1 + (slot.text.length >>> 5);
  return slot.root === undefined ? 1 : 1 + chunkWeight(slot.root);
}

/** Worked out once for each chunk, so that a changed tree costs by what changed. */
function chunkWeight(chunk: Chunk): number {
  if (chunk.weight === 0) {
    for (const item of chunk.items) {
      // An item is a chunk or a slot by the level.
      chunk.weight += chunk.level > 0 ? chunkWeight(item as Chunk) : slotWeight(item as Slot);
    }
  }
  return chunk.weight;
}
