import { expect } from 'vitest';
import { call, subscribe } from '../session-fixtures/test-client.ts';
import { strings } from './encoding.ts';
import { type ConformanceHost, DATABASE, source } from './forms.ts';
import { section } from './rule.ts';

/** What changes between the programs of a test; everything else is the same. */
interface Parts {
  readonly itemOptions?: string;
  readonly columns?: string;
  readonly tables?: string;
  readonly names?: string;
  readonly functions?: string;
}

const COLUMNS = 'id: t.u32().primaryKey(), name: t.string(), mood: Mood';

function program({
  itemOptions = 'public: true',
  columns = COLUMNS,
  tables = '',
  names = '',
  functions = '',
}: Parts = {}) {
  return source(`
    import { schema, table, t, SenderError } from 'spacetimedb/server';
    const Mood = t.enum('Mood', ['calm', 'loud']);
    const Mood3 = t.enum('Mood', ['calm', 'loud', 'wild']);
    const MoodFewer = t.enum('Mood', ['calm']);
    const item = table({ name: 'item', ${itemOptions} }, { ${columns} });
    const extra = table({ name: 'extra', public: true }, { id: t.u64().primaryKey().autoInc(), text: t.string() });
    ${tables}
    const spacetimedb = schema({ item, extra${names} });
    export default spacetimedb;
    export const init = spacetimedb.init((ctx: any) => { ctx.db.extra.insert({ id: 0n, text: 'init' }); });
    export const steps = spacetimedb.reducer({ list: t.array(t.string()) }, (ctx: any, { list }) => {
      for (const name of list) ctx.db.item.insert({ ...([...ctx.db.item.iter()][0] ?? {}), id: Number(ctx.db.item.count()) + 1, name, mood: { tag: 'calm' } });
    });
    ${functions}
  `);
}

async function fill(host: ConformanceHost): Promise<void> {
  const client = await host.dial({ as: 'ada' });
  expect(await client.ask(call('reducer', 1, 'steps', strings(['one', 'two'])))).toMatchObject({ outcome: 'ok' });
  client.close();
  await client.ended();
}

const publish = (host: ConformanceHost, parts: Parts, policy?: 'break-clients') =>
  host.host.publish({ name: DATABASE, module: program(parts), policy });

