import type { ColumnsKey, RowKey } from './columns-key.ts';

/** Keys of one table that a read set holds one by one; beyond that it holds the whole table. */
const KEYS_PER_TABLE_MAX = 10_000;

/** Keys of the same columns that were looked up. */
export interface ReadKeys {
  readonly columns: ColumnsKey;
  readonly keys: Set<RowKey>;
}

/**
 * What one evaluation read: whole tables, and keys of others. A key counts whether or not a row was found under it.
 */
export class ReadSet {
  readonly #tables = new Set<number>();
  readonly #keys = new Map<number, Map<string, ReadKeys>>();
  readonly #keyCounts = new Map<number, number>();
  readonly #keysPerTableMax: number;

  constructor(keysPerTableMax: number = KEYS_PER_TABLE_MAX) {
    this.#keysPerTableMax = keysPerTableMax;
  }

  /** Tables of which any change matters. */
  get tables(): ReadonlySet<number> {
    return this.#tables;
  }

  /** By table, then by columns: the keys of which a change matters. */
  get keys(): ReadonlyMap<number, ReadonlyMap<string, ReadKeys>> {
    return this.#keys;
  }

  /** How many keys it holds one by one. */
  get keyCount(): number {
    let count = 0;
    for (const ofTable of this.#keyCounts.values()) count += ofTable;
    return count;
  }

  addTable(tableId: number): void {
    this.#tables.add(tableId);
    this.#keys.delete(tableId);
    this.#keyCounts.delete(tableId);
  }

  addKey(tableId: number, columns: ColumnsKey, key: RowKey): void {
    if (this.#tables.has(tableId)) return;
    const ofTable = this.#keys.get(tableId) ?? new Map<string, ReadKeys>();
    this.#keys.set(tableId, ofTable);
    const { keys } = ofTable.get(columns.id) ?? { keys: new Set<RowKey>() };
    if (keys.has(key)) return;
    ofTable.set(columns.id, { columns, keys });
    keys.add(key);
    const count = (this.#keyCounts.get(tableId) ?? 0) + 1;
    this.#keyCounts.set(tableId, count);
    if (count > this.#keysPerTableMax) this.addTable(tableId);
  }
}
