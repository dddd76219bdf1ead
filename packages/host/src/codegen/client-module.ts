import { assert } from '../assert.ts';
import type { AlgebraicType, NamedType } from '../bsatn/algebraic-type.ts';
import { describeProgram } from '../module/describe-program.ts';
import { makeProgramLoader } from '../module/program-loader.ts';
import { decodeRawModuleDef } from '../schema/decode-module-def.ts';
import type {
  ColumnDef,
  ModuleDef,
  ParamDef,
  ProcedureDef,
  ReducerDef,
  TableDef,
  ViewDef,
} from '../schema/module-def.ts';
import type {
  RawModuleDef,
  RawProcedureDef,
  RawReducerDef,
  RawTableDef,
  RawViewDef,
} from '../schema/raw-module-def.ts';
import { SourceTypes } from './source-types.ts';

/**
 * What a client must know of a module to speak to it, as plain data that can be written down as JSON. Every part has
 * its name on the wire and the one the module's own code uses (`accessor`); fields and variants inside types have the
 * names of the module's code, so that a client may use the module's own types. Private parts are included.
 */
export interface ClientModule {
  /** Tables and views. */
  readonly tables: readonly ClientTable[];
  /** Reducers that can be called: all but those of lifecycle events. */
  readonly reducers: readonly ClientFunction[];
  readonly procedures: readonly ClientProcedure[];
}

export interface ClientTable {
  readonly name: string;
  readonly accessor: string;
  readonly columns: readonly ClientColumn[];
  /** Position of the column. */
  readonly primaryKey?: number | undefined;
  /** Positions of the columns that are unique by themselves. */
  readonly uniqueColumns: readonly number[];
  readonly indexes: readonly ClientTableIndex[];
  readonly isEvent: boolean;
}

export interface ClientColumn {
  readonly name: string;
  readonly accessor: string;
  readonly algebraicType: AlgebraicType;
}

export interface ClientTableIndex {
  readonly name: string;
  readonly accessor: string;
  /** Positions of the columns, in index order. */
  readonly columns: readonly number[];
}

export interface ClientFunction {
  readonly name: string;
  readonly accessor: string;
  /** In the order of the wire. */
  readonly params: readonly ParamDef[];
}

export interface ClientProcedure extends ClientFunction {
  readonly returnType: AlgebraicType;
}

/**
 * Describes a bundle for clients that are typed by the module's own source. Evaluates the bundle, touches no data.
 * @throws as `describeModule`
 */
export async function describeClientModule(bundle: string): Promise<ClientModule> {
  const { raw, def } = describeProgram(await makeProgramLoader().load(bundle));
  return makeClientModule(decodeRawModuleDef(raw), def);
}

/** As `describeClientModule`, of a definition and what validation made of it. */
export function makeClientModule(raw: RawModuleDef, def: ModuleDef): ClientModule {
  const types = new SourceTypes(raw);
  const tables = def.tables.filter((table) => !table.isSystem);
  return {
    tables: [
      ...tables.map((table) => describeTable(table, bySourceName(raw.tables, table.accessor), types)),
      ...def.views.map((view) => describeView(view, bySourceName(raw.views, view.accessor), types)),
    ],
    reducers: def.reducers
      .filter(({ lifecycle }) => lifecycle === undefined)
      .map((reducer) => describeFunction(reducer, bySourceName(raw.reducers, reducer.accessor), types)),
    procedures: def.procedures.map((procedure) => {
      const source = bySourceName(raw.procedures, procedure.accessor);
      return { ...describeFunction(procedure, source, types), returnType: types.resolve(source.returnType) };
    }),
  };
}

function describeTable(table: TableDef, source: RawTableDef, types: SourceTypes): ClientTable {
  const single = table.constraints.filter(({ columns }) => columns.length === 1);
  return {
    name: table.name,
    accessor: table.accessor,
    columns: describeColumns(table.columns, types.fields({ type: 'ref', ref: source.productTypeRef })),
    primaryKey: table.primaryKey,
    uniqueColumns: single.flatMap(({ columns }) => columns),
    indexes: table.indexes.map(({ name, codegenName, columns }) => ({ name, accessor: codegenName ?? name, columns })),
    isEvent: table.isEvent,
  };
}

function describeView(view: ViewDef, source: RawViewDef, types: SourceTypes): ClientTable {
  return {
    name: view.name,
    accessor: view.accessor,
    columns: describeColumns(view.columns, types.fields(source.returnType)),
    primaryKey: view.primaryKey,
    uniqueColumns: [],
    indexes: [],
    isEvent: false,
  };
}

function describeColumns(columns: readonly ColumnDef[], fields: readonly NamedType[]): readonly ClientColumn[] {
  assert(columns.length === fields.length, 'a table has the columns of its row type');
  return columns.map(({ name, accessor }, position) => {
    const algebraicType = fields[position]?.algebraicType;
    assert(algebraicType !== undefined, 'each column has a field');
    return { name, accessor, algebraicType };
  });
}

function describeFunction(
  { name, accessor }: ReducerDef | ProcedureDef,
  source: RawReducerDef | RawProcedureDef,
  types: SourceTypes,
): ClientFunction {
  const params = source.params.map((param, position) => ({
    name: param.name ?? `arg_${position}`,
    algebraicType: types.resolve(param.algebraicType),
  }));
  return { name, accessor, params };
}

function bySourceName<T extends { readonly sourceName: string }>(parts: readonly T[], name: string): T {
  const part = parts.find(({ sourceName }) => sourceName === name);
  assert(part !== undefined, 'what is validated stands in the definition');
  return part;
}
