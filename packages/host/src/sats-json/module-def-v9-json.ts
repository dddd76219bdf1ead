import { assert } from '../assert.ts';
import type { AlgebraicType, NamedType } from '../bsatn/algebraic-type.ts';
import type { ModuleDef, ParamDef, TableDef } from '../schema/module-def.ts';
import { Names } from '../schema/names.ts';
import { Problems } from '../schema/problems.ts';
import type { RawModuleDef, RawSequenceDef, RawTableDef } from '../schema/raw-module-def.ts';
import { hasSpecialForm, isInlineSum } from '../schema/special-types.ts';
import { writeProductTypeJson, writeTypeJson } from './write-type.ts';
import { hexOf } from './write-value.ts';

const LIFECYCLES = { init: 'Init', connect: 'OnConnect', disconnect: 'OnDisconnect' } as const;
const ALGORITHMS = { btree: 'BTree', hash: 'Hash' } as const;

/**
 * A validated definition in the form of version 9, as SATS-JSON, for clients that know no other. Names are canonical.
 * Left out is what version 9 has no place for: that functions are private and tables of events, HTTP handlers, the
 * names that the module's own code uses, primary keys of views, and whatever does not stand in the definition itself.
 */
export function moduleDefToV9Json(def: ModuleDef, raw: RawModuleDef): string {
  const names = new Names(raw, new Problems());
  const rawTables = new Map(raw.tables.map((table) => [table.sourceName, table]));
  return record({
    typespace: record({ types: list(raw.typespace.map((type) => writeTypeJson(withCanonicalNames(type, names)))) }),
    tables: list(presentOnly(def.tables.map((table) => tableJson(table, rawTables.get(table.accessor))))),
    reducers: list(presentOnly(def.reducers.map((reducer) => reducerJson(reducer, raw)))),
    types: list(raw.types.map((type) => typeJson(type, names))),
    misc_exports: list(miscExports(def, raw)),
    row_level_security: list(raw.rowLevelSecurity.map((sql) => record({ sql: JSON.stringify(sql) }))),
  });
}

/** Names of fields and variants are converted where a type is defined; options and the like keep theirs. */
function withCanonicalNames(type: AlgebraicType, names: Names): AlgebraicType {
  const renamed = (parts: readonly NamedType[], convert: (name: string) => string): readonly NamedType[] =>
    parts.map(({ name, algebraicType }) => ({ name: name === undefined ? undefined : convert(name), algebraicType }));
  if (type.type === 'product' && !hasSpecialForm(type)) {
    return { type: 'product', elements: renamed(type.elements, (name) => names.snake(name)) };
  }
  if (type.type === 'sum' && !isInlineSum(type)) {
    return { type: 'sum', variants: renamed(type.variants, (name) => names.camel(name)) };
  }
  return type;
}

function tableJson(table: TableDef, raw: RawTableDef | undefined): string | undefined {
  if (raw === undefined) return undefined;
  const { schedule } = table;
  const indexes = table.indexes.map(({ name, accessor, codegenName, algorithm, columns }) => {
    const isDirect = raw.indexes.some((index) => index.sourceName === accessor && index.algorithm === 'direct');
    return record({
      name: some(JSON.stringify(name)),
      accessor_name: codegenName === undefined ? NONE : some(JSON.stringify(codegenName)),
      algorithm: isDirect ? variant('Direct', String(columns[0])) : variant(ALGORITHMS[algorithm], list(columns)),
    });
  });
  const constraints = table.constraints.map(({ name, columns }) =>
    record({ name: some(JSON.stringify(name)), data: variant('Unique', record({ columns: list(columns) })) }),
  );
  return record({
    name: JSON.stringify(table.name),
    product_type_ref: String(raw.productTypeRef),
    primary_key: list(raw.primaryKey),
    indexes: list(indexes),
    constraints: list(constraints),
    sequences: list(table.sequences.map(({ name, column }) => sequenceJson(name, sequenceOf(raw, column)))),
    schedule: schedule === undefined ? NONE : some(scheduleJson(schedule)),
    table_type: variant('User', UNIT),
    table_access: variant(table.access === 'public' ? 'Public' : 'Private', UNIT),
  });
}

