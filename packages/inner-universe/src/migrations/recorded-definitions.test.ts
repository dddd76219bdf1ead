import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestUniverse } from '../testing/create-test-universe.ts';
import type { TestUniverse } from '../testing/test-universe.ts';
import type { Universe } from '../universe.ts';
import type { DataMigration } from './define-migrations.ts';

let testUniverse: TestUniverse;
let universe: Universe;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
  ({ universe } = testUniverse);
  await universe.graph.createEntity('person', { id: 'ada', properties: { first: 'Ada', last: 'Lovelace' } });
  await universe.states.open('cart', { items: ['pen'] });
});
afterEach(() => testUniverse.close());

const mark = (id: string, key = id): DataMigration => ({
  id,
  entities: {
    person: ({ properties }) => (properties[key] === undefined ? { properties: { [key]: true } } : undefined),
  },
});
const propertiesOf = async (): Promise<unknown> => (await universe.graph.getEntity('ada'))?.properties;

test('one that is done and is defined over something else now is refused with what to do, by plan as by apply', async () => {
  await universe.migrate([mark('one')]);
  const changed: DataMigration = { ...mark('one'), states: { cart: (state) => state } };
  for (const call of [universe.migrations.plan([changed]), universe.migrate([mark('zero'), changed])]) {
    await expect(call).rejects.toMatchObject({
      code: 'migration/changed',
      message: expect.stringContaining('with another id'),
      details: { migration: 'one', begun: 'entity person', defined: 'entity person, state cart (main)' },
    });
  }
  expect(await propertiesOf()).toMatchObject({ one: true });
  expect(await propertiesOf()).not.toMatchObject({ zero: true });
});

test('one that is done as another version is refused, and the same one is left as it is', async () => {
  await universe.migrate([mark('one')]);
  expect(await universe.migrate([{ ...mark('one', 'other'), version: 1 }])).toMatchObject({ applied: [] });
  await expect(universe.migrate([{ ...mark('one', 'other'), version: 2 }])).rejects.toMatchObject({
    code: 'migration/changed',
    message: expect.stringContaining('version 1, not 2'),
    details: { begunVersion: 1, version: 2 },
  });
  expect(await universe.migrate([mark('one'), { ...mark('two'), version: 7 }])).toMatchObject({ applied: ['two'] });
  await expect(universe.migrations.plan([mark('one'), mark('two')])).rejects.toMatchObject({
    code: 'migration/changed',
  });
});

test.each([0, 1.5, '1', null])('a version that is none (%j) is refused', async (version) => {
  const wrong = { ...mark('one'), version } as unknown as DataMigration;
  await expect(universe.migrate([wrong])).rejects.toMatchObject({ code: 'migration/invalid' });
});

test('one that stands before one that is done is not run after it, unless that is asked for', async () => {
  await universe.migrate([mark('one'), mark('three')]);
  const list = [mark('one'), mark('two'), mark('three'), mark('four')];
  for (const call of [universe.migrations.plan(list), universe.migrate(list)]) {
    await expect(call).rejects.toMatchObject({
      code: 'migration/out-of-order',
      message: expect.stringContaining("outOfOrder: 'apply'"),
      details: { migration: 'two', done: 'three' },
    });
  }
  expect(await propertiesOf()).not.toMatchObject({ four: true });
  expect(await universe.migrations.plan(list, { outOfOrder: 'apply' })).toMatchObject([
    { state: 'done' },
    { state: 'pending' },
    { state: 'done' },
    { state: 'pending' },
  ]);
  expect(await universe.migrate(list, { outOfOrder: 'apply' })).toMatchObject({ applied: ['two', 'four'] });
  expect(await universe.migrate(list)).toMatchObject({ applied: [] });
});

test('of several programs each may have migrations of its own, and leave out the others’', async () => {
  await universe.migrate([mark('one')]);
  expect(await universe.migrate([mark('mine')])).toMatchObject({ applied: ['mine'] });
  expect(await universe.migrate([mark('one')])).toMatchObject({ applied: [] });
});

const joined: DataMigration = {
  id: 'joined',
  entities: {
    person: ({ properties: { first, last } }) =>
      first === undefined
        ? undefined
        : { properties: { name: `${String(first)} ${String(last)}` }, removeProperties: ['first', 'last'] },
  },
  states: {
    cart: {
      branches: 'all',
      migrate: (state) => ({ items: (state as { items: string[] }).items.map((name) => ({ name })) }),
    },
  },
};
const upper: DataMigration = {
  id: 'upper',
  entities: { person: ({ properties: { name } }) => ({ properties: { name: String(name).toUpperCase() } }) },
  states: {
    cart: (state) => ({
      items: (state as { items: { name: string }[] }).items.map(({ name }) => ({ name, count: 1 })),
    }),
  },
};

test('a plan shows each migration on what those before it will leave, and is what apply then does', async () => {
  const before = await propertiesOf();
  const [first, second] = await universe.migrations.plan([joined, upper]);
  expect(first?.parts[0]?.samples).toMatchObject([{ patch: { properties: { name: 'Ada Lovelace' } } }]);
  expect(second?.parts).toMatchObject([
    {
      changed: 1,
      samples: [{ before: { properties: { name: 'Ada Lovelace' } }, patch: { properties: { name: 'ADA LOVELACE' } } }],
    },
    { changed: 1, samples: [{ patch: [{ op: 'add', path: '/items/0/count', value: 1 }] }] },
  ]);
  expect(await propertiesOf()).toEqual(before);
  expect(await universe.migrate([joined, upper])).toMatchObject({ migrations: [{ changed: 2 }, { changed: 2 }] });
  expect(await propertiesOf()).toEqual({ name: 'ADA LOVELACE' });
  expect((await universe.states.open('cart')).state).toEqual({ items: [{ name: 'pen', count: 1 }] });
});

test('what a migration before makes undone is planned as it will be: nothing', async () => {
  const undo: DataMigration = { id: 'undo', entities: { person: () => ({ removeProperties: ['first'] }) } };
  const rename: DataMigration = {
    id: 'rename',
    entities: { person: ({ properties: { first } }) => (first === undefined ? undefined : { name: String(first) }) },
  };
  const [, plan] = await universe.migrations.plan([undo, rename]);
  expect(plan?.parts).toMatchObject([{ read: 1, changed: 0, samples: [] }]);
});
