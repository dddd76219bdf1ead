import { describe, expect, test } from 'vitest';
import { BsatnWriter } from '../bsatn/writer.ts';
import { encodeRecord } from './record-codec.ts';
import {
  enumOf,
  type ModuleSpec,
  type TableSpec,
  text,
  u32,
  u64,
  writeModuleDef,
} from '../../test/migration/definition.ts';
import { SpecDatabase, textOf } from '../../test/migration/spec-database.ts';

const id = { name: 'id', type: u64 };
const name = { name: 'name', type: text };
const person: TableSpec = { name: 'person', columns: [id, name], primaryKey: 'id', autoIncrement: ['id'] };

function alone(table: TableSpec): ModuleSpec {
  return { tables: [table] };
}

async function withPeople(...names: readonly string[]): Promise<SpecDatabase> {
  const db = await SpecDatabase.open(alone(person));
  db.insert('person', ...names.map((each) => [0n, each]));
  return db;
}

/** Checks that a program is refused by these rules, and that nothing changed for it, in memory or in the log. */
async function expectRefused(db: SpecDatabase, spec: ModuleSpec, refusals: readonly unknown[]): Promise<void> {
  const before = db.everything();
  const { nextOffset } = db.database.status();
  await expect(db.database.exchangeProgram({ program: textOf(spec), policy: 'break-clients' })).rejects.toMatchObject({
    code: 'database/migration-refused',
    details: { refusals },
  });
  expect(db.everything()).toEqual(before);
  expect(db.database.status().nextOffset).toBe(nextOffset);
  expect(db.insert('person', [0n, 'later']).outcome).toEqual({ type: 'committed' });
  expect((await db.reopened()).everything()).toEqual(db.everything());
}

