/*
 * What was released stays as it was, for rows lie in it and clients decode by it: a table keeps its columns, indexes and
 * keys; a reducer or procedure its arguments and results. What is new comes beside it: tables, indexes, reducers,
 * procedures, and ops at the end of their sum.
 */
import { describeModule, salvageDatabase, type ModuleDef } from '@inner-universe/host';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeDirectory, removeDirectory } from './forms.ts';
import { readModuleBundle, unpackOlderUniverse } from './older-universe.ts';

type Type = ModuleDef['tables'][number]['columns'][number]['algebraicType'];

let data: string;
let released: ModuleDef;
let current: ModuleDef;

beforeAll(async () => {
  data = await makeDirectory();
  await unpackOlderUniverse(data);
  const { bundle = '' } = await salvageDatabase({ data, database: 'universe' });
  [released, current] = await Promise.all([describeModule(bundle), describeModule(await readModuleBundle())]);
});

afterAll(() => removeDirectory(data));

/** What is not now as it was released, in words; nothing where only new things came. */
function findBreaks(before: ModuleDef, now: ModuleDef): readonly string[] {
  return [
    ...before.tables.flatMap((table) => findTableBreaks(table, now)),
    ...before.reducers.flatMap((reducer) => findCallBreaks('reducer', reducer, now.reducers)),
    ...before.procedures.flatMap((procedure) => {
      const same = now.procedures.find(({ name }) => name === procedure.name);
      const isSame = same !== undefined && text(same.returnType) === text(procedure.returnType);
      return [
        ...findCallBreaks('procedure', procedure, now.procedures),
        ...(isSame ? [] : [`procedure ${procedure.name} gives something else`]),
      ];
    }),
    ...(text(before.lifecycle) === text(now.lifecycle) ? [] : ['other reducers of the life cycle']),
  ];
}

function findTableBreaks(table: ModuleDef['tables'][number], { tables }: ModuleDef): readonly string[] {
  const same = tables.find(({ name }) => name === table.name);
  if (same === undefined) return [`table ${table.name} is gone`];
  const breaks: string[] = [];
  const { columns, primaryKey, access, isEvent, constraints, sequences } = table;
  const layout = (of: typeof table): string => text(of.columns.map(({ name, algebraicType }) => [name, algebraicType]));
  if (layout(same) !== layout(table)) breaks.push(`table ${table.name} has other columns`);
  const keys = { primaryKey, access, isEvent, constraints, sequences };
  for (const [key, value] of Object.entries(keys)) {
    if (text(same[key as keyof typeof keys]) !== text(value)) breaks.push(`table ${table.name} has another ${key}`);
  }
  for (const { name, accessor, algorithm, columns: indexed } of table.indexes) {
    const index = same.indexes.find((other) => other.name === name);
    const is = index && [index.accessor, index.algorithm, index.columns];
    if (text(is) !== text([accessor, algorithm, indexed])) breaks.push(`index ${name} over ${columns.length} columns`);
  }
  return breaks;
}

interface Call {
  readonly name: string;
  readonly params: readonly { readonly name: string; readonly algebraicType: Type }[];
}

function findCallBreaks(kind: string, { name, params }: Call, calls: readonly Call[]): readonly string[] {
  const same = calls.find((call) => call.name === name);
  if (same === undefined) return [`${kind} ${name} is gone`];
  const takes =
    same.params.length === params.length &&
    params.every((param, index) => {
      const now = same.params[index];
      return now?.name === param.name && isExtended(param.algebraicType, now.algebraicType, true);
    });
  return takes ? [] : [`${kind} ${name} takes something else`];
}

/** Whether what is encoded as the first decodes as the second: the same, but for variants at the end of arguments. */
function isExtended(before: Type, now: Type, mayGrow: boolean): boolean {
  if (before.type === 'sum' && now.type === 'sum') {
    const grows = mayGrow && now.variants.length > before.variants.length && !isOption(before);
    if (now.variants.length !== before.variants.length && !grows) return false;
    return before.variants.every(({ name, algebraicType }, index) => {
      const same = now.variants[index];
      return same !== undefined && same.name === name && isExtended(algebraicType, same.algebraicType, mayGrow);
    });
  }
  if (before.type === 'product' && now.type === 'product') {
    return (
      before.elements.length === now.elements.length &&
      before.elements.every(({ name, algebraicType }, index) => {
        const same = now.elements[index];
        return same !== undefined && same.name === name && isExtended(algebraicType, same.algebraicType, mayGrow);
      })
    );
  }
  if (before.type === 'array' && now.type === 'array') return isExtended(before.element, now.element, mayGrow);
  return text(before) === text(now);
}

