import { describe, expect, test } from 'vitest';
import {
  BYTES,
  CONNECTION_ID,
  defineTable,
  IDENTITY,
  TIME_DURATION,
  TIMESTAMP,
  UUID,
} from '../../test/sql-fixtures.ts';
import { Catalog } from './catalog.ts';
import { compileStatements } from './compile-statements.ts';
import { QueryError } from './query-error.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';

const PLAYER = defineTable({
  name: 'player',
  accessor: 'Player',
  columns: {
    id: 'u32',
    'firstName as first_name': 'string',
    ok: 'bool',
    score: 'f32',
    balance: 'i128',
    owner: IDENTITY,
  },
  primaryKey: 'id',
});
const ODDS = defineTable({
  name: 'odds',
  columns: { at: TIMESTAMP, key: UUID, link: CONNECTION_ID, raw: BYTES, big: 'u256' },
});
const SECRET = defineTable({ name: 'secret', columns: { id: 'u32' }, access: 'private' });
const SYSTEM = defineTable({ name: 'st_thing', columns: { id: 'u32' }, isSystem: true });
const TIMED = defineTable({ name: 'timed', columns: { id: 'u32', took: TIME_DURATION } });
const catalog = new Catalog([PLAYER, ODDS, SECRET, SYSTEM, TIMED]);
const ME = (0xc2n << 248n) | 5n;

const compile = (sql: string, { isOwner = true, strictCompat = false } = {}) =>
  compileStatements(sql, { catalog, visibility: { identity: ME, isOwner }, strictCompat });

/** The one INSERT of a text, decoded. */
function inserted(sql: string): readonly AlgebraicValue[][] {
  const [statement] = compile(sql);
  if (statement?.type !== 'dml' || statement.plan.type !== 'insert') throw new Error('an INSERT is expected');
  const { target, rows } = statement.plan;
  return rows.map((row) => target.codec.decode(row));
}

describe('values are read by the type of their column', () => {
  test('in rows to insert', () => {
    expect(
      inserted(
        "INSERT INTO player (id, first_name, ok, score, balance, owner) VALUES (1e3, 5, TRUE, 1e40, '-170141183460469231731687303715884105728', :sender), (+7, 'it''s', false, .5, 0, 0x" +
          `${'0'.repeat(63)}1)`,
      ),
    ).toEqual([
      [1000, '5', true, Infinity, -(2n ** 127n), [ME]],
      [7, "it's", false, 0.5, 0n, [1n]],
    ]);
    expect(
      inserted(
        `INSERT INTO odds VALUES ('2025-02-10 15:45:30+02:00', '01234567-89ab-cdef-0123-456789abcdef', 0x${'0'.repeat(31)}a, X'AB01', '${2n ** 256n - 1n}')`,
      ),
    ).toEqual([
      [[1739195130000000n], [0x0123456789abcdef0123456789abcdefn], [10n], Uint8Array.of(0xab, 1), 2n ** 256n - 1n],
    ]);
  });

  test('in assignments and conditions', () => {
    const [statement] = compile("UPDATE Player SET firstName = 'x', owner = :sender WHERE Player.id = '5'");
    expect(statement).toMatchObject({
      type: 'dml',
      plan: {
        type: 'update',
        assignments: [
          { column: 1, value: 'x' },
          { column: 5, value: [ME] },
        ],
      },
    });
  });
});

