const CAPACITY_MIN = 8;

/** A queue that grew beyond this for a rare large transaction does not keep its room. */
const KEPT_CAPACITY_MAX = 16 * 1024;

/** Slots in the order in which they came. Keeps its room, so that a short transaction allocates nothing for it. */
export class SlotQueue {
  #slots: Uint32Array = new Uint32Array(CAPACITY_MIN);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(slot: number): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[this.#length] = slot;
    this.#length += 1;
  }

  /** The slot at a position below `length`. */
  at(position: number): number {
    return this.#slots[position] ?? 0;
  }

  clear(): void {
    this.#length = 0;
    if (this.#slots.length > KEPT_CAPACITY_MAX) this.#slots = new Uint32Array(CAPACITY_MIN);
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    slots.set(this.#slots);
    this.#slots = slots;
  }
}
