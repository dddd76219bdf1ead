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
  person: table({ name: 'person' }, { id: t.u64().primaryKey(), name: t.string(), team: t.string(), age: t.u32() }),
  note: table({ name: 'note' }, { text: t.string(), size: t.u32() }),
  signal: table({ name: 'signal', event: true }, { text: t.string() }),
  result: table({ name: 'result' }, { key: t.string().primaryKey(), value: t.string() }),
  visit: table(
    { name: 'visit' },
    { connection: t.connectionId().primaryKey(), identity: t.identity(), subject: t.string() },
  ),
});
const reducerDefs = reducers(
  reducerSchema('add_person', { name: t.string(), team: t.string(), age: t.u32() }),
  reducerSchema('rename_person', { id: t.u64(), name: t.string() }),
  reducerSchema('remove_person', { id: t.u64() }),
  reducerSchema('write_notes', { count: t.u32(), size: t.u32() }),
  reducerSchema('fail_after_write', { how: t.string() }),
  reducerSchema('leak_iterators', { count: t.u32() }),
);
const procedureDefs = procedures(
  procedureSchema('count_people', { team: t.string() }, t.u64()),
  procedureSchema('move_team', { from: t.string(), to: t.string(), how: t.string() }, t.u32()),
);

const REMOTE_MODULE = {
  versionInfo: { cliVersion: '2.10.1' as const },
  tables: tables.schemaType.tables,
  reducers: reducerDefs.reducersType.reducers,
  ...procedureDefs,
};

/** The official SDK's connection for the module `people.ts`. */
export class PeopleConnection extends DbConnectionImpl<typeof REMOTE_MODULE> {
  static builder = (): DbConnectionBuilder<PeopleConnection> =>
    new DbConnectionBuilder<PeopleConnection>(
      REMOTE_MODULE as never,
      (config) => new PeopleConnection(config as never),
    );
}

export interface PeopleOptions {
  address?: string | undefined;
  token?: string | undefined;
}

export interface PeopleClient {
  connection: PeopleConnection;
  identity: Identity;
  token: string;
}

/** Connects over a socket when there is an address, else in process. */
export function connectPeople(host: ServedHost, options: PeopleOptions = {}): Promise<PeopleClient> {
  return new Promise((resolve, reject) => {
    const builder = PeopleConnection.builder()
      .withUri(options.address ?? 'ws://in-process.invalid')
      .withDatabaseName('test')
      .withToken(options.token)
      .onConnect((connection, identity, token) => resolve({ connection, identity, token }))
      .onConnectError((_ctx, error) => reject(error))
      .onDisconnect(() => reject(new Error('disconnected')));
    if (options.address === undefined) builder.withWSFn(makeInProcessConnector(host));
    builder.build();
  });
}

/** Subscribes and resolves when the snapshot is there. */
export function followPeople(connection: PeopleConnection, ...queries: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    connection
      .subscriptionBuilder()
      .onApplied(() => resolve())
      .onError((ctx) => reject(ctx.event))
      .subscribe(queries);
  });
}
