import { assert } from '../assert.ts';
import type { AlgebraicType, AlgebraicValue } from '../bsatn/algebraic-type.ts';
import type { IndexDef } from '../schema/module-def.ts';
import { DatastoreError } from './datastore-error.ts';
import type { KeyPart } from './index-key.ts';
import { compileKeyMaker } from './index-key.ts';
import type { SlotList } from './slot-list.ts';
import { SharedMap } from './shared-map.ts';
import { forEachSlot, withoutSlot, withSlot } from './slot-list.ts';
import type { IndexRange } from './state-view.ts';
import type { IndexKey, LocatedRow, TableIndex } from './table-index.ts';
import { asPart, compileColumnReaders, compilePackedKey } from './table-index.ts';

/** What an index is made of besides its definition: compiled code, and its contents. */
interface Parts {
  readonly slots: SharedMap;
  readonly columnCount: number;
  readonly read: (row: LocatedRow) => KeyPart;
  readonly make: (values: readonly AlgebraicValue[]) => KeyPart;
}

/** An index for point searches over all its columns. */
export class HashIndex implements TableIndex {
  readonly def: IndexDef;
  readonly #slots: SharedMap;
  readonly #columnCount: number;
  readonly #read: (row: LocatedRow) => KeyPart;
  readonly #make: (values: readonly AlgebraicValue[]) => KeyPart;

  /** The seed is any number that clients cannot guess; `forked` is for `fork` alone. */
  constructor(def: IndexDef, types: readonly AlgebraicType[], hashSeed: number, forked?: Parts) {
    const parts = forked ?? makeParts(def, types, hashSeed);
    this.def = def;
    this.#slots = parts.slots;
    this.#columnCount = parts.columnCount;
    this.#read = parts.read;
    this.#make = parts.make;
  }

  fork(def: IndexDef = this.def): HashIndex {
    const slots = this.#slots.fork();
    return new HashIndex(def, [], 0, { slots, columnCount: this.#columnCount, read: this.#read, make: this.#make });
  }

  keyOf(row: LocatedRow): IndexKey {
    return this.#read(row);
  }

  tryAdd(key: IndexKey, slot: number): SlotList | undefined {
    const present = this.#slots.get(asPart(key));
    if (present === undefined) this.#slots.set(asPart(key), slot);
    return present;
  }

  add(key: IndexKey, slot: number): void {
    const present = this.tryAdd(key, slot);
    if (present === undefined) return;
    const longer = withSlot(this.#slots.own(present), slot);
    if (longer !== present) this.#slots.set(asPart(key), longer);
  }

  remove(key: IndexKey, slot: number): void {
    const present = this.find(key);
    if (present === undefined) return;
    const left = withoutSlot(this.#slots.own(present), slot);
    if (left === undefined) this.#slots.delete(asPart(key));
    else if (left !== present) this.#slots.set(asPart(key), left);
  }

  clear(): void {
    this.#slots.clear();
  }

  find(key: IndexKey): SlotList | undefined {
    return this.#slots.get(asPart(key));
  }

  search(range: IndexRange, visit: (slot: number) => void): void {
    const hasRange = range.start !== undefined || range.end !== undefined;
    if (hasRange || range.prefix.length !== this.#columnCount) {
      throw new DatastoreError('datastore/range-unsupported', `index "${this.def.name}" finds whole keys only`, {
        index: this.def.name,
      });
    }
    const list = this.#slots.get(this.#make(range.prefix));
    if (list !== undefined) forEachSlot(list, visit);
  }
}

function makeParts(def: IndexDef, types: readonly AlgebraicType[], hashSeed: number): Parts {
  return { slots: new SharedMap(hashSeed), columnCount: types.length, ...compileKey(def, types) };
}

function compileKey(def: IndexDef, types: readonly AlgebraicType[]): Pick<Parts, 'read' | 'make'> {
  const [type] = types;
  const [read] = compileColumnReaders(def.columns, types);
  if (types.length !== 1 || type === undefined || read === undefined) return compilePackedKey(def.columns, types);
  const make = compileKeyMaker(type);
  return {
    read,
    make: ([value]) => {
      assert(value !== undefined, 'a point search has a value for each column');
      return make(value);
    },
  };
}
