import { assert } from '../assert.ts';
import type { AlgebraicType, AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { compileCodec } from '../bsatn/codec.ts';
import { BsatnWriter } from '../bsatn/writer.ts';
import type { IndexDef, TableDef } from '../schema/module-def.ts';
import type { KeyPart } from './index-key.ts';
import { compileKeyReader } from './index-key.ts';
import type { KeyBytes } from './key-bytes.ts';
import { compilePack, packedText } from './packed-key.ts';
import type { SlotList } from './slot-list.ts';
import type { IndexRange } from './state-view.ts';

/** A key of an index: of one column, of several, (with gaps) the end of a range over several, or as it is stored. */
export type IndexKey = KeyPart | readonly (KeyPart | undefined)[] | KeyBytes;

/** Where the columns of a row lie in `bytes`: column `c` starts at `base + starts[c]`. */
export interface LocatedRow {
  bytes: Uint8Array;
  base: number;
  readonly starts: Uint32Array;
}

/** Where an index finds the rows that its slots stand for. */
export interface IndexedRows {
  /** The buffer that a slot's row lies in. */
  slabOf(slot: number): Uint8Array;
  /** Where it starts there. */
  startOf(slot: number): number;
}

/** Slots of a table by key. Knows nothing of the rows' states: whoever searches passes over what he may not see. */
export interface TableIndex {
  readonly def: IndexDef;
  /**
   * An index with the same keys, for the rows of a fork of the table. Later writes of either side do not show in the
   * other; costs little until then. Another definition may differ in names and number only.
   */
  fork(def?: IndexDef, rows?: IndexedRows): TableIndex;
  /** Good until the next call, and as long as the row's bytes stay as they are. */
  keyOf(row: LocatedRow): IndexKey;
  /** Adds the slot when nothing has the key yet; else changes nothing and gives what has it. */
  tryAdd(key: IndexKey, slot: number): SlotList | undefined;
  add(key: IndexKey, slot: number): void;
  remove(key: IndexKey, slot: number): void;
  clear(): void;
  find(key: IndexKey): SlotList | undefined;
  /**
   * Visits what matches, in order where the index has one. A range that ends before it starts matches nothing.
   * @throws {DatastoreError} `datastore/range-unsupported` for a range over a hash index.
   * @throws {UnencodableError} when a value is not of its column's type.
   */
  search(range: IndexRange, visit: (slot: number) => void): void;
}

/** Types of the columns of an index, in index order. */
export function indexColumnTypes(table: TableDef, index: IndexDef): AlgebraicType[] {
  return index.columns.map((position) => {
    const column = table.columns[position];
    assert(column !== undefined, `index ${index.name} is over columns of table ${table.name}`);
    return column.algebraicType;
  });
}

/** How each column's key is read from a row, in index order. */
export function compileColumnReaders(
  columns: readonly number[],
  types: readonly AlgebraicType[],
): readonly ((row: LocatedRow) => KeyPart)[] {
  return types.map((type, order) => {
    const position = columns[order] ?? 0;
    // In an index over several columns the leading ones repeat, or the others would not be needed.
    const read = compileKeyReader(type, { repeats: order < types.length - 1 });
    return (row) => read(row.bytes, row.base + (row.starts[position] ?? 0));
  });
}

/** Several columns packed into one text key: read from rows and made from values. */
export function compilePackedKey(
  columns: readonly number[],
  types: readonly AlgebraicType[],
): { readonly read: (row: LocatedRow) => KeyPart; readonly make: (values: readonly AlgebraicValue[]) => KeyPart } {
  const packs = types.map(compilePack);
  const codecs = types.map(compileCodec);
  const units: number[] = [];
  const writer = new BsatnWriter(64);
  return {
    read(row) {
      units.length = 0;
      for (const [order, pack] of packs.entries()) {
        pack(row.bytes, row.base + (row.starts[columns[order] ?? 0] ?? 0), units);
      }
      return packedText(units);
    },
    make(values) {
      writer.reset();
      for (const [order, value] of values.entries()) codecs[order]?.encode(writer, value);
      const bytes = writer.peek();
      units.length = 0;
      packs.reduce((at, pack) => pack(bytes, at, units), 0);
      return packedText(units);
    },
  };
}

/** A key of one part; keys of other shapes belong to other indexes. */
export function asPart(key: IndexKey): KeyPart {
  assert(typeof key !== 'object', 'the key is of one part');
  return key;
}
