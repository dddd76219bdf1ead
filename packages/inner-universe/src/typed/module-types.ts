/**
 * Types of a connection, worked out from the types of a module's own source. What is read of the module:
 *  - its tables from the type of its default export, the schema;
 *  - reducers, procedures and views from the types of its other exports. What an export is shows in the context that
 *    its function takes; a function that takes none is a view, because the library types the other kinds in full.
 */
import type {
  ColumnBuilder,
  DbConnectionBuilder,
  DbConnectionImpl,
  Infer,
  QueryBuilder,
  RemoteModuleOf,
  TypeBuilder,
} from 'spacetimedb';

/** What `typeof import('./module.ts')` is of any module for SpacetimeDB, as far as it is looked at. */
export interface ModuleExports {
  readonly default: { readonly schemaType: UntypedSchema };
}

/** A connection to a database that runs a module: its tables, reducers and procedures, typed by the module's source. */
export type ModuleConnection<Module extends ModuleExports> = DbConnectionImpl<RemoteModuleFor<Module>>;

/** What the `DbConnection` class of generated bindings offers, for a module known by its source. */
export interface ModuleConnectionType<Module extends ModuleExports> {
  /** Configures a connection, as the SDK does it. */
  builder(): DbConnectionBuilder<ModuleConnection<Module>>;
  /** Tables and views by the names of the module's code; each doubles as a query builder for subscriptions. */
  readonly tables: ModuleTables<Module>;
}

/** The tables and views of a module as query builders. */
export type ModuleTables<Module extends ModuleExports> = QueryBuilder<{ tables: TablesOf<Module> }>;

/** The row type of a table or view of a module, by the name in the module's code. */
export type RowOf<
  Module extends ModuleExports,
  Table extends keyof TablesOf<Module>,
> = TablesOf<Module>[Table] extends { readonly columns: infer Columns } ? Infer<Columns> : never;

// The SDK's own bounds, which it does not export by name.
type UntypedModule = RemoteModuleOf<InstanceType<typeof DbConnectionImpl>>;
type UntypedSchema = Pick<UntypedModule, 'tables'>;
type UntypedTable = UntypedModule['tables'][string];
type UntypedReducer = UntypedModule['reducers'][number];
type UntypedProcedure = UntypedModule['procedures'][number];

/** The module as the SDK's types take it. */
export interface RemoteModuleFor<Module extends ModuleExports> {
  readonly tables: TablesOf<Module>;
  readonly reducers: readonly ReducersOf<Module>[keyof ReducersOf<Module>][];
  readonly procedures: readonly ProceduresOf<Module>[keyof ProceduresOf<Module>][];
  readonly versionInfo: { readonly cliVersion: string };
}

type SchemaTables<Module extends ModuleExports> = Module['default']['schemaType']['tables'];

type TablesOf<Module extends ModuleExports> = SchemaTables<Module> & {
  readonly [Name in keyof Module & string as IsView<Module[Name]> extends true ? Name : never]: ViewTable<
    Name,
    ColumnsOfView<SchemaTables<Module>, ViewRow<Module[Name]>>
  >;
};

type ReducersOf<Module extends ModuleExports> = {
  readonly [Name in keyof Module & string as IsReducer<Module[Name]> extends true ? Name : never]: TypedReducer<
    Name,
    ArgumentsOf<Module[Name]>
  >;
};

type ProceduresOf<Module extends ModuleExports> = {
  readonly [Name in keyof Module & string as IsProcedure<Module[Name]> extends true ? Name : never]: TypedProcedure<
    Name,
    ArgumentsOf<Module[Name]>,
    ResultOf<Module[Name]>
  >;
};

interface TypedReducer<Name extends string, Args> extends UntypedReducer {
  readonly accessorName: Name;
  readonly params: Builders<Args>;
}

interface TypedProcedure<Name extends string, Args, Result> extends UntypedProcedure {
  readonly accessorName: Name;
  readonly params: Builders<Args>;
  readonly returnType: Builder<Result>;
}

interface ViewTable<Name extends string, Columns extends UntypedTable['columns']> extends UntypedTable {
  readonly accessorName: Name;
  readonly columns: Columns;
  readonly indexes: readonly [];
}

// The SDK reads the type of a value from its builder, and looks at nothing else of it here.
// oxlint-disable-next-line typescript/no-explicit-any
type Builder<Value> = TypeBuilder<Value, any>;
type Builders<Fields> = { readonly [Name in keyof Fields & string]-?: Builder<Fields[Name]> };

/** The first parameter of a function; `unknown` where it takes none, `never` of what is no function. */
type ContextOf<Export> = Export extends (ctx: infer Context, ...rest: never[]) => unknown ? Context : never;
type ArgumentsOf<Export> = Export extends (ctx: never, args: infer Args) => unknown
  ? unknown extends Args
    ? object
    : Args
  : object;
type ResultOf<Export> = Export extends (...args: never[]) => infer Result ? Result : never;

type IsFunction<Export> = [ContextOf<Export>] extends [never] ? false : true;
type Offers<Export, Members extends string> =
  IsFunction<Export> extends true
    ? [ContextOf<Export>] extends [Readonly<Record<Members, unknown>>]
      ? true
      : false
    : false;

type IsProcedure<Export> = Offers<Export, 'withTx' | 'sender'>;
type IsReducer<Export> = Offers<Export, 'db' | 'sender' | 'timestamp'>;
type IsView<Export> =
  IsFunction<Export> extends false
    ? false
    : unknown extends ContextOf<Export>
      ? true
      : [IsReducer<Export>, Offers<Export, 'db' | 'from'>] extends [false, true]
        ? true
        : false;

/** A row of what a view's function returns: an array's, a query's, or the one it may return. */
type ViewRow<Export> =
  ResultOf<Export> extends infer Result
    ? Result extends readonly (infer Row)[]
      ? Row
      : Result extends { readonly __row?: infer Row }
        ? NonNullable<Row>
        : NonNullable<Result>
    : never;

/** The columns of a view's rows: those of the table whose rows it gives, or others of the same types. */
type ColumnsOfView<Tables extends UntypedSchema['tables'], Row> = [Row] extends [never]
  ? Record<string, ViewColumn<unknown, unknown>>
  : [TableOfRow<Tables, Row>] extends [never]
    ? { readonly [Name in keyof Row & string]-?: ViewColumn<Row[Name], unknown> }
    : TableColumns<TableOfRow<Tables, Row>>;

type TableColumns<Table extends UntypedTable> = {
  readonly [Name in keyof Table['columns'] & string]: ViewColumn<
    Infer<Table['columns'][Name]['typeBuilder']>,
    Table['columns'][Name]['columnMetadata']
  >;
};

/** A view has the key of its rows, and no other constraint or index. */
type ViewColumn<Value, Metadata> = ColumnBuilder<
  Value,
  // oxlint-disable-next-line typescript/no-explicit-any
  any,
  Metadata extends { readonly isPrimaryKey: true } ? { isPrimaryKey: true } : object
>;

/** The table that a row may be of: it fits, and has the same columns. */
type TableOfRow<Tables extends UntypedSchema['tables'], Row> = {
  [Name in keyof Tables]: [Row] extends [Infer<Tables[Name]['columns']>]
    ? [keyof Infer<Tables[Name]['columns']>] extends [keyof Row]
      ? [keyof Row] extends [keyof Infer<Tables[Name]['columns']>]
        ? Tables[Name]
        : never
      : never
    : never;
}[keyof Tables];
