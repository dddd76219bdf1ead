import { describe, expect, test } from 'vitest';
import { EXPRESSION_DEPTH_MAX } from './expression-parser.ts';
import { parseSelect, SQL_BYTES_MAX } from './parser.ts';
import { QueryError } from './query-error.ts';
import type { Expression } from './syntax.ts';

/** Writes an expression back with every parenthesis, so that trees can be compared as text. */
function show(expression: Expression | undefined): string {
  if (expression === undefined) return '';
  switch (expression.type) {
    case 'boolean':
      return String(expression.value).toUpperCase();
    case 'number':
      return expression.text;
    case 'string':
      return `'${expression.text}'`;
    case 'hex':
      return `0x${expression.text}`;
    case 'sender':
      return ':sender';
    case 'column':
      return [expression.column.table, expression.column.name].filter((part) => part !== undefined).join('.');
    case 'not':
      return `not(${show(expression.term)})`;
    case 'compare':
      return `(${show(expression.left)} ${expression.operator} ${show(expression.right)})`;
    case 'and':
    case 'or':
      return `${expression.type}(${expression.terms.map(show).toSorted().join(', ')})`;
  }
}

const where = (condition: string): string => show(parseSelect(`SELECT * FROM t WHERE ${condition}`).where);

describe('accepted', () => {
  test.each([
    'SELECT * FROM t',
    'select * from t',
    ' SELECT * FROM t ; ',
    'SELECT t.* FROM t',
    'SELECT "t".* FROM "t"',
    'SELECT * FROM ns.t',
    'SELECT ns.t.* FROM ns.t JOIN b ON ns.t.id = b.id',
    'SELECT * FROM "ns"."t" WHERE "ns"."t"."x" = 1',
    'SELECT a.* FROM t AS a',
    'SELECT a.* FROM t a WHERE a.x = 1',
    'SELECT a.* FROM t a JOIN s b ON a.id = b.a_id WHERE b.x > 3 AND a.y = b.z',
    'SELECT a.* FROM t AS a INNER JOIN s AS b ON (a.id = b.a_id)',
    'SELECT a.* FROM a JOIN b ON a.x = b.x JOIN c ON b.y = c.y',
    'SELECT a.* FROM a JOIN b',
    'SELECT a.* FROM a CROSS JOIN b',
    'SELECT * FROM order WHERE group = 1 AND "select" = 2',
    'SELECT * FROM t -- all of it\nWHERE /* not /* only */ some */ x = 1',
    'SELECT * FROM größe WHERE straße_1 = 1',
    'SELECT * FROM t WHERE ((((x = 1))))',
    'SELECT a, b AS c, t.d e FROM t LIMIT 10',
    'SELECT COUNT(*) AS n FROM t WHERE x = 1',
    'SELECT * FROM t WHERE x = 1 LIMIT 0',
  ])('%s', (sql) => {
    expect(parseSelect(sql).type).toBe('select');
  });

  test('the SQL of the query builder of the TypeScript SDK', () => {
    expect(where(`("a_tbl"."id" = 5) AND (("a_tbl"."name" <> 'x') OR ("a_tbl"."id" < 3))`)).toBe(
      "and((a_tbl.id = 5), or((a_tbl.id < 3), (a_tbl.name <> 'x')))",
    );
    expect(where(`NOT ("t"."ok" = TRUE)`)).toBe('not((t.ok = TRUE))');
    expect(
      parseSelect('SELECT "a".* FROM "b" JOIN "a" ON "a"."id" = "b"."a_id" WHERE ("b"."x" = 1) AND ("a"."y" = 2)'),
    ).toMatchObject({
      projection: { type: 'table-star', table: 'a' },
      from: [
        { table: 'b', alias: 'b' },
        { table: 'a', on: { left: { table: 'a', name: 'id' }, right: { table: 'b', name: 'a_id' } } },
      ],
    });
  });
});

