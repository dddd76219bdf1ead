import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AlgebraicType, AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import {
  type ColumnSpec,
  enumOf,
  type ModuleSpec,
  structOf,
  type TableSpec,
  text,
  u32,
  u64,
  u8,
} from '../../test/migration/definition.ts';
import { keyText, SpecDatabase, sorted, textOf } from '../../test/migration/spec-database.ts';
import { HostError } from '../errors.ts';

/* Random programs over random rows, each exchanged for a random variation of it, several times in a row. */

const runs = Number(process.env['RUNS'] ?? '1') * 60;

const LETTERS = ['a', 'b', 'c', 'd', 'e'];
const enumType = fc.integer({ min: 1, max: 4 }).map((count) => enumOf(...LETTERS.slice(0, count)));
const columnType: fc.Arbitrary<AlgebraicType> = fc.oneof(
  fc.constantFrom(u8, u32, u64, text, { type: 'bool' } as const),
  enumType,
  enumType.map((kind) => structOf({ kind, count: u32 })),
  fc.constantFrom<AlgebraicType>({ type: 'array', element: u8 }, { type: 'array', element: text }),
);

/** Values out of few, so that they meet. */
function valueOf(type: AlgebraicType): fc.Arbitrary<AlgebraicValue> {
  switch (type.type) {
    case 'bool':
      return fc.boolean();
    case 'string':
      return fc.constantFrom('', 'x', 'é', 'long '.repeat(20));
    case 'u64':
      return fc.constantFrom(0n, 1n, 2n, 2n ** 40n);
    case 'array':
      return type.element.type === 'u8'
        ? fc.uint8Array({ maxLength: 3 })
        : fc.array(valueOf(type.element), { maxLength: 2 });
    case 'product':
      return fc.tuple(...type.elements.map(({ algebraicType }) => valueOf(algebraicType)));
    case 'sum':
      return fc.nat({ max: type.variants.length - 1 }).map((tag) => ({ tag, value: [] }));
    default:
      return fc.constantFrom(0, 1, 2, 200);
  }
}

const column = (name: string): fc.Arbitrary<ColumnSpec> => columnType.map((type) => ({ name, type }));

/** Flags of what a table has beside its columns; which column each is about. */
function withParts(name: string, columns: readonly ColumnSpec[]): fc.Arbitrary<TableSpec> {
  const names = columns.map((one) => one.name);
  return fc
    .record({
      hasKey: fc.boolean(),
      isCounted: fc.boolean(),
      unique: fc.option(fc.subarray(names, { minLength: 1, maxLength: Math.min(2, names.length) }), { nil: undefined }),
      indexed: fc.option(fc.subarray(names, { minLength: 1, maxLength: Math.min(3, names.length) }), {
        nil: undefined,
      }),
      algorithm: fc.constantFrom('btree', 'hash' as const),
      isEvent: fc.nat({ max: 9 }).map((dice) => dice === 0),
      access: fc.constantFrom('public', 'private' as const),
    })
    .map(({ hasKey, isCounted, unique, indexed, algorithm, isEvent, access }) => {
      const hasOwn = unique !== undefined && unique.join() !== 'id';
      const isTaken = (hasKey && indexed?.join() === 'id') || (hasOwn && indexed?.join() === unique.join());
      return {
        name,
        columns,
        access,
        isEvent,
        ...(hasKey ? { primaryKey: 'id' } : {}),
        ...(isCounted ? { autoIncrement: ['id'] } : {}),
        ...(hasOwn ? { unique: [unique] } : {}),
        ...(indexed === undefined || isTaken ? {} : { indexes: [{ columns: indexed, algorithm }] }),
      };
    });
}

const tableOf = (name: string): fc.Arbitrary<TableSpec> =>
  fc
    .tuple(
      fc
        .array(fc.constant(undefined), { maxLength: 3 })
        .chain((list) => fc.tuple(...list.map((_, at) => column(`c${at}`)))),
    )
    .chain(([others]) => withParts(name, [{ name: 'id', type: u64 }, ...others]));

const moduleSpec: fc.Arbitrary<ModuleSpec> = fc
  .uniqueArray(fc.constantFrom('p', 'q', 'r'), { minLength: 1 })
  .chain((names) => fc.tuple(...names.map(tableOf)))
  .map((tables) => ({ tables }));

/** A column as the next program may have it: mostly as it was. */
function variedColumn(old: ColumnSpec): fc.Arbitrary<readonly ColumnSpec[]> {
  const grown = growType(old.type);
  return fc.oneof(
    { weight: 30, arbitrary: fc.constant([old]) },
    { weight: 10, arbitrary: fc.constant([{ ...old, type: grown }]) },
    { weight: 1, arbitrary: column(old.name).map((other) => [other]) },
    { weight: 1, arbitrary: fc.constant([]) },
  );
}

function growType(type: AlgebraicType): AlgebraicType {
  if (type.type === 'sum') return enumOf(...LETTERS.slice(0, type.variants.length + 1));
  if (type.type !== 'product') return type;
  return {
    type: 'product',
    elements: type.elements.map(({ name, algebraicType }) => ({ name, algebraicType: growType(algebraicType) })),
  };
}

/** The name of a new column that no column had so far. */
function freshName({ columns }: TableSpec, at: number): string {
  const used = columns.map(({ name }) => Number(/^n(\d+)$/.exec(name)?.[1] ?? '-1'));
  return `n${Math.max(-1, ...used) + 1 + at}`;
}

