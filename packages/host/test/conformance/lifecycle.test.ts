import { expect } from 'vitest';
import { ConnectionId } from 'spacetimedb';
import { call } from '../session-fixtures/test-client.ts';
import { DbConnection } from './fixtures/conf-calls-bindings.ts';
import { bsatn } from './encoding.ts';
import { type ConformanceHost, fixture, subscribed } from './forms.ts';
import { section } from './rule.ts';

/** Has the module refuse somebody, or not any more. */
async function bar(host: ConformanceHost, name: string, how: string): Promise<void> {
  const owner = await host.dial({ as: 'owner' });
  const who = await host.identityOf(name);
  const args = bsatn((writer) => (writer.u256(who), writer.string(how)));
  expect(await owner.ask(call('reducer', 1, 'bar', args))).toMatchObject({ outcome: 'ok' });
  owner.close();
}

async function clientsOf(host: ConformanceHost, name: string): Promise<number> {
  const identity = await host.identityOf(name);
  const rows = await host.sql('SELECT * FROM st_client');
  return rows.filter((row) => row['identity'] === identity).length;
}

/** Resolves when nobody is connected any more. */
const settled = (host: ConformanceHost): Promise<void> =>
  host.until(async () => (await host.sql('SELECT * FROM st_client')).length === 0);

section('Lifecycle of clients', { module: fixture('conf-calls.ts') }, (rule) => {
  rule('init runs once, as the owner, without a connection, before anything else', async (host) => {
    const owner = (await host.identityOf('owner')).toString(16).padStart(64, '0');
    expect(await host.noted('init')).toBe(`${owner} null 0`);
    await host.restart();
    expect(await host.noted('init')).toBe(`${owner} null 0`);
  });
  rule(
    'client_connected has run, with the identity, connection and claims, when the client hears that it is connected',
    async (host) => {
      const { connection, identity } = await host.connect(DbConnection, { as: 'ada' });
      await subscribed(connection, 'SELECT * FROM visit');
      const [visit] = [...connection.db.visit.iter()].filter(({ who }) => who.isEqual(identity));
      expect(visit!.connection.isEqual(connection.connectionId)).toBe(true);
      expect(JSON.parse(visit!.claims)).toMatchObject({ iss: 'localhost', hex_identity: identity.toHexString() });
      expect(ConnectionId.fromString(connection.connectionId.toHexString()).isZero()).toBe(false);
    },
  );
  rule('one identity may have many connections, each with an id of its own', async (host) => {
    const clients = await Promise.all([1, 2, 3].map(() => host.dial({ as: 'many' })));
    expect(new Set(clients.map(({ greeting }) => greeting.connectionId)).size).toBe(3);
    expect(new Set(clients.map(({ greeting }) => greeting.identity)).size).toBe(1);
    expect(await clientsOf(host, 'many')).toBe(3);
  });
  rule('client_disconnected runs when a client leaves, and its rows go with it', async (host) => {
    await settled(host);
    const { connection } = await host.connect(DbConnection, { as: 'leaving' });
    const before = Number((await host.noted('left')) ?? '0');
    expect(await clientsOf(host, 'leaving')).toBe(1);
    connection.disconnect();
    await host.until(async () => (await clientsOf(host, 'leaving')) === 0);
    expect(Number(await host.noted('left'))).toBe(before + 1);
  });
  rule('a client whom the module refuses is not connected, and leaves nothing', async (host) => {
    for (const how of ['refuse', 'crash']) {
      await bar(host, 'eve', how);
      await expect(host.connect(DbConnection, { as: 'eve' }), how).rejects.toThrow();
      expect(await clientsOf(host, 'eve')).toBe(0);
      const who = await host.identityOf('eve');
      expect((await host.sql('SELECT who FROM visit')).filter((row) => row['who'] === who)).toEqual([]);
    }
    await bar(host, 'eve', '');
    await host.connect(DbConnection, { as: 'eve' });
  });
  rule(
    'when client_disconnected fails, what it did is taken back and the client is gone all the same',
    async (host) => {
      await bar(host, 'stubborn', '');
      const { connection } = await host.connect(DbConnection, { as: 'stubborn' });
      await bar(host, 'stubborn', 'stay');
      await host.until(async () => (await host.sql('SELECT * FROM st_client')).length === 1);
      const before = await host.noted('left');
      connection.disconnect();
      await host.until(async () => (await clientsOf(host, 'stubborn')) === 0);
      expect(await host.noted('left')).toBe(before);
      const who = await host.identityOf('stubborn');
      expect((await host.sql('SELECT who FROM visit')).filter((row) => row['who'] === who)).toHaveLength(1);
      await bar(host, 'stubborn', '');
    },
  );
  rule(
    'an HTTP call and an SQL request connect and disconnect their caller, and one that is refused is 403',
    async (host) => {
      await settled(host);
      const before = Number((await host.noted('left')) ?? '0');
      const json = { 'content-type': 'application/json' };
      const answer = await host.http('POST', '/v1/database/test/call/run', {
        as: 'web',
        headers: json,
        body: '["context of a call"]',
      });
      expect(answer.status).toBe(200);
      await host.http('POST', '/v1/database/test/sql', { as: 'web', body: 'SELECT * FROM person' });
      await host.until(async () => Number(await host.noted('left')) === before + 2);
      expect(await clientsOf(host, 'web')).toBe(0);
      await bar(host, 'web', 'refuse');
      for (const path of ['call/run', 'sql']) {
        const refused = await host.http('POST', `/v1/database/test/${path}`, {
          as: 'web',
          headers: json,
          body: '["x"]',
        });
        expect([refused.status, refused.text]).toEqual([403, 'you may not come in']);
      }
      await bar(host, 'web', '');
    },
  );
  rule('after a restart nobody is connected who was, and identities are kept by their tokens', async (host) => {
    const { token, identity } = await host.connect(DbConnection, {});
    await host.restart();
    expect(await host.sql('SELECT * FROM st_client')).toEqual([]);
    const again = await host.connect(DbConnection, { token });
    expect(again.identity.toHexString()).toBe(identity.toHexString());
    expect(again.token).toBe(token);
  });
});
