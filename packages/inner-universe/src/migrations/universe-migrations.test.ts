import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openKeyRing } from '../encryption/key-ring.ts';
import { MemoryKeyStore } from '../encryption/key-store.ts';
import { makeKeyWrapper, makeRandomKey } from '../encryption/key-wrapper.ts';
import { openUniverse } from '../open-universe.ts';
import { createTestUniverse, type TestUniverse } from '../testing/index.ts';
import type { Universe } from '../universe.ts';
import { defineMigrations, type DataMigration } from './define-migrations.ts';
import type { DataMigrationStatus } from './universe-migrations.ts';

let host: TestUniverse;
let universe: Universe;

beforeEach(async () => {
  host = await createTestUniverse();
  universe = host.universe;
});

afterEach(() => host.close());

async function addPeople(count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    await universe.graph.createEntity('person', { id: `p${at}`, properties: { first: 'Ada', last: `${at}` } });
  }
}

/** Not the same when it runs twice: whoever counts finds out. */
const count: DataMigration = {
  id: '2026-11-count',
  entities: { person: ({ properties }) => ({ properties: { runs: Number(properties['runs'] ?? 0) + 1 } }) },
};

async function runsOf(ids: readonly string[]): Promise<readonly unknown[]> {
  return Promise.all(ids.map(async (id) => (await universe.graph.getEntity(id))?.properties['runs']));
}

test('changes entities, relations and states by functions, and leaves alone what these leave', async () => {
  await addPeople(5);
  await universe.graph.createEntity('place', { id: 'here', properties: { name: 'here' } });
  await universe.graph.createRelation('lives-in', { id: 'r', from: 'p0', to: 'here', properties: { since: 1999 } });
  const cart = await universe.states.open<{ items: string[]; version?: number }>('cart', { items: ['apple'] });
  await cart.createBranch('gift');
  const migration: DataMigration = {
    id: '2026-11-names',
    description: 'One name in place of two.',
    entities: {
      person: ({ id, properties: { first, last } }) =>
        id === 'p3'
          ? undefined
          : { properties: { name: [first, last].join(' ') }, removeProperties: ['first', 'last'] },
    },
    relations: { 'lives-in': () => ({ strength: 0.5 }) },
    states: {
      cart: { branches: ['main', 'gift', 'none'], migrate: (state: { items: string[] }) => ({ ...state, version: 2 }) },
      unknown: () => ({ never: true }),
    },
  };
  const progress: DataMigrationStatus[] = [];
  const report = await universe.migrate([migration], { rowsMax: 2, onProgress: (one) => progress.push(one) });
  expect(report.applied).toEqual(['2026-11-names']);
  expect(report.migrations).toMatchObject([{ id: '2026-11-names', state: 'done', read: 8, changed: 7 }]);
  expect(progress.map(({ part }) => part)).toContain('relation lives-in');
  expect((await universe.graph.getEntity('p1'))?.properties).toEqual({ name: 'Ada 1' });
  expect((await universe.graph.getEntity('p3'))?.properties).toEqual({ first: 'Ada', last: '3' });
  expect(await universe.graph.getRelation('r')).toMatchObject({ strength: 0.5, properties: { since: 1999 } });
  for (const branch of ['main', 'gift']) {
    const store = await universe.states.open('cart', undefined, { branch });
    expect(store.state).toEqual({ items: ['apple'], version: 2 });
    const [head] = (await store.log({ limit: 1 })) as readonly { description: string; author: string }[];
    expect(head).toMatchObject({ description: 'One name in place of two.', author: 'migration:2026-11-names' });
    expect((await store.verify()).ok).toBe(true);
  }
  expect(await universe.states.has('unknown')).toBe(false);
});

test('runs once, whoever applies it and however often', async () => {
  await addPeople(7);
  const other = await host.as('owner');
  await Promise.all([universe.migrate([count], { rowsMax: 2 }), other.migrate([count], { rowsMax: 3 })]);
  expect(await universe.migrate([count])).toMatchObject({ applied: [], migrations: [{ state: 'done', changed: 7 }] });
  expect(await runsOf(['p0', 'p6'])).toEqual([1, 1]);
  await universe.graph.createEntity('person', { id: 'later' });
  await universe.migrate([count]);
  expect(await runsOf(['later'])).toEqual([undefined]);
});

test('a row that others change meanwhile is changed once, as it is then', async () => {
  await addPeople(9);
  const other = await host.as('owner');
  let step = 0;
  const touched: Promise<unknown>[] = [];
  await universe.migrate([count], {
    rowsMax: 3,
    onProgress: () => {
      step += 1;
      // One that was changed already, and one that comes yet: both go to the end of what is read.
      for (const id of ['p0', 'p8']) {
        if (step < 6) touched.push(other.graph.updateEntity(id, { properties: { touched: step } }));
      }
    },
  });
  await Promise.all(touched);
  expect(touched.length).toBeGreaterThan(4);
  expect(await runsOf(['p0', 'p1', 'p4', 'p8'])).toEqual([1, 1, 1, 1]);
});

