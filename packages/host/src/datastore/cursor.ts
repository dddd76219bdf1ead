import type { RowSnapshot, RowStore } from './row-store.ts';
import type { Visibility } from './row-state.ts';
import { isVisible } from './row-state.ts';
import type { Row } from './state-view.ts';

/** The cursors that are open on one table. */
export class OpenCursors {
  readonly #cursors = new Set<Cursor>();
  readonly #store: RowStore;

  constructor(store: RowStore) {
    this.#store = store;
  }

  /** Starts an iteration over the rows as they are now: those in `slots`, or all that can be seen. */
  open(visibility: Visibility, slots?: readonly number[]): IterableIterator<Row> {
    const cursor = new Cursor(this.#store, { visibility, slots, onEnd: () => this.#cursors.delete(cursor) });
    this.#cursors.add(cursor);
    return cursor;
  }

  /** Must be called before rows or their states change: the iterations under way go on over what was. */
  beforeChange(): void {
    if (this.#cursors.size === 0) return;
    const snapshot = this.#store.snapshot();
    for (const cursor of this.#cursors) cursor.detach(snapshot);
    this.#cursors.clear();
  }
}

interface CursorOptions {
  readonly visibility: Visibility;
  readonly slots: readonly number[] | undefined;
  readonly onEnd: () => void;
}

/** One iteration. Reads the store in place until `detach` gives it a copy of where the rows were. */
class Cursor implements IterableIterator<Row> {
  readonly #slots: readonly number[] | undefined;
  readonly #visibility: Visibility;
  readonly #onEnd: () => void;
  readonly #end: number;
  #source: RowStore | RowSnapshot;
  #position = 0;

  constructor(store: RowStore, options: CursorOptions) {
    this.#source = store;
    this.#slots = options.slots;
    this.#visibility = options.visibility;
    this.#onEnd = options.onEnd;
    this.#end = options.slots?.length ?? store.slotCount;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<Row, undefined> {
    const source = this.#source;
    while (this.#position < this.#end) {
      const slot = this.#slots === undefined ? this.#position : (this.#slots[this.#position] ?? 0);
      this.#position += 1;
      if (this.#slots !== undefined || isVisible(source.states[slot] ?? 0, this.#visibility)) {
        return { done: false, value: source.row(slot) };
      }
    }
    return this.return();
  }

  return(): IteratorResult<Row, undefined> {
    this.#position = this.#end;
    this.#onEnd();
    return { done: true, value: undefined };
  }

  detach(snapshot: RowSnapshot): void {
    this.#source = snapshot;
  }
}
