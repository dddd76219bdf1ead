import { assert } from '../assert.ts';
import type { AlgebraicType } from '../bsatn/algebraic-type.ts';
import type { IndexDef } from '../schema/module-def.ts';
import type { KeyMaker, KeyPart } from './index-key.ts';
import { compileKeyMaker, hasTextKey } from './index-key.ts';
import { compareCompositeKeys, compareNumberKeys, compareTextKeys, makeKeyEnd } from './key-order.ts';
import type { OrderedMap } from './ordered-map.ts';
import { makeOrderedMap } from './ordered-map.ts';
import type { SlotList } from './slot-list.ts';
import { forEachSlot, withoutSlot, withSlot } from './slot-list.ts';
import type { Bound, IndexRange } from './state-view.ts';
import type { IndexKey, LocatedRow, TableIndex } from './table-index.ts';
import { compileColumnReaders } from './table-index.ts';

const UNBOUNDED: Bound = { type: 'unbounded' };

/** An index in key order: whole keys, prefixes, and ranges over the column behind a prefix. */
export class BTreeIndex implements TableIndex {
  readonly def: IndexDef;
  readonly #map: OrderedMap<IndexKey, SlotList>;
  readonly #compare: (a: IndexKey, b: IndexKey) => number;
  readonly #makers: readonly KeyMaker[];
  readonly #read: (row: LocatedRow) => IndexKey;

  constructor(def: IndexDef, types: readonly AlgebraicType[]) {
    this.def = def;
    this.#makers = types.map(compileKeyMaker);
    this.#compare = comparatorFor(types);
    this.#map = makeOrderedMap(this.#compare);
    this.#read = keyReaderFor(def, types);
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
    const longer = withSlot(present, slot);
    if (longer !== present) this.#map.set(key, longer);
  }

  remove(key: IndexKey, slot: number): void {
    const present = this.#map.get(key);
    if (present === undefined) return;
    const left = withoutSlot(present, slot);
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
