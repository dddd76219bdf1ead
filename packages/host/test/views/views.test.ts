import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CrashFileSystem } from '../../src/storage/test/crash-file-system.ts';
import { openOn } from '../../src/storage/test/disk-harness.ts';
import { ADA, BOB, OWNER, openModule, type ModuleDatabase } from '../module-database.ts';
import { ViewWorld } from './view-fixture.ts';

let db: ModuleDatabase;
let world: ViewWorld;

beforeEach(async () => {
  db = await openModule('view-game.ts');
  world = new ViewWorld(db);
});

afterEach(() => db.database.close());

const ids = { ada: ADA.identity, bob: BOB.identity };

function setPlayer(id: number, values: { owner?: bigint; name?: string; team?: string; score?: number } = {}) {
  const { owner = BigInt(id) << 64n, name = `p${id}`, team = 'blue', score = 0 } = values;
  return db.call(ADA, 'set_player', id, [owner], name, team, score);
}
function setItem(id: number, holder: number, kind = 'shield', level = 1) {
  return db.call(ADA, 'set_item', id, holder, kind, level);
}

describe('a view', () => {
  test('is not evaluated before somebody asks for it', () => {
    setPlayer(1, { score: 50 });
    expect(world.evaluated()).toEqual([]);
  });

  test('gives its rows to who subscribes, and their changes in the message of the transaction', () => {
    setPlayer(1, { score: 50 });
    const ada = world.client(ADA);
    ada.subscribe(1, 'SELECT * FROM top_players', 'SELECT * FROM player');
    expect(world.evaluated()).toEqual(['top_players']);
    expect(ada.rows('top_players')).toEqual([`1 ${1n << 64n} p1 blue 50`]);
    setPlayer(2, { score: 60 });
    expect(ada.messages).toEqual(['player +1 -0, top_players +1 -0']);
    setPlayer(2, { score: 5 });
    expect(ada.messages.slice(1)).toEqual(['player +1 -1, top_players +0 -1']);
    expect(ada.rows('top_players')).toEqual([`1 ${1n << 64n} p1 blue 50`]);
    expect(world.evaluated()).toEqual(['top_players', 'top_players']);
  });

  test('that gives the same rows again changes nothing for anybody', () => {
    const ada = world.client(ADA);
    ada.subscribe(1, 'SELECT * FROM top_players');
    setPlayer(1, { score: 5 });
    expect(world.evaluated()).toEqual(['top_players', 'top_players']);
    expect(ada.messages).toEqual([]);
  });

  test('can be named as the module names it, filtered and joined', () => {
    setPlayer(1, { score: 50, owner: ids.ada });
    setPlayer(2, { score: 60 });
    setItem(1, 1, 'sword', 4);
    const ada = world.client(ADA);
    ada.subscribe(1, 'SELECT * FROM "topPlayers" WHERE score > 55');
    ada.subscribe(2, 'SELECT * FROM top_players WHERE id = 1');
    ada.subscribe(3, 'SELECT i.* FROM item i JOIN top_players p ON i.holder = p.id');
    ada.subscribe(4, 'SELECT p.* FROM top_players p JOIN my_player m ON p.id = m.id');
    expect(ada.rows('item')).toEqual(['1 1 sword 4']);
    expect(ada.rows('top_players').map((row) => row.split(' ')[2])).toEqual(['p1', 'p1', 'p2']);
    setPlayer(1, { score: 1, owner: ids.ada });
    expect(ada.rows('item')).toEqual([]);
    expect(ada.rows('top_players').map((row) => row.split(' ')[2])).toEqual(['p2']);
    setPlayer(3, { score: 70 });
    setItem(2, 3);
    expect(ada.rows('item')).toEqual(['2 3 shield 1']);
    expect(ada.rows('top_players').map((row) => row.split(' ')[2])).toEqual(['p2', 'p3']);
    expect(ada.messages).toHaveLength(3);
  });

  test('is joined by its key also where joins need an index', () => {
    const client = new ViewWorld(db, { strictCompat: true }).client(ADA);
    const onKey = 'SELECT i.* FROM item i JOIN top_players p ON i.holder = p.id';
    expect(client.subscribe(1, onKey).type).toBe('applied');
    const onName = 'SELECT p.* FROM red_names n JOIN top_players p ON n.name = p.name';
    expect(client.refusal(onName)).toContain('Subscriptions require indexes on join columns');
  });

  test('can be asked for once', () => {
    setPlayer(1, { score: 50, owner: ids.ada });
    const ada = world.client(ADA);
    expect(ada.ask('SELECT * FROM my_player')).toEqual([[1, [ids.ada], 'p1', 'blue', 50]]);
    expect(world.client(BOB).ask('SELECT * FROM my_player')).toEqual([]);
    expect(world.client(BOB).ask('SELECT * FROM player_count')).toEqual([[1n]]);
    expect(world.evaluated()).toEqual(['my_player', 'my_player', 'player_count']);
  });

  test('of equal rows shows one', () => {
    setPlayer(1, { name: 'ann', team: 'red' });
    setPlayer(2, { name: 'ann', team: 'red' });
    const ada = world.client(ADA);
    ada.subscribe(1, 'SELECT * FROM red_names');
    expect(ada.rows('red_names')).toEqual(['ann']);
    db.call(ADA, 'remove_player', 1);
    expect(ada.messages).toEqual([]);
    db.call(ADA, 'remove_player', 2);
    expect(ada.rows('red_names')).toEqual([]);
  });

  test('shows nothing of event tables, whose rows are gone after their transaction', () => {
    const ada = world.client(ADA);
    ada.subscribe(1, 'SELECT * FROM pings');
    db.call(ADA, 'set_mood', 'calm');
    expect(ada.rows('pings')).toEqual(['moods: 1']);
  });

  test('is stored nowhere: what it changed takes no place in the log', () => {
    world.client(ADA).subscribe(1, 'SELECT * FROM top_players');
    const { nextOffset } = db.database.status();
    setPlayer(1, { score: 50 });
    expect(db.database.status().nextOffset).toBe(nextOffset + 1n);
    expect(db.database.status().tables.map(({ name }) => name)).not.toContain('top_players');
  });
});

