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
import { checkSelect, checkSubscription } from './checker.ts';
import { parseSelect } from './parser.ts';
import { QueryError } from './query-error.ts';
import type { CheckedSelect } from './checker.ts';

const EVERYTHING = defineTable({
  name: 'everything',
  accessor: 'Everything',
  columns: {
    u8: 'u8',
    i32: 'i32',
    u64: 'u64',
    i128: 'i128',
    u256: 'u256',
    f32: 'f32',
    f64: 'f64',
    ok: 'bool',
    fine: 'bool',
    'userName as user_name': 'string',
    bytes: BYTES,
    owner: IDENTITY,
    other: IDENTITY,
    connection: CONNECTION_ID,
    time: TIMESTAMP,
    uuid: UUID,
    duration: TIME_DURATION,
    tags: { type: 'array', element: { type: 'string' } },
    maybe: {
      type: 'sum',
      variants: [
        { name: 'some', algebraicType: { type: 'u8' } },
        { name: 'none', algebraicType: { type: 'product', elements: [] } },
      ],
    },
  },
});
const T = defineTable({ name: 't', columns: { id: 'u32', n: 'u32', name: 'string' }, primaryKey: 'id' });
const S = defineTable({ name: 's', columns: { id: 'u32', t_id: 'u32', name: 'string' }, primaryKey: 'id' });
const SECRET = defineTable({ name: 'secret', accessor: 'Secret', columns: { id: 'u32' }, access: 'private' });
const NAMESPACED = defineTable({ name: 'lib.thing', accessor: 'lib.Thing', columns: { id: 'u32' } });
/** Its canonical name is the accessor of another table. */
const SHADOWED = defineTable({ name: 'shadow', accessor: 'real', columns: { a: 'u32' } });
const SHADOWING = defineTable({ name: 'other', accessor: 'shadow', columns: { b: 'u32' } });

const catalog = new Catalog([EVERYTHING, T, S, SECRET, NAMESPACED, SHADOWED, SHADOWING]);
const ALICE = { identity: 0xa11cen, isOwner: false };
const OWNER = { identity: 1n, isOwner: true };

const check = (sql: string, visibility = ALICE): CheckedSelect =>
  checkSubscription(parseSelect(sql), catalog, visibility);
const onEverything = (condition: string): CheckedSelect => check(`SELECT * FROM everything WHERE ${condition}`);

describe('accepted', () => {
  test.each([
    'u8 = 5',
    "u8 = '5'",
    '5 < u8',
    'u64 >= 18446744073709551615',
    'i128 = -170141183460469231731687303715884105728',
    'u256 <> 1e3',
    'f32 < 1e40',
    'f64 = 1.5',
    'f64 = 1',
    'ok',
    'NOT ok',
    'ok = TRUE',
    'FALSE <> ok',
    'ok < fine',
    'ok AND TRUE',
    'TRUE = TRUE',
    "userName = 'x'",
    "user_name = 'x'",
    'user_name = 5',
    'bytes = 0xABCD',
    "bytes = X'ABCD'",
    'bytes = :sender',
    'owner = :sender',
    ':sender <> owner',
    'owner = other',
    `owner = 0x${'1f'.repeat(32)}`,
    `connection = 0x${'1f'.repeat(16)}`,
    "time > '2023-11-14T22:13:20.123456Z'",
    `uuid = 0x${'1f'.repeat(16)}`,
    "uuid = '01234567-89ab-cdef-0123-456789abcdef'",
    'everything.u8 = 1 OR NOT (everything.ok AND everything.i32 > -5)',
  ])('%s', (condition) => {
    expect(onEverything(condition).relations[0]!.relation.table).toBe(EVERYTHING);
  });

  test.each([
    'SELECT t.* FROM t JOIN s ON t.id = s.t_id',
    'SELECT a.* FROM t a JOIN t AS b ON a.id = b.n WHERE a.name = b.name AND a.n < 3',
    'SELECT * FROM Everything WHERE Everything.u8 = 1',
    'SELECT * FROM lib.thing WHERE lib.thing.id = 1',
    'SELECT * FROM "lib"."Thing"',
  ])('%s', (sql) => {
    expect(check(sql).output.type).toBe('rows');
  });
});

