import type { SharedRows } from './shared-results.ts';

/** What a row costs beside its bytes, which count twice: as they are, and in the wire form made of them. */
const ROW_OVERHEAD_BYTES = 128;

interface Entry {
  readonly rows: SharedRows;
  readonly bytes: number;
}

/**
 * The present results of queries that were dear to evaluate, so that clients which subscribe to the same one after
 * another share the rows and their wire form. Holds at most `bytesMax` by its own estimate; gives up what was not used
 * for longest. Whoever changes a result drops it.
 */
export class SnapshotCache<Q> {
  readonly #bytesMax: number;
  readonly #entries = new Map<Q, Entry>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(query: Q): SharedRows | undefined {
    const entry = this.#entries.get(query);
    if (entry === undefined) return undefined;
    // A Map iterates in the order of insertion: used last, given up last.
    this.#entries.delete(query);
    this.#entries.set(query, entry);
    return entry.rows;
  }

  /** Keeps a result unless it alone is over the limit. */
  put(query: Q, rows: SharedRows): void {
    this.drop(query);
    let bytes = 0;
    for (const row of rows.rows) bytes += row.length * 2 + ROW_OVERHEAD_BYTES;
    if (bytes > this.#bytesMax) return;
    this.#entries.set(query, { rows, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.drop(oldest);
    }
  }

  drop(query: Q): void {
    this.#bytes -= this.#entries.get(query)?.bytes ?? 0;
    this.#entries.delete(query);
  }
}