describe('exchanging the program of a running database', () => {
  test('gives every row the defaults of new columns, and the sequence goes on', async () => {
    const db = await withPeople('ada', 'bob');
    const program = textOf(alone({ ...person, columns: [id, name, { name: 'age', type: u32, default: 7 }] }));
    const outcome = await db.database.exchangeProgram({ program, policy: 'break-clients' });
    expect(outcome).toMatchObject({ type: 'migrated', endsClients: true });
    expect(db.rows('person')).toEqual([
      [1n, 'ada', 7],
      [2n, 'bob', 7],
    ]);
    db.insert('person', [0n, 'cy', 30]);
    expect(db.rows('person').at(-1)).toEqual([3n, 'cy', 30]);
    const again = await db.reopened();
    expect(again.everything()).toEqual(db.everything());
    again.insert('person', [0n, 'dee', 1]);
    expect(again.rows('person').map(([key]) => key)).toEqual([1n, 2n, 3n, 4097n]);
  });

  test('reads old values as they were when an enum has more variants, and takes the new ones', async () => {
    const kind = (...variants: string[]): TableSpec => ({
      name: 'person',
      columns: [{ name: 'kind', type: enumOf(...variants) }],
    });
    const db = await SpecDatabase.open(alone(kind('a', 'b')));
    const b = { tag: 1, value: [] };
    const c = { tag: 2, value: [] };
    db.insert('person', [b]);
    expect(await db.database.exchangeProgram({ program: textOf(alone(kind('a', 'b', 'c'))) })).toMatchObject({
      endsClients: false,
    });
    db.insert('person', [c]);
    expect(db.rows('person')).toEqual([[b], [c]]);
    expect((await db.reopened()).everything()).toEqual(db.everything());
  });

  test('makes and unmakes unique indexes of the rows that are there', async () => {
    const db = await withPeople('ada', 'bob');
    const unique: TableSpec = { ...person, unique: [['name']] };
    await db.database.exchangeProgram({ program: textOf(alone(unique)) });
    expect(db.insert('person', [0n, 'ada']).outcome.type).toBe('failed-user');
    await db.database.exchangeProgram({ program: textOf(alone(person)) });
    expect(db.insert('person', [0n, 'ada']).outcome.type).toBe('committed');
    expect((await db.reopened()).everything()).toEqual(db.everything());
  });

  test('refuses to remove a table with rows, and removes it when they are gone', async () => {
    const other: TableSpec = { name: 'other', columns: [name] };
    const db = await SpecDatabase.open({ tables: [person, other] });
    db.insert('other', ['x'], ['y']);
    await expectRefused(db, alone(person), [
      { rule: 'TableNotEmpty', table: 'other', reason: expect.stringMatching(/table contains data \(2 rows\)/) },
    ]);
    await expect(db.database.planExchange(textOf(alone(person)))).resolves.toMatchObject({
      breaksClients: true,
      refusals: [{ rule: 'TableNotEmpty' }],
    });
    const empty = await SpecDatabase.open({ tables: [person, other] });
    await empty.database.exchangeProgram({ program: textOf(alone(person)), policy: 'break-clients' });
    await empty.database.exchangeProgram({ program: textOf({ tables: [person, other] }) });
    empty.insert('other', ['z']);
    expect((await empty.reopened()).rows('other')).toEqual([['z']]);
  });

  test('refuses a unique constraint that rows violate, naming the values', async () => {
    const db = await withPeople('ada', 'bob', 'ada', 'bob', 'bob', 'cy');
    await expectRefused(db, alone({ ...person, unique: [['name']] }), [
      { rule: 'DuplicateValues', reason: expect.stringMatching(/\(name\): "ada" in 2 rows, "bob" in 3 rows\.$/) },
    ]);
  });

  test('refuses a unique constraint on a new column, whose default all rows would share', async () => {
    const db = await withPeople('ada', 'bob');
    const code = { name: 'code', type: u32, default: 5 };
    await expectRefused(db, alone({ ...person, columns: [id, name, code], unique: [['code']] }), [
      { rule: 'DuplicateValues', reason: expect.stringMatching(/\(code\): 5 in 2 rows/) },
    ]);
  });

  test('refuses auto-increment that would hand out values which are there', async () => {
    const plain: TableSpec = { name: 'person', columns: [id, name], primaryKey: 'id' };
    const db = await SpecDatabase.open(alone(plain));
    db.insert('person', [3n, 'ada']);
    await expectRefused(db, alone(person), [
      { rule: 'ValuesInSequenceRange', reason: expect.stringMatching(/already has values in range 1 to \d+.*: 3\./) },
    ]);
    await db.database.exchangeProgram({ program: textOf(alone({ ...person, sequence: { start: 4n, min: 4n } })) });
    db.insert('person', [0n, 'bob']);
    expect(db.rows('person').map(([key]) => key)).toEqual([0n, 3n, 4n]);
  });

  test('names every refusal that rows give reason for at once', async () => {
    const db = await SpecDatabase.open({ tables: [person, { ...person, name: 'gone' }] });
    db.insert('person', [0n, 'ada'], [0n, 'ada']);
    db.insert('gone', [0n, 'x']);
    await expectRefused(db, alone({ ...person, unique: [['name']] }), [
      { rule: 'TableNotEmpty' },
      { rule: 'DuplicateValues' },
    ]);
  });

  test('needs to be told that clients may be ended', async () => {
    const db = await withPeople('ada');
    const program = textOf(alone({ ...person, columns: [id, name, { name: 'age', type: u32, default: 7 }] }));
    const before = db.everything();
    await expect(db.database.exchangeProgram({ program })).rejects.toMatchObject({ code: 'database/breaks-clients' });
    await expect(db.database.exchangeProgram({ program, policy: 'compatible' })).rejects.toMatchObject({
      code: 'database/breaks-clients',
      message: expect.stringContaining('Migration plan contains a client-breaking change which is disallowed'),
    });
    expect(db.everything()).toEqual(before);
  });

  test('is refused for a module that cannot say what it is, which changes nothing', async () => {
    const db = await withPeople('ada');
    const before = db.everything();
    await expect(db.database.exchangeProgram({ program: 'no definition' })).rejects.toThrow();
    const dangling = textOf(alone({ ...person, name: 'st_reserved' }));
    await expect(db.database.exchangeProgram({ program: dangling })).rejects.toMatchObject({ code: 'schema/invalid' });
    expect(db.everything()).toEqual(before);
    expect(db.database.writable).toBe(true);
  });

  test('deletes all data when told to, and only where the plan is refused when told so', async () => {
    const db = await withPeople('ada', 'bob');
    const more = alone({ ...person, indexes: [{ columns: ['name'] }] });
    await db.database.exchangeProgram({ program: textOf(more), data: 'clear-on-conflict' });
    expect(db.rows('person')).toHaveLength(2);
    const other = alone({ ...person, columns: [{ ...id, type: u32 }, name] });
    expect(await db.database.exchangeProgram({ program: textOf(other), data: 'clear-on-conflict' })).toMatchObject({
      type: 'cleared',
      endsClients: true,
    });
    expect(db.rows('person')).toEqual([]);
    db.insert('person', [0, 'cy']);
    expect(db.rows('person')).toEqual([[1, 'cy']]);
    expect((await db.reopened()).everything()).toEqual(db.everything());
    await db.database.exchangeProgram({ program: textOf(other), data: 'clear' });
    expect(db.rows('person')).toEqual([]);
    expect((await db.reopened()).everything()).toEqual(db.everything());
  });

  test('is one after the other, and readers see the old program until the new one is durable', async () => {
    const db = await withPeople('ada');
    const hashes: string[] = [];
    const specs = [1, 2, 3].map((count) => textOf({ tables: [person, ...tablesNamed(count)] }));
    const exchanges = specs.map(async (program) => {
      await db.database.exchangeProgram({ program });
      hashes.push(db.database.programHash);
    });
    expect(db.database.program).toBe(textOf(alone(person)));
    await Promise.all(exchanges);
    expect(hashes).toEqual(specs);
    expect(db.database.def.tables.map(({ name: table }) => table)).toEqual(['person', 'more1', 'more2', 'more3']);
  });

  test('goes through a snapshot, and over an exchange before it', async () => {
    const db = await withPeople('ada');
    const wider = alone({ ...person, columns: [id, name, { name: 'age', type: u32, default: 7 }] });
    await db.database.exchangeProgram({ program: textOf(wider), policy: 'break-clients' });
    await db.database.snapshot();
    db.insert('person', [0n, 'bob', 1]);
    expect((await db.reopened()).everything()).toEqual(db.everything());
    const widest = alone({
      ...person,
      columns: [id, name, { name: 'age', type: u32, default: 7 }, { name: 'x', type: text, default: 'é' }],
    });
    await db.database.exchangeProgram({ program: textOf(widest), policy: 'break-clients' });
    expect(db.rows('person')).toEqual([
      [1n, 'ada', 7, 'é'],
      [2n, 'bob', 1, 'é'],
    ]);
    expect((await db.reopened()).everything()).toEqual(db.everything());
  });

  test('is read from logs of earlier releases, which only added and wrote no migration', async () => {
    const db = await withPeople('ada');
    const more: ModuleSpec = { tables: [person, { name: 'extra', columns: [name] }] };
    const { def, identity, owner } = db.database;
    const tableIds = new Map([...def.tables.map((table) => [table.name, table.id] as const), ['extra', 5000]]);
    const program = { identity, owner, text: textOf(more), rawDef: writeModuleDef(more), tableIds };
    await db.database.close();
    db.contents.records.push(encodeRecord(new BsatnWriter(), { program }).slice());
    const next = await db.reopened();
    expect(next.database.def.tables.map((table) => [table.name, table.id])).toEqual([
      ['person', 4097],
      ['extra', 5000],
    ]);
    expect(next.rows('person')).toEqual([[1n, 'ada']]);
    next.insert('extra', ['x']);
    next.insert('person', [0n, 'bob']);
    expect((await next.reopened()).everything()).toEqual(next.everything());
    expect(next.rows('person')[1]).toEqual([4097n, 'bob']);
  });

  test('names a damaged migration in the log as such', async () => {
    const db = await withPeople('ada');
    const { identity, owner } = db.database;
    const spec = alone(person);
    const program = { identity, owner, text: 'x', rawDef: writeModuleDef(spec), tableIds: new Map([['person', 4097]]) };
    const migration = { tables: [{ tableId: 999, suffix: new Uint8Array(0) }], sequences: [] };
    await db.database.close();
    db.contents.records.push(encodeRecord(new BsatnWriter(), { program, migration }).slice());
    await expect(db.reopened()).rejects.toMatchObject({ code: 'database/corrupt' });
  });

  test('happens at opening too, when another program is given', async () => {
    const db = await withPeople('ada');
    await db.database.close();
    const wider = alone({ ...person, columns: [id, name, { name: 'age', type: u32, default: 7 }] });
    const next = await SpecDatabase.open(wider, db.contents);
    expect(next.rows('person')).toEqual([[1n, 'ada', 7]]);
    expect((await next.reopened()).everything()).toEqual(next.everything());
  });
});

function tablesNamed(count: number): TableSpec[] {
  return Array.from({ length: count }, (_, index) => ({ name: `more${index + 1}`, columns: [name] }));
}
