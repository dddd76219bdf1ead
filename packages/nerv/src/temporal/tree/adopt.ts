import { ABSENT, OpaqueLeaf, sameSlot, TreeNode, type MaybeSlot, type Slot } from './slot.ts';
import { elementsOf, spliceEntries, spliceNode, spliceRange, type Splice } from './splice.ts';

/** What `after` holds, sharing with `before` all that is equal: under the same keys, and anywhere in the same array. */
export function adoptSlot(before: MaybeSlot, after: Slot): Slot {
  if (
    before === ABSENT ||
    !(before instanceof TreeNode) ||
    !(after instanceof TreeNode) ||
    before.kind !== after.kind
  ) {
    return before !== ABSENT && sameSlot(before, after) ? before : after;
  }
  if (before.digest === after.digest) return before;
  if (before.kind === 'array') return adoptElements(before, after);
  const changes = new Map<string, MaybeSlot>();
  before.root?.forEach((_, key) => changes.set(key, ABSENT));
  after.root?.forEach((slot, key) => changes.set(key, adoptSlot(before.find(key), slot)));
  return spliceEntries(before, changes);
}

function adoptElements(before: TreeNode, after: TreeNode): Slot {
  const known = new Map<string, Slot>();
  for (const slot of elementsOf(before)) known.set(identityOf(slot), slot);
  const slots = elementsOf(after).map((slot, index) => {
    const same = slot instanceof TreeNode || slot instanceof OpaqueLeaf ? known.get(identityOf(slot)) : slot;
    return same === undefined ? adoptSlot(before.at(index), slot) : same;
  });
  const splices: Splice[] = [];
  spliceRange(before, { from: 0, to: before.count }, slots, splices);
  return spliceNode(before, splices);
}

/** What two equal containers, or two equal leaves that are no scalars, have in common. */
function identityOf(slot: Slot): string {
  return slot instanceof TreeNode ? slot.digest : slot instanceof OpaqueLeaf ? slot.text : '';
}
