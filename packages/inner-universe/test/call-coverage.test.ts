/*
 * Every call that may have to wait for the server takes a signal and a time. What is here is found out from the objects
 * themselves: a method that is added and named in no list fails the first test.
 */
import type { Op } from '@inner-universe/module/wire';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ops } from '../../module/test/universe.ts';
import type { CallOptions, Consumer, SpacetimeTemporalStore, Universe } from '../src/index.ts';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../src/testing/index.ts';

interface Counter {
  count: number;
}

interface Opened {
  readonly universe: Universe;
  readonly store: SpacetimeTemporalStore<Counter>;
  readonly consumer: Consumer;
}

type Calls = Readonly<Record<string, (opened: Opened, call: CallOptions) => unknown>>;

/** The methods of one object. */
interface Covered {
  readonly of: (opened: Opened) => object;
  /** Those that may wait for the server. */
  readonly calls: Calls;
  /** Those that answer at once, and those that wait for nothing but this process. */
  readonly others: readonly string[];
}

const write: readonly Op[] = [{ tag: 'deleteEntity', value: { id: 'z', cascade: false } }];
const opOf = (op: Op): never => op.value as never; // the tag says which
const event = opOf(ops.event('z'));
const entity = opOf(ops.entity('z'));
const entityChange = opOf(ops.changeEntity('z', {}));
const relation = opOf(ops.relation('z', 'a', 'b'));
const relationChange = { id: 'z', propertiesRemoved: [], clearStrength: false, clearValidity: false };
const version = opOf(ops.version('z'));
const delta = { versionId: 'z', delta: '[]', deltaEncoding: 'json/1' };
const entityPatch = { properties: { n: 1 } };

