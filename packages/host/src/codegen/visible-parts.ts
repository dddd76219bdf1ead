import type { AlgebraicType } from '../bsatn/algebraic-type.ts';
import type {
  ColumnDef,
  ModuleDef,
  NamedTypeDef,
  ParamDef,
  ProcedureDef,
  ReducerDef,
  TableDef,
  ViewDef,
} from '../schema/module-def.ts';
import { toPascalCase } from './identifier.ts';
import { collectStructures, structureOf } from './type-structure.ts';

/** The parts of a module that go into bindings, sorted by name. */
export interface VisibleParts {
  readonly tables: readonly TableDef[];
  readonly views: readonly ViewDef[];
  readonly reducers: readonly ReducerDef[];
  readonly procedures: readonly ProcedureDef[];
  /** Those that only name a reducer's parameters come last: types of equal structure are called by the first. */
  readonly types: readonly NamedTypeDef[];
}

/**
 * What a client may use of a module: never the system's tables and the reducers of lifecycle events; private parts
 * only when asked for; and no type that only private parts are made of.
 */
export function selectVisibleParts(def: ModuleDef, includePrivate: boolean): VisibleParts {
  const isOpen = ({ visibility }: ReducerDef | ProcedureDef): boolean =>
    includePrivate || visibility === 'client-callable';
  const isCallable = (reducer: ReducerDef): boolean => reducer.lifecycle === undefined && isOpen(reducer);
  const tables = def.tables.filter((table) => !table.isSystem && (includePrivate || table.access === 'public'));
  const parts = {
    tables: sortByName(tables),
    views: sortByName(def.views.filter((view) => includePrivate || view.isPublic)),
    reducers: sortByName(def.reducers.filter(isCallable)),
    procedures: sortByName(def.procedures.filter(isOpen)),
  };
  const hidden = structuresOf(def);
  for (const structure of structuresOf(parts)) hidden.delete(structure);
  const types = def.types.filter(({ algebraicType }) => includePrivate || !hidden.has(structureOf(algebraicType)));
  return { ...parts, types: sortTypes(types, def.reducers) };
}

/** Structures of the types that parts of a module are made of: rows, parameters, results, and what is in them. */
function structuresOf(parts: Pick<ModuleDef, 'tables' | 'views' | 'reducers' | 'procedures'>): Set<string> {
  const structures = new Set<string>();
  for (const { columns } of [...parts.tables, ...parts.views]) collectStructures(productOf(columns), structures);
  for (const { params } of [...parts.reducers, ...parts.procedures]) collectStructures(productOf(params), structures);
  for (const { returnType } of parts.procedures) collectStructures(returnType, structures);
  return structures;
}

function productOf(fields: readonly (ColumnDef | ParamDef)[]): AlgebraicType {
  return { type: 'product', elements: fields.map(({ name, algebraicType }) => ({ name, algebraicType })) };
}

function sortByName<T extends { readonly name: string }>(parts: readonly T[]): readonly T[] {
  return [...parts].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function sortTypes(types: readonly NamedTypeDef[], reducers: readonly ReducerDef[]): readonly NamedTypeDef[] {
  const namesOfParams = new Set(reducers.map(({ name }) => toPascalCase(name)));
  const isOfParams = ({ name }: NamedTypeDef): boolean => namesOfParams.has(toPascalCase(name));
  const sorted = sortByName(types);
  return [...sorted.filter((type) => !isOfParams(type)), ...sorted.filter(isOfParams)];
}
