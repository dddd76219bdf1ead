/** All rows are in the index, and new ones go there at once. */
const FINISHED = Number.POSITIVE_INFINITY;

/** Up to which slot each index of a table has its rows, by the index's place among them. */
export class IndexProgress {
  readonly #builtTo: Float64Array;

  /** Of so many indexes, all finished. `builtTo` is for `fork` alone. */
  constructor(count: number, builtTo: Float64Array = new Float64Array(count).fill(FINISHED)) {
    this.#builtTo = builtTo;
  }

  fork(): IndexProgress {
    return new IndexProgress(0, this.#builtTo.slice());
  }

  /** Whether the row in a slot is in the index, or goes there when it is written. */
  has(order: number, slot: number): boolean {
    return slot < (this.#builtTo[order] ?? FINISHED);
  }

  isFinished(order: number): boolean {
    return this.#builtTo[order] === FINISHED;
  }

  /** The first slot that is not in the index. */
  builtTo(order: number): number {
    return this.#builtTo[order] ?? FINISHED;
  }

  buildTo(order: number, slot: number): void {
    this.#builtTo[order] = slot;
  }

  finish(order: number): void {
    this.#builtTo[order] = FINISHED;
  }

  finishAll(): void {
    this.#builtTo.fill(FINISHED);
  }

  /** Slots from `slot` on are left out of the indexes from `first` on; one that is further behind stays so. */
  putOff(first: number, slot: number): void {
    for (let order = first; order < this.#builtTo.length; order += 1) {
      this.#builtTo[order] = Math.min(this.#builtTo[order] ?? FINISHED, slot);
    }
  }
}