describe('expressions', () => {
  test.each([
    ['a = 1 OR b = 2 AND c = 3', 'or((a = 1), and((b = 2), (c = 3)))'],
    ['(a = 1 OR b = 2) AND c = 3', 'and((c = 3), or((a = 1), (b = 2)))'],
    ['a = 1 AND b = 2 AND (c = 3 AND d = 4)', 'and((a = 1), (b = 2), (c = 3), (d = 4))'],
    ['a AND (b AND (c AND d))', 'and(a, b, c, d)'],
    ['NOT a = 1 AND b', 'and(b, not((a = 1)))'],
    ['NOT NOT a', 'not(not(a))'],
    ['NOT (a OR b)', 'not(or(a, b))'],
    ['5 < a', '(5 < a)'],
    ['a != 1', '(a <> 1)'],
    ['a=-1', '(a = -1)'],
    ['a >= + 1.5e-3', '(a >= +1.5e-3)'],
    ["a = 'it''s'", "(a = 'it's')"],
    ["a = X'aBcD'", '(a = 0xaBcD)'],
    ['a = 0xABcd', '(a = 0xABcd)'],
    ['t.a = :sender', '(t.a = :sender)'],
    ['TRUE', 'TRUE'],
    ['a = true', '(a = TRUE)'],
    ['"TRUE" = 1', '(TRUE = 1)'],
    ['(a) = (1)', '(a = 1)'],
    ['"we""ird" = 1', '(we"ird = 1)'],
  ])('%s', (text, tree) => {
    expect(where(text)).toBe(tree);
  });
});

describe('refused', () => {
  test.each([
    ['', 'Empty SQL query'],
    [' ;', 'Empty SQL query'],
    ['INSERT INTO t VALUES (1)', 'Unsupported: Non-SELECT queries'],
    ['DELETE FROM t', 'Unsupported: Non-SELECT queries'],
    ['WITH x AS (SELECT 1) SELECT * FROM x', 'Unsupported: Non-SELECT queries'],
    ['SELECT * FROM t; SELECT * FROM t', 'Multiple SQL statements are not supported'],
    ['SELECT *', 'A FROM clause is required'],
    ['SELECT 1', 'Unsupported projection: 1'],
    ['SELECT * WHERE x = 1', 'Expected FROM, found WHERE'],
    ['SELECT DISTINCT * FROM t', 'Unsupported SELECT: DISTINCT'],
    ['SELECT *, a FROM t', 'Mixed wildcard projections are not supported'],
    ['SELECT t.*, a FROM t', 'Mixed wildcard projections are not supported'],
    ['SELECT COUNT(*) FROM t', 'Aggregate expressions must have column aliases'],
    ['SELECT COUNT(a) AS n FROM t', 'Unsupported projection'],
    ['SELECT COUNT(*) AS n, a FROM t', 'Unsupported projection'],
    ['SELECT max(a) AS m FROM t', 'Unsupported projection: max'],
    ['SELECT NULL FROM t', 'Unsupported projection: NULL'],
    ['SELECT * FROM a, b', 'Implicit joins are not supported'],
    ['SELECT a.* FROM a LEFT JOIN b ON a.x = b.x', 'Non-inner joins are not supported'],
    ['SELECT a.* FROM a NATURAL JOIN b', 'Non-inner joins are not supported'],
    ['SELECT a.* FROM a FULL OUTER JOIN b ON a.x = b.x', 'Non-inner joins are not supported'],
    ['SELECT a.* FROM a JOIN b USING (x)', 'Unsupported: JOIN … USING'],
    ['SELECT a.* FROM a JOIN b ON a.x < b.x', 'Unsupported: JOIN … ON'],
    ['SELECT a.* FROM a JOIN b ON a.x = 1', 'Unsupported: JOIN … ON'],
    ['SELECT a.* FROM a JOIN b ON a.x = :sender', 'Unsupported: JOIN … ON'],
    ['SELECT a.* FROM a JOIN b ON a.x = b.x AND a.y = b.y', 'Unsupported: JOIN … ON'],
    ['SELECT * FROM (SELECT * FROM t)', 'Unsupported FROM expression'],
    ['SELECT * FROM f(1)', 'Unsupported FROM expression'],
    [`SELECT * FROM ${Array(19).fill('a').join('.')}`, 'has more parts than the name of a table has'],
    ['SELECT * FROM t ORDER BY x', 'Unsupported: ORDER'],
    ['SELECT * FROM t WHERE x = 1 GROUP BY x', 'Unsupported: GROUP'],
    ['SELECT * FROM t HAVING x = 1', 'Unsupported: HAVING'],
    ['SELECT * FROM t UNION SELECT * FROM s', 'Unsupported: UNION'],
    ['SELECT * FROM t LIMIT 1 OFFSET 2', 'Unsupported: OFFSET'],
    ['SELECT * FROM t LIMIT -1', 'Unsupported: LIMIT'],
    ['SELECT * FROM t LIMIT 1.5', 'Unsupported: LIMIT'],
    ['SELECT * FROM t WHERE', 'Expected an expression, found the end'],
    ['SELECT * FROM t WHERE x =', 'Expected an expression'],
    ['SELECT * FROM t WHERE (x = 1', 'Expected ), found the end'],
    ['SELECT * FROM t WHERE x = 1)', 'Expected the end of the statement, found )'],
    ['SELECT * FROM t WHERE x = 1 y = 2', 'Expected the end of the statement, found y'],
    ['SELECT * FROM t WHERE x IN (1, 2)', 'Unsupported expression'],
    ['SELECT * FROM t WHERE x NOT IN (1, 2)', 'Unsupported expression'],
    ["SELECT * FROM t WHERE x LIKE 'a%'", 'Unsupported expression'],
    ['SELECT * FROM t WHERE x BETWEEN 1 AND 2', 'Unsupported expression'],
    ['SELECT * FROM t WHERE x IS NULL', 'Unsupported expression'],
    ['SELECT * FROM t WHERE x = NULL', 'Unsupported literal expression: NULL'],
    ['SELECT * FROM t WHERE x = 1 + 1', 'Unsupported binary operator: +'],
    ["SELECT * FROM t WHERE x || 'a' = 'ba'", 'Unsupported binary operator: ||'],
    ["SELECT * FROM t WHERE x = '1'::int", 'Unsupported binary operator: ::'],
    ['SELECT * FROM t WHERE lower(x) = 1', 'Unsupported expression: lower'],
    ['SELECT * FROM t WHERE EXISTS (SELECT * FROM t)', 'Unsupported expression'],
    ['SELECT * FROM t WHERE x = (SELECT 1)', 'Unsupported expression'],
    ['SELECT * FROM t WHERE CASE WHEN x THEN y END', 'Unsupported expression: CASE'],
    ["SELECT * FROM t WHERE x = DATE '2020-01-01'", 'Unsupported literal expression'],
    ["SELECT * FROM t WHERE x = E'a'", 'Unsupported literal expression'],
    ['SELECT * FROM t WHERE x = :other', ':sender'],
    ['SELECT * FROM t WHERE x = $1', 'Expected an expression'],
    [`SELECT * FROM t WHERE ${Array(19).fill('a').join('.')} = 1`, 'has more parts than the name of a column has'],
    ["SELECT * FROM t WHERE x = 'open", "Unterminated ' quote"],
    ['SELECT * FROM "t', 'Unterminated " quote'],
    ['SELECT * FROM ""', 'Empty identifier'],
    ["SELECT * FROM t WHERE x = X'zz'", 'hex digits'],
    ['SELECT * FROM t /* open', 'Unterminated comment'],
  ])('%s', (sql, text) => {
    expect(() => parseSelect(sql)).toThrow(QueryError);
    expect(() => parseSelect(sql)).toThrow(text);
  });
});

