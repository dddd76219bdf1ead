import { assert } from '../assert.ts';
import { readU32 } from '../bsatn/reader.ts';
import type { Row } from './state-view.ts';

/*
 * Rows as bytes in large buffers outside the JavaScript heap. A row is known by its slot, a small number.
 *
 *   slab          [slot u32 | length u32 | row ...] [slot u32 | length u32 | row ...] ... unused
 *   slab of run   rows as they were loaded, in slots one behind the other from `firstSlot` on; lengths beside it
 *
 * Invariants:
 *   1. Bytes that were handed out never change: a freed row's bytes are not overwritten. Space comes back when a slab
 *      that is mostly dead is copied, as far as it lives, into the newest one and dropped whole.
 *   2. A row of a slab is live exactly when its slot points back at it.
 *   3. `liveBytes` is the sum of the lengths of live rows, headers excluded.
 */

const HEADER_BYTES = 8;
const SLAB_BYTES_MIN = 4 * 1024;
const SLAB_BYTES_MAX = 1024 * 1024;
/** A row larger than this gets a slab of its own. */
const SHARED_ROW_BYTES_MAX = SLAB_BYTES_MAX / 8;
const SLOTS_MIN = 64;
/** A store that is cleared keeps room for this many rows at most. */
const KEPT_SLOTS_MAX = 16 * 1024;

/** A constant: looked at for every row that is read. */
const IN_SLAB = 'the slot of a row names a slab that is there';

/** No row is in the slot. */
export const FREE = 0;

interface Slab {
  /** All of its buffer. */
  readonly bytes: Uint8Array;
  /** Of a run only: the slot that its first row was loaded into, and the length of each row. */
  readonly firstSlot: number;
  readonly lengths: Uint32Array | undefined;
  /** Rows that were ever in it with their headers, which in a run are only counted. */
  used: number;
  /** Live rows with their headers. */
  liveBytes: number;
}

/** Rows that lie in one buffer, in order. */
export interface RowRun {
  readonly bytes: Uint8Array;
  /** Whether the buffer may be kept: nobody changes it any more. */
  readonly isKeepable: boolean;
  /** Where each row starts in `bytes`, and its length; who takes the run keeps these. */
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
}

/** What is needed to read rows as they are now, whatever happens to the store later. */
export interface RowSnapshot {
  readonly slotCount: number;
  readonly states: Uint8Array;
  row(slot: number): Row;
}

/** Stores rows of one table, each with a state that the caller gives meaning to (`FREE` excepted). */
export class RowStore {
  #slabs: (Slab | undefined)[] = [];
  #freeSlabs: number[] = [];
  #active = -1;
  /** Where each slot's row is, its slab and its start there: side by side, since they are needed together. */
  #places: Uint32Array = new Uint32Array(SLOTS_MIN * 2);
  #states: Uint8Array = new Uint8Array(SLOTS_MIN);
  #slotCount = 0;
  #freeSlots: number[] = [];
  #liveBytes = 0;
  #slabBytes = 0;

  /**
   * A store with the same rows in the same slots. The rows' bytes are shared, which invariant 1 allows: this store goes
   * on appending to its newest slab behind them, the fork begins one of its own. Costs nine bytes for each slot.
   */
  fork(): RowStore {
    const fork = new RowStore();
    fork.#slabs = this.#slabs.map((slab) => (slab === undefined ? undefined : { ...slab }));
    fork.#freeSlabs = [...this.#freeSlabs];
    fork.#places = this.#places.slice();
    fork.#states = this.#states.slice();
    fork.#slotCount = this.#slotCount;
    fork.#freeSlots = [...this.#freeSlots];
    fork.#liveBytes = this.#liveBytes;
    fork.#slabBytes = this.#slabBytes;
    return fork;
  }

  /** Slots are below this number. */
  get slotCount(): number {
    return this.#slotCount;
  }

  /** State of each slot; replaced when the store grows, so it is not to be kept. */
  get states(): Uint8Array {
    return this.#states;
  }

