import type { ModuleDef } from '@inner-universe/host';

/** What a module offers, by name: enough to tell one module from another where servers describe them differently. */
export function namesOf(def: ModuleDef): readonly string[] {
  return [
    ...def.tables.map(({ name, columns }) => `table ${name}(${columns.map((column) => column.name).join(',')})`),
    ...def.reducers.map(({ name }) => `reducer ${name}`),
    ...def.procedures.map(({ name }) => `procedure ${name}`),
  ].sort();
}
