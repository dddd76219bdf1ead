import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { bundleOf } from '../../test/module-database.ts';
import type { AlgebraicType } from '../bsatn/algebraic-type.ts';
import { describeModule } from '../module/describe-module.ts';
import type { ColumnDef, ModuleDef, TableDef } from '../schema/module-def.ts';
import { generateBindings } from './generate-bindings.ts';

const EMPTY: ModuleDef = {
  tables: [],
  reducers: [],
  procedures: [],
  views: [],
  lifecycle: {},
  rowLevelSecurity: [],
  types: [],
  httpHandlers: [],
  httpRoutes: [],
};

const U32: AlgebraicType = { type: 'u32' };

function makeTable(name: string, columns: readonly string[]): TableDef {
  return {
    id: 1,
    name,
    accessor: name,
    columns: columns.map((column): ColumnDef => ({ name: column, accessor: column, algebraicType: U32 })),
    primaryKey: undefined,
    indexes: [],
    constraints: [],
    sequences: [],
    access: 'public',
    isEvent: false,
    isSystem: false,
  };
}

/** A definition with a submodule, as one flat list of dotted names. */
const WITH_SUBMODULE: ModuleDef = {
  ...EMPTY,
  tables: [makeTable('item', ['id']), makeTable('lib.item', ['id', 'size']), makeTable('lib.inner.part', ['id'])],
  reducers: ['add_item', 'lib.add_item', 'lib.inner.drop_part'].map((name, id) => ({
    id,
    name,
    accessor: name,
    params: [{ name: 'new_size', algebraicType: U32 }],
    visibility: 'client-callable',
  })),
  procedures: ['lib.count', 'lib.weigh'].map((name, id) => ({
    id,
    name,
    accessor: name,
    params: [],
    returnType: U32,
    visibility: 'client-callable',
  })),
};

function readKept(name: string): Promise<string> {
  return readFile(new URL(`../../test/fixtures/${name}-bindings.ts`, import.meta.url), 'utf8');
}

describe('generated bindings', () => {
  // The files are type-checked with the tests, formatted as the repository is, and used with the real SDK elsewhere.
  test.each(['people', 'shapes', 'kinds', 'view-game'])('of %s are those that are kept beside it', async (name) => {
    const generated = generateBindings(await describeModule(await bundleOf(`${name}.ts`)));
    expect(generated).toBe(await readKept(name));
  });

  test('nest what belongs to submodules under their names', async () => {
    expect(generateBindings(WITH_SUBMODULE)).toBe(await readKept('submodule'));
  });

  test('of a module without anything are a connection, and import nothing that is not used', async () => {
    expect(generateBindings(EMPTY)).toBe(await readKept('empty'));
  });

  test('are the same text each time, in whatever order a definition lists its parts', async () => {
    const def = await describeModule(await bundleOf('kinds.ts'));
    const reversed = {
      ...structuredClone(def),
      tables: def.tables.toReversed(),
      views: def.views.toReversed(),
      reducers: def.reducers.toReversed(),
      procedures: def.procedures.toReversed(),
      types: def.types.toReversed(),
    };
    expect(generateBindings(reversed)).toBe(generateBindings(def));
  });

  test('leave out what only the owner may see, and types of nothing else, unless asked for it', async () => {
    const def = await describeModule(await bundleOf('people.ts'));
    const open = generateBindings(def);
    const whole = generateBindings(def, { includePrivate: true });
    expect(open).not.toMatch(/name: 'note'|name: 'tick'|'on_tick'|'run_job'|const Job\b|const OnTick\b/);
    for (const name of [`name: 'note'`, `name: 'tick'`, `'on_tick'`, `'run_job'`, 'const Job ', 'const OnTick ']) {
      expect(whole).toContain(name);
    }
    for (const text of [open, whole]) expect(text).not.toMatch(/'on_connect'|'init'|st_client/);
  });

  test('keep the order of the wire where a name would be a number or another name', () => {
    const text = generateBindings({
      ...EMPTY,
      tables: [makeTable('t', ['b', '_1', 'foo_bar', 'fooBar', '__proto__'])],
    });
    const row = /__t\.row\(\{\n([^}]*)\}/
      .exec(text)?.[1]
      ?.split('\n')
      .map((line) => line.trim());
    expect(row).toEqual([
      'b: __t.u32(),',
      '_1: __t.u32(),',
      // The other column is called that.
      'foo_bar: __t.u32(),',
      'fooBar: __t.u32(),',
      `proto_: __t.u32().name('__proto__'),`,
      '',
    ]);
  });
});
