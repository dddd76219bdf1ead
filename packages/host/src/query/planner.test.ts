import { describe, expect, test } from 'vitest';
import { BYTES, defineTable, IDENTITY, ModelState, selectValues } from '../../test/sql-fixtures.ts';
import { Catalog } from './catalog.ts';
import { compileOneOffQuery, compileSubscription } from './compile.ts';
import { evaluateRows } from './evaluator.ts';
import { WorkMeter } from './work-meter.ts';
import { explainIncremental, explainPlan } from './explain.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import type { CompileOptions } from './compile.ts';

const PLAYER = defineTable({
  name: 'player',
  columns: { id: 'u32', team: 'u8', score: 'i32', name: 'string', owner: IDENTITY, key: BYTES },
  primaryKey: 'id',
  indexes: [{ columns: ['team', 'score', 'name'] }, { columns: ['owner'] }, { columns: ['key'], algorithm: 'hash' }],
});
const TEAM = defineTable({ name: 'team', columns: { id: 'u8', league: 'string' }, primaryKey: 'id' });
const BARE = defineTable({ name: 'bare', columns: { player: 'u32', text: 'string' } });
const SLOT = defineTable({
  name: 'slot',
  columns: { x: 'u8', y: 'u8', z: 'u8' },
  indexes: [{ columns: ['x', 'y'], algorithm: 'hash' }, { columns: ['z', 'y'] }],
});
const PING = defineTable({ name: 'ping', columns: { team: 'u8' }, indexes: [{ columns: ['team'] }], isEvent: true });

const TABLES = [PLAYER, TEAM, BARE, SLOT, PING];
const options: CompileOptions = {
  catalog: new Catalog(TABLES),
  visibility: { identity: 7n, isOwner: false },
  strictCompat: false,
};
const strict: CompileOptions = { ...options, strictCompat: true };

const explain = (sql: string): readonly string[] => explainPlan(compileOneOffQuery(sql, options).plan).split('\n');
const access = (condition: string, table = 'player'): string =>
  explain(`SELECT * FROM ${table} WHERE ${condition}`)[0]!.split(' where ')[0]!;

describe('access to one table', () => {
  test.each([
    ['id = 5', 'seek player by unique btree(id) = 5'],
    ['5 = id AND team = 1', 'seek player by unique btree(id) = 5'],
    ['id = 5 OR id = 7', 'seek player by unique btree(id) = 5 and 1 more'],
    ['id > 5', 'seek player by unique btree(id) > 5'],
    ['id > 5 AND id <= 9 AND id >= 2', 'seek player by unique btree(id) > 5, <= 9'],
    ['id >= 5 AND id > 5 AND id < 9 AND id <= 9', 'seek player by unique btree(id) > 5, < 9'],
    ['NOT (id < 5 OR id > 9)', 'seek player by unique btree(id) >= 5, <= 9'],
    ['team = 1', 'seek player by btree(team, score, name) = 1'],
    ['team = 1 AND score > 3', 'seek player by btree(team, score, name) = 1, > 3'],
    ["team = 1 AND name = 'x'", 'seek player by btree(team, score, name) = 1'],
    ["team = 1 AND score = 2 AND name = 'x'", "seek player by btree(team, score, name) = 1, = 2, = 'x'"],
    ['(team = 1 OR team = 2) AND score = 3', 'seek player by btree(team, score, name) = 1, = 3 and 1 more'],
    ['owner = :sender', 'seek player by btree(owner) = 7'],
    ['key = 0x01', 'seek player by hash(key) = 0x01'],
    ['key > 0x01', 'scan player'],
    ['score = 1', 'scan player'],
    ['id = 5 OR score = 1', 'scan player'],
    ['id <> 5', 'scan player'],
    ['FALSE', 'nothing of player'],
    ['id = 5 AND id = 6', 'nothing of player'],
    ['id = 5 AND FALSE', 'nothing of player'],
    ['id = 5 OR TRUE', 'scan player'],
  ])('%s', (condition, expected) => {
    expect(access(condition)).toBe(expected);
  });

  test('a hash index needs all its columns', () => {
    expect(access('x = 1', 'slot')).toBe('scan slot');
    expect(access('x = 1 AND y = 2', 'slot')).toBe('seek slot by hash(x, y) = 1, = 2');
  });

  test('thousands of alternatives are not split into points', () => {
    const condition = Array.from({ length: 2_000 }, (_, id) => `id = ${id}`).join(' OR ');
    expect(access(condition)).toBe('scan player');
  });
});

describe('joins', () => {
  test('start where the condition is narrowest and look the other side up', () => {
    expect(explain("SELECT player.* FROM player JOIN team ON player.team = team.id WHERE team.league = 'a'")).toEqual([
      "scan team where team.league = 'a'",
      'look up player.team by btree(team, score, name) = team.id',
      'return rows of player',
    ]);
    expect(explain('SELECT t.* FROM team t JOIN player p ON p.team = t.id WHERE p.id = 3')).toEqual([
      'seek player as p by unique btree(id) = 3 where p.id = 3',
      'look up t.id by unique btree(id) = p.team',
      'return rows of t',
    ]);
  });

  test('a prefix that is fixed by constants serves a look-up', () => {
    const [, lookup] = explain(
      'SELECT p.* FROM bare b JOIN slot p ON b.player = b.player JOIN team t ON t.id = p.y WHERE p.z = 1',
    );
    expect(lookup).toBeDefined();
    expect(explain('SELECT s.* FROM team t JOIN slot s ON s.y = t.id WHERE s.z = 4 AND t.id = 1')[1]).toBe(
      'look up s.y by btree(z, y) = t.id where s.z = 4',
    );
  });

  test('a hash table serves where no index does', () => {
    expect(explain('SELECT b.* FROM bare b JOIN bare c ON b.player = c.player')[1]).toBe(
      'look up by hash c.player = b.player',
    );
  });

  test('an equality in WHERE joins like one in ON', () => {
    expect(explain('SELECT p.* FROM player p JOIN team t WHERE p.team = t.id AND t.id = 1')[1]).toBe(
      'look up p.team by btree(team, score, name) = t.id',
    );
  });

  test('what is kept up to date is looked up on both sides', () => {
    const { plan, incremental } = compileSubscription('SELECT p.* FROM player p JOIN team t ON p.team = t.id', options);
    expect(explainIncremental(plan, incremental)).toBe(
      'on change: look up p.team by btree(team, score, name) when t changes; look up t.id by unique btree(id) when p changes',
    );
  });
});

