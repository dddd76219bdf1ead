import { beforeEach, describe, expect, test } from 'vitest';
import { defineTable, IDENTITY, ModelState } from '../../test/sql-fixtures.ts';
import { SubscriptionManager } from './subscription-manager.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import type { Change } from '../../test/sql-fixtures.ts';
import type { QuerySetUpdate, TableRows } from './shared-results.ts';
import type { SubscribeResult, Visibility } from './subscription-manager.ts';

const USER = defineTable({
  name: 'user',
  accessor: 'User',
  columns: { id: 'u32', name: 'string', owner: IDENTITY },
  primaryKey: 'id',
});
const POST = defineTable({
  name: 'post',
  columns: { id: 'u32', author: 'u32', text: 'string' },
  primaryKey: 'id',
  indexes: [{ columns: ['author'] }],
});
const NOTE = defineTable({ name: 'note', columns: { about: 'u32', text: 'string' } });
const SECRET = defineTable({ name: 'secret', columns: { id: 'u32' }, access: 'private' });
const EVENT = defineTable({ name: 'event', columns: { author: 'u32', text: 'string' }, isEvent: true });
const SYSTEM = defineTable({ name: 'st_client', columns: { id: 'u32' }, isSystem: true });
const TABLES = [USER, POST, NOTE, SECRET, EVENT, SYSTEM];

const ALICE: Visibility = { identity: 1n, isOwner: false };
const BOB: Visibility = { identity: 2n, isOwner: false };
const OWNER: Visibility = { identity: 3n, isOwner: true };

const a = { name: 'client a' };
const b = { name: 'client b' };

let state: ModelState;
let manager: SubscriptionManager;

beforeEach(() => {
  state = new ModelState(TABLES);
  manager = new SubscriptionManager({ tables: TABLES, state });
  state.commit({
    user: { insert: [user(1), user(2), user(3)] },
    post: { insert: [post(10, 1), post(11, 1), post(12, 2)] },
    secret: { insert: [[7]] },
    st_client: { insert: [[1]] },
  });
});

function user(id: number, name = `u${id}`): readonly AlgebraicValue[] {
  return [id, name, [BigInt(id)]];
}

function post(id: number, author: number, text = ''): readonly AlgebraicValue[] {
  return [id, author, text];
}

function subscribe(
  client: object,
  querySetId: number,
  queries: readonly string[],
  visibility = ALICE,
): SubscribeResult {
  return manager.subscribe(client, { querySetId, queries, visibility });
}

function show(tables: readonly TableRows[]): unknown {
  return tables.map(({ tableName, rows }) => [tableName, rows.rows.map((row) => state.decode(tableName, row)[0])]);
}

function applied(result: { readonly type: string; readonly tables?: readonly TableRows[] | undefined }): unknown {
  expect(result).toMatchObject({ type: 'applied' });
  return show(result.tables ?? []);
}

function commit(changes: Readonly<Record<string, Change>>): ReadonlyMap<object, readonly QuerySetUpdate[]> {
  return manager.evaluate(state.commit(changes));
}

/** [query set, [table, inserted, deleted]...] by first column. */
function updatesOf(updates: ReadonlyMap<object, readonly QuerySetUpdate[]>, client: object): unknown {
  return (updates.get(client) ?? []).map(({ querySetId, tables }) => [
    querySetId,
    ...tables.flatMap(({ tableName, updates: own }) =>
      own.map(({ inserts, deletes }) => [
        tableName,
        inserts.rows.map((row) => state.decode(tableName, row)[0]),
        deletes.rows.map((row) => state.decode(tableName, row)[0]),
      ]),
    ),
  ]);
}

