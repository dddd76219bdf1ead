import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setGlobalLogLevel } from 'spacetimedb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { generateBindings } from '../../src/codegen/generate-bindings.ts';
import { makeClientModule } from '../../src/codegen/client-module.ts';
import type { Host } from '../../src/host.ts';
import { openHost } from '../../src/open-host.ts';
import { describeModule } from '../../src/module/describe-module.ts';
import { decodeRawModuleDef } from '../../src/schema/decode-module-def.ts';
import { createTestHost, type TestHost } from '../../src/testing/index.ts';
import { DbConnection, tables } from '../fixtures/sub-module-bindings.ts';
import { ADA, bundleOf, openModule } from '../module-database.ts';

setGlobalLogLevel('error');

type SubscriptionBuilder = ReturnType<DbConnection['subscriptionBuilder']>;

function subscribed(connection: DbConnection, subscribe: (builder: SubscriptionBuilder) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    subscribe(
      connection
        .subscriptionBuilder()
        .onApplied(() => resolve())
        .onError(({ event }) => reject(event)),
    );
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe('the parts of submodules', () => {
  test('have dotted names; functions are numbered through, each module before its submodules', async () => {
    const { def } = (await openModule('sub-module.ts')).database;
    expect(def.tables.map(({ name, accessor }) => `${name} ${accessor}`).sort()).toEqual([
      'item item',
      'lib.alarm lib.alarm',
      'lib.inner.part lib.inner.part',
      'lib.lib_item lib.libItem',
      'lib.rung lib.rung',
      'lib.secret lib.secret',
    ]);
    expect(def.reducers.map(({ id, name }) => `${id} ${name}`)).toEqual([
      '0 add_item',
      '1 copy_names',
      '2 init',
      '3 lib.add_item',
      '4 lib.add_part_too',
      '5 lib.grow_items',
      '6 lib.ring_alarm',
      '7 lib.set_alarm',
      '8 lib.inner.add_part',
    ]);
    expect(def.procedures.map(({ id, name }) => `${id} ${name}`)).toEqual([
      '0 count_items',
      '1 lib.tell_secrets',
      '2 lib.inner.count_parts',
    ]);
    expect(def.views.map(({ id, name, isAnonymous }) => `${isAnonymous} ${id} ${name}`)).toEqual([
      'true 0 all_items',
      'true 1 lib.large_items',
      'false 0 lib.own_items',
      'true 2 lib.inner.long_labels',
    ]);
    const item = def.tables.find(({ name }) => name === 'lib.lib_item')!;
    expect(item.indexes.map(({ name, accessor }) => `${name} ${accessor}`)).toContain(
      'lib.lib_item_box_size_item_name_idx_btree lib.libItem_boxSize_itemName_idx_btree',
    );
    expect(item.constraints.map(({ name }) => name)).toEqual(['lib.lib_item_id_key', 'lib.lib_item_item_name_key']);
    expect(item.sequences.map(({ name }) => name)).toEqual(['lib.lib_item_id_seq']);
    expect(def.tables.find(({ name }) => name === 'lib.alarm')?.schedule).toMatchObject({
      name: 'lib.alarm_sched',
      functionName: 'lib.ring_alarm',
    });
    expect(def.types.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Item', 'lib.ItemKind', 'lib.inner.Part']),
    );
  });

  test('are reached by the code of every module that includes them', async () => {
    const test = await openModule('sub-module.ts');
    expect(test.call(ADA, 'lib.add_item', 'box', 3).outcome).toEqual({ type: 'committed' });
    expect(test.call(ADA, 'lib.add_item', 'crate', 30).outcome).toEqual({ type: 'committed' });
    expect(test.call(ADA, 'lib.grow_items', 30).outcome).toEqual({ type: 'committed' });
    expect(test.call(ADA, 'lib.add_part_too', 7).outcome).toEqual({ type: 'committed' });
    expect(test.call(ADA, 'copy_names').outcome).toEqual({ type: 'committed' });
    expect(test.rows('lib.lib_item').map(([id, name, size]) => [id, name, size])).toEqual([
      [1n, 'box', 3],
      [2n, 'crate', 31],
    ]);
    expect(test.rows('lib.inner.part')).toEqual([[7, 'part 7']]);
    expect(test.rows('item').map(([, text]) => text)).toEqual(['library 1.0', 'box', 'crate']);
    expect(test.run(ADA, 'lib.tell_secrets').value).toBe('1 box, 2 crate');
    expect(test.run(ADA, 'lib.inner.count_parts').value).toBe(1n);
    expect(test.run(ADA, 'count_items').value).toBe(3n);
    expect(test.logs.filter(({ level }) => level === 'error' || level === 'panic')).toEqual([]);
  });

  test('keep their constraints, and refuse in their own words', async () => {
    const test = await openModule('sub-module.ts');
    test.call(ADA, 'lib.add_item', 'box', 3);
    expect(test.call(ADA, 'lib.add_item', 'box', 4).outcome).toMatchObject({ type: 'failed-internal' });
    expect(test.call(ADA, 'lib.add_item', '', 4).outcome).toEqual({
      type: 'failed-user',
      message: 'an item needs a name',
    });
    expect(test.rows('lib.lib_item')).toHaveLength(1);
    expect(test.logTexts().join('\n')).toContain('UniqueAlreadyExists');
  });

  test('are called by their canonical dotted names alone, and what is scheduled by nobody but the owner', async () => {
    const { database } = await openModule('sub-module.ts');
    for (const name of ['lib.addItem', 'lib_add_item', 'inner.add_part', 'lib.inner', 'lib.ring_alarm']) {
      const { outcome } = database.callReducer(ADA, name, new Uint8Array(64));
      expect(outcome).toMatchObject({ type: 'failed-internal', message: 'no such reducer' });
    }
  });

  test('are told to clients that are typed by the source, each with the types of its own module', async () => {
    const { database } = await openModule('sub-module.ts');
    const client = makeClientModule(decodeRawModuleDef(database.describe()), database.def);
    const table = client.tables.find(({ accessor }) => accessor === 'lib.libItem');
    expect(table?.columns.map(({ accessor }) => accessor)).toEqual(['id', 'itemName', 'boxSize', 'kind', 'owner']);
    expect(client.reducers.find(({ accessor }) => accessor === 'lib.inner.addPart')).toEqual({
      name: 'lib.inner.add_part',
      accessor: 'lib.inner.addPart',
      params: [
        { name: 'id', algebraicType: { type: 'u32' } },
        { name: 'partLabel', algebraicType: { type: 'string' } },
      ],
    });
  });
});

describe('the official SDK', () => {
  let host: TestHost;

  beforeEach(async () => {
    host = await createTestHost({ module: await bundleOf('sub-module.ts') });
  });
  afterEach(() => host.close());

  test('follows tables and views of submodules, and calls their functions', async () => {
    const [ada, bob] = [await host.connect(DbConnection, 'ada'), await host.connect(DbConnection, 'bob')];
    await subscribed(ada, (builder) =>
      builder.subscribe([
        tables.lib.libItem.where((row) => row.boxSize.gt(1)),
        tables.lib.ownItems,
        tables.lib.largeItems,
        tables.lib.inner.part,
        tables.lib.inner.longLabels,
      ]),
    );
    await subscribed(bob, (builder) =>
      builder.subscribe(['SELECT * FROM lib.own_items', 'SELECT * FROM "lib"."libItem"']),
    );
    const changes: string[] = [];
    ada.db['lib.libItem'].onUpdate((_context, before, row) => changes.push(`${before.boxSize}>${row.boxSize}`));
    await ada.reducers['lib.addItem']({ itemName: 'box', boxSize: 3 });
    await ada.reducers['lib.addItem']({ itemName: 'crate', boxSize: 30 });
    await bob.reducers['lib.addItem']({ itemName: 'dot', boxSize: 1 });
    await ada.reducers['lib.growItems']({ boxSize: 30 });
    await ada.reducers['lib.inner.addPart']({ id: 1, partLabel: 'wheel' });
    expect(Array.from(ada.db['lib.libItem'].iter(), (row) => row.itemName).sort()).toEqual(['box', 'crate']);
    expect(ada.db['lib.libItem'].itemName.find('crate')).toMatchObject({ boxSize: 31, kind: { tag: 'Large' } });
    expect(changes).toEqual(['30>31']);
    expect(Array.from(ada.db['lib.ownItems'].iter(), (row) => row.itemName).sort()).toEqual(['box', 'crate']);
    expect(Array.from(ada.db['lib.largeItems'].iter(), (row) => row.itemName)).toEqual(['crate']);
    expect(Array.from(ada.db['lib.inner.part'].iter())).toEqual([{ id: 1, partLabel: 'wheel' }]);
    expect(Array.from(ada.db['lib.inner.longLabels'].iter())).toEqual([{ id: 1, partLabel: 'wheel' }]);
    await until(() => bob.db['lib.libItem'].count() === 3n);
    expect(Array.from(bob.db['lib.ownItems'].iter(), (row) => row.itemName)).toEqual(['dot']);
    expect(await ada.procedures['lib.tellSecrets']({})).toBe('1 box, 2 crate, 3 dot');
    expect(await ada.procedures['lib.inner.countParts']({})).toBe(1n);
    await expect(ada.reducers['lib.addItem']({ itemName: '', boxSize: 1 })).rejects.toThrow('an item needs a name');
  });

  test('does not see their private tables', async () => {
    const ada = await host.connect(DbConnection, 'ada');
    await expect(subscribed(ada, (builder) => builder.subscribe('SELECT * FROM lib.secret'))).rejects.toThrow(
      'no such table: `lib.secret`',
    );
    const owner = await host.connect(DbConnection, 'owner');
    await subscribed(owner, (builder) => builder.subscribe('SELECT * FROM lib.inner.part'));
  });

  test('hears of what they schedule', async () => {
    const ada = await host.connect(DbConnection, 'ada');
    await subscribed(ada, (builder) => builder.subscribe([tables.lib.rung]));
    const rung: string[] = [];
    ada.db['lib.rung'].onInsert((_context, { text }) => rung.push(text));
    const atMicros = host.time.nowMicros() + 60_000_000n;
    await ada.reducers['lib.setAlarm']({ text: 'wake up', atMicros });
    host.time.advance(60_000_000n);
    await until(() => rung.length === 1);
    expect(rung).toEqual(['wake up']);
    expect(await host.sql('SELECT * FROM lib.alarm')).toEqual([]);
  });

  test('has bindings that are kept beside the module', async () => {
    const kept = await readFile(new URL('../fixtures/sub-module-bindings.ts', import.meta.url), 'utf8');
    expect(generateBindings(await describeModule(await bundleOf('sub-module.ts')))).toBe(kept);
  });
});

describe('a host that serves a module with submodules', () => {
  let data: string;
  let host: Host;

  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'submodules-'));
    host = await openHost({ data, logger: { log: () => undefined } });
    await host.publish({ name: 'test', module: await bundleOf('sub-module.ts') });
  });
  afterEach(async () => {
    await host.close();
    await rm(data, { recursive: true, force: true });
  });

  test('answers HTTP calls, SQL and questions for the schema by dotted names', async () => {
    const server = await host.serve({ host: '127.0.0.1', port: 0 });
    const at = `${server.address}/v1/database/test`;
    const headers = { authorization: `Bearer ${host.ownerToken}`, 'content-type': 'application/json' };
    const post = (path: string, body: string) => fetch(`${at}/${path}`, { method: 'POST', headers, body });
    expect((await post('call/lib.add_item', '["box", 12]')).status).toBe(200);
    expect((await post('call/lib.inner.add_part', '{"id": 4, "part_label": "wheel"}')).status).toBe(200);
    expect(await (await post('call/lib.tell_secrets', '[]')).json()).toBe('1 box');
    for (const sql of [
      'SELECT item_name FROM lib.lib_item WHERE lib.lib_item.box_size = 12',
      'SELECT "i"."itemName" FROM "lib"."libItem" AS i',
      'SELECT itemName FROM lib.largeItems',
    ]) {
      const [answer] = (await (await post('sql', sql)).json()) as { rows: unknown[] }[];
      expect(answer?.rows).toEqual([['box']]);
    }
    await post('sql', `INSERT INTO lib.inner.part (id, part_label) VALUES (5, 'axle')`);
    await post('sql', `UPDATE lib.inner.part SET part_label = 'spoke' WHERE lib.inner.part.id = 4`);
    await post('sql', `DELETE FROM "lib"."inner"."part" WHERE id = 5`);
    expect(await host.sql('test', 'SELECT * FROM lib.inner.part')).toMatchObject([
      { rows: [{ id: 4, partLabel: 'spoke' }] },
    ]);
    const schema = await (await fetch(`${at}/schema?version=10`)).text();
    expect(schema).toContain('"namespace":"inner"');
    const older = (await (await fetch(`${at}/schema?version=9`)).json()) as { tables: { name: string }[] };
    // Version 9 has no place for submodules.
    expect(older.tables.map(({ name }) => name)).toEqual(['item']);
  });

  test('finds their rows and sequences again after a restart', async () => {
    await host.sql('test', `INSERT INTO lib.inner.part VALUES (1, 'wheel')`);
    await host.close();
    host = await openHost({ data, logger: { log: () => undefined } });
    expect(await host.sql('test', 'SELECT id FROM lib.inner.part')).toMatchObject([{ rows: [{ id: 1 }] }]);
  });

  test('migrates them with the module around them', async () => {
    const server = await host.serve({ host: '127.0.0.1', port: 0 });
    const headers = { authorization: `Bearer ${host.ownerToken}`, 'content-type': 'application/json' };
    const add = (args: string) =>
      fetch(`${server.address}/v1/database/test/call/lib.add_item`, { method: 'POST', headers, body: args });
    await add('["box", 12]');
    const module = await bundleOf('sub-module-more.ts');
    const plan = await host.planPublish({ name: 'test', module });
    expect(plan.refusals).toEqual([]);
    expect(plan.steps).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'add-columns', table: 'lib.lib_item' }),
        expect.objectContaining({ type: 'remove-table', table: 'lib.alarm' }),
        expect.objectContaining({ type: 'remove-view', view: 'lib.own_items' }),
      ]),
    );
    await host.publish({ name: 'test', module, policy: 'break-clients' });
    await add('["crate", "red"]');
    expect(await host.sql('test', 'SELECT id, itemName, colour FROM lib.libItem')).toMatchObject([
      {
        rows: [
          { id: 1n, itemName: 'box', colour: 'grey' },
          { id: 2n, itemName: 'crate', colour: 'red' },
        ],
      },
    ]);
  });
});
