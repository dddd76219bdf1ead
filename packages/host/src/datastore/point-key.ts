import { BsatnError } from '../bsatn/bsatn-error.ts';
import { RowLayout } from '../bsatn/row-layout.ts';
import type { IndexDef, TableDef } from '../schema/module-def.ts';
import { DatastoreError } from './datastore-error.ts';
import { indexColumnTypes, type LocatedRow } from './table-index.ts';

/**
 * Reads keys as modules pass them to look for one: the BSATN of every column of an index, in index order. What is found
 * this way needs no values to be made of the bytes.
 */
export class PointKey {
  readonly #index: IndexDef;
  readonly #layout: RowLayout;
  readonly #starts: Uint32Array;

  constructor(table: TableDef, index: IndexDef) {
    this.#index = index;
    this.#layout = new RowLayout(indexColumnTypes(table, index));
    this.#starts = new Uint32Array(index.columns.length);
  }

  /**
   * Makes the row at hand one that has these columns of the index; its others are not to be read.
   * @throws {DatastoreError} `datastore/decode-failed`
   */
  locate(key: Uint8Array, row: LocatedRow): void {
    try {
      const end = this.#layout.checkAndLocate(key, key.length, this.#starts);
      if (end !== key.length) this.#layout.failLeftOver(key, end);
    } catch (error) {
      if (error instanceof BsatnError) throw makeSearchDecodeError(this.#index, error);
      throw error;
    }
    const { columns } = this.#index;
    row.bytes = key;
    row.base = 0;
    for (let order = 0; order < columns.length; order += 1) {
      row.starts[columns[order] ?? 0] = this.#starts[order] ?? 0;
    }
  }
}

/** What is wrong with the bytes of a search. */
export function makeSearchDecodeError({ name }: IndexDef, { message }: BsatnError): DatastoreError {
  return new DatastoreError('datastore/decode-failed', `bytes of a search in index "${name}": ${message}`, {
    index: name,
  });
}
