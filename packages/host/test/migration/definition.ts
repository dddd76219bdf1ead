import type { AlgebraicType, AlgebraicValue, NamedType } from '../../src/bsatn/algebraic-type.ts';
import { isPrimitive } from '../../src/bsatn/algebraic-type.ts';
import { encodeValue } from '../../src/bsatn/codec.ts';
import { writeType } from '../../src/bsatn/type-codec.ts';
import { BsatnWriter } from '../../src/bsatn/writer.ts';
import { TableIds } from '../../src/database/table-ids.ts';
import { decodeRawModuleDef } from '../../src/schema/decode-module-def.ts';
import type { ModuleDef } from '../../src/schema/module-def.ts';
import { hasSpecialForm, isInlineSum } from '../../src/schema/special-types.ts';
import { validateModuleDef } from '../../src/schema/validate.ts';

/** A table as tests write it down: columns by their names, which are canonical as they stand. */
export interface TableSpec {
  readonly name: string;
  readonly columns: readonly ColumnSpec[];
  readonly accessor?: string;
  readonly primaryKey?: string;
  /** Each has an index of its own. */
  readonly unique?: readonly (readonly string[])[];
  readonly indexes?: readonly IndexSpec[];
  readonly autoIncrement?: readonly string[];
  readonly sequence?: { readonly start?: bigint; readonly min?: bigint; readonly max?: bigint };
  readonly isEvent?: boolean;
  readonly access?: 'public' | 'private';
  readonly schedule?: { readonly at: string; readonly calls: string };
}

export interface ColumnSpec {
  readonly name: string;
  readonly type: AlgebraicType;
  readonly default?: AlgebraicValue;
}

export interface IndexSpec {
  readonly columns: readonly string[];
  readonly algorithm?: 'btree' | 'hash';
  readonly name?: string;
  readonly sourceName?: string;
  readonly accessor?: string;
}

export interface ViewSpec {
  readonly name: string;
  readonly columns: readonly ColumnSpec[];
  readonly isPublic?: boolean;
  readonly isAnonymous?: boolean;
  readonly primaryKey?: string;
}

export interface ModuleSpec {
  readonly tables?: readonly TableSpec[];
  readonly views?: readonly ViewSpec[];
  readonly rowLevelSecurity?: readonly string[];
}

export const u8: AlgebraicType = { type: 'u8' };
export const u32: AlgebraicType = { type: 'u32' };
export const u64: AlgebraicType = { type: 'u64' };
export const text: AlgebraicType = { type: 'string' };
const unit: AlgebraicType = { type: 'product', elements: [] };
const duration: AlgebraicType = {
  type: 'product',
  elements: [{ name: '__time_duration_micros__', algebraicType: { type: 'i64' } }],
};
const timestamp: AlgebraicType = {
  type: 'product',
  elements: [{ name: '__timestamp_micros_since_unix_epoch__', algebraicType: { type: 'i64' } }],
};
export const scheduleAt: AlgebraicType = {
  type: 'sum',
  variants: [
    { name: 'Interval', algebraicType: duration },
    { name: 'Time', algebraicType: timestamp },
  ],
};

export function enumOf(...variants: readonly (string | readonly [string, AlgebraicType])[]): AlgebraicType {
  return {
    type: 'sum',
    variants: variants.map((variant) =>
      typeof variant === 'string'
        ? { name: variant, algebraicType: unit }
        : { name: variant[0], algebraicType: variant[1] },
    ),
  };
}

export function structOf(fields: Readonly<Record<string, AlgebraicType>>): AlgebraicType {
  return {
    type: 'product',
    elements: Object.entries(fields).map(([name, algebraicType]) => ({ name, algebraicType })),
  };
}

/** The validated definition; tables of one name have one number in all of them. */
export function defOf(spec: ModuleSpec, ids: TableIds = new TableIds(new Map())): ModuleDef {
  return validateModuleDef(decodeRawModuleDef(writeModuleDef(spec)), ids);
}

