import { describe, expect, test } from 'vitest';
import { ADA, openModule, OWNER, type ModuleDatabase } from '../../test/module-database.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { BsatnReader } from '../bsatn/reader.ts';
import { compileCodec } from '../bsatn/codec.ts';
import { createMemoryStorage, makeMemoryContents } from '../storage/memory-storage.ts';
import type { Caller, Commit } from './calls.ts';
import type { StatementResult } from './sql-answer.ts';

const OWNER_CALLER: Caller = { identity: OWNER, connectionId: 0n };

function rowsOf({ columns, rows, rowCount }: StatementResult): AlgebraicValue[][] {
  const codecs = columns.map(({ algebraicType }) => compileCodec(algebraicType));
  const reader = new BsatnReader(rows);
  const decoded = Array.from({ length: rowCount }, () => codecs.map((codec) => codec.decode(reader)));
  reader.expectEnd();
  return decoded;
}

const run = (db: ModuleDatabase, sql: string, caller = OWNER_CALLER) => db.database.sql(caller, sql).results;
const select = (db: ModuleDatabase, sql: string, caller = OWNER_CALLER) => run(db, sql, caller).map(rowsOf)[0]!;

async function openPeople(): Promise<ModuleDatabase> {
  const db = await openModule('people.ts');
  db.call(ADA, 'add_person', 'ada', 'red', 36);
  db.call(ADA, 'add_person', 'bob', 'red', 40);
  db.call(ADA, 'add_person', 'cyd', 'blue', 25);
  return db;
}

describe('SELECT', () => {
  test('gives rows, columns, numbers and joins', async () => {
    const db = await openPeople();
    expect(select(db, "SELECT * FROM person WHERE name = 'bob'")).toEqual([[2n, 'bob', 'red', 40]]);
    const young = select(db, 'SELECT name, age AS years FROM person WHERE age < 40 LIMIT 5');
    expect(young.sort()).toEqual([
      ['ada', 36],
      ['cyd', 25],
    ]);
    expect(select(db, "SELECT COUNT(*) AS n FROM person WHERE team = 'red'")).toEqual([[2n]]);
    expect(select(db, 'SELECT COUNT(*) AS n FROM person')).toEqual([[3n]]);
    expect(
      select(db, "SELECT a.name, b.name AS mate FROM person a JOIN person b ON a.team = b.team WHERE a.name = 'ada'"),
    ).toHaveLength(2);
  });

  test('others than the owner see public tables only', async () => {
    const db = await openPeople();
    expect(select(db, 'SELECT * FROM person', ADA)).toHaveLength(3);
    for (const table of ['note', 'tick', 'st_var', 'st_connection_credentials']) {
      expect(() => run(db, `SELECT * FROM ${table}`, ADA)).toThrow(`no such table: \`${table}\``);
      expect(select(db, `SELECT * FROM ${table}`)).toEqual([]);
    }
  });

  test(':sender is who asks', async () => {
    const db = await openPeople();
    db.database.connect(ADA, '{"sub":"ada"}');
    const sql = 'SELECT subject FROM visit WHERE identity = :sender';
    expect(select(db, sql, ADA)).toEqual([['ada']]);
    expect(select(db, sql)).toEqual([]);
  });

  test('changes nothing and stores nothing', async () => {
    const db = await openPeople();
    const before = db.database.status().nextOffset;
    run(db, 'SELECT * FROM person; SHOW row_limit');
    expect(db.database.status().nextOffset).toBe(before);
  });
});

