import { BsatnWriter } from '../bsatn/writer.ts';
import type { Row } from '../datastore/state-view.ts';

const FIXED_SIZE = 0;
const ROW_OFFSETS = 1;

/** Longest row that the fixed-size hint can tell. */
const FIXED_SIZE_BYTES_MAX = 0xffff;

/**
 * A list of rows as it stands in messages:
 *
 *     hint 0 | row bytes u16             | data bytes    all rows have that length, 1 to 65,535
 *     hint 1 | starts [u64], first is 0  | data bytes    any other list, the empty one included
 */
export function encodeRowList(rows: readonly Row[]): Uint8Array {
  const dataBytes = sumBytes(rows);
  const fixedBytes = commonLength(rows);
  const writer = new BsatnWriter(dataBytes + 16 + (fixedBytes === undefined ? rows.length * 8 : 0));
  if (fixedBytes === undefined) {
    writeStarts(writer, rows);
  } else {
    writer.u8(FIXED_SIZE);
    writer.u16(fixedBytes);
  }
  writer.u32(dataBytes);
  for (const row of rows) writer.raw(row);
  return writer.peek();
}

function writeStarts(writer: BsatnWriter, rows: readonly Row[]): void {
  writer.u8(ROW_OFFSETS);
  writer.arrayLength(rows.length);
  let start = 0;
  for (const row of rows) {
    writer.u64(BigInt(start));
    start += row.length;
  }
}

function commonLength(rows: readonly Row[]): number | undefined {
  const length = rows[0]?.length ?? 0;
  if (length === 0 || length > FIXED_SIZE_BYTES_MAX) return undefined;
  return rows.every((row) => row.length === length) ? length : undefined;
}

function sumBytes(rows: readonly Row[]): number {
  let total = 0;
  for (const row of rows) total += row.length;
  return total;
}
