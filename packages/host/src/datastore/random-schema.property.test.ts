import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AlgebraicType, AlgebraicValue, PrimitiveTypeName } from '../bsatn/algebraic-type.ts';
import { compareValues } from '../bsatn/order.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import type { IndexDef, TableDef } from '../schema/module-def.ts';
import { DatastoreError } from './datastore-error.ts';
import { Datastore } from './datastore.ts';
import type { Bound, IndexRange, TableDelta, TableView } from './state-view.ts';

/*
 * Tables of any shape: columns of any type, any keys and indexes over them, any rows and transactions. The model is a
 * map of rows by their bytes; whatever is asked of an index is answered by looking at every row.
 */

type Values = readonly AlgebraicValue[];

const PRIMITIVES: readonly PrimitiveTypeName[] = [
  ...(['bool', 'i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'i64', 'u64'] as const),
  ...(['i128', 'u128', 'i256', 'u256', 'f32', 'f64', 'string'] as const),
];

const arbitraryType: fc.Arbitrary<AlgebraicType> = fc.letrec<{ type: AlgebraicType }>((tie) => {
  const parts = fc.array(tie('type'), { minLength: 1, maxLength: 3 });
  const named = parts.map((types) => types.map((algebraicType, at) => ({ name: `p${at}`, algebraicType })));
  return {
    type: fc.oneof(
      { depthSize: 'xsmall' },
      { weight: 4, arbitrary: fc.constantFrom(...PRIMITIVES).map((type): AlgebraicType => ({ type })) },
      { weight: 1, arbitrary: tie('type').map((element): AlgebraicType => ({ type: 'array', element })) },
      { weight: 1, arbitrary: named.map((elements): AlgebraicType => ({ type: 'product', elements })) },
      { weight: 1, arbitrary: named.map((variants): AlgebraicType => ({ type: 'sum', variants })) },
    ),
  };
}).type;

function arbitraryValue(type: AlgebraicType): fc.Arbitrary<AlgebraicValue> {
  switch (type.type) {
    case 'ref':
      throw new Error('no references here');
    case 'array':
      return type.element.type === 'u8'
        ? fc.uint8Array({ maxLength: 3 })
        : fc.array(arbitraryValue(type.element), { maxLength: 3 });
    case 'product':
      return fc.tuple(...type.elements.map(({ algebraicType }) => arbitraryValue(algebraicType)));
    case 'sum':
      return fc.oneof(
        ...type.variants.map(({ algebraicType }, tag) =>
          arbitraryValue(algebraicType).map((value) => ({ tag, value })),
        ),
      );
    case 'bool':
      return fc.boolean();
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 3 });
    case 'f32':
      return fc.oneof(fc.float(), fc.constantFrom(0, -0, NaN));
    case 'f64':
      return fc.oneof(fc.double(), fc.constantFrom(0, -0, NaN));
    default: {
      const bits = BigInt(type.type.slice(1));
      const isSigned = type.type.startsWith('i');
      const [min, max] = isSigned ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
      const value = fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n, 1n));
      return bits <= 32n ? value.map(Number) : value;
    }
  }
}

/** A table, and for each column a few values to choose from, so that rows meet. */
interface Schema {
  readonly table: TableDef;
  readonly pools: readonly Values[];
}

const arbitraryColumn = arbitraryType.chain((type) =>
  fc.record({ type: fc.constant(type), pool: fc.array(arbitraryValue(type), { minLength: 1, maxLength: 4 }) }),
);

const arbitrarySchema: fc.Arbitrary<Schema> = fc
  .array(arbitraryColumn, { minLength: 1, maxLength: 4 })
  .chain((columns) => {
    const index = fc.record({
      algorithm: fc.constantFrom('btree' as const, 'hash' as const),
      columns: fc.shuffledSubarray([...columns.keys()], { minLength: 1 }),
      isUnique: fc.boolean(),
    });
    return fc.array(index, { maxLength: 4 }).map((indexes) => makeSchema(columns, indexes));
  });

function makeSchema(
  columns: readonly { readonly type: AlgebraicType; readonly pool: Values }[],
  indexes: readonly Pick<IndexDef, 'algorithm' | 'columns' | 'isUnique'>[],
): Schema {
  const table: TableDef = {
    id: 5000,
    name: 'any',
    accessor: 'any',
    columns: columns.map(({ type }, at) => ({ name: `c${at}`, accessor: `c${at}`, algebraicType: type })),
    primaryKey: undefined,
    indexes: indexes.map((index, at) => ({ ...index, id: 1000 + at, name: `i${at}`, accessor: `i${at}` })),
    constraints: [],
    sequences: [],
    access: 'public',
    isEvent: false,
    isSystem: false,
  };
  return { table, pools: columns.map(({ pool }) => pool) };
}

