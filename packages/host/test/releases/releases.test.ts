import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { identityToHex } from '../../src/identity/identity.ts';
import { describeModule } from '../../src/module/describe-module.ts';
import { createTestHost, type TestHost } from '../../src/testing/index.ts';
import type { DbConnection } from '../fixtures/people-bindings.ts';
import { ADA, openModule } from '../module-database.ts';
import { loadBindings, type PeopleBindings } from './bindings.ts';
import { bundleSource, bundleWith, RELEASES } from './library.ts';

/** What a module does that uses much of the library; the parts that a release lacks are left out by name. */
const SOURCE = `
  import { SenderError, schema, table, t } from 'spacetimedb/server';
  const item = table(
    {
      name: 'item',
      public: true,
      indexes: [
        { accessor: 'byKindAndSize', algorithm: 'btree', columns: ['kind', 'size'] },
        { accessor: 'byKind', algorithm: 'hash', columns: ['kind'] },
        { accessor: 'byRank', algorithm: 'direct', column: 'rank' },
      ],
    },
    { id: t.u32().primaryKey().autoInc(), name: t.string().unique(), kind: t.string(), size: t.i64(), rank: t.u8() },
  );
  const found = table({ name: 'found', public: true }, { key: t.string().primaryKey(), value: t.string() });
  const s = schema({ item, found });
  export default s;
  const note = (ctx, key, value) => {
    if (ctx.db.found.key.find(key)) ctx.db.found.key.update({ key, value });
    else ctx.db.found.insert({ key, value });
  };
  const names = (rows) => [...rows].map((row) => row.name).join();
  export const fill = s.reducer((ctx) => {
    for (let n = 0; n < 5; n++) {
      const row = ctx.db.item.insert({ id: 0, name: 'n' + n, kind: n % 2 ? 'odd' : 'even', size: BigInt(n), rank: n });
      if (row.id !== n + 1) throw new Error('id ' + row.id);
    }
  });
  export const search = s.reducer((ctx) => {
    note(ctx, 'kind and size', names(ctx.db.item.byKindAndSize.filter(['even', 2n])));
    note(ctx, 'prefix', names(ctx.db.item.byKindAndSize.filter(['odd'])));
    note(ctx, 'hash', names(ctx.db.item.byKind.filter('even')));
    note(ctx, 'direct', names(ctx.db.item.byRank.filter(3)));
    note(ctx, 'unique', String(ctx.db.item.name.find('n4')?.id));
    note(ctx, 'none', String(ctx.db.item.name.find('n9') ?? 'none'));
    note(ctx, 'helpers', ctx.db.item.iter().filter((row) => row.size > 1n).map((row) => row.name).toArray().join());
    note(ctx, 'early end', (() => { for (const row of ctx.db.item.iter()) return row.name; })());
    note(ctx, 'count', String(ctx.db.item.count()));
  });
  export const change = s.reducer((ctx) => {
    const row = ctx.db.item.id.find(1);
    ctx.db.item.id.update({ ...row, kind: 'changed' });
    note(ctx, 'deleted by key', String(ctx.db.item.id.delete(2)));
    note(ctx, 'deleted by index', String(ctx.db.item.byKindAndSize.delete(['odd'])));
    note(ctx, 'deleted by row', String(ctx.db.item.delete(ctx.db.item.id.find(3))));
    note(ctx, 'left', [...ctx.db.item.iter()].map((row) => row.name).sort().join());
  });
  export const collide = s.reducer((ctx) => {
    try {
      ctx.db.item.insert({ id: 0, name: 'n0', kind: '', size: 0n, rank: 0 });
    } catch (error) {
      note(ctx, 'collision', error.constructor.name + ' ' + (error instanceof Error));
    }
    throw new SenderError(ctx.db.found.key.find('collision').value);
  });
  export const facts = s.procedure({ key: t.string() }, t.option(t.string()), (ctx, { key }) => {
    const before = ctx.withTx((tx) => tx.db.found.key.find(key)?.value);
    ctx.withTx((tx) => note(tx, 'asked', key));
    return before;
  });
  export const evenItems = s.view({ name: 'even_items', public: true }, t.array(item.rowType), (ctx) =>
    [...ctx.db.item.byKind.filter('even')]);
  export const nobody = s.anonymousView({ name: 'nobody', public: true }, t.option(item.rowType), (ctx) =>
    ctx.db.item.id.find(99));
  export const built = s.anonymousView({ name: 'built', public: true }, t.array(item.rowType), (ctx) =>
    ctx.from.item.where((row) => row.kind.eq('odd')));
`;

const FOUND = {
  'kind and size': 'n2',
  prefix: 'n1,n3',
  hash: 'n0,n2,n4',
  direct: 'n3',
  unique: '5',
  none: 'none',
  helpers: 'n2,n3,n4',
  'early end': 'n0',
  count: '5',
};

const CHANGED = { 'deleted by key': 'true', 'deleted by index': '1', 'deleted by row': 'true', left: 'n0,n4' };

let running: TestHost | undefined;

afterEach(async () => {
  await running?.close();
  running = undefined;
});

async function start(module: string): Promise<TestHost> {
  running = await createTestHost({ module });
  return running;
}

