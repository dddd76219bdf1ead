// Rows in order, in chunks, so that adding or removing one moves a few hundred rows at most, however many there are.
//
// - No chunk is empty, none has more than CHUNK_ROWS rows, and all rows of a chunk come before those of the next.
// - No two rows compare as equal.

import { assert } from '../assert.ts';

/** The most rows of a chunk. */
export const CHUNK_ROWS = 512;

/** A sorted set of rows. */
export class SortedRows<Row> {
  readonly #compare: (left: Row, right: Row) => number;
  #chunks: Row[][] = [];
  #size = 0;

  /** Takes the rows over, in any order. */
  constructor(rows: Row[], compare: (left: Row, right: Row) => number) {
    this.#compare = compare;
    this.reset(rows);
  }

  get size(): number {
    return this.#size;
  }

  /** Starts anew with other rows, in any order. */
  reset(rows: Row[]): void {
    rows.sort(this.#compare);
    this.#size = rows.length;
    this.#chunks = [];
    for (let start = 0; start < rows.length; start += CHUNK_ROWS / 2) {
      this.#chunks.push(rows.slice(start, start + CHUNK_ROWS / 2));
    }
  }

  /** Adds a row that is not there. */
  add(row: Row): void {
    const at = this.#chunkOf(row);
    const chunk = this.#chunks[at];
    this.#size += 1;
    if (chunk === undefined) {
      this.#chunks.push([row]);
      return;
    }
    chunk.splice(this.#placeIn(chunk, row), 0, row);
    if (chunk.length > CHUNK_ROWS) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK_ROWS / 2));
  }

  /** Removes a row that is there. */
  remove(row: Row): void {
    const at = this.#chunkOf(row);
    const chunk = this.#chunks[at];
    assert(chunk !== undefined, 'a row to remove lies in a chunk');
    const place = this.#placeIn(chunk, row);
    assert(chunk[place] === row, 'a row to remove lies at its place');
    chunk.splice(place, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
    this.#size -= 1;
  }

  /** The first rows, or all. */
  first(limit: number = this.#size): Row[] {
    const rows: Row[] = [];
    for (const chunk of this.#chunks) {
      for (const row of chunk) {
        if (rows.length >= limit) return rows;
        rows.push(row);
      }
    }
    return rows;
  }

  // The last chunk that begins at or before the row, or the first chunk.
  #chunkOf(row: Row): number {
    let low = 1;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const [first] = this.#chunks[middle] ?? [];
      assert(first !== undefined, 'no chunk is empty');
      if (this.#compare(first, row) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  // The place of the first row that is not before this one.
  #placeIn(chunk: readonly Row[], row: Row): number {
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const candidate = chunk[middle];
      assert(candidate !== undefined, 'a binary search stays inside its chunk');
      if (this.#compare(candidate, row) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