/** What is done, by numbers that pick from the schema. */
const arbitraryStep = fc.record({
  type: fc.constantFrom(
    'insert',
    'insert',
    'insert',
    'delete',
    'update',
    'seek',
    'seek',
    'clear',
    'commit',
    'rollback',
  ),
  picks: fc.array(fc.nat({ max: 11 }), { minLength: 8, maxLength: 8 }),
});
type Step = typeof arbitraryStep extends fc.Arbitrary<infer Value> ? Value : never;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

class Model {
  readonly table: TableDef;
  readonly store: Datastore;
  committed: Map<string, Values> = new Map();
  present: Map<string, Values> = new Map();
  readonly #pools: readonly Values[];
  readonly #encode: (values: Values) => Uint8Array;
  readonly #compare: readonly ((a: AlgebraicValue, b: AlgebraicValue) => number)[];
  #tx: ReturnType<Datastore['begin']>;

  constructor({ table, pools }: Schema) {
    this.table = table;
    this.store = new Datastore([table]);
    this.#pools = pools;
    const codec = compileRowCodec(table.columns);
    this.#encode = (values) => codec.encode([...values]);
    this.#compare = table.columns.map(({ algebraicType }) => compareValues(algebraicType));
    this.#tx = this.store.begin();
  }

  run({ type, picks }: Step): void {
    const values = this.#pools.map((pool, at) => pool[picks[at]! % pool.length]!);
    const index = this.table.indexes[picks[4]! % Math.max(1, this.table.indexes.length)];
    if (type === 'insert') this.#insert(values);
    else if (type === 'delete') this.#delete(values);
    else if (type === 'clear') this.#clear(picks[5]!);
    else if (type === 'commit') this.#commit();
    else if (type === 'rollback') this.#rollback();
    else if (index !== undefined) {
      if (type === 'update') this.#update(index, values);
      else this.#seek(index, values, picks);
    }
    this.#check(this.#tx.table(this.table.id), this.present);
  }

  close(): void {
    this.#commit();
    this.#check(this.store.committed.table(this.table.id), this.committed);
    this.#tx.rollback();
  }

  #insert(values: Values): void {
    const row = this.#encode(values);
    const clash = !this.present.has(hex(row)) && this.#clashes(values, undefined);
    const outcome = attempt(() => this.#tx.insert(this.table.id, row));
    expect(outcome).toBe(clash ? 'datastore/unique-violation' : 'done');
    if (!clash) this.present.set(hex(row), values);
  }

  #delete(values: Values): void {
    const row = this.#encode(values);
    expect(this.#tx.deleteRows(this.table.id, [row])).toBe(this.present.delete(hex(row)) ? 1 : 0);
  }

