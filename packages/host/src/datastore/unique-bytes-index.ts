import { assert } from '../assert.ts';
import type { AlgebraicType } from '../bsatn/algebraic-type.ts';
import { compileCodec } from '../bsatn/codec.ts';
import type { RowLayout } from '../bsatn/row-layout.ts';
import { BsatnWriter } from '../bsatn/writer.ts';
import type { IndexDef } from '../schema/module-def.ts';
import { BTreeIndex } from './btree-index.ts';
import { hashBytes } from './hash-bytes.ts';
import { compileKeyReader } from './index-key.ts';
import type { KeyReader } from './index-key.ts';
import type { KeyBytes } from './key-bytes.ts';
import { SlotHash } from './slot-hash.ts';
import type { SlotList } from './slot-list.ts';
import { forEachSlot } from './slot-list.ts';
import type { IndexRange } from './state-view.ts';
import type { IndexedRows, IndexKey, LocatedRow, TableIndex } from './table-index.ts';

/** What an index of bytes is made with. */
export interface UniqueBytesOptions {
  readonly type: AlgebraicType;
  readonly layout: RowLayout;
  /** Any number that clients cannot guess. */
  readonly hashSeed: number;
  readonly rows: IndexedRows;
  /** Hash of a run of bytes. Default `hashBytes`. */
  readonly hash?: typeof hashBytes | undefined;
}

const NO_BYTES = new Uint8Array(0);

/**
 * An ordered index over one column that is unique, whose values are equal exactly when their bytes are: text ids above
 * all. It keeps no keys but a hash of each; the keys themselves are read in the rows. So an entry takes 12 to 24 bytes
 * outside the JavaScript heap, and adding one decodes nothing. The order is worked out when the first range is asked
 * for, and kept from then on.
 *
 * Invariants:
 *   1. Every slot that was added is in `#slots` under the hash of its key, and in `#ordered` while that is there.
 *   2. The row of a slot keeps its key from before it is added until after it is removed.
 */
export class UniqueBytesIndex implements TableIndex {
  readonly def: IndexDef;
  readonly #options: UniqueBytesOptions;
  readonly #hash: typeof hashBytes;
  readonly #column: number;
  readonly #slots: SlotHash;
  readonly #encode: (value: IndexRange['prefix'][number]) => Uint8Array;
  readonly #readKey: KeyReader;
  #ordered: BTreeIndex | undefined;
  /** What `keyOf` gives. Shared, so that a key allocates nothing. */
  readonly #key: KeyBytes = { bytes: NO_BYTES, start: 0, length: 0, hash: 0 };

  /** `forkOf` is for `fork` alone. */
  constructor(def: IndexDef, options: UniqueBytesOptions, forkOf?: UniqueBytesIndex) {
    const [column] = def.columns;
    assert(column !== undefined && def.columns.length === 1, 'the index has one column');
    this.def = def;
    this.#options = options;
    this.#column = column;
    this.#hash = options.hash ?? hashBytes;
    if (forkOf !== undefined) {
      this.#slots = forkOf.#slots.fork();
      this.#ordered = forkOf.#ordered?.fork();
      this.#encode = forkOf.#encode;
      this.#readKey = forkOf.#readKey;
      return;
    }
    this.#slots = new SlotHash();
    this.#encode = compileEncode(options.type);
    this.#readKey = compileKeyReader(options.type);
  }

