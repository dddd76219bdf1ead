import { describe, expect, test } from 'vitest';
import { bundleOf, programs } from '../../test/module-database.ts';
import { describeProgram } from '../module/describe-program.ts';
import { moduleDefToJson } from '../sats-json/module-def-json.ts';
import { moduleDefToV9Json } from '../sats-json/module-def-v9-json.ts';
import { decodeRawModuleDef } from '../schema/decode-module-def.ts';
import type { ModuleDef } from '../schema/module-def.ts';
import { generateBindings } from './generate-bindings.ts';
import { readModuleSchema } from './read-schema.ts';

async function describeFixture(fixture: string): Promise<{ readonly raw: Uint8Array; readonly def: ModuleDef }> {
  return describeProgram(await programs.load(await bundleOf(fixture)));
}

describe('a schema that a server tells', () => {
  test.each(['kinds.ts', 'people.ts', 'shapes.ts', 'http-handlers.ts', 'rls-rooms.ts', 'sub-module.ts'])(
    'of version 10 is the definition of the module %s',
    async (fixture) => {
      const { raw, def } = await describeFixture(fixture);
      expect(readModuleSchema(moduleDefToJson(raw), 10)).toEqual(def);
    },
  );

  test('of version 9 gives the same tables and functions, under their canonical names', async () => {
    const { raw, def } = await describeFixture('kinds.ts');
    const older = readModuleSchema(moduleDefToV9Json(def, decodeRawModuleDef(raw)), 9);
    const shape = ({ tables, views, reducers, procedures }: ModuleDef): unknown => ({
      tables: tables.map(({ name, columns, primaryKey, access }) => ({
        name,
        columns: named(columns),
        primaryKey,
        access,
      })),
      views: views.map(({ name, columns, isPublic }) => ({ name, columns: named(columns), isPublic })),
      reducers: reducers.map(({ name, params, lifecycle }) => ({ name, params, lifecycle })),
      procedures: procedures.map(({ name, params, returnType }) => ({ name, params, returnType })),
    });
    expect(shape(older)).toEqual(shape(def));
    expect(generateBindings(older)).toContain('user_v2: __table(');
  });

  test('of version 9 knows which functions are private by their schedules and events', async () => {
    const { raw, def } = await describeFixture('people.ts');
    const older = readModuleSchema(moduleDefToV9Json(def, decodeRawModuleDef(raw)), 9);
    expect(older.lifecycle).toEqual(def.lifecycle);
    expect(older.reducers.find(({ name }) => name === 'on_tick')?.visibility).toBe('private');
  });

  test.each([
    ['no JSON', '{', /JSON/i],
    ['another document', '{"hello":1}', /the schema: expected an object with the member sections/],
    ['a type that is none', '{"sections":[{"Typespace":{"types":[{"Strange":[]}]}}]}', /types\[0\]: expected a type/],
    [
      'a broken reference',
      '{"sections":[{"Types":[{"source_name":{"scope":[],"source_name":"A"},"ty":7,"custom_ordering":true}]}]}',
      /InvalidTypeRef|reference|ref/i,
    ],
    ['numbers out of range', '{"sections":[{"Typespace":{"types":[{"Ref":-1}]}}]}', /expected a position/],
  ])('is refused where it is %s', (_what, text, reason) => {
    expect(() => readModuleSchema(text, 10)).toThrow(reason);
  });
});

function named(columns: ModuleDef['tables'][number]['columns']): unknown {
  return columns.map(({ name, algebraicType }) => ({ name, algebraicType }));
}