  /** Bytes of live rows. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Bytes held for rows and their places. */
  get reservedBytes(): number {
    return this.#slabBytes + this.#states.length * 9;
  }

  /** Copies the first `length` bytes of `source` into a slot. */
  add(source: Uint8Array, length: number, state: number): number {
    const slot = this.#freeSlots.pop() ?? this.#newSlot();
    this.#place(slot, source, 0, length);
    this.#states[slot] = state;
    this.#liveBytes += length;
    return slot;
  }

  /** Whether so many rows may go into new slots: those that are free must not pile up. */
  takesRun(count: number): boolean {
    return this.#freeSlots.length < count;
  }

  /**
   * Puts the rows of a run into new slots, one behind the other, and gives the first. The run's buffer is kept where it
   * may be and is little larger than the run, else a copy.
   */
  addRun(run: RowRun, state: number): number {
    const bytes = run.isKeepable && isMostOfBuffer(run.bytes) ? run.bytes : run.bytes.slice();
    const { starts, lengths } = run;
    const count = starts.length;
    const firstSlot = this.#slotCount;
    this.#slotCount += count;
    if (this.#slotCount > this.#states.length) this.#growSlots(this.#slotCount);
    const index = this.#freeSlabs.pop() ?? this.#slabs.length;
    const places = this.#places;
    let liveBytes = 0;
    for (let order = 0; order < count; order += 1) {
      const at = (firstSlot + order) * 2;
      places[at] = index;
      places[at + 1] = bytes.byteOffset + (starts[order] ?? 0);
      liveBytes += lengths[order] ?? 0;
    }
    this.#states.fill(state, firstSlot, this.#slotCount);
    this.#liveBytes += liveBytes;
    this.#slabBytes += bytes.buffer.byteLength + lengths.byteLength;
    const used = liveBytes + count * HEADER_BYTES;
    this.#slabs[index] = { bytes: new Uint8Array(bytes.buffer), firstSlot, lengths, used, liveBytes: used };
    return firstSlot;
  }

  setState(slot: number, state: number): void {
    this.#states[slot] = state;
  }

  /** The row as a view of its slab. It stays as it is and keeps the slab in memory while it is held. */
  row(slot: number): Row {
    return rowIn(this.#slabs[this.#places[slot * 2] ?? 0], slot, this.startOf(slot));
  }

  /** The buffer that the row lies in, from `startOf` on for `lengthOf` bytes. */
  slabOf(slot: number): Uint8Array {
    const slab = this.#slabs[this.#places[slot * 2] ?? 0];
    assert(slab !== undefined, IN_SLAB);
    return slab.bytes;
  }

  startOf(slot: number): number {
    return this.#places[slot * 2 + 1] ?? 0;
  }

  lengthOf(slot: number): number {
    const slab = this.#slabs[this.#places[slot * 2] ?? 0];
    assert(slab !== undefined, IN_SLAB);
    return lengthIn(slab, slot, this.startOf(slot));
  }

  /** True when the row is exactly the first `length` bytes of `other`. */
  equals(slot: number, other: Uint8Array, length: number): boolean {
    return this.#hasBytes(slot, other, 0, length);
  }

  /** True when two rows have the same bytes. */
  sameBytes(slot: number, other: number): boolean {
    return this.#hasBytes(slot, this.slabOf(other), this.startOf(other), this.lengthOf(other));
  }

  /** Frees the row's slot and bytes, and tidies its slab when that is mostly dead. */
  free(slot: number): void {
    const index = this.#release(slot);
    this.#freeSlots.push(slot);
    this.#tidy(index);
  }

  /** Frees the row's bytes but keeps its slot from being used again until `reuse`. */
  freeBytes(slot: number): void {
    this.#tidy(this.#release(slot));
  }

  /** Gives a slot that `freeBytes` emptied back for use. */
  reuse(slot: number): void {
    this.#freeSlots.push(slot);
  }

  /** Takes back the row that was added last and has not been handed out: its bytes are used again. */
  takeBack(slot: number): void {
    const start = this.startOf(slot);
    const length = this.lengthOf(slot);
    const index = this.#release(slot);
    const slab = this.#slabs[index];
    if (slab !== undefined && start + length === slab.used) slab.used = start - HEADER_BYTES;
    this.#freeSlots.push(slot);
    this.#tidy(index);
  }

  /** Frees every row at once. */
  clear(): void {
    const active = this.#slabs[this.#active];
    this.#slabs = [];
    this.#freeSlabs = [];
    this.#active = -1;
    this.#slabBytes = 0;
    if (active !== undefined) {
      active.liveBytes = 0;
      this.#active = 0;
      this.#slabs.push(active);
      this.#slabBytes = active.bytes.length;
    }
    this.#freeSlots = [];
    this.#liveBytes = 0;
    if (this.#slotCount > KEPT_SLOTS_MAX) this.#resetSlots();
    else this.#states.fill(FREE, 0, this.#slotCount);
    this.#slotCount = 0;
  }

  /** A reader of the rows and states of this moment. Costs nine bytes of copying for each slot. */
  snapshot(): RowSnapshot {
    const count = this.#slotCount;
    const slabs = [...this.#slabs];
    const places = this.#places.slice(0, count * 2);
    return {
      slotCount: count,
      states: this.#states.slice(0, count),
      row(slot) {
        return rowIn(slabs[places[slot * 2] ?? 0], slot, places[slot * 2 + 1] ?? 0);
      },
    };
  }

  #hasBytes(slot: number, other: Uint8Array, otherStart: number, length: number): boolean {
    if (this.lengthOf(slot) !== length) return false;
    const bytes = this.slabOf(slot);
    const start = this.startOf(slot);
    for (let index = 0; index < length; index += 1) {
      if (bytes[start + index] !== other[otherStart + index]) return false;
    }
    return true;
  }

  #newSlot(): number {
    const slot = this.#slotCount;
    if (slot === this.#states.length) this.#growSlots(slot + 1);
    this.#slotCount = slot + 1;
    return slot;
  }

  #resetSlots(): void {
    this.#places = new Uint32Array(SLOTS_MIN * 2);
    this.#states = new Uint8Array(SLOTS_MIN);
  }

  /** Makes room for so many slots, and for as many as there were at least. */
  #growSlots(count: number): void {
    let capacity = this.#states.length;
    while (capacity < count) capacity *= 2;
    const places = new Uint32Array(capacity * 2);
    const states = new Uint8Array(capacity);
    places.set(this.#places);
    states.set(this.#states);
    this.#places = places;
    this.#states = states;
  }

  /** Copies `source[from, from + length)` behind a header into the slab in use and points the slot at it. */
  #place(slot: number, source: Uint8Array, from: number, length: number): void {
    const needed = HEADER_BYTES + length;
    const index = this.#slabFor(needed);
    const slab = this.#slabs[index];
    assert(slab !== undefined, 'the slab in use exists');
    const { bytes } = slab;
    const start = slab.used + HEADER_BYTES;
    writeU32(bytes, slab.used, slot);
    writeU32(bytes, slab.used + 4, length);
    copyBytes(source, from, bytes, { start, length });
    slab.used += needed;
    slab.liveBytes += needed;
    this.#places[slot * 2] = index;
    this.#places[slot * 2 + 1] = start;
  }

  #slabFor(needed: number): number {
    if (needed > SHARED_ROW_BYTES_MAX) return this.#addSlab(needed);
    const active = this.#slabs[this.#active];
    if (active !== undefined && active.used + needed <= active.bytes.length) return this.#active;
    const previous = this.#active;
    // Slabs grow with the table, so that a table of a few rows is small.
    const size = Math.max(needed, Math.min(SLAB_BYTES_MAX, Math.max(SLAB_BYTES_MIN, this.#slabBytes)));
    this.#active = this.#addSlab(size);
    if (previous < 0) return this.#active;
    // Moving rows out of the previous slab may use up the new one.
    this.#tidy(previous);
    return this.#slabFor(needed);
  }

  #addSlab(size: number): number {
    const index = this.#freeSlabs.pop() ?? this.#slabs.length;
    this.#slabs[index] = { bytes: new Uint8Array(size), firstSlot: 0, lengths: undefined, used: 0, liveBytes: 0 };
    this.#slabBytes += size;
    return index;
  }

  /** Empties the slot and gives the index of its slab. */
  #release(slot: number): number {
    const index = this.#places[slot * 2] ?? 0;
    const slab = this.#slabs[index];
    assert(slab !== undefined, IN_SLAB);
    const length = this.lengthOf(slot);
    slab.liveBytes -= HEADER_BYTES + length;
    this.#liveBytes -= length;
    this.#states[slot] = FREE;
    return index;
  }

  /** Drops a slab that is dead; moves what lives out of one that is mostly dead. */
  #tidy(index: number): void {
    const slab = this.#slabs[index];
    if (slab === undefined || index === this.#active) return;
    if (slab.liveBytes * 2 >= slab.used && slab.liveBytes > 0) return;
    this.#slabs[index] = undefined;
    this.#slabBytes -= slab.bytes.length + (slab.lengths?.byteLength ?? 0);
    if (slab.liveBytes > 0 && slab.lengths === undefined) this.#moveLive(slab, index);
    else if (slab.liveBytes > 0) this.#moveRun(slab, index);
    this.#freeSlabs.push(index);
  }

  #moveLive(slab: Slab, index: number): void {
    let at = 0;
    while (at < slab.used) {
      const slot = readU32(slab.bytes, at);
      const length = readU32(slab.bytes, at + 4);
      const start = at + HEADER_BYTES;
      if (this.#isIn(index, slot) && this.startOf(slot) === start) this.#place(slot, slab.bytes, start, length);
      at = start + length;
    }
  }

  /** A slot of a run is in its slab or in one that rows are added to, so its start need not be compared. */
  #moveRun({ bytes, firstSlot, lengths = NO_LENGTHS }: Slab, index: number): void {
    for (let order = 0; order < lengths.length; order += 1) {
      const slot = firstSlot + order;
      if (this.#isIn(index, slot)) this.#place(slot, bytes, this.startOf(slot), lengths[order] ?? 0);
    }
  }

  /** Whether the row of a slot lies in a slab; invariant 2 for all but its start. */
  #isIn(index: number, slot: number): boolean {
    return this.#states[slot] !== FREE && this.#places[slot * 2] === index;
  }
}

const NO_LENGTHS = new Uint32Array(0);

/** What is kept of a buffer beside a run is wasted. */
function isMostOfBuffer({ length, buffer }: Uint8Array): boolean {
  return length * 8 >= buffer.byteLength * 7;
}

function rowIn(slab: Slab | undefined, slot: number, start: number): Row {
  assert(slab !== undefined, IN_SLAB);
  return viewOf(slab.bytes, start, lengthIn(slab, slot, start));
}

function lengthIn({ bytes, firstSlot, lengths }: Slab, slot: number, start: number): number {
  return lengths === undefined ? readU32(bytes, start - 4) : (lengths[slot - firstSlot] ?? 0);
}

/** A view of a slab, which is a buffer of its own. Nearly twice as fast as `subarray`, and one is made for each row read. */
function viewOf(slab: Uint8Array, start: number, length: number): Row {
  return new Uint8Array(slab.buffer, start, length);
}

/** Below this many bytes a loop is faster than the call that copies a range. */
const LOOP_COPY_BYTES_MAX = 64;

function copyBytes(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: { readonly start: number; readonly length: number },
): void {
  const { start, length } = to;
  if (length <= LOOP_COPY_BYTES_MAX) {
    for (let index = 0; index < length; index += 1) target[start + index] = source[from + index] ?? 0;
  } else if (from === 0 && source.length === length) {
    target.set(source, start);
  } else {
    target.set(source.subarray(from, from + length), start);
  }
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
