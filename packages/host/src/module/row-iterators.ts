import type { Row } from '../datastore/state-view.ts';
import { ERRNO, errnoText } from './errno.ts';
import { SystemCallError } from './system-functions.ts';

/** Rows and how many of them were handed out. */
interface OpenIterator {
  readonly rows: readonly Row[];
  position: number;
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

  open(rows: readonly Row[]): number {
    this.#lastId += 1;
    this.#open.set(this.#lastId, { rows, position: 0 });
    return this.#lastId;
  }

  /**
   * Copies as many whole rows as fit. Returns the byte count: positive when more rows wait, negative when these were
   * the last and the iterator is gone, 0 when there were none and it is gone.
   */
  advance(id: unknown, target: Uint8Array): number {
    const iterator = this.#get(id);
    const { rows } = iterator;
    let used = 0;
    let position = iterator.position;
    for (let row = rows[position]; row !== undefined; row = rows[++position]) {
      if (used + row.length > target.length) break;
      target.set(row, used);
      used += row.length;
    }
    iterator.position = position;
    const next = rows[position];
    if (next === undefined) {
      this.#open.delete(id as number);
      return -used;
    }
    if (used === 0)
      throw new SystemCallError(
        { type: 'buffer-too-small', size: next.length },
        'the buffer is too small for the next row',
      );
    return used;
  }

  close(id: unknown): void {
    this.#get(id);
    this.#open.delete(id as number);
  }

  closeAll(): void {
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
