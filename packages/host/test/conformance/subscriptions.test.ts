import { expect } from 'vitest';
import type { DecodedUpdate } from '../session-fixtures/decode-server-message.ts';
import { call, oneOff, subscribe, unsubscribe } from '../session-fixtures/test-client.ts';
import { bsatn, hex, strings } from './encoding.ts';
import { DbConnection } from './fixtures/conf-rooms-bindings.ts';
import { type ConformanceHost, fixture, subscribed } from './forms.ts';
import type { ProtocolClient } from './protocol-client.ts';
import { section } from './rule.ts';

const MODULE = { module: fixture('conf-rooms.ts') };

const member = (id: number, name: string, team: number): string =>
  hex(bsatn((writer) => (writer.u32(id), writer.string(name), writer.u32(team))));
const team = (id: number, title: string): string => hex(bsatn((writer) => (writer.u32(id), writer.string(title))));

/** Changes the tables as somebody else than the clients under test. */
async function apply(host: ConformanceHost, ...list: string[]): Promise<void> {
  const client = await host.dial({ as: 'writer' });
  const answer = await client.ask(call('reducer', 1, 'steps', strings(list)));
  expect(answer).toMatchObject({ outcome: 'ok' });
  client.close();
}

const own = (client: ProtocolClient, ...list: string[]) => client.ask(call('reducer', 77, 'steps', strings(list)));

/** The updates that came since a moment, table by table. */
const changes = (client: ProtocolClient, from: number): string[] =>
  client.since(from).flatMap((message) => (message.type === 'update' ? message.updates.map(describeUpdate) : []));

const describeUpdate = ({ querySetId, table, inserts, deletes }: DecodedUpdate): string =>
  `${querySetId} ${table} +${inserts.length} -${deletes.length}`;