describe('a view is evaluated again when what it read changed, and then only', () => {
  const rest = (name: string) => {
    const client = world.client(ADA);
    client.subscribe(1, `SELECT * FROM ${name}`);
    world.evaluated();
    return client;
  };

  test('a count: when its table changed', () => {
    rest('player_count');
    setItem(1, 1);
    expect(world.evaluated()).toEqual([]);
    setPlayer(1);
    expect(world.evaluated()).toEqual(['player_count']);
  });

  test('a key: when a row with the key came, changed or went, also when there was none', () => {
    const client = rest('player_seven');
    setPlayer(6);
    expect(world.evaluated()).toEqual([]);
    setPlayer(7);
    setPlayer(7, { score: 9 });
    setPlayer(8);
    db.call(ADA, 'remove_player', 7);
    db.call(ADA, 'remove_player', 8);
    expect(world.evaluated()).toEqual(['player_seven', 'player_seven', 'player_seven']);
    expect(client.messages).toEqual(['player_seven +1 -0', 'player_seven +1 -1', 'player_seven +0 -1']);
  });

  test('the first columns of an index: as a key', () => {
    rest('swords');
    setItem(1, 1, 'shield', 5);
    expect(world.evaluated()).toEqual([]);
    setItem(2, 1, 'sword', 5);
    expect(world.evaluated()).toEqual(['swords']);
  });

  test('a range: when its table changed', () => {
    rest('great_items');
    setPlayer(1);
    expect(world.evaluated()).toEqual([]);
    setItem(2, 1, 'sword', 5);
    expect(world.evaluated()).toEqual(['great_items']);
  });

  test('what one look-up found decides what the next one reads', () => {
    const client = rest('my_items');
    setItem(1, 1);
    expect(world.evaluated()).toEqual([]);
    setPlayer(1, { owner: ids.ada });
    setItem(2, 1);
    setItem(3, 2);
    expect(world.evaluated()).toEqual(['my_items', 'my_items']);
    expect(client.rows('my_items')).toEqual(['1 1 shield 1', '2 1 shield 1']);
    setPlayer(1, { owner: ids.bob });
    expect(client.rows('my_items')).toEqual([]);
    world.evaluated();
    setItem(4, 1);
    expect(world.evaluated()).toEqual([]);
  });

  test('a query: its rows follow the changes, and the code that made it is not run', () => {
    const client = rest('strong_items');
    setItem(1, 1, 'sword', 30);
    setItem(2, 1, 'sword', 3);
    expect(client.rows('strong_items')).toEqual(['1 1 sword 30']);
    setItem(1, 1, 'sword', 40);
    expect(client.rows('strong_items')).toEqual(['1 1 sword 40']);
    setItem(1, 1, 'sword', 4);
    expect(client.messages).toEqual(['strong_items +1 -0', 'strong_items +1 -1', 'strong_items +0 -1']);
    expect(world.evaluated()).toEqual([]);
  });

  test('a query that depends on a look-up: the code runs when that would find something else', () => {
    const client = rest('my_hold');
    setItem(1, 1, 'sword');
    setPlayer(1, { owner: ids.ada });
    expect(client.rows('my_hold')).toEqual(['1 1 sword 1']);
    expect(world.evaluated()).toEqual(['my_hold']);
    setItem(2, 1, 'bow');
    setItem(3, 2, 'bow');
    expect(world.evaluated()).toEqual([]);
    expect(client.rows('my_hold')).toEqual(['1 1 sword 1', '2 1 bow 1']);
    setPlayer(1, { owner: ids.ada, score: 9 });
    expect(world.evaluated()).toEqual(['my_hold']);
    setPlayer(1, { owner: ids.bob });
    expect(client.rows('my_hold')).toEqual([]);
    world.evaluated();
    setItem(4, 1, 'bow');
    expect([world.evaluated(), client.messages.length]).toEqual([[], 3]);
  });

  test('a query that joins', () => {
    setItem(1, 1, 'sword', 30);
    const client = rest('red_items');
    setPlayer(1, { team: 'red' });
    expect(client.rows('red_items')).toEqual(['1 1 sword 30']);
    setItem(2, 1);
    expect(client.rows('red_items')).toEqual(['1 1 sword 30', '2 1 shield 1']);
    world.evaluated();
    setItem(3, 2);
    setPlayer(2, { team: 'blue' });
    expect(world.evaluated()).toEqual([]);
    setPlayer(1, { team: 'blue' });
    expect(client.rows('red_items')).toEqual([]);
  });

  test('once for each transaction, however much that changed, and not when it changed nothing in the end', () => {
    rest('top_players');
    db.call(ADA, 'come_and_go', 50);
    expect(world.evaluated()).toEqual([]);
    db.call(ADA, 'fail_after_write', 50);
    expect(world.evaluated()).toEqual([]);
    expect(setPlayer(1, { score: 3 }).outcome.type).toBe('committed');
    expect(setPlayer(1, { score: 3 }).outcome.type).toBe('committed');
    expect(world.evaluated()).toEqual(['top_players']);
  });

  test('while somebody uses it: the rows of others are forgotten', () => {
    const client = rest('top_players');
    client.unsubscribe(1);
    expect(db.database.views.instances).toEqual({ used: 0, idle: 1 });
    setPlayer(1, { score: 50 });
    expect(world.evaluated()).toEqual([]);
    client.subscribe(2, 'SELECT * FROM top_players');
    expect(world.evaluated()).toEqual(['top_players']);
    expect(client.ask('SELECT * FROM top_players')).toHaveLength(1);
    expect(world.evaluated()).toEqual([]);
  });

  test('one that rests is not evaluated for the next who asks, while what it read is as it was', () => {
    rest('top_players').unsubscribe(1);
    setItem(1, 1);
    world.client(BOB).subscribe(1, 'SELECT * FROM top_players');
    expect(world.evaluated()).toEqual([]);
  });
});

