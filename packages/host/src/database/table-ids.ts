import type { IdAllocator } from '../schema/validate.ts';

/** Lowest id of a user's table; those below are the system's. */
const FIRST_ID = 4097;

/**
 * Numbers of a database's tables: known names keep theirs, new names get numbers that were never used. Numbers of
 * indexes are only good while the program is loaded.
 */
export class TableIds implements IdAllocator {
  readonly #byName: Map<string, number>;
  #nextTableId: number;
  #nextIndexId = FIRST_ID;

  constructor(known: ReadonlyMap<string, number>) {
    this.#byName = new Map(known);
    this.#nextTableId = Math.max(FIRST_ID - 1, ...known.values()) + 1;
  }

  tableId(canonicalName: string): number {
    const known = this.#byName.get(canonicalName);
    if (known !== undefined) return known;
    const id = this.#nextTableId;
    this.#nextTableId += 1;
    this.#byName.set(canonicalName, id);
    return id;
  }

  indexId(_canonicalName: string): number {
    const id = this.#nextIndexId;
    this.#nextIndexId += 1;
    return id;
  }

  /** Every name that ever had a number. */
  get all(): ReadonlyMap<string, number> {
    return this.#byName;
  }
}
