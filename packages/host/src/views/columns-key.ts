import { assert } from '../assert.ts';
import type { AlgebraicType, AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { RowLayout } from '../bsatn/row-layout.ts';
import {
  compileKeyMaker,
  compileKeyReader,
  type KeyMaker,
  type KeyPart,
  type KeyReader,
} from '../datastore/index-key.ts';
import type { Row } from '../datastore/state-view.ts';
import type { TableDef } from '../schema/module-def.ts';

/** The values of some columns as one key of a Map: equal exactly when an index calls the values equal. */
export type RowKey = KeyPart;

interface KeyColumn {
  readonly position: number;
  readonly read: KeyReader;
  readonly make: KeyMaker;
}

/** Makes keys of some columns of a table, from rows and from values that are looked for. */
export class ColumnsKey {
  /** The columns, as text. */
  readonly id: string;
  readonly #layout: RowLayout;
  readonly #columns: readonly KeyColumn[];

  constructor({ name, columns }: TableDef, layout: RowLayout, positions: readonly number[]) {
    this.id = positions.join();
    this.#layout = layout;
    this.#columns = positions.map((position) => {
      const type: AlgebraicType | undefined = columns[position]?.algebraicType;
      assert(type !== undefined, `column ${position} is one of table ${name}`);
      return { position, read: compileKeyReader(type), make: compileKeyMaker(type) };
    });
  }

  /** The key of a sound row of the table. */
  ofRow(row: Row): RowKey {
    return joined(this.#columns.map(({ position, read }) => read(row, this.#layout.columnStart(row, 0, position))));
  }

  /** The key of one value for each of the columns, in their order. */
  ofValues(values: readonly AlgebraicValue[]): RowKey {
    return joined(
      this.#columns.map(({ make }, order) => {
        const value = values[order];
        assert(value !== undefined, 'there is a value for each column');
        return make(value);
      }),
    );
  }
}

/** Parts of one column are all numbers, or all text: their text tells them apart. */
function joined(parts: readonly KeyPart[]): RowKey {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  return parts.map((part) => `${String(part).length}:${part}`).join('');
}

/** The keys of a database's tables, each compiled when it is first needed. */
export class ColumnsKeys {
  readonly #layouts = new Map<number, RowLayout>();
  readonly #keys = new Map<string, ColumnsKey>();

  /** The key maker of these columns of a table; one and the same for the same columns. */
  of(table: TableDef, positions: readonly number[]): ColumnsKey {
    const id = `${table.id}/${positions.join()}`;
    let key = this.#keys.get(id);
    if (key === undefined) {
      key = new ColumnsKey(table, this.#layoutOf(table), positions);
      this.#keys.set(id, key);
    }
    return key;
  }

  #layoutOf(table: TableDef): RowLayout {
    let layout = this.#layouts.get(table.id);
    if (layout === undefined) {
      layout = new RowLayout(table.columns.map(({ algebraicType }) => algebraicType));
      this.#layouts.set(table.id, layout);
    }
    return layout;
  }
}
