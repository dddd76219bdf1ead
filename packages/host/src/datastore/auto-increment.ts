import { assert } from '../assert.ts';
import { fixedSize } from '../bsatn/size.ts';
import type { TableDef } from '../schema/module-def.ts';
import type { SequenceAllocation } from './sequence.ts';
import { Sequence } from './sequence.ts';
import type { LocatedRow } from './table-index.ts';

/** A sequence with the place of its column in a row. */
export interface ColumnSequence {
  readonly sequence: Sequence;
  readonly column: number;
  /** Width of the column in bytes. */
  readonly size: number;
}

const NOTHING = new Uint8Array(0);

/** Creates the sequences of a table, in column order. */
export function makeColumnSequences(
  table: TableDef,
  onAllocation: (allocation: SequenceAllocation) => void,
): ColumnSequence[] {
  return table.sequences
    .toSorted((a, b) => a.column - b.column)
    .map((def) => {
      const type = table.columns[def.column]?.algebraicType;
      const size = type === undefined ? undefined : fixedSize(type);
      assert(size !== undefined, `sequence ${def.name} is on an integer column`);
      return { sequence: new Sequence(table.id, def, onAllocation), column: def.column, size };
    });
}

/** Replaces zeros in auto-increment columns by new values, in place; gives the BSATN of the values, in column order. */
export function generateColumns(sequences: readonly ColumnSequence[], row: LocatedRow): Uint8Array {
  if (sequences.length === 0) return NOTHING;
  const generated: number[] = [];
  for (const { sequence, column, size } of sequences) {
    const start = row.base + (row.starts[column] ?? 0);
    if (!isZero(row.bytes, start, size)) continue;
    writeInteger(row.bytes, { start, size }, sequence.take());
    for (let at = start; at < start + size; at += 1) generated.push(row.bytes[at] ?? 0);
  }
  return generated.length === 0 ? NOTHING : Uint8Array.from(generated);
}

function isZero(bytes: Uint8Array, start: number, size: number): boolean {
  for (let at = start; at < start + size; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

/** Writes the low bytes of a value: one that is too wide for its column is cut, not refused. */
function writeInteger(
  bytes: Uint8Array,
  place: { readonly start: number; readonly size: number },
  value: bigint,
): void {
  const end = place.start + place.size;
  let rest = BigInt.asUintN(place.size * 8, value);
  for (let at = place.start; at < end; at += 4) {
    const word = Number(rest & 0xffff_ffffn);
    for (let byte = 0; byte < 4 && at + byte < end; byte += 1) bytes[at + byte] = word >>> (byte * 8);
    rest >>= 32n;
  }
}
