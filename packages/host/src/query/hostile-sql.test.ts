import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BYTES, defineTable, IDENTITY, ModelState, TIMESTAMP, UUID } from '../../test/sql-fixtures.ts';
import { Catalog } from './catalog.ts';
import { compileStatements, type CompiledStatement } from './compile-statements.ts';
import { compileOneOffQuery, compileSubscription } from './compile.ts';
import { evaluateEncoded, evaluateRows } from './evaluator.ts';
import { explainIncremental, explainPlan } from './explain.ts';
import { QueryError } from './query-error.ts';
import { WorkMeter } from './work-meter.ts';
import type { CompileOptions } from './compile.ts';

const TABLES = [
  defineTable({
    name: 't',
    columns: {
      id: 'u32',
      name: 'string',
      ok: 'bool',
      f: 'f64',
      owner: IDENTITY,
      at: TIMESTAMP,
      key: BYTES,
      uuid: UUID,
    },
    primaryKey: 'id',
    indexes: [{ columns: ['name', 'f'] }, { columns: ['key'], algorithm: 'hash' }],
  }),
  defineTable({ name: 's', columns: { id: 'u32', t_id: 'u32' }, primaryKey: 'id', indexes: [{ columns: ['t_id'] }] }),
];
const state = new ModelState(TABLES);
state.commit({
  t: {
    insert: [1, 2, 3].map((id) => [id, `n${id}`, true, id / 2, [1n], [5n], Uint8Array.of(id), [9n]]),
  },
  s: { insert: [1, 2, 3].map((id) => [id, id]) },
});
const options: CompileOptions = {
  catalog: new Catalog(TABLES),
  visibility: { identity: 1n, isOwner: false },
  strictCompat: false,
};

function evaluateStatement(statement: CompiledStatement, work: WorkMeter): unknown {
  const context = { state, work };
  if (statement.type === 'select') return evaluateEncoded(statement.plan, context, 1 << 20);
  if (statement.type !== 'dml' || statement.plan.type === 'insert') return statement;
  return evaluateRows(statement.plan.matches, context);
}

/** Compiles and runs a text in every way; it may be refused, but only as a query can be. */
function exercise(sql: string): 'answered' | 'refused' {
  const work = new WorkMeter();
  const attempts = [
    (): unknown => evaluateRows(compileOneOffQuery(sql, options).plan, { state, work }),
    (): unknown => {
      const { plan, incremental } = compileSubscription(sql, options);
      return explainPlan(plan) + explainIncremental(plan, incremental);
    },
    (): unknown => compileStatements(sql, options).map((statement) => evaluateStatement(statement, work)),
  ];
  let answered = 0;
  for (const attempt of attempts) {
    try {
      attempt();
      answered += 1;
    } catch (error) {
      if (!(error instanceof QueryError))
        throw new Error(`refused in the wrong way: ${sql.slice(0, 500)}`, { cause: error });
      expect(error.message.length).toBeLessThan(1_000);
    }
  }
  return answered > 0 ? 'answered' : 'refused';
}

const WORDS =
  "SELECT INSERT INTO VALUES UPDATE SET DELETE SHOW row_limit TO * FROM t s a b AS JOIN INNER ON WHERE AND OR NOT TRUE FALSE NULL LIMIT COUNT ( ) , . ; = <> != < <= > >= + - / % : :: :sender :x id name ok f owner at key uuid t_id t.id s.t_id \"t\" \"t\".\"id\" \"\" 'x' 'it''s' ' \" 5 -5 1e3 1e999 .5 0x 0x1f X'ab' x'q' '2023-11-14T22:13:20Z' IN LIKE BETWEEN IS ORDER BY UNION DISTINCT -- /* */ $1 ? @ [ ] { } \\ é 𐀀 \u0000 \ud800".split(
    ' ',
  );
const word = fc.constantFrom(...WORDS, '\n', '\t');
const soup = fc.array(word, { maxLength: 40 }).map((words) => words.join(' '));
const denseSoup = fc.array(word, { maxLength: 20 }).map((words) => words.join(''));
const afterWhere = soup.map((text) => `SELECT * FROM t WHERE ${text}`);

const VALID = [
  'SELECT * FROM t',
  "SELECT * FROM t WHERE id = 5 AND (name <> 'x' OR ok) AND NOT (f < 1.5)",
  'SELECT t.* FROM t JOIN s ON t.id = s.t_id WHERE s.id > 3',
  "SELECT a.* FROM t AS a JOIN t b ON a.id = b.id WHERE a.owner = :sender AND b.at > '2023-11-14T22:13:20Z'",
  "SELECT id, name AS n FROM t WHERE key = 0x01 OR uuid = '01234567-89ab-cdef-0123-456789abcdef' LIMIT 2",
  'SELECT COUNT(*) AS n FROM t /* all */ -- of them',
  "INSERT INTO t VALUES (5, 'x', TRUE, 1.5, :sender, '2023-11-14T22:13:20Z', 0xAB, '01234567-89ab-cdef-0123-456789abcdef')",
  'INSERT INTO s (id, t_id) VALUES (1, 2), (3, 4); SHOW row_limit',
  "UPDATE t SET name = 'it''s', ok = FALSE WHERE t.id = 5 OR NOT ok; DELETE FROM t WHERE owner <> :sender;",
  'SET row_limit TO 5; SET row_limit = 6; DELETE FROM s',
] as const;
const mutated = fc
  .tuple(
    fc.constantFrom(...VALID),
    fc.nat(),
    fc.nat({ max: 6 }),
    fc.oneof(word, fc.string({ unit: 'binary', maxLength: 4 })),
  )
  .map(([sql, at, removed, inserted]) => {
    const start = at % (sql.length + 1);
    return sql.slice(0, start) + inserted + sql.slice(start + removed);
  });

