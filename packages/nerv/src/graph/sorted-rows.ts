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
    const { at, chunk, place } = this.#find(row);
    this.#size += 1;
    if (chunk === undefined) {
      this.#chunks.push([row]);
      return;
    }
    chunk.splice(place, 0, row);
    if (chunk.length > CHUNK_ROWS) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK_ROWS / 2));
  }

  /** Removes a row that is there. */
  remove(row: Row): void {
    const { at, chunk, place } = this.#find(row);
    assert(chunk?.[place] === row, 'a row to remove lies at its place');
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

  /** The row after one that is there; undefined after the last. */
  after(row: Row): Row | undefined {
    const { at, chunk, place } = this.#find(row);
    return chunk?.[place + 1] ?? this.#chunks[at + 1]?.[0];
  }

  /** The row before a place where one is, or would be; undefined before the first. */
  before(row: Row): Row | undefined {
    const { at, chunk, place } = this.#find(row);
    return chunk?.[place - 1] ?? this.#chunks[at - 1]?.at(-1);
  }

  // The last chunk that begins at or before the row, or the first, and in it the place of the first row not before it.
  #find(row: Row): {
    readonly at: number;
    readonly chunk: Row[] | undefined;
    readonly place: number;
  } {
    const at = Math.max(0, countBefore(this.#chunks, (chunk) => this.#compare(firstOf(chunk), row) <= 0) - 1);
    const chunk = this.#chunks[at];
    return { at, chunk, place: countBefore(chunk ?? [], (other) => this.#compare(other, row) < 0) };
  }
}

function firstOf<Row>(chunk: readonly Row[]): Row {
  const [first] = chunk;
  assert(first !== undefined, 'no chunk is empty');
  return first;
}

// How many items, from the first on, lie before: those that do come before those that do not.
function countBefore<Item>(items: readonly Item[], liesBefore: (item: Item) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    // The middle lies between the ends, so that there is an item.
    if (liesBefore(items[middle] as Item)) low = middle + 1;
    else high = middle;
  }
  return low;
}
