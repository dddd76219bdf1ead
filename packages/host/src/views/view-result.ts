import { BsatnError } from '../bsatn/bsatn-error.ts';
import { BsatnReader } from '../bsatn/reader.ts';
import type { Row } from '../datastore/state-view.ts';
import { ViewError } from './view-error.ts';
import type { ViewShape } from './view-shape.ts';

/** What a module returns for a view: the rows themselves, or SQL that gives them; empty SQL gives none. */
export type ViewResult =
  | { readonly type: 'rows'; readonly rows: readonly Row[] }
  | { readonly type: 'sql'; readonly sql: string };

const ROW_DATA = 0;
const RAW_SQL = 1;

/** Bytes of one view's result. */
const RESULT_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Reads what a module returned:
 *
 *   0 | count u32 | rows ...        or        1 | SQL as a string
 *
 * @throws {ViewError} when it is neither, or too large
 */
export function decodeViewResult({ view, codec }: ViewShape, bytes: Uint8Array): ViewResult {
  if (bytes.length > RESULT_BYTES_MAX) {
    throw new ViewError(view.name, `its result has ${bytes.length} bytes; ${RESULT_BYTES_MAX} are allowed`);
  }
  try {
    const reader = new BsatnReader(bytes);
    const header = reader.u8();
    if (header === RAW_SQL) {
      const sql = reader.string();
      reader.expectEnd();
      return { type: 'sql', sql };
    }
    if (header !== ROW_DATA) throw new BsatnError(`a result starts with ${ROW_DATA} or ${RAW_SQL}, not ${header}`, 0);
    const count = reader.u32();
    const rows = codec.splitRows(bytes.subarray(reader.offset));
    if (rows.length !== count) throw new BsatnError(`${count} rows are announced, ${rows.length} came`, 1);
    return { type: 'rows', rows };
  } catch (error) {
    if (!(error instanceof BsatnError)) throw error;
    throw new ViewError(view.name, `it returned something other than rows of its type: ${error.message}`, error);
  }
}
