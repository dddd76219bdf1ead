import { inspect } from 'node:util';
import { Sealed } from '@inner-universe/nerv/values';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  makeKeyWrapper,
  makeRandomKey,
  MemoryKeyStore,
  openKeyRing,
  openUniverse,
  type EncryptionOptions,
  type KeyRing,
  type Universe,
} from '../src/index.ts';
import { describeForms, startServer, type TestServer } from './forms.ts';

const CARD = 'secret-4111';
let databases = 0;

async function makeRing(): Promise<KeyRing> {
  const wrapper = await makeKeyWrapper({ active: 'k', keys: { k: makeRandomKey() } });
  return openKeyRing({ store: new MemoryKeyStore(), wrapper });
}

function makeEncryption(keyRing: KeyRing): EncryptionOptions {
  return {
    keyRing,
    states: { 'patient/*': { fields: ['name', 'notes.*'], subject: ({ store }) => store } },
    entities: { person: { fields: ['ssn', 'address.street'], subject: ({ id }) => id } },
    relations: { knows: ['since'] },
    events: {
      'order.*': { fields: ['card'], subject: ({ data }) => String((data as { customer?: unknown }).customer ?? '') },
      'letter.sent': true,
    },
  };
}

describeForms((form) => {
  test('a program with encryption reads what it wrote, and nothing secret is recorded', async () => {
    const keyRing = await makeRing();
    const universe = await form.open({ encryption: makeEncryption(keyRing) });
    try {
      const seen: unknown[] = [];
      universe.events.subscribe('**', ({ data }) => seen.push(data));
      await universe.events.publish('order.placed', { total: 5, card: CARD, customer: 'ada' });
      await universe.events.publish('letter.sent', 'secret-letter');
      await universe.events.publishAndWait('other', { card: 'clear' });
      expect(seen).toEqual([{ total: 5, card: CARD, customer: 'ada' }, 'secret-letter', { card: 'clear' }]);
      expect((await universe.events.query()).map(({ data }) => data)).toEqual(seen);

      const store = await universe.states.open('patient/7', {
        name: 'secret-ada',
        notes: {} as Record<string, string>,
      });
      const version = await store.commit((draft) => void (draft.notes['1'] = 'secret-note'));
      expect(store.state).toEqual({ name: 'secret-ada', notes: { 1: 'secret-note' } });
      expect(await store.at(1)).toEqual({ name: 'secret-ada', notes: {} });
      expect(await store.diff(1)).toEqual([{ op: 'add', path: '/notes/1', value: 'secret-note' }]);
      const recorded = await universe.states.load(version);
      expect(recorded.tree.stringify()).not.toContain('secret-');
      expect(recorded.tree.hash).toBe((await store.version(version)).dataHash);

      const ada = await universe.graph.createEntity('person', {
        id: 'ada',
        properties: { ssn: 'secret-1', address: { street: 'secret-street', city: 'Paris' } },
      });
      expect(ada.properties).toEqual({ ssn: 'secret-1', address: { street: 'secret-street', city: 'Paris' } });

      const raw = [
        await universe.client.queryEvents(),
        await universe.client.queryEntities(),
        await universe.client.read('readState', { versionId: version, limit: 0 }),
      ];
      expect(inspect(raw, { depth: 9, maxStringLength: null })).not.toContain('secret-');
      expect(inspect([universe.controller.config, keyRing], { depth: 9 })).not.toContain('secret-');
    } finally {
      await universe.close();
    }
  });

  test('what is published and written in a loop without awaiting keeps its order, sealed or not', async () => {
    const universe = await form.open({ encryption: makeEncryption(await makeRing()) });
    const order: unknown[] = [];
    universe.events.subscribe('**', ({ data }) => order.push((data as { number: number }).number));
    const count = 600;
    const written: Promise<unknown>[] = [];
    for (let number = 0; number < count; number += 1) {
      const type = number % 3 === 0 ? 'order.placed' : number % 3 === 1 ? 'plain' : 'letter.sent';
      written.push(universe.events.publish(type, { number, card: CARD }));
    }
    await Promise.all(written);
    await universe.events.publishAndWait('last', { number: count });
    expect(order).toEqual(Array.from({ length: count + 1 }, (_, number) => number));
    await Promise.all([
      universe.graph.createEntity('person', { id: 'ada', properties: { ssn: 'secret-1' } }),
      universe.graph.createEntity('person', { id: 'bob' }),
      universe.graph.createRelation('knows', { id: 'ab', from: 'ada', to: 'bob', properties: { since: 5 } }),
      universe.graph.updateEntity('bob', { properties: { ssn: 'secret-2' } }),
      universe.graph.updateEntity('ada', { properties: { ssn: 'secret-3' } }),
    ]);
    expect((await universe.graph.getEntity('bob'))?.properties).toEqual({ ssn: 'secret-2' });
    expect((await universe.graph.getEntity('ada'))?.properties).toEqual({ ssn: 'secret-3' });

    // Closing sends what is still being sealed, and what reads before it is.
    const last = universe.events.publish('order.placed', { number: count, card: CARD });
    const reading = universe.client.writeLater(async () => {
      await universe.client.getSystemStatus();
      return { chunks: [], ops: [] };
    }, 0);
    await Promise.all([universe.close(), last, reading]);
    await expect(universe.client.getSystemStatus()).rejects.toMatchObject({ code: 'universe/closed' });
  });

  test('large values are sealed too', async () => {
    const universe = await form.open({ encryption: makeEncryption(await makeRing()) });
    try {
      const large = 'secret-ö'.repeat(60_000);
      const report = await universe.events.publishAndWait('letter.sent', large);
      expect(report.handled).toBe(0);
      const [event] = await universe.events.query({ pattern: 'letter.*' });
      expect(event?.data).toBe(large);
      const store = await universe.states.open('patient/1', { name: large });
      expect(store.state.name).toBe(large);
      await universe.graph.createEntity('person', { id: 'x', properties: { ssn: large, city: 'a' } });
      const changed = await universe.graph.updateEntity('x', { properties: { city: 'b' } });
      expect(changed.properties).toEqual({ ssn: large, city: 'b' });
      const { entities } = await universe.client.queryEntities();
      expect(entities[0]?.propertiesEncoding).toBe('chunks/1');
    } finally {
      await universe.close();
    }
  });
});