describe('tables and columns', () => {
  test.each([
    'INSERT INTO player VALUES (1, 2, TRUE, 3, 4, :sender)',
    'insert into "player" ("id", "firstName", ok, score, balance, owner) values (1, 2, true, 3, 4, :sender);',
    'UPDATE player SET first_name = 1, ok = FALSE',
    'UPDATE "Player" SET "firstName" = 1 WHERE "Player"."ok"',
    'DELETE FROM player -- all',
    'DELETE FROM player WHERE player.id > 5 AND NOT (ok OR first_name = 5)',
    'DELETE FROM secret',
    'SET row_limit = 5',
    "set row_limit to '5';",
    'SHOW row_limit',
    'SELECT * FROM player; DELETE FROM player; SHOW row_limit;',
  ])('%s is understood', (sql) => expect(compile(sql).length).toBeGreaterThan(0));

  test('an answer of whole rows names columns as the table does, and says how the module does', () => {
    const [statement] = compile('SELECT * FROM Player');
    if (statement?.type !== 'select') throw new Error('a SELECT is expected');
    expect(statement.columns.map(({ name, accessor }) => [name, accessor])).toContainEqual(['first_name', 'firstName']);
  });

  test('an answer of columns names them as the query does', () => {
    const [statement] = compile('SELECT id, p.firstName, ok AS fine FROM player p');
    expect(statement).toMatchObject({
      columns: [
        { name: 'id', algebraicType: { type: 'u32' }, origin: { tableId: PLAYER.id, column: 0 } },
        { name: 'firstName', algebraicType: { type: 'string' }, origin: { column: 1 } },
        { name: 'fine', algebraicType: { type: 'bool' }, origin: { column: 2 } },
      ],
    });
    expect(compile('SELECT COUNT(*) AS n FROM player')).toMatchObject([
      { columns: [{ name: 'n', algebraicType: { type: 'u64' }, origin: undefined }] },
    ]);
  });
});