const COVERED: Readonly<Record<string, Covered>> = {
  universe: {
    of: ({ universe }) => universe,
    calls: {
      migrate: ({ universe }, call) => universe.migrate([{ id: 'm', entities: { thing: () => undefined } }], call),
      close: ({ universe }, call) => (universe.events.publish('tick').catch(() => undefined), universe.close(call)),
    },
    others: [],
  },
  events: {
    of: ({ universe }) => universe.events,
    calls: {
      publish: ({ universe }, call) => universe.events.publish('tick', 1, call),
      publishAndWait: ({ universe }, call) => universe.events.publishAndWait('tick', 1, call),
      query: ({ universe }, call) => universe.events.query({}, call),
      queryPage: ({ universe }, call) => universe.events.queryPage({}, call),
      replay: ({ universe }, call) => universe.events.replay({}, () => undefined, call),
    },
    // What these wait for is an event of this process's bus, by NERV's own signal; a stream ends by it.
    others: ['emit', 'subscribe', 'once', 'waitFor', 'events', 'connect', 'close'],
  },
  states: {
    of: ({ universe }) => universe.states,
    calls: {
      open: ({ universe }, call) => universe.states.open('new', { count: 0 }, call),
      load: ({ universe }, call) => universe.states.load('v', call),
      diff: ({ universe }, call) => universe.states.diff('v', 'w', call),
      has: ({ universe }, call) => universe.states.has('counter', call),
    },
    others: ['close'],
  },
  store: {
    of: ({ store }) => store,
    calls: {
      commit: ({ store }, call) => store.commit({ count: 2 }, call),
      commitPatch: ({ store }, call) => store.commitPatch([{ op: 'replace', path: '/count', value: 2 }], call),
      at: ({ store }, call) => store.at(1, {}, call),
      version: ({ store }, call) => store.version(1, {}, call),
      diff: ({ store }, call) => store.diff(1, 0, call),
      log: ({ store }, call) => store.log({}, call),
      blame: ({ store }, call) => store.blame(['count'], 1, call),
      branches: ({ store }, call) => store.branches(call),
      createBranch: ({ store }, call) => store.createBranch('other', 0, call),
      switchBranch: ({ store }, call) => store.switchBranch('side', call),
      deleteBranch: ({ store }, call) => store.deleteBranch('side', call),
      fastForward: ({ store }, call) => store.fastForward('side', call),
      planMerge: ({ store }, call) => store.planMerge('side', call),
      merge: ({ store }, call) => store.merge('side', call),
      revert: ({ store }, call) => store.revert(0, call),
      tag: ({ store }, call) => store.tag('v1', 0, call),
      deleteTag: ({ store }, call) => store.deleteTag('v1', call),
      tags: ({ store }, call) => store.tags(call),
      verify: ({ store }, call) => store.verify(call),
      compact: ({ store }, call) => store.compact({}, call),
    },
    others: ['subscribe', 'select', 'close'],
  },
  graph: {
    of: ({ universe }) => universe.graph,
    calls: {
      createEntity: ({ universe }, call) => universe.graph.createEntity('thing', { id: 'n' }, call),
      getEntity: ({ universe }, call) => universe.graph.getEntity('a', call),
      updateEntity: ({ universe }, call) => universe.graph.updateEntity('a', entityPatch, call),
      upsertEntity: ({ universe }, call) => universe.graph.upsertEntity('thing', { id: 'n' }, call),
      deleteEntity: ({ universe }, call) => universe.graph.deleteEntity('a', call),
      createRelation: ({ universe }, call) => universe.graph.createRelation('to', { from: 'a', to: 'b' }, call),
      getRelation: ({ universe }, call) => universe.graph.getRelation('r', call),
      updateRelation: ({ universe }, call) => universe.graph.updateRelation('r', entityPatch, call),
      upsertRelation: ({ universe }, call) =>
        universe.graph.upsertRelation('to', { id: 'r', from: 'a', to: 'b' }, call),
      deleteRelation: ({ universe }, call) => universe.graph.deleteRelation('r', call),
      batch: ({ universe }, call) => universe.graph.batch((batch) => batch.createEntity('thing', { id: 'n' }), call),
      query: ({ universe }, call) => universe.graph.query({}, call),
      queryPage: ({ universe }, call) => universe.graph.queryPage({}, call),
      queryRelations: ({ universe }, call) => universe.graph.queryRelations({}, call),
      queryRelationsPage: ({ universe }, call) => universe.graph.queryRelationsPage({}, call),
      scan: ({ universe }, call) => universe.graph.scan({}, call).next(),
      scanRelations: ({ universe }, call) => universe.graph.scanRelations({}, call).next(),
      relationsOf: ({ universe }, call) => universe.graph.relationsOf('a', {}, call),
      neighbors: ({ universe }, call) => universe.graph.neighbors('a', {}, call),
      traverse: ({ universe }, call) => universe.graph.traverse('a', {}, call),
      shortestPath: ({ universe }, call) => universe.graph.shortestPath('a', 'b', {}, call),
      asOf: ({ universe }, call) => universe.graph.asOf(1, call),
      history: ({ universe }, call) => universe.graph.history('a', call),
      historyPages: ({ universe }, call) => universe.graph.historyPages('a', call).next(),
      load: ({ universe }, call) => universe.graph.load(undefined, call),
      historyBound: ({ universe }, call) => universe.graph.historyBound(call),
      pruneHistory: ({ universe }, call) => universe.graph.pruneHistory({ before: new Date(0), ...call }),
    },
    others: ['liveQuery', 'liveRelations', 'subscribe', 'unload', 'close'],
  },
  consumers: {
    of: ({ universe }) => universe.consumers,
    calls: {
      open: ({ universe }, call) => universe.consumers.open('new', {}, call),
      list: ({ universe }, call) => universe.consumers.list(call),
      status: ({ universe }, call) => universe.consumers.status('mail', call),
      seek: ({ universe }, call) => universe.consumers.seek('mail', 'beginning', call),
      delete: ({ universe }, call) => universe.consumers.delete('mail', call),
    },
    // Closing waits for handlers alone, and for the server only a moment: see the tests below.
    others: ['deadLetters', 'close'],
  },
  consumer: {
    of: ({ consumer }) => consumer,
    calls: {
      status: ({ consumer }, call) => consumer.status(call),
      lag: ({ consumer }, call) => consumer.lag(call),
      seek: ({ consumer }, call) => consumer.seek(new Date(0), call),
    },
    // A run ends by its signal, and after its time, as a success: see the tests below.
    others: ['run', 'deliveries', 'close', 'Symbol(Symbol.asyncIterator)'],
  },
  'dead letters': {
    of: ({ consumer }) => consumer.deadLetters,
    calls: {
      each: ({ consumer }, call) => consumer.deadLetters.each(call).next(),
      list: ({ consumer }, call) => consumer.deadLetters.list(10, call),
      retry: ({ consumer }, call) => consumer.deadLetters.retry('e', call),
      retryAll: ({ consumer }, call) => consumer.deadLetters.retryAll(call),
      discard: ({ consumer }, call) => consumer.deadLetters.discard('e', call),
    },
    others: ['Symbol(Symbol.asyncIterator)'],
  },
  migrations: {
    of: ({ universe }) => universe.migrations,
    calls: {
      plan: ({ universe }, call) => universe.migrations.plan([{ id: 'm', entities: { thing: () => undefined } }], call),
      apply: ({ universe }, call) =>
        universe.migrations.apply([{ id: 'm', entities: { thing: () => undefined } }], call),
      status: ({ universe }, call) => universe.migrations.status(undefined, call),
    },
    others: [],
  },
  client: {
    of: ({ universe }) => universe.client,
    calls: {
      publishEvent: ({ universe }, call) => universe.client.publishEvent(event, call),
      queryEvents: ({ universe }, call) => universe.client.queryEvents({}, call),
      createEntity: ({ universe }, call) => universe.client.createEntity(entity, call),
      getEntity: ({ universe }, call) => universe.client.getEntity('a', call),
      updateEntity: ({ universe }, call) => universe.client.updateEntity(entityChange, call),
      deleteEntity: ({ universe }, call) => universe.client.deleteEntity({ id: 'z', cascade: false }, call),
      queryEntities: ({ universe }, call) => universe.client.queryEntities({}, call),
      createRelation: ({ universe }, call) => universe.client.createRelation(relation, call),
      getRelation: ({ universe }, call) => universe.client.getRelation('r', call),
      updateRelation: ({ universe }, call) => universe.client.updateRelation(relationChange, call),
      deleteRelation: ({ universe }, call) => universe.client.deleteRelation({ id: 'z' }, call),
      queryRelations: ({ universe }, call) => universe.client.queryRelations({}, call),
      commitStateVersion: ({ universe }, call) => universe.client.commitStateVersion(version, call),
      recordDelta: ({ universe }, call) => universe.client.recordDelta(delta, call),
      getVersionHistory: ({ universe }, call) => universe.client.getVersionHistory('counter', call).next(),
      getSystemStatus: ({ universe }, call) => universe.client.getSystemStatus(call),
      applyConfiguration: ({ universe }, call) =>
        universe.client.applyConfiguration([{ key: 'guests', value: 'false' }], call),
      grantAccess: ({ universe }, call) => universe.client.grantAccess(GRANT, call),
      revokeAccess: ({ universe }, call) => universe.client.revokeAccess(GRANT, call),
      addRoleMember: ({ universe }, call) => universe.client.addRoleMember(MEMBER, call),
      removeRoleMember: ({ universe }, call) => universe.client.removeRoleMember(MEMBER, call),
      listPermissions: ({ universe }, call) => universe.client.listPermissions({}, call),
      write: ({ universe }, call) => universe.client.write(write, call),
      writeWithChunks: ({ universe }, call) => universe.client.writeWithChunks(write, write, call),
      writeLater: ({ universe }, call) =>
        universe.client.writeLater(Promise.resolve({ chunks: [], ops: write }), 10, call),
      apply: ({ universe }, call) => universe.client.apply(write, call),
      migrateStep: ({ universe }, call) => universe.client.migrateStep({ to: 1, cursor: '' }, call),
      read: ({ universe }, call) => universe.client.read('readScopes', {}, call),
      readCached: ({ universe }, call) => universe.client.readCached('readScopes', {}, call),
      catchUp: ({ universe }, call) => universe.client.catchUp(call),
      close: ({ universe }, call) => (universe.client.write(write).catch(() => undefined), universe.client.close(call)),
    },
    others: [
      ...['onState', 'unconfirmed', 'cacheStats', 'holdSecured', 'listen', 'timestamp'],
      ...['subscribeEventLogChanges', 'subscribeEntityChanges', 'subscribeRelationChanges'],
      'subscribeStateVersionChanges',
      // They take a signal and a time, and here they have nothing to wait for: connected, all was handed on; and only an
      // owner's connection subscribes to rows.
      ...['reconnect', 'settle', 'followRows'],
    ],
  },
  controller: {
    of: ({ universe }) => universe.controller,
    // What these take is tested where they are: none waits for the network of a connection.
    calls: {},
    others: ['onState', 'startServerMode', 'startDeploymentMode', 'serve', 'addDrain', 'stop'],
  },
  metrics: { of: ({ universe }) => universe.metrics, calls: {}, others: ['snapshot', 'toPrometheus'] },
};

