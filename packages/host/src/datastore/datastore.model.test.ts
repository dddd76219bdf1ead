import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AlgebraicType, AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { compareValues } from '../bsatn/order.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import type { IndexDef, TableDef } from '../schema/module-def.ts';
import { DatastoreError } from './datastore-error.ts';
import { Datastore } from './datastore.ts';
import type { Bound, IndexRange, Row, StateView, TableDelta } from './state-view.ts';
import type { Transaction } from './transaction.ts';

/*
 * The datastore against a naive model: maps of rows by their bytes, one for what is committed and one for what the
 * open transaction sees. Every search is checked against a filter over the map, iterations are left open across
 * writes, and the deltas are replayed into a second datastore that must end up the same. Now and then the datastore
 * is forked, work goes on in either, and the other must stay as it was.
 */

type Values = readonly AlgebraicValue[];

const column = (name: string, algebraicType: AlgebraicType) => ({ name, accessor: name, algebraicType });
const index = (id: number, algorithm: 'btree' | 'hash', columns: number[], isUnique = false): IndexDef => ({
  id,
  name: `i${id}`,
  accessor: `i${id}`,
  algorithm,
  columns,
  isUnique,
});

const BASE = {
  primaryKey: undefined,
  constraints: [],
  sequences: [],
  access: 'public',
  isEvent: false,
  isSystem: false,
} as const;
const COLUMNS = [
  column('id', { type: 'u8' }),
  column('text', { type: 'string' }),
  column('number', { type: 'i64' }),
  column('data', { type: 'array', element: { type: 'u8' } }),
];

const TABLES: readonly TableDef[] = [
  {
    ...BASE,
    id: 5000,
    name: 'keyed',
    accessor: 'Keyed',
    columns: COLUMNS,
    primaryKey: 0,
    indexes: [
      index(1000, 'btree', [1, 2]),
      index(1001, 'btree', [0], true),
      index(1002, 'hash', [2, 1], true),
      index(1003, 'btree', [2]),
      index(1004, 'hash', [1]),
    ],
  },
  {
    ...BASE,
    id: 5001,
    name: 'plain',
    accessor: 'Plain',
    columns: COLUMNS,
    indexes: [index(1010, 'btree', [1, 2, 0]), index(1011, 'hash', [0])],
  },
  { ...BASE, id: 5002, name: 'bare', accessor: 'Bare', columns: COLUMNS, indexes: [] },
  {
    ...BASE,
    id: 5003,
    name: 'happened',
    accessor: 'Happened',
    columns: COLUMNS,
    isEvent: true,
    indexes: [index(1020, 'btree', [0], true)],
  },
];

const codec = compileRowCodec(COLUMNS);
const bytesOf = (row: Row): string => Buffer.from(row.buffer, row.byteOffset, row.length).toString('latin1');

/** Compares without printing: rows are long. */
function expectSameRows(found: readonly string[], expected: readonly string[]): void {
  const [left, right] = [found.toSorted(), expected.toSorted()];
  expect(left.length).toBe(right.length);
  expect(left.findIndex((bytes, at) => bytes !== right[at])).toBe(-1);
}

class Model {
  readonly committed = new Map(TABLES.map(({ id }) => [id, new Map<string, Values>()]));
  visible = new Map(TABLES.map(({ id }) => [id, new Map<string, Values>()]));
}

interface Real {
  store: Datastore;
  /** The other sides of forks, with what they must hold. */
  readonly asides: { readonly store: Datastore; readonly rows: Model['committed'] }[];
  readonly replica: Datastore;
  transaction: Transaction | undefined;
  readonly iterations: { rows: Iterator<Row>; seen: string[]; expected: string[] }[];
}

function rowsOf(model: Map<number, Map<string, Values>>, tableId: number): Map<string, Values> {
  return model.get(tableId)!;
}

function begin(real: Real): Transaction {
  real.transaction ??= real.store.begin();
  return real.transaction;
}

function keyOf(values: Values, columns: readonly number[]): string {
  return JSON.stringify(
    columns.map((position) => {
      const value = values[position];
      return typeof value === 'bigint' ? `${value}n` : value;
    }),
  );
}

function conflict(table: TableDef, rows: Map<string, Values>, values: Values): boolean {
  return table.indexes.some(
    ({ isUnique, columns }) =>
      isUnique && [...rows.values()].some((other) => keyOf(other, columns) === keyOf(values, columns)),
  );
}

function errnoOf(run: () => unknown): number {
  try {
    run();
    return 0;
  } catch (error) {
    expect(error).toBeInstanceOf(DatastoreError);
    return (error as DatastoreError).errno;
  }
}

