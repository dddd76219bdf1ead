import type { AlgebraicType, NamedType } from '../bsatn/algebraic-type.ts';

/**
 * A module definition as the module wrote it (version 10): names are source names, types refer into `typespace`.
 * Nothing is checked but its form. Sections that are absent are empty.
 */
export interface RawModuleDef {
  readonly typespace: readonly AlgebraicType[];
  readonly types: readonly RawTypeDef[];
  readonly tables: readonly RawTableDef[];
  readonly reducers: readonly RawReducerDef[];
  readonly procedures: readonly RawProcedureDef[];
  readonly views: readonly RawViewDef[];
  readonly schedules: readonly RawScheduleDef[];
  readonly lifecycleReducers: readonly RawLifecycleDef[];
  readonly rowLevelSecurity: readonly string[];
  readonly caseConversion: 'none' | 'snake-case';
  readonly explicitNames: readonly RawExplicitName[];
  readonly httpHandlers: readonly string[];
  readonly httpRoutes: readonly RawHttpRoute[];
  readonly viewPrimaryKeys: readonly RawViewPrimaryKey[];
  /** Namespaces of submodules, which may hold further ones. */
  readonly submodules: readonly RawSubmodule[];
}

export interface RawTypeDef {
  readonly scope: readonly string[];
  readonly sourceName: string;
  readonly ref: number;
}

export interface RawTableDef {
  readonly sourceName: string;
  readonly productTypeRef: number;
  readonly primaryKey: readonly number[];
  readonly indexes: readonly RawIndexDef[];
  /** Columns of each unique constraint. */
  readonly constraints: readonly (readonly number[])[];
  readonly sequences: readonly RawSequenceDef[];
  readonly access: 'public' | 'private';
  readonly defaultValues: readonly { readonly column: number; readonly value: Uint8Array }[];
  readonly isEvent: boolean;
}

export interface RawIndexDef {
  readonly sourceName: string | undefined;
  readonly accessorName: string | undefined;
  readonly algorithm: 'btree' | 'hash' | 'direct';
  readonly columns: readonly number[];
}

export interface RawSequenceDef {
  readonly column: number;
  readonly start: bigint | undefined;
  readonly min: bigint | undefined;
  readonly max: bigint | undefined;
  readonly increment: bigint;
}

export interface RawReducerDef {
  readonly sourceName: string;
  readonly params: readonly NamedType[];
  readonly visibility: RawVisibility;
  readonly okReturnType: AlgebraicType;
  readonly errReturnType: AlgebraicType;
}

export interface RawProcedureDef {
  readonly sourceName: string;
  readonly params: readonly NamedType[];
  readonly returnType: AlgebraicType;
  readonly visibility: RawVisibility;
}

/** Who may call a function, as far as the definition says. */
type RawVisibility = 'private' | 'client-callable';

export interface RawViewDef {
  readonly sourceName: string;
  readonly index: number;
  readonly isPublic: boolean;
  readonly isAnonymous: boolean;
  readonly params: readonly NamedType[];
  readonly returnType: AlgebraicType;
}

export interface RawScheduleDef {
  readonly tableName: string;
  readonly atColumn: number;
  readonly functionName: string;
}

export interface RawLifecycleDef {
  readonly lifecycle: 'init' | 'connect' | 'disconnect';
  readonly functionName: string;
}

export interface RawExplicitName {
  readonly kind: 'table' | 'function' | 'index';
  readonly sourceName: string;
  readonly canonicalName: string;
}

export interface RawHttpRoute {
  readonly handlerFunction: string;
  /** Undefined: any method. */
  readonly method: string | undefined;
  readonly path: string;
}

export interface RawViewPrimaryKey {
  readonly viewSourceName: string;
  readonly columns: readonly string[];
}

export interface RawSubmodule {
  readonly namespace: string;
  readonly module: RawModuleDef;
}
