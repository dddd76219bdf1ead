import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SpacetimeTemporalStore, Universe } from '../src/index.ts';
import { createTestUniverse, type TestUniverse } from '../src/testing/index.ts';

/** A call as a program without types makes it. */
type Call = readonly [name: string, code: string, run: (parts: Parts) => unknown];

/** The parts of a universe, for programs without types. */
interface Parts {
  // oxlint-disable-next-line typescript/no-explicit-any -- wrong arguments are what is tested
  readonly store: any;
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  readonly universe: any;
}

const LONE = 'a\ud800';

let testUniverse: TestUniverse;
let universe: Universe;
let store: SpacetimeTemporalStore<{ count: number }>;

beforeAll(async () => {
  testUniverse = await createTestUniverse();
  ({ universe } = testUniverse);
  store = await universe.states.open('counter', { count: 0 });
  for (let count = 1; count < 6; count += 1) await store.commit({ count });
  await store.createBranch('side');
  await universe.graph.createEntity('thing', { id: 'a', properties: { kept: true } });
  await universe.graph.createRelation('near', { id: 'r', from: 'a', to: 'a' });
  await universe.events.publish('tick', 1);
});

afterAll(() => testUniverse.close());

async function recorded(): Promise<unknown> {
  await testUniverse.settle();
  const tables = ['state_version', 'branch', 'tag', 'entity', 'relation', 'history_bound', 'event_log'];
  return Promise.all(tables.map((table) => testUniverse.host.sql(`SELECT * FROM ${table}`)));
}

const config = 'config/invalid';
const ofState: readonly Call[] = [
  ...[{ lst: 1000 }, { last: 'abc' }, { last: Number.NaN }, { last: '15' }, { last: -1 }, { since: 'x' }].map(
    (options): Call => [`compact(${JSON.stringify(options)})`, config, ({ store }) => store.compact(options)],
  ),
  ...[5, 'x', null, [], { keep: 5 }, { since: new Date('x') }].map((options): Call => [
    `compact(${String(options)})`,
    config,
    ({ store }) => store.compact(options),
  ]),
  ['merge with a mistyped option', config, ({ store }) => store.merge('side', { strategi: 'ours' })],
  ['merge with a wrong strategy', config, ({ store }) => store.merge('side', { strategy: 'our' })],
  ['planMerge with a mistyped option', config, ({ store }) => store.planMerge('side', { brnch: 'x' })],
  ['revert with a mistyped option', config, ({ store }) => store.revert(1, { desciption: 'x' })],
  ['merge of an object', 'state/invalid-argument', ({ store }) => store.merge({})],
  ['merge of null', 'state/invalid-argument', ({ store }) => store.merge(null)],
  ['log with a mistyped filter', config, ({ store }) => store.log({ autor: 'x' })],
  ['log since a text', config, ({ store }) => store.log({ authoredSince: 'x' })],
  ['at with a mistyped option', config, ({ store }) => store.at(1, { brnch: 'x' })],
  ['version by a wrong time', config, ({ store }) => store.version(1, { by: 'author' })],
  ['at(5n)', 'state/invalid-argument', ({ store }) => store.at(5n)],
  ['at(NaN)', 'state/version-not-found', ({ store }) => store.at(Number.NaN)],
  ['at(-1)', 'state/version-not-found', ({ store }) => store.at(-1)],
  ['diff(null)', 'state/invalid-argument', ({ store }) => store.diff(null)],
  ['diff to an object', 'state/invalid-argument', ({ store }) => store.diff(1, {})],
  ['blame of a number', 'state/invalid-argument', ({ store }) => store.blame(5)],
  ['commit with an author cut in a pair', config, ({ store }) => store.commit({ count: 9 }, { author: LONE })],
  ['tag by a number', 'state/invalid-argument', ({ store }) => store.tag(5)],
  ['tag cut in a pair', 'value/unsupported', ({ store }) => store.tag(LONE)],
  ['createBranch cut in a pair', 'value/unsupported', ({ store }) => store.createBranch(LONE)],
  ['createBranch by an object', 'state/invalid-argument', ({ store }) => store.createBranch({})],
  ['deleteBranch by a number', 'state/invalid-argument', ({ store }) => store.deleteBranch(5)],
  ['switchBranch by a number', 'state/invalid-argument', ({ store }) => store.switchBranch(5)],
  ['fastForward to an object', 'state/invalid-argument', ({ store }) => store.fastForward({})],
  ['states.open by a number', 'state/invalid-argument', ({ universe }) => universe.states.open(5, {})],
  ['states.open cut in a pair', 'value/unsupported', ({ universe }) => universe.states.open(LONE, {})],
  [
    'states.open with wrong snapshots',
    config,
    ({ universe }) => universe.states.open('x', {}, { snapshots: { a: 1 } }),
  ],
  ['states.load(NaN)', 'state/invalid-argument', ({ universe }) => universe.states.load(Number.NaN)],
  ['states.diff(NaN)', 'state/invalid-argument', ({ universe }) => universe.states.diff(Number.NaN, 'x')],
  ['states.diff to NaN', 'state/invalid-argument', ({ universe }) => universe.states.diff(undefined, Number.NaN)],
  ['states.load with a wrong signal', config, ({ universe }) => universe.states.load('x', { signal: {} })],
];

