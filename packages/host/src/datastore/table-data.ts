import { assert } from '../assert.ts';
import { RowLayout } from '../bsatn/row-layout.ts';
import type { IndexDef, TableDef } from '../schema/module-def.ts';
import { BTreeIndex } from './btree-index.ts';
import { OpenCursors } from './cursor.ts';
import { IndexProgress } from './index-progress.ts';
import { makeNoSuchIndexError } from './datastore-error.ts';
import { HashIndex } from './hash-index.ts';
import { hasTextKey } from './index-key.ts';
import { hasExactBytes } from './key-bytes.ts';
import { PointKey } from './point-key.ts';
import { RowHash } from './row-hash.ts';
import { COMMITTED, DELETED, INSERTED } from './row-state.ts';
import { FREE, RowStore } from './row-store.ts';
import type { RowRun } from './row-store.ts';
import type { IndexKey, LocatedRow, TableIndex } from './table-index.ts';
import { indexColumnTypes } from './table-index.ts';
import { forEachSlot } from './slot-list.ts';
import { UniqueBytesIndex } from './unique-bytes-index.ts';
import type { UniqueBytesOptions } from './unique-bytes-index.ts';
import { UniqueIndex } from './unique-index.ts';
import type { SlotList } from './slot-list.ts';

/** What came of an attempt to put a row into the indexes. */
export type IndexOutcome =
  | { readonly type: 'indexed' }
  /** The same row is there already, or was deleted by the open transaction. */
  | { readonly type: 'twin'; readonly slot: number }
  | { readonly type: 'conflict'; readonly index: TableIndex };

/** What a table is made of besides its definition. */
interface Parts {
  readonly layout: RowLayout;
  readonly store: RowStore;
  readonly indexes: readonly TableIndex[];
  readonly rowHash: RowHash | undefined;
  readonly progress: IndexProgress;
  readonly rows: number;
}

const INDEXED: IndexOutcome = { type: 'indexed' };

/**
 * Rows and indexes of one table.
 *
 * Invariants:
 *   1. Every row whose slot is not free is in every index, or in none while it is being written; but an index that was
 *      put off has just those below the slot that it has been built to. Unique ones are never put off.
 *   2. At most one row with a given key of a unique index is COMMITTED or INSERTED.
 *   3. No two rows of equal bytes are COMMITTED or INSERTED.
 */
export class TableData {
  readonly def: TableDef;
  readonly layout: RowLayout;
  readonly store: RowStore;
  readonly cursors: OpenCursors;
  /** Unique ones first. */
  readonly indexes: readonly TableIndex[];
  /** Rows that are committed, and rows that the open transaction sees. */
  committedRows = 0;
  visibleRows = 0;
  /** For each index, how keys to look for are read; made when first needed. */
  readonly #pointKeys: PointKey[] = [];
  readonly #uniqueCount: number;
  /** Finds equal rows where no unique index does. */
  readonly #rowHash: RowHash | undefined;
  readonly #lastIndexedColumn: number;
  readonly #progress: IndexProgress;
  /** The row at hand. Shared, so that a write allocates nothing for it. */
  readonly #located: LocatedRow;
  readonly #keys: IndexKey[] = [];

  /** `parts` are for `fork` alone. */
  constructor(def: TableDef, hashSeed: number, parts: Parts = makeParts(def, hashSeed)) {
    this.def = def;
    this.layout = parts.layout;
    this.store = parts.store;
    this.cursors = new OpenCursors(this.store);
    this.indexes = parts.indexes;
    this.#uniqueCount = this.indexes.filter((index) => index.def.isUnique).length;
    this.#rowHash = parts.rowHash;
    this.#progress = parts.progress;
    this.#lastIndexedColumn = lastColumnOf(this.indexes);
    this.committedRows = parts.rows;
    this.visibleRows = parts.rows;
    this.#located = { bytes: new Uint8Array(0), base: 0, starts: new Uint32Array(def.columns.length) };
  }

  /**
   * The same rows and indexes, apart from now on: what either side writes the other does not see. Costs about ten bytes
   * of copying for each row; rows are shared for good, indexes until one side writes to them. No transaction is open.
   * Another definition must have the same columns and indexes; names, numbers and access may differ.
   */
  fork(def: TableDef = this.def): TableData {
    assert(this.committedRows === this.visibleRows, 'a table is forked between transactions');
    const store = this.store.fork();
    const defOf = ({ def: { name } }: TableIndex): IndexDef | undefined =>
      def.indexes.find((each) => each.name === name);
    return new TableData(def, 0, {
      layout: this.layout,
      store,
      indexes: this.indexes.map((index) => index.fork(defOf(index), store)),
      rowHash: this.#rowHash?.fork(),
      progress: this.#progress.fork(),
      rows: this.committedRows,
    });
  }

