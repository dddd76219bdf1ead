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
export const SYSTEM_TABLES: readonly TableDef[] = [ST_CLIENT, ST_CONNECTION_CREDENTIALS];
