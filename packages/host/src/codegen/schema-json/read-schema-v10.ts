import type {
  RawExplicitName,
  RawHttpRoute,
  RawModuleDef,
  RawProcedureDef,
  RawReducerDef,
  RawTableDef,
  RawTypeDef,
  RawViewDef,
} from '../../schema/raw-module-def.ts';
import { readAccess, readColumns, readConstraint, readIndex, readLifecycle, readSequence } from './read-tables.ts';
import type { SchemaJson } from './schema-json.ts';

/** A definition without any parts. */
export const EMPTY_DEFINITION: RawModuleDef = {
  typespace: [],
  types: [],
  tables: [],
  reducers: [],
  procedures: [],
  views: [],
  schedules: [],
  lifecycleReducers: [],
  rowLevelSecurity: [],
  caseConversion: 'snake-case',
  explicitNames: [],
  httpHandlers: [],
  httpRoutes: [],
  viewPrimaryKeys: [],
  submodules: [],
};

/** Reads a definition of version 10. Sections that are not known say nothing about what clients see. */
export function readSchemaV10(json: SchemaJson): RawModuleDef {
  const sections = json.field('sections').list((section) => section.variant());
  return sections.reduce<RawModuleDef>(
    (raw, { name, payload }) => ({ ...raw, ...SECTIONS.get(name)?.(payload) }),
    EMPTY_DEFINITION,
  );
}

const SECTIONS: ReadonlyMap<string, (json: SchemaJson) => Partial<RawModuleDef>> = new Map<
  string,
  (json: SchemaJson) => Partial<RawModuleDef>
>([
  ['Typespace', (json) => ({ typespace: json.field('types').list((type) => type.type()) })],
  ['Types', (json) => ({ types: json.list(readTypeDef) })],
  ['Tables', (json) => ({ tables: json.list(readTable) })],
  ['Reducers', (json) => ({ reducers: json.list(readReducer) })],
  ['Procedures', (json) => ({ procedures: json.list(readProcedure) })],
  ['Views', (json) => ({ views: json.list(readView) })],
  [
    'Schedules',
    (json) => ({
      schedules: json.list((schedule) => ({
        tableName: schedule.field('table_name').text(),
        atColumn: schedule.field('schedule_at_col').index(),
        functionName: schedule.field('function_name').text(),
      })),
    }),
  ],
  [
    'LifeCycleReducers',
    (json) => ({
      lifecycleReducers: json.list((reducer) => ({
        lifecycle: readLifecycle(reducer.field('lifecycle_spec')),
        functionName: reducer.field('function_name').text(),
      })),
    }),
  ],
  ['RowLevelSecurity', (json) => ({ rowLevelSecurity: json.list((rule) => rule.field('sql').text()) })],
  [
    'CaseConversionPolicy',
    (json) => ({ caseConversion: json.choice({ None: 'none', SnakeCase: 'snake-case' } as const) }),
  ],
  ['ExplicitNames', (json) => ({ explicitNames: json.field('entries').list(readExplicitName) })],
  ['HttpHandlers', (json) => ({ httpHandlers: json.list((handler) => handler.field('source_name').text()) })],
  ['HttpRoutes', (json) => ({ httpRoutes: json.list(readHttpRoute) })],
  [
    'ViewPrimaryKeys',
    (json) => ({
      viewPrimaryKeys: json.list((key) => ({
        viewSourceName: key.field('view_source_name').text(),
        columns: key.field('columns').list((column) => column.text()),
      })),
    }),
  ],
  [
    'Submodules',
    (json) => ({
      submodules: json.list((submodule) => ({
        namespace: submodule.field('namespace').text(),
        module: readSchemaV10(submodule.field('module')),
      })),
    }),
  ],
]);

function readTypeDef(json: SchemaJson): RawTypeDef {
  const name = json.field('source_name');
  return {
    scope: name.field('scope').list((part) => part.text()),
    sourceName: name.field('source_name').text(),
    ref: json.field('ty').index(),
  };
}

function readTable(json: SchemaJson): RawTableDef {
  return {
    sourceName: json.field('source_name').text(),
    productTypeRef: json.field('product_type_ref').index(),
    primaryKey: readColumns(json.field('primary_key')),
    indexes: json.field('indexes').list((index) =>
      readIndex(
        index,
        index.field('source_name').option((name) => name.text()),
      ),
    ),
    constraints: json.field('constraints').list(readConstraint),
    sequences: json.field('sequences').list(readSequence),
    access: readAccess(json),
    defaultValues: json.field('default_values').list((value) => ({
      column: value.field('col_id').index(),
      value: value.field('value').bytes(),
    })),
    isEvent: json.field('is_event').flag(),
  };
}

const VISIBILITIES = { Private: 'private', ClientCallable: 'client-callable' } as const;

function readReducer(json: SchemaJson): RawReducerDef {
  return {
    sourceName: json.field('source_name').text(),
    params: json.field('params').elements(),
    visibility: json.field('visibility').choice(VISIBILITIES),
    okReturnType: json.field('ok_return_type').type(),
    errReturnType: json.field('err_return_type').type(),
  };
}

function readProcedure(json: SchemaJson): RawProcedureDef {
  return {
    sourceName: json.field('source_name').text(),
    params: json.field('params').elements(),
    returnType: json.field('return_type').type(),
    visibility: json.field('visibility').choice(VISIBILITIES),
  };
}

function readView(json: SchemaJson): RawViewDef {
  return {
    sourceName: json.field('source_name').text(),
    index: json.field('index').index(),
    isPublic: json.field('is_public').flag(),
    isAnonymous: json.field('is_anonymous').flag(),
    params: json.field('params').elements(),
    returnType: json.field('return_type').type(),
  };
}

function readExplicitName(json: SchemaJson): RawExplicitName {
  const { payload } = json.variant();
  return {
    kind: json.choice({ Table: 'table', Function: 'function', Index: 'index' } as const),
    sourceName: payload.field('source_name').text(),
    canonicalName: payload.field('canonical_name').text(),
  };
}

function readHttpRoute(json: SchemaJson): RawHttpRoute {
  const method = json.field('method').variant();
  return {
    handlerFunction: json.field('handler_function').text(),
    method: method.name === 'Any' ? undefined : readHttpMethod(method.payload),
    path: json.field('path').text(),
  };
}

function readHttpMethod(json: SchemaJson): string {
  const { name, payload } = json.variant();
  return name === 'Extension' ? payload.text() : name.toUpperCase();
}
