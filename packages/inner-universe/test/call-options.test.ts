import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CallOptions, SpacetimeTemporalStore, Universe } from '../src/index.ts';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../src/testing/index.ts';

interface Counter {
  count: number;
}

/** Calls through what a universe has opened. */
interface Opened {
  readonly universe: Universe;
  readonly store: SpacetimeTemporalStore<Counter>;
}

type Call = (opened: Opened, call: CallOptions) => Promise<unknown>;

const LONG_MS = 5_000;
const REASON = new Error('Nobody waits for it any more.');

let testUniverse: TestUniverse;
let opened: Opened;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
  const universe = await testUniverse.as('ada', READ_AND_WRITE);
  await universe.graph.createEntity('thing', { id: 'a' });
  const store = await universe.states.open<Counter>('counter', { count: 0 });
  await store.commit({ count: 1 });
  await store.createBranch('side');
  opened = { universe, store };
});

afterEach(() => testUniverse.close());

const writes: [string, Call][] = [
  ['publish', ({ universe }, call) => universe.events.publish('tick', 1, call)],
  ['publishAndWait', ({ universe }, call) => universe.events.publishAndWait('tick', 1, call)],
  ['commit', ({ store }, call) => store.commit({ count: 2 }, call)],
  ['commitPatch', ({ store }, call) => store.commitPatch([{ op: 'replace', path: '/count', value: 2 }], call)],
  ['revert', ({ store }, call) => store.revert(0, call)],
  ['createBranch', ({ store }, call) => store.createBranch('other', 0, call)],
  ['deleteBranch', ({ store }, call) => store.deleteBranch('side', call)],
  ['tag', ({ store }, call) => store.tag('v1', 0, call)],
  ['states.open', ({ universe }, call) => universe.states.open('new', { count: 0 }, call)],
  ['createEntity', ({ universe }, call) => universe.graph.createEntity('thing', { id: 'b' }, call)],
  ['updateEntity', ({ universe }, call) => universe.graph.updateEntity('a', { properties: { n: 1 } }, call)],
  ['deleteEntity', ({ universe }, call) => universe.graph.deleteEntity('a', call)],
  ['batch', ({ universe }, call) => universe.graph.batch((batch) => batch.createEntity('thing', { id: 'c' }), call)],
];

const reads: [string, Call][] = [
  ['events.query', ({ universe }, call) => universe.events.query({}, call)],
  ['events.queryPage', ({ universe }, call) => universe.events.queryPage({}, call)],
  ['replay', ({ universe }, call) => universe.events.replay({}, () => undefined, call)],
  ['at', ({ store }, call) => store.at(1, {}, call)],
  ['log', ({ store }, call) => store.log({}, call)],
  ['branches', ({ store }, call) => store.branches(call)],
  ['tags', ({ store }, call) => store.tags(call)],
  ['verify', ({ store }, call) => store.verify(call)],
  ['states.has', ({ universe }, call) => universe.states.has('counter', call)],
  ['getEntity', ({ universe }, call) => universe.graph.getEntity('a', call)],
  ['graph.query', ({ universe }, call) => universe.graph.query({}, call)],
  ['queryRelationsPage', ({ universe }, call) => universe.graph.queryRelationsPage({}, call)],
  ['neighbors', ({ universe }, call) => universe.graph.neighbors('a', {}, call)],
  ['traverse', ({ universe }, call) => universe.graph.traverse('a', {}, call)],
  ['load', ({ universe }, call) => universe.graph.load(undefined, call)],
  ['history', ({ universe }, call) => universe.graph.history('a', call)],
];

/** Everything that writes leave behind. */
async function recorded(): Promise<unknown> {
  const tables = ['event_log', 'state_version', 'branch', 'tag', 'entity', 'request'];
  const counts = tables.map((table) => testUniverse.host.sql(`SELECT COUNT(*) AS n FROM ${table}`));
  return Promise.all(counts);
}

test.each([...reads, ...writes])('%s ends with connection/timeout when nobody answers in time', async (_name, run) => {
  testUniverse.networkOf(opened.universe).freeze();
  const outcome = expect(run(opened, { timeoutMs: LONG_MS })).rejects.toMatchObject({ code: 'connection/timeout' });
  await testUniverse.advance(LONG_MS);
  await outcome;
});

test('every call rejects with the reason of a signal that has aborted', async () => {
  const call = { signal: AbortSignal.abort(REASON) };
  const outcomes = await Promise.allSettled([...reads, ...writes].map(([, run]) => run(opened, call)));
  for (const outcome of outcomes) expect(outcome).toEqual({ status: 'rejected', reason: REASON });
});

test('every call does what it does when it is in time', async () => {
  const call = { signal: new AbortController().signal, timeoutMs: LONG_MS };
  for (const [, run] of [...reads, ...writes]) await run(opened, call);
  expect(await opened.universe.graph.getEntity('c', call)).toMatchObject({ type: 'thing' });
});

test('nothing is sent of a write whose signal has aborted', async () => {
  const before = await recorded();
  const signal = AbortSignal.abort(REASON);
  await Promise.allSettled(writes.map(([, run]) => run(opened, { signal })));
  await testUniverse.settle();
  expect(await recorded()).toEqual(before);
  expect(opened.store.pending).toEqual([]);
});

test('a publication and a graph write that are called off while the server is away are not sent later', async () => {
  const { universe } = opened;
  const network = testUniverse.networkOf(universe);
  network.cut();
  const ending = new AbortController();
  const calls = [
    universe.events.publish('tick', 1, { signal: ending.signal }),
    universe.graph.createEntity('thing', { id: 'b' }, { signal: ending.signal }),
  ].map((call) => expect(call).rejects.toBeDefined());
  ending.abort(REASON);
  await Promise.all(calls);
  network.restore();
  await universe.events.publish('tick', 2);
  expect((await universe.events.query({ pattern: 'tick' })).map(({ data }) => data)).toEqual([2]);
  expect(await universe.graph.getEntity('b')).toBeUndefined();
});

test('a commit that is called off while it waits for its turn is not made, and those behind it are', async () => {
  const { store } = opened;
  const ending = new AbortController();
  const first = store.createBranch('before');
  const second = store.commit((draft) => void (draft.count += 10), { signal: ending.signal, optimistic: true });
  const third = store.commit((draft) => void (draft.count += 100));
  const outcome = expect(second).rejects.toBe(REASON);
  ending.abort(REASON);
  await Promise.all([first, outcome, third]);
  expect(store.state.count).toBe(101);
});

test('a signal that outlives its calls keeps nothing of them', async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...parts: Parameters<typeof add>) => {
    listeners += 1;
    add(...parts);
  };
  signal.removeEventListener = (...parts: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...parts);
  };
  await opened.universe.events.query({}, { signal });
  await opened.store.at(1, {}, { signal });
  expect(listeners).toBe(0);
});