/** Name of the reducer that every such module has: it inserts the rows in its arguments into the table they name. */
export const WRITE = 'write_rows';

/** What a module of this spec answers when it is asked what it is. */
export function writeModuleDef(spec: ModuleSpec): Uint8Array {
  const types = new TypeTable();
  const tables = (spec.tables ?? []).map((table) => ({ table, ref: types.rowType(table.name, table.columns) }));
  const views = (spec.views ?? []).map((view) => ({ view, ref: types.rowType(view.name, view.columns) }));
  const scheduled = tables.filter(({ table }) => table.schedule !== undefined);
  const writer = new BsatnWriter();
  const section = (tag: number, items: readonly (() => void)[]): void => {
    writer.u8(tag);
    writer.arrayLength(items.length);
    for (const write of items) write();
  };
  writer.u8(2);
  writer.arrayLength(10);
  section(
    0,
    types.all.map(
      ({ type }) =>
        () =>
          writeType(writer, type),
    ),
  );
  section(
    1,
    types.all.map(({ name }, ref) => () => {
      writer.arrayLength(0);
      writer.string(name);
      writer.u32(ref);
      writer.bool(true);
    }),
  );
  section(
    2,
    tables.map(
      ({ table, ref }) =>
        () =>
          writeTable(writer, table, ref),
    ),
  );
  section(3, [
    () =>
      writeReducer(writer, WRITE, [
        { name: 'table', algebraicType: text },
        { name: 'rows', algebraicType: { type: 'array', element: { type: 'array', element: u8 } } },
      ]),
    ...[...new Map(scheduled.map((one) => [one.table.schedule!.calls, one])).values()].map(
      ({ table, ref }) =>
        () =>
          writeReducer(writer, table.schedule!.calls, [{ name: 'row', algebraicType: { type: 'ref', ref } }]),
    ),
  ]);
  section(
    5,
    views.map(({ view, ref }, index) => () => {
      writer.string(view.name);
      writer.u32(index);
      writer.bool(view.isPublic ?? true);
      writer.bool(view.isAnonymous ?? true);
      writer.arrayLength(0);
      writeType(writer, { type: 'array', element: { type: 'ref', ref } });
    }),
  );
  section(
    6,
    scheduled.map(({ table }) => () => {
      writer.u8(1);
      writer.string(table.accessor ?? table.name);
      writer.u16(positionOf(table, table.schedule!.at));
      writer.string(table.schedule!.calls);
    }),
  );
  section(
    8,
    (spec.rowLevelSecurity ?? []).map((sql) => () => writer.string(sql)),
  );
  // No conversion: names are canonical as they stand.
  writer.u8(9);
  writer.u8(0);
  section(
    10,
    (spec.tables ?? []).flatMap((table) => writeExplicitNames(writer, table)),
  );
  section(
    13,
    (spec.views ?? [])
      .filter(({ primaryKey }) => primaryKey !== undefined)
      .map((view) => () => {
        writer.string(view.name);
        writer.arrayLength(1);
        writer.string(view.primaryKey!);
      }),
  );
  return writer.toBytes();
}

/** Types that have to be declared, each under a name of its own. */
class TypeTable {
  readonly all: { readonly name: string; readonly type: AlgebraicType }[] = [];

