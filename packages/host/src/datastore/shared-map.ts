import { OwnedLists } from './slot-list.ts';
import type { SlotList } from './slot-list.ts';

/** How many maps use one container. */
interface Sharing {
  users: number;
}

/**
 * A map from keys to slots that can be forked at no cost: both sides use one container until either writes, which
 * copies it once.
 *
 * Invariant: a container that `#sharing` counts more than once is never written to.
 */
export class SharedMap<Key> {
  #map: Map<Key, SlotList>;
  #sharing: Sharing | undefined;
  #owned: OwnedLists | undefined;

  /** Without arguments an empty map; they are for `fork` alone. */
  constructor(map: Map<Key, SlotList> = new Map(), sharing?: Sharing) {
    this.#map = map;
    this.#sharing = sharing;
    this.#owned = sharing === undefined ? undefined : new OwnedLists();
  }

  /** A map with the same entries. Later writes of either side do not show in the other. */
  fork(): SharedMap<Key> {
    this.#sharing ??= { users: 1 };
    this.#sharing.users += 1;
    this.#owned = new OwnedLists();
    return new SharedMap(this.#map, this.#sharing);
  }

  get size(): number {
    return this.#map.size;
  }

  /** A list that is not to be changed in place: see `own`. */
  get(key: Key): SlotList | undefined {
    return this.#map.get(key);
  }

  /** A list that `get` gave, or a copy of it, that may be changed in place and then be `set`. */
  own(list: SlotList): SlotList {
    return this.#owned === undefined ? list : this.#owned.own(list);
  }

  set(key: Key, list: SlotList): void {
    this.#beforeWrite();
    this.#map.set(key, list);
  }

  delete(key: Key): void {
    this.#beforeWrite();
    this.#map.delete(key);
  }

  entries(): Iterable<[Key, SlotList]> {
    return this.#map;
  }

  clear(): void {
    if (this.#sharing === undefined) {
      this.#map.clear();
      return;
    }
    this.#leave(this.#sharing);
    this.#map = new Map();
  }

  #beforeWrite(): void {
    if (this.#sharing === undefined) return;
    const isAlone = this.#sharing.users === 1;
    this.#leave(this.#sharing);
    if (!isAlone) this.#map = new Map(this.#map);
  }

  #leave(sharing: Sharing): void {
    sharing.users -= 1;
    this.#sharing = undefined;
  }
}
