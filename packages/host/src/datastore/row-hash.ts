import { readU32 } from '../bsatn/reader.ts';

const CAPACITY_MIN = 64;
/** A set that is cleared keeps room for this many entries at most. */
const KEPT_CAPACITY_MAX = 32 * 1024;

/**
 * A set of slots found by a hash of their rows' bytes, for tables that no unique index covers. Open addressing with
 * linear steps; typed arrays only, so a row costs about 13 bytes and nothing on the JavaScript heap.
 */
export class RowHash {
  readonly #seed: number;
  /** Slot + 1; 0 is empty. */
  #slots: Uint32Array = new Uint32Array(CAPACITY_MIN);
  #hashes: Uint32Array = new Uint32Array(CAPACITY_MIN);
  #size = 0;

  /** The seed keeps clients from choosing rows that collide. */
  constructor(seed: number) {
    this.#seed = seed >>> 0;
  }

  /** A set with the same slots. Costs a copy of its arrays. */
  fork(): RowHash {
    const fork = new RowHash(this.#seed);
    fork.#slots = this.#slots.slice();
    fork.#hashes = this.#hashes.slice();
    fork.#size = this.#size;
    return fork;
  }

  get bytes(): number {
    return this.#slots.length * 8;
  }

  hash(bytes: Uint8Array, start: number, length: number): number {
    return hashBytes(bytes, { start, length, seed: this.#seed });
  }

  /** Adds a slot; the caller makes sure that it is not there yet. */
  add(hash: number, slot: number): void {
    if (this.#size * 3 >= this.#slots.length * 2) this.#resize(this.#slots.length * 2);
    this.#put(hash, slot);
    this.#size += 1;
  }

  /** Removes a slot that was added with this hash. */
  remove(hash: number, slot: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = hash & mask;
    while (slots[at] !== slot + 1) {
      if (slots[at] === 0) return;
      at = (at + 1) & mask;
    }
    this.#closeGap(at);
    this.#size -= 1;
  }

  /** Removes every slot. */
  clear(): void {
    this.#size = 0;
    if (this.#slots.length <= KEPT_CAPACITY_MAX) {
      this.#slots.fill(0);
    } else {
      this.#slots = new Uint32Array(CAPACITY_MIN);
      this.#hashes = new Uint32Array(CAPACITY_MIN);
    }
  }

  /** The first slot with this hash that the test accepts, or -1. */
  find(hash: number, accepts: (slot: number) => boolean): number {
    const slots = this.#slots;
    const hashes = this.#hashes;
    const mask = slots.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const entry = slots[at] ?? 0;
      if (entry === 0) return -1;
      if (hashes[at] === hash && accepts(entry - 1)) return entry - 1;
    }
  }

  /** Moves later entries of the run up, so that every entry is reachable from its own place without a gap. */
  #closeGap(start: number): void {
    const slots = this.#slots;
    const hashes = this.#hashes;
    const mask = slots.length - 1;
    let gap = start;
    for (let at = (gap + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const home = (hashes[at] ?? 0) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      slots[gap] = slots[at] ?? 0;
      hashes[gap] = hashes[at] ?? 0;
      gap = at;
    }
    slots[gap] = 0;
  }

  #put(hash: number, slot: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = hash & mask;
    while (slots[at] !== 0) at = (at + 1) & mask;
    slots[at] = slot + 1;
    this.#hashes[at] = hash;
  }

  #resize(capacity: number): void {
    const slots = this.#slots;
    const hashes = this.#hashes;
    this.#slots = new Uint32Array(capacity);
    this.#hashes = new Uint32Array(capacity);
    for (let at = 0; at < slots.length; at += 1) {
      const entry = slots[at] ?? 0;
      if (entry !== 0) this.#put(hashes[at] ?? 0, entry - 1);
    }
  }
}

/** MurmurHash3, 32 bits (public domain, Austin Appleby). */
function hashBytes(
  bytes: Uint8Array,
  run: { readonly start: number; readonly length: number; readonly seed: number },
): number {
  const wordsEnd = run.start + (run.length & ~3);
  let hash = run.seed;
  for (let at = run.start; at < wordsEnd; at += 4) {
    hash ^= scramble(readU32(bytes, at));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe654_6b64) | 0;
  }
  let tail = 0;
  for (let at = run.start + run.length - 1; at >= wordsEnd; at -= 1) tail = (tail << 8) | (bytes[at] ?? 0);
  hash ^= scramble(tail) ^ run.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(word: number): number {
  const mixed = Math.imul(word, 0xcc9e_2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b87_3593);
}
