import { describe, expect, test } from 'vitest';
import type { AlgebraicType, AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import type { IndexDef, SequenceDef, TableDef } from '../schema/module-def.ts';
import { DatastoreError, MalformedRowError } from './datastore-error.ts';
import { Datastore } from './datastore.ts';
import { decodePoint, decodeRange } from './index-range.ts';
import { ReplayError } from './replay.ts';
import type { IndexRange, Row } from './state-view.ts';
import { ST_CLIENT } from './system-tables.ts';

const column = (name: string, algebraicType: AlgebraicType) => ({ name, accessor: `${name}Accessor`, algebraicType });
const index = (id: number, columns: number[], isUnique = false, algorithm: 'btree' | 'hash' = 'btree'): IndexDef => ({
  id,
  name: `index_${id}`,
  accessor: `index${id}`,
  algorithm,
  columns,
  isUnique,
});
const sequence = (position: number, change: Partial<SequenceDef> = {}): SequenceDef => ({
  name: `seq_${position}`,
  column: position,
  start: 1n,
  min: 1n,
  max: (1n << 127n) - 1n,
  increment: 1n,
  ...change,
});

function makeTable(change: Partial<TableDef> = {}): TableDef {
  return {
    id: 5000,
    name: 'person',
    accessor: 'Person',
    columns: [column('id', { type: 'u64' }), column('name', { type: 'string' }), column('small', { type: 'u8' })],
    primaryKey: 0,
    indexes: [index(1, [0], true), index(2, [1]), index(3, [1, 2])],
    constraints: [],
    sequences: [],
    access: 'public',
    isEvent: false,
    isSystem: false,
    ...change,
  };
}

const TABLE = makeTable();
const codec = compileRowCodec(TABLE.columns);
const row = (...values: AlgebraicValue[]): Row => codec.encode(values);
const values = (rows: Iterable<Row>): AlgebraicValue[][] => [...rows].map((bytes) => codec.decode(bytes));

function storeWith(...rows: Row[]): Datastore {
  const store = new Datastore([TABLE]);
  store.applyDelta(5000, [], rows);
  return store;
}

function insertOne(store: Datastore, bytes: Row): AlgebraicValue[] {
  const transaction = store.begin();
  const stored = transaction.insert(5000, bytes).row;
  transaction.commit();
  return codec.decode(stored);
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('lookups', () => {
  test('find tables and indexes by canonical name, accessor and id, and the system tables too', () => {
    const store = new Datastore([TABLE]);
    expect(store.tableByName('person')).toBe(TABLE);
    expect(store.tableByName('Person')).toBe(TABLE);
    expect(store.tableById(5000)).toBe(TABLE);
    expect(store.tableByName('st_client')).toBe(ST_CLIENT);
    expect(store.tableByName('nobody')).toBeUndefined();
    expect(store.indexByName('index_2')).toEqual({ table: TABLE, index: TABLE.indexes[1] });
    expect(store.indexByName('index2')).toEqual({ table: TABLE, index: TABLE.indexes[1] });
    expect(store.indexById(3)?.index).toBe(TABLE.indexes[2]);
    expect(store.indexById(99)).toBeUndefined();
  });

  test('of what is not there are errors that a module can tell apart', () => {
    const store = storeWith();
    const transaction = store.begin();
    const errno = (run: () => unknown): number => (thrownBy(run) as DatastoreError).errno;
    expect(errno(() => store.committed.table(1))).toBe(4);
    expect(errno(() => transaction.insert(1, row(1n, '', 0)))).toBe(4);
    expect(errno(() => transaction.deleteByIndex(99, { prefix: [1n] }))).toBe(5);
    expect(errno(() => transaction.update(5000, 99, row(1n, '', 0)))).toBe(5);
    expect(errno(() => transaction.update(5000, 2, row(1n, '', 0)))).toBe(14);
    expect(errno(() => transaction.update(5000, 1, row(1n, '', 0)))).toBe(15);
    expect(errno(() => transaction.deleteRows(5000, [Uint8Array.of(1)]))).toBe(3);
    expect(errno(() => transaction.point(TABLE, index(99, [0]), new Uint8Array(8)))).toBe(5);
    for (const length of [0, 7, 9]) {
      expect(errno(() => transaction.point(TABLE, index(1, [0]), new Uint8Array(length)))).toBe(3);
    }
    transaction.commit();
    expect(errno(() => transaction.point(TABLE, index(1, [0]), new Uint8Array(8)))).toBe(2);
    expect(errno(() => transaction.table(5000))).toBe(2);
    expect(errno(() => transaction.rollback())).toBe(2);
  });
});

describe('rows', () => {
  test('that are malformed are refused with the table named and leave nothing', () => {
    const store = storeWith();
    const transaction = store.begin();
    for (const bytes of [Uint8Array.of(1), Uint8Array.of(...row(1n, 'a', 1), 0), new Uint8Array(0)]) {
      const error = thrownBy(() => transaction.insert(5000, bytes));
      expect(error).toBeInstanceOf(MalformedRowError);
      expect((error as Error).message).toContain('table "person"');
    }
    expect(transaction.commit()).toEqual([]);
  });

  test('that are deleted, brought back and deleted again are one change', () => {
    const store = storeWith(row(1n, 'a', 1));
    const transaction = store.begin();
    transaction.deleteRows(5000, [row(1n, 'a', 1)]);
    transaction.insert(5000, row(1n, 'a', 1));
    transaction.deleteRows(5000, [row(1n, 'a', 1)]);
    expect(values(transaction.changes(5000)?.deletes ?? [])).toEqual([[1n, 'a', 1]]);
    expect(values(transaction.commit()[0]?.deletes ?? [])).toEqual([[1n, 'a', 1]]);
  });

  test('are copied: the caller may reuse his buffer', () => {
    const store = storeWith();
    const transaction = store.begin();
    const buffer = row(1n, 'a', 1);
    transaction.insert(5000, buffer);
    buffer.fill(0);
    transaction.commit();
    expect(values(store.committed.table(5000).scan())).toEqual([[1n, 'a', 1]]);
  });

  test('of the committed state stay as they are while a transaction is open', () => {
    const store = storeWith(row(1n, 'a', 1), row(2n, 'b', 2));
    const transaction = store.begin();
    transaction.update(5000, 1, row(1n, 'changed', 1));
    transaction.deleteRows(5000, [row(2n, 'b', 2)]);
    transaction.insert(5000, row(3n, 'c', 3));
    const table = store.committed.table(5000);
    expect(table.rowCount).toBe(2);
    expect(values(table.scan())).toEqual([
      [1n, 'a', 1],
      [2n, 'b', 2],
    ]);
    expect(values(table.seek(TABLE.indexes[0]!, { prefix: [1n] }))).toEqual([[1n, 'a', 1]]);
    expect(values(transaction.table(5000).seek(TABLE.indexes[1]!, { prefix: [] }))).toEqual([
      [3n, 'c', 3],
      [1n, 'changed', 1],
    ]);
    transaction.rollback();
    expect(values(table.scan())).toEqual([
      [1n, 'a', 1],
      [2n, 'b', 2],
    ]);
  });

  test('of an event table are seen in their transaction and in its delta, and not stored', () => {
    const table = makeTable({ isEvent: true });
    const store = new Datastore([table]);
    for (let round = 0; round < 2; round += 1) {
      const transaction = store.begin();
      transaction.insert(5000, row(1n, 'a', 1));
      expect(transaction.table(5000).rowCount).toBe(1);
      expect(() => transaction.insert(5000, row(1n, 'b', 1))).toThrow(DatastoreError);
      expect(transaction.commit()).toEqual([{ table, inserts: [row(1n, 'a', 1)], deletes: [] }]);
      expect(store.committed.table(5000).rowCount).toBe(0);
    }
    store.applyDelta(5000, [], [row(1n, 'a', 1)]);
    expect(store.memoryUsage().at(-1)).toMatchObject({ rows: 0, bytes: 0 });
  });

  test('of an event table stay as they were told, and leave no room taken, whatever becomes of the transaction', () => {
    const table = makeTable({ isEvent: true });
    const store = new Datastore([table]);
    const first = store.begin();
    for (let id = 0; id < 500; id += 1) first.insert(5000, row(BigInt(id), 'a', id % 200));
    const [told] = first.commit();
    const reserved = store.memoryUsage().at(-1)!.reservedBytes;
    for (let round = 0; round < 50; round += 1) {
      const transaction = store.begin();
      const seen = transaction.table(5000).scan()[Symbol.iterator]();
      transaction.insert(5000, row(7n, 'b', round));
      transaction.insert(5000, row(7n, 'b', round));
      transaction.insert(5000, row(8n, 'gone', round));
      expect(transaction.deleteRows(5000, [row(8n, 'gone', round)])).toBe(1);
      transaction.insert(5000, row(8n, 'back', round));
      expect(transaction.table(5000).rowCount).toBe(2);
      if (round % 2 === 0) transaction.rollback();
      else
        expect(values(transaction.commit()[0]!.inserts)).toEqual([
          [7n, 'b', round],
          [8n, 'back', round],
        ]);
      expect(seen.next().done).toBe(true);
      expect(store.committed.table(5000).rowCount).toBe(0);
      expect([...store.committed.table(5000).scan()]).toEqual([]);
    }
    expect(values(told!.inserts)).toEqual(Array.from({ length: 500 }, (_, id) => [BigInt(id), 'a', id % 200]));
    expect(store.memoryUsage().at(-1)).toMatchObject({ rows: 0, bytes: 0 });
    expect(store.memoryUsage().at(-1)!.reservedBytes).toBeLessThanOrEqual(reserved);
  });

  test('only one transaction is open at a time', () => {
    const store = storeWith();
    const transaction = store.begin();
    expect(() => store.begin()).toThrow(/one transaction ends/);
    transaction.rollback();
    store.begin().commit();
  });
});

describe('searches', () => {
  const rows = [row(1n, 'a', 1), row(2n, 'a', 2), row(3n, 'a', 3), row(4n, 'b', 1), row(5n, 'c', 0)];
  const search = (indexDef: IndexDef, range: IndexRange): AlgebraicValue[] =>
    values(
      storeWith(...rows)
        .committed.table(5000)
        .seek(indexDef, range),
    ).map(([id]) => id!);

  test('that start behind their end are empty', () => {
    const [byId, , byNameAndSmall] = TABLE.indexes;
    for (const type of ['included', 'excluded'] as const) {
      expect(search(byId!, { prefix: [], start: { type, value: 4n }, end: { type, value: 2n } })).toEqual([]);
      expect(search(byNameAndSmall!, { prefix: ['a'], start: { type, value: 3 }, end: { type, value: 1 } })).toEqual(
        [],
      );
      expect(search(byNameAndSmall!, { prefix: [], start: { type, value: 'c' }, end: { type, value: 'a' } })).toEqual(
        [],
      );
    }
    const start = { type: 'excluded', value: 3n } as const;
    expect(search(byId!, { prefix: [], start, end: { type: 'included', value: 3n } })).toEqual([]);
    expect(search(byId!, { prefix: [], start: { type: 'included', value: 3n }, end: start })).toEqual([]);
  });

  test('in an empty table find nothing', () => {
    const table = new Datastore([TABLE]).committed.table(5000);
    for (const indexDef of TABLE.indexes) expect([...table.seek(indexDef, { prefix: [] })]).toEqual([]);
  });

  test('of a prefix keep all suffixes of an included end and skip all of an excluded start', () => {
    const [, , byNameAndSmall] = TABLE.indexes;
    expect(search(byNameAndSmall!, { prefix: [], end: { type: 'included', value: 'a' } })).toEqual([1n, 2n, 3n]);
    expect(search(byNameAndSmall!, { prefix: [], start: { type: 'excluded', value: 'a' } })).toEqual([4n, 5n]);
    expect(search(byNameAndSmall!, { prefix: ['a'], start: { type: 'excluded', value: 1 } })).toEqual([2n, 3n]);
    expect(search(byNameAndSmall!, { prefix: ['a'] })).toEqual([1n, 2n, 3n]);
  });

  test('of a hash index are for whole keys only', () => {
    const table = makeTable({ indexes: [index(1, [0], true), index(4, [1, 2], false, 'hash')] });
    const store = new Datastore([table]);
    store.applyDelta(5000, [], rows);
    const byHash = table.indexes[1]!;
    expect(values(store.committed.table(5000).seek(byHash, { prefix: ['a', 2] }))).toEqual([[2n, 'a', 2]]);
    const error = thrownBy(() => store.committed.table(5000).seek(byHash, { prefix: ['a'] }));
    expect((error as DatastoreError).errno).toBe(10);
    expect(
      (
        thrownBy(() =>
          decodeRange(table, byHash, {
            prefix: new Uint8Array(0),
            prefixElements: 0,
            start: Uint8Array.of(2),
            end: new Uint8Array(0),
          }),
        ) as DatastoreError
      ).errno,
    ).toBe(10);
  });
});

describe('searches as a module passes them', () => {
  const [byId, , byNameAndSmall] = TABLE.indexes;
  const NONE = new Uint8Array(0);
  const name = (text: string): number[] => [text.length, 0, 0, 0, ...Buffer.from(text)];

  test('are decoded: points, prefixes and both bounds', () => {
    expect(decodePoint(TABLE, byId!, Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0))).toEqual({ prefix: [5n] });
    expect(decodePoint(TABLE, byNameAndSmall!, Uint8Array.of(...name('x'), 7))).toEqual({ prefix: ['x', 7] });
    const start = Uint8Array.of(0, 7);
    const included = { type: 'included', value: 7 };
    expect(
      decodeRange(TABLE, byNameAndSmall!, { prefix: Uint8Array.of(...name('x')), prefixElements: 1, start, end: NONE }),
    ).toEqual({ prefix: ['x'], start: included, end: included });
    expect(
      decodeRange(TABLE, byNameAndSmall!, {
        prefix: NONE,
        prefixElements: 0,
        start: Uint8Array.of(1, ...name('a')),
        end: Uint8Array.of(2),
      }),
    ).toEqual({ prefix: [], start: { type: 'excluded', value: 'a' }, end: { type: 'unbounded' } });
  });

  test.each([
    ['trailing bytes of a key', () => decodePoint(TABLE, byId!, new Uint8Array(9))],
    ['a short key', () => decodePoint(TABLE, byId!, new Uint8Array(7))],
    [
      'a prefix without elements',
      () =>
        decodeRange(TABLE, byNameAndSmall!, {
          prefix: Uint8Array.of(...name('x')),
          prefixElements: 0,
          start: Uint8Array.of(2),
          end: NONE,
        }),
    ],
    [
      'a prefix over all columns',
      () =>
        decodeRange(TABLE, byNameAndSmall!, {
          prefix: Uint8Array.of(...name('x'), 1),
          prefixElements: 2,
          start: Uint8Array.of(2),
          end: NONE,
        }),
    ],
    [
      'a prefix of a single column',
      () =>
        decodeRange(TABLE, byId!, { prefix: new Uint8Array(8), prefixElements: 1, start: Uint8Array.of(2), end: NONE }),
    ],
    [
      'an unknown bound',
      () => decodeRange(TABLE, byId!, { prefix: NONE, prefixElements: 0, start: Uint8Array.of(3), end: NONE }),
    ],
    ['no bound', () => decodeRange(TABLE, byId!, { prefix: NONE, prefixElements: 0, start: NONE, end: NONE })],
  ])('are refused when they have %s', (_what, run) => {
    expect((thrownBy(run) as DatastoreError).errno).toBe(3);
  });
});

describe('sequences', () => {
  const TABLE_WITH_IDS = makeTable({ sequences: [sequence(2, { max: 300n }), sequence(0)] });
  const zeros = (name: string): Row => row(0n, name, 0);

  test('replace zeros by the next values, and the values are given back in column order', () => {
    const store = new Datastore([TABLE_WITH_IDS]);
    const transaction = store.begin();
    const first = transaction.insert(5000, zeros('a'));
    expect(codec.decode(first.row)).toEqual([1n, 'a', 1]);
    expect(first.generated).toEqual(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 1));
    expect(transaction.insert(5000, row(0n, 'b', 9)).generated).toEqual(Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0));
    expect(transaction.insert(5000, row(77n, 'c', 9)).generated).toEqual(new Uint8Array(0));
    expect(codec.decode(transaction.insert(5000, zeros('d')).row)).toEqual([3n, 'd', 2]);
  });

  test('do not give a value again after a rollback or a failed insert', () => {
    const store = new Datastore([TABLE_WITH_IDS]);
    const transaction = store.begin();
    transaction.insert(5000, zeros('a'));
    transaction.rollback();
    expect(insertOne(store, zeros('b'))[0]).toBe(2n);
    insertOne(store, row(3n, 'taken', 1));
    const failing = store.begin();
    expect(() => failing.insert(5000, zeros('c'))).toThrow(DatastoreError);
    expect(codec.decode(failing.insert(5000, zeros('c')).row)[0]).toBe(4n);
    failing.commit();
  });

  test('replace a zero on update too', () => {
    const store = new Datastore([TABLE_WITH_IDS]);
    insertOne(store, zeros('a'));
    const transaction = store.begin();
    expect(codec.decode(transaction.update(5000, 1, row(1n, 'b', 0)).row)).toEqual([1n, 'b', 2]);
    expect((thrownBy(() => transaction.update(5000, 1, row(0n, 'b', 5))) as DatastoreError).errno).toBe(15);
    transaction.commit();
  });

  test('cut a value to the width of its column and go round at the end of their range', () => {
    const store = new Datastore([
      makeTable({ sequences: [sequence(2, { start: 254n, max: 258n, min: 250n })], indexes: [] }),
    ]);
    const given = Array.from({ length: 7 }, (_, id) => insertOne(store, row(BigInt(id), 'a', 0))[2]);
    expect(given).toEqual([254, 255, 0, 1, 2, 250, 251]);
    const down = new Datastore([
      makeTable({ sequences: [sequence(2, { start: 2n, min: 1n, max: 3n, increment: -1n })], indexes: [] }),
    ]);
    expect(Array.from({ length: 5 }, (_, id) => insertOne(down, row(BigInt(id), 'a', 0))[2])).toEqual([2, 1, 3, 2, 1]);
  });

  test('tell their allocations before values from them can be seen, and go on behind them', () => {
    const store = new Datastore([TABLE_WITH_IDS]);
    expect(store.takeNewSequenceAllocations()).toEqual([]);
    const transaction = store.begin();
    transaction.insert(5000, row(0n, 'a', 1));
    transaction.rollback();
    expect(store.takeNewSequenceAllocations()).toEqual([{ tableId: 5000, column: 0, allocated: 4097n }]);
    expect(store.takeNewSequenceAllocations()).toEqual([]);
    const bulk = store.begin();
    for (let count = 0; count < 4095; count += 1) bulk.insert(5000, row(0n, 'a', 1));
    expect(store.takeNewSequenceAllocations()).toEqual([]);
    bulk.insert(5000, row(0n, 'b', 1));
    expect(store.takeNewSequenceAllocations()).toEqual([{ tableId: 5000, column: 0, allocated: 8193n }]);
    bulk.commit();
    const reopened = new Datastore([TABLE_WITH_IDS]);
    for (const allocation of store.sequenceAllocations()) reopened.restoreSequence(allocation);
    expect(insertOne(reopened, row(0n, 'c', 1))[0]).toBe(8193n);
    expect(reopened.sequenceAllocations()).toEqual([{ tableId: 5000, column: 0, allocated: 12_289n }]);
    reopened.restoreSequence({ tableId: 999, column: 0, allocated: 5n });
  });
});

