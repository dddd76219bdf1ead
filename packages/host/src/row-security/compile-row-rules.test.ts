import { describe, expect, test } from 'vitest';
import { defineTable, IDENTITY } from '../../test/sql-fixtures.ts';
import { ST_CLIENT } from '../datastore/system-tables.ts';
import { SchemaError } from '../schema/schema-error.ts';
import type { TableDef, ViewDef } from '../schema/module-def.ts';
import { compileRowRules } from './compile-row-rules.ts';
import type { TableRules } from './row-rules.ts';

const doc = defineTable({ name: 'doc', columns: { id: 'u32', owner: IDENTITY, room: 'u8' }, primaryKey: 'id' });
const room = defineTable({ name: 'room', columns: { id: 'u8', open: 'bool' }, primaryKey: 'id' });
const member = defineTable({ name: 'member', columns: { who: IDENTITY, room: 'u8' }, indexes: [{ columns: ['who'] }] });
const secret = defineTable({ name: 'secret', columns: { id: 'u32' }, access: 'private' });
const ping = defineTable({ name: 'ping', columns: { room: 'u8' }, isEvent: true });
const inner = defineTable({ name: 'lib.doc', accessor: 'lib.Doc', columns: { id: 'u32', owner: IDENTITY } });
const TABLES = [ST_CLIENT, doc, room, member, secret, ping, inner];
const VIEW: ViewDef = {
  id: 0,
  name: 'all_docs',
  accessor: 'allDocs',
  isAnonymous: true,
  isPublic: true,
  columns: doc.columns,
  primaryKey: undefined,
};

interface Options {
  readonly strictCompat?: boolean;
  readonly prefix?: string;
  readonly tables?: readonly TableDef[];
}

function compile(sqls: readonly string[], { strictCompat = false, prefix = '', tables = TABLES }: Options = {}) {
  const rowLevelSecurity = sqls.map((sql) => ({ sql, prefix }));
  return compileRowRules({ def: { rowLevelSecurity, views: [VIEW] }, tables, strictCompat });
}

function rulesOf(table: TableDef, sqls: readonly string[], options?: Options): TableRules {
  return compile(sqls, options)!.byTable.get(table.id)!;
}

function problemsOf(sqls: readonly string[], options?: Options): readonly string[] {
  try {
    compile(sqls, options);
  } catch (error) {
    if (error instanceof SchemaError) return error.problems.map(({ rule, message }) => `${rule}: ${message}`);
    throw error;
  }
  return [];
}

describe('rules', () => {
  test('are none where a module has none', () => {
    expect(compile([])).toBeUndefined();
  });

  test('belong to the table that they return rows of', () => {
    const rules = compile(['SELECT * FROM doc', 'SELECT d.* FROM room r JOIN doc d ON d.room = r.id']);
    expect([...rules!.byTable.keys()]).toEqual([doc.id]);
    expect(rules!.byTable.get(doc.id)?.rules).toHaveLength(2);
  });

  test('that look at the row alone are conditions', () => {
    expect(rulesOf(doc, ['SELECT * FROM doc WHERE owner = :sender', 'SELECT * FROM doc WHERE id = 1'])).toMatchObject({
      isCondition: true,
      usesSender: true,
      level: 0,
    });
    expect(rulesOf(room, ['SELECT * FROM room WHERE open = TRUE']).usesSender).toBe(false);
    expect(rulesOf(member, ['SELECT a.* FROM member a JOIN member b ON a.room = b.room']).isCondition).toBe(false);
  });

  test('depend on who asks when the rules of what they look at do', () => {
    const rules = [
      'SELECT d.* FROM doc d JOIN room r ON d.room = r.id',
      'SELECT r.* FROM room r JOIN member m ON r.id = m.room',
      'SELECT * FROM member WHERE who = :sender',
    ];
    expect(rulesOf(doc, rules)).toMatchObject({ usesSender: true, level: 2, expandedTables: 3 });
    expect(rulesOf(room, rules)).toMatchObject({ usesSender: true, level: 1, expandedTables: 2 });
    expect(rulesOf(member, rules)).toMatchObject({ usesSender: true, level: 0, expandedTables: 1 });
    expect(rulesOf(doc, rules.slice(0, 2))).toMatchObject({ usesSender: false, level: 1 });
  });

  test('of a submodule name its own tables, and the system tables, but no others', () => {
    const own = ['SELECT * FROM doc WHERE owner = :sender', 'SELECT * FROM Doc WHERE id = 1'];
    expect(rulesOf(inner, own, { prefix: 'lib.' }).rules).toHaveLength(2);
    expect(problemsOf(['SELECT * FROM room'], { prefix: 'lib.' })[0]).toContain('no such table: `room`');
    expect(problemsOf(['SELECT * FROM "lib"."doc"'], { prefix: 'lib.' })[0]).toContain('no such table');
    expect(rulesOf(inner, ['SELECT * FROM lib.doc']).rules).toHaveLength(1);
  });
});

