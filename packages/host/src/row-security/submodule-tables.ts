import type { TableDef } from '../schema/module-def.ts';

/**
 * The tables that SQL of a submodule can name, by the names that they have inside of it; for the root, with its empty
 * prefix, all. System tables have one name everywhere.
 */
export function tablesOfSubmodule(tables: readonly TableDef[], prefix: string): readonly TableDef[] {
  if (prefix === '') return tables;
  return tables.flatMap((table) => {
    if (table.isSystem) return [table];
    if (!table.name.startsWith(prefix)) return [];
    return [{ ...table, name: table.name.slice(prefix.length), accessor: table.accessor.slice(prefix.length) }];
  });
}
