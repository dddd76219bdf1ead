import type { AlgebraicType } from '../../bsatn/algebraic-type.ts';
import type {
  RawModuleDef,
  RawProcedureDef,
  RawReducerDef,
  RawTableDef,
  RawTypeDef,
  RawViewDef,
} from '../../schema/raw-module-def.ts';
import { EMPTY_DEFINITION } from './read-schema-v10.ts';
import { readAccess, readColumns, readConstraint, readIndex, readLifecycle, readSequence } from './read-tables.ts';
import type { SchemaJson } from './schema-json.ts';

const UNIT: AlgebraicType = { type: 'product', elements: [] };

/**
 * Reads a definition of version 9 as one of version 10: names are canonical there already, and what version 10 has a
 * section for stands beside the tables and reducers, or in the list of further exports.
 */
export function readSchemaV9(json: SchemaJson): RawModuleDef {
  const further = json.field('misc_exports').list((entry) => entry.variant());
  const exportsOf = (kind: string): readonly SchemaJson[] =>
    further.filter(({ name }) => name === kind).map(({ payload }) => payload);
  const reducers = json.field('reducers');
  return {
    ...EMPTY_DEFINITION,
    caseConversion: 'none',
    typespace: json
      .field('typespace')
      .field('types')
      .list((type) => type.type()),
    types: json.field('types').list(readTypeDef),
    tables: json.field('tables').list((table) => readTable(table, exportsOf('ColumnDefaultValue'))),
    reducers: reducers.list(readReducer),
    lifecycleReducers: reducers.list(readLifecycleReducer).flat(),
    schedules: json.field('tables').list(readSchedule).flat(),
    procedures: exportsOf('Procedure').map(readProcedure),
    views: exportsOf('View').map(readView),
    rowLevelSecurity: json.field('row_level_security').list((rule) => rule.field('sql').text()),
  };
}

function readTypeDef(json: SchemaJson): RawTypeDef {
  const name = json.field('name');
  return {
    scope: name.field('scope').list((part) => part.text()),
    sourceName: name.field('name').text(),
    ref: json.field('ty').index(),
  };
}

function readTable(json: SchemaJson, defaults: readonly SchemaJson[]): RawTableDef {
  const table = json.field('name').text();
  return {
    sourceName: table,
    productTypeRef: json.field('product_type_ref').index(),
    primaryKey: readColumns(json.field('primary_key')),
    indexes: json.field('indexes').list((index) => {
      const { columns, algorithm } = readIndex(index, undefined);
      const name = index.field('name').option((given) => given.text());
      // Without a name of its own an index is told apart by what it is on.
      return readIndex(index, name ?? `${table}_${columns.join('_')}_idx_${algorithm}`);
    }),
    constraints: json.field('constraints').list(readConstraint),
    sequences: json.field('sequences').list(readSequence),
    access: readAccess(json),
    defaultValues: defaults
      .filter((value) => value.field('table').text() === table)
      .map((value) => ({ column: value.field('col_id').index(), value: value.field('value').bytes() })),
    isEvent: false,
  };
}

function readSchedule(table: SchemaJson): RawModuleDef['schedules'] {
  const schedule = table.field('schedule').option((given) => ({
    tableName: table.field('name').text(),
    atColumn: given.field('scheduled_at_column').index(),
    functionName: given.field('reducer_name').text(),
  }));
  return schedule === undefined ? [] : [schedule];
}

function readReducer(json: SchemaJson): RawReducerDef {
  return {
    sourceName: json.field('name').text(),
    params: json.field('params').elements(),
    visibility: 'client-callable',
    okReturnType: UNIT,
    errReturnType: { type: 'string' },
  };
}

function readLifecycleReducer(json: SchemaJson): RawModuleDef['lifecycleReducers'] {
  const lifecycle = json.field('lifecycle').option(readLifecycle);
  return lifecycle === undefined ? [] : [{ lifecycle, functionName: json.field('name').text() }];
}

function readProcedure(json: SchemaJson): RawProcedureDef {
  return {
    sourceName: json.field('name').text(),
    params: json.field('params').elements(),
    returnType: json.field('return_type').type(),
    visibility: 'client-callable',
  };
}

function readView(json: SchemaJson): RawViewDef {
  return {
    sourceName: json.field('name').text(),
    index: json.field('index').index(),
    isPublic: json.field('is_public').flag(),
    isAnonymous: json.field('is_anonymous').flag(),
    params: json.field('params').elements(),
    returnType: json.field('return_type').type(),
  };
}