describe('two programs on a server', () => {
  let server: TestServer;
  let keyRing: KeyRing;
  let keyed: Universe;
  let keyless: Universe;
  let errors: unknown[] = [];

  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    databases += 1;
    const database = await server.createDatabase(`sealed-${databases}`);
    errors = [];
    keyRing = await makeRing();
    const onError = (error: unknown): void => void errors.push(error);
    keyed = await server.connect({ database, encryption: makeEncryption(keyRing), onError });
    keyless = await server.connect({ database });
    return async () => {
      await keyless.close();
      await keyed.close();
    };
  });

  /** The same database, with a ring that shares nothing but the store of keys. */
  async function openPatient(universe: Universe) {
    return universe.states.open('patient/1', {
      name: 'secret-ada',
      notes: { a: 'secret-a' } as Record<string, string>,
      visits: 0,
    });
  }

  test('who has no keys sees sealed leaves, may change what is clear, and the ciphertext stays', async () => {
    const own = await openPatient(keyed);
    const other = await openPatient(keyless);
    const name: unknown = other.state.name;
    expect(name).toBeInstanceOf(Sealed);
    expect(keyRing.statusOf((name as Sealed).kid)).toBe('available');
    const first = other.versionId;
    await other.commit((draft) => void (draft.visits = 1));
    await own.switchBranch('main');
    await own.commit((draft) => void (draft.notes['b'] = 'secret-b'));
    await own.commit((draft) => void (draft.notes['a'] = 'secret-a2'));
    expect(own.state).toEqual({ name: 'secret-ada', notes: { a: 'secret-a2', b: 'secret-b' }, visits: 1 });
    const [before, after] = [(await keyless.states.load(first)).tree, (await keyless.states.load(own.versionId)).tree];
    expect(after.get('/name')).toEqual(before.get('/name'));
    expect(after.get('/notes/a')).not.toEqual(before.get('/notes/a'));
    const changed = await keyless.states.diff(first, own.versionId);
    expect(changed.map(({ path }) => path).sort()).toEqual(['/notes/a', '/notes/b', '/visits']);
    await other.switchBranch('main');
    await other.commit((draft) => void (draft.visits = 2));
    expect(await other.verify()).toEqual(await own.verify());
    expect(errors).toEqual([]);
  });

  test('erasing a subject erases their data, in state, events and graph, and history verifies as before', async () => {
    const store = await openPatient(keyed);
    const neighbour = await keyed.states.open('patient/2', { name: 'secret-bob', notes: {} });
    await store.commit((draft) => void (draft.notes['a'] = 'secret-a2'));
    await keyed.events.publish('order.placed', { card: CARD, customer: 'patient/1' });
    await keyed.events.publish('order.placed', { card: CARD, customer: 'else' });
    await keyed.graph.createEntity('person', { id: 'patient/1', properties: { ssn: 'secret-1', city: 'Paris' } });
    const before = await store.verify();
    expect(before).toMatchObject({ ok: true });
    const changes: unknown[] = [];
    const shown = new Promise<void>((resolve) => {
      store.subscribe((change) => {
        changes.push(change.type, change.versionId === change.previousVersionId);
        resolve();
      });
    });

    expect(await keyRing.erase('patient/1')).toBe(1);
    await shown;
    expect(changes).toEqual(['move', true]);
    for (const state of [store.state, await store.at(1)]) {
      expect(state.name).toBeInstanceOf(Sealed);
      expect(keyRing.statusOf((state.name as unknown as Sealed).kid)).toBe('erased');
      expect(state.visits).toBe(0);
    }
    expect(neighbour.state.name).toBe('secret-bob');
    const cards = (await keyed.events.query()).map(({ data }) => (data as { card: unknown }).card);
    expect(cards.map((card) => card instanceof Sealed)).toEqual([true, false]);
    const properties = (await keyed.graph.getEntity('patient/1'))?.properties;
    expect([properties?.['ssn'] instanceof Sealed, properties?.['city']]).toEqual([true, 'Paris']);
    expect(await store.verify()).toEqual(before);

    // What is left can be worked on, and what is new has a new key.
    await store.commit((draft) => {
      draft.visits = 1;
      draft.notes['c'] = 'secret-c';
    });
    expect(store.state.notes['c']).toBe('secret-c');
    expect(store.state.notes['a']).toBeInstanceOf(Sealed);
    const renamed = await keyed.graph.updateEntity('patient/1', { properties: { city: 'Rome', ssn: 'secret-2' } });
    expect(renamed.properties).toEqual({ city: 'Rome', ssn: 'secret-2' });
    expect(await store.verify()).toMatchObject({ ok: true });
    expect(errors).toEqual([]);
  });

  test('branches merge by sealed leaves, with or without keys; a decision is sealed', async () => {
    const store = await openPatient(keyed);
    await store.createBranch('side');
    await store.commit((draft) => void (draft.notes['b'] = 'secret-b'));
    await store.commit((draft) => void (draft.name = 'secret-side'), { branch: 'side' });
    const other = await openPatient(keyless);
    expect(await other.merge('side')).toMatchObject({ type: 'merge' });
    await store.switchBranch('main');
    expect(store.state).toEqual({ name: 'secret-side', notes: { a: 'secret-a', b: 'secret-b' }, visits: 0 });

    await store.createBranch('again');
    await store.commit((draft) => void (draft.name = 'secret-ours'));
    await store.commit((draft) => void (draft.name = 'secret-theirs'), { branch: 'again' });
    const failed: unknown = await store.merge('again').catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'state/merge-conflict' });
    expect(inspect(failed, { depth: 9 })).not.toContain('secret-');
    await store.merge('again', { resolve: () => ({ value: 'secret-both' }) });
    expect(store.state.name).toBe('secret-both');
    const { tree } = await keyless.states.load(store.versionId);
    expect(tree.stringify()).not.toContain('secret-');
    const reverted = await store.revert(0);
    expect((await store.at(reverted)).name).toBe('secret-ours');
    expect(await other.verify()).toMatchObject({ ok: true });
    expect(errors).toEqual([]);
  });

  test('ciphertext that somebody moves to another place, store, entity or event does not open, and is reported', async () => {
    const store = await openPatient(keyed);
    const thief = await openPatient(keyless);
    const { name } = thief.state;
    const refused = { code: 'encryption/not-authentic' };
    await thief.commit((draft) => void (draft.notes['stolen'] = name));
    await store.switchBranch('main');
    expect(store.state.notes['stolen']).toBeInstanceOf(Sealed);
    expect(store.state.name).toBe('secret-ada');
    expect(errors).toMatchObject([{ ...refused, details: { kind: 'state', path: '/notes/stolen' } }]);

    await keyless.states.open('patient/9', { name, notes: {} });
    expect((await keyed.states.open('patient/9', undefined)).state).toMatchObject({ name: expect.any(Sealed) });
    await keyed.graph.createEntity('person', { id: 'ada', properties: { ssn: 'secret-1' } });
    const ssn = (await keyless.graph.getEntity('ada'))?.properties['ssn'];
    await keyless.graph.createEntity('person', { id: 'eve', properties: { ssn } });
    expect((await keyed.graph.getEntity('eve'))?.properties['ssn']).toBeInstanceOf(Sealed);
    await keyed.events.publish('order.placed', { card: CARD });
    const [event] = await keyless.events.query();
    await keyless.events.publish('order.placed', event?.data);
    const cards = (await keyed.events.query()).map(({ data }) => (data as { card: unknown }).card);
    expect(cards).toEqual([CARD, expect.any(Sealed)]);
    expect(errors.slice(1).every((error) => (error as { code?: unknown }).code === refused.code)).toBe(true);
    expect(errors.length).toBeGreaterThanOrEqual(4);
  });

  test('events are found by what is clear, and read by whoever has the keys', async () => {
    const seen: unknown[] = [];
    keyless.events.subscribe('**', ({ data }) => seen.push(data));
    await keyed.events.publish(
      'letter.sent',
      { text: 'secret-letter' },
      { source: 'post', metadata: { kind: 'clear' } },
    );
    await keyed.events.publish('order.placed', { total: 5, card: CARD });
    await keyless.client.catchUp();
    expect(seen).toEqual([expect.any(Sealed), { total: 5, card: expect.any(Sealed) }]);
    const { events } = await keyless.client.queryEvents({ pattern: '*.*' });
    expect(events.map(({ dataEncoding }) => dataEncoding)).toEqual(['sealed/1', 'json/1']);
    const [found] = await keyed.events.query({ source: 'post' });
    expect(found).toMatchObject({ data: { text: 'secret-letter' }, metadata: { kind: 'clear' } });
    const replayed: unknown[] = [];
    await keyed.events.replay({ pattern: 'order.*' }, ({ data }) => void replayed.push(data));
    expect(replayed).toEqual([{ total: 5, card: CARD }]);
  });

  test('properties: what did not change keeps its ciphertext, in updates, upserts and batches', async () => {
    const { graph } = keyed;
    const raw = async (): Promise<Record<string, unknown>> => ({
      ...(await keyless.graph.getEntity('ada'))?.properties,
    });
    await graph.createEntity('person', { id: 'ada', properties: { ssn: 'secret-1', city: 'Paris' } });
    const first = await raw();
    expect(first).toEqual({ ssn: expect.any(Sealed), city: 'Paris' });
    await graph.updateEntity('ada', { properties: { ssn: 'secret-1', city: 'Rome' } });
    expect(await raw()).toEqual({ ssn: first['ssn'], city: 'Rome' });
    await graph.upsertEntity('person', { id: 'ada', properties: { ssn: 'secret-1' } });
    expect(await raw()).toEqual({ ssn: first['ssn'] });
    await graph.updateEntity('ada', { properties: { ssn: 'secret-2' } });
    expect((await raw())['ssn']).not.toEqual(first['ssn']);
    await graph.batch((batch) => {
      batch.createEntity('person', { id: 'bob' });
      batch.updateEntity('bob', { properties: { ssn: 'secret-3' } });
      batch.createRelation('knows', {
        id: 'ab',
        from: 'ada',
        to: 'bob',
        properties: { since: 'secret-then', how: 'well' },
      });
      batch.createEntity('thing', { id: 'box', properties: { ssn: 'clear' } });
    });
    expect((await keyed.graph.getEntity('bob'))?.properties).toEqual({ ssn: 'secret-3' });
    expect((await keyless.graph.getEntity('bob'))?.properties).toEqual({ ssn: expect.any(Sealed) });
    expect((await keyless.graph.getEntity('box'))?.properties).toEqual({ ssn: 'clear' });
    expect((await keyed.graph.getRelation('ab'))?.properties).toEqual({ since: 'secret-then', how: 'well' });
    expect((await keyless.graph.getRelation('ab'))?.properties['since']).toBeInstanceOf(Sealed);
    await expect(graph.updateEntity('nobody', { properties: { ssn: 'x' } })).rejects.toMatchObject({
      code: 'entity/not-found',
    });
    await graph.load();
    expect(graph.loaded.getEntity('ada')?.properties).toEqual({ ssn: 'secret-2' });
    await graph.updateEntity('ada', { properties: { ssn: 'secret-4' } });
    expect(graph.loaded.getEntity('ada')?.properties).toEqual({ ssn: 'secret-4' });
    expect(errors).toEqual([]);
  });

  test('sealed properties are neither searched nor indexed: asking for it is an error', async () => {
    const refused = { code: 'encryption/not-searchable' };
    const { graph, client } = keyed;
    await expect(graph.query({ type: 'person', where: { properties: { ssn: 'x' } } })).rejects.toMatchObject(refused);
    await expect(
      graph.query({ where: { or: [{ not: { properties: { '/address/street': 'x' } } }] } }),
    ).rejects.toMatchObject(refused);
    await expect(graph.query({ type: 'person', orderBy: { property: 'ssn' } })).rejects.toMatchObject(refused);
    await expect(graph.queryRelations({ type: 'knows', where: { properties: { since: 1 } } })).rejects.toMatchObject(
      refused,
    );
    expect(() => graph.liveQuery({ where: { properties: { address: { equals: {} } } } })).toThrow(
      expect.objectContaining(refused),
    );
    expect(await graph.query({ type: 'thing', where: { properties: { ssn: 'x' } } })).toEqual([]);
    expect(await graph.query({ type: 'person', where: { properties: { city: 'x' } } })).toEqual([]);

    const indexed = { key: 'indexes', value: '{"person":["city","ssn"]}' };
    await expect(client.applyConfiguration([indexed])).rejects.toMatchObject({
      code: 'encryption/not-indexable',
      details: { type: 'person', property: 'ssn' },
    });
    await client.applyConfiguration([{ key: 'indexes', value: '{"person":["city"],"thing":["ssn"]}' }]);
    await keyless.client.applyConfiguration([indexed]);
    const { database } = keyed.client;
    const opening = server.connect({ database, encryption: makeEncryption(keyRing) });
    await expect(opening).rejects.toMatchObject({ code: 'encryption/not-indexable' });
  });
});

