import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import { BsatnWriter } from '../bsatn/writer.ts';
import type { TableDef } from '../schema/module-def.ts';
import { Datastore } from './datastore.ts';
import type { LoggedRows } from './datastore.ts';
import { ReplayError } from './replay.ts';
import type { Row } from './state-view.ts';

const numRuns = Number(process.env['RUNS'] ?? 40);

const STRING = { type: 'string' } as const;
const COLUMNS = [
  { name: 'id', accessor: 'id', algebraicType: STRING },
  { name: 'team', accessor: 'team', algebraicType: STRING },
  { name: 'filling', accessor: 'filling', algebraicType: STRING },
] as const;

function makeTable(id: number, isUnique: boolean): TableDef {
  return {
    id,
    name: `table_${id}`,
    accessor: `table${id}`,
    columns: COLUMNS,
    primaryKey: isUnique ? 0 : undefined,
    indexes: [
      { id: id + 1, name: `${id}_id`, accessor: `${id}Id`, algorithm: 'btree', columns: [0], isUnique },
      { id: id + 2, name: `${id}_team`, accessor: `${id}Team`, algorithm: 'btree', columns: [1], isUnique: false },
    ],
    constraints: isUnique ? [{ name: `${id}_key`, columns: [0] }] : [],
    sequences: [],
    access: 'public',
    isEvent: false,
    isSystem: false,
  };
}

/** One that finds equal rows by its unique index, and one that finds them by a hash of the row. */
const TABLES = [makeTable(5000, true), makeTable(6000, false)];
const [KEYED] = TABLES as [TableDef, TableDef];
const codec = compileRowCodec(COLUMNS);

/** Large enough that a few dozen of them are loaded as a run. */
const row = (id: number, version: number): Row =>
  codec.encode([`id ${id}`, `team ${id % 5}`, `version ${version} `.repeat(40)]);

function pack(rows: readonly Row[]): Uint8Array {
  return Buffer.concat(rows);
}

function log(rows: readonly Row[]): LoggedRows {
  const writer = new BsatnWriter();
  for (const each of rows) writer.byteArray(each);
  return { count: rows.length, bytes: writer.toBytes() };
}

const texts = (rows: Iterable<Row>): string[] =>
  Array.from(rows, (each) => Buffer.from(each).toString('hex')).toSorted();

function expectHolds(store: Datastore, model: ReadonlyMap<number, number>): void {
  const rows = Array.from(model, ([id, version]) => row(id, version));
  for (const table of TABLES) {
    const view = store.committed.table(table.id);
    const [byId, byTeam] = table.indexes;
    expect(view.rowCount).toBe(model.size);
    expect(texts(view.scan())).toEqual(texts(rows));
    expect(texts(view.seek(byId!, { prefix: [] }))).toEqual(texts(rows));
    for (const id of [0, 7, 30]) {
      const version = model.get(id);
      const expected = version === undefined ? [] : [row(id, version)];
      expect(texts(view.seek(byId!, { prefix: [`id ${id}`] }))).toEqual(texts(expected));
    }
    const team = Array.from(model).filter(([id]) => id % 5 === 3);
    expect(texts(view.seek(byTeam!, { prefix: ['team 3'] }))).toEqual(
      texts(team.map(([id, version]) => row(id, version))),
    );
  }
}

const ids = fc.uniqueArray(fc.nat({ max: 80 }), { maxLength: 80, size: 'max' });
const step = fc.record({
  how: fc.constantFrom('log' as const, 'log' as const, 'transaction' as const, 'fork' as const, 'reload' as const),
  deletes: ids,
  inserts: ids,
});