section('Subscriptions', MODULE, (rule) => {
  rule(
    'rows that match come with the answer, and later commits behind it: none is missed, none twice',
    async (host) => {
      await apply(host, 'wipe');
      const writer = await host.dial({ as: 'writer' });
      const watchers = await Promise.all(Array.from({ length: 5 }, () => host.dial()));
      for (let id = 1; id <= 40; id += 1) {
        writer.say(call('reducer', id, 'steps', strings([`member ${id} m${id} ${id % 3}`])));
        if (id % 8 === 0) watchers[id / 8 - 1]!.say(subscribe(id, 1, 'SELECT * FROM member'));
      }
      for (const watcher of watchers) await watcher.until(() => watcher.held('member').length === 40);
      // A strict cache holds each row once: nothing came with the snapshot and again as an update.
      for (const watcher of watchers) expect(new Set(watcher.held('member')).size).toBe(40);
    },
  );
  rule('all queries of a set are of one moment, and answered together', async (host) => {
    await apply(host, 'wipe', 'member 1 ada 7', 'team 7 red');
    const client = await host.dial();
    const answer = await client.ask(subscribe(3, 9, 'SELECT * FROM member', '  SELECT * FROM team ; '));
    expect(answer).toMatchObject({ type: 'subscribed', requestId: 3, querySetId: 9 });
    expect(client.held('member')).toEqual([member(1, 'ada', 7)]);
    expect(client.held('team')).toEqual([team(7, 'red')]);
  });
  rule('a set of no queries is answered with no tables, and one whose tables are empty too', async (host) => {
    await apply(host, 'wipe');
    const client = await host.dial();
    expect(await client.ask(subscribe(1, 1))).toMatchObject({ type: 'subscribed', tables: [] });
    expect(await client.ask(subscribe(2, 2, 'SELECT * FROM member'))).toMatchObject({ type: 'subscribed', tables: [] });
  });
  rule('one query that is wrong refuses the whole set by its own error, and the id is free again', async (host) => {
    await apply(host, 'wipe', 'member 1 ada 7');
    const client = await host.dial();
    const answer = await client.ask(subscribe(4, 2, 'SELECT * FROM member', 'SELECT * FROM nowhere'));
    expect(answer).toEqual({
      type: 'subscription-error',
      requestId: 4,
      querySetId: 2,
      message: expect.stringMatching(/^no such table: `nowhere`.*, executing: `SELECT \* FROM nowhere`$/),
    });
    await apply(host, 'member 2 bob 7');
    expect(await client.ask(subscribe(5, 2, 'SELECT * FROM member'))).toMatchObject({ type: 'subscribed' });
    expect(client.held('member')).toHaveLength(2);
    expect(client.messages.filter(({ type }) => type === 'update')).toEqual([]);
  });
  rule('an id that is in use ends the connection with 1011 and its name', async (host) => {
    const client = await host.dial();
    await client.ask(subscribe(1, 5, 'SELECT * FROM team'));
    client.say(subscribe(2, 5, 'SELECT * FROM member'));
    const { code, reason } = await client.ended();
    expect(code).toBe(1011);
    expect(reason).toMatch(/^Subscription with id 5 already exists for this client/);
  });
  rule('unsubscribing gives the rows of that moment back when asked to, and none when not', async (host) => {
    await apply(host, 'wipe', 'member 1 ada 7');
    const client = await host.dial();
    await client.ask(subscribe(1, 1, 'SELECT * FROM member', 'SELECT * FROM member WHERE id = 1'));
    await own(client, 'member 2 bob 7');
    expect(client.held('member')).toHaveLength(3);
    const answer = await client.ask(unsubscribe(2, 1, true));
    expect(answer).toMatchObject({ type: 'unsubscribed', requestId: 2, querySetId: 1 });
    expect(client.held('member')).toEqual([]);
    await client.ask(subscribe(3, 1, 'SELECT * FROM member'));
    expect(await client.ask(unsubscribe(4, 1, false))).toMatchObject({ type: 'unsubscribed', tables: undefined });
    await client.ask(subscribe(5, 6, 'SELECT * FROM team'));
    await apply(host, '-member 1');
    expect(await client.ask(unsubscribe(6, 6, true))).toMatchObject({ type: 'unsubscribed', tables: [] });
  });
  rule('unsubscribing what is not subscribed is an error of that request alone', async (host) => {
    const client = await host.dial();
    expect(await client.ask(unsubscribe(9, 33, true))).toMatchObject({
      type: 'subscription-error',
      requestId: 9,
      querySetId: 33,
      message: expect.stringMatching(/^Subscription not found/),
    });
    expect(await client.ask(subscribe(10, 33, 'SELECT * FROM team'))).toMatchObject({ type: 'subscribed' });
  });
  rule(
    'a row counts once for each query of a set that it matches; the same text in one set counts once, in two sets twice',
    async (host) => {
      await apply(host, 'wipe', 'member 1 ada 7');
      const client = await host.dial();
      const held = async (requestId: number, ...queries: string[]): Promise<number> => {
        const before = client.held('member').length;
        await client.ask(subscribe(requestId, requestId, ...queries));
        return client.held('member').length - before;
      };
      expect(await held(1, 'SELECT * FROM member', 'SELECT * FROM member')).toBe(1);
      expect(await held(2, 'SELECT * FROM member')).toBe(1);
      expect(await held(3, 'SELECT * FROM member', 'SELECT * FROM member WHERE team_id = 7')).toBe(2);
      expect(await held(4, 'SELECT * FROM member WHERE team_id = 8')).toBe(0);
      await own(client, '*member 1 eve 8');
      expect(client.held('member')).toEqual(Array.from({ length: 4 }, () => member(1, 'eve', 8)));
      await own(client, '-member 1');
      expect(client.held('member')).toEqual([]);
    },
  );
  rule('a join gives each row as often as it has partners, and keeps count as partners come and go', async (host) => {
    await apply(host, 'wipe', 'member 1 ada 7', 'member 2 bob 8', 'badge 7 1', 'badge 7 2');
    const client = await host.dial();
    await client.ask(subscribe(1, 1, 'SELECT m.* FROM member m JOIN badge b ON m.team_id = b.team_id'));
    expect(client.held('member')).toEqual([member(1, 'ada', 7), member(1, 'ada', 7)]);
    const seen = client.messages.length;
    await apply(host, 'badge 7 3');
    await apply(host, 'badge 8 1', '-badge 7 1');
    await apply(host, '*member 1 ada 9');
    await apply(host, 'badge 9 1', '*member 2 bob 7');
    await client.until(() => client.held('member').filter((row) => row === member(2, 'bob', 7)).length === 2);
    expect(client.held('member')).toEqual([member(1, 'ada', 9), member(2, 'bob', 7), member(2, 'bob', 7)].sort());
    expect(changes(client, seen)).toEqual(['1 member +1 -0', '1 member +1 -1', '1 member +0 -2', '1 member +3 -1']);
  });
  rule('both sides of a join may change in one transaction; what nets to nothing is not told', async (host) => {
    await apply(host, 'wipe', 'member 1 ada 7', 'team 7 red');
    const client = await host.dial();
    await client.ask(subscribe(1, 1, 'SELECT member.* FROM member JOIN team ON member.team_id = team.id'));
    const seen = client.messages.length;
    await apply(host, '*team 7 crimson');
    await apply(host, '-team 7', 'team 7 again');
    await apply(host, '*member 1 ada 8', 'team 8 blue');
    await client.until(() => client.held('member').includes(member(1, 'ada', 8)));
    expect(changes(client, seen)).toEqual(['1 member +1 -1']);
  });
  rule('a condition on the partner decides as well as one on the row', async (host) => {
    await apply(host, 'wipe', 'member 1 ada 7', 'member 2 bob 8', 'team 7 red', 'team 8 blue');
    const client = await host.dial();
    await client.ask(
      subscribe(
        1,
        1,
        `SELECT m.* FROM member AS m JOIN team ON m.team_id = team.id WHERE team.title = 'red' AND m.id < 9`,
      ),
    );
    expect(client.held('member')).toEqual([member(1, 'ada', 7)]);
    await own(client, '*team 8 red', '*team 7 blue');
    expect(client.held('member')).toEqual([member(2, 'bob', 8)]);
  });
  rule('a row that an update brings into a query is inserted, one that it takes out deleted', async (host) => {
    await apply(host, 'wipe', 'member 1 ada 7');
    const client = await host.dial();
    await client.ask(subscribe(1, 1, 'SELECT * FROM member WHERE team_id = 7'));
    await client.ask(subscribe(2, 2, 'SELECT * FROM member WHERE team_id = 8'));
    const answer = await own(client, '*member 1 ada 8');
    expect(answer.type === 'reducer' ? answer.updates.map(describeUpdate) : answer).toEqual([
      '1 member +0 -1',
      '2 member +1 -0',
    ]);
  });
  rule('one transaction is one message to a client, with all its sets', async (host) => {
    await apply(host, 'wipe');
    const client = await host.dial();
    for (const id of [1, 2, 3]) await client.ask(subscribe(id, id, 'SELECT * FROM member', 'SELECT * FROM team'));
    const seen = client.messages.length;
    await apply(host, 'member 1 ada 7', 'team 7 red', 'member 2 bob 7');
    await client.until(() => client.messages.length > seen);
    expect(changes(client, seen)).toEqual([1, 2, 3].flatMap((id) => [`${id} member +2 -0`, `${id} team +1 -0`]));
    expect(client.since(seen)).toHaveLength(1);
  });
  rule(
    'whoever called learns of its own changes in the result, and by nothing else; its other connections by an update',
    async (host) => {
      await apply(host, 'wipe');
      const [caller, other] = [await host.dial({ as: 'ada' }), await host.dial({ as: 'ada' })];
      for (const client of [caller, other]) await client.ask(subscribe(1, 1, 'SELECT * FROM member'));
      const [before, seen] = [caller.messages.length, other.messages.length];
      expect(await own(caller, 'member 1 ada 7')).toMatchObject({ outcome: 'ok', updates: [{ table: 'member' }] });
      await other.until(() => other.messages.length > seen);
      expect(other.since(seen)).toMatchObject([{ type: 'update', updates: [{ table: 'member' }] }]);
      expect(await own(caller, 'team 1 red')).toMatchObject({ outcome: 'ok', updates: [] });
      expect(caller.since(before).map(({ type }) => type)).toEqual(['reducer', 'reducer']);
    },
  );
  rule('every client sees commits in the same order', async (host) => {
    await apply(host, 'wipe', 'member 1 x 0');
    const watchers = await Promise.all([1, 2, 3].map(() => host.dial()));
    for (const watcher of watchers) await watcher.ask(subscribe(1, 1, 'SELECT * FROM member'));
    const writers = await Promise.all(['a', 'b', 'c'].map((as) => host.dial({ as })));
    for (let turn = 1; turn <= 15; turn += 1) {
      for (const [at, writer] of writers.entries()) {
        writer.say(call('reducer', turn, 'steps', strings([`*member 1 w${at}n${turn} 0`])));
      }
    }
    const orderOf = (watcher: ProtocolClient): string[] =>
      watcher.messages.flatMap((message) =>
        message.type === 'update' ? message.updates.flatMap(({ inserts }) => inserts) : [],
      );
    for (const watcher of watchers) await watcher.until(() => orderOf(watcher).length === 45);
    for (const watcher of watchers) expect(orderOf(watcher)).toEqual(orderOf(watchers[0]!));
  });
  rule('events come once for each query, as events, and are in no snapshot', async (host) => {
    const client = await host.dial();
    await client.ask(subscribe(1, 1, 'SELECT * FROM bell', 'SELECT * FROM bell WHERE team_id = 7'));
    const answer = await own(client, 'bell 7 ring', 'bell 8 rang');
    expect(answer).toMatchObject({ outcome: 'ok', updates: [{ table: 'bell', isEvent: true }, { isEvent: true }] });
    expect(answer.type === 'reducer' && answer.updates.map(({ inserts }) => inserts.length).sort()).toEqual([1, 2]);
    expect(await client.ask(subscribe(2, 2, 'SELECT * FROM bell'))).toMatchObject({ type: 'subscribed', tables: [] });
  });
  rule('"SELECT * FROM *" is every table that its asker may see, but events', async (host) => {
    await apply(host, 'wipe', 'member 1 ada 7', 'secret 1 hush', 'team 7 red');
    const guest = await host.dial({ as: 'guest' });
    await guest.ask(subscribe(1, 1, 'select * from *'));
    expect([guest.held('member').length, guest.held('team').length, guest.held('secret').length]).toEqual([1, 1, 0]);
    const answer = await own(guest, 'bell 7 ring', 'secret 2 whisper', 'link 1 word');
    expect(answer.type === 'reducer' && answer.updates.map(({ table }) => table)).toEqual(['loose_link']);
  });
  rule('a private table is there for the owner, and does not exist for anybody else', async (host) => {
    await apply(host, 'wipe', 'secret 1 hush');
    const guest = await host.dial({ as: 'guest' });
    expect(await guest.ask(subscribe(1, 1, 'SELECT * FROM secret'))).toMatchObject({
      message: expect.stringContaining('no such table: `secret`. If the table exists, it may be marked private.'),
    });
    const owner = await host.dial({ as: 'owner' });
    await owner.ask(subscribe(1, 1, 'SELECT * FROM secret'));
    expect(owner.held('secret')).toHaveLength(1);
    expect(await owner.ask(oneOff(2, 'SELECT * FROM st_client'))).toMatchObject({ tables: [{ table: 'st_client' }] });
    expect(await guest.ask(oneOff(2, 'SELECT * FROM st_connection_credentials'))).toMatchObject({ tables: undefined });
  });
  rule('tables and columns may be called by either name; messages have the canonical one', async (host) => {
    await apply(host, 'wipe', 'link 1 word', 'link 2 other');
    const client = await host.dial();
    const answer = await client.ask(
      subscribe(1, 1, 'SELECT * FROM looseLink WHERE memberId = 1', 'SELECT * FROM "loose_link" WHERE "member_id" = 2'),
    );
    expect(answer.type === 'subscribed' && answer.tables.map(({ table }) => table)).toEqual([
      'loose_link',
      'loose_link',
    ]);
  });
  rule('a query of one time is answered with one table, or with why not', async (host) => {
    await apply(host, 'wipe', 'member 1 ada 7', 'team 7 red');
    const client = await host.dial();
    expect(await client.ask(oneOff(1, 'SELECT * FROM member'))).toEqual({
      type: 'one-off',
      requestId: 1,
      tables: [{ table: 'member', rows: [member(1, 'ada', 7)] }],
      error: undefined,
    });
    expect(await client.ask(oneOff(2, 'SELECT * FROM member WHERE id = 9'))).toMatchObject({ tables: [{ rows: [] }] });
    expect(await client.ask(oneOff(3, 'SELECT id FROM member'))).toMatchObject({
      tables: undefined,
      error: expect.any(String),
    });
    expect(await client.ask(oneOff(4, 'SELECT * FROM member LIMIT 1'))).toMatchObject({ error: expect.any(String) });
  });
  rule('what SQL changes is told to who has subscribed', async (host) => {
    await apply(host, 'wipe');
    const client = await host.dial();
    await client.ask(subscribe(1, 1, 'SELECT * FROM team'));
    await host.sql(`INSERT INTO team (id, title) VALUES (1, 'one'), (2, 'two')`);
    await host.sql(`UPDATE team SET title = 'zwei' WHERE id = 2`);
    await host.sql('DELETE FROM team WHERE id = 1');
    await client.until(() => client.held('team').length === 1 && client.held('team')[0] === team(2, 'zwei'));
    expect(client.messages.filter(({ type }) => type === 'update')).toHaveLength(3);
  });
  rule('rows of one length and of many, of none and of more than 64 KiB, arrive whole', async (host) => {
    await apply(host, 'wipe', 'badge 1 1', 'badge 2 2', 'wide 1 0', 'wide 2 3', 'wide 3 70000');
    const client = await host.dial();
    await client.ask(subscribe(1, 1, 'SELECT * FROM badge', 'SELECT * FROM wide'));
    expect(client.held('badge').map((row) => row.length / 2)).toEqual([8, 8]);
    expect(
      client
        .held('wide')
        .map((row) => row.length / 2)
        .sort((one, other) => one - other),
    ).toEqual([8, 11, 70_008]);
  });
});

