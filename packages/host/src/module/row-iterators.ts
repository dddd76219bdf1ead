import type { Row } from '../datastore/state-view.ts';
import { ERRNO, errnoText } from './errno.ts';
import { SystemCallError } from './system-functions.ts';

/** Rows as of the moment of opening, and the first of those that were not handed out yet. */
interface OpenIterator {
  readonly rows: Iterator<Row>;
  next: Row | undefined;
}

/**
 * The iterators that a module holds open in one call.
 *
 * Invariants:
 * - An id is never used twice in a realm's life: a late close, or a generator resumed in a later call, hits nothing.
 * - An iterator is gone as soon as its last row is handed out.
 */
export class RowIterators {
  readonly #open: Map<number, OpenIterator> = new Map();
  #lastId = 0;

  /** Count of iterators that the module did not use up; they are closed at the end of the call. */
  get size(): number {
    return this.#open.size;
  }

  /** Opens an iterator over rows that later writes do not disturb. */
  open(rows: Iterable<Row>): number {
    this.#lastId += 1;
    const iterator = rows[Symbol.iterator]();
    this.#open.set(this.#lastId, { rows: iterator, next: takeNext(iterator) });
    return this.#lastId;
  }

  /**
   * Copies as many whole rows as fit. Returns the byte count: positive when more rows wait, negative when these were
   * the last and the iterator is gone, 0 when there were none and it is gone.
   */
  advance(id: unknown, target: Uint8Array): number {
    const iterator = this.#get(id);
    let used = 0;
    let row = iterator.next;
    while (row !== undefined && used + row.length <= target.length) {
      target.set(row, used);
      used += row.length;
      row = takeNext(iterator.rows);
    }
    iterator.next = row;
    if (row === undefined) {
      this.#open.delete(id as number);
      return -used;
    }
    if (used > 0) return used;
    throw new SystemCallError(
      { type: 'buffer-too-small', size: row.length },
      'the buffer is too small for the next row',
    );
  }

  close(id: unknown): void {
    const iterator = this.#get(id);
    this.#open.delete(id as number);
    iterator.rows.return?.();
  }

  closeAll(): void {
    for (const { rows } of this.#open.values()) rows.return?.();
    this.#open.clear();
  }

  #get(id: unknown): OpenIterator {
    const iterator = this.#open.get(id as number);
    if (iterator === undefined) {
      throw new SystemCallError({ type: 'errno', errno: ERRNO.noSuchIterator }, errnoText(ERRNO.noSuchIterator));
    }
    return iterator;
  }
}

function takeNext(rows: Iterator<Row>): Row | undefined {
  const { done, value } = rows.next();
  return done === true ? undefined : value;
}
