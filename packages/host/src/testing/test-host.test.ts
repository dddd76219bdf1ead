import { TimeDuration, Timestamp } from 'spacetimedb';
import { afterEach, describe, expect, test } from 'vitest';
import * as people from '../../test/fixtures/people-bindings.ts';
import * as shapes from '../../test/fixtures/shapes-bindings.ts';
import { bundleOf } from '../../test/module-database.ts';
import { createTestHost, type TestHost } from './index.ts';

let running: TestHost | undefined;

afterEach(async () => {
  await running?.close();
  running = undefined;
});

async function start(fixture: string): Promise<TestHost> {
  running = await createTestHost({ module: await bundleOf(fixture) });
  return running;
}

function subscribed(connection: people.DbConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection
      .subscriptionBuilder()
      .onApplied(() => resolve())
      .onError((context) => reject(context.event))
      .subscribe([people.tables.person, people.tables.result, people.tables.visit, people.tables.signal]);
  });
}

describe('createTestHost', () => {
  test('gives real connections for several identities, each seeing the others', async () => {
    const host = await start('people.ts');
    const ada = await host.connect(people.DbConnection, 'ada');
    const bob = await host.connect(people.DbConnection, 'bob');
    await subscribed(ada);
    await subscribed(bob);
    expect(ada.identity?.toHexString()).not.toBe(bob.identity?.toHexString());
    const seen = new Promise<string>((resolve) => bob.db.signal.onInsert((_context, { text }) => resolve(text)));
    await ada.reducers.addPerson({ name: 'ada', team: 'red', age: 36 });
    expect(ada.db.person.id.find(1n)).toEqual({ id: 1n, name: 'ada', team: 'red', age: 36 });
    expect(await seen).toBe('added 1');
    expect(Array.from(bob.db.person.byTeamAndAge.filter(['red', 36]), ({ name }) => name)).toEqual(['ada']);
    expect(await bob.procedures.countPeople({ team: 'red' })).toBe(1n);
    await expect(bob.reducers.removePerson({ id: 9n })).rejects.toThrow('no person 9');
    await expect(bob.reducers.failAfterWrite({ how: 'error' })).rejects.toThrow(
      'The instance encountered a fatal error.',
    );
    expect(host.logs.map(({ message }) => message.split('\n')[0])).toEqual(['no person 9', 'Error: secret detail']);
  });

  test('connects the same name as the same identity, and the owner as the owner', async () => {
    const host = await start('people.ts');
    const [first, second, owner] = [
      await host.connect(people.DbConnection, 'ada'),
      await host.connect(people.DbConnection, 'ada'),
      await host.connect(people.DbConnection),
    ];
    expect(first.identity?.toHexString()).toBe(second.identity?.toHexString());
    expect(owner.identity?.toHexString()).toBe(host.host.owner.toString(16).padStart(64, '0'));
  });

  test('moves its clock when told, and schedules run when it does', async () => {
    const host = await start('people.ts');
    const ada = await host.connect(people.DbConnection, 'ada');
    await subscribed(ada);
    await ada.reducers.schedule({ label: 'often', delayMicros: 1_000_000n, every: true });
    host.time.advance(3_500_000n);
    // The next answer comes after what the schedule changed.
    await ada.reducers.searchPeople({});
    expect(ada.db.result.key.find('tick often')?.value).toBe('3');
  });

  test('says why the module refused a client', async () => {
    const host = await start('refusing.ts');
    await expect(host.connect(people.DbConnection, 'ada')).rejects.toMatchObject({
      code: 'identity/forbidden',
      message: 'members only',
    });
    await host.connect(people.DbConnection);
  });

  test('carries every type unchanged between client, module and table', async () => {
    const host = await start('shapes.ts');
    const connection = await host.connect(shapes.DbConnection);
    await new Promise<void>((resolve) => {
      connection
        .subscriptionBuilder()
        .onApplied(() => resolve())
        .subscribe(shapes.tables.drawing.where((row) => row.name.eq('näme')));
    });
    const outline = {
      tag: 'Polygon',
      value: [
        { x: 1, y: -0.5 },
        { x: Infinity, y: 2 ** -40 },
      ],
    } as const;
    await connection.reducers.draw({
      name: 'näme',
      center: { x: 1, y: 2 },
      outline: { ...outline, value: [...outline.value] },
      color: { tag: 'Green' },
      parts: [{ tag: 'Nothing' }],
      maybe: undefined,
    });
    await connection.reducers.draw({
      name: 'other',
      center: { x: 1, y: 2 },
      outline: { tag: 'Circle', value: 3 },
      color: { tag: 'Red' },
      parts: [],
      maybe: 5,
    });
    const [row, ...others] = [...connection.db.drawing.iter()];
    expect(others).toEqual([]);
    expect(row).toMatchObject({
      id: 1n,
      name: 'näme',
      code: 0,
      flag: true,
      i8Value: -8,
      i16Value: -16,
      u16Value: 16,
      i64Value: -64n,
      i128Value: -(2n ** 100n),
      u128Value: 2n ** 100n,
      i256Value: -(2n ** 200n),
      u256Value: 2n ** 200n,
      f32Value: 0.5,
      f64Value: 0.1,
      bytes: new Uint8Array([1, 2, 3]),
      names: ['näme', 'näme'],
      center: { x: 1, y: 2 },
      outline,
      color: { tag: 'Green' },
      maybe: { x: 1, y: 2 },
      link: { url: 'ws://example' },
    });
    expect(row?.owner.isEqual(connection.identity!)).toBe(true);
    expect(row?.createdAt).toEqual(new Timestamp(host.time.nowMicros()));
    expect(row?.took).toEqual(new TimeDuration(0n));
    expect(row?.unique.getVersion()).toBe('V7');
    expect(await connection.procedures.measure({ shape: { tag: 'Circle', value: 3 } })).toMatchObject({
      area: 6,
      color: { tag: 'Green' },
    });
  });
});