function isOption({ variants }: Extract<Type, { readonly type: 'sum' }>): boolean {
  return variants.length === 2 && variants[0]?.name === 'some' && variants[1]?.name === 'none';
}

function text(value: unknown): string {
  return JSON.stringify(value ?? null, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item));
}

test('the module keeps all that schema 1 released, and what is new came beside it', () => {
  expect(released.tables.length).toBeGreaterThan(30);
  expect(findBreaks(released, current)).toEqual([]);
  expect(current.procedures.map(({ name }) => name)).toContain('read_migrations');
});

describe('a break is found:', () => {
  const change = <T>(list: readonly T[], is: (one: T) => boolean, to: (one: T) => T | undefined): readonly T[] =>
    list.flatMap((one) => (is(one) ? (to(one) ?? []) : [one])) as readonly T[];
  const isEntity = ({ name }: { name: string }): boolean => name === 'entity';
  const isApply = ({ name }: { name: string }): boolean => name === 'apply';
  const isReading = ({ name }: { name: string }): boolean => name === 'read_entities';

  test.each<[string, (def: ModuleDef) => ModuleDef, RegExp]>([
    [
      'a table that is gone',
      (def) => ({ ...def, tables: change(def.tables, isEntity, () => undefined) }),
      /entity is gone/,
    ],
    [
      'a column at the end',
      (def) => ({
        ...def,
        tables: change(def.tables, isEntity, (table) => ({ ...table, columns: [...table.columns, table.columns[0]!] })),
      }),
      /entity has other columns/,
    ],
    [
      'an index that is gone',
      (def) => ({
        ...def,
        tables: change(def.tables, isEntity, (table) => ({ ...table, indexes: table.indexes.slice(1) })),
      }),
      /index /,
    ],
    [
      'a table that everybody sees',
      (def) => ({ ...def, tables: change(def.tables, isEntity, (table) => ({ ...table, access: 'public' as const })) }),
      /another access/,
    ],
    [
      'an argument more',
      (def) => ({
        ...def,
        reducers: change(def.reducers, isApply, (call) => ({ ...call, params: [...call.params, call.params[0]!] })),
      }),
      /apply takes something else/,
    ],
    [
      'an op in the middle',
      (def) => ({
        ...def,
        reducers: change(def.reducers, isApply, (call) => ({ ...call, params: call.params.map(reverseOps) })),
      }),
      /apply takes something else/,
    ],
    [
      'a result with something else in it',
      (def) => ({
        ...def,
        procedures: change(def.procedures, isReading, (call) => ({ ...call, returnType: { type: 'string' as const } })),
      }),
      /read_entities gives something else/,
    ],
  ])('%s', (_, breakIt, message) => {
    expect(findBreaks(released, breakIt(current)).join('\n')).toMatch(message);
  });

  test('an op at the end is none', () => {
    const grown = change(current.reducers, isApply, (call) => ({ ...call, params: call.params.map(growOps) }));
    expect(findBreaks(released, { ...current, reducers: grown })).toEqual([]);
  });
});

type Param = ModuleDef['reducers'][number]['params'][number];

const reverseOps = (param: Param): Param => changeOps(param, (variants) => [...variants].reverse());
const growOps = (param: Param): Param =>
  changeOps(param, (variants) => [...variants, { name: 'later', algebraicType: { type: 'string' } }]);

type Variants = Extract<Type, { readonly type: 'sum' }>['variants'];

function changeOps(param: Param, to: (variants: Variants) => Variants): Param {
  const { algebraicType: type } = param;
  if (type.type !== 'array' || type.element.type !== 'sum') return param;
  return { ...param, algebraicType: { type: 'array', element: { type: 'sum', variants: to(type.element.variants) } } };
}
