import { makeWireTimestamp, type Op } from '@inner-universe/module/wire';
import { chainHash } from '@inner-universe/nerv/hash';
import { stringifyPatch, StateTree } from '@inner-universe/nerv/temporal';
import { describe, expect, test } from 'vitest';
import type { ReadName, SpacetimeTemporalStore, Universe } from '../src/index.ts';
import { createTestUniverse, type TestUniverse } from '../src/testing/index.ts';

interface Book {
  page: number;
  notes: Record<string, string>;
}

/** Records many versions by few requests, as an import does: version `n` has `page` n, and a note every hundredth. */
async function record(universe: Universe, store: string, count: number): Promise<void> {
  let tree = StateTree.from<unknown>({ page: 0, notes: {} });
  let parent: { id: string; chain: string } | undefined;
  let ops: Op[] = [];
  for (let n = 0; n < count; n += 1) {
    const after = tree.edit((draft) => {
      const book = draft as Book;
      book.page = n;
      if (n % 100 === 0) book.notes[`n${n}`] = 'x';
    });
    const delta = n === 0 ? undefined : stringifyPatch(tree.diff(after));
    const described = { author: n % 2 === 0 ? 'even' : 'odd', authoredAtMicros: BigInt(n), description: `page ${n}` };
    const parents = parent === undefined ? [] : [parent.chain];
    const chain = chainHash({ ...described, dataHash: after.hash, parents });
    const isWhole = n === 0 || n % 500 === 0;
    ops.push({
      tag: 'recordVersion',
      value: {
        versionId: `${store}-${n}`,
        store,
        scope: '',
        parents: parent === undefined ? [] : [parent.id],
        dataHash: after.hash,
        chainHash: chain,
        author: described.author,
        authoredAt: makeWireTimestamp(BigInt(n)),
        description: described.description,
        metadata: '',
        metadataEncoding: '',
        delta,
        deltaEncoding: '',
        snapshot: isWhole ? { state: after.stringify(), stateEncoding: '' } : undefined,
        move: { branch: 'main', expectedHead: parent?.id },
      },
    });
    tree = after;
    parent = { id: `${store}-${n}`, chain };
    if (ops.length === 500 || n === count - 1) {
      await universe.client.write(ops);
      ops = [];
    }
  }
}

/** Counts what a universe reads while work runs. */
async function readsOf(
  universe: Universe,
  work: () => Promise<unknown>,
): Promise<{ calls: number; names: ReadName[] }> {
  const { client } = universe;
  const names: ReadName[] = [];
  const original = client.read.bind(client);
  client.read = ((name: ReadName, ...rest: [never]) => {
    names.push(name);
    return original(name, ...rest);
  }) as typeof client.read;
  try {
    await work();
  } finally {
    client.read = original;
  }
  return { calls: names.length, names };
}