  rowType(name: string, columns: readonly ColumnSpec[]): number {
    const elements = columns.map((column) => ({ name: column.name, algebraicType: this.#use(column.type) }));
    return this.#declare(`${name}Row`, { type: 'product', elements });
  }

  #use(type: AlgebraicType): AlgebraicType {
    if (isPrimitive(type) || type.type === 'ref' || hasSpecialForm(type)) return type;
    if (type.type === 'array') return { type: 'array', element: this.#use(type.element) };
    const inner = this.#inside(type);
    if (isInlineSum(type) || (type.type === 'product' && type.elements.length === 0)) return inner;
    return { type: 'ref', ref: this.#declare('Type', inner) };
  }

  #inside(type: AlgebraicType & { readonly type: 'sum' | 'product' }): AlgebraicType {
    const each = (named: readonly NamedType[]): NamedType[] =>
      named.map(({ name, algebraicType }) => ({ name, algebraicType: this.#use(algebraicType) }));
    return type.type === 'sum'
      ? { type: 'sum', variants: each(type.variants) }
      : { type: 'product', elements: each(type.elements) };
  }

  #declare(name: string, type: AlgebraicType): number {
    this.all.push({ name: `${name}${this.all.length}`, type });
    return this.all.length - 1;
  }
}

function writeTable(writer: BsatnWriter, table: TableSpec, ref: number): void {
  const list = <Item>(items: readonly Item[], write: (item: Item) => void): void => {
    writer.arrayLength(items.length);
    items.forEach(write);
  };
  const columns = (names: readonly string[]): void => list(names, (name) => writer.u16(positionOf(table, name)));
  const constraints = constraintsOf(table);
  writer.string(table.accessor ?? table.name);
  writer.u32(ref);
  columns(table.primaryKey === undefined ? [] : [table.primaryKey]);
  list(indexesOf(table), (index) => {
    writer.u8(0);
    writer.string(sourceNameOf(table, index));
    writer.u8(0);
    writer.string(index.accessor ?? index.columns.join('_'));
    writer.u8(index.algorithm === 'hash' ? 1 : 0);
    columns(index.columns);
  });
  list(constraints, (names) => {
    writer.u8(1);
    writer.u8(0);
    columns(names);
  });
  list(table.autoIncrement ?? [], (name) => {
    writer.u8(1);
    writer.u16(positionOf(table, name));
    for (const bound of [table.sequence?.start, table.sequence?.min, table.sequence?.max]) {
      writer.u8(bound === undefined ? 1 : 0);
      if (bound !== undefined) writer.i128(bound);
    }
    writer.i128(1n);
  });
  writer.u8(1);
  writer.u8(table.access === 'private' ? 1 : 0);
  list(
    table.columns.flatMap((column, position) => (column.default === undefined ? [] : [{ column, position }])),
    ({ column, position }) => {
      writer.u16(position);
      writer.byteArray(encodeValue(column.type, column.default!));
    },
  );
  writer.bool(table.isEvent ?? false);
}

function writeReducer(writer: BsatnWriter, name: string, params: readonly NamedType[]): void {
  writer.string(name);
  writer.arrayLength(params.length);
  for (const param of params) {
    writer.u8(0);
    writer.string(param.name!);
    writeType(writer, param.algebraicType);
  }
  writer.u8(1);
  writeType(writer, unit);
  writeType(writer, text);
}

function writeExplicitNames(writer: BsatnWriter, table: TableSpec): (() => void)[] {
  const entry = (kind: number, sourceName: string, name: string) => (): void => {
    writer.u8(kind);
    writer.string(sourceName);
    writer.string(name);
  };
  const named = indexesOf(table).filter(({ name }) => name !== undefined);
  return [
    ...(table.accessor === undefined ? [] : [entry(0, table.accessor, table.name)]),
    ...named.map((index) => entry(2, sourceNameOf(table, index), index.name!)),
  ];
}

function constraintsOf({ primaryKey, unique = [] }: TableSpec): readonly (readonly string[])[] {
  return primaryKey === undefined ? unique : [[primaryKey], ...unique];
}

/** Those that are asked for, and one for each constraint that has none. */
function indexesOf(table: TableSpec): readonly IndexSpec[] {
  const asked = table.indexes ?? [];
  const missing = constraintsOf(table).filter((names) => !asked.some(({ columns }) => columns.join() === names.join()));
  return [...missing.map((columns) => ({ columns })), ...asked];
}

function sourceNameOf(table: TableSpec, { columns, algorithm = 'btree', sourceName }: IndexSpec): string {
  return sourceName ?? `${table.name}_${columns.join('_')}_idx_${algorithm}`;
}

function positionOf(table: TableSpec, name: string): number {
  const position = table.columns.findIndex((column) => column.name === name);
  if (position < 0) throw new Error(`table ${table.name} has no column ${name}`);
  return position;
}