function sequenceOf(raw: RawTableDef, column: number): RawSequenceDef {
  const sequence = raw.sequences.find((candidate) => candidate.column === column);
  assert(sequence !== undefined, 'a validated sequence stands in its definition');
  return sequence;
}

function sequenceJson(name: string, { column, start, min, max, increment }: RawSequenceDef): string {
  const optional = (value: bigint | undefined): string => (value === undefined ? NONE : some(String(value)));
  return record({
    name: some(JSON.stringify(name)),
    column: String(column),
    start: optional(start),
    min_value: optional(min),
    max_value: optional(max),
    increment: String(increment),
  });
}

function scheduleJson({ name, atColumn, functionName }: NonNullable<TableDef['schedule']>): string {
  return record({
    name: some(JSON.stringify(name)),
    reducer_name: JSON.stringify(functionName),
    scheduled_at_column: String(atColumn),
  });
}

function reducerJson(
  { name, accessor, params, lifecycle }: ModuleDef['reducers'][number],
  raw: RawModuleDef,
): string | undefined {
  const found = raw.reducers.find(({ sourceName }) => sourceName === accessor);
  if (found === undefined) return undefined;
  return record({
    name: JSON.stringify(name),
    params: paramsJson(params, found.params),
    lifecycle: lifecycle === undefined ? NONE : some(variant(LIFECYCLES[lifecycle], UNIT)),
  });
}

/** Canonical names with the types as written, whose references point into the typespace. */
function paramsJson(params: readonly ParamDef[], raw: readonly NamedType[]): string {
  return writeProductTypeJson(
    params.map(({ name }, position) => {
      const type = raw[position]?.algebraicType;
      assert(type !== undefined, 'a validated parameter stands in its definition');
      return { name, algebraicType: type };
    }),
  );
}

function typeJson({ scope, sourceName, ref }: RawModuleDef['types'][number], names: Names): string {
  return record({
    name: record({
      scope: list(scope.map((part) => JSON.stringify(names.pascal(part)))),
      name: JSON.stringify(names.pascal(sourceName)),
    }),
    ty: String(ref),
    // The order of a module written in TypeScript is the order in which it is written.
    custom_ordering: 'true',
  });
}

function miscExports(def: ModuleDef, raw: RawModuleDef): readonly string[] {
  const defaults = def.tables.flatMap(({ name, columns }) =>
    columns.flatMap(({ defaultValue }, column) => {
      if (defaultValue === undefined) return [];
      const value = `"${hexOf(defaultValue)}"`;
      return [variant('ColumnDefaultValue', record({ table: JSON.stringify(name), col_id: String(column), value }))];
    }),
  );
  const procedures = def.procedures.map(({ name, accessor, params }) => {
    const found = raw.procedures.find(({ sourceName }) => sourceName === accessor);
    if (found === undefined) return undefined;
    const returnType = writeTypeJson(found.returnType);
    return variant(
      'Procedure',
      record({ name: JSON.stringify(name), params: paramsJson(params, found.params), return_type: returnType }),
    );
  });
  const views = def.views.map((view) => {
    const found = raw.views.find(({ sourceName }) => sourceName === view.accessor);
    if (found === undefined) return undefined;
    const fields = {
      name: JSON.stringify(view.name),
      index: String(found.index),
      is_public: String(found.isPublic),
      is_anonymous: String(found.isAnonymous),
      params: writeProductTypeJson(found.params),
      return_type: writeTypeJson(found.returnType),
    };
    return variant('View', record(fields));
  });
  return [...defaults, ...presentOnly(procedures), ...presentOnly(views)];
}

function presentOnly(items: readonly (string | undefined)[]): readonly string[] {
  return items.filter((item) => item !== undefined);
}

const UNIT = '[]';
const NONE = '{"none":[]}';

function some(json: string): string {
  return variant('some', json);
}

function variant(name: string, json: string): string {
  return `{${JSON.stringify(name)}:${json}}`;
}

function record(fields: Readonly<Record<string, string>>): string {
  return `{${Object.entries(fields)
    .map(([name, json]) => `${JSON.stringify(name)}:${json}`)
    .join(',')}}`;
}

function list(items: readonly (string | number)[]): string {
  return `[${items.join(',')}]`;
}
