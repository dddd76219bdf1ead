import type { IndexRange, Row, TableDelta } from './state-view.ts';
import { assert } from '../assert.ts';
import { DatastoreError } from './datastore-error.ts';
import { COMMITTED, DELETED, INSERTED, isVisible, REPLACED } from './row-state.ts';
import { SlotQueue } from './slot-queue.ts';
import type { ColumnSequence } from './auto-increment.ts';
import { generateColumns } from './auto-increment.ts';
import type { RowStore } from './row-store.ts';
import type { TableData } from './table-data.ts';
import type { TableIndex } from './table-index.ts';

/** What became of a write. To be looked at before the next one. */
export class WriteResult {
  readonly #store: RowStore;
  readonly #slot: number;
  /** The BSATN of those auto-increment columns that came in as 0, in column order. */
  readonly generated: Uint8Array;

  constructor(store: RowStore, slot: number, generated: Uint8Array) {
    this.#store = store;
    this.#slot = slot;
    this.generated = generated;
  }

  /** The row as it was stored. Made when asked for: modules do not need it. */
  get row(): Row {
    return this.#store.row(this.#slot);
  }
}

/**
 * What the open transaction did to one table. Rows are written into the table at once, in states that only the
 * transaction sees; commit and rollback settle the states, and forget what was done: the next transaction that writes
 * to the table goes on with the same object.
 */
export class TableTransaction {
  readonly data: TableData;
  readonly #sequences: readonly ColumnSequence[];
  /** Slots in the order of writing; those that are not in the state of their list any more are passed over. */
  readonly #inserted: SlotQueue = new SlotQueue();
  readonly #deleted: SlotQueue = new SlotQueue();
  /** Slots of rows that were inserted and deleted again: used anew only after the end, so that lists stay true. */
  readonly #vacated: SlotQueue = new SlotQueue();

  constructor(data: TableData, sequences: readonly ColumnSequence[]) {
    this.data = data;
    this.#sequences = sequences;
  }

  /** @throws {BsatnError | DatastoreError} `datastore/unique-violation` */
  insert(row: Uint8Array): WriteResult {
    const { data } = this;
    data.cursors.beforeChange();
    const slot = data.add(row, INSERTED);
    const generated = generateColumns(this.#sequences, data.located);
    const stored = this.#settle(slot);
    if (this.#keep(slot, stored)) data.visibleRows += 1;
    return new WriteResult(data.store, stored, generated);
  }

  /** @throws {BsatnError | DatastoreError} `datastore/no-such-row`, `datastore/unique-violation` */
  update(index: TableIndex, row: Uint8Array): WriteResult {
    const { data } = this;
    const { store } = data;
    data.cursors.beforeChange();
    const slot = data.add(row, INSERTED);
    const generated = generateColumns(this.#sequences, data.located);
    const old = this.#findOld(index, slot);
    if (store.sameBytes(old, slot)) {
      store.takeBack(slot);
      return new WriteResult(store, old, generated);
    }
    const oldState = store.states[old];
    store.setState(old, oldState === COMMITTED ? DELETED : REPLACED);
    let stored: number;
    try {
      stored = this.#settle(slot);
    } catch (error) {
      store.setState(old, oldState === COMMITTED ? COMMITTED : INSERTED);
      throw error;
    }
    if (oldState === COMMITTED) this.#deleted.push(old);
    else this.#vacate(old);
    this.#keep(slot, stored);
    return new WriteResult(store, stored, generated);
  }

  /** Deletes the rows that equal one of these; gives how many there were. @throws {BsatnError} */
  deleteRows(rows: readonly Uint8Array[]): number {
    let count = 0;
    for (const row of rows) {
      const slot = this.data.findVisible(row);
      if (slot < 0) continue;
      this.#delete(slot);
      count += 1;
    }
    return count;
  }

  /** Deletes what matches; gives how many there were. @throws {DatastoreError} `datastore/range-unsupported` */
  deleteByIndex(index: TableIndex, range: IndexRange): number {
    const { states } = this.data.store;
    const slots: number[] = [];
    index.search(range, (slot) => {
      if (isVisible(states[slot] ?? 0, 'transaction')) slots.push(slot);
    });
    for (const slot of slots) this.#delete(slot);
    return slots.length;
  }

  /** Deletes every row; gives how many there were. */
  clear(): number {
    const { store, visibleRows } = this.data;
    for (let slot = 0; slot < store.slotCount; slot += 1) {
      if (isVisible(store.states[slot] ?? 0, 'transaction')) this.#delete(slot);
    }
    return visibleRows;
  }

  /** The net change so far; undefined when there is none. */
  changes(): TableDelta | undefined {
    const { data } = this;
    const inserts = this.#rowsInState(this.#inserted, INSERTED);
    const deletes = data.def.isEvent ? [] : this.#rowsInState(this.#deleted, DELETED);
    return deletes.length + inserts.length === 0 ? undefined : { table: data.def, inserts, deletes };
  }

  /** Makes the changes lasting and gives the net change; undefined when there is none. */
  commit(): TableDelta | undefined {
    const { data } = this;
    data.cursors.beforeChange();
    if (data.def.isEvent) return this.#commitEvents();
    const deletes = this.#commitDeletes();
    const inserts = this.#commitInserts();
    this.#forget();
    data.committedRows = data.visibleRows;
    return deletes.length + inserts.length === 0 ? undefined : { table: data.def, inserts, deletes };
  }

  /** Undoes the changes. */
  rollback(): void {
    const { data } = this;
    const { store } = data;
    data.cursors.beforeChange();
    if (data.def.isEvent) {
      this.#clearEvents();
      return;
    }
    for (let position = 0; position < this.#deleted.length; position += 1) {
      const slot = this.#deleted.at(position);
      if (store.states[slot] === DELETED) store.setState(slot, COMMITTED);
    }
    for (let position = 0; position < this.#inserted.length; position += 1) {
      const slot = this.#inserted.at(position);
      if (store.states[slot] !== INSERTED) continue;
      data.unindex(slot);
      store.free(slot);
    }
    this.#forget();
    data.visibleRows = data.committedRows;
  }

  /** Events are told and not kept: between transactions their tables are empty. */
  #commitEvents(): TableDelta | undefined {
    const inserts = this.#rowsInState(this.#inserted, INSERTED);
    this.#clearEvents();
    return inserts.length === 0 ? undefined : { table: this.data.def, inserts, deletes: [] };
  }

  /** Slots are cleared with the table, so none is given back. */
  #clearEvents(): void {
    this.data.clear();
    this.#vacated.clear();
    this.#forget();
  }

  /** Each row once: one that was deleted, brought back and deleted again stands twice in the queue. */
  #rowsInState(slots: SlotQueue, state: number): Row[] {
    const { store } = this.data;
    const found = new Set<number>();
    for (let position = 0; position < slots.length; position += 1) {
      const slot = slots.at(position);
      if (store.states[slot] === state) found.add(slot);
    }
    return Array.from(found, (slot) => store.row(slot));
  }