describe('history', () => {
  test('that does not fit is refused with the table named', () => {
    const store = storeWith(row(1n, 'a', 1));
    const attempts: [() => void, RegExp][] = [
      [() => store.applyDelta(5000, [row(2n, 'b', 2)], []), /deleted is not there/],
      [() => store.applyDelta(5000, [], [row(1n, 'b', 2)]), /share a key of index "index_1"/],
      [() => store.applyDelta(5000, [], [row(1n, 'a', 1)]), /there twice/],
      [() => store.applyDelta(5000, [], [Uint8Array.of(1)]), /malformed row/],
      [() => store.applyDelta(5000, [Uint8Array.of(1)], []), /malformed row/],
      [() => store.loadRows(5000, Uint8Array.of(...row(2n, 'b', 2), 9), 1), /left over/],
      [() => store.loadRows(5000, row(3n, 'b', 2), 2), /malformed row/],
    ];
    for (const [attempt, message] of attempts) {
      const error = thrownBy(attempt);
      expect(error).toBeInstanceOf(ReplayError);
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message).toContain('table "person"');
    }
  });

  test('is exported as of the call, in bounded runs, whatever is written meanwhile', () => {
    const store = storeWith(...Array.from({ length: 500 }, (_, id) => row(BigInt(id), `name ${id % 7}`, 1)));
    const chunks = store.exportRows(1000)[Symbol.iterator]();
    const first = chunks.next();
    expect(first.done).toBe(false);
    const transaction = store.begin();
    transaction.clear(5000);
    transaction.insert(5000, row(999n, 'new', 1));
    transaction.commit();
    const rest = [...{ [Symbol.iterator]: () => chunks }];
    const all = [first.value!, ...rest];
    expect(all.length).toBeGreaterThan(5);
    for (const { rows } of all) expect(rows.length).toBeLessThanOrEqual(1000);
    const copy = new Datastore([TABLE]);
    for (const { table, rows, count } of all) copy.loadRows(table.id, rows, count);
    expect(copy.committed.table(5000).rowCount).toBe(500);
    expect(values(copy.committed.table(5000).seek(TABLE.indexes[0]!, { prefix: [499n] }))).toEqual([
      [499n, 'name 2', 1],
    ]);
  });
});

