import { assert } from '../assert.ts';
import type { ModuleDef, NamedTypeDef, TableDef } from './module-def.ts';
import { Names } from './names.ts';
import { Problems } from './problems.ts';
import type { RawModuleDef } from './raw-module-def.ts';
import { type ModulePlace, placeSubmodules } from './submodules.ts';
import { type ModulePart, moveToPlace } from './submodule-names.ts';
import { Typespace } from './typespace.ts';
import { validateFunctions } from './validate-functions.ts';
import { validateHttp } from './validate-http.ts';
import { validateSchedules } from './validate-schedules.ts';
import type { TableDraft } from './validate-table.ts';
import { validateTable } from './validate-table.ts';
import { validateViews } from './validate-views.ts';
import type { ValidationContext } from './validation-context.ts';

/** Gives tables and indexes their numbers; asked for tables in the order of their canonical names. */
export interface IdAllocator {
  tableId(canonicalName: string): number;
  indexId(canonicalName: string): number;
}

/** Lowest id of a module's own tables and indexes; those below are the system's. */
const FIRST_ID = 4097;

/** Ids from 4097 up, in the order of the calls. */
function makeSequentialIds(): IdAllocator {
  let tableId = FIRST_ID;
  let indexId = FIRST_ID;
  return { tableId: () => tableId++, indexId: () => indexId++ };
}

/**
 * Checks a definition with its submodules and works out the names, ids and types by which the host knows it.
 * @throws {SchemaError} `schema/invalid` listing everything that is wrong
 */
export function validateModuleDef(raw: RawModuleDef, ids: IdAllocator = makeSequentialIds()): ModuleDef {
  const problems = new Problems();
  const places = placeSubmodules(raw, problems);
  const [root, ...submodules] = places.map((place) => validatePart(place, problems));
  assert(root !== undefined, 'the root is the first of all places');
  problems.throwIfAny();
  const parts = [root, ...submodules];
  return {
    tables: numberTables(
      parts.flatMap(({ tables }) => tables),
      ids,
    ),
    reducers: parts.flatMap(({ reducers }) => reducers),
    procedures: parts.flatMap(({ procedures }) => procedures),
    views: parts.flatMap(({ views }) => views),
    // Of a submodule neither is ever run: the one is refused, the other left out.
    lifecycle: root.lifecycle,
    httpHandlers: root.httpHandlers,
    httpRoutes: root.httpRoutes,
    rowLevelSecurity: parts.flatMap(({ rowLevelSecurity }) => rowLevelSecurity),
    types: parts.flatMap(({ types }) => types),
  };
}

/** Checks one definition by itself: names, types and functions are looked for in it alone. */
function validatePart(place: ModulePlace, all: Problems): ModulePart {
  const { raw, prefix } = place;
  const problems = prefix === '' ? all : all.within(`submodule \`${prefix.slice(0, -1)}\``);
  const names = new Names(raw, problems);
  const declared = new Set(raw.types.map(({ ref }) => ref));
  const types = new Typespace(raw.typespace, declared, { names, problems });
  const context: ValidationContext = { raw, names, problems, types };
  const namedTypes = validateTypes(context);
  const drafts = raw.tables.map((table) => validateTable(context, table));
  const functions = validateFunctions(context);
  const views = validateViews(context);
  const schedules = validateSchedules(context, drafts, functions);
  const part: ModulePart = {
    tables: drafts.map((table) => ({ ...table, schedule: schedules.get(table.accessor) })),
    ...functions,
    views,
    rowLevelSecurity: raw.rowLevelSecurity.map((sql) => ({ sql, prefix })),
    types: namedTypes,
    ...validateHttp(context),
  };
  return prefix === '' ? part : moveToPlace(part, place);
}

function validateTypes({ raw, names, problems, types }: ValidationContext): NamedTypeDef[] {
  const seen = new Set<string>();
  return raw.types.map(({ scope, sourceName, ref }) => {
    const name = [...scope, sourceName].map((part) => names.identifier(names.pascal(part))).join('.');
    if (seen.has(name)) problems.add('DuplicateTypeName', `two types are named \`${name}\``);
    seen.add(name);
    return { name, algebraicType: types.resolveRef(ref, `type \`${name}\``) };
  });
}

/** Numbers in the order of canonical names, so that they do not depend on the order of declaration. */
function numberTables(drafts: readonly TableDraft[], ids: IdAllocator): TableDef[] {
  const numbered = new Map<string, TableDef>();
  for (const draft of drafts.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const id = ids.tableId(draft.name);
    const indexes = draft.indexes.map((index) => ({ ...index, id: ids.indexId(index.name) }));
    numbered.set(draft.name, { ...draft, id, indexes });
  }
  return drafts.map(({ name }) => numbered.get(name)).filter((table) => table !== undefined);
}
