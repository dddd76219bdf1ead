import { expect } from 'vitest';
import { call, oneOff } from '../session-fixtures/test-client.ts';
import { bsatn } from './encoding.ts';
import { type ConformanceHost, fixture, source } from './forms.ts';
import { section } from './rule.ts';

const tableOf = (host: ConformanceHost, name: string) => {
  const found = host.hosted.database.def.tables.find((table) => table.name === name);
  if (found === undefined) throw new Error(`there is no table ${name}`);
  return found;
};

section('Names of a definition', { module: fixture('conf-names.ts') }, (rule) => {
  rule(
    'tables and columns are in snake case, split at digits and acronyms; explicit names stay as they are',
    (host) => {
      expect(host.hosted.database.def.tables.map(({ name, accessor }) => [name, accessor]).sort()).toEqual([
        ['direct', 'direct'],
        ['my_sched', 'Sched'],
        ['person', 'person'],
        ['result', 'result'],
        ['with_default', 'withDefault'],
      ]);
      expect(tableOf(host, 'person').columns.map(({ name, accessor }) => [name, accessor])).toEqual([
        ['id', 'id'],
        ['col_a', 'colA'],
        ['col_b', 'colB'],
        ['col_c', 'colC'],
        ['seq_2', 'seq2'],
        ['info_of_http', 'infoOfHTTP'],
        ['state', 'state'],
      ]);
    },
  );
  rule('indexes, constraints, sequences and schedules are named after table and columns', (host) => {
    const person = tableOf(host, 'person');
    expect(person.indexes.map(({ name, isUnique }) => [name, isUnique])).toEqual([
      ['person_id_idx_btree', true],
      ['person_col_a_col_b_col_c_idx_btree', false],
      ['person_col_a_col_b_idx_hash', false],
      ['my_named_index', false],
    ]);
    expect(person.constraints.map(({ name }) => name)).toEqual(['person_id_key']);
    expect(person.sequences.map(({ name }) => name)).toEqual(['person_id_seq', 'person_seq_2_seq']);
    expect(tableOf(host, 'direct').indexes.map(({ name }) => name)).toEqual(['direct_k_idx_direct']);
    expect(tableOf(host, 'my_sched')).toMatchObject({
      indexes: [{ name: 'my_sched_scheduled_id_idx_btree' }],
      schedule: { name: 'my_sched_sched', functionName: 'run_sched' },
    });
  });
  rule(
    'functions are in snake case and numbered by the names of their exports; an explicit name of a procedure is converted',
    (host) => {
      const { reducers, procedures, views } = host.hosted.database.def;
      expect(reducers.map(({ id, name, visibility }) => `${id} ${name} ${visibility}`)).toEqual([
        '0 add_person client-callable',
        '1 RenamedRed client-callable',
        '2 run client-callable',
        '3 run_sched private',
        '4 z_last client-callable',
      ]);
      expect(reducers[0]!.params.map(({ name }) => name)).toEqual(['first_name', 'user_id_2_x']);
      expect(procedures.map(({ name }) => name)).toEqual(['renamed_proc']);
      expect(views.map(({ name }) => name)).toEqual(['v_anon', 'v_opt']);
    },
  );
  rule('types are in Pascal case, variants in camel case, fields in snake case', async (host) => {
    const { text } = await host.http('GET', '/v1/database/test/schema?version=9');
    const { types } = JSON.parse(text) as { types: { name: { name: string } }[] };
    expect(types.map(({ name }) => name.name)).toEqual(expect.arrayContaining(['HttpInfo', 'GameState']));
    const { columns } = tableOf(host, 'person');
    expect(columns[5]!.algebraicType).toMatchObject({ elements: [{ name: 'user_id' }, { name: 'player_name_1' }] });
    expect(columns[6]!.algebraicType).toMatchObject({ variants: [{ name: 'inLobby' }, { name: 'running2' }] });
  });
  rule('calls go by the canonical name alone; SQL takes either', async (host) => {
    const client = await host.dial({ as: 'ada' });
    const args = bsatn((writer) => (writer.string(`by name ${host.form}`), writer.u32(9)));
    expect(await client.ask(call('reducer', 1, 'addPerson', args))).toMatchObject({ message: 'no such reducer' });
    expect(await client.ask(call('reducer', 2, 'add_person', args))).toMatchObject({ outcome: 'ok' });
    expect(await client.ask(call('reducer', 3, 'RenamedRed'))).toMatchObject({ outcome: 'ok' });
    expect(await client.ask(call('procedure', 4, 'renamed_proc'))).toMatchObject({ returned: '01000000' });
    for (const sql of ['SELECT * FROM withDefault WHERE level1 = 7', 'SELECT * FROM with_default WHERE level_1 = 7']) {
      expect(await client.ask(oneOff(5, sql))).toMatchObject({ tables: [{ table: 'with_default' }] });
    }
  });
  rule('only the columns of a unique constraint make an index unique, and defaults are known', (host) => {
    expect(tableOf(host, 'with_default').columns[1]!.defaultValue).toEqual(Uint8Array.of(7, 0, 0, 0));
    expect(tableOf(host, 'with_default').indexes).toMatchObject([{ isUnique: true, columns: [0] }]);
  });
});