function variedTable(old: TableSpec): fc.Arbitrary<readonly TableSpec[]> {
  const [first, ...rest] = old.columns;
  const added = fc.array(
    columnType.chain((type) =>
      fc
        .option(valueOf(type), { nil: undefined, freq: 10 })
        .map((value) => ({ type, ...(value === undefined ? {} : { default: value }) })),
    ),
    { maxLength: 2 },
  );
  return fc.nat({ max: 12 }).chain((dice): fc.Arbitrary<readonly TableSpec[]> => {
    if (dice === 0) return fc.constant<readonly TableSpec[]>([]);
    return fc
      .tuple(fc.tuple(...rest.map(variedColumn)), added)
      .chain(([kept, fresh]) => {
        const columns = [first!, ...kept.flat(), ...fresh.map((one, at) => ({ ...one, name: freshName(old, at) }))];
        // Half the time everything else is as it was.
        if (dice % 2 === 0 && kept.flat().length === rest.length) return fc.constant({ ...old, columns });
        return withParts(old.name, columns);
      })
      .map((table) => [table]);
  });
}

function varied({ tables = [] }: ModuleSpec): fc.Arbitrary<ModuleSpec> {
  return fc
    .tuple(fc.tuple(...tables.map(variedTable)), fc.option(tableOf('s'), { nil: undefined }))
    .map(([kept, fresh]) => {
      const next = kept.flat();
      return { tables: fresh === undefined || next.some(({ name }) => name === 's') ? next : [...next, fresh] };
    });
}

interface Step {
  /** What the rows are for. */
  readonly spec: ModuleSpec;
  readonly next: ModuleSpec;
  readonly rows: ReadonlyMap<string, readonly (readonly AlgebraicValue[])[]>;
}

/** Rows for every table of a module, and the module that comes then. */
function stepFrom(spec: ModuleSpec): fc.Arbitrary<Step> {
  const rows = (spec.tables ?? []).map(({ name, columns }) =>
    fc
      .array(fc.tuple(...columns.map(({ type }) => valueOf(type))), { maxLength: 5 })
      .map((list) => [name, list] as const),
  );
  return fc.tuple(varied(spec), fc.tuple(...rows)).map(([next, entries]) => ({ spec, next, rows: new Map(entries) }));
}

const history = moduleSpec.chain((first) =>
  stepFrom(first).chain((one) =>
    stepFrom(one.next).chain((two) => stepFrom(two.next).map((three) => ({ first, steps: [one, two, three] }))),
  ),
);

/** The rows that a migrated table must have: those it had, with the defaults of its new columns. */
function expectedRows(rows: AlgebraicValue[][], table: TableSpec): AlgebraicValue[][] {
  return sorted(rows.map((row) => [...row, ...table.columns.slice(row.length).map((one) => one.default!)]));
}

/** Each row is found by its key in each index, with all others of that key and no more. */
function expectSoundIndexes({ database }: SpecDatabase): void {
  for (const def of database.def.tables) {
    const codec = compileRowCodec(def.columns);
    const view = database.committed.table(def.id);
    const rows = [...view.scan()].map((row) => codec.decode(row));
    for (const index of def.indexes) {
      const keyOf = (row: AlgebraicValue[]): AlgebraicValue[] => index.columns.map((position) => row[position]!);
      for (const row of rows) {
        const found = [...view.seek(index, { prefix: keyOf(row) })].map((each) => codec.decode(each));
        const same = rows.filter((each) => keyText(keyOf(each)) === keyText(keyOf(row)));
        expect(sorted(found)).toEqual(sorted(same));
        if (index.isUnique) expect(found).toHaveLength(1);
      }
    }
  }
}

function insertEach(db: SpecDatabase, name: string, rows: readonly (readonly AlgebraicValue[])[]): void {
  // A row that a unique constraint refuses is left out.
  for (const row of rows) db.insert(name, row);
}

async function exchange(db: SpecDatabase, next: ModuleSpec): Promise<'accepted' | 'refused'> {
  const program = textOf(next);
  const { refusals } = await db.database.planExchange(program);
  const before = db.everything();
  const had = new Map(db.database.def.tables.map(({ name }) => [name, db.rows(name)]));
  try {
    await db.database.exchangeProgram({ program, policy: 'break-clients' });
  } catch (error) {
    expect(error).toBeInstanceOf(HostError);
    expect((error as HostError).details['refusals']).toEqual(refusals);
    expect(refusals).not.toEqual([]);
    expect(db.everything()).toEqual(before);
    return 'refused';
  }
  expect(refusals).toEqual([]);
  expect(db.database.def.tables.map(({ name }) => name)).toEqual((next.tables ?? []).map(({ name }) => name));
  for (const table of next.tables ?? [])
    expect(db.rows(table.name)).toEqual(expectedRows(had.get(table.name) ?? [], table));
  for (const [name, rows] of had)
    if (!(next.tables ?? []).some((table) => table.name === name)) expect(rows).toEqual([]);
  return 'accepted';
}

test('whatever the programs and rows: all or nothing, every row as it must be, and the same after a restart', async () => {
  const outcomes = { accepted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(history, fc.nat({ max: 3 }), async ({ first, steps }, snapshotAt) => {
      const db = await SpecDatabase.open(first);
      for (const [position, { spec, next, rows }] of steps.entries()) {
        // Where the step before was refused, these are rows of a program that does not run.
        if (db.database.program === textOf(spec)) for (const [name, list] of rows) insertEach(db, name, list);
        if (position === snapshotAt) await db.database.snapshot();
        outcomes[await exchange(db, next)] += 1;
        expectSoundIndexes(db);
        const again = await db.reopened();
        expect(again.everything()).toEqual(db.everything());
        expectSoundIndexes(again);
        await again.database.close();
      }
    }),
    { numRuns: runs, ...(process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) }) },
  );
  // The generator is of use only while both happen.
  expect(outcomes.accepted).toBeGreaterThan(runs / 4);
  expect(outcomes.refused).toBeGreaterThan(runs / 8);
});
