import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { identityToHex } from '../src/identity/identity.ts';
import { serveHost, type RunningServer } from '../src/server/serve.ts';
import { makeFakeHost, type FakeHost } from './session-fixtures/fake-host.ts';
import { connectSdk, subscribed, type DbConnection, type SdkOptions } from './session-fixtures/sdk-client.ts';

/** Waits for something that follows from what was done; fails by the test's own time limit. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

const valuesOf = (connection: DbConnection) =>
  [...connection.db.bag.iter()].map((row) => row.value).sort((a, b) => a - b);

describe.each(['in process', 'over a WebSocket'])('the official SDK %s', (transport) => {
  let host: FakeHost;
  let server: RunningServer | undefined;
  const open: DbConnection[] = [];

  beforeEach(async () => {
    host = await makeFakeHost();
    server = transport === 'in process' ? undefined : await serveHost(host, { host: '127.0.0.1', port: 0 });
  });
  afterEach(async () => {
    for (const connection of open.splice(0)) connection.disconnect();
    await server?.close();
    await host.sessions.close();
  });

  async function connect(options: SdkOptions = {}) {
    const client = await connectSdk(host, { address: server?.address, ...options });
    open.push(client.connection);
    return client;
  }

  test('connects, subscribes, calls and sees what others do, each change once', async () => {
    const ada = await connect();
    const bob = await connect();
    const seen: string[] = [];
    ada.connection.db.bag.onInsert((_ctx, row) => seen.push(`ada +${row.value}`));
    bob.connection.db.bag.onInsert((_ctx, row) => seen.push(`bob +${row.value}`));
    bob.connection.db.bag.onDelete((_ctx, row) => seen.push(`bob -${row.value}`));
    await subscribed(ada.connection, 'SELECT * FROM bag');
    await subscribed(bob.connection, 'SELECT * FROM bag');
    await ada.connection.reducers.add({ value: 1 });
    await ada.connection.reducers.add({ value: 2 });
    await ada.connection.reducers.remove({ value: 1 });
    await until(() => seen.length === 5);
    expect(valuesOf(ada.connection)).toEqual([2]);
    expect(valuesOf(bob.connection)).toEqual([2]);
    expect(seen.filter((entry) => entry.startsWith('ada'))).toEqual(['ada +1', 'ada +2']);
    expect(seen.filter((entry) => entry.startsWith('bob'))).toEqual(['bob +1', 'bob +2', 'bob -1']);
  });

  test("a caller's own change is in its cache when the call resolves, with the reducer's name", async () => {
    const { connection } = await connect();
    await subscribed(connection, 'SELECT * FROM bag');
    const events: string[] = [];
    connection.db.bag.onInsert((ctx) => {
      events.push(ctx.event.tag === 'Reducer' ? `Reducer ${ctx.event.value.reducer.name}` : ctx.event.tag);
    });
    await connection.reducers.add({ value: 7 });
    expect(valuesOf(connection)).toEqual([7]);
    expect(events).toEqual(['Reducer add']);
  });

  test('rows in overlapping subscriptions vanish with the last one that holds them', async () => {
    const { connection } = await connect();
    const all = await subscribed(connection, 'SELECT * FROM bag');
    const small = await subscribed(connection, 'SELECT * FROM bag WHERE value < 10');
    const events: string[] = [];
    connection.db.bag.onInsert((_ctx, row) => events.push(`+${row.value}`));
    connection.db.bag.onDelete((_ctx, row) => events.push(`-${row.value}`));
    await connection.reducers.add({ value: 5 });
    await connection.reducers.add({ value: 50 });
    await all.unsubscribe();
    expect(valuesOf(connection)).toEqual([5]);
    await connection.reducers.remove({ value: 5 });
    await small.unsubscribe();
    expect(events).toEqual(['+5', '+50', '-50', '-5']);
  });

  test('calls made before the connection is open are done in order', async () => {
    const { connection: follower } = await connect();
    await subscribed(follower, 'SELECT * FROM bag');
    const opened = connect();
    const { connection } = await opened;
    await Promise.all(Array.from({ length: 200 }, (_, value) => connection.reducers.add({ value })));
    await until(() => valuesOf(follower).length === 200);
    expect(valuesOf(follower)).toEqual(Array.from({ length: 200 }, (_, value) => value));
  });

  test('a refusal, a crash and an unknown reducer reject the call and leave the connection', async () => {
    const { connection } = await connect();
    await expect(connection.reducers.refuse({})).rejects.toThrow('no');
    await expect(connection.reducers.trap({})).rejects.toThrow('fatal error');
    await expect(connection.reducers.nothing({})).resolves.toBeUndefined();
    await expect(connection.procedures.echo({ value: 9 })).resolves.toBe(9);
  });

  test('a bad query is an error of its subscription only', async () => {
    const { connection } = await connect();
    await expect(subscribed(connection, 'SELECT * FROM nowhere')).rejects.toThrow(/no such table/);
    await subscribed(connection, 'SELECT * FROM bag');
  });

  test('event rows arrive once and are not kept', async () => {
    const { connection } = await connect();
    await subscribed(connection, 'SELECT * FROM alarm');
    const events: number[] = [];
    connection.db.alarm.onInsert((_ctx, row) => events.push(row.value));
    await connection.reducers.alarm({ value: 3 });
    expect(events).toEqual([3]);
  });

  test('an identity is kept by its token', async () => {
    const first = await connect();
    const second = await connect({ token: first.token });
    const stranger = await connect();
    expect(second.identity.toHexString()).toBe(first.identity.toHexString());
    expect(second.token).toBe(first.token);
    expect(stranger.identity.toHexString()).not.toBe(first.identity.toHexString());
    const [firstPayload, secondPayload] = host.database.jwtPayloads;
    expect(secondPayload).toBe(firstPayload);
  });

  test("the host's owner is the identity of its token", async () => {
    const { identity } = await connect({ token: host.credentials.ownerToken });
    expect(identity.toHexString()).toBe(identityToHex(host.credentials.owner));
  });

  test('a bad token, an unknown database and a module that refuses: a connect error', async () => {
    await expect(connect({ token: 'nonsense' })).rejects.toThrow();
    await expect(connect({ database: 'elsewhere' })).rejects.toThrow();
    host.database.refusal = 'members only';
    await expect(connect()).rejects.toThrow();
    expect(host.database.connected).toEqual([]);
  });

  test('a client that leaves is signed off; one whose host closes is told', async () => {
    const ada = await connect();
    let isBobGone = false;
    await connect({ onDisconnect: () => void (isBobGone = true) });
    expect(host.database.connected).toHaveLength(2);
    ada.connection.disconnect();
    await until(() => host.database.connected.length === 1);
    await host.sessions.close();
    await until(() => isBobGone);
    expect(host.database.connected).toEqual([]);
  });

  test('50 clients with 20 calls in flight each: every call answered, every cache the same', async () => {
    const clients = await Promise.all(Array.from({ length: 50 }, () => connect()));
    await Promise.all(clients.map(({ connection }) => subscribed(connection, 'SELECT * FROM bag')));
    await Promise.all(
      clients.flatMap(({ connection }, client) =>
        Array.from({ length: 20 }, (_, call) => connection.reducers.add({ value: client * 20 + call })),
      ),
    );
    await until(() => clients.every(({ connection }) => connection.db.bag.count() === 1000n));
    const expected = Array.from({ length: 1000 }, (_, value) => value);
    for (const { connection } of clients) expect(valuesOf(connection)).toEqual(expected);
  });
});

test('in process, what the application throws in a callback does not reach the host or other clients', async () => {
  const host = await makeFakeHost();
  const bad = await connectSdk(host);
  const good = await connectSdk(host);
  await subscribed(bad.connection, 'SELECT * FROM bag');
  await subscribed(good.connection, 'SELECT * FROM bag');
  let isFirst = true;
  bad.connection.db.bag.onInsert(() => {
    if (isFirst) {
      isFirst = false;
      throw new Error('of the application');
    }
  });
  const thrown: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => thrown.push(error));
  try {
    await good.connection.reducers.add({ value: 1 });
    await until(() => thrown.length > 0);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
  }
  expect(String(thrown[0])).toContain('of the application');
  await good.connection.reducers.add({ value: 2 });
  expect(valuesOf(good.connection)).toEqual([1, 2]);
  await host.sessions.close();
});
