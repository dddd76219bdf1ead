import { expect } from 'vitest';
import { BsatnReader } from '../../src/bsatn/reader.ts';
import { call, oneOff, subscribe } from '../session-fixtures/test-client.ts';
import { bsatn, fromHex, strings } from './encoding.ts';
import { type ConformanceHost, fixture } from './forms.ts';
import type { ProtocolClient } from './protocol-client.ts';
import { section } from './rule.ts';

const MODULE = { module: fixture('conf-rooms.ts') };

/** Asks for rows of `every`; gives their ids, or why there is no answer. */
async function idsOf(client: ProtocolClient, condition: string): Promise<string> {
  const answer = await client.ask(oneOff(1, `SELECT * FROM every WHERE ${condition}`));
  if (answer.type !== 'one-off') throw new Error(`no answer to a query: ${JSON.stringify(answer)}`);
  if (answer.error !== undefined) return answer.error;
  const rows = answer.tables!.flatMap(({ rows: found }) => found);
  return rows
    .map((row) => new BsatnReader(fromHex(row)).u32())
    .sort()
    .join(' ');
}

/** A client in front of the two rows of `every`. The first is of ada. */
async function openFilled(host: ConformanceHost): Promise<ProtocolClient> {
  const client = await host.dial({ as: 'ada' });
  const ada = await host.identityOf('ada');
  const args = bsatn((writer) => (writer.u256(ada), writer.i64(1_739_201_130_123_456n)));
  expect(await client.ask(call('reducer', 1, 'fill_every', args))).toMatchObject({ outcome: 'ok' });
  return client;
}

const refused = async (client: ProtocolClient, sql: string): Promise<string> => {
  const answer = await client.ask(oneOff(1, sql));
  return answer.type === 'one-off' ? (answer.error ?? 'answered') : `not a query: ${answer.type}`;
};

