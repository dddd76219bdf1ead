import type { ClientModule } from '@inner-universe/host/codegen';
import { ColumnBuilder, type DbConnectionImpl, type RemoteModuleOf, type RowObj, schema, t, table } from 'spacetimedb';
import { checkIdentifier, makeBuilder, type UntypedBuilder } from './sdk-type.ts';

/** A module as the SDK takes it, without types of its own. */
export type UntypedRemoteModule = RemoteModuleOf<InstanceType<typeof DbConnectionImpl>>;

type DescribedTable = ClientModule['tables'][number];
type DescribedFunction = ClientModule['reducers'][number];
// oxlint-disable-next-line typescript/no-explicit-any
type UntypedColumn = ColumnBuilder<any, any, any>;

/** The release whose protocol this package speaks; the SDK refuses connections made for older ones. */
const SDK_RELEASE = '2.10.1';

/**
 * What the SDK must know of a module at run time, under the names of the module's own code.
 * @throws {TypeError} where the description is not one that the host makes.
 */
export function makeRemoteModule(description: ClientModule): UntypedRemoteModule {
  const tables = description.tables.map((described) => [described.accessor, makeTable(described)] as const);
  return {
    tables: schema(Object.fromEntries(tables)).schemaType.tables,
    reducers: description.reducers.map((reducer) => {
      const params = makeParams(reducer);
      const paramsType = t.row(params).algebraicType.value;
      return { name: reducer.name, accessorName: reducer.accessor, params, paramsType };
    }),
    procedures: description.procedures.map((procedure) => ({
      name: procedure.name,
      accessorName: procedure.accessor,
      params: makeParams(procedure),
      returnType: makeBuilder(procedure.returnType),
    })),
    versionInfo: { cliVersion: SDK_RELEASE },
  };
}

function makeParams({ params }: DescribedFunction): Record<string, UntypedBuilder> {
  return Object.fromEntries(
    params.map(({ name, algebraicType }) => [checkIdentifier(name), makeBuilder(algebraicType)]),
  );
}

type UntypedTableSchema = Parameters<typeof schema>[0][string];

function makeTable(described: DescribedTable): UntypedTableSchema {
  const { columns, indexes, isEvent, name } = described;
  const keys = columns.map(({ accessor }) => checkIdentifier(accessor));
  const implied = new Set(keys.filter((_key, position) => isKey(described, position)));
  const options = {
    name,
    event: isEvent,
    indexes: indexes
      .filter(({ accessor }) => !implied.has(accessor))
      .map((index) => ({
        accessor: index.accessor,
        name: index.name,
        // The client's cache knows ordered indexes only.
        algorithm: 'btree' as const,
        columns: index.columns.map((position) => keys[position] ?? ''),
      })),
  };
  const row: RowObj = Object.fromEntries(
    columns.map((column, position) => [keys[position] ?? '', makeColumn(described, column, position)]),
  );
  return table<RowObj, typeof options>(options, t.row(row));
}

function makeColumn(
  table: DescribedTable,
  { name, algebraicType }: DescribedTable['columns'][number],
  position: number,
): UntypedColumn {
  return new ColumnBuilder(makeBuilder(algebraicType), {
    name,
    ...(table.primaryKey === position ? { isPrimaryKey: true as const } : {}),
    ...(isKey(table, position) ? { isUnique: true as const } : {}),
  });
}

function isKey(table: DescribedTable, position: number): boolean {
  return table.primaryKey === position || table.uniqueColumns.includes(position);
}