test('rows without bytes are one row: a table without columns holds at most one', () => {
  const table = makeTable({ columns: [], indexes: [], primaryKey: undefined });
  const store = new Datastore([table]);
  const transaction = store.begin();
  transaction.insert(5000, new Uint8Array(0));
  transaction.insert(5000, new Uint8Array(0));
  transaction.commit();
  expect(store.committed.table(5000).rowCount).toBe(1);
  const copy = new Datastore([table]);
  for (const { rows, count } of store.exportRows()) copy.loadRows(5000, rows, count);
  expect(copy.committed.table(5000).rowCount).toBe(1);
});

test('a key shared by many rows can lose them one by one', () => {
  const store = storeWith(...Array.from({ length: 100 }, (_, id) => row(BigInt(id), 'same', 1)));
  const transaction = store.begin();
  for (let id = 0; id < 100; id += 1) {
    expect(transaction.deleteByIndex(1, { prefix: [BigInt((id * 37) % 100)] })).toBe(1);
    expect([...transaction.table(5000).seek(TABLE.indexes[1]!, { prefix: ['same'] })].length).toBe(99 - id);
  }
  expect(transaction.commit()[0]?.deletes.length).toBe(100);
  expect([...store.committed.table(5000).seek(TABLE.indexes[1]!, { prefix: ['same'] })]).toEqual([]);
});