test('a view follows what is taken back when the storage fails', async () => {
  const fileSystem = new CrashFileSystem();
  db = await openModule('view-game.ts', { storage: await openOn(fileSystem, { segmentBytes: 1_000_000 }) });
  world = new ViewWorld(db);
  const { offset } = setPlayer(1, { score: 50 });
  await db.database.whenDurable(offset!);
  const ada = world.client(ADA);
  ada.subscribe(1, 'SELECT * FROM top_players', 'SELECT * FROM moody', 'SELECT * FROM mood');
  const before = ['top_players', 'moody'].map((table) => ada.rows(table));
  fileSystem.decide = ({ name }) => (['create', 'write'].includes(name) ? { code: 'ENOSPC' } : 'works');
  setPlayer(2, { score: 60 });
  const { offset: lost } = db.call(ADA, 'set_mood', 'glad');
  expect(ada.rows('moody')).toEqual(['1 glad']);
  await expect(db.database.whenDurable(lost!)).rejects.toThrow('ENOSPC');
  expect(ada.messages.at(-1)).toBe('mood +0 -1, moody +1 -1, top_players +0 -1');
  expect(['top_players', 'moody'].map((table) => ada.rows(table))).toEqual(before);
  const bob = world.client(BOB);
  bob.subscribe(1, 'SELECT * FROM top_players', 'SELECT * FROM my_player');
  expect(bob.rows('top_players')).toEqual(before[0]);
  await db.database.close().catch(() => undefined);
});