describe('a store with many versions', () => {
  let testUniverse: TestUniverse;
  const open = async (count: number): Promise<{ universe: Universe; store: SpacetimeTemporalStore<Book> }> => {
    testUniverse = await createTestUniverse();
    await record(testUniverse.universe, 'book', count);
    const universe = await testUniverse.as('owner');
    return { universe, store: await universe.states.open<Book>('book') };
  };

  test('opens by its head, and reads no more for being long', async () => {
    const counts: Record<string, number[]> = {};
    for (const count of [200, 6_200]) {
      testUniverse = await createTestUniverse();
      await record(testUniverse.universe, 'book', count);
      const universe = await testUniverse.as('owner');
      const note = async (name: string, work: () => Promise<unknown>): Promise<void> => {
        (counts[name] ??= []).push((await readsOf(universe, work)).calls);
      };
      let store!: SpacetimeTemporalStore<Book>;
      await note('open', async () => (store = await universe.states.open<Book>('book')));
      expect(store.state.page).toBe(count - 1);
      await note('commit', () => store.commit((draft) => (draft.page = -1)));
      await note('commit again', () => store.commit((draft) => (draft.page = -2)));
      await note('at an id', () => store.at(`book-${count - 50}`));
      await note('at steps back', () => store.at(3));
      await note('log of ten', async () => expect(await store.log({ limit: 10 })).toHaveLength(10));
      await note('first parents', () => store.log({ limit: 10, firstParent: true }));
      await note('blame', async () => expect((await store.blame('/page')).id).toBe(store.versionId));
      await note('branch', () => store.createBranch('side'));
      await store.commit((draft) => (draft.notes['side'] = 'y'), { branch: 'side' });
      await store.commit((draft) => (draft.page = -3));
      await note('merge', () => store.merge('side'));
      await store.createBranch('ahead');
      const ahead = await store.commit((draft) => (draft.page = -4), { branch: 'ahead' });
      await note('fast-forward', () => store.fastForward(ahead));
      await note('revert', () => store.revert(0));
      await testUniverse.close();
    }
    for (const [name, [short = 0, long = 0]] of Object.entries(counts)) {
      expect(long, `reads of ${name}`).toBeLessThanOrEqual(short);
      expect(long, `reads of ${name}`).toBeLessThanOrEqual(8);
    }
  });

  test('finds who wrote a place long ago by pages of deltas, not version by version', async () => {
    const { universe, store } = await open(3_000);
    const { calls } = await readsOf(universe, async () => {
      expect((await store.blame('/notes/n100')).id).toBe('book-100');
    });
    expect(calls).toBeLessThan(60);
    expect((await store.blame(['notes', 'n2900'])).id).toBe('book-2900');
    expect((await store.blame('/nothing')).id).toBe('book-0');
    await testUniverse.close();
  });

  test('tells the whole history, and what is asked of it, in the order of arrival', async () => {
    const { store } = await open(2_500);
    const log = await store.log();
    expect(log.map(({ id }) => id)).toEqual(Array.from({ length: 2_500 }, (_, n) => `book-${2_499 - n}`));
    expect((await store.log({ author: 'odd', limit: 3 })).map(({ id }) => id)).toEqual([
      'book-2499',
      'book-2497',
      'book-2495',
    ]);
    const touching = await store.log({ path: '/notes', limit: 4 });
    expect(touching.map(({ id }) => id)).toEqual(['book-2400', 'book-2300', 'book-2200', 'book-2100']);
    expect((await store.log({ from: 'book-1200', limit: 2 })).map(({ id }) => id)).toEqual(['book-1200', 'book-1199']);
    await testUniverse.close();
  });
});

test('a log is asked for a whole number of versions', async () => {
  await using testUniverse = await createTestUniverse();
  const store = await testUniverse.universe.states.open('pages', { initial: { page: 0 } });
  for (const limit of [-1, Number.NaN, 1.5]) {
    for (const firstParent of [true, false]) {
      await expect(store.log({ limit, firstParent })).rejects.toMatchObject({
        code: 'state/invalid-argument',
        details: { limit },
      });
    }
  }
  expect(await store.log({ limit: 0 })).toEqual([]);
  expect(await store.log({ limit: 1 })).toHaveLength(1);
  expect(await store.log({ limit: Number.POSITIVE_INFINITY })).toHaveLength(1);
});

describe('histories with branches', () => {
  test('are told and merged as in one process, whatever lies between', async () => {
    testing: {
      const testUniverse = await createTestUniverse();
      const store = await testUniverse.universe.states.open('tree', { n: 0, by: {} as Record<string, number> });
      await store.createBranch('old');
      await store.commit((draft) => (draft.by['old'] = 1), { branch: 'old', id: 'old-1' });
      for (let n = 1; n <= 150; n += 1) await store.commit((draft) => (draft.n = n), { id: `main-${n}` });
      const { universe } = testUniverse;
      const { calls } = await readsOf(universe, async () => {
        expect((await store.merge('old')).type).toBe('merge');
      });
      expect(calls).toBeLessThan(12);
      expect(store.state).toEqual({ n: 150, by: { old: 1 } });
      await store.commit((draft) => (draft.by['old'] = 2), { branch: 'old' });
      expect((await store.merge('old')).type).toBe('merge');
      expect(store.state.by).toEqual({ old: 2 });
      expect((await store.log()).map(({ id }) => id)).toContain('old-1');
      expect((await store.blame('/by/old')).id).not.toBe('old-1');
      expect((await store.merge('old')).type).toBe('up-to-date');
      await testUniverse.close();
      break testing;
    }
  });
});