const argument = 'graph/invalid-argument';
const inputs: readonly (readonly [string, string, unknown])[] = [
  ['a mistyped field', argument, { proprties: {} }],
  ['a text of properties', 'value/unsupported', { properties: 'abc' }],
  ['a list of properties', 'value/unsupported', { properties: [1] }],
  ['an object for a name', 'invalid', { name: {} }],
  ['a name cut in a pair', 'invalid', { name: LONE }],
  ['a description cut in a pair', 'invalid', { description: LONE }],
  ['a number of tags', 'invalid', { tags: 5 }],
  ['a tag cut in a pair', 'invalid', { tags: [LONE] }],
];
const tied: readonly (readonly [string, string, unknown])[] = [
  ...inputs,
  ['a text for a strength', 'invalid', { strength: '0.5' }],
  ['a text for a flag', 'invalid', { bidirectional: 'false' }],
];
const coded = (subject: string, code: string): string => (code === 'invalid' ? `${subject}/invalid` : code);

type Write = 'createEntity' | 'upsertEntity' | 'updateEntity' | 'createRelation' | 'upsertRelation' | 'updateRelation';

/** Arguments of a write with something wrong in what it is given. */
function argumentsOf(write: Write, wrong: object): readonly unknown[] {
  if (write.startsWith('update')) return [write === 'updateEntity' ? 'a' : 'r', wrong];
  return write.endsWith('Entity')
    ? ['thing', { id: 'b', ...wrong }]
    : ['near', { id: 's', from: 'a', to: 'a', ...wrong }];
}

const entityWrites: readonly Write[] = ['createEntity', 'upsertEntity', 'updateEntity'];
const relationWrites: readonly Write[] = ['createRelation', 'upsertRelation', 'updateRelation'];
const casesOf = (subject: string, writes: readonly Write[], cases: typeof inputs): Call[] =>
  writes.flatMap((write) =>
    cases.flatMap(([name, code, wrong]): Call[] => [
      [
        `${write} with ${name}`,
        coded(subject, code),
        ({ universe }) => universe.graph[write](...argumentsOf(write, wrong as object)),
      ],
      [
        `${write} in a batch with ${name}`,
        coded(subject, code),
        ({ universe }) =>
          universe.graph.batch((batch: Record<string, (...given: unknown[]) => void>) => {
            batch['createEntity']?.('thing', { id: 'good' });
            batch[write]?.(...argumentsOf(write, wrong as object));
          }),
      ],
    ]),
  );

const ofGraph: readonly Call[] = [
  ...casesOf('entity', entityWrites, inputs),
  ...casesOf('relation', relationWrites, tied),
  ['an id cut in a pair', 'entity/invalid', ({ universe }) => universe.graph.createEntity('thing', { id: LONE })],
  ['a type cut in a pair', 'entity/invalid', ({ universe }) => universe.graph.createEntity(LONE)],
  ['a type that is a number', 'entity/invalid', ({ universe }) => universe.graph.createEntity(5)],
  ['an update of null', argument, ({ universe }) => universe.graph.updateEntity('a', null)],
  ['an update of an id cut in a pair', 'entity/invalid', ({ universe }) => universe.graph.updateEntity(LONE, {})],
  ['a deletion of an id cut in a pair', 'entity/invalid', ({ universe }) => universe.graph.deleteEntity(LONE)],
  ['a relation without an end', argument, ({ universe }) => universe.graph.createRelation('near', { from: 'a' })],
  [
    'an end cut in a pair',
    'relation/invalid',
    ({ universe }) => universe.graph.createRelation('near', { from: 'a', to: LONE }),
  ],
  ['a scope cut in a pair', argument, ({ universe }) => universe.graph.createEntity('thing', {}, { scope: LONE })],
  ['a text for cascade', argument, ({ universe }) => universe.graph.deleteEntity('a', { cascade: 'false' })],
  ['ifSeq: NaN', argument, ({ universe }) => universe.graph.updateEntity('a', {}, { ifSeq: Number.NaN })],
  ['a text for ifSeq', argument, ({ universe }) => universe.graph.deleteRelation('r', { ifSeq: '5' })],
  ['a text for optimistic', argument, ({ universe }) => universe.graph.createEntity('thing', {}, { optimistic: 'no' })],
  ['a wrong signal', config, ({ universe }) => universe.graph.createEntity('thing', {}, { signal: {} })],
  ['batch(5)', argument, ({ universe }) => universe.graph.batch(5)],
  [
    'a text for cascade in a batch',
    argument,
    ({ universe }) =>
      universe.graph.batch((batch: { deleteEntity(id: string, options: unknown): void }) =>
        batch.deleteEntity('a', { cascade: 'false' }),
      ),
  ],
  ['pruneHistory of a time to come', argument, ({ universe }) => universe.graph.pruneHistory({ before: 8.64e15 })],
  ['pruneHistory with a mistyped option', config, ({ universe }) => universe.graph.pruneHistory({ befor: 5 })],
  ['history with a mistyped option', config, ({ universe }) => universe.graph.history('a', { form: 5 })],
  ['historyPages with a mistyped option', config, ({ universe }) => universe.graph.historyPages('a', { form: 5 })],
];