describe("a sender's view", () => {
  test('is one for each identity, and shared by the connections of that identity', () => {
    setPlayer(1, { owner: ids.ada, name: 'ada' });
    setPlayer(2, { owner: ids.bob, name: 'bob' });
    const [ada, other, bob] = [world.client(ADA), world.client(ADA), world.client(BOB)];
    for (const client of [ada, other, bob]) client.subscribe(1, 'SELECT * FROM my_player');
    expect(world.evaluated()).toEqual(['my_player', 'my_player']);
    expect(db.database.views.instances.used).toBe(2);
    expect(world.manager.status().liveQueries).toBe(2);
    expect([ada, other, bob].map((client) => client.rows('my_player').map((row) => row.split(' ')[2]))).toEqual([
      ['ada'],
      ['ada'],
      ['bob'],
    ]);
    setPlayer(2, { owner: ids.bob, name: 'bobby' });
    expect(world.evaluated()).toEqual(['my_player']);
    expect([ada, other, bob].map(({ messages }) => messages)).toEqual([[], [], ['my_player +1 -1']]);
  });

  test('costs a transaction nothing but for the identities whose rows it changed', () => {
    const clients = Array.from({ length: 1_000 }, (_, id) => world.client({ identity: BigInt(id + 1) << 64n }));
    for (const client of clients) client.subscribe(1, 'SELECT * FROM my_player', 'SELECT * FROM my_row');
    expect(db.database.views.instances.used).toBe(2_000);
    const { evaluations } = db.database.views;
    const { rowsScanned } = world.manager.status();
    setPlayer(500);
    expect(db.database.views.evaluations - evaluations).toBe(1);
    expect(world.manager.status().rowsScanned - rowsScanned).toBe(2);
    expect(clients.filter(({ messages }) => messages.length > 0)).toEqual([clients[499]]);
  });

  test('that gives a query is kept up to date for each', () => {
    const [ada, bob] = [world.client(ADA), world.client(BOB)];
    for (const client of [ada, bob]) client.subscribe(1, 'SELECT * FROM my_row');
    world.evaluated();
    setPlayer(1, { owner: ids.ada, name: 'ada' });
    expect(world.evaluated()).toEqual([]);
    expect(ada.rows('my_row')).toHaveLength(1);
    expect(bob.rows('my_row')).toEqual([]);
  });

  test('is shared by no query with another identity, also in a join', () => {
    setPlayer(1, { owner: ids.ada });
    setItem(1, 1);
    const sql = 'SELECT i.* FROM item i JOIN my_player p ON i.holder = p.id';
    const [ada, bob] = [world.client(ADA), world.client(BOB)];
    ada.subscribe(1, sql);
    bob.subscribe(1, sql);
    expect([ada.rows('item'), bob.rows('item')]).toEqual([['1 1 shield 1'], []]);
    setPlayer(1, { owner: ids.bob });
    expect([ada.rows('item'), bob.rows('item')]).toEqual([[], ['1 1 shield 1']]);
  });
});

