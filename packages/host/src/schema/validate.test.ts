import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeRawModuleDef } from './decode-module-def.ts';
import type { ModuleDef, TableDef } from './module-def.ts';
import type { RawModuleDef } from './raw-module-def.ts';
import { SchemaError } from './schema-error.ts';
import { validateModuleDef } from './validate.ts';

/** Bundles a module's source with the real library and gives the definition that it describes itself by. */
async function describeSource(source: string): Promise<Uint8Array> {
  const bundle = await build({
    stdin: { contents: source, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'cjs',
    target: 'es2022',
    platform: 'browser',
    conditions: ['production', 'import', 'default'],
    external: ['spacetime:*'],
  });
  const text = bundle.outputFiles[0]?.text ?? '';
  const hooksSymbol = Symbol('hooks');
  const context = createContext({ TextEncoder, TextDecoder });
  const module = { exports: {} as Record<string, unknown> };
  const load = runInContext(`(function (module, exports, require) {${text}\n})`, context) as (
    ...args: unknown[]
  ) => void;
  load(module, module.exports, () => ({ moduleHooks: hooksSymbol, row_iter_bsatn_close: () => {} }));
  const sorted = Object.fromEntries(Object.entries(module.exports).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const schema = module.exports['default'] as Record<symbol, (exports: unknown) => Record<string, () => Uint8Array>>;
  return new Uint8Array(schema[hooksSymbol]!(sorted)['__describe_module__']!());
}

const SOURCE = `
import { schema, table, t } from 'spacetimedb/server';
const Kind = t.enum('kindOfThing', ['Small', 'VeryLarge']);
const person = table(
  { name: 'person', public: true,
    indexes: [
      { accessor: 'byAB', algorithm: 'btree', columns: ['colA', 'colB', 'colC'] },
      { accessor: 'hashAB', algorithm: 'hash', columns: ['colA', 'colB'] },
      { accessor: 'named', algorithm: 'btree', columns: ['colC'], name: 'my_named_index' },
    ] },
  { id: t.u64().primaryKey().autoInc(), colA: t.u32(), colB: t.string(), colC: t.i64(), seq2: t.u8().autoInc(),
    opt: t.option(t.string()), who: t.identity().index('btree'), kind: Kind, tags: t.array(t.string()) },
);
const Sched = table({ name: 'my_sched', scheduled: () => runSched },
  { scheduledId: t.u64().primaryKey().autoInc(), scheduledAt: t.scheduleAt() });
const withDefault = table({}, { id: t.u32().unique(), level: t.u32().default(7) });
const happened = table({ event: true }, { text: t.string() });
const spacetimedb = schema({ person, Sched, withDefault, happened });
export default spacetimedb;
export const addPerson = spacetimedb.reducer({ colA: t.u32(), nameOfPerson: t.string() }, () => {});
export const renamedRed = spacetimedb.reducer({ name: 'RenamedRed' }, () => {});
export const runSched = spacetimedb.reducer({ row: Sched.rowType }, () => {});
export const onInit = spacetimedb.init(() => {});
export const onConnect = spacetimedb.clientConnected(() => {});
export const countAll = spacetimedb.procedure({ min: t.u32() }, t.array(t.string()), () => []);
export const vAnon = spacetimedb.anonymousView({ public: true }, t.array(person.rowType), () => []);
export const vOpt = spacetimedb.view({ public: true }, t.option(person.rowType), () => undefined);
`;

let bytes: Uint8Array;
let raw: RawModuleDef;
let def: ModuleDef;

beforeAll(async () => {
  bytes = await describeSource(SOURCE);
  raw = decodeRawModuleDef(bytes);
  def = validateModuleDef(raw);
});

function table(name: string): TableDef {
  const found = def.tables.find((candidate) => candidate.name === name);
  expect(found, `table ${name}`).toBeDefined();
  return found!;
}

function problemsOf(change: Partial<RawModuleDef>): string[] {
  try {
    validateModuleDef({ ...raw, ...change });
  } catch (error) {
    expect(error).toBeInstanceOf(SchemaError);
    return (error as SchemaError).problems.map(({ rule }) => rule);
  }
  return [];
}

describe('the definition of a real module', () => {
  test('tables get canonical names and keep their accessors', () => {
    expect(def.tables.map(({ name, accessor }) => `${accessor} ${name}`).toSorted()).toEqual([
      'Sched my_sched',
      'happened happened',
      'person person',
      'withDefault with_default',
    ]);
  });

  test('table ids go up from 4097 in the order of canonical names', () => {
    expect(['happened', 'my_sched', 'person', 'with_default'].map((name) => table(name).id)).toEqual([
      4097, 4098, 4099, 4100,
    ]);
    const indexIds = def.tables.flatMap(({ indexes }) => indexes.map(({ id }) => id));
    expect(new Set(indexIds).size).toBe(indexIds.length);
  });

  test('columns are converted, resolved and keep their accessors', () => {
    expect(table('person').columns.map(({ name }) => name)).toEqual([
      'id',
      'col_a',
      'col_b',
      'col_c',
      'seq_2',
      'opt',
      'who',
      'kind',
      'tags',
    ]);
    expect(table('person').columns[4]?.accessor).toBe('seq2');
    expect(table('person').columns[6]?.algebraicType).toEqual({
      type: 'product',
      elements: [{ name: '__identity__', algebraicType: { type: 'u256' } }],
    });
    expect(table('person').columns[7]?.algebraicType).toMatchObject({
      type: 'sum',
      variants: [{ name: 'small' }, { name: 'veryLarge' }],
    });
    expect(
      JSON.stringify(def, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toContain('"ref"');
  });

  test('indexes have generated or explicit names and know whether they are unique', () => {
    const indexes = table('person').indexes.map(({ name, accessor, algorithm, isUnique }) => ({
      name,
      accessor,
      algorithm,
      isUnique,
    }));
    expect(indexes).toContainEqual({
      name: 'person_col_a_col_b_col_c_idx_btree',
      accessor: 'person_colA_colB_colC_idx_btree',
      algorithm: 'btree',
      isUnique: false,
    });
    expect(indexes).toContainEqual({
      name: 'person_col_a_col_b_idx_hash',
      accessor: 'person_colA_colB_idx_hash',
      algorithm: 'hash',
      isUnique: false,
    });
    expect(indexes).toContainEqual(
      expect.objectContaining({ name: 'my_named_index', accessor: 'person_colC_idx_btree' }),
    );
    expect(indexes).toContainEqual({
      name: 'person_id_idx_btree',
      accessor: 'person_id_idx_btree',
      algorithm: 'btree',
      isUnique: true,
    });
    expect(table('person').indexes.find(({ codegenName }) => codegenName === 'byAB')?.columns).toEqual([1, 2, 3]);
  });

  test('constraints, sequences and schedules have generated names', () => {
    expect(table('person').constraints).toEqual([{ name: 'person_id_key', columns: [0] }]);
    expect(table('person').sequences.map(({ name, column }) => [name, column])).toEqual([
      ['person_id_seq', 0],
      ['person_seq_2_seq', 4],
    ]);
    expect(table('person').sequences[0]).toMatchObject({ start: 1n, min: 1n, max: (1n << 127n) - 1n, increment: 1n });
    expect(table('my_sched').schedule).toEqual({ name: 'my_sched_sched', atColumn: 1, functionName: 'run_sched' });
    expect(table('person').primaryKey).toBe(0);
  });

  test('access, event tables and defaults are taken over', () => {
    expect(table('person').access).toBe('public');
    expect(table('with_default').access).toBe('private');
    expect(table('happened').isEvent).toBe(true);
    expect(table('with_default').columns[1]?.defaultValue).toEqual(Uint8Array.of(7, 0, 0, 0));
  });

  test('functions have canonical names; lifecycle and scheduled reducers are private', () => {
    expect(def.reducers.map(({ id, name, visibility }) => [id, name, visibility])).toEqual([
      [0, 'add_person', 'client-callable'],
      [1, 'on_connect', 'private'],
      [2, 'on_init', 'private'],
      [3, 'RenamedRed', 'client-callable'],
      [4, 'run_sched', 'private'],
    ]);
    expect(def.lifecycle).toEqual({ init: 'on_init', connect: 'on_connect' });
    expect(def.reducers[0]?.params.map(({ name }) => name)).toEqual(['col_a', 'name_of_person']);
    expect(def.procedures).toMatchObject([{ id: 0, name: 'count_all', returnType: { type: 'array' } }]);
    expect(def.views).toMatchObject([
      { id: 0, name: 'v_anon', isAnonymous: true, primaryKey: 0 },
      { id: 0, name: 'v_opt', isAnonymous: false, primaryKey: 0 },
    ]);
    expect(def.types.map(({ name }) => name)).toContain('KindOfThing');
  });

  test('every cut of the bytes is refused', () => {
    for (let length = 0; length < bytes.length; length += 7) {
      expect(() => decodeRawModuleDef(bytes.subarray(0, length))).toThrow();
    }
    expect(() => decodeRawModuleDef(Uint8Array.of(...bytes, 0))).toThrow(/left over/);
  });
});

describe('what a definition may not have', () => {
  test('an unknown section or an older version is refused', () => {
    expect(() => decodeRawModuleDef(Uint8Array.of(2, 1, 0, 0, 0, 15))).toThrow(/no section with tag 15/);
    expect(() => decodeRawModuleDef(Uint8Array.of(1, 0))).toThrow(/rebuild the module/);
  });

  test('all problems are reported at once, sorted', () => {
    const [person] = raw.tables;
    const rules = problemsOf({
      tables: [{ ...person!, sourceName: 'st_person', constraints: [], primaryKey: [0, 1] }, ...raw.tables.slice(1)],
      types: [...raw.types, raw.types[0]!],
      rowLevelSecurity: [],
    });
    expect(rules).toEqual(rules.toSorted());
    expect(new Set(rules)).toEqual(new Set(['DuplicateTypeName', 'RepeatedPrimaryKey', 'TableNameReserved']));
  });

  test.each<[rule: string, change: (definition: RawModuleDef) => Partial<RawModuleDef>]>([
    [
      'IdentifierError',
      ({ reducers }) => ({ reducers: reducers.map((r, i) => (i === 0 ? { ...r, sourceName: '1x' } : r)) }),
    ],
    [
      'DuplicateName',
      ({ tables }) => ({
        tables: [
          ...tables,
          { ...tables[0]!, sourceName: 'person_id_key', indexes: [], constraints: [], sequences: [], primaryKey: [] },
        ],
      }),
    ],
    ['DuplicateFunctionName', ({ reducers }) => ({ reducers: [...reducers, reducers[0]!] })],
    [
      'DuplicateColumnName',
      ({ tables, typespace }) => ({
        typespace: typespace.map((type, ref) =>
          ref === tables[0]!.productTypeRef && type.type === 'product'
            ? {
                ...type,
                elements: type.elements.map((element, i) => (i === 1 ? { ...element, name: 'col_b' } : element)),
              }
            : type,
        ),
      }),
    ],
    [
      'InvalidProductTypeRef',
      ({ tables }) => ({ tables: [{ ...tables[0]!, productTypeRef: 999 }, ...tables.slice(1)] }),
    ],
    ['InvalidTypeRef', ({ types }) => ({ types: [...types, { scope: [], sourceName: 'Lost', ref: 999 }] })],
    [
      'MissingPrimaryKeyUniqueConstraint',
      ({ tables }) => ({ tables: [{ ...tables[0]!, constraints: [] }, ...tables.slice(1)] }),
    ],
    [
      'UniqueConstraintWithoutIndex',
      ({ tables }) => ({ tables: [{ ...tables[0]!, constraints: [[0], [1]] }, ...tables.slice(1)] }),
    ],
    [
      'ColumnNotFound',
      ({ tables }) => ({
        tables: [{ ...tables[0]!, indexes: [{ ...tables[0]!.indexes[0]!, columns: [99] }] }, ...tables.slice(1)],
      }),
    ],
    [
      'DuplicateColumns',
      ({ tables }) => ({
        tables: [
          {
            ...tables[0]!,
            indexes: [
              ...tables[0]!.indexes,
              { sourceName: 'twice', accessorName: undefined, algorithm: 'btree', columns: [1, 1] },
            ],
          },
          ...tables.slice(1),
        ],
      }),
    ],
    [
      'DirectIndexOnBadType',
      ({ tables }) => ({
        tables: [
          {
            ...tables[0]!,
            indexes: [
              ...tables[0]!.indexes,
              { sourceName: 'direct', accessorName: undefined, algorithm: 'direct', columns: [2] },
            ],
          },
          ...tables.slice(1),
        ],
      }),
    ],
    [
      'InvalidSequenceColumnType',
      ({ tables }) => ({
        tables: [
          {
            ...tables[0]!,
            sequences: [{ column: 2, start: undefined, min: undefined, max: undefined, increment: 1n }],
          },
          ...tables.slice(1),
        ],
      }),
    ],
    [
      'OneAutoInc',
      ({ tables }) => ({
        tables: [
          { ...tables[0]!, sequences: [tables[0]!.sequences[0]!, tables[0]!.sequences[0]!] },
          ...tables.slice(1),
        ],
      }),
    ],
    [
      'InvalidSequenceRange',
      ({ tables }) => ({
        tables: [
          { ...tables[0]!, sequences: [{ column: 0, start: 5n, min: 6n, max: undefined, increment: 1n }] },
          ...tables.slice(1),
        ],
      }),
    ],
    [
      'ColumnDefaultValueMalformed',
      ({ tables }) => ({
        tables: [{ ...tables[0]!, defaultValues: [{ column: 2, value: Uint8Array.of(9) }] }, ...tables.slice(1)],
      }),
    ],
    ['TableNotFound', ({ schedules }) => ({ schedules: [{ ...schedules[0]!, tableName: 'nowhere' }] })],
    ['ScheduledIncorrectColumns', ({ schedules }) => ({ schedules: [{ ...schedules[0]!, atColumn: 0 }] })],
    ['MissingScheduledFunction', ({ schedules }) => ({ schedules: [{ ...schedules[0]!, functionName: 'nothing' }] })],
    [
      'IncorrectScheduledFunctionParams',
      ({ schedules }) => ({ schedules: [{ ...schedules[0]!, functionName: 'addPerson' }] }),
    ],
    ['DuplicateSchedule', ({ schedules }) => ({ schedules: [...schedules, schedules[0]!] })],
    ['LifecycleWithoutReducer', () => ({ lifecycleReducers: [{ lifecycle: 'init', functionName: 'nothing' }] })],
    [
      'DuplicateLifecycle',
      ({ lifecycleReducers }) => ({ lifecycleReducers: [...lifecycleReducers, lifecycleReducers[0]!] }),
    ],
    [
      'InvalidReducerReturnType',
      ({ reducers }) => ({ reducers: [{ ...reducers[0]!, errReturnType: { type: 'u8' } }, ...reducers.slice(1)] }),
    ],
    [
      'InvalidViewReturnType',
      ({ views }) => ({ views: [{ ...views[0]!, returnType: { type: 'u8' } }, ...views.slice(1)] }),
    ],
    ['TableNameReserved', ({ views }) => ({ views: [{ ...views[0]!, sourceName: 'stClient' }, ...views.slice(1)] })],
    ['ViewPrimaryKeyViewNotFound', () => ({ viewPrimaryKeys: [{ viewSourceName: 'nothing', columns: ['id'] }] })],
    ['ViewPrimaryKeyColumnNotFound', () => ({ viewPrimaryKeys: [{ viewSourceName: 'vAnon', columns: ['nothing'] }] })],
    [
      'ClientCodegenError',
      ({ reducers }) => ({
        reducers: [
          {
            ...reducers[0]!,
            params: [
              {
                name: 'x',
                algebraicType: {
                  type: 'product',
                  elements: [
                    { name: 'a', algebraicType: { type: 'u8' } },
                    { name: 'b', algebraicType: { type: 'u8' } },
                  ],
                },
              },
            ],
          },
          ...reducers.slice(1),
        ],
      }),
    ],
    ['MissingHttpHandler', () => ({ httpRoutes: [{ handlerFunction: 'nothing', method: undefined, path: '/x' }] })],
    [
      'InvalidHttpRoutePath',
      () => ({ httpHandlers: ['answer'], httpRoutes: [{ handlerFunction: 'answer', method: 'GET', path: 'X' }] }),
    ],
    [
      'DuplicateHttpRoute',
      () => ({
        httpHandlers: ['answer'],
        httpRoutes: [
          { handlerFunction: 'answer', method: 'GET', path: '/x' },
          { handlerFunction: 'answer', method: undefined, path: '/x' },
        ],
      }),
    ],
  ])('%s is reported', (rule, change) => {
    expect(problemsOf(change(raw))).toContain(rule);
  });

  test('a type that contains itself is reported, not followed for ever', () => {
    const ref = raw.typespace.length;
    const node = {
      type: 'product',
      elements: [{ name: 'next', algebraicType: { type: 'array', element: { type: 'ref', ref } } }],
    } as const;
    const types = [...raw.types, { scope: [], sourceName: 'Node', ref }];
    expect(problemsOf({ typespace: [...raw.typespace, node], types })).toEqual(['ClientCodegenError']);
  });

  test('a type that unfolds without end is reported', () => {
    const start = raw.typespace.length;
    const bombs = Array.from({ length: 30 }, (_, level) => ({
      type: 'product' as const,
      elements: ['a', 'b'].map((name) => ({
        name,
        algebraicType: level === 0 ? ({ type: 'u8' } as const) : ({ type: 'ref', ref: start + level - 1 } as const),
      })),
    }));
    const types = [
      ...raw.types,
      ...bombs.map((_, level) => ({ scope: [], sourceName: `Bomb${level}x`, ref: start + level })),
    ];
    expect(problemsOf({ typespace: [...raw.typespace, ...bombs], types })).toContain('TypeTooLarge');
  });
});

test('bytes behind a default are accepted and cut off', () => {
  const tables = raw.tables.map((definition) =>
    definition.sourceName === 'withDefault'
      ? { ...definition, defaultValues: [{ column: 1, value: Uint8Array.of(7, 0, 0, 0, 9) }] }
      : definition,
  );
  const { columns } = validateModuleDef({ ...raw, tables }).tables.find(({ name }) => name === 'with_default')!;
  expect(columns[1]?.defaultValue).toEqual(Uint8Array.of(7, 0, 0, 0));
});

test('without case conversion names are taken as they are', () => {
  const plain = validateModuleDef({ ...raw, caseConversion: 'none' });
  expect(plain.tables.map(({ name }) => name).toSorted()).toEqual(['happened', 'my_sched', 'person', 'withDefault']);
  expect(plain.tables.find(({ name }) => name === 'person')?.columns[1]?.name).toBe('colA');
});

describe('submodules', () => {
  let library: RawModuleDef;

  beforeAll(() => {
    library = { ...raw, lifecycleReducers: [] };
  });

  const withSubmodules = (...submodules: RawModuleDef['submodules']) => problemsOf({ submodules });

  test('are part of the definition under their namespaces, each validated by itself', () => {
    const inner: RawModuleDef = { ...library, rowLevelSecurity: ['SELECT * FROM person'] };
    const outer: RawModuleDef = { ...library, submodules: [{ namespace: 'inner', module: inner }] };
    const submodules = ['Lib', 'other'].map((namespace) => ({ namespace, module: outer }));
    const whole = validateModuleDef({ ...raw, submodules });
    const prefixes = ['', 'Lib.', 'Lib.inner.', 'other.', 'other.inner.'];
    expect(whole.tables.map(({ name }) => name)).toEqual(
      prefixes.flatMap((prefix) => def.tables.map(({ name }) => `${prefix}${name}`)),
    );
    expect(whole.reducers.map(({ id }) => id)).toEqual(whole.reducers.map((_, at) => at));
    expect(whole.reducers.map(({ accessor }) => accessor)).toEqual(
      prefixes.flatMap((prefix) => def.reducers.map(({ accessor }) => `${prefix}${accessor}`)),
    );
    for (const isAnonymous of [true, false]) {
      const views = whole.views.filter((view) => view.isAnonymous === isAnonymous);
      expect(views.map(({ id }) => id).toSorted((x, y) => x - y)).toEqual(views.map((_, at) => at));
    }
    expect(whole.rowLevelSecurity).toEqual([
      { sql: 'SELECT * FROM person', prefix: 'Lib.inner.' },
      { sql: 'SELECT * FROM person', prefix: 'other.inner.' },
    ]);
    expect(whole.lifecycle).toEqual(def.lifecycle);
    const schedules = whole.tables.map(({ schedule }) => schedule?.functionName).filter((name) => name !== undefined);
    expect(schedules).toEqual(prefixes.map((prefix) => `${prefix}run_sched`));
    expect(new Set(whole.tables.map(({ id }) => id)).size).toBe(whole.tables.length);
  });

  test('keep their own case conversion and explicit names', () => {
    const submodules = [{ namespace: 'lib', module: { ...library, caseConversion: 'none' as const } }];
    const { tables } = validateModuleDef({ ...raw, submodules });
    const names = tables.map(({ name }) => name);
    expect(names).toContain('lib.withDefault');
    expect(names).toContain('lib.my_sched');
  });

  test.each([
    ['IdentifierError', 'a.b'],
    ['IdentifierError', ''],
    ['IdentifierError', '1st'],
    ['NamespaceTooLong', 'n'.repeat(64)],
    ['NamespaceTooLong', 'é'.repeat(32)],
  ])('%s is reported of a namespace', (rule, namespace) => {
    expect(withSubmodules({ namespace, module: library })).toContain(rule);
  });

  test('two siblings of one namespace are reported, and what a submodule has wrong with its place', () => {
    expect(withSubmodules({ namespace: 'a', module: library }, { namespace: 'a', module: library })).toEqual([
      'DuplicateName',
    ]);
    expect(withSubmodules({ namespace: 'a', module: raw })).toContain('LifecycleInSubmodule');
    const inner = {
      ...library,
      submodules: [{ namespace: 'b', module: { ...library, types: [...raw.types, raw.types[0]!] } }],
    };
    expect(() => validateModuleDef({ ...raw, submodules: [{ namespace: 'a', module: inner }] })).toThrow(
      /DuplicateTypeName: submodule `a\.b`: two types/,
    );
  });

  test('a namespace of 63 bytes is fine', () => {
    expect(withSubmodules({ namespace: 'n'.repeat(63), module: library })).toEqual([]);
  });
});