const queries: readonly unknown[] = [
  { patern: 'x' },
  { kind: 'aplication' },
  { order: 'descnding' },
  { scope: {} },
  { source: 5 },
  { from: 'x' },
  { pattern: LONE },
  5,
];
const ofEvents: readonly Call[] = [
  ...queries.flatMap((query): Call[] => [
    [`query(${JSON.stringify(query)})`, config, ({ universe }) => universe.events.query(query)],
    [`queryPage(${JSON.stringify(query)})`, config, ({ universe }) => universe.events.queryPage(query)],
    [`replay(${JSON.stringify(query)})`, config, ({ universe }) => universe.events.replay(query, () => undefined)],
  ]),
  ['a partition key cut in a pair', config, ({ universe }) => universe.events.publish('a', 1, { partitionKey: LONE })],
  ['a source cut in a pair', config, ({ universe }) => universe.events.publish('a', 1, { source: LONE })],
  ['a scope cut in a pair', config, ({ universe }) => universe.events.publish('a', 1, { scope: LONE })],
  ['a type cut in a pair', 'event/invalid', ({ universe }) => universe.events.publish(LONE, 1)],
  ['an id cut in a pair', 'event/invalid', ({ universe }) => universe.events.publish('a', 1, { id: LONE })],
  ['emit with a mistyped option', config, ({ universe }) => universe.events.emit('a', 1, { sorce: 'x' })],
  ['subscribe to a mistyped pattern', config, ({ universe }) => universe.events.subscribe({ patern: 'a' }, () => 1)],
  ['waitFor with a mistyped option', config, ({ universe }) => universe.events.waitFor('a', { timeout: 5 })],
  ['waitFor a mistyped pattern', config, ({ universe }) => universe.events.waitFor({ patern: 'a' })],
  ['a stream with a wrong overflow', config, ({ universe }) => universe.events.events('a', { overflow: 'drop' })],
];

describe.each([
  ['a store', ofState],
  ['the graph', ofGraph],
  ['events', ofEvents],
] as const)('%s', (_part, calls) => {
  test('refuses what is wrong by a code, before anything is done', async () => {
    const before = await recorded();
    const outcomes = calls.map(async ([name, code, run]) => {
      const made = new Promise((resolve) => {
        resolve(run({ store, universe }));
      });
      const found = await made.then(
        () => 'done',
        (error: { code?: string }) => error.code ?? String(error),
      );
      return found === code ? [] : [`${name}: ${found}`];
    });
    expect((await Promise.all(outcomes)).flat()).toEqual([]);
    expect(await recorded()).toEqual(before);
  });
});

test('the calls that give promises reject, and do not throw', () => {
  // oxlint-disable-next-line typescript/no-explicit-any -- wrong arguments are what is tested
  const { events, graph, states } = universe as any;
  const promises: Promise<unknown>[] = [
    events.query(5),
    events.waitFor({ patern: 'a' }),
    events.publish('a', 1, { scop: 'x' }),
    graph.batch(5),
    graph.pruneHistory(5),
    graph.createEntity('thing', 5),
    states.load(5),
    states.open(5, {}),
    (store as unknown as { compact(options: unknown): Promise<unknown> }).compact(5),
  ];
  return Promise.all(promises.map((promise) => expect(promise).rejects.toBeInstanceOf(Error)));
});

test('a row that was read may be given back whole', async () => {
  const { graph } = universe;
  const entity = await graph.createEntity('thing', { id: 'back' });
  const named = await graph.updateEntity('back', { ...entity, name: 'named' });
  expect(await graph.upsertEntity('thing', { ...named, description: 'told' })).toMatchObject({
    name: 'named',
    description: 'told',
  });
});
