import { assert } from '../assert.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { compareValues } from '../bsatn/order.ts';
import { compileRowCodec, type RowCodec } from '../bsatn/row-codec.ts';
import type { Row } from '../datastore/state-view.ts';
import type { IndexDef, TableDef, ViewDef } from '../schema/module-def.ts';
import type { ColumnsKey, ColumnsKeys } from './columns-key.ts';

/** The primary key of a view. */
export interface ViewKey {
  readonly index: IndexDef;
  readonly columns: ColumnsKey;
  /** The key's value in a row. */
  readonly read: (row: Row) => AlgebraicValue;
  readonly compare: (a: AlgebraicValue, b: AlgebraicValue) => number;
}

/** What all instances of one view have in common; compiled once. */
export class ViewShape {
  readonly view: ViewDef;
  readonly codec: RowCodec;
  readonly key: ViewKey | undefined;
  readonly #table: TableDef;

  /** `id` is no id of a table or index, nor of any instance. */
  constructor(view: ViewDef, id: number, keys: ColumnsKeys) {
    this.view = view;
    this.codec = compileRowCodec(view.columns);
    const index = keyIndex(view, id);
    this.#table = makeTable(view, id, index);
    this.key = index === undefined ? undefined : this.#makeKey(index, keys);
  }

  /** The view as a table of its own, under the id of an instance. */
  table(id: number): TableDef {
    return { ...this.#table, id };
  }

  #makeKey(index: IndexDef, keys: ColumnsKeys): ViewKey {
    const [position] = index.columns;
    const type = position === undefined ? undefined : this.view.columns[position]?.algebraicType;
    assert(position !== undefined && type !== undefined, 'a key is a column of its view');
    const { codec } = this;
    return {
      index,
      columns: keys.of(this.#table, index.columns),
      read: (row) => codec.column(row, position),
      compare: compareValues(type),
    };
  }
}

function makeTable(view: ViewDef, id: number, index: IndexDef | undefined): TableDef {
  const { name, accessor, columns, primaryKey, isPublic } = view;
  return {
    id,
    name,
    accessor,
    columns,
    primaryKey,
    indexes: index === undefined ? [] : [index],
    constraints: index === undefined ? [] : [{ name: `${name}_key`, columns: index.columns }],
    sequences: [],
    access: isPublic ? 'public' : 'private',
    isEvent: false,
    isSystem: false,
    view,
  };
}

function keyIndex({ name, columns, primaryKey }: ViewDef, id: number): IndexDef | undefined {
  if (primaryKey === undefined) return undefined;
  const indexName = `${name}_${columns[primaryKey]?.name}_idx_btree`;
  return { id, name: indexName, accessor: indexName, algorithm: 'btree', columns: [primaryKey], isUnique: true };
}