describe('subscribing', () => {
  test('gives the rows of each query in order, under canonical names, without empty ones', () => {
    const result = subscribe(a, 1, [
      'SELECT * FROM post WHERE author = 2',
      'SELECT * FROM note',
      '  SELECT * FROM User WHERE User.id > 1 ; ',
    ]);
    expect(applied(result)).toEqual([
      ['post', [12]],
      ['user', [2, 3]],
    ]);
  });

  test('an empty list of queries is fine', () => {
    expect(applied(subscribe(a, 1, []))).toEqual([]);
    expect(manager.status()).toMatchObject({ clients: 1, querySets: 1, liveQueries: 0 });
  });

  test('a row that several queries match is in each of them', () => {
    expect(applied(subscribe(a, 1, ['SELECT * FROM user', 'SELECT * FROM user WHERE id = 1']))).toEqual([
      ['user', [1, 2, 3]],
      ['user', [1]],
    ]);
    expect(updatesOf(commit({ user: { delete: [user(1)] } }), a)).toEqual([[1, ['user', [], [1]], ['user', [], [1]]]]);
  });

  test('the same text twice in one set counts once, in two sets twice', () => {
    const sql = 'SELECT * FROM user WHERE id = 1';
    expect(applied(subscribe(a, 1, [sql, ` ${sql} `]))).toEqual([['user', [1]]]);
    expect(applied(subscribe(a, 2, [sql]))).toEqual([['user', [1]]]);
    expect(manager.status().liveQueries).toBe(1);
    expect(updatesOf(commit({ user: { delete: [user(1)] } }), a)).toEqual([
      [1, ['user', [], [1]]],
      [2, ['user', [], [1]]],
    ]);
  });

  test('one bad query refuses the whole set and leaves nothing behind', () => {
    const result = subscribe(a, 1, ['SELECT * FROM user', 'SELECT * FROM nothing']);
    expect(result).toEqual({
      type: 'error',
      message:
        'no such table: `nothing`. If the table exists, it may be marked private., executing: `SELECT * FROM nothing`',
    });
    expect(manager.status()).toMatchObject({ clients: 0, querySets: 0, liveQueries: 0 });
    expect(commit({ user: { insert: [user(9)] } }).size).toBe(0);
    expect(applied(subscribe(a, 1, ['SELECT * FROM post WHERE id = 10']))).toEqual([['post', [10]]]);
  });

  test('an id in use is refused as a duplicate and stays as it was', () => {
    subscribe(a, 1, ['SELECT * FROM user']);
    expect(subscribe(a, 1, ['SELECT * FROM post'])).toMatchObject({ type: 'duplicate' });
    expect(applied(subscribe(b, 1, ['SELECT * FROM user WHERE id = 1']))).toEqual([['user', [1]]]);
    expect(updatesOf(commit({ user: { insert: [user(4)] }, post: { insert: [post(13, 1)] } }), a)).toEqual([
      [1, ['user', [4], []]],
    ]);
  });

  test('SELECT * FROM * is every visible table but event and system tables', () => {
    state.commit({ note: { insert: [[1, 'n']] } });
    expect(applied(subscribe(a, 1, ['select  *  from * ;']))).toEqual([
      ['note', [1]],
      ['post', [10, 11, 12]],
      ['user', [1, 2, 3]],
    ]);
    expect(applied(subscribe(b, 1, ['SELECT * FROM *', 'SELECT * FROM user'], OWNER))).toEqual([
      ['note', [1]],
      ['post', [10, 11, 12]],
      ['secret', [7]],
      ['user', [1, 2, 3]],
    ]);
  });

  test('queries per client are limited', () => {
    manager = new SubscriptionManager({ tables: TABLES, state, queriesPerClientMax: 3 });
    applied(subscribe(a, 1, ['SELECT * FROM user', 'SELECT * FROM post']));
    expect(subscribe(a, 2, ['SELECT * FROM note', 'SELECT * FROM event'])).toMatchObject({
      type: 'error',
      message: expect.stringContaining('4 queries; 3 are allowed'),
    });
    applied(subscribe(a, 2, ['SELECT * FROM note']));
    manager.unsubscribe(a, 1, { sendRows: false });
    applied(subscribe(a, 3, ['SELECT * FROM user', 'SELECT * FROM post']));
  });
});

