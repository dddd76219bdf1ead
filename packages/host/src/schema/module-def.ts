import type { AlgebraicType } from '../bsatn/algebraic-type.ts';

/**
 * A validated module definition. Every name is canonical unless it says otherwise; `accessor` is the name the module's
 * own code uses, kept as an alias. Types are resolved: no `ref` is left in a column, parameter or return type.
 *
 * Submodules are part of it: what they define stands among the root's own, both of its names after `namespace.`, in
 * submodules of submodules after `outer.inner.`.
 */
export interface ModuleDef {
  readonly tables: readonly TableDef[];
  readonly reducers: readonly ReducerDef[];
  readonly procedures: readonly ProcedureDef[];
  readonly views: readonly ViewDef[];
  readonly lifecycle: {
    readonly init?: string | undefined;
    readonly connect?: string | undefined;
    readonly disconnect?: string | undefined;
  };
  readonly rowLevelSecurity: readonly RowRuleDef[];
  /** Names of the types that the module exports, for generated bindings. */
  readonly types: readonly NamedTypeDef[];
  readonly httpHandlers: readonly HttpHandlerDef[];
  readonly httpRoutes: readonly HttpRouteDef[];
}

/** A rule of row-level security: which rows of the table it returns anybody but the owner may see. */
export interface RowRuleDef {
  readonly sql: string;
  /** The submodule it belongs to, whose tables it names without this: `lib.` or `outer.inner.`; empty for the root. */
  readonly prefix: string;
}

export interface NamedTypeDef {
  readonly name: string;
  readonly algebraicType: AlgebraicType;
}

export interface ColumnDef {
  readonly name: string;
  readonly accessor: string;
  readonly algebraicType: AlgebraicType;
  /** BSATN of the default that a migration gives to rows which lack the column. */
  readonly defaultValue?: Uint8Array | undefined;
}

export interface TableDef {
  /** Stable while the module is loaded; never reused. */
  readonly id: number;
  readonly name: string;
  readonly accessor: string;
  readonly columns: readonly ColumnDef[];
  readonly primaryKey: number | undefined;
  readonly indexes: readonly IndexDef[];
  readonly constraints: readonly ConstraintDef[];
  readonly sequences: readonly SequenceDef[];
  readonly access: 'public' | 'private';
  readonly isEvent: boolean;
  readonly isSystem: boolean;
  readonly schedule?: ScheduleDef | undefined;
  /** Set where this is no table of the module but a view, as one asker sees it: nobody writes it, and it is not stored. */
  readonly view?: ViewDef | undefined;
  /** Set where this is what some askers see of another table, the one of this number: nobody writes it, it is not stored. */
  readonly restricts?: number | undefined;
}

export interface IndexDef {
  readonly id: number;
  readonly name: string;
  /** The source name by which the module looks it up. */
  readonly accessor: string;
  /** Its name in generated client code, where the module gives it one. */
  readonly codegenName?: string | undefined;
  readonly algorithm: 'btree' | 'hash';
  /** Column positions, in index order. */
  readonly columns: readonly number[];
  /** True when some unique constraint covers exactly this set of columns. */
  readonly isUnique: boolean;
}

export interface ConstraintDef {
  readonly name: string;
  readonly columns: readonly number[];
}

export interface SequenceDef {
  readonly name: string;
  readonly column: number;
  readonly start: bigint;
  readonly min: bigint;
  readonly max: bigint;
  readonly increment: bigint;
}

export interface ScheduleDef {
  readonly name: string;
  readonly atColumn: number;
  readonly functionName: string;
}

export interface ParamDef {
  readonly name: string;
  readonly algebraicType: AlgebraicType;
}

export interface ReducerDef {
  /** Position the module's hook expects. */
  readonly id: number;
  readonly name: string;
  readonly accessor: string;
  readonly params: readonly ParamDef[];
  readonly visibility: 'private' | 'client-callable';
  readonly lifecycle?: 'init' | 'connect' | 'disconnect' | undefined;
}

export interface ProcedureDef {
  readonly id: number;
  readonly name: string;
  readonly accessor: string;
  readonly params: readonly ParamDef[];
  readonly returnType: AlgebraicType;
  readonly visibility: 'private' | 'client-callable';
}

export interface ViewDef {
  /** Position in its own kind, submodules included: anonymous and sender views count separately. */
  readonly id: number;
  readonly name: string;
  readonly accessor: string;
  readonly isAnonymous: boolean;
  readonly isPublic: boolean;
  readonly columns: readonly ColumnDef[];
  readonly primaryKey: number | undefined;
}

export interface HttpHandlerDef {
  /** Position the module's hook expects. */
  readonly id: number;
  readonly name: string;
  readonly accessor: string;
}

export interface HttpRouteDef {
  /** Canonical name of the handler. */
  readonly handlerName: string;
  /** Undefined: any method. */
  readonly method: string | undefined;
  /** Matched exactly. */
  readonly path: string;
}