function matches(table: TableDef, indexDef: IndexDef, range: IndexRange, values: Values): boolean {
  const compareAt = (order: number, value: AlgebraicValue): number => {
    const position = indexDef.columns[order]!;
    return compareValues(table.columns[position]!.algebraicType)(values[position]!, value);
  };
  if (range.prefix.some((value, order) => compareAt(order, value) !== 0)) return false;
  const order = range.prefix.length;
  const holds = (bound: Bound | undefined, side: 1 | -1): boolean => {
    if (bound === undefined || bound.type === 'unbounded') return true;
    const difference = compareAt(order, bound.value) * side;
    return bound.type === 'included' ? difference >= 0 : difference > 0;
  };
  return holds(range.start, 1) && holds(range.end, -1);
}

function checkSeek(view: StateView, table: TableDef, rows: Map<string, Values>, search: Search): void {
  const { indexDef, range } = search;
  const found = [...view.table(table.id).seek(indexDef, range)];
  const expected = [...rows].filter(([, values]) => matches(table, indexDef, range, values)).map(([bytes]) => bytes);
  expectSameRows(found.map(bytesOf), expected);
  if (indexDef.algorithm === 'hash') return;
  const decoded = found.map((row) => codec.decode(row));
  for (const [at, values] of decoded.entries()) {
    if (at === 0) continue;
    const order = indexDef.columns
      .map((position) =>
        compareValues(table.columns[position]!.algebraicType)(decoded[at - 1]![position]!, values[position]!),
      )
      .find((difference) => difference !== 0);
    expect(order ?? 0).toBeLessThanOrEqual(0);
  }
}

/** A point by its bytes finds what a point by its values does. */
function checkPoint(transaction: Transaction, table: TableDef, { indexDef, range }: Search): void {
  if (range.prefix.length !== indexDef.columns.length) return;
  const key = compileRowCodec(indexDef.columns.map((position) => table.columns[position]!)).encode(range.prefix);
  const found = transaction.point(table, indexDef, key);
  expectSameRows(found.map(bytesOf), [...transaction.table(table.id).seek(indexDef, range)].map(bytesOf));
}

function checkAll(view: StateView, rows: Map<number, Map<string, Values>>): void {
  for (const table of TABLES) {
    const expected = [...rowsOf(rows, table.id).keys()];
    expectSameRows([...view.table(table.id).scan()].map(bytesOf), expected);
    expect(view.table(table.id).rowCount).toBe(expected.length);
  }
}

interface Search {
  readonly indexDef: IndexDef;
  readonly range: IndexRange;
}

type Command = fc.Command<Model, Real>;

const command = (name: string, run: (model: Model, real: Real) => void): Command => ({
  check: () => true,
  run,
  toString: () => name,
});

function insert(table: TableDef, values: Values): Command {
  return command(`insert ${table.name} ${keyOf(values, [0, 1, 2])}`, (model, real) => {
    const rows = rowsOf(model.visible, table.id);
    const row = codec.encode(values);
    const isThere = rows.has(bytesOf(row));
    const expected = !isThere && conflict(table, rows, values) ? 12 : 0;
    const transaction = begin(real);
    expect(errnoOf(() => expect(bytesOf(transaction.insert(table.id, row).row) === bytesOf(row)).toBe(true))).toBe(
      expected,
    );
    if (expected === 0) rows.set(bytesOf(row), values);
  });
}

function update(table: TableDef, indexId: number, values: Values): Command {
  return command(`update ${table.name} by ${indexId} ${keyOf(values, [0, 1, 2])}`, (model, real) => {
    const rows = rowsOf(model.visible, table.id);
    const indexDef = table.indexes.find(({ id }) => id === indexId);
    const row = codec.encode(values);
    const transaction = begin(real);
    const errno = errnoOf(() =>
      expect(bytesOf(transaction.update(table.id, indexId, row).row) === bytesOf(row)).toBe(true),
    );
    if (indexDef === undefined) return expect(errno).toBe(5);
    if (!indexDef.isUnique) return expect(errno).toBe(14);
    const old = [...rows].find(([, other]) => keyOf(other, indexDef.columns) === keyOf(values, indexDef.columns));
    if (old === undefined) return expect(errno).toBe(15);
    rows.delete(old[0]);
    if (!rows.has(bytesOf(row)) && conflict(table, rows, values)) {
      rows.set(old[0], old[1]);
      return expect(errno).toBe(12);
    }
    rows.set(bytesOf(row), values);
    expect(errno).toBe(0);
  });
}

