import { afterEach, beforeEach, expect, test } from 'vitest';
import { ST_CLIENT } from '../src/datastore/system-tables.ts';
import type { Host } from '../src/host.ts';
import { openHost } from '../src/open-host.ts';
import { silentLogger } from '../src/clock/clock.ts';
import type { RunningServer } from '../src/server/serve.ts';
import { bundleOf } from './module-database.ts';
import { call, oneOff, subscribe } from './session-fixtures/test-client.ts';
import { WireClient } from './session-fixtures/wire-client.ts';

/** Each row meets each row: a commit of n rows of one value has n * n matches. */
const SELF_JOIN = 'SELECT a.* FROM pair a JOIN pair b ON a.value = b.value';

let host: Host;
let server: RunningServer;

beforeEach(async () => {
  const limits = { subscriptions: { rowsPerQueryMax: 5_000 } };
  host = await openHost({ memory: true, logger: silentLogger, limits });
  await host.createDatabase({ name: 'test', module: await bundleOf('pairs.ts') });
  server = await host.serve({ host: '127.0.0.1', port: 0 });
});

afterEach(() => host.close());

const addEqual = (requestId: number, first: number, count: number) =>
  call('reducer', requestId, 'add_equal', new Uint8Array(Uint32Array.of(first, count).buffer));

async function follow(...queries: string[]): Promise<WireClient> {
  const client = await WireClient.open(server.address);
  expect(await client.ask(subscribe(1, 1, ...queries))).toMatchObject({ type: 'subscribed' });
  return client;
}

const connectedClients = () => host.database('test').local.committed.table(ST_CLIENT.id).rowCount;

test('a client whose query grows over the limit in a commit is ended with 1011; the commit and the others go on', async () => {
  const failing = await follow(SELF_JOIN);
  const alike = await follow('SELECT * FROM pair WHERE id < 1000', SELF_JOIN);
  const other = await follow('SELECT * FROM pair');
  const writer = await WireClient.open(server.address);
  expect(await writer.ask(addEqual(1, 0, 100))).toMatchObject({ type: 'reducer', outcome: 'ok' });
  for (const client of [failing, alike]) {
    expect(await client.ended()).toEqual({ code: 1011, reason: expect.stringMatching(/5.?000/) });
    // Half of a commit is worse than none.
    expect(client.messages.filter(({ type }) => type === 'update')).toEqual([]);
  }
  await other.until(() => other.messages.length === 3);
  expect(other.messages[2]).toMatchObject({ type: 'update', updates: [{ table: 'pair' }] });
  expect(await other.ask(oneOff(2, 'SELECT * FROM pair WHERE id = 99'))).toMatchObject({
    tables: [{ rows: [expect.any(String)] }],
  });
  expect(connectedClients()).toBe(2);

  // The next commit finds nothing left of them, and small joins are followed as ever.
  expect(await writer.ask(addEqual(2, 100, 1))).toMatchObject({ outcome: 'ok' });
  await other.until(() => other.messages.some((message) => message.type === 'update' && message !== other.messages[2]));
});

test('a caller whose own query fails by its call is ended, and its call stands', async () => {
  const caller = await follow(SELF_JOIN);
  caller.socket.send(addEqual(2, 0, 100));
  expect(await caller.ended()).toMatchObject({ code: 1011 });
  const again = await WireClient.open(server.address);
  const counted = await again.ask(oneOff(1, 'SELECT * FROM pair'));
  expect(counted.type === 'one-off' ? counted.tables?.[0]?.rows.length : 0).toBe(100);
  expect(await again.ask(subscribe(2, 1, SELF_JOIN))).toMatchObject({ type: 'subscription-error', requestId: 2 });
  expect(await again.ask(subscribe(3, 1, 'SELECT * FROM pair'))).toMatchObject({ type: 'subscribed' });
});

test('a query that stays under the limit is followed through many commits', async () => {
  const follower = await follow(SELF_JOIN);
  const writer = await WireClient.open(server.address);
  for (let id = 0; id < 30; id += 1) await writer.ask(addEqual(id, id, 1));
  await follower.until(() => follower.messages.length === 32);
  // Each new row meets all that are there and itself, and they meet it.
  const matches = follower.messages.flatMap((message) =>
    message.type === 'update' ? message.updates.map(({ inserts }) => inserts.length) : [],
  );
  expect(matches).toEqual(Array.from({ length: 30 }, (_, id) => 2 * id + 1));
});