describe('unsubscribing', () => {
  test('gives the current rows when they are asked for, and frees the id', () => {
    subscribe(a, 1, ['SELECT * FROM user', 'SELECT * FROM note', 'SELECT * FROM user WHERE id = 2']);
    commit({ user: { delete: [user(1)] } });
    expect(applied(manager.unsubscribe(a, 1, { sendRows: true }))).toEqual([
      ['user', [2, 3]],
      ['user', [2]],
    ]);
    expect(commit({ user: { delete: [user(2)] } }).size).toBe(0);
    expect(applied(subscribe(a, 1, ['SELECT * FROM user']))).toEqual([['user', [3]]]);
    expect(manager.unsubscribe(a, 1, { sendRows: false })).toEqual({ type: 'applied', tables: undefined });
    expect(manager.status()).toMatchObject({ clients: 0, querySets: 0, liveQueries: 0 });
  });

  test('an unknown id is an error', () => {
    expect(manager.unsubscribe(a, 5, { sendRows: true })).toEqual({
      type: 'error',
      message: 'Subscription not found: 5',
    });
  });

  test('a client that is gone gets nothing and holds nothing', () => {
    subscribe(a, 1, ['SELECT * FROM user']);
    subscribe(a, 2, ['SELECT n.* FROM note n JOIN note m ON n.about = m.about']);
    subscribe(b, 1, ['SELECT * FROM user']);
    manager.removeClient(a);
    manager.removeClient(a);
    const updates = commit({ user: { insert: [user(4)] } });
    expect([...updates.keys()]).toEqual([b]);
    manager.removeClient(b);
    expect(manager.status()).toMatchObject({ clients: 0, querySets: 0, liveQueries: 0, hashTables: 0 });
  });
});

describe('updates', () => {
  test('rows that enter, leave and change', () => {
    subscribe(a, 1, ["SELECT * FROM user WHERE name = 'x'"]);
    expect(updatesOf(commit({ user: { delete: [user(1)], insert: [user(1, 'x')] } }), a)).toEqual([
      [1, ['user', [1], []]],
    ]);
    expect(updatesOf(commit({ user: { delete: [user(1, 'x')], insert: [user(5, 'x')] } }), a)).toEqual([
      [1, ['user', [5], [1]]],
    ]);
    expect(updatesOf(commit({ user: { delete: [user(5, 'x')], insert: [user(5, 'y')] } }), a)).toEqual([
      [1, ['user', [], [5]]],
    ]);
  });

  test('nothing is said of what does not change a result', () => {
    subscribe(a, 1, ['SELECT * FROM user WHERE id = 1', 'SELECT * FROM note']);
    expect(commit({ user: { insert: [user(8)] }, post: { insert: [post(14, 1)] } }).size).toBe(0);
    expect(commit({ user: { delete: [user(1)], insert: [user(1)] } }).size).toBe(0);
    expect(commit({}).size).toBe(0);
  });

  test('one entry a client, sets ascending by id, tables ascending by name', () => {
    subscribe(a, 7, ['SELECT * FROM user', 'SELECT * FROM post', 'SELECT * FROM user WHERE id = 4']);
    subscribe(a, 3, ['SELECT * FROM user']);
    const updates = commit({ user: { insert: [user(4)] }, post: { insert: [post(13, 1)] } });
    expect(updatesOf(updates, a)).toEqual([
      [3, ['user', [4], []]],
      [7, ['post', [13], []], ['user', [4], []], ['user', [4], []]],
    ]);
    expect(updates.get(a)?.[1]?.tables.map(({ tableName, updates: own }) => [tableName, own.length])).toEqual([
      ['post', 1],
      ['user', 2],
    ]);
  });

  test('a second partner sends the row again, a lost one takes one copy back', () => {
    subscribe(a, 1, ['SELECT u.* FROM user u JOIN post p ON u.id = p.author']);
    expect(updatesOf(commit({ post: { insert: [post(20, 2)] } }), a)).toEqual([[1, ['user', [2], []]]]);
    expect(updatesOf(commit({ post: { delete: [post(10, 1), post(11, 1)] } }), a)).toEqual([[1, ['user', [], [1, 1]]]]);
  });

  test('a partner that changes without effect says nothing', () => {
    subscribe(a, 1, ['SELECT u.* FROM user u JOIN post p ON u.id = p.author']);
    expect(commit({ post: { delete: [post(10, 1)], insert: [post(10, 1, 'edited')] } }).size).toBe(0);
    expect(commit({ post: { delete: [post(10, 1, 'edited')], insert: [post(30, 1)] } }).size).toBe(0);
  });

  test('a row of a join that is replaced goes with its old count and comes with its new one', () => {
    subscribe(a, 1, ['SELECT u.* FROM user u JOIN post p ON u.id = p.author']);
    const updates = commit({
      user: { delete: [user(1)], insert: [user(1, 'new')] },
      post: { delete: [post(11, 1)] },
    });
    const [update] = updates.get(a)![0]!.tables[0]!.updates;
    expect(update!.deletes.rows.map((row) => state.decode('user', row)[1])).toEqual(['u1', 'u1']);
    expect(update!.inserts.rows.map((row) => state.decode('user', row)[1])).toEqual(['new']);
  });

  test('events come once, with the commit, and are in no snapshot', () => {
    expect(applied(subscribe(a, 1, ['SELECT * FROM event WHERE author = 1']))).toEqual([]);
    subscribe(a, 2, ['SELECT e.* FROM event e JOIN post p ON e.author = p.author']);
    const updates = commit({
      event: {
        insert: [
          [1, 'hello'],
          [2, 'other'],
        ],
      },
    });
    expect(updatesOf(updates, a)).toEqual([
      [1, ['event', [1], []]],
      [2, ['event', [1, 1, 2], []]],
    ]);
    expect(updates.get(a)?.[0]?.tables[0]?.updates[0]?.isEvent).toBe(true);
    expect(commit({ user: { insert: [user(9)] } }).size).toBe(0);
    expect(applied(manager.unsubscribe(a, 1, { sendRows: true }))).toEqual([]);
  });
});