/** Picks a row that is or was there. */
function pickRow(model: Model, table: TableDef, pick: number): Values | undefined {
  const rows = [...rowsOf(model.committed, table.id).values(), ...rowsOf(model.visible, table.id).values()];
  return rows[pick % rows.length];
}

function insertAgain(table: TableDef, pick: number): Command {
  return command(`insert again into ${table.name} ${pick}`, (model, real) => {
    const values = pickRow(model, table, pick);
    if (values !== undefined) insert(table, values).run(model, real);
  });
}

/** Updates a row that is or was there, keeping the columns of `values` that `keeps` does not name. */
function updateAgain(
  table: TableDef,
  pick: number,
  change: { readonly values: Values; readonly keeps: readonly boolean[] },
): Command {
  return command(`update again ${table.name} ${pick} ${change.keeps.join()}`, (model, real) => {
    const old = pickRow(model, table, pick);
    const unique = table.indexes.find(({ isUnique }) => isUnique);
    if (old === undefined || unique === undefined) return;
    const values = old.map((value, position) => (change.keeps[position] === true ? value : change.values[position]!));
    update(table, unique.id, values).run(model, real);
  });
}

function remove(table: TableDef, many: readonly Values[], picks: readonly number[]): Command {
  return command(`delete ${table.name} ${picks.join()}`, (model, real) => {
    const rows = rowsOf(model.visible, table.id);
    const present = [...rows.values()];
    const chosen = [
      ...many,
      ...picks.map((pick) => present[pick % present.length]).filter((values) => values !== undefined),
    ];
    let expected = 0;
    for (const values of chosen) if (rows.delete(bytesOf(codec.encode(values)))) expected += 1;
    expect(
      begin(real).deleteRows(
        table.id,
        chosen.map((values) => codec.encode(values)),
      ),
    ).toBe(expected);
  });
}

function removeByIndex(table: TableDef, { indexDef, range }: Search): Command {
  return command(`delete ${table.name} by ${indexDef.name}`, (model, real) => {
    const rows = rowsOf(model.visible, table.id);
    const doomed = [...rows].filter(([, values]) => matches(table, indexDef, range, values));
    expect(begin(real).deleteByIndex(indexDef.id, range)).toBe(doomed.length);
    for (const [bytes] of doomed) rows.delete(bytes);
  });
}

function clear(table: TableDef): Command {
  return command(`clear ${table.name}`, (model, real) => {
    const rows = rowsOf(model.visible, table.id);
    expect(begin(real).clear(table.id)).toBe(BigInt(rows.size));
    rows.clear();
  });
}

function seek(table: TableDef, search: Search): Command {
  return command(`seek ${table.name} by ${search.indexDef.name}`, (model, real) => {
    checkSeek(begin(real), table, rowsOf(model.visible, table.id), search);
    checkPoint(begin(real), table, search);
    checkSeek(real.store.committed, table, rowsOf(model.committed, table.id), search);
  });
}

function iterate(table: TableDef, seesTransaction: boolean): Command {
  return command(`iterate ${table.name}`, (model, real) => {
    const view = seesTransaction ? begin(real) : real.store.committed;
    const rows = rowsOf(seesTransaction ? model.visible : model.committed, table.id);
    const iterator = view.table(table.id).scan()[Symbol.iterator]();
    real.iterations.push({ rows: iterator, seen: [], expected: [...rows.keys()] });
  });
}

/** Takes a few rows of each iteration under way. */
const step = command('step', (_model, real) => {
  for (const iteration of real.iterations) {
    for (let count = 0; count < 2; count += 1) {
      const next = iteration.rows.next();
      if (next.done !== true) iteration.seen.push(bytesOf(next.value));
    }
  }
});

function checkDelta(model: Model, deltas: readonly TableDelta[]): void {
  for (const table of TABLES) {
    const before = rowsOf(model.committed, table.id);
    const after = rowsOf(model.visible, table.id);
    const delta = deltas.find((candidate) => candidate.table.id === table.id);
    const inserts = [...after.keys()].filter((bytes) => !before.has(bytes));
    const deletes = [...before.keys()].filter((bytes) => !after.has(bytes));
    expectSameRows((delta?.inserts ?? []).map(bytesOf), inserts);
    expectSameRows((delta?.deletes ?? []).map(bytesOf), deletes);
    if (delta !== undefined) expect(delta.inserts.length + delta.deletes.length).toBeGreaterThan(0);
  }
}