const HEAD = `import { schema, table, t, SenderError } from 'spacetimedb/server';\n`;

/** Publishes a module beside the one under test; gives why it was refused. */
async function refusalOf(host: ConformanceHost, text: string): Promise<string> {
  return host.host.publish({ name: 'other', module: source(HEAD + text) }).then(
    async () => {
      await host.host.deleteDatabase('other');
      return 'published';
    },
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

section(
  'What is refused when it is published',
  { module: fixture('conf-names.ts'), forms: ['memory', 'disk', 'thread'] },
  (rule) => {
    rule('a module that is none, throws, waits, or exports what it may not', async (host) => {
      const cases: readonly [string, RegExp][] = [
        ['export const nothing = 1;', /must export schema as default export/],
        ['export default 7;', /must export schema as default export/],
        ['export default schema({}); export const other = 5;', /not a spacetime export/],
        [`throw new Error('the module breaks');`, /the module breaks/],
        ['await new Promise(() => {}); export default schema({});', /top-level await/i],
        [`import fs from 'node:fs'; export default schema({}); fs.statSync('/');`, /node:fs/],
        [
          `const s = schema({}); export default s; export const a = s.init((ctx) => { throw new SenderError('init says no'); });`,
          /init says no/,
        ],
        [
          `const s = schema({}); export default s; export const a = s.init((ctx) => { throw new Error('init breaks'); });`,
          /\S/,
        ],
      ];
      for (const [text, message] of cases) expect(await refusalOf(host, text), text).toMatch(message);
      expect(host.host.databases.map(({ name }) => name)).toEqual(['test']);
    });
    rule('a module for another interface than SpacetimeDB 2 is refused by name', async (host) => {
      for (const [text, message] of [
        [`import * as sys from 'spacetime:sys@1.0'; export default sys;`, /sys@1|2\.0|rebuil/i],
        [`import * as sys from 'spacetime:sys@3.0'; export default sys;`, /spacetime:sys@3\.0/],
      ] as const) {
        await expect(host.host.publish({ name: 'other', module: text })).rejects.toThrow(message);
      }
    });
    rule('a definition that breaks the rules, every break told at once', async (host) => {
      const cases: readonly [string, readonly RegExp[]][] = [
        [
          `const st_mine = table({ name: 'st_mine' }, { id: t.u32() });
         const other = table({ name: '1st' }, { id: t.u32() });
         const s = schema({ st_mine, other }); export default s;`,
          [/st_mine/, /1st/],
        ],
        [
          `const a = table({ name: 'a' }, { id: t.string().primaryKey() as any }); const b = table({ name: 'a' }, { id: t.u32() });
         const s = schema({ a, b }); export default s;`,
          [/"?a"?/],
        ],
        [
          `const a = table({ name: 'a' }, { fooBar: t.u32(), foo_bar: t.u32() });
         const s = schema({ a }); export default s;`,
          [/foo_bar/],
        ],
        [
          `const s = schema({}); export default s;
         export const doIt = s.reducer(() => {}); export const do_it = s.procedure(t.unit(), () => ({}));`,
          [/do_it/],
        ],
        [
          `const a = table({ name: 'thing' }, { id: t.u32().primaryKey() });
         const s = schema({ a }); export default s;
         export const thing = s.anonymousView({ public: true }, t.array(a.rowType), () => []);`,
          [/thing/],
        ],
        [
          `const a = table({ name: 'a', scheduled: (): any => go }, { id: t.u32().primaryKey(), at: t.scheduleAt() });
         const s = schema({ a }); export default s; export const go = s.reducer({ arg: a.rowType }, () => {});`,
          [/\ba\b/],
        ],
        [
          `const a = table({ name: 'a', scheduled: (): any => go }, { id: t.u64().primaryKey(), at: t.scheduleAt() });
         const s = schema({ a }); export default s; export const go = s.reducer({ arg: t.u32() }, () => {});`,
          [/go/],
        ],
        [
          `const a = table({ name: 'a', indexes: [{ accessor: 'x', algorithm: 'btree', columns: ['id'] }, { accessor: 'y', algorithm: 'btree', columns: ['id'] }] }, { id: t.u32() });
         const s = schema({ a }); export default s;`,
          [/a_id_idx_btree/],
        ],
      ];
      for (const [text, messages] of cases) {
        const refusal = await refusalOf(host, text);
        expect(refusal, text).not.toBe('published');
        for (const message of messages) expect(refusal, text).toMatch(message);
      }
    });
    rule('a refused module leaves nothing, and another one may have its name', async (host) => {
      expect(await refusalOf(host, 'export default 7;')).not.toBe('published');
      expect(await refusalOf(host, 'export default schema({});')).toBe('published');
      expect(host.host.databases.map(({ name }) => name)).toEqual(['test']);
    });
  },
);