const GRANT = { subject: 'f'.repeat(64), action: 'read', resource: 'event:**' } as const;
const MEMBER = { role: 'reader', member: 'f'.repeat(64) };
const LONG_MS = 5_000;
const REASON = new Error('Nobody waits for it any more.');

let testUniverse: TestUniverse;
let opened: Opened;
let release: () => void;

/** Runs the consumer until its handler has begun, which does not end: closing it has to wait. */
async function hold(consumer: Consumer): Promise<void> {
  await new Promise<void>((hasBegun) => {
    consumer.run(() => new Promise<void>((resolve) => ((release = resolve), hasBegun()))).catch(() => undefined);
  });
}

beforeEach(async () => {
  release = () => undefined;
  testUniverse = await createTestUniverse();
  const universe = await testUniverse.as('ada', [...READ_AND_WRITE, { action: 'consume', resource: 'event:**' }]);
  await universe.graph.createEntity('thing', { id: 'a' });
  const store = await universe.states.open<Counter>('counter', { count: 0 });
  await store.commit({ count: 1 });
  await store.createBranch('side');
  const consumer = await universe.consumers.open('mail', { pattern: 'tick', startAt: 'beginning' });
  await universe.events.publish('tick', 0);
  opened = { universe, store, consumer };
});

afterEach(async () => {
  const closed = testUniverse.close();
  release();
  await closed;
});

