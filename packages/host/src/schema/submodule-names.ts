import type { ModuleDef, ProcedureDef, ReducerDef, ViewDef } from './module-def.ts';
import type { ModulePlace } from './submodules.ts';
import type { TableDraft } from './validate-table.ts';

/** A definition whose tables have no numbers yet. */
export interface ModulePart extends Omit<ModuleDef, 'tables'> {
  readonly tables: readonly TableDraft[];
}

/** What a submodule defines as the module around it knows it: with the prefix in all names, and functions counted on. */
export function moveToPlace(part: ModulePart, { prefix, before }: ModulePlace): ModulePart {
  return {
    ...part,
    tables: part.tables.map((table) => moveTable(table, prefix)),
    reducers: part.reducers.map((reducer) => moveFunction(reducer, prefix, before.reducers)),
    procedures: part.procedures.map((procedure) => moveFunction(procedure, prefix, before.procedures)),
    views: part.views.map((view) =>
      moveFunction(view, prefix, view.isAnonymous ? before.anonymousViews : before.senderViews),
    ),
    types: part.types.map((type) => ({ ...type, name: `${prefix}${type.name}` })),
  };
}

function moveTable(table: TableDraft, prefix: string): TableDraft {
  const { schedule } = table;
  return {
    ...withPrefix(table, prefix),
    indexes: table.indexes.map((index) => withPrefix(index, prefix)),
    constraints: table.constraints.map((constraint) => ({ ...constraint, name: `${prefix}${constraint.name}` })),
    sequences: table.sequences.map((sequence) => ({ ...sequence, name: `${prefix}${sequence.name}` })),
    schedule: schedule && {
      ...schedule,
      name: `${prefix}${schedule.name}`,
      functionName: `${prefix}${schedule.functionName}`,
    },
  };
}

function moveFunction<Def extends ReducerDef | ProcedureDef | ViewDef>(def: Def, prefix: string, before: number): Def {
  return { ...withPrefix(def, prefix), id: before + def.id };
}

function withPrefix<Named extends { readonly name: string; readonly accessor: string }>(
  named: Named,
  prefix: string,
): Named {
  return { ...named, name: `${prefix}${named.name}`, accessor: `${prefix}${named.accessor}` };
}
