import { hashBytes } from './hash-bytes.ts';
import type { RowStore } from './row-store.ts';
import { SlotHash } from './slot-hash.ts';

/** A set of slots found by a hash of their rows' bytes, for tables that no unique index covers. */
export class RowHash {
  readonly #seed: number;
  readonly #slots: SlotHash;

  /** The seed keeps clients from choosing rows that collide; `slots` is for `fork` alone. */
  constructor(seed: number, slots: SlotHash = new SlotHash()) {
    this.#seed = seed;
    this.#slots = slots;
  }

  /** A set with the same slots. Costs nothing until one side writes to its set, which copies it. */
  fork(): RowHash {
    return new RowHash(this.#seed, this.#slots.fork());
  }

  get bytes(): number {
    return this.#slots.bytes;
  }

  hash(bytes: Uint8Array, start: number, length: number): number {
    return hashBytes(bytes, start, length, this.#seed);
  }

  /** Adds a slot; the caller makes sure that it is not there yet. */
  add(hash: number, slot: number): void {
    this.#slots.add(hash, slot);
  }

  /**
   * Adds the slots from `first` on and below `end`, or none when a row is there twice. Faster than one by one: hashes of
   * all are known before the first search.
   */
  tryAddRun(store: RowStore, first: number, end: number): boolean {
    const slots = this.#slots;
    const hashes = new Int32Array(end - first);
    for (let slot = first; slot < end; slot += 1) {
      hashes[slot - first] = this.hash(store.slabOf(slot), store.startOf(slot), store.lengthOf(slot));
    }
    slots.touch(hashes);
    for (let slot = first; slot < end; slot += 1) {
      const hash = hashes[slot - first] ?? 0;
      if (slots.first(hash) >= 0 && this.find(hash, (other) => store.sameBytes(other, slot)) >= 0) {
        for (let added = first; added < slot; added += 1) slots.remove(hashes[added - first] ?? 0, added);
        return false;
      }
      slots.add(hash, slot);
    }
    return true;
  }

  /** Removes a slot that was added with this hash. */
  remove(hash: number, slot: number): void {
    this.#slots.remove(hash, slot);
  }

  /** Removes every slot. */
  clear(): void {
    this.#slots.clear();
  }

  /** The first slot with this hash that the test accepts, or -1. */
  find(hash: number, accepts: (slot: number) => boolean): number {
    const slots = this.#slots;
    for (let place = slots.first(hash); place >= 0; place = slots.next(hash, place)) {
      const slot = slots.slotAt(place);
      if (accepts(slot)) return slot;
    }
    return -1;
  }
}