const commit = command('commit', (model, real) => {
  const { transaction } = real;
  if (transaction === undefined) return;
  checkDelta(
    model,
    TABLES.map(({ id }) => transaction.changes(id)).filter((delta) => delta !== undefined),
  );
  const deltas = transaction.commit();
  real.transaction = undefined;
  checkDelta(model, deltas);
  for (const { table, deletes, inserts } of deltas) real.replica.applyDelta(table.id, deletes, inserts);
  for (const table of TABLES) {
    if (table.isEvent) rowsOf(model.visible, table.id).clear();
    model.committed.set(table.id, new Map(rowsOf(model.visible, table.id)));
  }
  checkAll(real.store.committed, model.committed);
});

const rollback = command('rollback', (model, real) => {
  if (real.transaction === undefined) return;
  real.transaction.rollback();
  real.transaction = undefined;
  model.visible = new Map(TABLES.map(({ id }) => [id, new Map(rowsOf(model.committed, id))]));
  checkAll(real.store.committed, model.committed);
});

const check = command('check', (model, real) => {
  checkAll(begin(real), model.visible);
  checkAll(real.store.committed, model.committed);
});

function fork(goesOnInFork: boolean): Command {
  return command(`fork, go on in the ${goesOnInFork ? 'fork' : 'original'}`, (model, real) => {
    if (real.transaction !== undefined || real.asides.length > 4) return;
    const forked = real.store.fork();
    const rows = new Map([...model.committed].map(([id, byBytes]) => [id, new Map(byBytes)]));
    real.asides.push({ store: goesOnInFork ? real.store : forked, rows });
    if (goesOnInFork) real.store = forked;
    checkAll(forked.committed, model.committed);
  });
}

/** What is not in the indexes yet must be there for everybody who looks: in this store and in its replica. */
const putOffIndexes = command('put indexes off', (_model, real) => {
  real.store.putOffIndexes();
  real.replica.putOffIndexes();
});

function buildIndexes(rowsMax: number): Command {
  return command(`build indexes, ${rowsMax} rows`, (_model, real) => {
    real.store.buildIndexes(rowsMax);
    real.replica.buildIndexes(rowsMax);
  });
}

/** Writes to what was put aside, which no other store may notice. */
function upset({ store, rows }: Real['asides'][number]): void {
  const transaction = store.begin();
  for (const table of TABLES) {
    if (table.isEvent) continue;
    const all = [...rowsOf(rows, table.id).values()].map((values) => codec.encode(values));
    transaction.deleteRows(table.id, all.slice(1));
    transaction.insert(table.id, codec.encode([99, 'upset', 5n, new Uint8Array(30)]));
    for (const row of all.slice(1).toReversed()) transaction.insert(table.id, row);
  }
  transaction.commit();
}

const arbitraryText = fc.constantFrom('', 'a', 'b', 'ab', '\uffff', '\u{10000}');
const arbitraryNumber = fc.constantFrom(-1n, 0n, 1n, 1n << 60n, -(1n << 60n));
const arbitraryValues: fc.Arbitrary<Values> = fc.tuple(
  fc.nat({ max: 12 }),
  arbitraryText,
  arbitraryNumber,
  // Mostly small; some that fill slabs, and one that gets a slab of its own.
  fc
    .tuple(fc.constantFrom(0, 0, 1, 1, 2, 2, 2, 40, 40, 70, 70, 1500, 1500, 1500, 1500, 140_000), fc.nat({ max: 1 }))
    .map(([length, fill]) => new Uint8Array(length).fill(fill)),
);
const arbitraryTable = fc.constantFrom(...TABLES);

function arbitraryColumn(table: TableDef, position: number): fc.Arbitrary<AlgebraicValue> {
  const { type } = table.columns[position]!.algebraicType;
  return type === 'string' ? arbitraryText : type === 'i64' ? arbitraryNumber : fc.nat({ max: 12 });
}

const arbitrarySearch = fc
  .constantFrom(...TABLES.flatMap((table) => table.indexes.map((indexDef) => ({ table, indexDef }))))
  .chain(({ table, indexDef }) => {
    const values = indexDef.columns.map((position) => arbitraryColumn(table, position));
    const point = fc.tuple(...values).map((prefix): IndexRange => ({ prefix }));
    const bound = (order: number): fc.Arbitrary<Bound | undefined> =>
      fc.oneof(
        fc.constant(undefined),
        fc.constant<Bound>({ type: 'unbounded' }),
        fc
          .tuple(fc.constantFrom('included', 'excluded'), values[order]!)
          .map(([type, value]): Bound => ({ type, value })),
      );
    const ranged = fc
      .nat({ max: values.length - 1 })
      .chain((count) =>
        fc
          .tuple(fc.tuple(...values.slice(0, count)), bound(count), bound(count))
          .map(([prefix, start, end]): IndexRange => ({ prefix, start, end })),
      );
    const range = indexDef.algorithm === 'hash' ? point : fc.oneof(point, ranged);
    return range.map((chosen) => ({ table, search: { indexDef, range: chosen } }));
  });