describe('refused', () => {
  test.each([
    ['u8 = 256', 'The literal expression `256` cannot be parsed as type `U8`'],
    ["u8 = 'x'", 'The literal expression `x` cannot be parsed as type `U8`'],
    ['u8 = 1.5', 'The literal expression `1.5` cannot be parsed as type `U8`'],
    ['u8 = TRUE', 'Unexpected type: (expected) U8 != Bool (inferred)'],
    ['u8 = i32', 'Unexpected type: (expected) U8 != I32 (inferred)'],
    ['owner = connection', 'Unexpected type: (expected) Identity != ConnectionId (inferred)'],
    ['ok = 1', 'The literal expression `1` cannot be parsed as type `Bool`'],
    ['u8', 'Unexpected type: (expected) Bool != U8 (inferred)'],
    ['tags', 'Unexpected type: (expected) Bool != Array<String> (inferred)'],
    ['1', 'The literal expression `1` cannot be parsed as type `Bool`'],
    [':sender', 'Unexpected type: (expected) Bool != Identity (inferred)'],
    ['u8 = :sender', 'Unexpected type: (expected) U8 != Identity (inferred)'],
    ['1 = 1', 'Cannot resolve type for literal expression'],
    [':sender = :sender', 'Cannot resolve type for literal expression'],
    ['TRUE = 1', 'Cannot resolve type for literal expression'],
    ['missing = 1', '`everything` does not have a field `missing`'],
    ['everything.missing = 1', '`everything` does not have a field `missing`'],
    ['other_table.u8 = 1', '`other_table` is not in scope'],
    ['"USER_NAME" = \'x\'', 'does not have a field `USER_NAME`'],
    ["tags = 'x'", 'Invalid binary operator `=` for type `Array<String>`'],
    ['maybe = 1', 'Invalid binary operator `=` for type `(some: U8 | none: Product)`'],
    ['maybe = maybe', 'Invalid binary operator `=`'],
    ['duration > 1', 'Invalid binary operator `>` for type `(__time_duration_micros__: I64)`'],
    ["time = '2023-11-14'", 'cannot be parsed as type `Timestamp`'],
    ['owner = 0x1f', 'The literal expression `0x1f` cannot be parsed as type `Identity`'],
    ['u8 = 0x10', 'The literal expression `0x10` cannot be parsed as type `U8`'],
    ['bytes = 0xABC', 'cannot be parsed as type `Bytes`'],
    ['(u8 = 1) = TRUE', 'Unsupported expression'],
    ['ok = NOT fine', 'Unsupported expression'],
  ])('%s', (condition, text) => {
    expect(() => onEverything(condition)).toThrow(QueryError);
    expect(() => onEverything(condition)).toThrow(text);
  });

  test.each([
    ['SELECT * FROM missing', 'no such table: `missing`. If the table exists, it may be marked private.'],
    ['SELECT * FROM secret', 'no such table: `secret`. If the table exists, it may be marked private.'],
    ['SELECT t.* FROM t JOIN Secret ON t.id = Secret.id', 'no such table: `Secret`'],
    ['SELECT * FROM T', 'no such table: `T`'],
    ['SELECT t.* FROM t AS a', '`t` is not in scope'],
    ['SELECT * FROM t AS a WHERE t.id = 1', '`t` is not in scope'],
    ['SELECT * FROM everything WHERE Everything.u8 = 1', '`Everything` is not in scope'],
    ['SELECT * FROM t JOIN s ON t.id = s.id', 'SELECT * is not supported for joins'],
    ['SELECT t.* FROM t JOIN t ON t.id = t.n', 'Duplicate name `t`'],
    ['SELECT t.* FROM t JOIN s ON id = t_id', 'Names must be qualified when using joins'],
    ['SELECT t.* FROM t JOIN s ON t.id = s.t_id WHERE n = 1', 'Names must be qualified when using joins'],
    ['SELECT t.* FROM t JOIN s ON t.id = s.name', 'Unexpected type: (expected) U32 != String (inferred)'],
    ['SELECT t.* FROM t JOIN s ON t.id = s.missing', '`s` does not have a field `missing`'],
    ['SELECT id FROM t', 'Column projections are not supported in subscriptions'],
    ['SELECT COUNT(*) AS n FROM t', 'Subscriptions must return a table type'],
    ['SELECT * FROM t LIMIT 5', 'Unsupported: LIMIT'],
  ])('%s', (sql, text) => {
    expect(() => check(sql)).toThrow(QueryError);
    expect(() => check(sql)).toThrow(text);
  });

  test('the wider grammar checks its columns', () => {
    const wide = (sql: string): CheckedSelect => checkSelect(parseSelect(sql), catalog, ALICE);
    expect(wide('SELECT id, name AS title FROM t').output).toEqual({
      type: 'columns',
      columns: [
        { name: 'id', relation: 0, column: 0 },
        { name: 'title', relation: 0, column: 2 },
      ],
    });
    expect(() => wide('SELECT id, n AS id FROM t')).toThrow('Duplicate name `id`');
    expect(() => wide('SELECT missing FROM t')).toThrow('`t` does not have a field `missing`');
  });
});

describe('names', () => {
  test('private tables exist for the owner, by either name', () => {
    expect(check('SELECT * FROM secret', OWNER).relations[0]!.relation.table).toBe(SECRET);
    expect(check('SELECT * FROM Secret', OWNER).relations[0]!.relation.table).toBe(SECRET);
  });

  test('an accessor goes before a canonical name', () => {
    expect(check('SELECT * FROM shadow').relations[0]!.relation.table).toBe(SHADOWING);
    expect(check('SELECT * FROM real').relations[0]!.relation.table).toBe(SHADOWED);
  });

  test('SELECT * FROM * names each visible table so that it is found again', () => {
    const star = catalog.expandStar(ALICE);
    expect(star.map((sql) => check(sql).relations[0]!.relation.table)).toEqual([
      EVERYTHING,
      NAMESPACED,
      SHADOWING,
      S,
      SHADOWED,
      T,
    ]);
    expect(catalog.expandStar(OWNER)).toContain('SELECT * FROM secret');
  });

  test('whether a query depends on its sender is known', () => {
    expect(onEverything('owner = :sender').usesSender).toBe(true);
    expect(onEverything('u8 = 1').usesSender).toBe(false);
  });

  test(':sender is the identity, as bytes most significant first', () => {
    expect(onEverything('owner = :sender').predicate).toMatchObject({ value: 0xa11cen });
    const { predicate } = onEverything('bytes = :sender');
    expect(predicate.type === 'compare-constant' && predicate.value).toEqual(
      Uint8Array.from([...Array.from({ length: 29 }, () => 0), 0x0a, 0x11, 0xce]),
    );
  });
});
