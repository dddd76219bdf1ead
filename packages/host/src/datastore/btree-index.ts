import { assert } from '../assert.ts';
import type { AlgebraicType } from '../bsatn/algebraic-type.ts';
import type { IndexDef } from '../schema/module-def.ts';
import type { KeyMaker, KeyPart } from './index-key.ts';
import { compileKeyMaker, hasTextKey } from './index-key.ts';
import { compareCompositeKeys, compareNumberKeys, compareTextKeys, makeKeyEnd } from './key-order.ts';
import type { OrderedMap } from './ordered-map.ts';
import { makeOrderedMap } from './ordered-map.ts';
import type { SlotList } from './slot-list.ts';
import { forEachSlot, OwnedLists, withoutSlot, withSlot } from './slot-list.ts';
import type { Bound, IndexRange } from './state-view.ts';
import type { IndexKey, LocatedRow, TableIndex } from './table-index.ts';
import { compileColumnReaders } from './table-index.ts';

const UNBOUNDED: Bound = { type: 'unbounded' };

/** What an index is made of besides its definition: compiled code, and its contents. */
interface Parts {
  readonly map: OrderedMap<IndexKey, SlotList>;
  readonly compare: (a: IndexKey, b: IndexKey) => number;
  readonly makers: readonly KeyMaker[];
  readonly read: (row: LocatedRow) => IndexKey;
  readonly owned: OwnedLists | undefined;
}

/** An index in key order: whole keys, prefixes, and ranges over the column behind a prefix. */
export class BTreeIndex implements TableIndex {
  readonly def: IndexDef;
  readonly #map: OrderedMap<IndexKey, SlotList>;
  /** There once lists are shared with a fork. */
  #owned: OwnedLists | undefined;
  readonly #compare: (a: IndexKey, b: IndexKey) => number;
  readonly #makers: readonly KeyMaker[];
  readonly #read: (row: LocatedRow) => IndexKey;

  /** `parts` are for `fork` alone. */
  constructor(def: IndexDef, types: readonly AlgebraicType[], parts: Parts = makeParts(def, types)) {
    this.def = def;
    this.#map = parts.map;
    this.#owned = parts.owned;
    this.#compare = parts.compare;
    this.#makers = parts.makers;
    this.#read = parts.read;
  }

  fork(def: IndexDef = this.def): BTreeIndex {
    this.#owned = new OwnedLists();
    return new BTreeIndex(def, [], {
      map: this.#map.clone(),
      owned: new OwnedLists(),
      compare: this.#compare,
      makers: this.#makers,
      read: this.#read,
    });
  }

  keyOf(row: LocatedRow): IndexKey {
    return this.#read(row);
  }

  tryAdd(key: IndexKey, slot: number): SlotList | undefined {
    return this.#map.setIfNotPresent(key, slot) ? undefined : this.#map.get(key);
  }

  add(key: IndexKey, slot: number): void {
    const present = this.tryAdd(key, slot);
    if (present === undefined) return;
    const longer = withSlot(this.#owned?.own(present) ?? present, slot);
    if (longer !== present) this.#map.set(key, longer);
  }

  remove(key: IndexKey, slot: number): void {
    const present = this.#map.get(key);
    if (present === undefined) return;
    const left = withoutSlot(this.#owned?.own(present) ?? present, slot);
    if (left === undefined) this.#map.delete(key);
    else if (left !== present) this.#map.set(key, left);
  }

  clear(): void {
    this.#map.clear();
  }

  find(key: IndexKey): SlotList | undefined {
    return this.#map.get(key);
  }

  search(range: IndexRange, visit: (slot: number) => void): void {
    const columnCount = this.#makers.length;
    const prefix = range.prefix.map((value, order) => this.#makeKey(order, value));
    if (prefix.length === columnCount) {
      assert(range.start === undefined && range.end === undefined, 'a range needs a column behind the prefix');
      const [first] = prefix;
      const list = this.#map.get(columnCount === 1 && first !== undefined ? first : prefix);
      if (list !== undefined) forEachSlot(list, visit);
    } else if (columnCount === 1) {
      this.#searchSingle(range.start ?? UNBOUNDED, range.end ?? UNBOUNDED, visit);
    } else {
      assert(prefix.length < columnCount, 'a prefix has at most as many values as the index has columns');
      this.#searchComposite(prefix, range, visit);
    }
  }

  #searchSingle(start: Bound, end: Bound, visit: (slot: number) => void): void {
    const low = start.type === 'unbounded' ? this.#map.minKey() : this.#makeKey(0, start.value);
    const high = end.type === 'unbounded' ? this.#map.maxKey() : this.#makeKey(0, end.value);
    if (low === undefined || high === undefined || this.#compare(low, high) > 0) return;
    const skipsLow = start.type === 'excluded';
    this.#map.forRange(low, high, end.type !== 'excluded', (key, list) => {
      if (skipsLow && this.#compare(key, low) === 0) return;
      forEachSlot(list, visit);
    });
  }

  #searchComposite(prefix: readonly KeyPart[], range: IndexRange, visit: (slot: number) => void): void {
    const { start = UNBOUNDED, end = UNBOUNDED } = range;
    const columnCount = this.#makers.length;
    const order = prefix.length;
    // The low end lies before the first key that has these parts, or behind the last one when they are excluded.
    const low =
      start.type === 'unbounded'
        ? makeKeyEnd(prefix, columnCount, 'before')
        : makeKeyEnd(
            [...prefix, this.#makeKey(order, start.value)],
            columnCount,
            start.type === 'included' ? 'before' : 'behind',
          );
    const high =
      end.type === 'unbounded'
        ? makeKeyEnd(prefix, columnCount, 'behind')
        : makeKeyEnd(
            [...prefix, this.#makeKey(order, end.value)],
            columnCount,
            end.type === 'included' ? 'behind' : 'before',
          );
    if (this.#compare(low, high) > 0) return;
    this.#map.forRange(low, high, true, (_key, list) => forEachSlot(list, visit));
  }

  #makeKey(order: number, value: Parameters<KeyMaker>[0]): KeyPart {
    const make = this.#makers[order];
    assert(make !== undefined, 'a search has at most as many values as the index has columns');
    return make(value);
  }
}

function makeParts(def: IndexDef, types: readonly AlgebraicType[]): Parts {
  const compare = comparatorFor(types);
  return {
    map: makeOrderedMap(compare),
    owned: undefined,
    compare,
    makers: types.map(compileKeyMaker),
    read: keyReaderFor(def, types),
  };
}

function keyReaderFor(def: IndexDef, types: readonly AlgebraicType[]): (row: LocatedRow) => IndexKey {
  const [first, second, ...others] = compileColumnReaders(def.columns, types);
  assert(first !== undefined, 'an index has columns');
  if (second === undefined) return first;
  if (others.length === 0) return (row) => [first(row), second(row)];
  return (row) => [first(row), second(row), ...others.map((read) => read(row))];
}

function comparatorFor(types: readonly AlgebraicType[]): (a: IndexKey, b: IndexKey) => number {
  const [type] = types;
  assert(type !== undefined, 'an index has columns');
  // Keys of one index are all of the shape that its comparator takes: they come from the same readers and makers.
  const compare =
    types.length > 1 ? compareCompositeKeys(types.length) : hasTextKey(type) ? compareTextKeys : compareNumberKeys;
  return compare as (a: IndexKey, b: IndexKey) => number;
}
