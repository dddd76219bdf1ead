import { beforeEach, describe, expect, test } from 'vitest';
import { defineTable, IDENTITY, ModelState, type Change } from '../../test/sql-fixtures.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { compileRowRules } from '../row-security/compile-row-rules.ts';
import { SubscriptionManager, type SubscriptionLimits, type Visibility } from './subscription-manager.ts';

const DOC = defineTable({
  name: 'doc',
  columns: { id: 'u32', owner: IDENTITY, room: 'u32' },
  primaryKey: 'id',
  indexes: [{ columns: ['owner'] }, { columns: ['room'] }],
});
const MEMBER = defineTable({
  name: 'member',
  columns: { who: IDENTITY, room: 'u32' },
  indexes: [{ columns: ['who'] }, { columns: ['room'] }],
});
const NOTE = defineTable({ name: 'note', columns: { room: 'u32', text: 'string' } });
const TABLES = [DOC, MEMBER, NOTE];

const OWN = 'SELECT * FROM doc WHERE owner = :sender';
const OF_ROOMS = 'SELECT d.* FROM doc d JOIN member m ON d.room = m.room WHERE m.who = :sender';
const PUBLISHED = 'SELECT * FROM doc WHERE room = 0';

const asker = (identity: number): Visibility => ({ identity: BigInt(identity), isOwner: false });
const OWNER: Visibility = { identity: 1_000_000n, isOwner: true };

let state: ModelState;
let manager: SubscriptionManager;

function setUp(rules: readonly string[], options: SubscriptionLimits & { readonly strictCompat?: boolean } = {}): void {
  const def = { rowLevelSecurity: rules.map((sql) => ({ sql, prefix: '' })), views: [] };
  const { strictCompat = false } = options;
  const compiled = compileRowRules({ def, tables: TABLES, strictCompat });
  manager = new SubscriptionManager({ ...options, tables: TABLES, rules: compiled, state });
}

beforeEach(() => {
  state = new ModelState(TABLES);
});

const doc = (id: number, owner: number, room: number): readonly AlgebraicValue[] => [id, [BigInt(owner)], room];
const member = (who: number, room: number): readonly AlgebraicValue[] => [[BigInt(who)], room];

function commit(changes: Readonly<Record<string, Change>>) {
  return manager.evaluate(state.commit(changes));
}

function subscribe(client: object, query: string, visibility: Visibility, querySetId = 1): number {
  const result = manager.subscribe(client, { querySetId, queries: [query], visibility });
  if (result.type !== 'applied') throw new Error(result.message);
  return result.tables.reduce((sum, { rows }) => sum + rows.rows.length, 0);
}

describe('what a commit costs', () => {
  const clients = Array.from({ length: 2_000 }, (_, at) => ({ at }));

  test('under rules that are conditions: only the one whose row it is, of thousands', () => {
    setUp([OWN]);
    for (const client of clients) subscribe(client, 'SELECT * FROM doc', asker(client.at));
    const before = manager.status();
    const updates = commit({ doc: { insert: [doc(1, 17, 5), doc(2, 1_900, 5)] } });
    expect([...updates.keys()]).toEqual([clients[17], clients[1_900]]);
    const after = manager.status();
    expect(after.queriesEvaluated - before.queriesEvaluated).toBe(2);
    expect(after.rowsScanned - before.rowsScanned).toBeLessThan(10);
  });

  test('under rules with joins: only those whose partners it touches, of thousands', () => {
    setUp([OWN, OF_ROOMS]);
    state.commit({ member: { insert: clients.map(({ at }) => member(at, at % 500)) } });
    for (const client of clients) subscribe(client, 'SELECT * FROM doc', asker(client.at));
    const before = manager.status();
    // Its owner, and the four members of the room.
    expect(commit({ doc: { insert: [doc(1, 17, 5)] } }).size).toBe(5);
    expect(commit({ member: { insert: [member(42, 5)] } }).size).toBe(1);
    expect(commit({ member: { delete: [member(42, 5)] } }).size).toBe(1);
    const after = manager.status();
    // Each is worked out for the table that the asker sees, and for the query.
    expect(after.queriesEvaluated - before.queriesEvaluated).toBe(14);
    expect(after.rowsScanned - before.rowsScanned).toBeLessThan(150);
  });

  test('rules without `:sender` are one query for everybody but the owner', () => {
    setUp([PUBLISHED, 'SELECT d.* FROM doc d JOIN note n ON d.room = n.room']);
    for (const client of clients.slice(0, 100)) subscribe(client, 'SELECT * FROM doc', asker(client.at));
    expect(manager.status().liveQueries).toBe(1);
    const owner = {};
    state.commit({ doc: { insert: [doc(1, 1, 9)] } });
    expect(subscribe(owner, 'SELECT * FROM doc', OWNER)).toBe(1);
    expect(manager.status().liveQueries).toBe(2);
    const updates = commit({ note: { insert: [[9, 'x']] } });
    expect(updates.size).toBe(100);
    expect(updates.has(owner)).toBe(false);
    const [first, second] = [...updates.values()];
    expect(first?.[0]?.tables[0]?.updates[0]).toBe(second?.[0]?.tables[0]?.updates[0]);
  });

  test('a look-up by a key tests the rows that are found, and no others', () => {
    setUp([OF_ROOMS]);
    state.commit({
      doc: { insert: Array.from({ length: 3_000 }, (_, id) => doc(id, 1, id % 10)) },
      member: { insert: [member(7, 3)] },
    });
    const before = manager.status();
    expect(manager.oneOffQuery('SELECT * FROM doc WHERE id = 13', asker(7))).toMatchObject({
      type: 'rows',
      table: { rows: { rows: [expect.anything()] } },
    });
    expect(manager.oneOffQuery('SELECT * FROM doc WHERE id = 14', asker(7))).toMatchObject({
      table: { rows: { rows: [] } },
    });
    expect(manager.status().rowsScanned - before.rowsScanned).toBeLessThan(20);
    // All that one sees is found from one's own row on.
    expect(subscribe({}, 'SELECT * FROM doc', asker(7))).toBe(300);
    expect(manager.status().rowsScanned - before.rowsScanned).toBeLessThan(1_000);
  });
});

