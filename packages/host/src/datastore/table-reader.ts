import type { IndexDef, TableDef } from '../schema/module-def.ts';
import { makeNoSuchIndexError } from './datastore-error.ts';
import type { Visibility } from './row-state.ts';
import { isVisible } from './row-state.ts';
import type { IndexRange, Row, TableView } from './state-view.ts';
import type { TableData } from './table-data.ts';

/** Up to this many rows a search makes all of its rows at once; more are made one by one as they are asked for. */
const EAGER_ROWS_MAX = 256;

/** A table seen with or without what the open transaction did. */
export class TableReader implements TableView {
  readonly #data: TableData;
  readonly #visibility: Visibility;
  readonly #assertReadable: () => void;

  /** `assertReadable` throws once the view may not be used any more. */
  constructor(data: TableData, visibility: Visibility, assertReadable: () => void) {
    this.#data = data;
    this.#visibility = visibility;
    this.#assertReadable = assertReadable;
  }

  get def(): TableDef {
    return this.#data.def;
  }

  get rowCount(): number {
    this.#assertReadable();
    return this.#visibility === 'committed' ? this.#data.committedRows : this.#data.visibleRows;
  }

  /** Iterations start anew each time, over the rows of the moment they start. */
  scan(): Iterable<Row> {
    this.#assertReadable();
    const data = this.#data;
    const visibility = this.#visibility;
    return { [Symbol.iterator]: () => data.cursors.open(visibility) };
  }

  /**
   * Rows of this moment that match. Can be iterated once.
   * @throws {DatastoreError} `datastore/no-such-index`, `datastore/range-unsupported`
   */
  seek(index: IndexDef, range: IndexRange): Iterable<Row> {
    this.#assertReadable();
    const { store, cursors } = this.#data;
    const tableIndex = this.#data.index(index.id);
    if (tableIndex === undefined) throw makeNoSuchIndexError(this.def, index);
    const slots: number[] = [];
    const { states } = store;
    tableIndex.search(range, (slot) => {
      if (isVisible(states[slot] ?? 0, this.#visibility)) slots.push(slot);
    });
    return slots.length <= EAGER_ROWS_MAX
      ? slots.map((slot) => store.row(slot))
      : cursors.open(this.#visibility, slots);
  }
}