describe('INSERT, UPDATE and DELETE', () => {
  test('change rows, and say how many', async () => {
    const db = await openPeople();
    const results = run(
      db,
      "INSERT INTO person VALUES (0, 'dan', 'blue', 50), (0, 'eve', 'red', 60); " +
        "UPDATE person SET team = 'green', age = 1 WHERE team = 'red'; DELETE FROM person WHERE person.age > 1",
    );
    expect(results.map(({ changed }) => changed)).toEqual([
      { inserted: 2, deleted: 0, updated: 0 },
      { inserted: 0, deleted: 0, updated: 3 },
      { inserted: 0, deleted: 2, updated: 0 },
    ]);
    expect(db.rows('person')).toEqual([
      [1n, 'ada', 'green', 1],
      [2n, 'bob', 'green', 1],
      [5n, 'eve', 'green', 1],
    ]);
  });

  test('each is one transaction of kind sql that listeners hear of and the log holds', async () => {
    const contents = makeMemoryContents();
    const db = await openModule('people.ts', { storage: createMemoryStorage({ contents }) });
    const commits: Commit[] = [];
    db.database.onCommit((commit) => commits.push(commit));
    const { offset } = db.database.sql(OWNER_CALLER, "INSERT INTO note VALUES ('a', 1), ('b', 2); DELETE FROM note");
    expect(commits.map(({ kind, deltas, origin }) => [kind, deltas.length, origin])).toEqual([
      ['sql', 1, OWNER_CALLER],
      ['sql', 1, OWNER_CALLER],
    ]);
    expect(commits.map((commit) => commit.offset).at(-1)).toBe(offset);
    run(db, "INSERT INTO note VALUES ('c', 3)");
    await db.database.close();
    const reopened = await openModule('people.ts', { storage: createMemoryStorage({ contents }), program: undefined });
    expect(reopened.rows('note')).toEqual([['c', 3]]);
  });

  test('rows that are there already count as nothing, and tell nobody', async () => {
    const db = await openModule('people.ts');
    const commits: Commit[] = [];
    run(db, "INSERT INTO note VALUES ('a', 1)");
    db.database.onCommit((commit) => commits.push(commit));
    expect(run(db, "INSERT INTO note VALUES ('a', 1), ('a', 1)")[0]?.changed.inserted).toBe(0);
    expect(run(db, "UPDATE note SET text = 'a'")[0]?.changed.updated).toBe(1);
    expect(commits.flatMap(({ deltas }) => deltas)).toEqual([]);
  });

  test('a statement that breaks a constraint leaves no trace', async () => {
    const db = await openPeople();
    const before = db.rows('person');
    expect(() => run(db, "INSERT INTO person VALUES (0, 'new', 'x', 1), (0, 'ada', 'x', 1)")).toThrow(
      expect.objectContaining({ code: 'datastore/unique-violation' }) as Error,
    );
    expect(() => run(db, "UPDATE person SET name = 'same'")).toThrow('unique index');
    expect(db.rows('person')).toEqual(before);
  });

  test('rows that become the same become one, as everywhere in this store', async () => {
    const db = await openModule('people.ts');
    run(db, "DELETE FROM result; INSERT INTO result VALUES ('a', '1'), ('b', '2')");
    expect(() => run(db, "UPDATE result SET key = 'b'")).toThrow('unique index');
    expect(run(db, "UPDATE result SET key = 'b', value = '3'")[0]?.changed.updated).toBe(2);
    expect(db.rows('result')).toEqual([['b', '3']]);
  });

  test('the first statement that fails ends the rest, and the error says what was done', async () => {
    const db = await openPeople();
    const text = "INSERT INTO note VALUES ('x', 1); INSERT INTO person VALUES (0, 'ada', '', 1); DELETE FROM note";
    expect(() => run(db, text)).toThrow(/^statement 2 of 3: .*\(the statements before it are done\)$/);
    expect(db.rows('note')).toEqual([['x', 1]]);
  });

  test('nothing is run when a later statement is wrong', async () => {
    const db = await openPeople();
    expect(() => run(db, 'DELETE FROM person; DELETE FROM nowhere')).toThrow('no such table');
    expect(() => run(db, 'DELETE FROM person; DROP TABLE person')).toThrow('Unsupported: DROP');
    expect(db.rows('person')).toHaveLength(3);
  });

  test('need the owner, whatever stands before them', async () => {
    const db = await openPeople();
    for (const sql of [
      'DELETE FROM person',
      "UPDATE person SET name = 'x'",
      "INSERT INTO person VALUES (0, 'x', 'x', 1)",
      'SET row_limit = 1',
      'SELECT * FROM person; DELETE FROM person',
    ]) {
      expect(() => run(db, sql, ADA)).toThrow(
        `Caller ${ADA.identity.toString(16).padStart(64, '0')} is not authorized to run SQL DML statements`,
      );
    }
    expect(db.rows('person')).toHaveLength(3);
  });

  test('an event is told and not kept', async () => {
    const db = await openModule('people.ts');
    const commits: Commit[] = [];
    db.database.onCommit((commit) => commits.push(commit));
    expect(run(db, "INSERT INTO signal VALUES ('hello')")[0]?.changed.inserted).toBe(1);
    expect(commits).toMatchObject([{ kind: 'sql', deltas: [{ table: { name: 'signal' } }] }]);
    expect(select(db, 'SELECT * FROM signal')).toEqual([]);
    expect(run(db, "DELETE FROM signal; UPDATE signal SET text = 'x'").map(({ changed }) => changed.deleted)).toEqual([
      0, 0,
    ]);
  });

  test('text of every kind stays text', async () => {
    const db = await openModule('people.ts');
    const texts = ["'; DROP TABLE note; --", 'a\u0000b', '"quoted"', "it's", '\u{1F600}', ':sender', '0xff', ''];
    for (const text of texts) run(db, `INSERT INTO note VALUES ('${text.replaceAll("'", "''")}', 1)`);
    expect(select(db, 'SELECT text FROM note').flat().sort()).toEqual([...texts].sort());
  });
});

