import { MAX_PAGE_BYTES, MAX_PAGE_ROWS } from '../wire/limits.ts';
import { byteLength } from '../values/text.ts';

/** What a value other than text takes at most: an identity. */
const SCALAR_BYTES = 32;
const TEXT_OVERHEAD_BYTES = 4;

/** The budget of one page: at most so many rows, and 1 MiB, but always one row. */
export class PageBudget {
  readonly #maxRows: number;
  #rows = 0;
  #bytes = 0;

  /** `limit` 0 means the most there may be. */
  constructor(limit: number) {
    this.#maxRows = limit === 0 ? MAX_PAGE_ROWS : Math.min(limit, MAX_PAGE_ROWS);
  }

  /** Whether no further row fits, whatever its size. */
  get isFull(): boolean {
    return this.#rows >= this.#maxRows || this.#bytes >= MAX_PAGE_BYTES;
  }

  /** Takes a row in, or tells that it does not fit any more. */
  take(row: object): boolean {
    const bytes = sizeOfRow(row);
    if (this.isFull || (this.#rows > 0 && this.#bytes + bytes > MAX_PAGE_BYTES)) return false;
    this.#rows += 1;
    this.#bytes += bytes;
    return true;
  }
}

/** The bytes a row takes on the wire, or a little more. */
export function sizeOfRow(row: object): number {
  if (row instanceof Uint8Array) return row.byteLength + TEXT_OVERHEAD_BYTES;
  let bytes = TEXT_OVERHEAD_BYTES;
  for (const value of Object.values(row) as readonly unknown[]) {
    if (typeof value === 'string') bytes += byteLength(value) + TEXT_OVERHEAD_BYTES;
    else if (typeof value === 'object' && value !== null && !isScalar(value)) bytes += sizeOfRow(value);
    else bytes += SCALAR_BYTES;
  }
  return bytes;
}

/** Timestamps, identities and connection ids are objects of one number. */
function isScalar(value: object): boolean {
  return '__timestamp_micros_since_unix_epoch__' in value || '__identity__' in value || '__connection_id__' in value;
}