const numRuns = Number(process.env['RUNS'] ?? 2_000);

describe('whatever a client sends is answered or refused as a query', () => {
  test.each([
    ['random text', fc.string({ unit: 'binary' })],
    ['random words', soup],
    ['random words without space', denseSoup],
    ['random conditions', afterWhere],
    ['slightly wrong queries', mutated],
  ] as const)('%s', (_, texts) => {
    fc.assert(
      fc.property(texts, (sql) => {
        exercise(sql);
      }),
      { numRuns },
    );
  });

  test('the queries that are varied are sound', () => {
    expect(VALID.map(exercise)).toEqual(VALID.map(() => 'answered'));
  });

  test.each([
    ['open parentheses', `SELECT * FROM t WHERE ${'('.repeat(49_000)}`],
    ['closed parentheses', `SELECT * FROM t WHERE ${'('.repeat(24_000)}ok${')'.repeat(24_000)}`],
    ['NOTs', `SELECT * FROM t WHERE ${'NOT '.repeat(12_000)}ok`],
    ['a chain of ANDs', `SELECT * FROM t WHERE ok${' AND ok'.repeat(7_000)}`],
    ['a chain of ORs of keys', `SELECT * FROM t WHERE id = 0${' OR id=1'.repeat(6_000)}`],
    ['nested alternation', `SELECT * FROM t WHERE ${'(ok AND (ok OR '.repeat(700)}ok${'))'.repeat(700)}`],
    ['nested alternation, too deep', `SELECT * FROM t WHERE ${'(ok AND (ok OR '.repeat(2_500)}ok${'))'.repeat(2_500)}`],
    ['right-nested ANDs', `SELECT * FROM t WHERE ${'ok AND ('.repeat(5_000)}ok${')'.repeat(5_000)}`],
    [
      'alternatives of many columns',
      `SELECT * FROM t WHERE ${alternatives('id', 150)} AND ${alternatives('f', 150)} AND ${alternatives('name', 150)}`,
    ],
    ['nested comments', `SELECT * FROM t ${'/*'.repeat(20_000)}`],
    ['quotes', `SELECT * FROM t WHERE name = ${"'".repeat(49_000)}`],
    ['a long name', `SELECT * FROM ${'x'.repeat(49_000)}`],
    ['many parts', `SELECT * FROM ${'x.'.repeat(20_000)}x`],
    ['many projected parts', `SELECT ${'x.'.repeat(20_000)}* FROM t`],
    ['many columns', `SELECT id${Array.from({ length: 3_000 }, (_, at) => `, id AS c${at}`).join('')} FROM t`],
    ['a long number', `SELECT * FROM t WHERE id = 1${'0'.repeat(49_000)}`],
    ['a long number of zeros', `SELECT * FROM t WHERE id = ${'0'.repeat(49_000)}1`],
    ['a huge exponent', 'SELECT * FROM t WHERE id = 1e999999999999999999'],
    ['a long fraction', `SELECT * FROM t WHERE f = 0.${'3'.repeat(49_000)}`],
    ['long bytes', `SELECT * FROM t WHERE key = 0x${'ab'.repeat(24_000)}`],
    ['sixteen joins', `SELECT a0.* FROM t a0${joins(15)}`],
    ['many joins', `SELECT a0.* FROM t a0${joins(1_000)}`],
    ['many rows', `INSERT INTO s VALUES ${'(1,2),'.repeat(8_000)}(1,2)`],
    ['many values', `INSERT INTO s VALUES (${'1,'.repeat(20_000)}1)`],
    ['many columns to insert', `INSERT INTO s (${'id,'.repeat(12_000)}id) VALUES (1, 2)`],
    ['open lists', `INSERT INTO s VALUES ${'('.repeat(40_000)}`],
    ['many assignments', `UPDATE s SET id = 1${', id = 1'.repeat(6_000)}`],
    ['many statements', 'DELETE FROM s;'.repeat(3_000)],
    ['nothing but semicolons', ';'.repeat(50_000)],
    ['a large LIMIT', `SELECT * FROM t LIMIT ${'9'.repeat(400)}`],
  ])('%s', (_, sql) => {
    expect(sql.length).toBeLessThanOrEqual(50_000);
    expect(['answered', 'refused']).toContain(exercise(sql));
  });
});

function alternatives(column: string, count: number): string {
  return `(${Array.from({ length: count }, (_, at) => `${column} = ${at}`).join(' OR ')})`;
}

function joins(count: number): string {
  return Array.from({ length: count }, (_, at) => ` JOIN t a${at + 1} ON a${at}.id = a${at + 1}.id`).join('');
}