const commands = fc.commands(
  [
    fc.tuple(arbitraryTable, arbitraryValues).map(([table, values]) => insert(table, values)),
    fc.tuple(arbitraryTable, arbitraryValues).map(([table, values]) => insert(table, values)),
    fc
      .tuple(arbitraryTable, fc.constantFrom(1000, 1001, 1001, 1001, 1002, 1020), arbitraryValues)
      .map(([table, indexId, values]) => update(table, indexId, values)),
    fc
      .tuple(
        arbitraryTable,
        fc.array(arbitraryValues, { maxLength: 1 }),
        fc.array(fc.nat({ max: 20 }), { maxLength: 4 }),
      )
      .map(([table, many, picks]) => remove(table, many, picks)),
    fc.tuple(arbitraryTable, fc.nat({ max: 40 })).map(([table, pick]) => insertAgain(table, pick)),
    fc
      .tuple(
        arbitraryTable,
        fc.nat({ max: 40 }),
        arbitraryValues,
        fc.tuple(fc.constant(true), fc.boolean(), fc.boolean(), fc.boolean()),
      )
      .map(([table, pick, values, keeps]) => updateAgain(table, pick, { values, keeps })),
    arbitrarySearch.map(({ table, search }) => removeByIndex(table, search)),
    arbitrarySearch.map(({ table, search }) => seek(table, search)),
    arbitrarySearch.map(({ table, search }) => seek(table, search)),
    fc.tuple(arbitraryTable, fc.boolean()).map(([table, seesTransaction]) => iterate(table, seesTransaction)),
    arbitraryTable.map(clear),
    fc.constant(step),
    fc.constant(commit),
    fc.constant(commit),
    fc.constant(rollback),
    fc.constant(check),
    fc.boolean().map(fork),
    fc.constant(putOffIndexes),
    fc.constantFrom(1, 3, 20).map(buildIndexes),
  ],
  { maxCommands: 80, size: '+1' },
);

function finish(model: Model, real: Real): void {
  commit.run(model, real);
  for (const { rows, seen, expected } of real.iterations) {
    for (let next = rows.next(); next.done !== true; next = rows.next()) seen.push(bytesOf(next.value));
    expectSameRows(seen, expected);
  }
  checkAll(real.replica.committed, model.committed);
  for (const [at, aside] of real.asides.entries()) {
    for (const { store, rows } of real.asides.slice(at)) checkAll(store.committed, rows);
    upset(aside);
  }
  checkAll(real.store.committed, model.committed);
  for (const table of TABLES) {
    for (const indexDef of table.indexes) {
      for (const values of rowsOf(model.committed, table.id).values()) {
        const range = { prefix: indexDef.columns.map((position) => values[position]!) };
        checkSeek(real.store.committed, table, rowsOf(model.committed, table.id), { indexDef, range });
        checkSeek(real.replica.committed, table, rowsOf(model.committed, table.id), { indexDef, range });
      }
    }
  }
  const loaded = new Datastore(TABLES);
  for (const chunk of real.store.exportRows(4096)) loaded.loadRows(chunk.table.id, chunk.rows, chunk.count);
  checkAll(loaded.committed, model.committed);
  const bytes = (tableId: number): number =>
    [...rowsOf(model.committed, tableId).keys()].reduce((sum, row) => sum + row.length, 0);
  for (const { table, rows, bytes: live } of real.store.memoryUsage()) {
    if (table.isSystem) continue;
    expect(rows).toBe(rowsOf(model.committed, table.id).size);
    expect(live).toBe(bytes(table.id));
  }
}

test('the datastore does what a naive model does, whatever the order of operations', () => {
  fc.assert(
    fc.property(commands, (sequence) => {
      const model = new Model();
      const real: Real = {
        store: new Datastore(TABLES),
        asides: [],
        replica: new Datastore(TABLES),
        transaction: undefined,
        iterations: [],
      };
      fc.modelRun(() => ({ model, real }), sequence);
      finish(model, real);
    }),
    {
      numRuns: 200 * Number(process.env['RUNS'] ?? 1),
      ...(process.env['SEED'] ? { seed: Number(process.env['SEED']) } : {}),
    },
  );
});