test('keys that come later open what was sealed before', async () => {
  const store = new MemoryKeyStore();
  const wrapper = await makeKeyWrapper({ active: 'k', keys: { k: makeRandomKey() } });
  const early = await openKeyRing({ store: new MemoryKeyStore(), wrapper });
  const keyRing = await openKeyRing({ store, wrapper });
  let current: KeyRing = keyRing;
  const late = {
    load: () => (current === early ? Promise.resolve(undefined) : store.load()),
    save: () => Promise.resolve(false),
  };
  const server = await startServer();
  try {
    const writer = await server.connect({ encryption: makeEncryption(keyRing) });
    await writer.states.open('patient/1', { name: 'secret-ada' });
    current = early;
    const readers = await openKeyRing({ store: late, wrapper });
    const reader = await server.connect({ encryption: makeEncryption(readers) });
    const patient = await reader.states.open<{ name: string }>('patient/1');
    expect(patient.state.name).toBeInstanceOf(Sealed);
    expect(readers.statusOf((patient.state.name as unknown as Sealed).kid)).toBe('unknown');
    const shown = new Promise<void>((resolve) => void patient.subscribe(() => resolve()));
    current = keyRing;
    await readers.refresh();
    await shown;
    expect(patient.state.name).toBe('secret-ada');
    await reader.close();
    await writer.close();
  } finally {
    await server.close();
  }
});

test('options that make no sense open nothing', async () => {
  const keyRing = await makeRing();
  const opening = openUniverse({ memory: true, encryption: { keyRing, events: { '': true } } });
  await expect(opening).rejects.toMatchObject({ code: 'encryption/invalid-policy' });
});