describe.each(RELEASES)('a module made with release $version of the library', ({ library }) => {
  function call(host: TestHost, name: string): unknown {
    const caller = { identity: host.identityOf('owner'), connectionId: 0n };
    return host.hosted.database.callReducer(caller, name, new Uint8Array(0)).outcome;
  }

  const found = async (host: TestHost): Promise<Record<string, unknown>> =>
    Object.fromEntries((await host.sql('SELECT * FROM found')).map(({ key, value }) => [key, value]));

  test.each(['people.ts', 'shapes.ts', 'bench.ts'])('describes %s as the newest does', async (fixture) => {
    const [own, newest] = await Promise.all(
      [library, 'spacetimedb' as const].map(async (from) => describeModule(await bundleWith(from, fixture))),
    );
    expect(own).toEqual(newest);
  });

  test('reads and writes by every kind of index, and its views follow', async () => {
    const host = await start(await bundleSource(library, SOURCE));
    for (const name of ['fill', 'search']) expect([name, call(host, name)]).toEqual([name, { type: 'committed' }]);
    expect(await found(host)).toEqual(FOUND);
    expect((await host.sql('SELECT * FROM even_items')).map(({ name }) => name)).toEqual(['n0', 'n2', 'n4']);
    expect((await host.sql('SELECT * FROM built')).map(({ name }) => name)).toEqual(['n1', 'n3']);
    expect(await host.sql('SELECT * FROM nobody')).toEqual([]);
    expect(call(host, 'change')).toEqual({ type: 'committed' });
    expect(await found(host)).toMatchObject(CHANGED);
    expect((await host.sql('SELECT * FROM even_items')).map(({ name }) => name)).toEqual(['n4']);
  });

  test('gets errors that it knows, and refuses in words that reach the caller', async () => {
    const host = await start(await bundleSource(library, SOURCE));
    call(host, 'fill');
    const uncaught = expect.stringMatching(/^UniqueAlreadyExists true$|^UniqueAlreadyExistsError true$/);
    expect(call(host, 'collide')).toMatchObject({ type: 'failed-user', message: uncaught });
    expect(await found(host)).toEqual({});
  });

  test('runs schedules, procedures and lifecycle reducers, and forgets what fails', async () => {
    const people = await openModule('people.ts', { program: await bundleWith(library, 'people.ts') });
    expect(people.result('init')).toBe(people.database.owner.toString(16).padStart(64, '0'));
    expect(people.database.connect(ADA, '{"sub":"ada","iss":"test","aud":[]}')).toMatchObject({ type: 'accepted' });
    expect(people.rows('visit')).toEqual([[[ADA.connectionId], [ADA.identity], 'ada']]);
    people.call(ADA, 'schedule', 'often', 1_000_000n, true);
    people.call(ADA, 'schedule_job', 'soon', 500_000n);
    people.time.advance(2_500_000n);
    expect(people.result('tick often')).toBe('2');
    expect(people.result('job soon')).toBe('0 left');
    people.call(ADA, 'add_person', 'ann', 'red', 30);
    expect(people.call(ADA, 'fail_after_write', 'error').outcome).toMatchObject({ type: 'failed-internal' });
    expect(people.run(ADA, 'move_team', 'red', 'blue', 'abort').result.outcome).toMatchObject({ type: 'failed' });
    expect(people.run(ADA, 'move_team', 'red', 'blue', '').value).toBe(1);
    expect(people.rows('person')).toEqual([[1n, 'ann', 'blue', 30]]);
    people.call(ADA, 'write_notes', 2000, 100);
    people.call(ADA, 'read_notes');
    expect(people.result('notes')).toMatch(/^2000 /);
    people.database.disconnect(ADA);
    expect([people.rows('visit'), people.result('disconnected')]).toEqual([[], '1']);
    await people.database.close();
  });

  describe.each(['in process', 'over a WebSocket'])('and its client SDK %s', (transport) => {
    let bindings: PeopleBindings;
    let module: string;
    let host: TestHost;
    let address: string | undefined;

    beforeAll(async () => {
      module = await bundleWith(library, 'people.ts');
      bindings = await loadBindings(library, module);
    });

    beforeEach(async () => {
      host = await start(module);
      address =
        transport === 'in process' ? undefined : (await host.host.serve({ host: '127.0.0.1', port: 0 })).address;
    });

    async function connect(name: string): Promise<DbConnection> {
      if (address === undefined) return host.connect(bindings.DbConnection, name);
      const token = await host.tokenOf(name);
      return new Promise((resolve, reject) => {
        bindings.DbConnection.builder()
          .withUri(address!.replace('http', 'ws'))
          .withDatabaseName(host.databaseName)
          .withToken(token)
          .onConnect((connection) => resolve(connection))
          .onConnectError((_context, error) => reject(error))
          .build();
      });
    }

    test('sees rows, events, refusals and results', async () => {
      const [ada, bob] = [await connect('ada'), await connect('bob')];
      expect(ada.identity?.toHexString()).toBe(identityToHex(host.identityOf('ada')));
      const { person, signal } = bindings.tables;
      await new Promise<void>((resolve, reject) => {
        bob
          .subscriptionBuilder()
          .onApplied(() => resolve())
          .onError((context) => reject(context.event))
          .subscribe([person, signal]);
      });
      const told = new Promise<string>((resolve) => bob.db.signal.onInsert((_context, { text }) => resolve(text)));
      await ada.reducers.addPerson({ name: 'ann', team: 'red', age: 30 });
      expect(await told).toBe('added 1');
      expect(bob.db.person.id.find(1n)).toEqual({ id: 1n, name: 'ann', team: 'red', age: 30 });
      const updated = new Promise<string>((resolve) =>
        bob.db.person.onUpdate((_context, before, after) => resolve(`${before.name} ${after.name}`)),
      );
      await ada.reducers.renamePerson({ id: 1n, name: 'anne' });
      expect(await updated).toBe('ann anne');
      await expect(bob.reducers.removePerson({ id: 9n })).rejects.toThrow('no person 9');
      expect(await bob.procedures.countPeople({ team: 'red' })).toBe(1n);
      for (const connection of [ada, bob]) connection.disconnect();
    });
  });
});
