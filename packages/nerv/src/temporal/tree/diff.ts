import { escapeKey } from '../../values/json.ts';
import { appendPointer } from '../../values/pointer.ts';
import type { PatchOperation } from '../patch.ts';
import { diffElements } from './array-diff.ts';
import { diffEntries } from './object-diff.ts';
import type { Hunk } from './sequence-match.ts';
import { ABSENT, sameSlot, slotToJson, TreeNode, type MaybeSlot, type Slot } from './slot.ts';
import { slotWeight } from './weight.ts';

/**
 * The JSON Patch that turns one slot into the other: only what differs, containers replaced as a whole where that
 * takes fewer operations than their new contents have places. Costs by the differences.
 */
export function diffSlots(before: Slot, after: Slot): PatchOperation[] {
  const operations: PatchOperation[] = [];
  addDifference(before, after, '', operations);
  return operations;
}

function addDifference(before: Slot, after: Slot, path: string, operations: PatchOperation[]): void {
  if (sameSlot(before, after)) return;
  if (!(before instanceof TreeNode && after instanceof TreeNode && before.kind === after.kind)) {
    operations.push({ op: 'replace', path, value: slotToJson(after) });
    return;
  }
  const start = operations.length;
  if (before.kind === 'object') {
    diffEntries(before, after, (key, a, b) => addEntry(a, b, appendPointer(path, escapeKey(key)), operations));
  } else {
    for (const hunk of diffElements(before, after)) addHunk({ before, after, path }, hunk, operations);
  }
  if (operations.length - start > slotWeight(after)) {
    operations.length = start;
    operations.push({ op: 'replace', path, value: slotToJson(after) });
  }
}

function addEntry(before: MaybeSlot, after: MaybeSlot, path: string, operations: PatchOperation[]): void {
  if (after === ABSENT) operations.push({ op: 'remove', path });
  else if (before === ABSENT) operations.push({ op: 'add', path, value: slotToJson(after) });
  else addDifference(before, after, path, operations);
}

/** When its turn comes, everything before the hunk is already as it is in `after`. */
function addHunk(
  { before, after, path }: { readonly before: TreeNode; readonly after: TreeNode; readonly path: string },
  hunk: Hunk,
  operations: PatchOperation[],
): void {
  const removed = hunk.aTo - hunk.aFrom;
  const added = hunk.bTo - hunk.bFrom;
  const paired = Math.min(removed, added);
  for (let i = 0; i < paired; i += 1) {
    const at = appendPointer(path, hunk.bFrom + i);
    addDifference(before.elementAt(hunk.aFrom + i), after.elementAt(hunk.bFrom + i), at, operations);
  }
  for (let i = paired; i < added; i += 1) {
    const value = slotToJson(after.elementAt(hunk.bFrom + i));
    operations.push({ op: 'add', path: appendPointer(path, hunk.bFrom + i), value });
  }
  for (let i = paired; i < removed; i += 1) {
    operations.push({ op: 'remove', path: appendPointer(path, hunk.bFrom + paired) });
  }
}
