import { copyBytes } from '../bsatn/copy-bytes.ts';
import type { Row } from '../datastore/state-view.ts';
import { ERRNO, errnoText } from './errno.ts';
import { SystemCallError } from './system-functions.ts';

/** Where the rows are counted that are handed out. */
export interface RowCount {
  rows: number;
}

/** Rows as of the moment of opening, and the first of those that were not handed out yet. */
abstract class OpenIterator {
  readonly taken: RowCount;
  abstract readonly next: Row | undefined;

  constructor(taken: RowCount) {
    this.taken = taken;
  }

  /** Goes on to the row behind `next`. */
  abstract advance(): void;
  /** Nothing is taken any more. */
  abstract end(): void;
}

/** Over rows that are all there: what most searches find. */
class ListIterator extends OpenIterator {
  readonly #rows: readonly Row[];
  #position = 0;

  constructor(rows: readonly Row[], taken: RowCount) {
    super(taken);
    this.#rows = rows;
  }

  get next(): Row | undefined {
    return this.#rows[this.#position];
  }

  advance(): void {
    this.#position += 1;
  }

  end(): void {
    this.#position = this.#rows.length;
  }
}

/** Over rows that are made one by one. */
class LazyIterator extends OpenIterator {
  readonly #rows: Iterator<Row>;
  #next: Row | undefined;

  constructor(rows: Iterator<Row>, taken: RowCount) {
    super(taken);
    this.#rows = rows;
    this.advance();
  }

  get next(): Row | undefined {
    return this.#next;
  }

  advance(): void {
    const { done, value } = this.#rows.next();
    this.#next = done === true ? undefined : value;
  }

  end(): void {
    this.#rows.return?.();
  }
}

/**
 * The iterators that a module holds open in one call.
 *
 * Invariants:
 * - An id is never used twice in a realm's life: a late close, or a generator resumed in a later call, hits nothing.
 * - An iterator is gone as soon as its last row is handed out.
 */
export class RowIterators {
  /** Modules mostly use one iterator up before they open the next: it stands here, further ones in `#others`. */
  #first: OpenIterator | undefined;
  #firstId = 0;
  readonly #others: Map<number, OpenIterator> = new Map();
  #lastId = 0;
  #rowsRead = 0;

  /** Count of iterators that the module did not use up; they are closed at the end of the call. */
  get size(): number {
    return this.#others.size + (this.#first === undefined ? 0 : 1);
  }

  /** Opens an iterator over rows that later writes do not disturb. */
  open(rows: Iterable<Row>, taken: RowCount): number {
    this.#lastId += 1;
    const opened = Array.isArray(rows)
      ? new ListIterator(rows, taken)
      : new LazyIterator(rows[Symbol.iterator](), taken);
    if (this.#first === undefined) {
      this.#first = opened;
      this.#firstId = this.#lastId;
    } else {
      this.#others.set(this.#lastId, opened);
    }
    return this.#lastId;
  }

  /**
   * Copies as many whole rows as fit. Returns the byte count: positive when more rows wait, negative when these were
   * the last and the iterator is gone, 0 when there were none and it is gone.
   */
  advance(id: unknown, target: Uint8Array): number {
    const iterator = this.#get(id);
    let used = 0;
    let count = 0;
    let row = iterator.next;
    while (row !== undefined && used + row.length <= target.length) {
      copyBytes(row, target, used);
      used += row.length;
      count += 1;
      iterator.advance();
      row = iterator.next;
    }
    iterator.taken.rows += count;
    this.#rowsRead += count;
    if (row === undefined) {
      this.#forget(id);
      return -used;
    }
    if (used > 0) return used;
    throw new SystemCallError(
      { type: 'buffer-too-small', size: row.length },
      'the buffer is too small for the next row',
    );
  }

  /** How many rows were handed out since this was asked last. */
  takeRowsRead(): number {
    const rows = this.#rowsRead;
    this.#rowsRead = 0;
    return rows;
  }

  close(id: unknown): void {
    const iterator = this.#get(id);
    this.#forget(id);
    iterator.end();
  }

  closeAll(): void {
    this.#first?.end();
    this.#first = undefined;
    for (const iterator of this.#others.values()) iterator.end();
    this.#others.clear();
  }

  #forget(id: unknown): void {
    if (id === this.#firstId) this.#first = undefined;
    else this.#others.delete(id as number);
  }

  #get(id: unknown): OpenIterator {
    // An id that is no number is no key either.
    const iterator = id === this.#firstId ? this.#first : this.#others.get(id as number);
    if (iterator === undefined) {
      throw new SystemCallError({ type: 'errno', errno: ERRNO.noSuchIterator }, errnoText(ERRNO.noSuchIterator));
    }
    return iterator;
  }
}