test('called off, it is gone on with, and leaves nothing behind but its record', async () => {
  await addPeople(6);
  const leaving = new AbortController();
  const reason = new Error('enough for now');
  const aborted = universe.migrate([count], {
    rowsMax: 2,
    signal: leaving.signal,
    onProgress: ({ changed }) => changed >= 2 && leaving.abort(reason),
  });
  await expect(aborted).rejects.toBe(reason);
  expect(await universe.migrations.status([count])).toMatchObject([{ state: 'running', part: 'entity person' }]);
  expect((await universe.migrate([count])).applied).toEqual([count.id]);
  expect(await runsOf(['p0', 'p1', 'p2', 'p3', 'p4', 'p5'])).toEqual([1, 1, 1, 1, 1, 1]);
  const { entities } = await universe.client.queryEntities({ scope: '$migrations' });
  expect(entities.map(({ id, entityType }) => [id, entityType])).toEqual([['$migration:2026-11-count', '$migration']]);
  expect(await universe.migrations.status()).toMatchObject([{ id: count.id, state: 'done', changed: 6 }]);
});

test('a plan tells how much and shows some, and changes nothing', async () => {
  await addPeople(5);
  const cart = await universe.states.open<{ items: string[] }>('cart', { items: [] });
  const migration: DataMigration = {
    ...count,
    states: { cart: { branches: 'all', migrate: () => ({ items: [], currency: 'EUR' }) } },
  };
  const { seq } = universe.client;
  const [plan] = await universe.migrations.plan([migration], { samplesMax: 2 });
  expect(plan).toMatchObject({
    state: 'pending',
    parts: [
      { part: { kind: 'entity', type: 'person' }, read: 5, changed: 5 },
      { part: { kind: 'state', store: 'cart', branch: 'main' }, read: 1, changed: 1 },
    ],
  });
  expect(plan?.parts[0]?.samples).toMatchObject([
    { before: { id: 'p0' }, patch: { properties: { runs: 1 } } },
    { before: { id: 'p1' } },
  ]);
  expect(plan?.parts[1]?.samples).toEqual([
    { type: 'state', head: cart.versionId, patch: [{ op: 'add', path: '/currency', value: 'EUR' }] },
  ]);
  await universe.client.catchUp();
  expect(universe.client.seq).toBe(seq);
  await universe.migrate([migration]);
  expect(await universe.migrations.plan([migration])).toEqual([{ id: count.id, state: 'done', parts: [] }]);
});

test('large properties are replaced as a whole, and large changes go in several requests', async () => {
  const text = 'x'.repeat(300_000);
  for (let at = 0; at < 6; at += 1) {
    await universe.graph.createEntity('page', { id: `page${at}`, properties: at < 2 ? { text, at } : { at } });
  }
  const grow: DataMigration = {
    id: 'grow',
    entities: {
      page: ({ properties }) => ({ properties: { more: 'y'.repeat(200_000), at: Number(properties['at']) + 1 } }),
    },
  };
  await universe.migrate([grow]);
  for (let at = 0; at < 6; at += 1) {
    const page = await universe.graph.getEntity(`page${at}`);
    expect(page?.properties).toMatchObject({ at: at + 1, more: 'y'.repeat(200_000) });
    expect(page?.properties['text']).toBe(at < 2 ? text : undefined);
  }
});

test('what is sealed is open to functions, and sealed again', async () => {
  const wrapper = await makeKeyWrapper({ active: 'k', keys: { k: makeRandomKey() } });
  const keyRing = await openKeyRing({ store: new MemoryKeyStore(), wrapper });
  const encryption = { keyRing, entities: { person: ['ssn'] }, states: { patient: ['name'] } };
  const sealed = await openUniverse({ memory: true, encryption });
  try {
    await sealed.graph.createEntity('person', { id: 'ada', properties: { ssn: 'secret-1' } });
    await sealed.states.open('patient', { name: 'secret-ada', age: 36 });
    const migration: DataMigration = {
      id: 'longer',
      entities: { person: ({ properties }) => ({ properties: { ssn: `${String(properties['ssn'])}-2` } }) },
      states: { patient: (state: { name: string }) => ({ ...state, name: `${state.name} L.` }) },
    };
    await sealed.migrate([migration]);
    expect((await sealed.graph.getEntity('ada'))?.properties).toEqual({ ssn: 'secret-1-2' });
    const patient = await sealed.states.open('patient');
    expect(patient.state).toEqual({ name: 'secret-ada L.', age: 36 });
    expect((await sealed.client.getEntity('ada'))?.properties).not.toContain('secret');
    expect((await sealed.states.load(patient.versionId)).tree.stringify()).not.toContain('secret');
  } finally {
    await sealed.close();
  }
});

