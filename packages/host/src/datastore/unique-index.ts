import { assert } from '../assert.ts';
import type { AlgebraicType } from '../bsatn/algebraic-type.ts';
import type { IndexDef } from '../schema/module-def.ts';
import { BTreeIndex } from './btree-index.ts';
import type { KeyMaker, KeyPart } from './index-key.ts';
import { compileKeyMaker } from './index-key.ts';
import type { SlotList } from './slot-list.ts';
import { SharedMap } from './shared-map.ts';
import { forEachSlot, withoutSlot, withSlot } from './slot-list.ts';
import type { IndexRange } from './state-view.ts';
import type { IndexKey, LocatedRow, TableIndex } from './table-index.ts';
import { asPart, compileColumnReaders } from './table-index.ts';

/** The engine's hash maps hold 2^24 entries at most; from half of that on the order alone is kept. */
const HASHED_KEYS_MAX = 2 ** 23;

/** How keys of an index are hashed. */
export interface HashingOptions {
  /** Any number that clients cannot guess. */
  readonly hashSeed: number;
  /** From this many keys on the order alone is kept. Default 2^23. */
  readonly hashedKeysMax?: number | undefined;
}

/**
 * An ordered index over one column that is unique: mostly asked for single keys, by every insert at least. Keys are
 * hashed; their order is worked out when the first range is asked for, and kept from then on.
 *
 * Invariant: every slot is in `#slots` while that is there, and in `#ordered` while that is there; one of them is.
 */
export class UniqueIndex implements TableIndex {
  readonly def: IndexDef;
  readonly #types: readonly [AlgebraicType];
  readonly #hashing: HashingOptions;
  readonly #read: (row: LocatedRow) => KeyPart;
  readonly #make: KeyMaker;
  #slots: SharedMap | undefined;
  #ordered: BTreeIndex | undefined;

  /** `forkOf` is for `fork` alone. */
  constructor(def: IndexDef, type: AlgebraicType, hashing: HashingOptions, forkOf?: UniqueIndex) {
    this.def = def;
    this.#types = [type];
    this.#hashing = hashing;
    if (forkOf !== undefined) {
      this.#make = forkOf.#make;
      this.#read = forkOf.#read;
      this.#slots = forkOf.#slots?.fork();
      this.#ordered = forkOf.#ordered?.fork();
      return;
    }
    this.#slots = new SharedMap(hashing.hashSeed);
    this.#make = compileKeyMaker(type);
    const [read] = compileColumnReaders(def.columns, this.#types);
    assert(read !== undefined, 'the index has one column');
    this.#read = read;
  }

  fork(def: IndexDef = this.def): UniqueIndex {
    return new UniqueIndex(def, this.#types[0], this.#hashing, this);
  }

  keyOf(row: LocatedRow): IndexKey {
    return this.#read(row);
  }

  tryAdd(key: IndexKey, slot: number): SlotList | undefined {
    const present = this.find(key);
    if (present === undefined) this.#addNew(asPart(key), slot);
    return present;
  }

  add(key: IndexKey, slot: number): void {
    const present = this.find(key);
    if (present === undefined) {
      this.#addNew(asPart(key), slot);
      return;
    }
    // Lists are changed in place: each of the two has its own.
    this.#ordered?.add(key, slot);
    if (this.#slots === undefined) return;
    const longer = withSlot(this.#slots.own(present), slot);
    if (longer !== present) this.#slots.set(asPart(key), longer);
  }

  remove(key: IndexKey, slot: number): void {
    this.#ordered?.remove(key, slot);
    const slots = this.#slots;
    const part = asPart(key);
    const present = slots?.get(part);
    if (slots === undefined || present === undefined) return;
    const left = withoutSlot(slots.own(present), slot);
    if (left === undefined) slots.delete(part);
    else if (left !== present) slots.set(part, left);
  }

  clear(): void {
    this.#slots = new SharedMap(this.#hashing.hashSeed);
    this.#ordered = undefined;
  }

  find(key: IndexKey): SlotList | undefined {
    return this.#slots === undefined ? this.#ordered?.find(key) : this.#slots.get(asPart(key));
  }

  search(range: IndexRange, visit: (slot: number) => void): void {
    const [value] = range.prefix;
    const isPoint = value !== undefined && range.prefix.length === 1;
    if (!isPoint || range.start !== undefined || range.end !== undefined) {
      this.#order().search(range, visit);
      return;
    }
    const list = this.find(this.#make(value));
    if (list !== undefined) forEachSlot(list, visit);
  }

  #addNew(key: KeyPart, slot: number): void {
    this.#ordered?.add(key, slot);
    if (this.#slots === undefined) return;
    this.#slots.set(key, slot);
    if (this.#slots.size < (this.#hashing.hashedKeysMax ?? HASHED_KEYS_MAX)) return;
    this.#order();
    this.#slots = undefined;
  }

  /** The keys in order. The first call looks at all of them. */
  #order(): BTreeIndex {
    if (this.#ordered !== undefined) return this.#ordered;
    const ordered = new BTreeIndex(this.def, this.#types);
    for (const [key, list] of this.#slots?.entries() ?? []) forEachSlot(list, (slot) => ordered.add(key, slot));
    this.#ordered = ordered;
    return ordered;
  }
}