describe('who may see what', () => {
  test('a private table does not exist for others, also when the owner subscribes to it', () => {
    const sql = 'SELECT * FROM secret';
    const refused = { type: 'error', message: expect.stringContaining('no such table: `secret`') };
    expect(subscribe(a, 1, [sql])).toMatchObject(refused);
    expect(applied(subscribe(b, 1, [sql], OWNER))).toEqual([['secret', [7]]]);
    expect(subscribe(a, 1, [sql])).toMatchObject(refused);
    expect(manager.oneOffQuery(sql, ALICE)).toMatchObject(refused);
    expect(manager.explain(sql, ALICE)).toContain('no such table');
    expect([...commit({ secret: { insert: [[8]] } }).keys()]).toEqual([b]);
  });

  test(':sender is each client for itself, shared by the connections of one identity', () => {
    const sql = 'SELECT * FROM user WHERE owner = :sender';
    const c = {};
    expect(applied(subscribe(a, 1, [sql], ALICE))).toEqual([['user', [1]]]);
    expect(applied(subscribe(b, 1, [sql], BOB))).toEqual([['user', [2]]]);
    expect(applied(subscribe(c, 1, [sql], ALICE))).toEqual([['user', [1]]]);
    expect(manager.status().liveQueries).toBe(2);
    const updates = commit({ user: { delete: [user(2)] } });
    expect([...updates.keys()]).toEqual([b]);
  });
});