describe('what a rule may not be', () => {
  test.each([
    ['malformed', 'SELECT * FRM doc', /InvalidRowLevelSecurity: row-level security `SELECT \* FRM doc`/],
    ['empty', '', /InvalidRowLevelSecurity/],
    ['of a table that is not there', 'SELECT * FROM nothing', /no such table: `nothing`/],
    ['about a column that is not there', 'SELECT * FROM doc WHERE missing = 1', /does not have a field `missing`/],
    ['of the wrong type', 'SELECT * FROM doc WHERE id = :sender', /Unexpected type/],
    ['of columns', 'SELECT id FROM doc', /must return a table type/],
    ['a number', 'SELECT COUNT(*) AS n FROM doc', /must return a table type/],
    ['limited', 'SELECT * FROM doc LIMIT 5', /LIMIT/],
    ['of a private table', 'SELECT * FROM secret', /`secret` is private/],
    ['about a private table', 'SELECT d.* FROM doc d JOIN secret s ON d.id = s.id', /`secret` is private/],
    ['of a view', 'SELECT * FROM all_docs', /`all_docs` is a view/],
    ['about a view', 'SELECT d.* FROM doc d JOIN allDocs v ON d.id = v.id', /`allDocs` is a view/],
    ['of a system table', 'SELECT * FROM st_client', /`st_client` is a system table/],
    ['about events', 'SELECT d.* FROM doc d JOIN ping p ON d.room = p.room', /`ping` is one: its rows do not stay/],
    ['about other events', 'SELECT a.* FROM ping a JOIN ping b ON a.room = b.room', /`ping` is one/],
  ])('%s', (_name, sql, expected) => {
    const problems = problemsOf(['SELECT * FROM room', sql]);
    expect(problems).toEqual([expect.stringMatching(expected)]);
  });

  test('without an end: rules that look at each other are refused, by the way they go', () => {
    const problems = problemsOf([
      'SELECT d.* FROM doc d JOIN room r ON d.room = r.id',
      'SELECT r.* FROM room r JOIN member m ON r.id = m.room',
      'SELECT m.* FROM member m JOIN doc d ON m.room = d.room',
    ]);
    expect(problems).toEqual([
      'RowLevelSecurityCycle: row-level security has no end: the rules of `doc`, which looks at `room`, which looks at `member`, which looks at `doc`',
    ]);
  });

  test('a rule that looks at its own table sees it whole: that is no cycle', () => {
    expect(problemsOf(['SELECT b.* FROM member a JOIN member b ON a.room = b.room WHERE a.who = :sender'])).toEqual([]);
  });

  test('deeper than 16 levels', () => {
    const tables = Array.from({ length: 18 }, (_, at) => defineTable({ name: `t${at}`, columns: { id: 'u32' } }));
    const rules = tables.map((_, at) =>
      at === 17 ? 'SELECT * FROM t17' : `SELECT a.* FROM t${at} a JOIN t${at + 1} b ON a.id = b.id`,
    );
    expect(problemsOf(rules.slice(2), { tables })).toEqual([]);
    expect(problemsOf(rules, { tables })).toEqual([expect.stringContaining('RowLevelSecurityTooDeep')]);
  });

  test('with NOT, where everything must run on SpacetimeDB too', () => {
    const rules = ['SELECT * FROM room WHERE NOT open'];
    expect(problemsOf(rules)).toEqual([]);
    expect(problemsOf(rules, { strictCompat: true })).toEqual([expect.stringContaining('NOT')]);
  });

  test('everything that is wrong is told at once', () => {
    expect(problemsOf(['SELECT * FROM nothing', 'SELECT * FROM secret', 'SELECT * FROM doc'])).toHaveLength(2);
  });
});
