import type { AlgebraicType, AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { BsatnError } from '../bsatn/bsatn-error.ts';
import type { Codec } from '../bsatn/codec.ts';
import { compileCodec } from '../bsatn/codec.ts';
import { BsatnReader } from '../bsatn/reader.ts';
import type { IndexDef, TableDef } from '../schema/module-def.ts';
import { DatastoreError } from './datastore-error.ts';
import { makeSearchDecodeError } from './point-key.ts';
import type { Bound, IndexRange } from './state-view.ts';
import { indexColumnTypes } from './table-index.ts';

/** A range search as a module passes it: values of the leading columns, then the two bounds of the next one. */
export interface RangeBytes {
  readonly prefix: Uint8Array;
  readonly prefixElements: number;
  readonly start: Uint8Array;
  /** Empty: the same bound as `start`. */
  readonly end: Uint8Array;
}

const INCLUDED = 0;
const EXCLUDED = 1;
const UNBOUNDED = 2;

/** Codecs of the columns of each index, compiled when first needed. */
const codecsOfIndex = new WeakMap<IndexDef, readonly Codec[]>();

/**
 * A search for one key: `key` holds the BSATN of every column of the index, in index order.
 * @throws {DatastoreError} `datastore/decode-failed`
 */
export function decodePoint(table: TableDef, index: IndexDef, key: Uint8Array): IndexRange {
  return decoding(index, () => ({ prefix: decodeAll(codecsOf(table, index), key) }));
}

/**
 * A search for a prefix with a range over the column behind it.
 * @throws {DatastoreError} `datastore/decode-failed`; `datastore/range-unsupported` for a hash index.
 */
export function decodeRange(table: TableDef, index: IndexDef, bytes: RangeBytes): IndexRange {
  if (index.algorithm === 'hash') {
    throw new DatastoreError('datastore/range-unsupported', `index "${index.name}" is a hash index`, {
      index: index.name,
    });
  }
  return decoding(index, () => {
    const codecs = codecsOf(table, index);
    const ranged = codecs[bytes.prefixElements];
    if (ranged === undefined) {
      throw new BsatnError(`a prefix of ${bytes.prefixElements} of ${codecs.length} columns leaves none`, 0);
    }
    const prefix = decodeAll(codecs.slice(0, bytes.prefixElements), bytes.prefix);
    const start = decodeBound(ranged, bytes.start);
    return { prefix, start, end: bytes.end.length === 0 ? start : decodeBound(ranged, bytes.end) };
  });
}

function decodeAll(codecs: readonly Codec[], bytes: Uint8Array): AlgebraicValue[] {
  const reader = new BsatnReader(bytes);
  const values = codecs.map((codec) => codec.decode(reader));
  reader.expectEnd();
  return values;
}

function decodeBound(codec: Codec, bytes: Uint8Array): Bound {
  const reader = new BsatnReader(bytes);
  const tag = reader.u8();
  const bound = boundOf(tag, codec, reader);
  if (bound === undefined) throw new BsatnError(`tag ${tag} of a bound`, 0);
  reader.expectEnd();
  return bound;
}

function boundOf(tag: number, codec: Codec, reader: BsatnReader): Bound | undefined {
  if (tag === INCLUDED) return { type: 'included', value: codec.decode(reader) };
  if (tag === EXCLUDED) return { type: 'excluded', value: codec.decode(reader) };
  return tag === UNBOUNDED ? { type: 'unbounded' } : undefined;
}

function codecsOf(table: TableDef, index: IndexDef): readonly Codec[] {
  const known = codecsOfIndex.get(index);
  if (known !== undefined) return known;
  const codecs = indexColumnTypes(table, index).map((type: AlgebraicType) => compileCodec(type));
  codecsOfIndex.set(index, codecs);
  return codecs;
}

function decoding(index: IndexDef, decode: () => IndexRange): IndexRange {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof BsatnError)) throw error;
    throw makeSearchDecodeError(index, error);
  }
}