section('Subscriptions of the official client', MODULE, (rule) => {
  rule('overlapping subscriptions: a row comes with the first and goes with the last, told once each', async (host) => {
    await apply(host, 'wipe', 'member 1 ada 7');
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    const events: string[] = [];
    connection.db.member.onInsert((_context, row) => events.push(`+${row.nickName}`));
    connection.db.member.onDelete((_context, row) => events.push(`-${row.nickName}`));
    connection.db.member.onUpdate((_context, before, after) => events.push(`${before.nickName}>${after.nickName}`));
    const all = await subscribed(connection, 'SELECT * FROM member');
    const some = await subscribed(connection, 'SELECT * FROM member WHERE id = 1');
    await connection.reducers.steps({ list: ['*member 1 eve 7', 'member 2 bob 7'] });
    await all.unsubscribe();
    await connection.reducers.steps({ list: ['-member 1'] });
    expect(events.toSorted()).toEqual(['+ada', '+bob', '-bob', '-eve', 'ada>eve'].toSorted());
    expect(connection.db.member.count()).toBe(0n);
    await some.unsubscribe();
  });
  rule('a query that is wrong is an error of its subscription; the connection and the others stay', async (host) => {
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    await expect(subscribed(connection, 'SELECT * FROM nowhere')).rejects.toThrow(/no such table/);
    await subscribed(connection, 'SELECT * FROM team');
    await connection.reducers.steps({ list: ['wipe', 'team 3 green'] });
    expect(connection.db.team.id.find(3)?.title).toBe('green');
  });
  rule('events are told and not kept', async (host) => {
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    await subscribed(connection, 'SELECT * FROM bell');
    const heard: string[] = [];
    connection.db.bell.onInsert((_context, row) => heard.push(row.text));
    await connection.reducers.steps({ list: ['bell 1 ding', 'bell 2 dong'] });
    expect(heard.toSorted()).toEqual(['ding', 'dong']);
  });
  rule('many rows at once: a snapshot of ten thousand is in the cache when it is applied', async (host) => {
    await apply(host, 'wipe', ...Array.from({ length: 10_000 }, (_, id) => `member ${id} m${id} ${id % 10}`));
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    await subscribed(connection, 'SELECT * FROM member WHERE team_id = 3', 'SELECT * FROM member');
    expect(connection.db.member.count()).toBe(10_000n);
    await connection.reducers.steps({ list: ['wipe'] });
    expect(connection.db.member.count()).toBe(0n);
  });
  rule('calls made before the connection is open are done, in order', async (host) => {
    await apply(host, 'wipe', 'member 1 start 0');
    const { connection } = await host.connect(DbConnection, { as: 'ada' });
    await subscribed(connection, 'SELECT * FROM member');
    const names: string[] = [];
    connection.db.member.onUpdate((_context, _before, { nickName }) => names.push(nickName));
    await Promise.all(
      Array.from({ length: 100 }, (_, at) => connection.reducers.steps({ list: [`*member 1 n${at} 0`] })),
    );
    expect(names).toEqual(Array.from({ length: 100 }, (_, at) => `n${at}`));
  });
});
