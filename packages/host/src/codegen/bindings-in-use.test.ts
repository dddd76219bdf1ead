import { afterEach, expect, test } from 'vitest';
import * as kinds from '../../test/fixtures/kinds-bindings.ts';
import { bundleOf } from '../../test/module-database.ts';
import { createTestHost, type TestHost } from '../testing/index.ts';

let host: TestHost | undefined;
afterEach(async () => {
  await host?.close();
  host = undefined;
});

async function connect(...names: (keyof typeof kinds.tables)[]): Promise<kinds.DbConnection> {
  host = await createTestHost({ module: await bundleOf('kinds.ts') });
  const connection = await host.connect(kinds.DbConnection, 'ada');
  await new Promise<void>((resolve, reject) => {
    connection
      .subscriptionBuilder()
      .onApplied(() => resolve())
      .onError((context) => reject(context.event))
      .subscribe(names.map((name) => kinds.tables[name]));
  });
  return connection;
}

const USER = { eMail: 'a@b', teamName: 'red', level: { tag: 'High' }, mark: undefined } as const;

test('tables are found by keys, unique columns and indexes, under the names of the module', async () => {
  const connection = await connect('users', 'plain', 'flash');
  const flashed: string[] = [];
  connection.db.flash.onInsert((_context, { text }) => flashed.push(text));
  await connection.reducers.addUser({ ...USER, new: 7 });
  await connection.reducers.addUser({
    eMail: 'c@d',
    teamName: 'red',
    level: { tag: 'Low' },
    mark: { tag: 'Of', value: [{ tag: 'High' }, undefined] },
    new: undefined,
  });
  const { users, plain } = connection.db;
  expect(users.userId.find(1n)).toMatchObject({ eMail: 'a@b', class: 7, level: { tag: 'High' }, home: { x: 1, y: 2 } });
  expect(users.userID.find(2n)?.mark).toMatchObject({ tag: 'Of', value: [{ tag: 'High' }, undefined] });
  expect(users.eMail.find('c@d')?.userId).toBe(2n);
  expect(Array.from(users.byTeam.filter(['red', 7]), ({ userId }) => userId)).toEqual([1n]);
  expect(Array.from(users.score2x.filter(2), ({ score2X }) => score2X)).toEqual([2, 2]);
  expect(Array.from(plain.iter(), ({ key, value }) => [key, value])).toEqual([
    ['a@b', { ok: 3n }],
    ['c@d', { ok: 3n }],
  ]);
  expect(flashed).toEqual(['a@b', 'c@d']);
  await connection.reducers.delete({ userId: 1n });
  expect(users.count()).toBe(1n);
  await connection.reducers.clearAll({});
  expect(users.count()).toBe(0n);
});

test('views are tables: of all rows, of one, of a query, and under a name of their own', async () => {
  const connection = await connect('everyUser', 'firstUser', 'highUsers', 'totals');
  await connection.reducers.addUser({ ...USER, new: 1 });
  await connection.reducers.addUser({ ...USER, eMail: 'c@d', new: 2 });
  const { everyUser, firstUser, highUsers, totals } = connection.db;
  expect(everyUser.userId.find(2n)?.eMail).toBe('c@d');
  expect(firstUser.count()).toBe(1n);
  expect(Array.from(highUsers.iter(), ({ eMail }) => eMail)).toEqual(['a@b']);
  expect([...totals.iter()]).toEqual([{ team: 'red', count: 2n }]);
});

test('procedures give rows, options, results and nothing', async () => {
  const connection = await connect('users');
  await connection.reducers.addUser({ ...USER, new: 1 });
  const { procedures } = connection;
  expect(await procedures.find({ eMail: 'a@b' })).toMatchObject({ userId: 1n, teamName: 'red' });
  expect(await procedures.find({ eMail: 'nobody' })).toBeUndefined();
  expect(await procedures.divide({ a: 7n, b: 2n })).toEqual({ ok: 3n });
  expect(await procedures.judge({ mark: { tag: 'At', value: { x: 1, y: 2 } } })).toMatchObject({
    best: { x: 1, y: 2 },
    level: { tag: 'High' },
  });
  expect(await procedures.ping({})).toEqual({});
});
