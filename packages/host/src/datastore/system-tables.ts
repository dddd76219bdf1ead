import type { PrimitiveTypeName } from '../bsatn/algebraic-type.ts';
import type { TableDef } from '../schema/module-def.ts';

/** Connected clients; public. */
export const ST_CLIENT: TableDef = {
  id: 7,
  name: 'st_client',
  accessor: 'st_client',
  columns: [
    { name: 'identity', accessor: 'identity', algebraicType: { type: 'u256' } },
    { name: 'connection_id', accessor: 'connection_id', algebraicType: { type: 'u128' } },
  ],
  primaryKey: undefined,
  indexes: [
    {
      id: 7,
      name: 'st_client_connection_id_idx_btree',
      accessor: 'st_client_connection_id_idx_btree',
      algorithm: 'btree',
      columns: [1],
      isUnique: true,
    },
  ],
  constraints: [{ name: 'st_client_connection_id_key', columns: [1] }],
  sequences: [],
  access: 'public',
  isEvent: false,
  isSystem: true,
};

/** Types of a variable's value, in the order of their tags. */
const VARIABLE_TYPES: readonly [name: string, type: PrimitiveTypeName][] = [
  ['Bool', 'bool'],
  ['I8', 'i8'],
  ['U8', 'u8'],
  ['I16', 'i16'],
  ['U16', 'u16'],
  ['I32', 'i32'],
  ['U32', 'u32'],
  ['I64', 'i64'],
  ['U64', 'u64'],
  ['I128', 'i128'],
  ['U128', 'u128'],
  ['F32', 'f32'],
  ['F64', 'f64'],
  ['String', 'string'],
];

/** Variables that SQL sets; private. */
export const ST_VAR: TableDef = {
  id: 8,
  name: 'st_var',
  accessor: 'st_var',
  columns: [
    { name: 'name', accessor: 'name', algebraicType: { type: 'string' } },
    {
      name: 'value',
      accessor: 'value',
      algebraicType: {
        type: 'sum',
        variants: VARIABLE_TYPES.map(([name, type]) => ({ name, algebraicType: { type } })),
      },
    },
  ],
  primaryKey: 0,
  indexes: [
    {
      id: 8,
      name: 'st_var_name_idx_btree',
      accessor: 'st_var_name_idx_btree',
      algorithm: 'btree',
      columns: [0],
      isUnique: true,
    },
  ],
  constraints: [{ name: 'st_var_name_key', columns: [0] }],
  sequences: [],
  access: 'private',
  isEvent: false,
  isSystem: true,
};

/** The payload of the token of each connected client, as JSON text; private. */
export const ST_CONNECTION_CREDENTIALS: TableDef = {
  id: 11,
  name: 'st_connection_credentials',
  accessor: 'st_connection_credentials',
  columns: [
    { name: 'connection_id', accessor: 'connection_id', algebraicType: { type: 'u128' } },
    { name: 'jwt_payload', accessor: 'jwt_payload', algebraicType: { type: 'string' } },
  ],
  primaryKey: undefined,
  indexes: [
    {
      id: 11,
      name: 'st_connection_credentials_connection_id_idx_btree',
      accessor: 'st_connection_credentials_connection_id_idx_btree',
      algorithm: 'btree',
      columns: [0],
      isUnique: true,
    },
  ],
  constraints: [{ name: 'st_connection_credentials_connection_id_key', columns: [0] }],
  sequences: [],
  access: 'private',
  isEvent: false,
  isSystem: true,
};

/** The tables that every database has beside those of its module. */
export const SYSTEM_TABLES: readonly TableDef[] = [ST_CLIENT, ST_VAR, ST_CONNECTION_CREDENTIALS];
