import type { KeyPart } from './index-key.ts';
import type { SlotList } from './slot-list.ts';
import { isTableKey, SlotTable } from './slot-table.ts';

/**
 * A map from keys to slots. Keys that are small whole numbers, as ids mostly are, stand in a table of typed arrays, all
 * others in a `Map`.
 *
 * Invariant: a negative number in the table is `~index` of a list, and nothing else has that index.
 */
export class KeyedSlots {
  readonly #table: SlotTable;
  /** Keys of the table have one slot as a rule, and two while a transaction updates a row: no `Map` for those. */
  readonly #lists: (SlotList | undefined)[];
  readonly #freeLists: number[];
  readonly #others: Map<KeyPart, SlotList>;

  /** An empty map; `copyOf` is for `copy` alone. */
  constructor(hashSeed: number, copyOf?: KeyedSlots) {
    if (copyOf === undefined) {
      this.#table = new SlotTable(hashSeed);
      this.#lists = [];
      this.#freeLists = [];
      this.#others = new Map();
      return;
    }
    this.#table = copyOf.#table.copy();
    this.#lists = [...copyOf.#lists];
    this.#freeLists = [...copyOf.#freeLists];
    this.#others = new Map(copyOf.#others);
  }

  /** A map with the same entries; lists are shared. */
  copy(): KeyedSlots {
    return new KeyedSlots(0, this);
  }

  get size(): number {
    return this.#table.size + this.#others.size;
  }

  get(key: KeyPart): SlotList | undefined {
    if (!isTableKey(key)) return this.#others.get(key);
    const slot = this.#table.get(key);
    return slot === undefined || slot >= 0 ? slot : this.#lists[~slot];
  }

  set(key: KeyPart, list: SlotList): void {
    if (!isTableKey(key)) {
      this.#others.set(key, list);
      return;
    }
    const before = this.#table.get(key) ?? 0;
    if (typeof list === 'number') {
      if (before < 0) this.#freeList(~before);
      this.#table.set(key, list);
    } else if (before < 0) {
      this.#lists[~before] = list;
    } else {
      this.#table.set(key, ~this.#putList(list));
    }
  }

  delete(key: KeyPart): void {
    if (!isTableKey(key)) {
      this.#others.delete(key);
      return;
    }
    const before = this.#table.get(key) ?? 0;
    if (before < 0) this.#freeList(~before);
    this.#table.delete(key);
  }

  /** In no order. */
  *entries(): Generator<[key: KeyPart, list: SlotList], void, undefined> {
    for (const [key, slot] of this.#table.entries()) {
      const list = slot >= 0 ? slot : this.#lists[~slot];
      if (list !== undefined) yield [key, list];
    }
    yield* this.#others;
  }

  #putList(list: SlotList): number {
    const index = this.#freeLists.pop() ?? this.#lists.length;
    this.#lists[index] = list;
    return index;
  }

  #freeList(index: number): void {
    this.#lists[index] = undefined;
    this.#freeLists.push(index);
  }
}
