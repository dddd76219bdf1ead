/** From this many slots on an entry is a set: removing from a list looks at all of them. */
const SET_SIZE_MIN = 16;

/** The slots that share one key of an index: mostly one. */
export type SlotList = number | number[] | Set<number>;

/**
 * Which lists an index may change in place, once it shares lists with a fork of it: those that it copied itself. Both
 * sides have one of their own from then on.
 */
export class OwnedLists {
  readonly #owned = new WeakSet<object>();

  /** The list, or a copy of it that may be changed in place. */
  own(list: SlotList): SlotList {
    if (typeof list === 'number' || this.#owned.has(list)) return list;
    const copy = list instanceof Set ? new Set(list) : [...list];
    this.#owned.add(copy);
    return copy;
  }
}

/** The list with a slot more; lists and sets are changed in place. */
export function withSlot(list: SlotList, slot: number): SlotList {
  if (typeof list === 'number') return [list, slot];
  if (list instanceof Set) return list.add(slot);
  list.push(slot);
  return list.length < SET_SIZE_MIN ? list : new Set(list);
}

/** The list without a slot; undefined when none is left. */
export function withoutSlot(list: SlotList, slot: number): SlotList | undefined {
  if (typeof list === 'number') return list === slot ? undefined : list;
  if (list instanceof Set) {
    list.delete(slot);
    return list.size === 0 ? undefined : list;
  }
  const at = list.indexOf(slot);
  if (at < 0) return list;
  // A row that was updated leaves its one successor.
  if (list.length === 2) return list[1 - at];
  list.splice(at, 1);
  return list;
}

/** Calls `visit` for each slot, oldest first. */
export function forEachSlot(list: SlotList, visit: (slot: number) => void): void {
  if (typeof list === 'number') visit(list);
  else for (const slot of list) visit(slot);
}