const failureOf = (host: ConformanceHost, sql: string, as = 'owner'): Promise<string> =>
  host.sql(sql, as).then(
    () => 'done',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

section('SQL: literals and comparisons', MODULE, (rule) => {
  rule('every comparable type has its literals, read by the type of the column', async (host) => {
    const client = await openFilled(host);
    const hex = (await host.identityOf('ada')).toString(16).padStart(64, '0');
    const cases: readonly [string, string][] = [
      ['ok = TRUE', '1'],
      ['ok', '1'],
      ['ok = false', '2'],
      ['i8 = -5', '1'],
      ["i8 = '5'", '2'],
      ['i8 = +5', '2'],
      ['5 = i8', '2'],
      ['u64 = 9223372036854775808', '1'],
      ['u64 >= 5e0', '1 2'],
      ['i128 < 0', '1'],
      ['i128 = -1267650600228229401496703205376', '1'],
      [`u256 = ${2n ** 255n}`, '1'],
      ['f32 = 1e40', '1'],
      ['f32 = 0.5', '2'],
      ['f64 < -1e299', '1'],
      ["text = 'it''s'", '1'],
      ['text = 5', '2'],
      ['bytes = 0xABCD', '1'],
      ["bytes = X'abcd'", '1'],
      [`who = 0x${hex}`, '1'],
      [`who = X'${hex}'`, '1'],
      ['who = :sender', '1'],
      ['who <> :sender', '2'],
      ["at = '2025-02-10T15:25:30.123456Z'", '1'],
      ["at = '2025-02-10 17:25:30.123456+02:00'", '1'],
      ["at > '2025-02-10T15:25:30.123455Z' AND id = 1", '1'],
      ['id = id', '1 2'],
      ['NOT (id = 1)', '2'],
      ['(id = 1 OR id = 2) AND (ok OR FALSE)', '1'],
      ['id != 1', '2'],
      ['TRUE', '1 2'],
      ['FALSE', ''],
      ['"every"."id" = 2', '2'],
    ];
    const answers: [string, string][] = [];
    for (const [condition] of cases) answers.push([condition, await idsOf(client, condition)]);
    expect(answers).toEqual(cases);
  });
  rule('a literal that is none of its column, and types that do not go together, are refused by name', async (host) => {
    const client = await openFilled(host);
    const cases: readonly [string, RegExp][] = [
      ['i8 = 200', /The literal expression `200` cannot be parsed as type `I8`/],
      ['u64 = -1', /The literal expression `-1` cannot be parsed as type `U64`/],
      ['id = 1.5', /cannot be parsed as type `U32`/],
      ["at = '2025-02-10T15:25:30'", /cannot be parsed as type `Timestamp`/],
      ['who = 0xAB', /cannot be parsed as type `Identity`/],
      ['ok = 1', /cannot be parsed as type `Bool`|Unexpected type/],
      ['id = TRUE', /Unexpected type: \(expected\) U32 != Bool \(inferred\)|cannot be parsed as type `U32`/],
      ['id = text', /Unexpected type: \(expected\) U32 != String \(inferred\)/],
      ['1 = 1', /Cannot resolve type for literal expression/],
      ['id', /Unexpected type: \(expected\) Bool != U32 \(inferred\)/],
      ['took = 5', /Invalid binary operator|cannot be parsed as type/],
      ['maybe = 5', /Invalid binary operator|cannot be parsed as type/],
      ['nothing = 1', /`every` does not have a field `nothing`/],
      ['other.id = 1', /`other` is not in scope/],
      ['id = NULL', /Unsupported/],
      ['id IN (1, 2)', /Unsupported/],
      ["text LIKE 'x%'", /Unsupported/],
      ['id BETWEEN 1 AND 2', /Unsupported/],
      ['id IS NULL', /Unsupported/],
      ['id + 1 = 2', /Unsupported/],
      ['id = (SELECT id FROM every)', /Unsupported/],
    ];
    for (const [condition, message] of cases) expect(await idsOf(client, condition), condition).toMatch(message);
  });
});

section('SQL: what may be subscribed to', MODULE, (rule) => {
  rule('a query gives whole rows of one table; everything else is refused in its own words', async (host) => {
    const client = await host.dial({ as: 'ada' });
    const cases: readonly [string, RegExp][] = [
      [
        'SELECT id FROM member',
        /Column projections are not supported in subscriptions; Subscriptions must return a table type/,
      ],
      ['SELECT COUNT(*) AS n FROM member', /Column projections are not supported in subscriptions|Unsupported/],
      ['SELECT * FROM member LIMIT 5', /Unsupported/],
      ['SELECT * FROM member ORDER BY id', /Unsupported/],
      ['SELECT DISTINCT * FROM member', /Unsupported SELECT/],
      ['SELECT * FROM member GROUP BY id', /Unsupported/],
      ['SELECT * FROM member UNION SELECT * FROM member', /Unsupported/],
      ['SELECT * FROM member JOIN team ON member.team_id = team.id', /SELECT \* is not supported for joins/],
      ['SELECT member.* FROM member, team', /Implicit joins are not supported/],
      ['SELECT member.* FROM member LEFT JOIN team ON member.team_id = team.id', /Non-inner joins are not supported/],
      ['SELECT m.* FROM member m JOIN team m ON m.id = m.id', /Duplicate name `m`/],
      ['SELECT member.* FROM member m', /`member` is not in scope/],
      ['SELECT m.* FROM member m JOIN team t ON team_id = t.id', /Names must be qualified when using joins/],
      ['SELECT * FROM nowhere', /no such table: `nowhere`\. If the table exists, it may be marked private\./],
      ['SELECT * FROM MEMBER', /no such table: `MEMBER`/],
      ["INSERT INTO team (id, title) VALUES (1, 'x')", /Unsupported: Non-SELECT queries/],
      ['DELETE FROM team', /Unsupported: Non-SELECT queries/],
      ['SELECT *', /A FROM clause is required|Unsupported/],
      ['', /\S/],
      ['SELECT * FROM member; SELECT * FROM team', /Multiple SQL statements are not supported/],
      [`SELECT * FROM member WHERE ${'id = 1 OR '.repeat(6_000)}id = 1`, /SQL query exceeds maximum allowed length/],
    ];
    for (const [sql, message] of cases) {
      expect(await refused(client, sql), sql.slice(0, 80)).toMatch(message);
      const answer = await client.ask(subscribe(1, 1, sql));
      expect(answer, sql.slice(0, 80)).toMatchObject({
        type: 'subscription-error',
        message: expect.stringMatching(message),
      });
    }
  });
  rule('an event table may not be looked up in by a join', async (host) => {
    const client = await host.dial({ as: 'ada' });
    expect(
      await client.ask(subscribe(1, 1, 'SELECT b.* FROM badge b JOIN bell e ON b.team_id = e.team_id')),
    ).toMatchObject({
      message: expect.stringMatching(/Event tables cannot be used as the lookup table in subscription joins/),
    });
  });
  rule('joins without an index, self-joins and NOT are answered, though SpacetimeDB refuses some', async (host) => {
    const client = await host.dial({ as: 'ada' });
    for (const [at, sql] of [
      'SELECT m.* FROM member m JOIN loose_link l ON m.id = l.member_id',
      'SELECT l.* FROM member m JOIN loose_link l ON m.id = l.member_id',
      'SELECT a.* FROM badge a JOIN badge b ON a.team_id = b.grade',
      'SELECT * FROM member WHERE NOT (id = 1 OR NOT (team_id = 2))',
    ].entries()) {
      expect(await client.ask(subscribe(at, at, sql)), sql).toMatchObject({ type: 'subscribed' });
    }
  });
});

section('SQL with strictCompat', { ...MODULE, strictCompat: true, forms: ['memory', 'thread'] }, (rule) => {
  rule('what SpacetimeDB refuses is refused, in its words', async (host) => {
    const client = await host.dial({ as: 'ada' });
    const cases: readonly [string, RegExp | undefined][] = [
      [
        'SELECT m.* FROM member m JOIN loose_link l ON m.id = l.member_id',
        /Subscriptions require indexes on join columns/,
      ],
      ['SELECT * FROM member WHERE NOT (id = 1)', /Unsupported expression/],
      ['SELECT m.* FROM loose_link l JOIN member m ON m.id = l.member_id', undefined],
      [`SELECT m.* FROM member m JOIN loose_link l ON m.id = l.member_id WHERE l.word = 'x'`, undefined],
      [
        `SELECT m.* FROM member m JOIN loose_link l ON m.id = l.member_id WHERE l.word = 'x' AND m.team_id = 1`,
        /Subscriptions require indexes on join columns/,
      ],
      ['SELECT m.* FROM member m JOIN badge b ON m.team_id = b.team_id', undefined],
      ['SELECT m.* FROM member m JOIN badge b ON m.team_id = b.team_id WHERE b.grade = 1', undefined],
    ];
    for (const [at, [sql, message]] of cases.entries()) {
      const answer = await client.ask(subscribe(at, at, sql));
      if (message === undefined) expect(answer, sql).toMatchObject({ type: 'subscribed' });
      else expect(answer, sql).toMatchObject({ message: expect.stringMatching(message) });
    }
  });
});

section('SQL: the wider grammar', MODULE, (rule) => {
  rule('columns, aliases, joins of many tables, COUNT and LIMIT', async (host) => {
    const client = await host.dial({ as: 'ada' });
    await client.ask(
      call('reducer', 1, 'steps', strings(['wipe', 'member 1 ada 7', 'member 2 bob 7', 'team 7 red', 'badge 7 3'])),
    );
    expect(await host.sql('SELECT id AS number, nick_name FROM member WHERE id = 2')).toEqual([
      { number: 2, nick_name: 'bob' },
    ]);
    expect(await host.sql('SELECT COUNT(*) AS n FROM member')).toEqual([{ n: 2n }]);
    expect(await host.sql('SELECT * FROM member LIMIT 1')).toHaveLength(1);
    expect(
      await host.sql(
        'SELECT m.id, t.title, b.grade FROM member m JOIN team t ON m.team_id = t.id JOIN badge b ON b.team_id = t.id WHERE m.id = 1',
      ),
    ).toEqual([{ id: 1, title: 'red', grade: 3 }]);
    expect(await failureOf(host, 'SELECT COUNT(*) FROM member')).toMatch(
      /Aggregate expressions must have column aliases/,
    );
  });
  rule('INSERT goes by position, UPDATE and DELETE by their condition', async (host) => {
    await host.sql('DELETE FROM team');
    await host.sql(`INSERT INTO team (id, title) VALUES (1, 'one'), (2, 'it''s')`);
    await host.sql(`UPDATE team SET title = 'uno' WHERE team.id = 1`);
    expect(await host.sql('SELECT title FROM team WHERE id = 1')).toEqual([{ title: 'uno' }]);
    await host.sql('DELETE FROM team WHERE id = 1');
    expect(await host.sql('SELECT * FROM team')).toEqual([{ id: 2, title: "it's" }]);
    expect(await failureOf(host, 'INSERT INTO team (id) VALUES (1)')).toMatch(
      /The number of fields \(1\) in the INSERT does not match the number of columns \(2\) of the table `team`/,
    );
    expect(await failureOf(host, 'INSERT INTO team (id, title) VALUES (1)')).toMatch(
      /Inserting a row with 1 values into `team` which has 2 fields/,
    );
    expect(await failureOf(host, `INSERT INTO team (id, title) VALUES (2, 'other')`)).toMatch(/unique|already exists/i);
    expect(await host.sql('SELECT * FROM team')).toHaveLength(1);
  });
  rule("only the owner may write, and nobody to a table that is the host's", async (host) => {
    const ada = (await host.identityOf('ada')).toString(16).padStart(64, '0');
    for (const sql of [
      `INSERT INTO team (id, title) VALUES (9, 'x')`,
      'DELETE FROM team',
      `UPDATE team SET title = 'x'`,
    ]) {
      expect(await failureOf(host, sql, 'ada'), sql).toBe(`Caller ${ada} is not authorized to run SQL DML statements`);
    }
    expect(await failureOf(host, 'DELETE FROM st_client')).not.toBe('done');
    expect(await failureOf(host, 'SELECT * FROM secret', 'ada')).toMatch(/no such table: `secret`/);
  });
  rule('row_limit can be set by the owner, and bounds what others may ask', async (host) => {
    await host.sql('DELETE FROM team');
    await host.sql(`INSERT INTO team (id, title) VALUES (1, 'a'), (2, 'b'), (3, 'c')`);
    await host.sql('SET row_limit = 2');
    expect(await failureOf(host, 'SELECT * FROM team', 'ada')).toMatch(/exceeds limit \(2 rows\)/);
    expect(await failureOf(host, 'SELECT * FROM team')).toBe('done');
    await host.sql('SET row_limit TO 1000000');
    expect(await failureOf(host, 'SELECT * FROM team', 'ada')).toBe('done');
    expect(await failureOf(host, 'SET other = 1')).toMatch(/other is not a valid system variable/);
  });
  rule('what no statement is says so', async (host) => {
    for (const [sql, message] of [
      ['', /Empty SQL query/],
      ['CREATE TABLE x (id INT)', /Unsupported/],
      ['SELECT * FROM team ORDER BY id', /Unsupported/],
      ['SELEC', /\S/],
      ["SELECT * FROM team WHERE title = 'open", /\S/],
      ['\0', /\S/],
    ] as const) {
      const failure = await failureOf(host, sql);
      expect(failure, sql).toMatch(message);
      expect(failure, sql).not.toBe('done');
    }
  });
});
