import type { ColumnDef, IndexDef, ModuleDef, ParamDef, TableDef, ViewDef } from '../schema/module-def.ts';
import { FOOTER, HEADER, RESERVED_NAMES } from './bindings-frame.ts';
import { quote, toCamelCase, toPropertyKey } from './identifier.ts';
import { TypeWriter } from './type-writer.ts';

/** What goes into the bindings. */
export interface BindingsOptions {
  /** Private tables, reducers and procedures too: for clients of the database's owner. Default false. */
  readonly includePrivate?: boolean | undefined;
}

/**
 * The TypeScript client bindings of a module as one file, in the shape that the official `spacetimedb` SDK takes: it
 * exports `DbConnection`, `tables`, `reducers`, the contexts, and a value and a type for each named type of the
 * module. The same definition always gives the same text.
 */
export function generateBindings(def: ModuleDef, options: BindingsOptions = {}): string {
  const writer = new TypeWriter(def.types, RESERVED_NAMES);
  const body = [
    tablesSection(def, writer, options),
    reducersSection(def, writer, options),
    proceduresSection(def, writer, options),
  ];
  // The declarations come last into being, for what the tables need, and stand first in the file.
  return [HEADER, ...writer.declarations(), ...body, FOOTER].join('\n\n');
}

function tablesSection(def: ModuleDef, writer: TypeWriter, { includePrivate = false }: BindingsOptions): string {
  const tables = def.tables.filter((table) => !table.isSystem && (includePrivate || table.access === 'public'));
  const views = def.views.filter((view) => includePrivate || view.isPublic);
  const entries = [
    ...tables.map((table) => [table.name, tableEntry(table, writer)] as const),
    ...views.map((view) => [view.name, viewEntry(view, writer)] as const),
  ];
  return `const tablesSchema = __schema({\n${sorted(entries)}});`;
}

function reducersSection(def: ModuleDef, writer: TypeWriter, { includePrivate = false }: BindingsOptions): string {
  const entries = def.reducers
    .filter(
      (reducer) => reducer.lifecycle === undefined && (includePrivate || reducer.visibility === 'client-callable'),
    )
    .map(
      ({ name, params }) => [name, `  __reducerSchema(${quote(name)}, ${paramsObject(params, writer)}),\n`] as const,
    );
  return `const reducersSchema = __reducers(\n${sorted(entries)});`;
}

function proceduresSection(def: ModuleDef, writer: TypeWriter, { includePrivate = false }: BindingsOptions): string {
  const entries = def.procedures
    .filter((procedure) => includePrivate || procedure.visibility === 'client-callable')
    .map(({ name, params, returnType }) => {
      const result = writer.expression(returnType);
      return [name, `  __procedureSchema(${quote(name)}, ${paramsObject(params, writer)}, ${result}),\n`] as const;
    });
  return `const proceduresSchema = __procedures(\n${sorted(entries)});`;
}

function sorted(entries: readonly (readonly [name: string, text: string])[]): string {
  return [...entries]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, text]) => text)
    .join('');
}

function paramsObject(params: readonly ParamDef[], writer: TypeWriter): string {
  return params.length === 0 ? '{}' : `{\n${writer.fields(params, '    ')}  }`;
}

function tableEntry(table: TableDef, writer: TypeWriter): string {
  const isUnique = (position: number): boolean =>
    table.constraints.some(({ columns }) => columns.length === 1 && columns[0] === position);
  const columns = table.columns.map((column, position) => {
    const isKey = table.primaryKey === position;
    return columnLine(column, writer, isKey ? '.primaryKey()' : isUnique(position) ? '.unique()' : '');
  });
  const indexes = clientIndexes(table, isUnique).map((index) => indexEntry(index, table));
  const event = table.isEvent ? '\n      event: true,' : '';
  const indexList = indexes.length === 0 ? '' : `\n      indexes: [\n${indexes.join('')}      ],`;
  return entry(table.name, `${indexList}${event}`, columns);
}

function viewEntry(view: ViewDef, writer: TypeWriter): string {
  const columns = view.columns.map((column, position) =>
    columnLine(column, writer, view.primaryKey === position ? '.primaryKey()' : ''),
  );
  return entry(view.name, '', columns);
}

function entry(name: string, options: string, columns: readonly string[]): string {
  const key = toPropertyKey(toCamelCase(name));
  return `  ${key}: __table(\n    {\n      name: ${quote(name)},${options}\n    },\n    __t.row({\n${columns.join('')}    }),\n  ),\n`;
}

function columnLine(column: ColumnDef, writer: TypeWriter, suffix: string): string {
  const name = toCamelCase(column.name);
  const rename = name === column.name ? '' : `.name(${quote(column.name)})`;
  return `      ${toPropertyKey(name)}: ${writer.expression(column.algebraicType)}${suffix}${rename},\n`;
}

/** Indexes by columns: the builders give a key or unique column one of its own, and a second one adds nothing. */
function clientIndexes(table: TableDef, isUnique: (position: number) => boolean): IndexDef[] {
  const seen = new Set<string>();
  return table.indexes.filter(({ columns }) => {
    const [first] = columns;
    const isImplied = columns.length === 1 && first !== undefined && (first === table.primaryKey || isUnique(first));
    const isFirst = !seen.has(columns.join());
    seen.add(columns.join());
    return isFirst && !isImplied;
  });
}

/** The client's cache knows ordered indexes only, so every index is one there, under its columns' joined names. */
function indexEntry(index: IndexDef, table: TableDef): string {
  const names = index.columns.map((position) => table.columns[position]?.name ?? '');
  const accessor = quote(toCamelCase(names.join('_')));
  const columns = names.map((name) => quote(toCamelCase(name))).join(', ');
  return `        { accessor: ${accessor}, name: ${quote(index.name)}, algorithm: 'btree', columns: [${columns}] },\n`;
}
