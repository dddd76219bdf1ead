/** Something that is due at a time. */
export interface DueEntry {
  readonly dueMicros: bigint;
  /** Breaks ties: entries that were armed first come first. */
  readonly order: number;
}

/** A binary heap of entries, the earliest first. */
export class DueQueue<Entry extends DueEntry> {
  readonly #heap: Entry[] = [];

  get size(): number {
    return this.#heap.length;
  }

  peek(): Entry | undefined {
    return this.#heap[0];
  }

  push(entry: Entry): void {
    const heap = this.#heap;
    let position = heap.push(entry) - 1;
    while (position > 0) {
      const parentPosition = (position - 1) >> 1;
      const parent = heap[parentPosition];
      if (parent === undefined || !isBefore(entry, parent)) break;
      heap[position] = parent;
      position = parentPosition;
    }
    heap[position] = entry;
  }

  pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) this.#sink(last);
    return first;
  }

  /** Keeps only what passes; used to drop entries that were replaced. */
  retain(isKept: (entry: Entry) => boolean): void {
    const kept = this.#heap.filter(isKept);
    this.#heap.length = 0;
    for (const entry of kept) this.push(entry);
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let position = 0;
    for (;;) {
      const leftPosition = 2 * position + 1;
      const left = heap[leftPosition];
      if (left === undefined) break;
      const right = heap[leftPosition + 1];
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (!isBefore(child, entry)) break;
      heap[position] = child;
      position = isRight ? leftPosition + 1 : leftPosition;
    }
    heap[position] = entry;
  }
}

/** Whether `a` is due earlier, or was armed earlier when both are due at once. */
export function isBefore(a: DueEntry, b: DueEntry): boolean {
  return a.dueMicros === b.dueMicros ? a.order < b.order : a.dueMicros < b.dueMicros;
}