/** The names of an object's methods, those of the classes it extends included. */
function methodsOf(object: object): readonly string[] {
  const names = new Set<string>();
  for (let type = Object.getPrototypeOf(object); type !== null && type !== Object.prototype;) {
    for (const key of Reflect.ownKeys(type)) {
      const { value } = Object.getOwnPropertyDescriptor(type, key) ?? {};
      if (typeof value === 'function' && key !== 'constructor' && key !== Symbol.asyncDispose) names.add(String(key));
    }
    type = Object.getPrototypeOf(type);
  }
  return [...names].sort();
}

describe.each(Object.entries(COVERED))('%s', (_name, { of, calls, others }) => {
  test('has no method that nobody has thought of', () => {
    expect(methodsOf(of(opened))).toEqual([...Object.keys(calls), ...others].sort());
  });

  const names = Object.keys(calls);
  test.runIf(names.length > 0).each(names)(
    '%s ends with connection/timeout and its own time when nobody answers',
    async (name) => {
      testUniverse.networkOf(opened.universe).freeze();
      const outcome = expect(Promise.resolve(calls[name]?.(opened, { timeoutMs: LONG_MS }))).rejects.toMatchObject({
        code: 'connection/timeout',
        message: expect.stringContaining(`${LONG_MS} ms`),
      });
      await testUniverse.advance(LONG_MS);
      await outcome;
    },
  );

  test.runIf(names.length > 0)('each rejects with the reason of a signal that has aborted', async () => {
    const call = { signal: AbortSignal.abort(REASON) };
    for (const name of names) {
      const outcome = Promise.resolve(calls[name]?.(opened, call));
      await expect(outcome, name).rejects.toBe(REASON);
    }
  });
});

test('a run, and a loop over a consumer, end after their time, and what was handled stays so', async () => {
  const seen: unknown[] = [];
  const running = opened.consumer.run((event) => void seen.push(event.data), { timeoutMs: LONG_MS });
  await testUniverse.settle();
  await testUniverse.advance(LONG_MS);
  await running;
  expect(seen).toEqual([0]);
  await opened.universe.events.publish('tick', 1);
  const looping = (async () => {
    for await (const { event } of opened.consumer.deliveries({ timeoutMs: LONG_MS })) seen.push(event.data);
  })();
  await testUniverse.settle();
  await testUniverse.advance(LONG_MS);
  await looping;
  expect(seen).toEqual([0, 1]);
  expect(await opened.consumer.lag()).toBe(0);
});

test.each([
  ['a consumer', ({ consumer }: Opened, call: CallOptions) => consumer.close(call)],
  ['all consumers', ({ universe }: Opened, call: CallOptions) => universe.consumers.close(call)],
])('closing %s waits for its handler, no longer than its signal and its time', async (_what, close) => {
  await hold(opened.consumer);
  await expect(close(opened, { signal: AbortSignal.abort(REASON) })).rejects.toBe(REASON);
  const closing = expect(close(opened, { timeoutMs: LONG_MS })).rejects.toMatchObject({ code: 'connection/timeout' });
  await testUniverse.advance(LONG_MS);
  await closing;
});

test('a loop over a consumer ends with its signal', async () => {
  const ending = new AbortController();
  const seen: unknown[] = [];
  for await (const { event } of opened.consumer.deliveries({ signal: ending.signal })) {
    seen.push(event.data);
    ending.abort();
  }
  expect(seen).toEqual([0]);
  expect((await opened.consumer.status()).workers).toEqual([]);
});

test('stopping, and settling, take a signal as well', async () => {
  const call = { signal: AbortSignal.abort(REASON) };
  const { client } = opened.universe;
  const following = { queries: () => [], tables: [], onChange: () => undefined };
  for (const outcome of [client.settle(call), client.reconnect(call), client.followRows(following, call)])
    await expect(outcome).rejects.toBe(REASON);
});