describe('who may see a view', () => {
  test('a private one is there for the owner alone', () => {
    db.call(ADA, 'tell', 1, 'hush');
    expect(world.client(ADA).ask('SELECT * FROM secrets')).toContain('no such table: `secrets`');
    expect(world.client(ADA).refusal('SELECT * FROM secrets')).toContain('no such table: `secrets`');
    expect(world.evaluated()).toEqual([]);
    const owner = world.client({ identity: OWNER });
    owner.subscribe(1, 'SELECT * FROM secrets');
    expect(owner.rows('secrets')).toEqual(['1 hush']);
    expect(world.client(ADA).refusal('SELECT * FROM secrets')).toContain('no such table: `secrets`');
  });

  test('a public one may show what is private', () => {
    db.call(ADA, 'tell', 1, 'hush');
    expect(world.client(ADA).ask('SELECT * FROM open_secrets')).toEqual([['hush']]);
  });

  test('a query of all tables has the views that the asker may see', () => {
    db.call(ADA, 'tell', 1, 'hush');
    db.call(ADA, 'set_alarm', db.time.nowMicros() + 1_000_000n);
    const [ada, owner] = [world.client(ADA), world.client({ identity: OWNER })];
    for (const client of [ada, owner]) expect(client.subscribe(1, 'SELECT * FROM *').type).toBe('applied');
    expect([ada.rows('open_secrets'), ada.rows('secrets')]).toEqual([['hush'], []]);
    expect([owner.rows('open_secrets'), owner.rows('secrets')]).toEqual([['hush'], ['1 hush']]);
  });
});

