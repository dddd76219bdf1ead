import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../src/host.ts';
import { openHost } from '../src/open-host.ts';
import { moduleDefToJson } from '../src/sats-json/module-def-json.ts';
import type { RunningServer } from '../src/server/serve.ts';
import { bundleOf } from './module-database.ts';

const MODULES = ['people', 'shapes', 'http-handlers', 'view-game'];

let host: Host;
let server: RunningServer;
let decodeByLibrary: (bytes: Uint8Array) => unknown;

beforeAll(async () => {
  host = await openHost({ memory: true, logger: { log: () => undefined } });
  for (const name of MODULES) await host.createDatabase({ name, module: await bundleOf(`${name}.ts`) });
  server = await host.serve({ host: '127.0.0.1', port: 0 });
  decodeByLibrary = await loadLibraryDecoder();
});

afterAll(() => host.close());

const get = (query: string, database = 'people', headers: Record<string, string> = {}) =>
  fetch(`${server.address}/v1/database/${database}/schema${query}`, { headers });

/** The definition's decoder that lies inside the library: it is not exported, and knows every field by its name. */
async function loadLibraryDecoder(): Promise<(bytes: Uint8Array) => unknown> {
  const library = join(dirname(createRequire(import.meta.url).resolve('spacetimedb')), '../src/lib');
  const { outputFiles } = await build({
    stdin: {
      contents: `
        export { RawModuleDef } from './autogen/types';
        export { default as BinaryReader } from './binary_reader';
      `,
      resolveDir: library,
    },
    bundle: true,
    write: false,
    format: 'esm',
    logLevel: 'silent',
  });
  const url = `data:text/javascript;base64,${Buffer.from(outputFiles[0]!.contents).toString('base64')}`;
  // The library's own declarations do not hold under our compiler settings.
  const { RawModuleDef, BinaryReader } = (await import(/* @vite-ignore */ url)) as {
    RawModuleDef: { deserialize(reader: unknown): unknown };
    BinaryReader: new (bytes: Uint8Array) => unknown;
  };
  return (bytes) => RawModuleDef.deserialize(new BinaryReader(bytes));
}

const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What the library decoded, in the form of the document; options are their value or undefined. */
function fromLibrary(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(fromLibrary);
  if (typeof value !== 'object' || value === null) return value;
  if ('tag' in value) {
    const payload = 'value' in value ? fromLibrary(value.value) : undefined;
    const isUnit = payload === undefined || (typeof payload === 'object' && Object.keys(payload ?? {}).length === 0);
    return { [String(value.tag)]: isUnit ? [] : payload };
  }
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [snake(key), fromLibrary(field)]));
}

/** The document with options as their value or undefined. */
function withoutOptions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOptions);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === 'some') return withoutOptions(first[1]);
  if (entries.length === 1 && first?.[0] === 'none') return undefined;
  return Object.fromEntries(entries.map(([key, field]) => [key, withoutOptions(field)]));
}

describe('the definition of version 10', () => {
  test.each(MODULES)('of %s says what the library says of the same bytes', async (database) => {
    const response = await get('?version=10', database);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
    const document: unknown = JSON.parse(await response.text());
    const decoded = decodeByLibrary(await host.database(database).database.describe());
    expect({ V10: withoutOptions(document) }).toEqual(fromLibrary(decoded));
  });

  test('has the form that SpacetimeDB gives it', async () => {
    const text = await (await get('?version=10', 'shapes')).text();
    expect(text.startsWith('{"sections":[{"')).toBe(true);
    expect(text).toContain(
      '{"source_name":"hidden","product_type_ref":' + /"hidden","product_type_ref":(\d+)/.exec(text)![1]!,
    );
    expect(text).toContain('"table_access":{"Private":[]},"default_values":[],"is_event":false}');
    expect(text).toContain('{"name":{"some":"i128Value"},"algebraic_type":{"I128":[]}}');
  });

  test('is refused when the bytes are none', () => {
    expect(() => moduleDefToJson(Uint8Array.of(1, 0, 0, 0, 0))).toThrow('version 10');
    expect(() => moduleDefToJson(Uint8Array.of(2, 1, 0, 0, 0, 99))).toThrow('tag 99 of a section');
    expect(() => moduleDefToJson(Uint8Array.of(2, 0, 0, 0, 0, 7))).toThrow('left over');
    const nested = Array.from({ length: 40 }, () => [1, 0, 0, 0, 14, 1, 0, 0, 0, 1, 0, 0, 0, 0x61]).flat();
    expect(() => moduleDefToJson(Uint8Array.of(2, ...nested, 0, 0, 0, 0))).toThrow('nested deeper than 16 levels');
  });
});

