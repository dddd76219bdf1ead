import type { KeyPart } from './index-key.ts';
import { KeyedSlots } from './keyed-slots.ts';
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
export class SharedMap {
  readonly #hashSeed: number;
  #container: KeyedSlots;
  #sharing: Sharing | undefined;
  #owned: OwnedLists | undefined;

  /** An empty map; `forkOf` is for `fork` alone. */
  constructor(hashSeed: number, forkOf?: SharedMap) {
    this.#hashSeed = hashSeed;
    this.#container = forkOf === undefined ? new KeyedSlots(hashSeed) : forkOf.#container;
    if (forkOf === undefined) return;
    this.#sharing = forkOf.#sharing;
    this.#owned = new OwnedLists();
  }

  /** A map with the same entries. Later writes of either side do not show in the other. */
  fork(): SharedMap {
    this.#sharing ??= { users: 1 };
    this.#sharing.users += 1;
    this.#owned = new OwnedLists();
    return new SharedMap(this.#hashSeed, this);
  }

  get size(): number {
    return this.#container.size;
  }

  /** A list that is not to be changed in place: see `own`. */
  get(key: KeyPart): SlotList | undefined {
    return this.#container.get(key);
  }

  /** A list that `get` gave, or a copy of it, that may be changed in place and then be `set`. */
  own(list: SlotList): SlotList {
    return this.#owned === undefined ? list : this.#owned.own(list);
  }

  set(key: KeyPart, list: SlotList): void {
    this.#writable().set(key, list);
  }

  delete(key: KeyPart): void {
    this.#writable().delete(key);
  }

  /** In no order. */
  entries(): Iterable<[key: KeyPart, list: SlotList]> {
    return this.#container.entries();
  }

  clear(): void {
    if (this.#sharing !== undefined) this.#leave(this.#sharing);
    this.#container = new KeyedSlots(this.#hashSeed);
  }

  #writable(): KeyedSlots {
    if (this.#sharing === undefined) return this.#container;
    const isAlone = this.#sharing.users === 1;
    this.#leave(this.#sharing);
    if (!isAlone) this.#container = this.#container.copy();
    return this.#container;
  }

  #leave(sharing: Sharing): void {
    sharing.users -= 1;
    this.#sharing = undefined;
  }
}
