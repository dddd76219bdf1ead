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
import { findSource } from '../schema/submodules.ts';
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
  const tables = def.tables.filter((table) => !table.isSystem);
  const sources = new Sources(raw);
  return {
    tables: [
      ...tables.map((table) =>
        describeTable(
          table,
          sources.find(table, (module) => module.tables),
        ),
      ),
      ...def.views.map((view) =>
        describeView(
          view,
          sources.find(view, (module) => module.views),
        ),
      ),
    ],
    reducers: def.reducers
      .filter(({ lifecycle }) => lifecycle === undefined)
      .map((reducer) =>
        describeFunction(
          reducer,
          sources.find(reducer, (module) => module.reducers),
        ),
      ),
    procedures: def.procedures.map((procedure) => {
      const found = sources.find(procedure, (module) => module.procedures);
      return { ...describeFunction(procedure, found), returnType: found.types.resolve(found.source.returnType) };
    }),
  };
}

/** A part of a definition as the module wrote it, and the types that it refers to. */
interface Found<T> {
  readonly source: T;
  readonly types: SourceTypes;
}

/** Finds what the module wrote, also in its submodules. */
class Sources {
  readonly #raw: RawModuleDef;
  readonly #types = new Map<RawModuleDef, SourceTypes>();

  constructor(raw: RawModuleDef) {
    this.#raw = raw;
  }

  find<T extends { readonly sourceName: string }>(
    { accessor }: { readonly accessor: string },
    partsOf: (module: RawModuleDef) => readonly T[],
  ): Found<T> {
    const place = findSource(this.#raw, accessor);
    assert(place !== undefined, 'what is validated stands in the definition or a submodule');
    const source = partsOf(place.raw).find(({ sourceName }) => sourceName === place.sourceName);
    assert(source !== undefined, 'what is validated stands in the definition');
    const types = this.#types.get(place.raw) ?? new SourceTypes(place.raw);
    this.#types.set(place.raw, types);
    return { source, types };
  }
}

function describeTable(table: TableDef, { source, types }: Found<RawTableDef>): ClientTable {
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

function describeView(view: ViewDef, { source, types }: Found<RawViewDef>): ClientTable {
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
  { source, types }: Found<RawReducerDef | RawProcedureDef>,
): ClientFunction {
  const params = source.params.map((param, position) => ({
    name: param.name ?? `arg_${position}`,
    algebraicType: types.resolve(param.algebraicType),
  }));
  return { name, accessor, params };
}