  #clear(pick: number): void {
    // Seldom, or there would never be much to look for.
    if (pick > 1) return;
    expect(Number(this.#tx.clear(this.table.id))).toBe(this.present.size);
    this.present.clear();
  }

  #update(index: IndexDef, values: Values): void {
    const row = this.#encode(values);
    const old = [...this.present].find(([, other]) => this.#hasKey(index, other, values));
    const outcome = attempt(() => this.#tx.update(this.table.id, index.id, row));
    if (!index.isUnique) return expect(outcome).toBe('datastore/index-not-unique');
    if (old === undefined) return expect(outcome).toBe('datastore/no-such-row');
    const clash = this.#clashes(values, old[0]);
    expect(outcome).toBe(clash ? 'datastore/unique-violation' : 'done');
    if (clash) return;
    this.present.delete(old[0]);
    this.present.set(hex(row), values);
  }

  /** Whether another row than `except` has one of the unique keys. */
  #clashes(values: Values, except: string | undefined): boolean {
    const unique = this.table.indexes.filter(({ isUnique }) => isUnique);
    return [...this.present].some(
      ([key, other]) => key !== except && unique.some((index) => this.#hasKey(index, other, values)),
    );
  }

  #hasKey({ columns }: IndexDef, one: Values, other: Values): boolean {
    return columns.every((at) => this.#compare[at]!(one[at]!, other[at]!) === 0);
  }

  #seek(index: IndexDef, values: Values, picks: readonly number[]): void {
    const { columns } = index;
    const length = index.algorithm === 'hash' ? columns.length : picks[5]! % (columns.length + 1);
    const prefix = columns.slice(0, length).map((at) => values[at]!);
    const ranged = columns[length];
    const bound = (pick: number): Bound => {
      const pool = this.#pools[ranged ?? 0]!;
      const value = pool[pick % pool.length]!;
      return pick % 3 === 0 ? { type: 'unbounded' } : { type: pick % 3 === 1 ? 'included' : 'excluded', value };
    };
    const range: IndexRange =
      ranged === undefined ? { prefix } : { prefix, start: bound(picks[6]!), end: bound(picks[7]!) };
    const expected = [...this.present].filter(([, other]) => this.#matches(other, index, range)).map(([key]) => key);
    const found = [...this.#tx.table(this.table.id).seek(index, range)].map(hex);
    expect(found.toSorted()).toEqual(expected.sort());
    if (index.algorithm === 'btree') this.#assertOrdered(index, found);
  }

  #matches(values: Values, { columns }: IndexDef, { prefix, start, end }: IndexRange): boolean {
    if (!prefix.every((value, at) => this.#compare[columns[at]!]!(values[columns[at]!]!, value) === 0)) return false;
    const ranged = columns[prefix.length];
    if (ranged === undefined) return true;
    const order = (bound: Bound): number =>
      bound.type === 'unbounded' ? 0 : this.#compare[ranged]!(values[ranged]!, bound.value);
    const isBehind =
      start === undefined || start.type === 'unbounded' || order(start) > (start.type === 'included' ? -1 : 0);
    const isBefore = end === undefined || end.type === 'unbounded' || order(end) < (end.type === 'included' ? 1 : 0);
    return isBehind && isBefore;
  }

  #assertOrdered({ columns }: IndexDef, found: readonly string[]): void {
    for (const [at, key] of found.entries()) {
      if (at === 0) continue;
      const [before, now] = [this.present.get(found[at - 1]!)!, this.present.get(key)!];
      const first = columns
        .map((column) => this.#compare[column]!(before[column]!, now[column]!))
        .find((order) => order !== 0);
      expect(first ?? 0).toBeLessThanOrEqual(0);
    }
  }

  #commit(): void {
    const deltas = this.#tx.commit();
    const { inserts, deletes } = listChanges(deltas);
    expect(inserts).toEqual([...this.present.keys()].filter((key) => !this.committed.has(key)).sort());
    expect(deletes).toEqual([...this.committed.keys()].filter((key) => !this.present.has(key)).sort());
    this.committed = new Map(this.present);
    this.#tx = this.store.begin();
  }

  #rollback(): void {
    this.#tx.rollback();
    this.present = new Map(this.committed);
    this.#tx = this.store.begin();
  }

  #check(view: TableView, expected: ReadonlyMap<string, Values>): void {
    expect([...view.scan()].map(hex).sort()).toEqual([...expected.keys()].sort());
    expect(view.rowCount).toBe(expected.size);
  }
}

function attempt(action: () => unknown): string {
  try {
    action();
    return 'done';
  } catch (error) {
    if (error instanceof DatastoreError) return error.code;
    throw error;
  }
}

function listChanges(deltas: readonly TableDelta[]): { inserts: string[]; deletes: string[] } {
  return {
    inserts: deltas.flatMap(({ inserts }) => inserts.map(hex)).sort(),
    deletes: deltas.flatMap(({ deletes }) => deletes.map(hex)).sort(),
  };
}

test('tables of any shape hold what a map of rows holds, whatever is done to them', () => {
  fc.assert(
    fc.property(arbitrarySchema, fc.array(arbitraryStep, { maxLength: 40 }), (schema, steps) => {
      const model = new Model(schema);
      for (const step of steps) model.run(step);
      model.close();
    }),
    {
      numRuns: Number(process.env['RUNS'] ?? 300),
      ...(process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) }),
    },
  );
});

test.each([['f32' as const], ['f64' as const]])(
  'rows whose %s key is NaN or infinite are deleted, updated and rolled back like others',
  (type) => {
    const special = [NaN, Infinity, -Infinity, -0, 1];
    for (const isUnique of [false, true]) {
      const columns = [{ type: { type }, pool: special }];
      const model = new Model(makeSchema(columns, [{ algorithm: 'btree', columns: [0], isUnique }]));
      for (const last of ['rollback', 'commit', 'delete', 'rollback', 'delete', 'commit'] as const) {
        for (const pick of special.keys()) {
          const picks = [pick, 0, 0, 0, 0, 0, 0, 0];
          model.run({ type: last === 'delete' ? 'delete' : 'insert', picks });
          model.run({ type: 'seek', picks: [pick, 0, 0, 0, 0, 1, 0, 0] });
        }
        if (last !== 'delete') model.run({ type: last, picks: [0, 0, 0, 0, 0, 0, 0, 0] });
      }
      model.close();
    }
  },
);
