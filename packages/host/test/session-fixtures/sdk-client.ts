import {
  DbConnectionBuilder,
  DbConnectionImpl,
  procedures,
  procedureSchema,
  reducers,
  reducerSchema,
  schema,
  setGlobalLogLevel,
  t,
  table,
  type Identity,
} from 'spacetimedb';
import { makeInProcessConnector } from '../../src/session/in-process.ts';
import type { ServedHost } from '../../src/session/served-host.ts';

setGlobalLogLevel('error');

const tables = schema({
  bag: table({ name: 'bag' }, { value: t.u32() }),
  alarm: table({ name: 'alarm', event: true }, { value: t.u32() }),
  note: table({ name: 'note' }, { text: t.string() }),
});
const reducerDefs = reducers(
  reducerSchema('add', { value: t.u32() }),
  reducerSchema('remove', { value: t.u32() }),
  reducerSchema('alarm', { value: t.u32() }),
  reducerSchema('note', { text: t.string() }),
  reducerSchema('refuse', {}),
  reducerSchema('trap', {}),
  reducerSchema('nothing', {}),
);
const procedureDefs = procedures(procedureSchema('echo', { value: t.u32() }, t.u32()));

const REMOTE_MODULE = {
  versionInfo: { cliVersion: '2.10.1' as const },
  tables: tables.schemaType.tables,
  reducers: reducerDefs.reducersType.reducers,
  ...procedureDefs,
};

/** The official SDK's connection for the tables and reducers of `FakeDatabase`. */
export class DbConnection extends DbConnectionImpl<typeof REMOTE_MODULE> {
  static builder = (): DbConnectionBuilder<DbConnection> =>
    new DbConnectionBuilder<DbConnection>(REMOTE_MODULE as never, (config) => new DbConnection(config as never));
}

export interface SdkOptions {
  /** Base address of a server; absent: in process. */
  address?: string | undefined;
  token?: string | undefined;
  confirmedReads?: boolean;
  database?: string;
  onDisconnect?: () => void;
}

export interface SdkClient {
  connection: DbConnection;
  identity: Identity;
  token: string;
}

/** Connects the SDK over a socket or in process, and resolves when it is connected. */
export function connectSdk(host: ServedHost, options: SdkOptions = {}): Promise<SdkClient> {
  return new Promise((resolve, reject) => {
    const builder = DbConnection.builder()
      .withUri(options.address ?? 'ws://in-process.invalid')
      .withDatabaseName(options.database ?? 'test')
      .withToken(options.token)
      .onConnect((connection, identity, token) => resolve({ connection, identity, token }))
      .onConnectError((_ctx, error) => reject(error))
      .onDisconnect(() => {
        options.onDisconnect?.();
        reject(new Error('disconnected'));
      });
    if (options.confirmedReads !== undefined) builder.withConfirmedReads(options.confirmedReads);
    if (options.address === undefined) builder.withWSFn(makeInProcessConnector(host));
    builder.build();
  });
}

/** Subscribes and resolves when the snapshot is there. */
export function subscribed(connection: DbConnection, ...queries: string[]): Promise<{ unsubscribe(): Promise<void> }> {
  return new Promise((resolve, reject) => {
    const handle = connection
      .subscriptionBuilder()
      .onApplied(() => resolve({ unsubscribe: () => new Promise((ended) => handle.unsubscribeThen(() => ended())) }))
      .onError((ctx) => reject(ctx.event))
      .subscribe(queries);
  });
}