describe('limits', () => {
  test('SQL may be 50,000 bytes of UTF-8 long', () => {
    const padded = (bytes: number): string => 'SELECT * FROM t'.padEnd(bytes, ' ');
    expect(parseSelect(padded(SQL_BYTES_MAX)).type).toBe('select');
    expect(() => parseSelect(padded(SQL_BYTES_MAX + 1))).toThrow('SQL query exceeds maximum allowed length');
    const wide = `SELECT * FROM t WHERE x = '${'ä'.repeat(24_990)}'`;
    expect(wide.length).toBeLessThan(SQL_BYTES_MAX);
    expect(() => parseSelect(wide)).toThrow('SQL query exceeds maximum allowed length');
  });

  test('expressions may be 1,600 levels deep; a chain of one operator is one level', () => {
    const nots = (count: number): string => `${'NOT '.repeat(count)} a`;
    expect(where(nots(EXPRESSION_DEPTH_MAX - 1))).toContain('not(a)');
    expect(() => where(nots(EXPRESSION_DEPTH_MAX))).toThrow('Recursion limit exceeded');
    const alternating = (levels: number): string => {
      let text = 'a';
      for (let level = 0; level < levels; level += 1) text = `(${text} ${level % 2 === 0 ? 'AND' : 'OR'} a)`;
      return text;
    };
    expect(() => where(alternating(EXPRESSION_DEPTH_MAX))).toThrow('Recursion limit exceeded');
    expect(where(alternating(1_000))).toContain('or(');
    const chain = Array.from({ length: 8_000 }, () => 'a').join(' OR ');
    expect(parseSelect(`SELECT * FROM t WHERE ${chain}`).where).toMatchObject({ type: 'or' });
  });

  test('thousands of parentheses do no harm', () => {
    expect(where(`${'('.repeat(20_000)}a${')'.repeat(20_000)}`)).toBe('a');
    expect(() => where('('.repeat(40_000))).toThrow(QueryError);
    const nested = `${'(a AND '.repeat(5_000)}a${')'.repeat(5_000)}`;
    expect(parseSelect(`SELECT * FROM t WHERE ${nested}`).where).toMatchObject({ type: 'and' });
  });
});