describe('sharing', () => {
  test('subscribers of one text share plan, evaluation and the objects of its update', () => {
    const clients = Array.from({ length: 100 }, () => ({}));
    for (const client of clients) subscribe(client, 1, ['SELECT * FROM user WHERE id < 100']);
    const before = manager.status();
    expect(before.liveQueries).toBe(1);
    const updates = commit({ user: { insert: [user(4)] } });
    expect(manager.status().queriesEvaluated - before.queriesEvaluated).toBe(1);
    expect(updates.size).toBe(100);
    const distinct = new Set([...updates.values()].map(([set]) => set!.tables[0]!.updates[0]));
    expect(distinct.size).toBe(1);
    const [update] = distinct;
    let encodings = 0;
    const encode = (): Uint8Array => {
      encodings += 1;
      return Uint8Array.of(1);
    };
    expect(update!.encodedBy(encode)).toBe(update!.encodedBy(encode));
    expect(update!.inserts.encodedBy(encode)).toBe(update!.inserts.encodedBy(encode));
    expect(encodings).toBe(2);
  });

  test('clients that subscribe one after another share the rows of a large result, until it changes', () => {
    state.commit({ post: { insert: Array.from({ length: 1_000 }, (_, id) => post(1_000 + id, id)) } });
    const sql = "SELECT * FROM post WHERE text <> 'x'";
    const join = (): SubscribeResult => subscribe({}, 1, [sql]);
    const rowsOf = (result: SubscribeResult): unknown => result.type === 'applied' && result.tables[0]!.rows;
    join();
    const second = join();
    const before = manager.status();
    const third = join();
    expect(rowsOf(third)).toBe(rowsOf(second));
    commit({ post: { insert: [post(5, 5, 'x')] }, user: { insert: [user(77)] } });
    expect(rowsOf(join())).toBe(rowsOf(second));
    expect(manager.status().queriesEvaluated - before.queriesEvaluated).toBe(1);
    commit({ post: { delete: [post(1_000, 0)] } });
    const fresh = join();
    expect(rowsOf(fresh)).not.toBe(rowsOf(second));
    expect(fresh.type === 'applied' && fresh.tables[0]!.rows.rows.length).toBe(1_002);
    expect(rowsOf(join())).toBe(rowsOf(fresh));
  });

  test('of 10,000 queries for one row each, a commit costs only the one that matches', () => {
    for (let id = 0; id < 10_000; id += 1) {
      subscribe({}, 1, [`SELECT * FROM user WHERE id = ${id}`, `SELECT * FROM post WHERE author = ${id}`]);
    }
    const before = manager.status();
    expect(before.liveQueries).toBe(20_000);
    const updates = commit({ user: { delete: [user(3)], insert: [user(3, 'new')] } });
    const after = manager.status();
    expect(updates.size).toBe(1);
    expect(after.queriesEvaluated - before.queriesEvaluated).toBe(1);
    expect(after.rowsScanned - before.rowsScanned).toBe(2);
  });

  test('a large commit gives each of many queries its own rows only', () => {
    for (let id = 0; id < 1_000; id += 1) subscribe({}, 1, [`SELECT * FROM post WHERE author = ${id}`]);
    const before = manager.status();
    commit({ post: { insert: Array.from({ length: 1_000 }, (_, id) => post(100 + id, id)) } });
    expect(manager.status().rowsScanned - before.rowsScanned).toBe(1_000);
  });

  test('a join costs by its change, not by its tables', () => {
    state.commit({
      user: { insert: Array.from({ length: 2_000 }, (_, id) => user(100 + id)) },
      post: { insert: Array.from({ length: 2_000 }, (_, id) => post(1_000 + id, 100 + id)) },
    });
    subscribe(a, 1, ["SELECT u.* FROM user u JOIN post p ON u.id = p.author WHERE p.text <> 'x'"]);
    const before = manager.status();
    expect(updatesOf(commit({ post: { insert: [post(5, 100)] } }), a)).toEqual([[1, ['user', [100], []]]]);
    // The changed row, the user it points at, and the copy that is sent.
    expect(manager.status().rowsScanned - before.rowsScanned).toBe(3);
  });

  test('of 10,000 joins that differ in a constant, a change of the other table costs only those it concerns', () => {
    state.commit({ user: { insert: Array.from({ length: 100 }, (_, id) => user(100 + id)) } });
    for (let at = 0; at < 10_000; at += 1) {
      subscribe({}, 1, [`SELECT p.* FROM user u JOIN post p ON p.author = u.id WHERE u.name = 'u${at}'`]);
    }
    const before = manager.status();
    expect(before.liveQueries).toBe(10_000);
    expect(commit({ post: { insert: [post(50, 105), post(51, 105)], delete: [post(12, 2)] } }).size).toBe(2);
    const after = manager.status();
    expect(after.queriesEvaluated - before.queriesEvaluated).toBe(2);
    expect(after.rowsScanned - before.rowsScanned).toBeLessThan(20);
    expect(commit({ user: { delete: [user(2)] }, post: { delete: [post(50, 105)] } }).size).toBe(1);
  });

  test('a join without an index keeps a hash table, which follows commits and ends with its last query', () => {
    const sql = 'SELECT u.* FROM user u JOIN note n ON u.id = n.about';
    state.commit({ note: { insert: Array.from({ length: 500 }, (_, at) => [at, `n${at}`]) } });
    expect(applied(subscribe(a, 1, [sql]))).toEqual([['user', [1, 2, 3]]]);
    subscribe(b, 1, [`${sql} WHERE n.text <> 'q'`]);
    expect(manager.status().hashTables).toBe(1);
    const before = manager.status();
    expect(updatesOf(commit({ note: { insert: [[2, 'more']] } }), a)).toEqual([[1, ['user', [2], []]]]);
    expect(updatesOf(commit({ user: { delete: [user(2)] } }), a)).toEqual([[1, ['user', [], [2, 2]]]]);
    expect(manager.status().rowsScanned - before.rowsScanned).toBeLessThan(20);
    manager.removeClient(a);
    expect(manager.status().hashTables).toBe(1);
    manager.removeClient(b);
    expect(manager.status().hashTables).toBe(0);
  });
});