describe('views', () => {
  const insertPlayer = (id: number, owner: bigint, team: string, score: number): string =>
    `INSERT INTO player VALUES (${id}, 0x${owner.toString(16).padStart(64, '0')}, 'p${id}', '${team}', ${score})`;

  test('are asked like tables, as who asks', async () => {
    const db = await openModule('view-game.ts');
    run(db, `${insertPlayer(1, ADA.identity, 'red', 50)}; ${insertPlayer(2, OWNER, 'blue', 5)}`);
    expect(select(db, 'SELECT name FROM my_player', ADA)).toEqual([['p1']]);
    expect(select(db, 'SELECT name FROM my_player')).toEqual([['p2']]);
    expect(select(db, 'SELECT p.name FROM top_players t JOIN player p ON p.id = t.id', ADA)).toEqual([['p1']]);
    expect(select(db, 'SELECT COUNT(*) AS n FROM red_names')).toEqual([[1n]]);
    expect(() => run(db, 'SELECT * FROM secrets', ADA)).toThrow('no such table: `secrets`');
    expect(select(db, 'SELECT * FROM secrets')).toEqual([]);
  });

  test('follow what SQL changes, and cannot be changed themselves', async () => {
    const db = await openModule('view-game.ts');
    run(db, insertPlayer(1, ADA.identity, 'red', 50));
    expect(select(db, 'SELECT id FROM top_players')).toEqual([[1]]);
    run(db, 'UPDATE player SET score = 1');
    expect(select(db, 'SELECT id FROM top_players')).toEqual([]);
    for (const sql of ['DELETE FROM top_players', 'UPDATE top_players SET score = 1']) {
      expect(() => run(db, sql)).toThrow('`top_players` is a view; DML on views is not supported');
    }
  });
});

describe('the row limit', () => {
  test('is a variable that lasts, and bounds everybody but the owner', async () => {
    const contents = makeMemoryContents();
    const db = await openModule('people.ts', { storage: createMemoryStorage({ contents }) });
    run(db, "INSERT INTO result VALUES ('a', '1'), ('b', '2'), ('c', '3')");
    expect(select(db, 'SHOW row_limit')).toEqual([]);
    run(db, 'SET row_limit = 5; SET row_limit TO 2');
    expect(select(db, 'SHOW row_limit', ADA)).toEqual([[{ tag: 8, value: 2n }]]);
    expect(select(db, 'SELECT * FROM result')).toHaveLength(4);
    expect(select(db, "SELECT * FROM result WHERE key = 'a'", ADA)).toHaveLength(1);
    expect(select(db, 'SELECT * FROM result LIMIT 2', ADA)).toHaveLength(2);
    expect(() => run(db, 'SELECT * FROM result', ADA)).toThrow('Estimated cardinality (3 rows) exceeds limit (2 rows)');
    await db.database.close();
    const reopened = await openModule('people.ts', { storage: createMemoryStorage({ contents }), program: undefined });
    expect(() => run(reopened, 'SELECT * FROM result', ADA)).toThrow('exceeds limit (2 rows)');
    run(reopened, `SET row_limit = ${2n ** 64n - 1n}`);
    expect(select(reopened, 'SELECT * FROM result', ADA)).toHaveLength(4);
  });
});

test('auto-increment goes on where reducers left it, and explicit values stay', async () => {
  const db = await openPeople();
  run(db, "INSERT INTO person VALUES (0, 'dan', '', 1), (100, 'eve', '', 2)");
  expect(select(db, "SELECT id FROM person WHERE name = 'dan' OR name = 'eve'")).toEqual([[4n], [100n]]);
});

test('a closed database answers nothing', async () => {
  const db = await openModule('people.ts');
  await db.database.close();
  expect(() => run(db, 'SELECT * FROM person')).toThrow(expect.objectContaining({ code: 'database/closed' }) as Error);
});
