import { makeWireTimestamp, type RecordVersionOp } from '@inner-universe/module/wire';
import { chainHash } from '@inner-universe/nerv/hash';
import { StateTree } from '@inner-universe/nerv/temporal';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openUniverse, type Universe } from '../src/index.ts';

let universe: Universe;

beforeAll(async () => {
  universe = await openUniverse({ memory: true });
});

afterAll(async () => {
  await universe.close();
});

/** A version whose state is said to have another's hash: the module cannot know, a reader can. */
function makeVersion(versionId: string, given: Partial<RecordVersionOp>): RecordVersionOp {
  const dataHash = given.dataHash ?? StateTree.from({ honest: true }).hash;
  const described = { author: '', authoredAtMicros: 1n, description: '', dataHash };
  return {
    versionId,
    store: `store-${versionId}`,
    scope: '',
    parents: [],
    dataHash,
    chainHash: chainHash({ ...described, parents: [] }),
    author: '',
    authoredAt: makeWireTimestamp(1n),
    description: '',
    metadata: '',
    metadataEncoding: '',
    delta: undefined,
    deltaEncoding: '',
    snapshot: undefined,
    move: { branch: 'main' },
    ...given,
  };
}

test('a version that is not what its hash names is told by name and publisher, not read', async () => {
  const cases: [string, Partial<RecordVersionOp>][] = [
    ['delta', { delta: '[{"op":"add","path":"/honest","value":false}]' }],
    ['snapshot', { snapshot: { state: '{"honest":false}', stateEncoding: '' } }],
    ['impossible', { delta: '[{"op":"remove","path":"/nothing"}]' }],
  ];
  for (const [id, given] of cases) {
    await universe.client.commitStateVersion(makeVersion(id, given));
    const details = { versionId: id, publisher: universe.client.identity };
    await expect(universe.states.load(id)).rejects.toMatchObject({ code: 'state/corrupt-version', details });
    await expect(universe.states.open(`store-${id}`, {})).rejects.toMatchObject({ code: 'state/corrupt-version' });
  }
  await universe.client.commitStateVersion(
    makeVersion('good', { delta: '[{"op":"add","path":"/honest","value":true}]' }),
  );
  expect((await universe.states.load('good')).tree.toValue()).toEqual({ honest: true });
});

test('long histories are read through snapshots, which come as often as the changes outweigh the state', async () => {
  const store = await universe.states.open('long', { text: '', n: 0 });
  const ids: string[] = [];
  for (let n = 1; n <= 300; n += 1) {
    ids.push(
      await store.commit((draft) => {
        draft.n = n;
        draft.text = `${n}`.repeat(40);
      }),
    );
  }
  const { tables } = await universe.client.getSystemStatus();
  const snapshots = Number(tables.find(({ name }) => name === 'state_snapshot')?.rows ?? 0n);
  expect(snapshots).toBeGreaterThan(2);
  expect(snapshots).toBeLessThan(30);
  const other = await openSecond();
  for (const index of [0, 1, 150, 299]) {
    expect((await other.states.load(ids[index] ?? '')).tree.get('/n')).toBe(index + 1);
  }
  await other.close();
});

/** A universe that has read nothing yet, over the same host. */
async function openSecond(): Promise<Universe> {
  const { host } = universe.controller;
  const address = await universe.controller.serve({ host: '127.0.0.1', port: 0 });
  return openUniverse({ server: address, token: host?.ownerToken });
}

test('a store that is switched while its branches move ends where the branch is, and goes on', async () => {
  const one = await universe.states.open('switching', { n: 0 });
  const two = await universe.states.open('switching', { n: 0 });
  await one.createBranch('side');
  const commits: Promise<string>[] = [];
  for (let n = 1; n <= 20; n += 1)
    commits.push(one.commit((draft) => (draft.n = n), { branch: n % 2 === 0 ? 'main' : 'side' }));
  const seen: number[] = [];
  two.subscribe((change) => seen.push(change.state.n));
  await two.switchBranch('side');
  await Promise.all(commits);
  await vi.waitFor(() => expect(two.state.n).toBe(19));
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(new Set(seen).size).toBe(seen.length);
  await two.switchBranch('main');
  expect(two.state.n).toBe(20);
  two.close();
  two.close();
  await one.commit((draft) => (draft.n = 21));
  expect(one.state.n).toBe(21);
});

test('an id that is taken is refused without a trace, and what it named stays', async () => {
  const store = await universe.states.open('ids', { n: 0 });
  const first = await store.commit((draft) => (draft.n = 1), { id: 'taken' });
  await expect(store.commit((draft) => (draft.n = 2), { id: 'taken' })).rejects.toMatchObject({
    code: 'state/id-taken',
  });
  expect(store.state.n).toBe(1);
  expect((await store.at(first)).n).toBe(1);
  expect((await universe.states.load('taken')).tree.get('/n')).toBe(1);
  await store.commit((draft) => (draft.n = 3));
  expect(store.state.n).toBe(3);
});

test('commits that are not awaited are made in order, each on the one before', async () => {
  const store = await universe.states.open('queue', { items: [] as number[] });
  await Promise.all(Array.from({ length: 30 }, (_, n) => store.commit((draft) => draft.items.push(n))));
  expect(store.state.items).toEqual(Array.from({ length: 30 }, (_, n) => n));
  expect(await store.verify()).toEqual({ ok: true, versions: 31 });
});

test('a store that has versions opens without a state to begin with; a branch it lacks is told with those it has', async () => {
  const made = await universe.states.open('existing', { n: 1 }, { branch: 'app/main' });
  await expect(universe.states.open('existing')).rejects.toMatchObject({
    code: 'state/branch-not-found',
    message: expect.stringContaining('It has app/main') as string,
  });
  const again = await universe.states.open<{ n: number }>('existing', undefined, { branch: 'app/main' });
  expect(again.versionId).toBe(made.versionId);
  expect(again.state).toEqual({ n: 1 });
  await expect(universe.states.open('nowhere')).rejects.toMatchObject({
    code: 'state/branch-not-found',
    message: expect.stringContaining('give a state to begin with') as string,
  });
});
