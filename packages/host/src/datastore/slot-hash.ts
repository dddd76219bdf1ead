/*
 * Slots of rows by a hash of something in them, in one typed array: 12 to 24 bytes an entry, and nothing on the
 * JavaScript heap. Open addressing with linear steps. Whether a slot with the right hash is the right one, who asks
 * finds out by a look at its row.
 *
 *     entries   [slot + 1 | hash] [slot + 1 | hash] ...      slot + 1 is 0 where nothing is
 *
 * Invariants:
 *   1. At most two thirds of the places are taken, so every search ends.
 *   2. Between the place that an entry belongs to and the one it is at, no place is empty.
 *   3. An array that a fork may hold too is never written to.
 */

const CAPACITY_MIN = 64;
/** A set that is cleared keeps room for this many entries at most. */
const KEPT_CAPACITY_MAX = 32 * 1024;

/** A set of slots, each under a hash of 32 bits; a slot is in it once. */
export class SlotHash {
  #entries: Int32Array = new Int32Array(CAPACITY_MIN * 2);
  #size = 0;
  #isShared = false;

  /** A set with the same slots. Costs nothing until one side writes to its set, which copies it. */
  fork(): SlotHash {
    const fork = new SlotHash();
    fork.#entries = this.#entries;
    fork.#size = this.#size;
    fork.#isShared = true;
    this.#isShared = true;
    return fork;
  }

  /** Bytes of its array. */
  get bytes(): number {
    return this.#entries.byteLength;
  }

  /** Adds a slot, which is not in the set. */
  add(hash: number, slot: number): void {
    if (this.#size * 3 >= this.#entries.length) this.#resize(this.#entries.length);
    this.#own();
    put(this.#entries, slot + 1, hash);
    this.#size += 1;
  }

  /** Removes a slot that was added under this hash; does nothing when it is not there. */
  remove(hash: number, slot: number): void {
    const { length } = this.#entries;
    const mask = length - 2;
    let at = (hash << 1) & mask;
    while (this.#entries[at] !== slot + 1) {
      if (this.#entries[at] === 0) return;
      at = (at + 2) & mask;
    }
    this.#own();
    closeGap(this.#entries, at);
    this.#size -= 1;
  }

  /** Removes every slot. */
  clear(): void {
    this.#size = 0;
    if (this.#isShared || this.#entries.length > KEPT_CAPACITY_MAX * 2) {
      this.#entries = new Int32Array(CAPACITY_MIN * 2);
      this.#isShared = false;
    } else {
      this.#entries.fill(0);
    }
  }

  /** The place of the first slot under this hash, or -1. Places are good until the next write. */
  first(hash: number): number {
    return this.#seek(hash, (hash << 1) & (this.#entries.length - 2));
  }

  /** The place of the slot under this hash that comes behind `place`, or -1. */
  next(hash: number, place: number): number {
    return this.#seek(hash, (place + 2) & (this.#entries.length - 2));
  }

  /** The slot at a place that `first` or `next` gave. */
  slotAt(place: number): number {
    return (this.#entries[place] ?? 0) - 1;
  }

  /**
   * Looks at the places of all these hashes, and gives something made of what is there. These looks wait for memory side
   * by side, where searches would one after the other; these find their places in the processor's cache then.
   */
  touch(hashes: Int32Array): number {
    const entries = this.#entries;
    const mask = entries.length - 2;
    let seen = 0;
    for (let order = 0; order < hashes.length; order += 1) seen ^= entries[((hashes[order] ?? 0) << 1) & mask] ?? 0;
    return seen;
  }

  /** All slots, in no order. */
  *slots(): Generator<number, void, undefined> {
    const entries = this.#entries;
    for (let at = 0; at < entries.length; at += 2) {
      const entry = entries[at] ?? 0;
      if (entry !== 0) yield entry - 1;
    }
  }

  #seek(hash: number, from: number): number {
    const entries = this.#entries;
    const mask = entries.length - 2;
    const wanted = hash | 0;
    for (let at = from; ; at = (at + 2) & mask) {
      if (entries[at] === 0) return -1;
      if (entries[at + 1] === wanted) return at;
    }
  }

  #own(): void {
    if (!this.#isShared) return;
    this.#entries = this.#entries.slice();
    this.#isShared = false;
  }

  /** `capacity` counts entries. */
  #resize(capacity: number): void {
    const before = this.#entries;
    const entries = new Int32Array(capacity * 2);
    for (let at = 0; at < before.length; at += 2) {
      const entry = before[at] ?? 0;
      if (entry !== 0) put(entries, entry, before[at + 1] ?? 0);
    }
    this.#entries = entries;
    this.#isShared = false;
  }
}

function put(entries: Int32Array, entry: number, hash: number): void {
  const mask = entries.length - 2;
  let at = (hash << 1) & mask;
  while (entries[at] !== 0) at = (at + 2) & mask;
  entries[at] = entry;
  entries[at + 1] = hash;
}

/** Moves later entries of the run up, for invariant 2. */
function closeGap(entries: Int32Array, start: number): void {
  const mask = entries.length - 2;
  let gap = start;
  for (let at = (gap + 2) & mask; entries[at] !== 0; at = (at + 2) & mask) {
    const home = ((entries[at + 1] ?? 0) << 1) & mask;
    if (((at - home) & mask) < ((at - gap) & mask)) continue;
    entries[gap] = entries[at] ?? 0;
    entries[gap + 1] = entries[at + 1] ?? 0;
    gap = at;
  }
  entries[gap] = 0;
}
