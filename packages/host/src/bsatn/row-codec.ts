import type { AlgebraicType, AlgebraicValue } from './algebraic-type.ts';
import { BsatnError, UnencodableError } from './bsatn-error.ts';
import { compileCodec } from './codec.ts';
import { BsatnReader } from './reader.ts';
import { RowLayout } from './row-layout.ts';
import { BsatnWriter } from './writer.ts';

/**
 * Reads and writes rows (products) of one table, without decoding more of a row than was asked for.
 * `decode` and `column` check what they decode; the bounds of columns that they pass over are trusted.
 */
export interface RowCodec {
  /** Size of every row of the table in bytes; undefined when rows vary. */
  readonly fixedSize: number | undefined;
  decode(row: Uint8Array): AlgebraicValue[];
  /** One column's value. @throws {RangeError} when there is no such column. */
  column(row: Uint8Array, position: number): AlgebraicValue;
  /** The BSATN of one column, as a view of the row. @throws {RangeError} when there is no such column. */
  columnBytes(row: Uint8Array, position: number): Uint8Array;
  /** @throws {BsatnError} when `row` is not exactly one sound row. */
  validate(row: Uint8Array): void;
  /** @throws {UnencodableError} */
  encode(values: readonly AlgebraicValue[]): Uint8Array;
  /** Cuts rows that lie back to back into one view each, checking them. @throws {BsatnError} */
  splitRows(rows: Uint8Array): Uint8Array[];
}

/** The codec of rows with these columns; types are resolved. */
export function compileRowCodec(columns: readonly { readonly algebraicType: AlgebraicType }[]): RowCodec {
  const layout = new RowLayout(columns.map(({ algebraicType }) => algebraicType));
  const codecs = columns.map(({ algebraicType }) => compileCodec(algebraicType));
  return {
    fixedSize: layout.fixedSize,
    decode(row) {
      const reader = new BsatnReader(row);
      const values = codecs.map((codec) => codec.decode(reader));
      reader.expectEnd();
      return values;
    },
    column(row, position) {
      const codec = codecs[position];
      if (codec === undefined) throw new RangeError(`column ${position} of a row of ${codecs.length} columns`);
      return codec.decode(new BsatnReader(row, layout.columnStart(row, 0, position)));
    },
    columnBytes(row, position) {
      if (position >= codecs.length) throw new RangeError(`column ${position} of a row of ${codecs.length} columns`);
      const start = layout.columnStart(row, 0, position);
      return row.subarray(start, layout.columnEnd(row, start, position));
    },
    validate(row) {
      const end = layout.check(row, 0, row.length);
      if (end !== row.length) layout.failLeftOver(row, end);
    },
    encode(values) {
      if (values.length !== codecs.length) throw new UnencodableError(`a row of ${codecs.length} columns`, values);
      const writer = new BsatnWriter(layout.fixedSize ?? 128);
      for (const [position, value] of values.entries()) codecs[position]?.encode(writer, value);
      return writer.toBytes();
    },
    splitRows: (rows) => splitRows(layout, rows),
  };
}

function splitRows(layout: RowLayout, rows: Uint8Array): Uint8Array[] {
  const split: Uint8Array[] = [];
  let at = 0;
  while (at < rows.length) {
    const end = layout.check(rows, at, rows.length);
    if (end === at) throw new BsatnError('rows without bytes cannot be told apart', at);
    split.push(rows.subarray(at, end));
    at = end;
  }
  return split;
}
