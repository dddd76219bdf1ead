import { readFile } from 'node:fs/promises';
import { setGlobalLogLevel } from 'spacetimedb';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { generateBindings } from '../../src/codegen/generate-bindings.ts';
import { describeModule } from '../../src/module/describe-module.ts';
import { createTestHost, type TestHost } from '../../src/testing/index.ts';
import { DbConnection, tables } from '../fixtures/rls-rooms-bindings.ts';
import { bundleOf } from '../module-database.ts';

setGlobalLogLevel('error');

let host: TestHost;

beforeEach(async () => {
  host = await createTestHost({ module: await bundleOf('rls-rooms.ts') });
});

afterEach(() => host.close());

type SubscriptionBuilder = ReturnType<DbConnection['subscriptionBuilder']>;

function subscribed(connection: DbConnection, subscribe: (builder: SubscriptionBuilder) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    subscribe(
      connection
        .subscriptionBuilder()
        .onApplied(() => resolve())
        .onError(({ event }) => reject(event)),
    );
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const EVERYTHING = [
  tables.room,
  tables.member,
  tables.message,
  tables.reaction,
  tables.note,
  tables.person,
  tables.whisper,
];

async function follow(name: string): Promise<DbConnection> {
  const connection = await host.connect(DbConnection, name);
  await subscribed(connection, (builder) => builder.subscribe(EVERYTHING));
  return connection;
}

const textsOf = (rows: Iterable<{ readonly text: string }>): string[] => Array.from(rows, ({ text }) => text).sort();
const titles = ({ db }: DbConnection): string[] => Array.from(db.room.iter(), ({ title }) => title).sort();
const said = ({ db }: DbConnection): string[] => textsOf(db.message.iter());

test('a client sees the rows that a rule gives it, and what others write of them', async () => {
  const [ada, bob] = [await follow('ada'), await follow('bob')];
  await ada.reducers.writeNote({ id: 10, text: 'of ada' });
  await bob.reducers.writeNote({ id: 11, text: 'of bob' });
  expect([textsOf(ada.db.note.iter()), textsOf(bob.db.note.iter())]).toEqual([['of ada'], ['of bob']]);
  await ada.reducers.say({ roomId: 1, text: 'to all' });
  await until(() => said(bob).length === 1);
  expect(said(bob)).toEqual(['to all']);
});

test('a row comes and goes with the rows that its rules look at, also over several tables', async () => {
  const [ada, bob] = [await follow('ada'), await follow('bob')];
  await ada.reducers.say({ roomId: 2, text: 'down here' });
  await ada.reducers.react({ messageId: 1n, sign: '!' });
  // The author sees what she said; the room itself she does not see.
  expect([titles(ada), said(ada), ada.db.reaction.count()]).toEqual([['hall'], ['down here'], 1n]);
  await bob.reducers.enter({ roomId: 2 });
  expect([titles(bob), said(bob), bob.db.reaction.count()]).toEqual([['cellar', 'hall'], ['down here'], 1n]);
  const gone: string[] = [];
  bob.db.message.onDelete((_context, { text }) => gone.push(text));
  await bob.reducers.leave({ roomId: 2 });
  expect([titles(bob), said(bob), bob.db.reaction.count(), gone]).toEqual([['hall'], [], 0n, ['down here']]);
  await ada.reducers.openRoom({ roomId: 2, isOpen: true });
  await until(() => said(bob).length === 1);
  expect([titles(bob), bob.db.reaction.count()]).toEqual([['cellar', 'hall'], 1n]);
  await ada.reducers.openRoom({ roomId: 2, isOpen: false });
  await until(() => said(bob).length === 0);
  expect([titles(bob), titles(ada), bob.db.reaction.count()]).toEqual([['hall'], ['hall'], 0n]);
});

test('a row that several rules give is held once: it goes when the last of them stops', async () => {
  const ada = await follow('ada');
  const seen: string[] = [];
  ada.db.room.onInsert((_context, { title }) => seen.push(`+${title}`));
  ada.db.room.onUpdate((_context, before, { isOpen }) => seen.push(`${before.isOpen}>${isOpen}`));
  ada.db.room.onDelete((_context, { title }) => seen.push(`-${title}`));
  await ada.reducers.enter({ roomId: 2 });
  await ada.reducers.openRoom({ roomId: 2, isOpen: true });
  await ada.reducers.leave({ roomId: 2 });
  await ada.reducers.openRoom({ roomId: 2, isOpen: false });
  expect(seen).toEqual(['+cellar', 'false>true', '-cellar']);
});

test('a row is held once however many partners it has, and updates stay updates', async () => {
  const [ada, bob, carl] = [await follow('ada'), await follow('bob'), await follow('carl')];
  for (const client of [ada, bob, carl]) await client.reducers.enter({ roomId: 2 });
  await until(() => [ada, bob, carl].every(({ db }) => db.member.count() === 3n));
  await ada.reducers.say({ roomId: 2, text: 'hullo' });
  const edits: string[] = [];
  bob.db.message.onUpdate((_context, before, { text }) => edits.push(`${before.text}>${text}`));
  await ada.reducers.edit({ id: 1n, text: 'hello' });
  await until(() => edits.length > 0);
  expect([edits, said(bob)]).toEqual([['hullo>hello'], ['hello']]);
  const left: string[] = [];
  bob.db.member.onDelete(() => left.push('member'));
  await carl.reducers.leave({ roomId: 2 });
  await until(() => bob.db.member.count() === 2n);
  expect(left).toEqual(['member']);
});

test('a rule that joins by nothing but a condition gives all or nothing', async () => {
  const [ada, bob] = [await follow('ada'), await follow('bob')];
  await bob.reducers.writeNote({ id: 11, text: 'of bob' });
  expect(textsOf(ada.db.note.iter())).toEqual([]);
  await ada.reducers.appoint({ isAdmin: true });
  expect(textsOf(ada.db.note.iter())).toEqual(['of bob', 'of the owner']);
  await bob.reducers.writeNote({ id: 12, text: 'again' });
  await until(() => ada.db.note.count() === 3n);
  await ada.reducers.appoint({ isAdmin: false });
  expect(textsOf(ada.db.note.iter())).toEqual([]);
  expect(textsOf(bob.db.note.iter())).toEqual(['again', 'of bob']);
});

test('events go to whom a rule gives them', async () => {
  const [ada, bob] = [await follow('ada'), await follow('bob')];
  const heard: string[] = [];
  ada.db.whisper.onInsert((_context, { text }) => heard.push(`ada ${text}`));
  bob.db.whisper.onInsert((_context, { text }) => heard.push(`bob ${text}`));
  await ada.reducers.tell({ recipient: bob.identity!, text: 'psst' });
  await bob.reducers.tell({ recipient: ada.identity!, text: 'what' });
  await until(() => heard.length === 2);
  expect(heard).toEqual(['bob psst', 'ada what']);
});

test('the owner sees every row, and writes every row in SQL', async () => {
  const owner = await follow('owner');
  const ada = await follow('ada');
  await ada.reducers.writeNote({ id: 10, text: 'of ada' });
  await until(() => owner.db.note.count() === 2n);
  expect(titles(owner)).toEqual(['cellar', 'hall']);
  await host.sql(`UPDATE note SET text = 'changed' WHERE id = 10`);
  await until(() => textsOf(ada.db.note.iter())[0] === 'changed');
  expect(await host.sql('SELECT COUNT(*) AS n FROM note')).toEqual([{ n: 2n }]);
});

test('SQL answers others by the rules: columns, counts, limits and joins', async () => {
  const ada = await follow('ada');
  await ada.reducers.writeNote({ id: 10, text: 'of ada' });
  await ada.reducers.say({ roomId: 2, text: 'one' });
  await ada.reducers.say({ roomId: 1, text: 'two' });
  expect(await host.sql('SELECT * FROM note', 'ada')).toEqual([
    { id: 10, owner: host.identityOf('ada'), text: 'of ada' },
  ]);
  const texts = await host.sql('SELECT text FROM message', 'ada');
  expect(texts.map(({ text }) => text).sort()).toEqual(['one', 'two']);
  expect(await host.sql('SELECT text FROM message', 'bob')).toEqual([{ text: 'two' }]);
  expect(await host.sql('SELECT text FROM message WHERE id = 1', 'bob')).toEqual([]);
  expect(await host.sql('SELECT COUNT(*) AS n FROM message', 'bob')).toEqual([{ n: 1n }]);
  expect(await host.sql('SELECT COUNT(*) AS n FROM note', 'bob')).toEqual([{ n: 0n }]);
  expect(await host.sql('SELECT * FROM message LIMIT 1', 'bob')).toMatchObject([{ text: 'two', roomId: 1 }]);
  // A join with a table that hides the partner does not tell that there is one.
  const joined = 'SELECT m.text, r.title FROM message m JOIN room r ON m.roomId = r.id';
  expect(await host.sql(joined, 'ada')).toEqual([{ text: 'two', title: 'hall' }]);
  await expect(host.sql('DELETE FROM note', 'ada')).rejects.toMatchObject({ code: 'identity/forbidden' });
});

test('views show what they return, whatever the rules of the tables in them', async () => {
  const ada = await host.connect(DbConnection, 'ada');
  await subscribed(ada, (builder) => builder.subscribe([tables.noteTexts]));
  expect(textsOf(ada.db.noteTexts.iter())).toEqual(['of the owner']);
});

test('two clients never share what differs between them, however they ask', async () => {
  const ada = await follow('ada');
  const other = await host.connect(DbConnection, 'ada');
  const bob = await follow('bob');
  const owner = await follow('owner');
  await ada.reducers.writeNote({ id: 10, text: 'of ada' });
  await subscribed(other, (builder) => builder.subscribe(EVERYTHING));
  await until(() => owner.db.note.count() === 2n);
  expect([ada, other, bob, owner].map(({ db }) => textsOf(db.note.iter()).length)).toEqual([1, 1, 0, 2]);
  expect([ada, other, bob, owner].map((client) => titles(client).length)).toEqual([1, 1, 1, 2]);
});

test('a client that leaves and comes again sees what its rules give then', async () => {
  const bob = await follow('bob');
  const ada = await follow('ada');
  await ada.reducers.enter({ roomId: 2 });
  ada.disconnect();
  await bob.reducers.say({ roomId: 2, text: 'while you were away' });
  const again = await follow('ada');
  expect([titles(again), said(again)]).toEqual([['cellar', 'hall'], ['while you were away']]);
});

test('the bindings are those that are kept beside the module', async () => {
  const kept = await readFile(new URL('../fixtures/rls-rooms-bindings.ts', import.meta.url), 'utf8');
  expect(generateBindings(await describeModule(await bundleOf('rls-rooms.ts')))).toBe(kept);
});
