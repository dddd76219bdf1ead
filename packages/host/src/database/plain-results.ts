import { assert } from '../assert.ts';
import type { AlgebraicType, AlgebraicValue, NamedType } from '../bsatn/algebraic-type.ts';
import { compileCodec } from '../bsatn/codec.ts';
import { BsatnReader } from '../bsatn/reader.ts';
import { SourceTypes } from '../codegen/source-types.ts';
import type { ResultColumn } from '../query/compile-statements.ts';
import type { ChangedRows } from '../query/execute-dml.ts';
import { decodeRawModuleDef } from '../schema/decode-module-def.ts';
import type { ModuleDef } from '../schema/module-def.ts';
import { findSource } from '../schema/submodules.ts';
import { hasSpecialForm, isOption, isUnit } from '../schema/special-types.ts';
import type { StatementResult } from './sql-answer.ts';

/**
 * A value as plain JavaScript. Integers of 64 bits and more are bigints, as are identities, connection ids, UUIDs,
 * timestamps and durations (the number inside them); an option is its value or undefined; other sums are
 * `{ tag, value }`, without `value` where the variant has none.
 */
export type PlainValue =
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PlainValue[]
  | { readonly [name: string]: PlainValue };

/** A row by the names that the module's code gives its columns, or the query. */
export type PlainRow = Readonly<Record<string, PlainValue>>;

/** What one SQL statement gave, as plain JavaScript. */
export interface SqlResult extends ChangedRows {
  readonly rows: readonly PlainRow[];
}

/** Turns answers about one module's tables into plain JavaScript. */
export class PlainResults {
  readonly #columnTypes: ReadonlyMap<number, readonly NamedType[]>;

  /** @param rawDef the definition as the module gave it, whose names its code uses */
  constructor(def: ModuleDef, rawDef: Uint8Array) {
    const raw = decodeRawModuleDef(rawDef);
    const columnTypes = new Map<number, readonly NamedType[]>();
    for (const { id, accessor } of def.tables) {
      const source = findSource(raw, accessor);
      const table = source?.raw.tables.find(({ sourceName }) => sourceName === source.sourceName);
      if (source === undefined || table === undefined) continue;
      columnTypes.set(id, new SourceTypes(source.raw).fields({ type: 'ref', ref: table.productTypeRef }));
    }
    this.#columnTypes = columnTypes;
  }

  toPlain({ columns, rows, rowCount, changed }: StatementResult): SqlResult {
    const readers = columns.map((column) => {
      const codec = compileCodec(column.algebraicType);
      const toPlain = compilePlain(this.#typeOf(column));
      return { name: column.accessor, read: (reader: BsatnReader) => toPlain(codec.decode(reader)) };
    });
    const reader = new BsatnReader(rows);
    const plain = Array.from({ length: rowCount }, () =>
      Object.fromEntries(readers.map(({ name, read }) => [name, read(reader)])),
    );
    reader.expectEnd();
    return { rows: plain, ...changed };
  }

  /** The column's type with the names of the module's code, where it comes from a table of the module. */
  #typeOf({ origin, algebraicType }: ResultColumn): AlgebraicType {
    if (origin === undefined) return algebraicType;
    return this.#columnTypes.get(origin.tableId)?.[origin.column]?.algebraicType ?? algebraicType;
  }
}

function compilePlain(type: AlgebraicType): (value: AlgebraicValue) => PlainValue {
  switch (type.type) {
    case 'product':
      return hasSpecialForm(type) ? (value) => plainScalar(listOf(value)[0]) : compileObject(type.elements);
    case 'sum':
      return isOption(type) ? compileOption(type.variants) : compileSum(type.variants);
    case 'array': {
      if (type.element.type === 'u8') return plainScalar;
      const item = compilePlain(type.element);
      return (value) => listOf(value).map(item);
    }
    default:
      return plainScalar;
  }
}

function compileObject(elements: readonly NamedType[]): (value: AlgebraicValue) => PlainValue {
  const fields = elements.map(({ name, algebraicType }, position) => ({
    name: name ?? String(position),
    toPlain: compilePlain(algebraicType),
  }));
  return (value) => {
    const values = listOf(value);
    return Object.fromEntries(
      fields.map(({ name, toPlain }, position) => [name, toPlain(presentPart(values[position]))]),
    );
  };
}

function compileOption([some]: readonly NamedType[]): (value: AlgebraicValue) => PlainValue {
  assert(some !== undefined, 'an option has two variants');
  const toPlain = compilePlain(some.algebraicType);
  return (value) => {
    const variant = variantOf(value);
    return variant.tag === 0 ? toPlain(variant.value) : undefined;
  };
}

function compileSum(types: readonly NamedType[]): (value: AlgebraicValue) => PlainValue {
  const variants = types.map(({ name, algebraicType }, tag) => ({
    tag: name ?? String(tag),
    toPlain: isUnit(algebraicType) ? undefined : compilePlain(algebraicType),
  }));
  return (value) => {
    const variant = variantOf(value);
    const known = variants[variant.tag];
    assert(known !== undefined, 'the variant of a sum exists');
    const { tag, toPlain } = known;
    return toPlain === undefined ? { tag } : { tag, value: toPlain(variant.value) };
  };
}

function plainScalar(value: AlgebraicValue | undefined): PlainValue {
  assert(value !== undefined && (typeof value !== 'object' || value instanceof Uint8Array), 'the value is a scalar');
  return value;
}

function listOf(value: AlgebraicValue): readonly AlgebraicValue[] {
  assert(Array.isArray(value), 'the value of a product or an array is a list');
  // A list of algebraic values holds nothing else: narrowing loses the type of its items.
  return value as readonly AlgebraicValue[];
}

function variantOf(value: AlgebraicValue): { readonly tag: number; readonly value: AlgebraicValue } {
  assert(typeof value === 'object' && 'tag' in value, 'the value of a sum is a variant');
  return value;
}

function presentPart(part: AlgebraicValue | undefined): AlgebraicValue {
  assert(part !== undefined, 'a value has all its parts');
  return part;
}