describe('a function that', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('no such thing');
      },
      /person 'p0'|entity 'p0'.*no such thing/,
    ],
    ['gives no patch', () => 7 as never, /gave no patch/],
    ['gives a promise', (async () => undefined) as never, /gave no patch/],
  ])('%s ends it, naming the row', async (_, migrate, message) => {
    await addPeople(1);
    const failing = universe.migrate([{ id: 'bad', entities: { person: migrate as () => undefined } }]);
    await expect(failing).rejects.toMatchObject({
      code: 'migration/function-failed',
      message: expect.stringMatching(message),
      details: { migration: 'bad', kind: 'entity', id: 'p0' },
    });
    await universe.migrate([{ id: 'bad', entities: { person: () => ({ name: 'mended' }) } }]);
    expect((await universe.graph.getEntity('p0'))?.name).toBe('mended');
  });
});

test('one that was begun over something else is not gone on with', async () => {
  await addPeople(3);
  const leaving = new AbortController();
  const stop = { rowsMax: 1, signal: leaving.signal, onProgress: () => leaving.abort() };
  await expect(universe.migrate([count], stop)).rejects.toThrow();
  const other = { ...count, relations: { knows: () => undefined } };
  await expect(universe.migrate([other])).rejects.toMatchObject({ code: 'migration/changed' });
});

test('what is wrong in a definition is told before anything is done', () => {
  const wrong: [unknown, RegExp][] = [
    [{ id: 'a' }, /not in an array/],
    [[{ entities: {} }], /no id/],
    [[{ id: 'x'.repeat(101), states: {} }], /no id/],
    [[{ id: 'a' }], /changes nothing/],
    [[{ id: 'a', entitys: {} }], /field 'entitys'/],
    [[{ id: 'a', entities: { person: {} } }], /no function for entities 'person'/],
    [[{ id: 'a', states: { cart: { branches: 'some', migrate: () => 1 } } }], /no function for states 'cart'/],
    [[count, count], /twice/],
  ];
  for (const [given, message] of wrong) {
    expect(() => defineMigrations(given as readonly DataMigration[])).toThrow(message);
    expect(() => defineMigrations(given as readonly DataMigration[])).toThrow(
      expect.objectContaining({ code: 'migration/invalid' }),
    );
  }
});

test('somebody with grants to all of it may migrate, and nobody else', async () => {
  await addPeople(2);
  const ada = await host.as('ada', [{ action: 'read', resource: 'entity:person' }]);
  await expect(ada.migrate([count])).rejects.toMatchObject({ code: 'permission/denied' });
  expect(await runsOf(['p0'])).toEqual([undefined]);
});

test.each([
  [{ proprties: { runs: 1 } }, "did you mean 'properties'?"],
  [{ properties: 'abc' }, 'an object'],
  [{ name: {} }, 'a text'],
  [{ tags: 5 }, 'a list of texts'],
  [{ removeProperties: 'first' }, 'a list of texts'],
  [{ clearValidity: 'yes' }, 'true or false'],
  [{ strength: 1 }, "no option 'strength'"],
])('a function that gives %j fails, nothing of it is written, and it can be run again', async (patch, message) => {
  await addPeople(3);
  const id = '2026-11-patch';
  const wrong: DataMigration = { id, entities: { person: (() => patch) as never } };
  const failed = { code: 'migration/function-failed', message: expect.stringContaining(message) };
  await expect(universe.migrations.plan([wrong])).rejects.toMatchObject(failed);
  await expect(universe.migrate([wrong])).rejects.toMatchObject(failed);
  const [status] = await universe.migrations.status([wrong]);
  expect(status).toMatchObject({ changed: 0 });
  expect(status?.state).not.toBe('done');
  expect(await runsOf(['p0', 'p1', 'p2'])).toEqual([undefined, undefined, undefined]);
  const { migrations } = await universe.migrate([{ id, entities: { person: () => ({ properties: { runs: 1 } }) } }]);
  expect(migrations).toMatchObject([{ state: 'done', changed: 3 }]);
  expect(await runsOf(['p0', 'p1', 'p2'])).toEqual([1, 1, 1]);
});

test.each([
  [{ rowMax: 5 }],
  [{ outOfOrder: 'yes' }],
  [{ onProgress: 5 }],
  [{ timeoutMs: Number.NaN }],
  [{ signal: {} }],
  [5],
])('migrating with %j is refused, and nothing is begun', async (options) => {
  await addPeople(1);
  const refused = { code: 'config/invalid' };
  await expect(universe.migrate([count], options as never)).rejects.toMatchObject(refused);
  await expect(universe.migrations.plan([count], options as never)).rejects.toMatchObject(refused);
  expect(await universe.migrations.status()).toEqual([]);
});

test('planning takes no number of samples that is none, and status no time', async () => {
  const refused = { code: 'config/invalid' };
  await expect(universe.migrations.plan([count], { samplesMax: '3' as never })).rejects.toMatchObject(refused);
  await expect(universe.migrations.status([count], { timeoutMs: -1 })).rejects.toMatchObject(refused);
});