  fork(def: IndexDef = this.def, rows: IndexedRows = this.#options.rows): UniqueBytesIndex {
    return new UniqueBytesIndex(def, { ...this.#options, rows }, this);
  }

  keyOf({ bytes, base, starts }: LocatedRow): IndexKey {
    const start = base + (starts[this.#column] ?? 0);
    return this.#setKey(bytes, start, this.#options.layout.columnEnd(bytes, start, this.#column) - start);
  }

  tryAdd(key: IndexKey, slot: number): SlotList | undefined {
    const present = this.find(key);
    if (present === undefined) this.add(key, slot);
    return present;
  }

  /**
   * Adds the slots from `first` on and below `end`, each under the key of its row, or none when a key is taken or there
   * is an order to be kept up. Faster than one by one: hashes of all are known before the first search.
   */
  tryAddRun(first: number, end: number): boolean {
    if (this.#ordered !== undefined) return false;
    const hashes = this.#hashRun(first, end);
    const slots = this.#slots;
    slots.touch(hashes);
    for (let slot = first; slot < end; slot += 1) {
      const hash = hashes[slot - first] ?? 0;
      if (slots.first(hash) >= 0 && this.find(this.#keyAt(slot)) !== undefined) {
        for (let added = first; added < slot; added += 1) slots.remove(hashes[added - first] ?? 0, added);
        return false;
      }
      slots.add(hash, slot);
    }
    return true;
  }

  add(key: IndexKey, slot: number): void {
    const wanted = asBytes(key);
    this.#slots.add(wanted.hash, slot);
    this.#ordered?.add(this.#readKey(wanted.bytes, wanted.start), slot);
  }

  remove(key: IndexKey, slot: number): void {
    const wanted = asBytes(key);
    this.#slots.remove(wanted.hash, slot);
    this.#ordered?.remove(this.#readKey(wanted.bytes, wanted.start), slot);
  }

  clear(): void {
    this.#slots.clear();
    this.#ordered = undefined;
  }

  find(key: IndexKey): SlotList | undefined {
    const wanted = asBytes(key);
    const { hash } = wanted;
    const slots = this.#slots;
    let found: SlotList | undefined;
    for (let place = slots.first(hash); place >= 0; place = slots.next(hash, place)) {
      const slot = slots.slotAt(place);
      if (this.#hasKey(slot, wanted)) found = found === undefined ? slot : [...asList(found), slot];
    }
    return found;
  }

  search(range: IndexRange, visit: (slot: number) => void): void {
    const [value] = range.prefix;
    const isPoint = value !== undefined && range.prefix.length === 1;
    if (!isPoint || range.start !== undefined || range.end !== undefined) {
      this.#order().search(range, visit);
      return;
    }
    const bytes = this.#encode(value);
    const list = this.find(this.#setKey(bytes, 0, bytes.length));
    if (list !== undefined) forEachSlot(list, visit);
  }

  #setKey(bytes: Uint8Array, start: number, length: number): KeyBytes {
    const key = this.#key;
    key.bytes = bytes;
    key.start = start;
    key.length = length;
    key.hash = this.#hash(bytes, start, length, this.#options.hashSeed);
    return key;
  }

  #hashRun(first: number, end: number): Int32Array {
    const hashes = new Int32Array(end - first);
    for (let slot = first; slot < end; slot += 1) hashes[slot - first] = this.#keyAt(slot).hash;
    return hashes;
  }

  #keyAt(slot: number): KeyBytes {
    const bytes = this.#options.rows.slabOf(slot);
    const start = this.#keyStart(bytes, slot);
    return this.#setKey(bytes, start, this.#options.layout.columnEnd(bytes, start, this.#column) - start);
  }

  /** No value of a type is the beginning of another, so the length of the row's key need not be looked at. */
  #hasKey(slot: number, { bytes, start, length }: KeyBytes): boolean {
    const row = this.#options.rows.slabOf(slot);
    const at = this.#keyStart(row, slot);
    for (let index = 0; index < length; index += 1) if (row[at + index] !== bytes[start + index]) return false;
    return true;
  }

  #keyStart(bytes: Uint8Array, slot: number): number {
    const { layout, rows } = this.#options;
    return layout.columnStart(bytes, rows.startOf(slot), this.#column);
  }

  /** The keys in order. The first call looks at all of them. */
  #order(): BTreeIndex {
    if (this.#ordered !== undefined) return this.#ordered;
    const { rows, type } = this.#options;
    const ordered = new BTreeIndex(this.def, [type]);
    for (const slot of this.#slots.slots()) {
      const bytes = rows.slabOf(slot);
      ordered.add(this.#readKey(bytes, this.#keyStart(bytes, slot)), slot);
    }
    this.#ordered = ordered;
    return ordered;
  }
}

function compileEncode(type: AlgebraicType): (value: IndexRange['prefix'][number]) => Uint8Array {
  const codec = compileCodec(type);
  const writer = new BsatnWriter(64);
  return (value) => {
    writer.reset();
    codec.encode(writer, value);
    return writer.peek();
  };
}

function asBytes(key: IndexKey): KeyBytes {
  assert(typeof key === 'object' && 'bytes' in key, 'the key is of bytes');
  return key;
}

function asList(list: SlotList): Iterable<number> {
  return typeof list === 'number' ? [list] : list;
}
