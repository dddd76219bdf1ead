import { expect } from 'vitest';
import { call, oneOff, subscribe } from '../session-fixtures/test-client.ts';
import { bsatn, counter, strings } from './encoding.ts';
import { DbConnection } from './fixtures/conf-rooms-bindings.ts';
import { DATABASE, fixture } from './forms.ts';
import type { Version } from './protocol-client.ts';
import { section } from './rule.ts';

const MODULE = { module: fixture('conf-rooms.ts') };
const VERSIONS: readonly Version[] = ['v2', 'v3'];

section('Connections', MODULE, (rule) => {
  rule('the first message says who the client is, which connection it has, and its token', async (host) => {
    for (const version of VERSIONS) {
      const client = await host.dial({ as: 'ada', version });
      expect(client.messages).toHaveLength(1);
      expect(client.greeting).toEqual({
        type: 'initial',
        identity: await host.identityOf('ada'),
        connectionId: expect.any(BigInt),
        token: await host.tokenOf('ada'),
      });
      expect(client.greeting.connectionId).not.toBe(0n);
    }
  });
  rule('whoever comes without a token gets an identity and a token to keep it by', async (host) => {
    const first = await host.connect(DbConnection);
    const again = await host.connect(DbConnection, { token: first.token });
    const stranger = await host.connect(DbConnection);
    expect(again.identity.toHexString()).toBe(first.identity.toHexString());
    expect(again.token).toBe(first.token);
    expect(stranger.identity.toHexString()).not.toBe(first.identity.toHexString());
    expect(first.identity.toHexString()).toMatch(/^c200[0-9a-f]{60}$/);
  });
  rule('a token that is none, of another host, or changed by one letter is refused', async (host) => {
    const token = await host.tokenOf('ada');
    const [header, payload, signature] = token.split('.') as [string, string, string];
    const other = Buffer.from(
      JSON.stringify({ ...(JSON.parse(Buffer.from(payload, 'base64url').toString()) as object), sub: 'owner' }),
    );
    const bad = ['nonsense', `${header}.${payload}.`, `${header}.${other.toString('base64url')}.${signature}`];
    for (const forged of bad) await expect(host.connect(DbConnection, { token: forged })).rejects.toThrow();
    expect(await host.dial({ as: 'ada' })).toBeDefined();
  });
  rule(
    'messages are answered in the order in which they came, several in one payload as each in its own',
    async (host) => {
      for (const version of VERSIONS) {
        const client = await host.dial({ as: 'ada', version });
        const next = counter();
        const messages = Array.from({ length: 30 }, () => {
          const id = next();
          if (id % 3 === 0) return subscribe(id, id, 'SELECT * FROM team');
          return id % 3 === 1 ? call('reducer', id, 'steps', strings([])) : oneOff(id, 'SELECT * FROM team');
        });
        if (version === 'v3') client.say(...messages);
        else for (const message of messages) client.say(message);
        await client.until(() => client.messages.length === 31);
        expect(client.since(1).map((message) => 'requestId' in message && message.requestId)).toEqual(
          messages.map((_message, at) => at + 1),
        );
      }
    },
  );
  rule('a payload holds one message in v2 and at least one in v3', async (host) => {
    const single = await host.dial({ version: 'v2' });
    single.say(oneOff(1, 'SELECT * FROM team'), oneOff(2, 'SELECT * FROM team'));
    expect(await single.ended()).toMatchObject({ code: 1011, reason: expect.stringMatching(/\S/) });
    const empty = await host.dial({ version: 'v3' });
    empty.say();
    expect(await empty.ended()).toMatchObject({
      code: 1011,
      reason: expect.stringContaining('v3 websocket binary payload must contain at least one'),
    });
  });
  rule(
    'what cannot be read ends the connection with 1011 and a reason of at most 123 bytes, and no other connection',
    async (host) => {
      const witness = await host.dial({ as: 'witness' });
      const junk: readonly Uint8Array[] = [
        Uint8Array.of(99),
        Uint8Array.of(255, 1, 2, 3),
        subscribe(1, 1, 'SELECT * FROM team').slice(0, -1),
        call('reducer', 1, 'steps', strings([])).fill(7, 5, 6),
        Uint8Array.of(0, 1, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255),
        bsatn((writer) => {
          writer.u8(2);
          writer.u32(1);
          writer.byteArray(Uint8Array.of(0xff, 0xfe));
        }),
      ];
      for (const bytes of junk) {
        const client = await host.dial();
        client.say(bytes);
        const { code, reason } = await client.ended();
        expect([code, Buffer.byteLength(reason) > 0, Buffer.byteLength(reason) <= 123]).toEqual([1011, true, true]);
      }
      expect(await witness.ask(oneOff(1, 'SELECT * FROM team'))).toMatchObject({ error: undefined });
    },
  );
  rule('what came before a message that cannot be read is done', async (host) => {
    const client = await host.dial();
    const name = `before ${host.form}`;
    client.say(
      call(
        'reducer',
        1,
        'run',
        bsatn((writer) => writer.string(name)),
      ),
      Uint8Array.of(99),
    );
    await client.ended();
    expect(await host.noted(name)).toBe('');
  });
  rule('a client that hangs up is gone, its subscriptions with it, and others go on', async (host) => {
    const [one, other] = [await host.dial({ as: 'one' }), await host.dial({ as: 'other' })];
    for (const client of [one, other]) await client.ask(subscribe(1, 1, 'SELECT * FROM team'));
    one.close();
    await one.ended();
    await host.sql('DELETE FROM team');
    await host.sql(`INSERT INTO team (id, title) VALUES (5, 'five')`);
    await other.until(() => other.held('team').length === 1);
    expect(one.held('team')).toEqual([]);
  });
  rule('a client that waits for durability and one that does not see the same', async (host) => {
    await host.sql('DELETE FROM team');
    const clients = [await host.dial({ confirmed: true }), await host.dial({ confirmed: false })];
    for (const client of clients) await client.ask(subscribe(1, 1, 'SELECT * FROM team'));
    for (const client of clients) {
      const id = clients.indexOf(client);
      expect(await client.ask(call('reducer', 2, 'steps', strings([`team ${id} t`])))).toMatchObject({ outcome: 'ok' });
    }
    for (const client of clients) await client.until(() => client.held('team').length === 2);
    expect(clients[0]!.held('team')).toEqual(clients[1]!.held('team'));
  });
  rule('a database may be reached by its identity as well as by a name', async (host) => {
    const identity = host.hosted.identity.toString(16).padStart(64, '0');
    const answer = await host.http('GET', `/v1/database/${identity}/names`);
    expect(JSON.parse(answer.text)).toEqual({ names: [DATABASE] });
  });
});

section('Ends of connections', { ...MODULE, isFresh: true }, (rule) => {
  rule('clients of a database that is deleted are ended with 1001', async (host) => {
    const client = await host.dial();
    let isGone = false;
    await host.connect(DbConnection, { onDisconnect: () => (isGone = true) });
    await host.host.deleteDatabase(DATABASE);
    expect((await client.ended()).code).toBe(1001);
    await host.until(() => isGone);
    await expect(host.dial()).rejects.toThrow();
  });
  rule('clients of a host that closes have every answer to what was done, and are ended with 1001', async (host) => {
    const client = await host.dial();
    await client.ask(subscribe(1, 1, 'SELECT * FROM team'));
    for (let id = 1; id <= 20; id += 1) client.say(call('reducer', id, 'steps', strings([`team ${id} t`])));
    await client.until(() => client.messages.length > 2);
    await host.host.close();
    expect((await client.ended()).code).toBe(1001);
    const answered = client.messages.filter(({ type }) => type === 'reducer').length;
    expect(client.held('team')).toHaveLength(answered);
  });
});
