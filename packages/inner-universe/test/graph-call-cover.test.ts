import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CallOptions, SpacetimeEntityGraph, Universe } from '../src/index.ts';
import { PagedGraph } from '../src/graph/paged-graph.ts';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../src/testing/index.ts';

type Past = Awaited<ReturnType<SpacetimeEntityGraph['asOf']>>;

const LONG_MS = 5_000;
const REASON = new Error('Nobody waits for it any more.');

/** Every read of the graph as it was; those of the graph as it is are looked at with the other calls of a universe. */
const PAST_CALLS: Readonly<Record<string, (past: Past, call: CallOptions) => unknown>> = {
  getEntity: (past, call) => past.getEntity('a', call),
  getRelation: (past, call) => past.getRelation('r', call),
  query: (past, call) => past.query({}, call),
  queryPage: (past, call) => past.queryPage({}, call),
  queryRelations: (past, call) => past.queryRelations({}, call),
  queryRelationsPage: (past, call) => past.queryRelationsPage({}, call),
  scan: (past, call) => past.scan({}, call).next(),
  scanRelations: (past, call) => past.scanRelations({}, call).next(),
  relationsOf: (past, call) => past.relationsOf('a', {}, call),
  neighbors: (past, call) => past.neighbors('a', {}, call),
  traverse: (past, call) => past.traverse('a', {}, call),
  shortestPath: (past, call) => past.shortestPath('a', 'b', {}, call),
};

/** The public methods of a class. */
function methodsOf({ prototype }: { readonly prototype: object }): readonly string[] {
  return Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([name, { value }]) => name !== 'constructor' && typeof value === 'function')
    .map(([name]) => name)
    .sort();
}

test('every method of a graph of the past is looked at here', () => {
  expect(Object.keys(PAST_CALLS).sort()).toEqual(methodsOf(PagedGraph));
});

let testUniverse: TestUniverse;
let universe: Universe;
let past: Past;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
  universe = await testUniverse.as('ada', READ_AND_WRITE);
  await universe.graph.batch((batch) => {
    for (const id of ['a', 'b']) batch.createEntity('thing', { id });
    batch.createRelation('near', { id: 'r', from: 'a', to: 'b' });
  });
  past = await universe.graph.asOf(Date.now() + 1_000);
});

afterEach(() => testUniverse.close());

/** Everything that a call can change. */
async function recorded(): Promise<unknown> {
  const tables = ['entity', 'relation', 'entity_history', 'relation_history', 'history_bound', 'request', 'event_log'];
  return Promise.all(tables.map((table) => testUniverse.host.sql(`SELECT * FROM ${table}`)));
}

const runs: readonly [string, (call: CallOptions) => unknown][] = [
  ...Object.entries(PAST_CALLS).map(([name, run]): [string, (call: CallOptions) => unknown] => [
    name,
    (call) => run(past, call),
  ]),
  ['liveQuery', (call) => universe.graph.liveQuery({}, call).ready],
  ['liveRelations', (call) => universe.graph.liveRelations({}, call).ready],
  // What takes many steps is called off between them, too.
  [
    'pruneHistory',
    (call) => universe.graph.pruneHistory({ before: Number(testUniverse.clock.nowMicros() / 1000n), ...call }),
  ],
];

/** How all of the calls end that did not end as they had to. */
async function failuresOf(
  call: CallOptions,
  isRight: (error: unknown) => boolean,
  then?: () => unknown,
): Promise<object> {
  const outcomes = runs.map(async ([name, run]) => {
    try {
      return [name, { gave: await run(call) }];
    } catch (error) {
      return isRight(error) ? [] : [name, { error }];
    }
  });
  await then?.();
  return Object.fromEntries((await Promise.all(outcomes)).filter(([name]) => name !== undefined));
}

test('every call rejects with the reason of a signal that has aborted, and changes nothing', async () => {
  const before = await recorded();
  const signal = AbortSignal.abort(REASON);
  expect(await failuresOf({ signal }, (error) => error === REASON)).toEqual({});
  await testUniverse.settle();
  expect(await recorded()).toEqual(before);
  expect(universe.graph.loadedParts).toEqual([]);
});

test('every call rejects with connection/timeout when nobody answers in time', async () => {
  testUniverse.networkOf(universe).freeze();
  const isTimeout = (error: unknown): boolean => (error as { code?: unknown }).code === 'connection/timeout';
  expect(await failuresOf({ timeoutMs: LONG_MS }, isTimeout, () => testUniverse.advance(LONG_MS))).toEqual({});
});

test('every call rejects with the reason of a signal that aborts while it waits', async () => {
  testUniverse.networkOf(universe).freeze();
  const ending = new AbortController();
  const isReason = (error: unknown): boolean => error === REASON;
  expect(await failuresOf({ signal: ending.signal }, isReason, () => ending.abort(REASON))).toEqual({});
});

describe('walks by pages', () => {
  test('allow their time for each page, and go on as long as pages come', async () => {
    const { graph } = universe;
    const ids = Array.from({ length: 1_500 }, (_, number) => `many-${number}`);
    for (const some of [ids.slice(0, 800), ids.slice(800)]) {
      await graph.batch((batch) => some.forEach((id) => batch.createEntity('many', { id })));
    }
    const seen: string[] = [];
    for await (const page of graph.scan({ type: 'many' }, { timeoutMs: LONG_MS })) {
      seen.push(...page.map(({ id }) => id));
      await testUniverse.advance(LONG_MS - 1);
    }
    expect(seen.sort()).toEqual(ids.sort());
  });

  test('end with the reason of a signal that aborts between two pages', async () => {
    const ending = new AbortController();
    const pages = universe.graph.scan({}, { signal: ending.signal });
    await pages.next();
    ending.abort(REASON);
    await expect(pages.next()).rejects.toBe(REASON);
    await expect(pages.next()).resolves.toMatchObject({ done: true });
  });
});

test('a live query that is called off is closed, and lets what it loaded go', async () => {
  const { graph } = universe;
  testUniverse.networkOf(universe).freeze();
  const ending = new AbortController();
  const live = graph.liveQuery({ type: 'thing' }, { signal: ending.signal });
  const outcome = expect(live.ready).rejects.toBe(REASON);
  ending.abort(REASON);
  await outcome;
  testUniverse.networkOf(universe).thaw();
  await graph.load({ types: ['other'] });
  expect(graph.loadedParts).toMatchObject([{ types: ['other'] }]);
  expect(live.current).toEqual([]);
});
