import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openModule, OWNER } from '../../test/module-database.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { HostError } from '../errors.ts';

/*
 * Statements that write, against a list of rows. `result` has a text key and a text; `note` has no key. What breaks a
 * key leaves everything as it was; rows that become equal become one.
 */

type Rows = readonly (readonly [string, string | number])[];

interface Step {
  readonly sql: string;
  readonly table: 'result' | 'note';
  /** The rows afterwards, equal ones and broken keys not yet looked at. */
  readonly apply: (rows: Rows) => Rows;
}

const key = fc.constantFrom('a', 'b', "it's", '');
const text = fc.constantFrom('x', 'y', '0');
const size = fc.integer({ min: 0, max: 2 });
const quote = (value: string | number): string =>
  typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;

const COLUMNS = { result: ['key', 'value'], note: ['text', 'size'] } as const;

/** Statements for one table; `second` makes values of its second column. */
function steps(table: 'result' | 'note', second: fc.Arbitrary<string | number>): fc.Arbitrary<Step> {
  const [first, other] = COLUMNS[table];
  const condition = fc.oneof(
    fc.constant({ sql: '', holds: () => true }),
    key.map((value) => ({ sql: ` WHERE ${first} = ${quote(value)}`, holds: ([a]: Rows[number]) => a === value })),
    fc.tuple(key, second).map(([a, b]) => ({
      sql: ` WHERE NOT (${table}.${first} = ${quote(a)} OR ${other} <> ${quote(b)})`,
      holds: (row: Rows[number]) => row[0] !== a && row[1] === b,
    })),
  );
  const insert = fc.array(fc.tuple(key, second), { minLength: 1, maxLength: 3 }).map((added): Step => ({
    table,
    sql: `INSERT INTO ${table} VALUES ${added.map((row) => `(${row.map(quote).join(', ')})`).join(', ')}`,
    apply: (rows) => [...rows, ...added],
  }));
  const update = fc.tuple(fc.option(key), fc.option(second), condition).map(([a, b, { sql, holds }]): Step => {
    const assignments = [
      a === null ? [] : [`${first} = ${quote(a)}`],
      b === null ? [] : [`${other} = ${quote(b)}`],
      a === null && b === null ? [`${other} = ${quote(table === 'note' ? 1 : 'x')}`] : [],
    ].flat();
    const fallback = table === 'note' ? 1 : 'x';
    return {
      table,
      sql: `UPDATE ${table} SET ${assignments.join(', ')}${sql}`,
      apply: (rows) => rows.map((row) => (holds(row) ? [a ?? row[0], b ?? (a === null ? fallback : row[1])] : row)),
    };
  });
  const remove = condition.map(({ sql, holds }): Step => ({
    table,
    sql: `DELETE FROM ${table}${sql}`,
    apply: (rows) => rows.filter((row) => !holds(row)),
  }));
  return fc.oneof(insert, update, remove);
}

/** Equal rows once; undefined when two rows of `result` have one key. */
function settle(table: 'result' | 'note', rows: Rows): Rows | undefined {
  const distinct = [...new Map(rows.map((row) => [JSON.stringify(row), row])).values()];
  const keys = new Set(distinct.map(([first]) => first));
  return table === 'result' && keys.size < distinct.length ? undefined : distinct;
}

const sorted = (rows: readonly (readonly AlgebraicValue[])[]): string[] =>
  rows.map((row) => JSON.stringify(row)).sort();

test('any sequence of statements gives the rows that a list of rows gives', async () => {
  const db = await openModule('people.ts');
  const caller = { identity: OWNER, connectionId: 0n };
  const step = fc.oneof(steps('result', text), steps('note', size));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (sequence) => {
      db.database.sql(caller, 'DELETE FROM result; DELETE FROM note');
      const expected: Record<Step['table'], Rows> = { result: [], note: [] };
      for (const { table, sql, apply } of sequence) {
        const next = settle(table, apply(expected[table]));
        if (next === undefined) {
          expect(() => db.database.sql(caller, sql)).toThrow(HostError);
        } else {
          db.database.sql(caller, sql);
          expected[table] = next;
        }
        expect(sorted(db.rows(table))).toEqual(sorted(expected[table]));
      }
    }),
    { numRuns: Number(process.env['RUNS'] ?? 200) },
  );
});
