/*
 * A hash map from small whole numbers to slots, in one typed array. Where rows are many, a look-up in the engine's `Map`
 * waits for memory several times, here mostly once; an entry takes 16 to 32 bytes, and nothing on the JavaScript heap.
 *
 *     entries   [key + 1 | slot] [key + 1 | slot] ...      key + 1 is 0 where nothing is
 *
 * Invariants:
 *   1. At most half of the places are taken, so every search ends.
 *   2. Between the place that a key belongs to and the one it is at, no place is empty.
 */

const CAPACITY_MIN = 16;

/** Keys are below this number. */
const KEY_MAX = 2 ** 31 - 1;

/** Whether a key can stand in a slot table. */
export function isTableKey(key: unknown): key is number {
  return typeof key === 'number' && (key | 0) === key && key >= 0 && key < KEY_MAX;
}

/** Slots by key; a slot is any whole number of 32 bits. */
export class SlotTable {
  readonly #seed: number;
  #entries: Int32Array = new Int32Array(CAPACITY_MIN * 2);
  #size = 0;

  /** The seed keeps clients from choosing keys that collide. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** A table with the same entries. Costs a copy of its array. */
  copy(): SlotTable {
    const copy = new SlotTable(this.#seed);
    copy.#entries = this.#entries.slice();
    copy.#size = this.#size;
    return copy;
  }

  get size(): number {
    return this.#size;
  }

  /** The slot of a key; undefined when there is none. */
  get(key: number): number | undefined {
    const at = this.#find(key);
    return this.#entries[at] === 0 ? undefined : this.#entries[at + 1];
  }

  set(key: number, slot: number): void {
    const entries = this.#entries;
    const at = this.#find(key);
    entries[at + 1] = slot;
    if (entries[at] !== 0) return;
    entries[at] = key + 1;
    this.#size += 1;
    if (this.#size * 4 > entries.length) this.#grow();
  }

  delete(key: number): void {
    const at = this.#find(key);
    if (this.#entries[at] === 0) return;
    this.#closeGap(at);
    this.#size -= 1;
  }

  *entries(): Generator<[key: number, slot: number], void, undefined> {
    const entries = this.#entries;
    for (let at = 0; at < entries.length; at += 2) {
      const entry = entries[at] ?? 0;
      if (entry !== 0) yield [entry - 1, entries[at + 1] ?? 0];
    }
  }

  /** Where the key is, or would be put. */
  #find(key: number): number {
    const entries = this.#entries;
    const mask = entries.length - 2;
    let at = this.#homeOf(key, mask);
    for (;;) {
      const entry = entries[at];
      if (entry === key + 1 || entry === 0) return at;
      at = (at + 2) & mask;
    }
  }

  /** Moves later entries of the run up, for invariant 2. */
  #closeGap(start: number): void {
    const entries = this.#entries;
    const mask = entries.length - 2;
    let gap = start;
    for (let at = (gap + 2) & mask; entries[at] !== 0; at = (at + 2) & mask) {
      const home = this.#homeOf((entries[at] ?? 0) - 1, mask);
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      entries[gap] = entries[at] ?? 0;
      entries[gap + 1] = entries[at + 1] ?? 0;
      gap = at;
    }
    entries[gap] = 0;
  }

  #grow(): void {
    const before = this.#entries;
    this.#entries = new Int32Array(before.length * 2);
    for (let at = 0; at < before.length; at += 2) {
      const entry = before[at] ?? 0;
      if (entry === 0) continue;
      const place = this.#find(entry - 1);
      this.#entries[place] = entry;
      this.#entries[place + 1] = before[at + 1] ?? 0;
    }
  }

  /** The place that a key belongs to. The mixing is that of MurmurHash3 (public domain, Austin Appleby). */
  #homeOf(key: number, mask: number): number {
    let hash = key ^ this.#seed;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ this.#seed, 0xc2b2_ae35);
    return (hash ^ (hash >>> 16)) & mask;
  }
}