const refusalOf = (host: ConformanceHost, parts: Parts): Promise<string> =>
  publish(host, parts, 'break-clients').then(
    ({ outcome }) => outcome,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

section('Publishing again', { module: program(), isFresh: true }, (rule) => {
  rule('the same program changes nothing; another one keeps the data, and init does not run again', async (host) => {
    await fill(host);
    expect((await publish(host, {})).outcome).toBe('unchanged');
    const functions = 'export const other = spacetimedb.reducer(() => {});';
    expect((await publish(host, { functions })).outcome).toBe('updated');
    expect(await host.sql('SELECT name FROM item')).toHaveLength(2);
    expect(await host.sql('SELECT text FROM extra')).toEqual([{ text: 'init' }]);
    await host.restart();
    expect(await host.sql('SELECT name FROM item')).toHaveLength(2);
    const client = await host.dial({ as: 'ada' });
    expect(await client.ask(call('reducer', 1, 'other'))).toMatchObject({ outcome: 'ok' });
  });
  rule(
    'tables, indexes, functions and variants are added with clients connected, whose subscriptions go on',
    async (host) => {
      await fill(host);
      const client = await host.dial({ as: 'ada' });
      await client.ask(subscribe(1, 1, 'SELECT * FROM item'));
      await publish(host, {
        columns: 'id: t.u32().primaryKey(), name: t.string().index("btree"), mood: Mood3',
        tables: `const added = table({ name: 'added', public: true }, { id: t.u32().primaryKey() });`,
        names: ', added',
      });
      expect(await client.ask(call('reducer', 2, 'steps', strings(['three'])))).toMatchObject({ outcome: 'ok' });
      expect(client.held('item')).toHaveLength(3);
      expect(await client.ask(subscribe(3, 3, 'SELECT * FROM added'))).toMatchObject({ type: 'subscribed' });
      expect(client.closed).toBeUndefined();
      expect(await host.sql(`SELECT id FROM item WHERE name = 'two'`)).toEqual([{ id: 2 }]);
    },
  );
  rule(
    'columns are added at the end with their defaults, by a plan that breaks clients: refused, or every client ended',
    async (host) => {
      await fill(host);
      const columns = `${COLUMNS}, score: t.u32().default(7), word: t.string().default('none')`;
      const client = await host.dial({ as: 'ada' });
      await expect(publish(host, { columns })).rejects.toMatchObject({ code: 'database/breaks-clients' });
      expect(client.closed).toBeUndefined();
      await publish(host, { columns }, 'break-clients');
      expect((await client.ended()).code).toBe(1001);
      expect(await host.sql('SELECT name, score, word FROM item WHERE id = 1')).toEqual([
        { name: 'one', score: 7, word: 'none' },
      ]);
      await host.restart();
      expect(await host.sql('SELECT score FROM item WHERE id = 2')).toEqual([{ score: 7 }]);
    },
  );
  rule(
    'what would lose or misread data is refused, every reason at once, and the old program goes on',
    async (host) => {
      await fill(host);
      const cases: readonly [Parts, RegExp][] = [
        [{ columns: 'id: t.u32().primaryKey(), mood: Mood' }, /name/],
        [{ columns: `${COLUMNS}, score: t.u32()` }, /default/],
        [{ columns: 'name: t.string(), id: t.u32().primaryKey(), mood: Mood' }, /item/],
        [{ columns: 'id: t.u64().primaryKey(), name: t.string(), mood: Mood' }, /id/],
        [{ columns: 'id: t.u32().primaryKey(), name: t.string(), mood: MoodFewer' }, /mood/i],
        [{ itemOptions: 'public: true, event: true' }, /event/i],
        [{ columns: 'id: t.u32().primaryKey(), name: t.option(t.string()), mood: Mood' }, /name/],
      ];
      for (const [parts, message] of cases) {
        const refusal = await refusalOf(host, parts);
        expect(refusal, JSON.stringify(parts)).not.toMatch(/^(updated|unchanged)$/);
        expect(refusal, JSON.stringify(parts)).toMatch(message);
      }
      await fill(host);
      expect(await host.sql('SELECT name FROM item')).toHaveLength(4);
    },
  );
  rule('a unique column is added when its values are, and refused by name when they are not', async (host) => {
    await fill(host);
    await host.sql(`UPDATE item SET name = 'same'`);
    const columns = 'id: t.u32().primaryKey(), name: t.string().unique(), mood: Mood';
    expect(await refusalOf(host, { columns })).toMatch(/same/);
    await host.sql(`UPDATE item SET name = 'other' WHERE id = 2`);
    expect(await refusalOf(host, { columns })).toBe('updated');
    await expect(host.sql(`UPDATE item SET name = 'same' WHERE id = 2`)).rejects.toThrow();
  });
  rule('a table is removed when it is empty, and not before', async (host) => {
    const withMore: Parts = {
      tables: `const more = table({ name: 'more', public: true }, { id: t.u32().primaryKey() });`,
      names: ', more',
      functions: `export const put = spacetimedb.reducer((ctx: any) => { ctx.db.more.insert({ id: 1 }); });`,
    };
    await publish(host, withMore);
    const client = await host.dial({ as: 'ada' });
    await client.ask(call('reducer', 1, 'put'));
    client.close();
    expect(await refusalOf(host, {})).toMatch(/`?more`?.*data/s);
    await host.sql('DELETE FROM more');
    expect(await refusalOf(host, {})).toBe('updated');
    await expect(host.sql('SELECT * FROM more')).rejects.toThrow(/no such table: `more`/);
  });
  rule('a program that does not load, or whose view fails for who uses it, changes nothing', async (host) => {
    await fill(host);
    for (const bad of ['export default 7;', 'throw new Error("breaks");']) {
      await expect(host.host.publish({ name: DATABASE, module: source(bad) })).rejects.toThrow();
    }
    await fill(host);
    expect(await host.sql('SELECT name FROM item')).toHaveLength(4);
  });
  rule('with the data deleted, init runs as the first time; the identity stays, clients are ended', async (host) => {
    await fill(host);
    const { identity } = host.hosted;
    const client = await host.dial({ as: 'ada' });
    await host.host.publish({
      name: DATABASE,
      module: program({ columns: 'other: t.string()', functions: '' }),
      clear: true,
    });
    await client.ended();
    expect(host.hosted.identity).toBe(identity);
    expect(await host.sql('SELECT * FROM item')).toEqual([]);
    expect(await host.sql('SELECT text FROM extra')).toEqual([{ text: 'init' }]);
  });
  rule('a plan tells what would happen, and changes nothing', async (host) => {
    await fill(host);
    const plan = await host.host.planPublish({
      name: DATABASE,
      module: program({ columns: `${COLUMNS}, score: t.u32().default(7)` }),
    });
    expect(plan).toMatchObject({ breaksClients: true, refusals: [] });
    expect(plan.text).toMatch(/score/);
    const refused = await host.host.planPublish({
      name: DATABASE,
      module: program({ columns: 'id: t.u64().primaryKey()' }),
    });
    expect(refused.refusals.length).toBeGreaterThanOrEqual(2);
    expect((await host.host.publish({ name: DATABASE, module: program() })).outcome).toBe('unchanged');
  });
});
