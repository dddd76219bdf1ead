import { makeWireTimestamp, type Op } from '@inner-universe/module/wire';
import { chainHash } from '@inner-universe/nerv/hash';
import { StateTree, stringifyPatch } from '@inner-universe/nerv/temporal';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { opByteLength } from '../src/client/op-size.ts';
import type { Universe } from '../src/index.ts';
import { createTestUniverse, type TestUniverse } from '../src/testing/index.ts';

/** A state is stored whole so often. */
const SNAPSHOT_EVERY = 50;
const OPS_PER_REQUEST = 1_000;
const LONG = 100_000;
const SHORT = 200;

interface Page {
  readonly text: string;
}

let testUniverse: TestUniverse;
let universe: Universe;

beforeAll(async () => {
  testUniverse = await createTestUniverse();
  ({ universe } = testUniverse);
  await record('brief', SHORT);
  await record('large', LONG);
}, 300_000);
afterAll(() => testUniverse.close());

/** Versions on one line, as commits make them, of states that are two in turn: they need not be hashed each time. */
async function record(store: string, count: number): Promise<void> {
  const trees = ['even', 'odd'].map((text) => StateTree.from<unknown>({ text, body: 'x'.repeat(500) }));
  const [even, odd] = trees as [StateTree, StateTree];
  const deltas = [stringifyPatch(odd.diff(even)), stringifyPatch(even.diff(odd))];
  const texts = trees.map((tree) => tree.stringify());
  const authoredAtMicros = 1_700_000_000_000_000n;
  let parent: { readonly id: string; readonly chainHash: string } | undefined;
  let ops: Op[] = [];
  for (let number = 0; number < count; number += 1) {
    const [tree, delta, text] = [trees[number % 2]!, deltas[number % 2]!, texts[number % 2]!];
    const id = `${store.slice(0, 1)}${String(number).padStart(7, '0')}`;
    const parents: readonly string[] = parent === undefined ? [] : [parent.chainHash];
    const hash = chainHash({ parents, dataHash: tree.hash, author: 'ada', authoredAtMicros, description: '' });
    const isWhole = number % SNAPSHOT_EVERY === 0;
    ops.push({
      tag: 'recordVersion',
      value: {
        versionId: id,
        store,
        scope: 'main',
        parents: parent === undefined ? [] : [parent.id],
        dataHash: tree.hash,
        chainHash: hash,
        author: 'ada',
        authoredAt: makeWireTimestamp(authoredAtMicros),
        description: '',
        metadata: '',
        metadataEncoding: '',
        delta: parent === undefined ? undefined : delta,
        deltaEncoding: parent === undefined ? '' : 'json/1',
        snapshot: isWhole ? { state: text, stateEncoding: 'json/1' } : undefined,
        move: { branch: 'main', expectedHead: parent?.id },
      },
    });
    parent = { id, chainHash: hash };
    if (ops.length < OPS_PER_REQUEST && number < count - 1) continue;
    await universe.client.apply(ops);
    ops = [];
  }
}

/** Every read that some work makes, and the bytes of what came. */
async function readsOf(work: () => Promise<unknown>): Promise<{ names: string[]; bytes: number }> {
  const { client } = universe;
  const names: string[] = [];
  let bytes = 0;
  const read = client.read.bind(client);
  client.read = async (name, args, call) => {
    const page = await read(name, args, call);
    names.push(name);
    bytes += opByteLength({ value: page } as unknown as Op);
    return page;
  };
  try {
    await work();
    await testUniverse.settle();
  } finally {
    // The prototype's again.
    Reflect.deleteProperty(client, 'read');
  }
  return { names, bytes };
}

test('a store of 100,000 versions is opened by reading its head and what lies since the last whole state, as one of 200', async () => {
  expect((await universe.client.getSystemStatus()).versions).toBe(BigInt(LONG + SHORT));
  const open = (name: string) => () => universe.states.open<Page>(name);
  const short = await readsOf(open('brief'));
  const long = await readsOf(open('large'));
  expect(long).toEqual(short);
  expect(long.names.length).toBeLessThanOrEqual(5);
  expect(long.bytes).toBeLessThan(SNAPSHOT_EVERY * 500);
});

test('its first commit, and a step back, read no more than in a store of 200', async () => {
  const work = (name: string) => async () => {
    const store = await universe.states.open<Page>(name);
    await store.commit((draft) => void (draft.text = 'changed'));
    expect((await store.at(1)).text).toBe('odd');
    store.close();
  };
  const short = await readsOf(work('brief'));
  const long = await readsOf(work('large'));
  expect(long.names).toEqual(short.names);
  expect(Math.abs(long.bytes - short.bytes)).toBeLessThan(1_000);
});
