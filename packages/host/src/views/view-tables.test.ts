import { beforeEach, describe, expect, test } from 'vitest';
import { defineTable } from '../../test/sql-fixtures.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import { BsatnWriter } from '../bsatn/writer.ts';
import { Datastore } from '../datastore/datastore.ts';
import type { HookOutcome } from '../module/realm-port.ts';
import type { TableDef, ViewDef } from '../schema/module-def.ts';
import { ViewTables } from './view-tables.ts';

const NOTE = defineTable({ name: 'note', columns: { id: 'u32', text: 'string' }, primaryKey: 'id' });
const EVENT = defineTable({ name: 'event', columns: { id: 'u32', text: 'string' }, isEvent: true });
const codec = compileRowCodec(NOTE.columns);

function defineView(name: string, values: Partial<ViewDef> = {}): ViewDef {
  return {
    id: 0,
    name,
    accessor: name,
    isAnonymous: true,
    isPublic: true,
    columns: NOTE.columns,
    primaryKey: 0,
    ...values,
  };
}

const returned = (header: number, write: (writer: BsatnWriter) => void): HookOutcome => {
  const writer = new BsatnWriter();
  writer.u8(header);
  write(writer);
  return { type: 'returned', bytes: writer.toBytes() };
};
const rows = (count: number, ...values: (readonly [number, string])[]): HookOutcome => {
  const { bytes } = returned(0, (writer) => writer.u32(count)) as Extract<HookOutcome, { type: 'returned' }>;
  return { type: 'returned', bytes: Buffer.concat([bytes, ...values.map((each) => codec.encode(each))]) };
};
const sql = (text: string): HookOutcome => returned(1, (writer) => writer.string(text));

let datastore: Datastore;
let outcome: HookOutcome;
let invalid: string[];

beforeEach(() => {
  datastore = new Datastore([NOTE, EVENT]);
  invalid = [];
  const transaction = datastore.begin();
  for (const id of [1, 2, 3]) transaction.insert(NOTE.id, codec.encode([id, `note ${id}`]));
  transaction.commit();
});

function open(views: readonly ViewDef[]): ViewTables {
  return new ViewTables({
    tables: datastore.tables,
    views,
    committed: datastore.committed,
    idleBytesMax: 16 * 100,
    run: ({ state }) => {
      state.table(NOTE.id).scan();
      return outcome;
    },
    onInvalidResult: ({ name }, { message }) => invalid.push(`${name}: ${message}`),
  });
}

function idsOf(views: ViewTables, table: TableDef): unknown[] {
  return Array.from(views.over(datastore.committed).table(table.id).scan(), (row) => codec.decode(row)[0]);
}

describe('what a view may return', () => {
  const view = defineView('v');
  const read = (given: HookOutcome): unknown[] => {
    outcome = given;
    const views = open([view]);
    const table = views.tableOf(view, 5n);
    return views.using([table], () => idsOf(views, table));
  };

  test.each([
    ['rows', rows(2, [7, 'a'], [8, 'b']), [7, 8]],
    ['no rows', rows(0), []],
    ['equal rows, of which one counts', rows(2, [7, 'a'], [7, 'a']), [7]],
    ['SQL', sql('SELECT * FROM "note" WHERE "note"."id" = 2'), [2]],
    ['SQL with an alias', sql('SELECT n.* FROM note n WHERE n.id > 1'), [2, 3]],
    ['no SQL', sql('  '), []],
    ['SQL of an event table', sql('SELECT * FROM event'), []],
  ])('%s', (_name, given, expected) => {
    expect(read(given)).toEqual(expected);
    expect(invalid).toEqual([]);
  });

  test.each([
    ['no bytes', { type: 'returned', bytes: new Uint8Array(0) }, 'something other than rows of its type'],
    ['another header', returned(2, () => undefined), 'something other than rows of its type'],
    ['fewer rows than announced', rows(2, [7, 'a']), '2 rows are announced, 1 came'],
    ['half a row', { type: 'returned', bytes: Uint8Array.of(0, 1, 0, 0, 0, 9) }, 'something other than rows'],
    ['bytes behind the SQL', returned(1, (writer) => (writer.string(''), writer.u8(0))), 'something other than rows'],
    ['two rows of one key', rows(2, [7, 'a'], [7, 'b']), 'two of its rows have the same primary key `id`'],
    ['no SQL at all', sql('hello'), 'executing: `hello`'],
    ['SQL of no table', sql('SELECT * FROM nowhere'), 'no such table: `nowhere`'],
    ['SQL of a view', sql('SELECT * FROM v'), 'no such table: `v`'],
    ['SQL for somebody', sql(`SELECT * FROM st_client WHERE identity = :sender`), 'executing: `SELECT'],
    ['SQL of other rows', sql('SELECT * FROM st_client'), "its rows are not of the view's type"],
    ['SQL of columns', sql('SELECT id FROM note'), 'Column projections are not supported'],
  ] as const)('not %s', (_name, given, message) => {
    expect(() => read(given)).toThrow(message);
    expect(invalid).toEqual([expect.stringContaining(message)]);
  });

  test('rows of its key are found by it, and in its order', () => {
    outcome = rows(3, [9, 'c'], [7, 'a'], [8, 'b']);
    const views = open([view]);
    const table = views.tableOf(view, 5n);
    views.acquire(table);
    const seek = (range: Parameters<ReturnType<ViewTables['over']>['table']>[0] extends number ? object : never) =>
      Array.from(
        views
          .over(datastore.committed)
          .table(table.id)
          .seek(table.indexes[0]!, { prefix: [], ...range }),
        (row) => codec.decode(row)[0],
      );
    expect(seek({ prefix: [8] })).toEqual([8]);
    expect(seek({ prefix: [1] })).toEqual([]);
    expect(seek({})).toEqual([7, 8, 9]);
    expect(seek({ start: { type: 'excluded', value: 7 }, end: { type: 'included', value: 9 } })).toEqual([8, 9]);
    expect(seek({ start: { type: 'included', value: 7 }, end: { type: 'excluded', value: 9 } })).toEqual([7, 8]);
    expect(seek({ start: { type: 'unbounded' }, end: { type: 'excluded', value: 8 } })).toEqual([7]);
  });
});

