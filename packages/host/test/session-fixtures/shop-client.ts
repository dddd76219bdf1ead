import {
  DbConnectionBuilder,
  DbConnectionImpl,
  reducers,
  reducerSchema,
  schema,
  setGlobalLogLevel,
  t,
  table,
} from 'spacetimedb';
import { makeInProcessConnector } from '../../src/session/in-process.ts';
import type { ServedHost } from '../../src/session/served-host.ts';

setGlobalLogLevel('error');

const tables = schema({
  product: table(
    { name: 'product' },
    { id: t.u64().primaryKey(), name: t.string(), price: t.u32(), kind: t.enum('Kind', ['fruit', 'bread']) },
  ),
  event: table({ name: 'event' }, { text: t.string() }),
  cheap: table({ name: 'cheap' }, { name: t.string() }),
});
const reducerDefs = reducers(
  reducerSchema('add_product', { name: t.string(), price: t.u32() }),
  reducerSchema('arm', { micros: t.i64() }),
);

const REMOTE_MODULE = {
  versionInfo: { cliVersion: '2.10.1' as const },
  tables: tables.schemaType.tables,
  reducers: reducerDefs.reducersType.reducers,
  procedures: [],
};

/** The official SDK's connection for the module `shop.ts`. */
export class ShopConnection extends DbConnectionImpl<typeof REMOTE_MODULE> {
  static builder = (): DbConnectionBuilder<ShopConnection> =>
    new DbConnectionBuilder<ShopConnection>(REMOTE_MODULE as never, (config) => new ShopConnection(config as never));
}

/** A customer: connected, subscribed, and knowing whether it was ended. */
export interface Customer {
  readonly connection: ShopConnection;
  readonly ended: Promise<void>;
  isEnded: boolean;
}

/** Connects over a socket when there is an address, else in process, and subscribes. */
export async function connectCustomer(
  host: ServedHost,
  address: string | undefined,
  ...queries: readonly string[]
): Promise<Customer> {
  const customer = await new Promise<Customer>((resolve, reject) => {
    let end: () => void = () => undefined;
    const ended = new Promise<void>((settle) => (end = settle));
    const builder = ShopConnection.builder()
      .withUri(address ?? 'ws://in-process.invalid')
      .withDatabaseName('shop')
      .onConnect((connection) => {
        made.connection = connection;
        resolve(made);
      })
      .onConnectError((_ctx, error) => reject(error))
      .onDisconnect(() => {
        made.isEnded = true;
        end();
      });
    const made = { ended, isEnded: false } as { connection: ShopConnection; ended: Promise<void>; isEnded: boolean };
    if (address === undefined) builder.withWSFn(makeInProcessConnector(host));
    builder.build();
  });
  await new Promise<void>((resolve, reject) => {
    customer.connection
      .subscriptionBuilder()
      .onApplied(() => resolve())
      .onError((ctx) => reject(ctx.event))
      .subscribe([...queries]);
  });
  return customer;
}