describe('a store that is loaded', () => {
  test('holds what a map of rows holds, whatever is logged and written afterwards', () => {
    fc.assert(
      fc.property(ids, fc.array(step, { maxLength: 12 }), (loaded, steps) => {
        let store = new Datastore(TABLES, { hashSeed: 3 });
        store.putOffIndexes();
        const model = new Map<number, number>();
        for (const id of loaded) model.set(id, 0);
        for (const { id } of TABLES) store.loadRows(id, pack(loaded.map((each) => row(each, 0))), loaded.length);
        const asThen: { readonly store: Datastore; readonly model: ReadonlyMap<number, number> }[] = [];
        for (const [number, { how, deletes, inserts }] of steps.entries()) {
          if (how === 'fork') {
            asThen.push({ store: store.fork(), model: new Map(model) });
            continue;
          }
          if (how === 'reload') {
            const copy = new Datastore(TABLES, { hashSeed: number });
            copy.putOffIndexes();
            for (const { table, rows, count } of store.exportRows()) copy.loadRows(table.id, rows, count);
            store = copy;
            continue;
          }
          const gone = [...new Set([...deletes, ...inserts])].filter((id) => model.has(id));
          const goneRows = gone.map((id) => row(id, model.get(id) ?? 0));
          const newRows = inserts.map((id) => row(id, number + 1));
          const transaction = how === 'transaction' ? store.begin() : undefined;
          for (const { id } of TABLES) {
            if (transaction === undefined) {
              const logged = log(newRows);
              store.applyLogged(id, goneRows, logged);
              // The next record may be read into the same buffer.
              logged.bytes.fill(0xff);
            } else {
              transaction.deleteRows(id, goneRows);
              for (const each of newRows) transaction.insert(id, each);
            }
          }
          transaction?.commit();
          for (const id of gone) model.delete(id);
          for (const id of inserts) model.set(id, number + 1);
        }
        expectHolds(store, model);
        for (const fork of asThen) expectHolds(fork.store, fork.model);
      }),
      { numRuns },
    );
  });

  test.each([
    { how: 'a snapshot', load: (store: Datastore, rows: Row[]) => store.loadRows(5000, pack(rows), rows.length) },
    { how: 'a log', load: (store: Datastore, rows: Row[]) => store.applyLogged(5000, [], log(rows)) },
  ])('refuses a run of $how with a key that is taken, and holds the rows before it', ({ load }) => {
    const store = new Datastore(TABLES);
    store.putOffIndexes();
    load(
      store,
      Array.from({ length: 100 }, (_, id) => row(id, 0)),
    );
    const run = Array.from({ length: 100 }, (_, order) => row(order === 60 ? 7 : order + 200, 1));
    expect(() => load(store, run)).toThrow(ReplayError);
    const view = store.committed.table(5000);
    expect(view.rowCount).toBe(160);
    expect(texts(view.scan()).length).toBe(160);
    expect([...view.seek(KEYED.indexes[0]!, { prefix: ['id 7'] })]).toEqual([row(7, 0)]);
    const same = Array.from({ length: 100 }, (_, order) => row(order, 0));
    expect(() => load(store, same)).toThrow(/there twice/);
  });

  test('refuses a row that a run has twice, also where no index is unique', () => {
    for (const table of TABLES) {
      const store = new Datastore(TABLES);
      store.putOffIndexes();
      const rows = Array.from({ length: 100 }, (_, order) => row(order === 60 ? 7 : order, 0));
      expect(() => store.loadRows(table.id, pack(rows), 100)).toThrow(/there twice/);
      const view = store.committed.table(table.id);
      expect(view.rowCount).toBe(60);
      expect(() => store.applyLogged(table.id, [row(7, 0)], log([row(7, 0), row(60, 0)]))).not.toThrow();
      expect(texts(view.scan())).toEqual(texts(Array.from({ length: 61 }, (_, id) => row(id, 0))));
    }
  });

  test('refuses a run that is damaged, whole', () => {
    const rows = Array.from({ length: 100 }, (_, id) => row(id, 0));
    const store = new Datastore(TABLES);
    const packed = pack(rows);
    const logged = log(rows);
    const attempts: [() => void, RegExp][] = [
      [() => store.loadRows(5000, packed.subarray(0, -1), 100), /malformed row/],
      [() => store.loadRows(5000, packed, 99), /left over/],
      [() => store.loadRows(5000, packed, 101), /malformed row/],
      [() => store.loadRows(5000, new Uint8Array(0), 2 ** 32 - 1), /4294967295 rows in 0 bytes/],
      [() => store.applyLogged(5000, [], log([...rows, Uint8Array.of(...row(1000, 0), 1)])), /1 bytes are left over/],
      [
        () => store.applyLogged(5000, [], { ...logged, bytes: logged.bytes.map((byte) => byte | 0x80) }),
        /malformed row/,
      ],
    ];
    for (const [attempt, message] of attempts) {
      expect(attempt).toThrow(ReplayError);
      expect(attempt).toThrow(message);
    }
    expect(store.committed.table(5000).rowCount).toBe(0);
  });

  test('does not grow while a log replaces its rows again and again', () => {
    const store = new Datastore(TABLES);
    store.putOffIndexes();
    const all = (version: number): Row[] => Array.from({ length: 200 }, (_, id) => row(id, version));
    const sizeNow = (): number => store.memoryUsage().find(({ table }) => table.id === 5000)?.reservedBytes ?? 0;
    store.applyLogged(5000, [], log(all(0)));
    const rowBytes = pack(all(0)).length;
    for (let version = 1; version < 300; version += 1) {
      store.applyLogged(5000, all(version - 1), log(all(version)));
      expect(sizeNow()).toBeLessThan(rowBytes * 8);
    }
  });
});