describe('what is refused, and how', () => {
  test.each([
    ['', 'Empty SQL query'],
    [' ; ', 'Empty SQL query'],
    ['SHOW row_limit;;', 'Empty SQL query'],
    ['SHOW row_limit SHOW row_limit', 'Expected the end of the statement'],
    ['nonsense', 'Expected an SQL statement, found nonsense'],
    ["'; DROP TABLE player; --", 'Unterminated'],
    ["SELECT * FROM player WHERE first_name = ''; DROP TABLE player; --'", 'Unsupported: DROP …'],
    ['CREATE TABLE x (id INT)', 'Unsupported: CREATE …'],
    ['truncate player', 'Unsupported: TRUNCATE …'],
    ['INSERT player VALUES (1)', 'Expected INTO'],
    ['INSERT INTO player SELECT * FROM player', 'Unsupported: INSERT takes VALUES only'],
    ['INSERT INTO player VALUES', 'Expected ('],
    ['INSERT INTO secret VALUES (1) RETURNING id', 'Unsupported: RETURNING'],
    ['INSERT INTO secret VALUES (1) ON CONFLICT DO NOTHING', 'Unsupported: ON'],
    ['INSERT INTO secret VALUES (NULL)', 'Unsupported literal expression: NULL'],
    ['INSERT INTO secret VALUES (1 + 1)', 'Expected )'],
    ['INSERT INTO secret VALUES (now())', 'Unsupported literal expression: now'],
    ['INSERT INTO secret VALUES (id)', 'Unsupported literal expression: id'],
    ['INSERT INTO secret VALUES (:other)', 'Unsupported literal expression: :other'],
    ['INSERT INTO secret VALUES (1, 2)', 'Inserting a row with 2 values into `secret` which has 1 fields'],
    ['INSERT INTO secret VALUES ()', 'Inserting a row with 0 values into `secret`'],
    ['INSERT INTO secret VALUES (-1)', 'The literal expression `-1` cannot be parsed as type `U32`'],
    ['INSERT INTO secret VALUES (4294967296)', 'cannot be parsed as type `U32`'],
    ["INSERT INTO secret VALUES ('x')", 'The literal expression `x` cannot be parsed as type `U32`'],
    ['INSERT INTO secret VALUES (TRUE)', 'Unexpected type: (expected) U32 != Bool (inferred)'],
    ['INSERT INTO secret VALUES (:sender)', 'Unexpected type: (expected) U32 != Identity (inferred)'],
    [
      'INSERT INTO timed VALUES (1, 5)',
      'The literal expression `5` cannot be parsed as type `(__time_duration_micros__: I64)`',
    ],
    [
      'INSERT INTO player (id) VALUES (1)',
      'The number of fields (1) in the INSERT does not match the number of columns (6) of the table `player`',
    ],
    [
      'INSERT INTO timed (took, id) VALUES (1, 2)',
      'The column `took` stands at another place than in the table `timed`',
    ],
    ['INSERT INTO timed (id, id) VALUES (1, 2)', 'Duplicate name `id`'],
    ['INSERT INTO timed (id, other) VALUES (1, 2)', '`timed` does not have a field `other`'],
    ['INSERT INTO nowhere VALUES (1)', 'no such table: `nowhere`. If the table exists, it may be marked private.'],
    ['INSERT INTO st_thing VALUES (1)', '`st_thing` is a system table; DML on system tables is not supported'],
    ['UPDATE player SET', 'Expected a column'],
    ['UPDATE player WHERE id = 1', 'Expected SET'],
    ['UPDATE player SET id = id', 'Unsupported literal expression: id'],
    ['UPDATE player SET player.id = 1', 'Unsupported: SET takes the plain names of columns'],
    ['UPDATE player SET id = 1, id = 2', 'Duplicate name `id`'],
    ['UPDATE player SET first_name = 1, firstName = 2', 'Duplicate name `firstName`'],
    ['UPDATE player SET nothing = 1', '`player` does not have a field `nothing`'],
    ['UPDATE player SET id = 1 FROM secret', 'Unsupported: UPDATE … FROM'],
    ['UPDATE player SET id = 1 WHERE secret.id = 1', '`secret` is not in scope'],
    ['UPDATE Player SET id = 1 WHERE player.id = 1', '`player` is not in scope'],
    ['UPDATE player AS p SET id = 1', 'has no alias'],
    ['UPDATE player SET id = 1 LIMIT 1', 'Unsupported: LIMIT'],
    ['UPDATE player SET id = 1 ORDER BY id', 'Unsupported: ORDER'],
    ['DELETE player', 'Expected FROM'],
    ['DELETE FROM player, secret', 'Unsupported: DELETE takes one table'],
    ['DELETE FROM player USING secret', 'Unsupported: DELETE takes one table'],
    ['DELETE FROM player WHERE id', 'Unexpected type: (expected) Bool != U32 (inferred)'],
    ['DELETE FROM player WHERE id = 1 LIMIT 1', 'Unsupported: LIMIT'],
    ['SET other = 1', 'other is not a valid system variable'],
    ['SHOW other', 'other is not a valid system variable'],
    ['SET row_limit 5', 'Expected = or TO'],
    ["SET row_limit = 'many'", 'The literal expression `many` cannot be parsed as type `U64`'],
    ['SET row_limit = -1', 'cannot be parsed as type `U64`'],
  ])('%s', (sql, message) => {
    expect(() => compile(sql)).toThrow(QueryError);
    expect(() => compile(sql)).toThrow(message);
  });

  test('one wrong statement among several refuses all', () => {
    expect(() => compile('DELETE FROM player; DELETE FROM nowhere')).toThrow('no such table: `nowhere`');
  });

  test('private tables do not exist but for the owner', () => {
    for (const sql of ['DELETE FROM secret', 'UPDATE secret SET id = 1', 'INSERT INTO secret VALUES (1)']) {
      expect(() => compile(sql, { isOwner: false })).toThrow('no such table: `secret`');
    }
  });

  test.each([
    ['SELECT * FROM player; SELECT * FROM player', 'Multiple SQL statements are not supported'],
    ['INSERT INTO secret VALUES (1)', 'The number of fields (0) in the INSERT does not match'],
    ['DELETE FROM player WHERE NOT ok', 'Unsupported expression: NOT'],
    ['SELECT id FROM player WHERE NOT ok', 'Unsupported expression: NOT'],
  ])('with strict compatibility, what SpacetimeDB refuses: %s', (sql, message) => {
    expect(() => compile(sql, { strictCompat: true })).toThrow(message);
    expect(compile(sql).length).toBeGreaterThan(0);
  });
});