describe('rules that cost too much', () => {
  const CROSS = 'SELECT a.* FROM note a JOIN note b';
  const notes = (count: number): Change => ({ insert: Array.from({ length: count }, (_, at) => [at, 'x']) });

  test('refuse the query that asks for their table', () => {
    setUp([CROSS], { rowsPerQueryMax: 2_000 });
    state.commit({ note: notes(100) });
    const result = manager.subscribe({}, { querySetId: 1, queries: ['SELECT * FROM note'], visibility: asker(1) });
    expect(result).toMatchObject({ type: 'error', message: expect.stringContaining('more than 2000 rows') });
    expect(subscribe({}, 'SELECT * FROM note', OWNER)).toBe(100);
  });

  test('end the clients that a commit makes them too dear for, also by way of other tables, and no others', () => {
    setUp([CROSS, 'SELECT d.* FROM doc d JOIN note n ON d.room = n.room'], { rowsPerQueryMax: 2_000 });
    const [a, b, c, owner] = [{}, {}, {}, {}];
    subscribe(a, 'SELECT * FROM note', asker(1));
    subscribe(b, 'SELECT * FROM doc', asker(1));
    subscribe(c, 'SELECT * FROM member', asker(1));
    subscribe(owner, 'SELECT * FROM note', OWNER);
    const updates = commit({ note: notes(100), member: { insert: [member(1, 1)] } });
    expect(new Set(updates.keys())).toEqual(new Set([c, owner]));
    const failed = manager.takeFailedClients();
    expect(new Set(failed.keys())).toEqual(new Set([a, b]));
    for (const message of failed.values()) expect(message).toMatch(/row-level security of `note`.*more than 2000 rows/);
    expect(manager.status()).toMatchObject({ clients: 2, liveQueries: 2 });
    expect([...commit({ note: { delete: [[1, 'x']] } }).keys()]).toEqual([owner]);
  });
});

describe('where everything must run on SpacetimeDB too', () => {
  const refusal = (query: string): string | undefined => {
    const result = manager.subscribe({}, { querySetId: 1, queries: [query], visibility: asker(1) });
    return result.type === 'error' ? result.message : undefined;
  };

  test('rules count as tables of the query', () => {
    setUp([OF_ROOMS], { strictCompat: true });
    expect(refusal('SELECT * FROM doc')).toBeUndefined();
    expect(refusal('SELECT * FROM member')).toBeUndefined();
    expect(refusal('SELECT d.* FROM doc d JOIN member m ON d.room = m.room')).toContain(
      'Invalid number of tables in subscription: 3',
    );
    setUp([OWN], { strictCompat: true });
    expect(refusal('SELECT d.* FROM doc d JOIN member m ON d.room = m.room')).toBeUndefined();
  });

  test('their joins need indexes', () => {
    setUp(
      ['SELECT d.* FROM doc d JOIN note n ON d.id = n.room', 'SELECT n.* FROM note n JOIN note o ON n.text = o.text'],
      {
        strictCompat: true,
      },
    );
    expect(refusal('SELECT * FROM note')).toContain('Subscriptions require indexes on join columns');
    setUp(['SELECT n.* FROM note n JOIN note o ON n.text = o.text']);
    expect(refusal('SELECT * FROM note')).toBeUndefined();
  });
});

test('nothing is left of those who are gone, nor of what was refused', () => {
  setUp([OWN, OF_ROOMS]);
  const clients = Array.from({ length: 50 }, (_, at) => ({ at }));
  for (const client of clients) {
    subscribe(client, 'SELECT * FROM doc', asker(client.at));
    subscribe(client, 'SELECT d.* FROM doc d JOIN note n ON d.room = n.room', asker(client.at), 2);
  }
  expect(manager.status()).toMatchObject({ clients: 50, liveQueries: 100 });
  manager.unsubscribe(clients[0]!, 1, { sendRows: true });
  for (const client of clients) manager.removeClient(client);
  expect(manager.status()).toMatchObject({ clients: 0, liveQueries: 0, hashTables: 0 });
  const before = manager.status().rowsScanned;
  expect(commit({ doc: { insert: [doc(1, 1, 1)] }, member: { insert: [member(1, 1)] } }).size).toBe(0);
  expect(manager.status().rowsScanned).toBe(before);
});

test('a join without an index over a table whose rules cost too much is refused, and leaves nothing', () => {
  setUp(['SELECT a.* FROM note a JOIN note b'], { rowsPerQueryMax: 2_000 });
  state.commit({
    note: { insert: Array.from({ length: 100 }, (_, at) => [at, 'x']) },
    doc: { insert: [doc(1, 1, 1)] },
  });
  const queries = ['SELECT d.* FROM doc d JOIN note n ON d.room = n.room'];
  expect(manager.subscribe({}, { querySetId: 1, queries, visibility: asker(1) })).toMatchObject({
    type: 'error',
    message: expect.stringContaining('more than 2000 rows'),
  });
  expect(manager.status()).toMatchObject({ clients: 0, liveQueries: 0, hashTables: 0 });
});
