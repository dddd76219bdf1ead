import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setGlobalLogLevel } from 'spacetimedb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/clock/clock.ts';
import type { Host } from '../../src/host.ts';
import { openHost } from '../../src/open-host.ts';
import { SchemaError } from '../../src/schema/schema-error.ts';
import { DbConnection } from '../fixtures/rls-rooms-bindings.ts';
import { bundleOf } from '../module-database.ts';

setGlobalLogLevel('error');

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe.each([
  ['in memory', { onDisk: false, served: false, isolation: 'none' }],
  ['on disk, over a WebSocket', { onDisk: true, served: true, isolation: 'none' }],
  ['in a thread, on disk', { onDisk: true, served: false, isolation: 'thread' }],
] as const)('a module with row-level security, %s', (_name, { onDisk, served, isolation }) => {
  let root: string;
  let host: Host;
  let address: string | undefined;

  async function start(): Promise<void> {
    const where = onDisk ? { data: join(root, 'data') } : { memory: true };
    host = await openHost({ ...where, isolation, logger: silentLogger });
    address = served ? (await host.serve({ host: '127.0.0.1', port: 0 })).address : undefined;
  }

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'row-security-'));
    await start();
  });
  afterEach(async () => {
    await host.close();
    await rm(root, { recursive: true, force: true });
  });

  interface Client {
    readonly connection: DbConnection;
    readonly token: string;
    isEnded: boolean;
  }

  function connect(token?: string): Promise<Client> {
    return new Promise((resolve, reject) => {
      const builder = DbConnection.builder()
        .withUri(address ?? 'ws://in-process')
        .withDatabaseName('rooms')
        .withToken(token)
        .onConnect((connection, _identity, issued) => {
          const client = { connection, token: issued, isEnded: false };
          clients.set(connection, client);
          connection
            .subscriptionBuilder()
            .onApplied(() => resolve(client))
            .onError(({ event }) => reject(event ?? new Error('refused')))
            .subscribe(['SELECT * FROM room', 'SELECT * FROM note']);
        })
        .onDisconnect((_context) => {
          for (const client of clients.values()) client.isEnded ||= !client.connection.isActive;
        })
        .onConnectError((_context, error) => reject(error));
      if (address === undefined) builder.withWSFn(host.connectInProcess);
      builder.build();
    });
  }
  const clients = new Map<DbConnection, Client>();

  const titles = ({ connection }: Client): string[] =>
    Array.from(connection.db.room.iter(), ({ title }) => title).sort();

  test('keeps its rules over a restart, and over a program that has the same', async () => {
    await host.publish({ name: 'rooms', module: await bundleOf('rls-rooms.ts') });
    const ada = await connect();
    await ada.connection.reducers.writeNote({ id: 5, text: 'of ada' });
    expect(titles(ada)).toEqual(['hall']);
    const same = (await bundleOf('rls-rooms.ts')).replace('of the owner', 'of the owner of the database');
    await host.publish({ name: 'rooms', module: same });
    expect(ada.isEnded).toBe(false);
    await ada.connection.reducers.enter({ roomId: 2 });
    expect(titles(ada)).toEqual(['cellar', 'hall']);
    if (!onDisk) return;
    ada.connection.disconnect();
    await host.close();
    await start();
    const bob = await connect();
    expect([titles(bob), bob.connection.db.note.count()]).toEqual([['hall'], 0n]);
    const again = await connect(ada.token);
    expect([titles(again), again.connection.db.note.count()]).toEqual([['cellar', 'hall'], 1n]);
  });

  test('ends its clients when its rules become others, and only where that is allowed', async () => {
    await host.publish({ name: 'rooms', module: await bundleOf('rls-rooms.ts') });
    const ada = await connect();
    const open = (await bundleOf('rls-rooms.ts')).replace(
      'SELECT * FROM room WHERE isOpen = TRUE',
      'SELECT * FROM room',
    );
    const plan = await host.planPublish({ name: 'rooms', module: open });
    expect(plan.breaksClients).toBe(true);
    expect(plan.steps).toEqual(
      expect.arrayContaining([
        { type: 'remove-row-level-security', sql: 'SELECT * FROM room WHERE isOpen = TRUE' },
        { type: 'add-row-level-security', sql: 'SELECT * FROM room' },
      ]),
    );
    await expect(host.publish({ name: 'rooms', module: open })).rejects.toMatchObject({
      code: 'database/breaks-clients',
    });
    expect([titles(ada), ada.isEnded]).toEqual([['hall'], false]);
    await host.publish({ name: 'rooms', module: open, policy: 'break-clients' });
    await until(() => ada.isEnded);
    expect(titles(await connect(ada.token))).toEqual(['cellar', 'hall']);
  });

  test('is refused with every rule that cannot be, and leaves what runs', async () => {
    const module = await bundleOf('rls-refused.ts');
    const refusal: unknown = await host.publish({ name: 'rooms', module }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(SchemaError);
    expect(refusal).toMatchObject({
      code: 'schema/invalid',
      problems: [
        { message: expect.stringMatching(/SELECT \* FROM missing.*no such table: `missing`/) },
        { message: expect.stringMatching(/SELECT \* FROM secret.*`secret` is private/) },
        { message: expect.stringMatching(/SELECT id FROM open.*must return a table type/) },
        { message: expect.stringMatching(/SELECT open\.\* FROM open JOIN secret.*`secret` is private/) },
      ],
    });
    expect(host.databases).toEqual([]);
    await host.publish({ name: 'rooms', module: await bundleOf('rls-rooms.ts') });
    const ada = await connect();
    await expect(host.publish({ name: 'rooms', module, policy: 'break-clients' })).rejects.toBeInstanceOf(SchemaError);
    await expect(host.planPublish({ name: 'rooms', module })).rejects.toBeInstanceOf(SchemaError);
    await ada.connection.reducers.enter({ roomId: 2 });
    expect(titles(ada)).toEqual(['cellar', 'hall']);
  });
});
