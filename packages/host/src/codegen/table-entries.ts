import type { ColumnDef, IndexDef, TableDef, ViewDef } from '../schema/module-def.ts';
import { quote, spellMembers, toCamelCase, toPropertyKey } from './identifier.ts';
import type { TypeWriter } from './type-writer.ts';

/** A table as a member of the SDK's `schema({ ... })`. */
export function tableEntry(table: TableDef, writer: TypeWriter): string {
  const isUnique = (position: number): boolean =>
    table.constraints.some(({ columns }) => columns.length === 1 && columns[0] === position);
  const keys = columnKeys(table.columns);
  const columns = columnLines(table.columns, writer, (position) =>
    table.primaryKey === position ? '.primaryKey()' : isUnique(position) ? '.unique()' : '',
  );
  const indexes = clientIndexes(table, keys, isUnique).map((index) => indexLine(index, keys));
  const event = table.isEvent ? '\n      event: true,' : '';
  const indexList = indexes.length === 0 ? '' : `\n      indexes: [\n${indexes.join('')}      ],`;
  return entry(table, `${indexList}${event}`, columns);
}

/** A view, which clients read as a table without indexes but that of its key. */
export function viewEntry(view: ViewDef, writer: TypeWriter): string {
  const columns = columnLines(view.columns, writer, (position) =>
    view.primaryKey === position ? '.primaryKey()' : '',
  );
  return entry(view, '', columns);
}

function entry(
  { accessor, name }: { readonly accessor: string; readonly name: string },
  options: string,
  columns: readonly string[],
): string {
  const key = toPropertyKey(accessor);
  const row = `__t.row({\n${columns.join('')}    })`;
  return `  ${key}: __table(\n    {\n      name: ${quote(name)},${options}\n    },\n    ${row},\n  ),\n`;
}

function columnKeys(columns: readonly ColumnDef[]): readonly string[] {
  return spellMembers(
    columns.map(({ name }) => name),
    toCamelCase,
  );
}

function columnLines(
  columns: readonly ColumnDef[],
  writer: TypeWriter,
  suffixOf: (position: number) => string,
): string[] {
  const keys = columnKeys(columns);
  return columns.map((column, position) => {
    const key = keys[position] ?? column.name;
    const rename = key === column.name ? '' : `.name(${quote(column.name)})`;
    const type = writer.expression(column.algebraicType);
    return `      ${toPropertyKey(key)}: ${type}${suffixOf(position)}${rename},\n`;
  });
}

/** An index under the name that the module's own code calls it by. */
interface ClientIndex {
  readonly accessor: string;
  readonly index: IndexDef;
}

/**
 * The indexes that are to be named: the builders give a key or unique column one of its own, under the column's name.
 * Where several go by one name, the first has it.
 */
function clientIndexes(
  table: TableDef,
  keys: readonly string[],
  isUnique: (position: number) => boolean,
): readonly ClientIndex[] {
  const implied = keys.filter((_key, position) => position === table.primaryKey || isUnique(position));
  const taken = new Set(implied);
  const named: ClientIndex[] = [];
  for (const index of table.indexes) {
    const accessor = index.codegenName ?? toCamelCase(index.name);
    if (taken.has(accessor)) continue;
    taken.add(accessor);
    named.push({ accessor, index });
  }
  return named;
}

/** The client's cache knows ordered indexes only, so every index is one there. */
function indexLine({ accessor, index }: ClientIndex, keys: readonly string[]): string {
  const columns = index.columns.map((position) => quote(keys[position] ?? '')).join(', ');
  const members = [
    `accessor: ${quote(accessor)}`,
    `name: ${quote(index.name)}`,
    `algorithm: 'btree'`,
    `columns: [${columns}]`,
  ];
  return `        {\n${members.map((member) => `          ${member},\n`).join('')}        },\n`;
}