describe('a view that fails', () => {
  const cases = [
    ['refuse', 'Error materializing view `moody`: not in the mood', 'error: not in the mood'],
    [
      'crash',
      'Error materializing view `moody`: The instance encountered a fatal error.',
      'panic: Error: secret detail',
    ],
    ['twins', 'Error materializing view `moody`: two of its rows have the same primary key `id`', 'panic: Error mat'],
  ] as const;

  test.each(cases)('%s: is told to who subscribes, and registers nothing', (how, message, log) => {
    db.call(ADA, 'set_mood', how);
    const ada = world.client(ADA);
    expect(ada.refusal('SELECT * FROM player', 'SELECT * FROM moody')).toBe(message);
    expect(ada.ask('SELECT * FROM moody')).toBe(message);
    expect(world.manager.status().liveQueries).toBe(0);
    expect(db.database.views.instances.used).toBe(0);
    expect(db.logTexts().some((line) => line.startsWith(log))).toBe(true);
    db.call(ADA, 'set_mood', 'calm');
    expect(ada.ask('SELECT * FROM moody')).toEqual([[1, 'calm']]);
  });

  test.each(cases)('%s: refuses the transaction that made it fail, which leaves no trace', (how, message, log) => {
    db.call(ADA, 'set_mood', 'calm');
    const ada = world.client(ADA);
    ada.subscribe(1, 'SELECT * FROM moody', 'SELECT * FROM mood');
    const before = db.database.status();
    expect(db.call(ADA, 'set_mood', how).outcome).toEqual({ type: 'failed-internal', message, reason: 'fatal' });
    expect(db.database.status()).toEqual(before);
    expect(db.logTexts().some((line) => line.startsWith(log))).toBe(true);
    expect(db.rows('mood')).toEqual([[1, 'calm']]);
    expect(ada.messages).toEqual([]);
    // The read set is the old one: the view goes on.
    expect(db.call(ADA, 'set_mood', 'glad').outcome.type).toBe('committed');
    expect(ada.messages).toEqual(['mood +1 -1, moody +1 -1']);
  });

  test('in a procedure: its transaction is taken back, and it may go on', () => {
    db.call(ADA, 'set_mood', 'calm');
    const ada = world.client(ADA);
    ada.subscribe(1, 'SELECT * FROM moody');
    world.evaluated();
    expect(db.run(ADA, 'try_mood', 'glad').value).toBe('committed');
    expect(ada.rows('moody')).toEqual(['1 glad']);
    const { value } = db.run(ADA, 'try_mood', 'refuse');
    expect(value).not.toBe('committed');
    // The library tries once more.
    expect(world.evaluated()).toEqual(['moody', 'moody', 'moody']);
    expect(db.rows('mood')).toEqual([[1, 'glad']]);
    expect(ada.rows('moody')).toEqual(['1 glad']);
    expect(db.run(ADA, 'try_mood', 'calm').value).toBe('committed');
  });

  test('as a client connects: it is refused', () => {
    world.client(ADA).subscribe(1, 'SELECT * FROM moody');
    db.call(ADA, 'set_row', 3, 'refuse');
    expect(db.database.connect(BOB, '{}')).toEqual({
      type: 'rejected',
      message: 'Error materializing view `moody`: not in the mood',
    });
    expect(db.rows('st_client')).toEqual([]);
    expect(db.rows('mood')).toEqual([[3, 'refuse']]);
  });

  test('as a client disconnects: what the reducer did is taken back, and the client is gone', () => {
    expect(db.database.connect(BOB, '{}').type).toBe('accepted');
    world.client(ADA).subscribe(1, 'SELECT * FROM moody');
    db.call(ADA, 'set_row', 2, 'refuse');
    db.database.disconnect(BOB);
    expect(db.rows('st_client')).toEqual([]);
    expect(db.rows('mood')).toEqual([[2, 'refuse']]);
  });

  test('because a schedule was done: the row goes, and the view ends for who uses it', () => {
    const [ada, bob] = [world.client(ADA), world.client(BOB)];
    db.call(ADA, 'set_alarm', db.time.nowMicros() + 1_000_000n);
    ada.subscribe(1, 'SELECT * FROM alarms', 'SELECT * FROM mood');
    bob.subscribe(1, 'SELECT * FROM mood');
    db.time.advance(2_000_000n);
    expect(db.rows('alarm')).toEqual([]);
    expect(db.rows('mood')).toEqual([[5, 'rung']]);
    expect([ada.messages, bob.messages]).toEqual([['mood +1 -0'], ['mood +1 -0']]);
    const message = 'Error materializing view `alarms`: there must be an alarm';
    expect([ada.failure, bob.failure]).toEqual([message, undefined]);
    expect(db.database.views.instances).toEqual({ used: 0, idle: 0 });
    db.call(ADA, 'set_alarm', db.time.nowMicros() + 1_000_000n);
    expect(ada.ask('SELECT * FROM alarms')).toEqual([[1n]]);
  });

  test('may use nothing but what reads', async () => {
    const raw = await openModule('view-raw.ts');
    raw.call(ADA, 'add', 1, 2);
    const client = new ViewWorld(raw).client(ADA);
    const answers = client.ask('SELECT * FROM probes');
    expect(Object.fromEntries(answers as [string, string][])).toEqual({
      insert: 'TransactionIsReadOnly',
      update: 'TransactionIsReadOnly',
      deleteRows: 'TransactionIsReadOnly',
      deletePoint: 'TransactionIsReadOnly',
      deleteRange: 'TransactionIsReadOnly',
      clear: 'TransactionIsReadOnly',
      schedule: 'TransactionIsReadOnly',
      begin: 'WouldBlockTransaction',
      commit: 'TransactionNotAnonymous',
      abort: 'TransactionNotAnonymous',
      request: 'WouldBlockTransaction',
      payload: 'NotInTransaction',
      count: 'returned 1',
    });
    expect(raw.rows('item')).toEqual([[1, 2]]);
    await raw.database.close();
  });

  test('may write nothing, as the library has it', () => {
    db.call(ADA, 'set_mood', 'write');
    const [[, what]] = world.client(ADA).ask('SELECT * FROM moody') as [[number, string]];
    expect(what).toBe('insert: TransactionIsReadOnly, delete: TransactionIsReadOnly');
    expect(db.rows('mood')).toEqual([[1, 'write']]);
  });
});