describe('instances that nobody uses', () => {
  test('are kept up to a number, the last used ones', () => {
    outcome = rows(0);
    const view = defineView('mine', { isAnonymous: false });
    const views = open([view]);
    for (let identity = 0n; identity < 300n; identity += 1n)
      views.using([views.tableOf(view, identity)], () => undefined);
    expect(views.instances).toEqual({ used: 0, idle: 256 });
    expect(views.evaluations).toBe(300);
    views.using([views.tableOf(view, 299n)], () => undefined);
    expect(views.evaluations).toBe(300);
    views.using([views.tableOf(view, 1n)], () => undefined);
    expect(views.evaluations).toBe(301);
  });

  test('are kept up to a size', () => {
    outcome = rows(1, [7, 'x'.repeat(600)]);
    const view = defineView('mine', { isAnonymous: false });
    const views = open([view]);
    for (let identity = 0n; identity < 4n; identity += 1n)
      views.using([views.tableOf(view, identity)], () => undefined);
    expect(views.instances).toEqual({ used: 0, idle: 2 });
  });

  test('are not kept when one alone is over the size, so that none is lost to a request that names it', () => {
    outcome = rows(1, [7, 'x'.repeat(1_700)]);
    const views = open([defineView('huge'), defineView('other')]);
    const use = () => {
      const tables = views.defs.map((view) => views.tableOf(view, 5n));
      return views.using(tables, () => views.instances.used);
    };
    expect([use(), use()]).toEqual([2, 2]);
    expect(views.instances).toEqual({ used: 0, idle: 0 });
  });

  test('are there for all views that one request names, however many', () => {
    outcome = rows(0);
    const all = Array.from({ length: 300 }, (_, id) => defineView(`v${id}`, { id }));
    const views = open(all);
    const tables = all.map((view) => views.tableOf(view, 5n));
    expect(views.using(tables, () => views.instances.used)).toBe(300);
  });

  test('lose their rows when what they read changes, without an evaluation', () => {
    outcome = rows(1, [7, 'a']);
    const view = defineView('v');
    const views = open([view]);
    views.using([views.tableOf(view, 5n)], () => undefined);
    const transaction = datastore.begin();
    transaction.clear(NOTE.id);
    expect(views.refresh(transaction, 'refuse').apply()).toEqual([]);
    expect(views.evaluations).toBe(1);
    views.using([views.tableOf(view, 5n)], () => undefined);
    expect(views.evaluations).toBe(2);
  });

  test('one use that fails leaves none of the others behind', () => {
    outcome = rows(1, [7, 'a']);
    const [good, bad] = [defineView('good'), defineView('bad', { columns: EVENT.columns.slice(0, 1) })];
    const views = open([good, bad]);
    const tables = [good, bad].map((view) => views.tableOf(view, 5n));
    expect(() => views.using(tables, () => undefined)).toThrow('Error materializing view `bad`');
    expect(views.instances).toEqual({ used: 0, idle: 2 });
  });
});
