import type { Row } from '../datastore/state-view.ts';

/**
 * Rows that several receivers get. The object is one and the same for all of them, so that its wire form is made once.
 * Nobody changes the rows.
 */
export class SharedRows {
  readonly rows: readonly Row[];
  #encoded: Uint8Array | undefined;

  constructor(rows: readonly Row[]) {
    this.rows = rows;
  }

  /** The wire form: `encode` runs at the first call only, so every caller must pass an encoder of the same form. */
  encodedBy(encode: (rows: readonly Row[]) => Uint8Array): Uint8Array {
    this.#encoded ??= encode(this.rows);
    return this.#encoded;
  }
}

/** No rows; shared, so that its wire form too is made once. */
const NO_ROWS: SharedRows = new SharedRows([]);

/** The rows of one query, as they stand. `tableName` is canonical. A row stands in it as often as it matches. */
export interface TableRows {
  readonly tableName: string;
  readonly rows: SharedRows;
}

/**
 * What one commit changed in one query. One object for all subscribers of the query. Never empty. For an event table
 * `inserts` are the events and `deletes` is empty.
 */
export class QueryUpdate {
  readonly tableName: string;
  readonly isEvent: boolean;
  readonly inserts: SharedRows;
  readonly deletes: SharedRows;
  #encoded: Uint8Array | undefined;

  constructor(table: { readonly name: string; readonly isEvent: boolean }, inserts: SharedRows, deletes: SharedRows) {
    this.tableName = table.name;
    this.isEvent = table.isEvent;
    this.inserts = inserts;
    this.deletes = deletes;
  }

  /** The wire form: `encode` runs at the first call only, so every caller must pass an encoder of the same form. */
  encodedBy(encode: (update: QueryUpdate) => Uint8Array): Uint8Array {
    this.#encoded ??= encode(this);
    return this.#encoded;
  }
}

/** The updates of the queries of one set that return rows of one table; at least one. */
export interface TableUpdates {
  readonly tableName: string;
  readonly updates: readonly QueryUpdate[];
}

/** What one commit changed in one query set; tables ascend by name, at least one. */
export interface QuerySetUpdate {
  readonly querySetId: number;
  readonly tables: readonly TableUpdates[];
}

/** Rows to be shared; those of an empty result are the same for all. */
export function shared(rows: readonly Row[]): SharedRows {
  return rows.length === 0 ? NO_ROWS : new SharedRows(rows);
}