describe('what cannot be subscribed to', () => {
  test.each([
    [
      'SELECT p.* FROM player p JOIN team t ON p.team = t.id JOIN bare b ON b.player = p.id',
      'Invalid number of tables in subscription: 3',
    ],
    ['SELECT p.* FROM player p JOIN team t', 'Subscriptions require indexes on join columns'],
    ['SELECT p.* FROM player p JOIN ping e ON p.team = e.team', 'Event tables cannot be used as the lookup table'],
  ])('%s', (sql, text) => {
    expect(() => compileSubscription(sql, options)).toThrow(text);
  });

  test('an event table may be what is returned', () => {
    const sql = 'SELECT e.* FROM ping e JOIN team t ON e.team = t.id';
    expect(compileSubscription(sql, options).incremental.type).toBe('join');
  });

  test('strict compatibility refuses NOT and joins without an index', () => {
    expect(() => compileSubscription('SELECT * FROM player WHERE team = 1 AND NOT (id = 1)', strict)).toThrow(
      'Unsupported expression: NOT',
    );
    const hashed = 'SELECT b.* FROM bare b JOIN bare c ON b.player = c.player';
    expect(compileSubscription(hashed, options).incremental.type).toBe('join');
    expect(() => compileSubscription(hashed, strict)).toThrow('Subscriptions require indexes on join columns');
    const indexed = 'SELECT b.* FROM bare b JOIN player p ON b.player = p.id';
    expect(compileSubscription(indexed, strict).incremental.type).toBe('join');
  });
});

describe('evaluation', () => {
  const state = new ModelState(TABLES);
  const player = (id: number, team: number, score: number): readonly AlgebraicValue[] => [
    id,
    team,
    score,
    `p${id}`,
    [BigInt(id)],
    Uint8Array.of(id),
  ];
  state.commit({
    player: { insert: Array.from({ length: 100 }, (_, id) => player(id, id % 4, id)) },
    team: { insert: [0, 1, 2, 3].map((id) => [id, id < 2 ? 'a' : 'b']) },
    bare: {
      insert: [
        [1, 'x'],
        [1, 'y'],
        [2, 'x'],
        [999, 'z'],
      ],
    },
  });
  const values = (sql: string): readonly (readonly AlgebraicValue[])[] => selectValues(sql, options, state);
  const scanned = (sql: string): number => {
    const work = new WorkMeter();
    evaluateRows(compileOneOffQuery(sql, options).plan, { state, work });
    return work.counters.rowsScanned;
  };

  test('an index search looks at the rows it finds only', () => {
    expect(scanned('SELECT * FROM player WHERE id = 5')).toBe(1);
    expect(scanned('SELECT * FROM player WHERE id = 5 OR id = 6')).toBe(2);
    expect(scanned('SELECT * FROM player WHERE id >= 90')).toBe(10);
    expect(scanned('SELECT * FROM player WHERE team = 1 AND score < 9')).toBe(2);
    expect(scanned('SELECT * FROM player WHERE name = 5')).toBe(100);
    expect(scanned('SELECT * FROM player WHERE FALSE')).toBe(0);
    expect(scanned('SELECT t.* FROM team t JOIN player p ON p.team = t.id WHERE p.id = 3')).toBe(2);
  });

  test('a join returns a row once for each partner', () => {
    expect(values('SELECT p.id FROM player p JOIN bare b ON b.player = p.id')).toEqual([[1], [1], [2]]);
  });

  test('any number of tables can be joined', () => {
    expect(
      values(
        "SELECT p.id AS player, t.league, b.text FROM bare b JOIN player p ON b.player = p.id JOIN team t ON t.id = p.team WHERE t.league = 'a'",
      ),
    ).toEqual([
      [1, 'a', 'x'],
      [1, 'a', 'y'],
    ]);
    expect(values('SELECT COUNT(*) AS n FROM team a JOIN team b')).toEqual([[16n]]);
  });

  test('rows can be counted and limited', () => {
    expect(values('SELECT COUNT(*) AS n FROM player WHERE team = 1')).toEqual([[25n]]);
    expect(values('SELECT id FROM player WHERE id >= 10 LIMIT 2')).toHaveLength(2);
    expect(values('SELECT * FROM player LIMIT 0')).toEqual([]);
    expect(values('SELECT COUNT(*) AS n FROM player')).toEqual([[100n]]);
    expect(values('SELECT COUNT(*) AS n FROM player LIMIT 0')).toEqual([]);
    expect(values('SELECT * FROM team WHERE id = 2')).toEqual([[2, 'b']]);
  });
});
