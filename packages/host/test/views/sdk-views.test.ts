import { setGlobalLogLevel } from 'spacetimedb';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestHost, type TestHost } from '../../src/testing/index.ts';
import { DbConnection, tables } from '../fixtures/view-game-bindings.ts';
import { bundleOf } from '../module-database.ts';

setGlobalLogLevel('error');

let host: TestHost;

beforeEach(async () => {
  host = await createTestHost({ module: await bundleOf('view-game.ts') });
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

const names = (rows: Iterable<{ readonly name: string }>) => Array.from(rows, ({ name }) => name).sort();

test("a client's cache follows views as it follows tables: changes of a row with a key are updates", async () => {
  const [ada, bob] = [await host.connect(DbConnection, 'ada'), await host.connect(DbConnection, 'bob')];
  const seen: string[] = [];
  ada.db.topPlayers.onInsert(({ event }, row) => seen.push(`${event.tag} +${row.name}`));
  ada.db.topPlayers.onUpdate(({ event }, before, row) => seen.push(`${event.tag} ${before.name}>${row.name}`));
  ada.db.topPlayers.onDelete(({ event }, row) => seen.push(`${event.tag} -${row.name}`));
  await subscribed(ada, (builder) => builder.subscribe([tables.topPlayers, tables.playerCount]));
  const owner = ada.identity!;
  await ada.reducers.setPlayer({ id: 1, owner, name: 'ann', team: 'red', score: 50 });
  await ada.reducers.setPlayer({ id: 1, owner, name: 'anne', team: 'red', score: 50 });
  await bob.reducers.setPlayer({ id: 2, owner: bob.identity!, name: 'ben', team: 'red', score: 60 });
  await bob.reducers.setPlayer({ id: 2, owner: bob.identity!, name: 'ben', team: 'red', score: 1 });
  await until(() => seen.length === 4);
  expect(seen).toEqual(['Reducer +ann', 'Reducer ann>anne', 'Transaction +ben', 'Transaction -ben']);
  expect(ada.db.topPlayers.id.find(1)?.name).toBe('anne');
  expect(Array.from(ada.db.playerCount.iter())).toEqual([{ players: 2n }]);
});

test("a sender's view shows each identity its own rows, on all its connections", async () => {
  const [ada, other, bob] = [
    await host.connect(DbConnection, 'ada'),
    await host.connect(DbConnection, 'ada'),
    await host.connect(DbConnection, 'bob'),
  ];
  for (const client of [ada, other, bob])
    await subscribed(client, (builder) => builder.subscribe([tables.myPlayer, tables.myItems, tables.myRow]));
  await ada.reducers.setPlayer({ id: 1, owner: ada.identity!, name: 'ann', team: 'red', score: 0 });
  await bob.reducers.setPlayer({ id: 2, owner: bob.identity!, name: 'ben', team: 'red', score: 0 });
  await bob.reducers.setItem({ id: 5, holder: 1, kind: 'sword', level: 3 });
  await until(() => other.db.myItems.count() === 1n && ada.db.myItems.count() === 1n);
  for (const client of [ada, other]) {
    expect(names(client.db.myPlayer.iter())).toEqual(['ann']);
    expect(names(client.db.myRow.iter())).toEqual(['ann']);
  }
  expect(names(bob.db.myPlayer.iter())).toEqual(['ben']);
  expect(names(bob.db.myRow.iter())).toEqual(['ben']);
  expect(bob.db.myItems.count()).toBe(0n);
});

test('a view that fails is told to the subscriber, and to the caller whose transaction it refuses', async () => {
  const [ada, bob] = [await host.connect(DbConnection, 'ada'), await host.connect(DbConnection, 'bob')];
  await expect(subscribed(ada, (builder) => builder.subscribe([tables.alarms]))).rejects.toThrow(
    'there must be an alarm',
  );
  await subscribed(ada, (builder) => builder.subscribe([tables.moody]));
  await expect(bob.reducers.setMood({ how: 'refuse' })).rejects.toThrow('not in the mood');
  await expect(bob.reducers.setMood({ how: 'crash' })).rejects.toThrow('The instance encountered a fatal error.');
  await bob.reducers.setMood({ how: 'glad' });
  await until(() => ada.db.moody.id.find(1)?.how === 'glad');
  expect(await bob.procedures.tryMood({ how: 'twins' })).not.toBe('committed');
  expect(await bob.procedures.tryMood({ how: 'calm' })).toBe('committed');
  await until(() => ada.db.moody.id.find(1)?.how === 'calm');
});

test('a view is read by SQL, kept up to date by SQL, and written by nobody', async () => {
  const ada = await host.connect(DbConnection, 'ada');
  await subscribed(ada, (builder) => builder.subscribe([tables.openSecrets]));
  const { hosted } = host;
  await hosted.sql(`INSERT INTO secret (id, text) VALUES (1, 'hush')`);
  await until(() => ada.db.openSecrets.count() === 1n);
  await expect(hosted.sql(`DELETE FROM open_secrets`)).rejects.toThrow('DML on views is not supported');
  const [result] = await hosted.sql('SELECT COUNT(*) AS n FROM open_secrets');
  expect(result?.rows).toEqual([{ n: 1n }]);
});

test('another program shows its views at once to who stays', async () => {
  const ada = await host.connect(DbConnection, 'ada');
  await subscribed(ada, (builder) => builder.subscribe([tables.topPlayers, tables.player]));
  await ada.reducers.setPlayer({ id: 1, owner: ada.identity!, name: 'ann', team: 'red', score: 50 });
  const bundle = await bundleOf('view-game.ts');
  expect(bundle).toContain('score >= 10');
  await host.host.publish({ name: host.databaseName, module: bundle.replace('score >= 10', 'score >= 100') });
  await until(() => ada.db.topPlayers.count() === 0n);
  await ada.reducers.setPlayer({ id: 1, owner: ada.identity!, name: 'ann', team: 'red', score: 500 });
  expect(names(ada.db.topPlayers.iter())).toEqual(['ann']);
  expect(names(ada.db.player.iter())).toEqual(['ann']);
});

test('another program whose view fails for who uses it is not published', async () => {
  const ada = await host.connect(DbConnection, 'ada');
  await subscribed(ada, (builder) => builder.subscribe([tables.moody]));
  const bundle = await bundleOf('view-game.ts');
  expect(bundle).toContain('"calm"');
  const broken = bundle.replace('"calm"', '"refuse"');
  await expect(host.host.publish({ name: host.databaseName, module: broken })).rejects.toThrow('not in the mood');
  await ada.reducers.setMood({ how: 'glad' });
  expect(ada.db.moody.id.find(1)?.how).toBe('glad');
});