  #commitDeletes(): Row[] {
    const { data } = this;
    const { store } = data;
    const rows = makeRoom(this.#deleted);
    let count = 0;
    for (let position = 0; position < this.#deleted.length; position += 1) {
      const slot = this.#deleted.at(position);
      if (store.states[slot] !== DELETED) continue;
      rows[count] = store.row(slot);
      count += 1;
      data.unindex(slot);
      store.free(slot);
    }
    rows.length = count;
    return rows;
  }

  #commitInserts(): Row[] {
    const { data } = this;
    const { store } = data;
    const rows = makeRoom(this.#inserted);
    let count = 0;
    for (let position = 0; position < this.#inserted.length; position += 1) {
      const slot = this.#inserted.at(position);
      if (store.states[slot] !== INSERTED) continue;
      rows[count] = store.row(slot);
      count += 1;
      store.setState(slot, COMMITTED);
    }
    rows.length = count;
    return rows;
  }

  /** Puts the row just added into the indexes, or gives the slot of its twin. Takes it back unless it stays. */
  #settle(slot: number): number {
    const { data } = this;
    const outcome = data.tryIndex(slot);
    if (outcome.type === 'indexed') return slot;
    data.store.takeBack(slot);
    if (outcome.type === 'twin') return outcome.slot;
    const { name } = outcome.index.def;
    throw new DatastoreError(
      'datastore/unique-violation',
      `table "${data.def.name}" has another row with the same key in unique index "${name}"`,
      { table: data.def.name, index: name },
    );
  }

  /** Notes the row that was added, or brings its deleted twin back. False when the twin was there all along. */
  #keep(added: number, stored: number): boolean {
    if (stored === added) {
      this.#inserted.push(stored);
      return true;
    }
    const { store } = this.data;
    if (store.states[stored] !== DELETED) return false;
    store.setState(stored, COMMITTED);
    return true;
  }

  #findOld(index: TableIndex, slot: number): number {
    const { data } = this;
    const old = data.findVisibleByKey(index);
    if (old >= 0) return old;
    data.store.takeBack(slot);
    throw new DatastoreError(
      'datastore/no-such-row',
      `table "${data.def.name}" has no row with this key in index "${index.def.name}" to update`,
      { table: data.def.name, index: index.def.name },
    );
  }

  #delete(slot: number): void {
    const { data } = this;
    const { store } = data;
    data.cursors.beforeChange();
    data.visibleRows -= 1;
    if (store.states[slot] === INSERTED) {
      this.#vacate(slot);
    } else {
      assert(store.states[slot] === COMMITTED, 'a row that is deleted was visible');
      store.setState(slot, DELETED);
      this.#deleted.push(slot);
    }
  }

  #vacate(slot: number): void {
    this.data.unindex(slot);
    this.data.store.freeBytes(slot);
    this.#vacated.push(slot);
  }

  /** Ends the list of what was done; vacated slots may be used again. */
  #forget(): void {
    const { store } = this.data;
    for (let position = 0; position < this.#vacated.length; position += 1) store.reuse(this.#vacated.at(position));
    this.#inserted.clear();
    this.#deleted.clear();
    this.#vacated.clear();
  }
}

/** An array with room for a row of each slot: one that grows would take room for many, and most hold one or two. */
function makeRoom({ length }: SlotQueue): Row[] {
  // oxlint-disable-next-line unicorn/no-new-array -- a number, by its type
  return new Array<Row>(length);
}
