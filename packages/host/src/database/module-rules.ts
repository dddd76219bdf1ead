import { SYSTEM_TABLES } from '../datastore/system-tables.ts';
import { compileRowRules } from '../row-security/compile-row-rules.ts';
import type { RowRules } from '../row-security/row-rules.ts';
import type { ModuleDef } from '../schema/module-def.ts';

/**
 * The row-level security of a module, from its definition. Undefined when it has none.
 * @throws {SchemaError} `schema/invalid` naming every rule that cannot be
 */
export function moduleRules(def: ModuleDef, strictCompat: boolean | undefined): RowRules | undefined {
  return compileRowRules({ def, tables: [...SYSTEM_TABLES, ...def.tables], strictCompat: strictCompat ?? false });
}