describe('queries that grow too large', () => {
  const ALL_PAIRS = 'SELECT n.* FROM note n JOIN note m ON n.about = m.about';
  const notes = (count: number): readonly (readonly AlgebraicValue[])[] =>
    Array.from({ length: count }, (_, at) => [1, `n${at}`]);

  beforeEach(() => {
    manager = new SubscriptionManager({ tables: TABLES, state, rowsPerQueryMax: 5_000 });
  });

  test('are refused when they are subscribed to or asked once', () => {
    state.commit({ note: { insert: notes(100) } });
    const refused = { type: 'error', message: expect.stringContaining('more than 5000 rows') };
    expect(subscribe(a, 1, ['SELECT * FROM user', ALL_PAIRS])).toMatchObject(refused);
    expect(manager.oneOffQuery(ALL_PAIRS, ALICE)).toMatchObject(refused);
    expect(manager.status()).toMatchObject({ clients: 0, liveQueries: 0, hashTables: 0 });
  });

  test('end their own clients, whose connections are to be closed, and no others', () => {
    subscribe(a, 1, [ALL_PAIRS]);
    subscribe(a, 2, ['SELECT * FROM note']);
    subscribe(b, 1, ['SELECT * FROM note']);
    const updates = commit({ note: { insert: notes(100) } });
    expect([...updates.keys()]).toEqual([b]);
    expect([...manager.takeFailedClients()]).toEqual([[a, expect.stringContaining(`executing: \`${ALL_PAIRS}\``)]]);
    expect(manager.status()).toMatchObject({ clients: 1, liveQueries: 1, hashTables: 0 });
    expect([...commit({ note: { insert: [[2, 'x']] } }).keys()]).toEqual([b]);
    expect(manager.takeFailedClients().size).toBe(0);
  });

  test('are refused when they would need hash tables for too many rows', () => {
    manager = new SubscriptionManager({ tables: TABLES, state, hashedRowsMax: 150 });
    state.commit({ note: { insert: Array.from({ length: 100 }, (_, at) => [at, `n${at}`]) } });
    applied(subscribe(a, 1, [ALL_PAIRS]));
    applied(subscribe(a, 2, [`${ALL_PAIRS} WHERE n.text = 'n1'`]));
    expect(subscribe(a, 3, ['SELECT n.* FROM note n JOIN note m ON n.text = m.text'])).toMatchObject({
      type: 'error',
      message: expect.stringMatching(/require indexes on join columns.*`note`.*200 rows.*150/),
    });
    manager.removeClient(a);
    applied(subscribe(a, 3, ['SELECT n.* FROM note n JOIN note m ON n.text = m.text']));
  });

  test('cannot be overlooked: nothing is evaluated before the failed clients were taken', () => {
    subscribe(a, 1, [ALL_PAIRS]);
    commit({ note: { insert: notes(100) } });
    expect(() => commit({ note: { insert: [[2, 'x']] } })).toThrow('failed clients are taken');
  });
});

describe('one-off queries', () => {
  test('answer with one table, also when it has no rows', () => {
    const result = manager.oneOffQuery(' SELECT * FROM User WHERE id = 2 ', ALICE);
    expect(result.type === 'rows' && show([result.table])).toEqual([['user', [2]]]);
    expect(manager.oneOffQuery('SELECT * FROM note', ALICE)).toMatchObject({
      type: 'rows',
      table: { tableName: 'note', rows: { rows: [] } },
    });
    expect(manager.oneOffQuery('SELECT id FROM user', ALICE)).toMatchObject({ type: 'error' });
  });

  test('joins need no index, not even where subscriptions do', () => {
    manager = new SubscriptionManager({ tables: TABLES, state, strictCompat: true });
    state.commit({ note: { insert: [[1, 'x']] } });
    const sql = 'SELECT n.* FROM note n JOIN note m ON n.about = m.about';
    expect(subscribe(a, 1, [sql])).toMatchObject({
      type: 'error',
      message: expect.stringContaining('Subscriptions require indexes on join columns'),
    });
    expect(manager.oneOffQuery(sql, ALICE)).toMatchObject({ type: 'rows', table: { tableName: 'note' } });
  });
});

test('explain says how a query is answered and kept up to date', () => {
  expect(manager.explain("SELECT u.* FROM user u JOIN post p ON u.id = p.author WHERE p.text = 'x'", ALICE)).toBe(
    [
      "scan post as p where p.text = 'x'",
      'look up u.id by unique btree(id) = p.author',
      'return rows of u',
      'on change: look up u.id by unique btree(id) when p changes; look up p.author by btree(author) when u changes',
    ].join('\n'),
  );
});