describe('the definition of version 9', () => {
  const v9 = async (database: string) =>
    withoutOptions(JSON.parse(await (await get('?version=9', database)).text())) as {
      typespace: { types: unknown[] };
      tables: { name: string; product_type_ref: number }[];
      types: { ty: number }[];
      reducers: unknown[];
      misc_exports: unknown[];
    };

  test('names tables, columns and functions canonically', async () => {
    const document = await v9('people');
    const tick = document.tables.find(({ name }) => name === 'tick')!;
    expect(tick).toMatchObject({
      primary_key: [0],
      schedule: { name: 'tick_sched', reducer_name: 'on_tick', scheduled_at_column: 1 },
      table_type: { User: [] },
      table_access: { Private: [] },
      sequences: [{ name: 'tick_id_seq', column: 0, increment: 1 }],
      constraints: [{ name: 'tick_id_key', data: { Unique: { columns: [0] } } }],
    });
    expect(document.typespace.types[tick.product_type_ref]).toMatchObject({
      Product: { elements: [{ name: 'id' }, { name: 'scheduled_at' }, { name: 'label' }] },
    });
    expect(document.tables.find(({ name }) => name === 'person')).toMatchObject({
      indexes: expect.arrayContaining([
        { name: 'person_team_age_idx_btree', accessor_name: 'byTeamAndAge', algorithm: { BTree: [2, 3] } },
        { name: 'person_team_idx_hash', accessor_name: 'byTeam', algorithm: { Hash: [2] } },
      ]),
    });
    expect(document.reducers).toContainEqual({
      name: 'on_connect',
      params: { elements: [] },
      lifecycle: { OnConnect: [] },
    });
    expect(document.reducers).toContainEqual({
      name: 'rename_person',
      params: {
        elements: [
          { name: 'id', algebraic_type: { U64: [] } },
          { name: 'name', algebraic_type: { String: [] } },
        ],
      },
    });
    expect(document.misc_exports).toContainEqual({
      Procedure: {
        name: 'count_people',
        params: { elements: [{ name: 'team', algebraic_type: { String: [] } }] },
        return_type: { U64: [] },
      },
    });
  });

  test('has references that lead to types, variants in camel case, and views', async () => {
    const shapes = await v9('shapes');
    const references = JSON.stringify(shapes).matchAll(/"(?:Ref|ty|product_type_ref)":(\d+)/g);
    for (const [, reference] of references) expect(Number(reference)).toBeLessThan(shapes.typespace.types.length);
    expect(JSON.stringify(shapes.typespace)).toContain('"created_at"');
    expect(JSON.stringify(shapes.typespace)).toContain('"__timestamp_micros_since_unix_epoch__"');
    const game = await v9('view-game');
    expect(JSON.stringify(game.misc_exports)).toContain('"View":{"name":"my_player"');
  });
});

describe('the route', () => {
  test('needs a version that it knows', async () => {
    for (const query of ['', '?version=', '?version=8', '?version=ten']) {
      const response = await get(query);
      expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('version=10')]);
    }
  });

  test('is for anybody, of databases that are there', async () => {
    expect((await get('?version=10', 'nowhere')).status).toBe(404);
    expect((await get('?version=10', 'people', { authorization: 'Bearer nonsense' })).status).toBe(401);
    const { token } = await host.tokens.issue();
    expect((await get('?version=10', 'people', { authorization: `Bearer ${token}` })).status).toBe(200);
    expect(
      (await get('?version=10', 'people', { origin: 'https://page.example' })).headers.get(
        'access-control-allow-origin',
      ),
    ).toBe('*');
  });

  test('tells nothing of the owner or of tokens', async () => {
    const text = await (await get('?version=10')).text();
    expect(text).not.toContain(host.ownerToken);
  });
});