  /** Bytes held for rows outside the JavaScript heap; those of indexes are not counted. */
  get reservedBytes(): number {
    return this.store.reservedBytes + (this.#rowHash?.bytes ?? 0);
  }

  /** An index by its id, with every row in it. */
  index(indexId: number): TableIndex | undefined {
    const order = this.#orderOf(indexId);
    if (order < 0) return undefined;
    this.#finishIndex(order);
    return this.indexes[order];
  }

  /**
   * Puts off what makes loading slow and checks nothing: rows in new slots go into an index that is not unique when it
   * is first asked for, or when `buildIndexes` gets to it.
   */
  putOffIndexes(): void {
    this.#progress.putOff(this.#uniqueCount, this.store.slotCount);
  }

  /** Whether an index that was put off is not built yet. */
  get hasUnbuiltIndexes(): boolean {
    return this.indexes.some((_index, order) => !this.#progress.isFinished(order));
  }

  /** Looks at no more than so many slots for indexes that were put off; gives how many it may still look at. */
  buildIndexes(slotsMax: number): number {
    let left = slotsMax;
    for (let order = this.#uniqueCount; left > 0 && order < this.indexes.length; order += 1) {
      left -= this.#buildIndex(order, left);
    }
    return left;
  }

  /**
   * The slots under a key of an index, whatever their states; `key` is the BSATN of every column of the index, in index
   * order.
   * @throws {DatastoreError} `datastore/decode-failed`, `datastore/no-such-index`
   */
  findPoint(index: IndexDef, key: Uint8Array): SlotList | undefined {
    const order = this.#orderOf(index.id);
    const tableIndex = this.indexes[order];
    if (tableIndex === undefined) throw makeNoSuchIndexError(this.def, index);
    this.#finishIndex(order);
    const pointKey = (this.#pointKeys[order] ??= new PointKey(this.def, tableIndex.def));
    pointKey.locate(key, this.#located);
    return tableIndex.find(tableIndex.keyOf(this.#located));
  }

  /**
   * Checks `row` and copies it into a slot. It is not in the indexes yet: `tryIndex` or `takeBack` must follow.
   * @throws {BsatnError}
   */
  add(row: Uint8Array, state: number): number {
    const located = this.#located;
    const end = this.layout.checkAndLocate(row, row.length, located.starts);
    if (end !== row.length) this.layout.failLeftOver(row, end);
    const slot = this.store.add(row, row.length, state);
    located.bytes = this.store.slabOf(slot);
    located.base = this.store.startOf(slot);
    return slot;
  }

  /**
   * Puts the rows of a run into the table as they lie there. They are sound, and no transaction is open. The first one
   * that does not fit is told with its outcome; it and those behind it are not in the table.
   */
  addRun(run: RowRun, state: number): IndexOutcome {
    const { store } = this;
    const first = store.addRun(run, state);
    const end = first + run.starts.length;
    const indexes = this.indexes.filter((_index, order) => this.#progress.has(order, first));
    const isAdded = this.#tryAddRun(indexes, first, end);
    const lastColumn = lastColumnOf(indexes);
    let outcome: IndexOutcome = INDEXED;
    let slot = isAdded ? end : first;
    for (; slot < end; slot += 1) {
      this.#locate(slot, lastColumn);
      outcome = this.tryIndex(slot);
      if (outcome !== INDEXED) break;
    }
    this.committedRows += slot - first;
    this.visibleRows += slot - first;
    for (; slot < end; slot += 1) store.free(slot);
    return outcome;
  }

  /** Adds a run to what alone has its rows, when that takes many at once and none of them is there. */
  #tryAddRun(indexes: readonly TableIndex[], first: number, end: number): boolean {
    const [index, ...others] = indexes;
    if (index === undefined) return this.#rowHash?.tryAddRun(this.store, first, end) ?? false;
    return others.length === 0 && index instanceof UniqueBytesIndex && index.tryAddRun(first, end);
  }

  /** Where the columns of the row that was just added or located are. Good until the next write. */
  get located(): LocatedRow {
    return this.#located;
  }

  /** Puts the row that was just added into all indexes, or into none. */
  tryIndex(slot: number): IndexOutcome {
    const located = this.#located;
    const keys = this.#keys;
    const { indexes } = this;
    const progress = this.#progress;
    for (let order = 0; order < indexes.length; order += 1) {
      if (progress.has(order, slot)) keys[order] = indexes[order]?.keyOf(located) ?? 0;
    }
    if (this.#rowHash !== undefined) {
      const outcome = this.#tryHash(this.#rowHash, slot);
      if (outcome !== INDEXED) return outcome;
    } else {
      const outcome = this.#tryUnique(slot);
      if (outcome !== INDEXED) return outcome;
    }
    for (let order = this.#uniqueCount; order < indexes.length; order += 1) {
      if (progress.has(order, slot)) indexes[order]?.add(keys[order] ?? 0, slot);
    }
    return INDEXED;
  }

  /** Takes a stored row out of all indexes. */
  unindex(slot: number): void {
    const located = this.#located;
    this.#locate(slot);
    for (let order = 0; order < this.indexes.length; order += 1) {
      const index = this.indexes[order];
      if (index !== undefined && this.#progress.has(order, slot)) index.remove(index.keyOf(located), slot);
    }
    const rowHash = this.#rowHash;
    rowHash?.remove(rowHash.hash(located.bytes, located.base, this.store.lengthOf(slot)), slot);
  }

  /** Takes every row out at once. Rows that were handed out stay as they are. */
  clear(): void {
    for (const index of this.indexes) index.clear();
    this.#rowHash?.clear();
    this.#progress.finishAll();
    this.store.clear();
    this.committedRows = 0;
    this.visibleRows = 0;
  }

  /** The slot of the row with exactly these bytes that the open transaction sees, or -1. @throws {BsatnError} */
  findVisible(row: Uint8Array): number {
    const located = this.#located;
    const end = this.layout.checkAndLocate(row, row.length, located.starts);
    if (end !== row.length) this.layout.failLeftOver(row, end);
    const accepts = (slot: number): boolean => this.#isVisible(slot) && this.store.equals(slot, row, row.length);
    if (this.#rowHash !== undefined) return this.#rowHash.find(this.#rowHash.hash(row, 0, row.length), accepts);
    located.bytes = row;
    located.base = 0;
    const [first] = this.indexes;
    assert(first !== undefined, 'a table without a row hash has a unique index');
    return firstSlot(first.find(first.keyOf(located)), accepts);
  }

  /** The slot of the row that the open transaction sees under the key of the row at hand, or -1. */
  findVisibleByKey(index: TableIndex): number {
    return this.#firstVisible(index.find(index.keyOf(this.#located)));
  }

  /** Makes a stored row the row at hand, as far as indexes need it. */
  #locate(slot: number, lastColumn: number = this.#lastIndexedColumn): void {
    const located = this.#located;
    located.bytes = this.store.slabOf(slot);
    located.base = this.store.startOf(slot);
    this.layout.locate(located.bytes, located.base, lastColumn, located.starts);
  }

  #finishIndex(order: number): void {
    if (!this.#progress.isFinished(order)) this.#buildIndex(order, Number.POSITIVE_INFINITY);
  }

  /** Goes on with an index that was put off; gives how many slots it looked at. */
  #buildIndex(order: number, slotsMax: number): number {
    const index = this.indexes[order];
    if (index === undefined || this.#progress.isFinished(order)) return 0;
    const { slotCount, states } = this.store;
    const start = this.#progress.builtTo(order);
    const end = Math.min(slotCount, start + slotsMax);
    for (let slot = start; slot < end; slot += 1) {
      if (states[slot] === FREE) continue;
      this.#locate(slot);
      index.add(index.keyOf(this.#located), slot);
    }
    if (end >= slotCount) this.#progress.finish(order);
    else this.#progress.buildTo(order, end);
    return Math.max(0, end - start);
  }

  /** Indexed on purpose, here and above: tables have few indexes, and every system call asks. */
  #orderOf(indexId: number): number {
    const { indexes } = this;
    for (let order = 0; order < indexes.length; order += 1) if (indexes[order]?.def.id === indexId) return order;
    return -1;
  }

  #firstVisible(list: SlotList | undefined): number {
    if (typeof list === 'number') return this.#isVisible(list) ? list : -1;
    return list === undefined ? -1 : this.#firstVisibleOf(list);
  }

  /** Apart from the above: a function with a closure in it allocates also where it does not get there. */
  #firstVisibleOf(list: SlotList): number {
    return firstSlot(list, (slot) => this.#isVisible(slot));
  }

  #isVisible(slot: number): boolean {
    const state = this.store.states[slot];
    return state === COMMITTED || state === INSERTED;
  }

  #tryHash(rowHash: RowHash, slot: number): IndexOutcome {
    const { bytes, base } = this.#located;
    const length = this.store.lengthOf(slot);
    const hash = rowHash.hash(bytes, base, length);
    const twin = rowHash.find(hash, (other) => this.#isTwin(other, slot));
    if (twin >= 0) return { type: 'twin', slot: twin };
    rowHash.add(hash, slot);
    return INDEXED;
  }

  /** Adds the row at hand to the unique indexes unless a key is taken. Rows deleted meanwhile do not hold a key. */
  #tryUnique(slot: number): IndexOutcome {
    let twin = -1;
    for (let order = 0; order < this.#uniqueCount; order += 1) {
      const index = this.indexes[order];
      const key = this.#keys[order] ?? 0;
      const present = index?.tryAdd(key, slot);
      if (present === undefined || index === undefined) continue;
      const holder = this.#firstVisible(present);
      if (holder >= 0) {
        this.#removeFromUnique(slot, order);
        return this.#isTwin(holder, slot) ? { type: 'twin', slot: holder } : { type: 'conflict', index };
      }
      if (order === 0) twin = this.#firstTwin(present, slot);
      index.add(key, slot);
    }
    if (twin < 0) return INDEXED;
    this.#removeFromUnique(slot, this.#uniqueCount);
    return { type: 'twin', slot: twin };
  }

  #firstTwin(list: SlotList, slot: number): number {
    if (typeof list === 'number') return this.#isTwin(list, slot) ? list : -1;
    return this.#firstTwinOf(list, slot);
  }

  #firstTwinOf(list: SlotList, slot: number): number {
    return firstSlot(list, (other) => this.#isTwin(other, slot));
  }

  #removeFromUnique(slot: number, count: number): void {
    for (let order = 0; order < count; order += 1) this.indexes[order]?.remove(this.#keys[order] ?? 0, slot);
  }

  /** Whether a row that is visible, or was until the open transaction deleted it, has the bytes of the row at hand. */
  #isTwin(other: number, slot: number): boolean {
    const state = this.store.states[other];
    const isCandidate = state === COMMITTED || state === INSERTED || state === DELETED;
    return isCandidate && other !== slot && this.store.sameBytes(other, slot);
  }
}

function makeParts(def: TableDef, hashSeed: number): Parts {
  const layout = new RowLayout(def.columns.map(({ algebraicType }) => algebraicType));
  const store = new RowStore();
  const indexes = def.indexes
    .toSorted((a, b) => Number(b.isUnique) - Number(a.isUnique))
    .map((index) => makeTableIndex(def, index, { layout, rows: store, hashSeed }));
  return {
    layout,
    store,
    indexes,
    rowHash: indexes.some((index) => index.def.isUnique) ? undefined : new RowHash(hashSeed),
    progress: new IndexProgress(indexes.length),
    rows: 0,
  };
}

function makeTableIndex(table: TableDef, def: IndexDef, options: Omit<UniqueBytesOptions, 'type'>): TableIndex {
  const types = indexColumnTypes(table, def);
  if (def.algorithm === 'hash') return new HashIndex(def, types, options.hashSeed);
  const [type] = types;
  if (!def.isUnique || types.length !== 1 || type === undefined) return new BTreeIndex(def, types);
  return hasTextKey(type) && hasExactBytes(type)
    ? new UniqueBytesIndex(def, { ...options, type })
    : new UniqueIndex(def, type, options);
}

/** The last column that one of the indexes is over, or -1. */
function lastColumnOf(indexes: readonly TableIndex[]): number {
  return Math.max(-1, ...indexes.flatMap(({ def }) => def.columns));
}

function firstSlot(list: SlotList | undefined, accepts: (slot: number) => boolean): number {
  if (list === undefined) return -1;
  if (typeof list === 'number') return accepts(list) ? list : -1;
  let found = -1;
  forEachSlot(list, (slot) => {
    if (found < 0 && accepts(slot)) found = slot;
  });
  return found;
}
