import {
  DbConnectionBuilder,
  DbConnectionImpl,
  procedures,
  reducers,
  reducerSchema,
  schema,
  t,
  table,
} from 'spacetimedb';

const tables = schema({
  result: table({ name: 'result' }, { key: t.string().primaryKey(), value: t.string() }),
});
const reducerDefs = reducers(reducerSchema('run', { what: t.string() }));

const REMOTE_MODULE = {
  versionInfo: { cliVersion: '2.10.1' as const },
  tables: tables.schemaType.tables,
  reducers: reducerDefs.reducersType.reducers,
  ...procedures(),
};

/** The official SDK's connection for every module of the suite that has probes. */
export class ProbeConnection extends DbConnectionImpl<typeof REMOTE_MODULE> {
  static builder = (): DbConnectionBuilder<ProbeConnection> =>
    // The generated bindings do the same; their types are the SDK's own.
    new DbConnectionBuilder<ProbeConnection>(REMOTE_MODULE as never, (config) => new ProbeConnection(config as never));
}
