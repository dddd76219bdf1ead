import { BsatnReader } from '../bsatn/reader.ts';
import { algebraicType, bool, bytes, choice, i128, list, option, productType, record } from './transcribe.ts';
import { text, type Transcriber, u16, u32, unit } from './transcribe.ts';

/** Submodules nested deeper than this are refused: the stack has an end. */
const SUBMODULE_DEPTH_MAX = 16;

const VERSION_10 = 2;

const columns = list(u16);
const scopedName = record({ scope: list(text), source_name: text });
const nameMapping = record({ source_name: text, canonical_name: text });
const visibility = choice('visibility', { Private: unit, ClientCallable: unit });

const index = record({
  source_name: option(text),
  accessor_name: option(text),
  algorithm: choice('index algorithm', { BTree: columns, Hash: columns, Direct: u16 }),
});
const constraint = record({ source_name: option(text), data: choice('constraint', { Unique: record({ columns }) }) });
const sequence = record({
  source_name: option(text),
  column: u16,
  start: option(i128),
  min_value: option(i128),
  max_value: option(i128),
  increment: i128,
});
const table = record({
  source_name: text,
  product_type_ref: u32,
  primary_key: columns,
  indexes: list(index),
  constraints: list(constraint),
  sequences: list(sequence),
  table_type: choice('table type', { System: unit, User: unit }),
  table_access: choice('table access', { Public: unit, Private: unit }),
  default_values: list(record({ col_id: u16, value: bytes })),
  is_event: bool,
});
const reducer = record({
  source_name: text,
  params: productType,
  visibility,
  ok_return_type: algebraicType,
  err_return_type: algebraicType,
});
const procedure = record({ source_name: text, params: productType, return_type: algebraicType, visibility });
const view = record({
  source_name: text,
  index: u32,
  is_public: bool,
  is_anonymous: bool,
  params: productType,
  return_type: algebraicType,
});
const schedule = record({
  source_name: option(text),
  table_name: text,
  schedule_at_col: u16,
  function_name: text,
});
const lifecycleReducer = record({
  lifecycle_spec: choice('lifecycle', { Init: unit, OnConnect: unit, OnDisconnect: unit }),
  function_name: text,
});
const httpMethod = choice('HTTP method', {
  Get: unit,
  Head: unit,
  Post: unit,
  Put: unit,
  Delete: unit,
  Connect: unit,
  Options: unit,
  Trace: unit,
  Patch: unit,
  Extension: text,
});
const httpRoute = record({
  handler_function: text,
  method: choice('route method', { Any: unit, Method: httpMethod }),
  path: text,
});

function definition(depth: number): Transcriber {
  return record({ sections: list(section(depth)) });
}

function section(depth: number): Transcriber {
  return choice('section', {
    Typespace: record({ types: list(algebraicType) }),
    Types: list(record({ source_name: scopedName, ty: u32, custom_ordering: bool })),
    Tables: list(table),
    Reducers: list(reducer),
    Procedures: list(procedure),
    Views: list(view),
    Schedules: list(schedule),
    LifeCycleReducers: list(lifecycleReducer),
    RowLevelSecurity: list(record({ sql: text })),
    CaseConversionPolicy: choice('case conversion policy', { None: unit, SnakeCase: unit }),
    ExplicitNames: record({
      entries: list(choice('explicit name', { Table: nameMapping, Function: nameMapping, Index: nameMapping })),
    }),
    HttpHandlers: list(record({ source_name: text })),
    HttpRoutes: list(httpRoute),
    ViewPrimaryKeys: list(record({ view_source_name: text, columns: list(text) })),
    Submodules: list(record({ namespace: text, module: (reader) => submodule(depth + 1)(reader) })),
  });
}

function submodule(depth: number): Transcriber {
  if (depth <= SUBMODULE_DEPTH_MAX) return definition(depth);
  return (reader) => reader.fail(`submodules are nested deeper than ${SUBMODULE_DEPTH_MAX} levels`);
}

const root = definition(0);

/**
 * A module's definition of version 10, as the module gave it, as SATS-JSON.
 * @throws {BsatnError} when the bytes are no such definition.
 */
export function moduleDefToJson(rawDef: Uint8Array): string {
  const reader = new BsatnReader(rawDef);
  if (reader.u8() !== VERSION_10) reader.fail('a definition of version 10 is expected');
  const json = root(reader);
  reader.expectEnd();
  return json;
}
