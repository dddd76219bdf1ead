import { VersionConflictError } from '@inner-universe/nerv';
import type { StateChange } from '@inner-universe/nerv/temporal';
import { describe, expect, test } from 'vitest';
import type { CommitConflictDetails, SpacetimeTemporalStore, TemporalStoreOptions, Universe } from '../src/index.ts';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../src/testing/index.ts';

interface Cart {
  count: number;
  title: string;
  items: string[];
  by: Record<string, number>;
}

const EMPTY: Cart = { count: 0, title: '', items: [], by: {} };

/** Two who have the same store open. */
interface Pair {
  readonly testUniverse: TestUniverse;
  readonly one: SpacetimeTemporalStore<Cart>;
  readonly two: SpacetimeTemporalStore<Cart>;
  readonly ada: Universe;
}

async function withPair(body: (pair: Pair) => Promise<void>, options?: TemporalStoreOptions): Promise<void> {
  const testUniverse = await createTestUniverse();
  try {
    const one = await testUniverse.universe.states.open('cart', EMPTY, options);
    const ada = await testUniverse.as('ada', READ_AND_WRITE);
    const two = await ada.states.open('cart', EMPTY, options);
    await body({ testUniverse, one, two, ada });
    expect(testUniverse.takeErrors()).toEqual([]);
  } finally {
    await testUniverse.close();
  }
}

/** Has `two` commit something that `one` does not know of when it commits. */
async function behindBack({ testUniverse, one, ada }: Pair, work: () => Promise<unknown>): Promise<void> {
  const network = testUniverse.network;
  network.freeze('to-client');
  await work();
  expect(ada.client.state).toBe('connected');
  expect(one.state).toBeDefined();
  queueMicrotask(() => network.thaw('to-client'));
}

function follow(store: SpacetimeTemporalStore<Cart>): StateChange<Cart>[] {
  const told: StateChange<Cart>[] = [];
  store.subscribe((change) => told.push(change));
  return told;
}

describe('a commit that somebody else came before', () => {
  test('is applied to the new head where both changed different places, under the same id', async () => {
    await withPair(async (pair) => {
      const { one, two, testUniverse } = pair;
      await behindBack(pair, () => two.commit((draft) => (draft.title = 'theirs')));
      const id = await one.commit((draft) => (draft.count = 1), { id: 'ours', description: 'mine', author: 'Ann' });
      expect(id).toBe('ours');
      expect(one.state).toMatchObject({ count: 1, title: 'theirs' });
      await testUniverse.settle();
      expect(two.state).toEqual(one.state);
      const version = await one.version('ours');
      expect(version).toMatchObject({ description: 'mine', author: 'Ann' });
      expect((await two.log()).map(({ id: of }) => of)).toHaveLength(3);
      expect(await one.verify()).toEqual({ ok: true, versions: 3 });
    });
  });

  test('of changes in one list, those in different places of it are applied', async () => {
    await withPair(async (pair) => {
      const { one, two, testUniverse } = pair;
      await one.commit((draft) => draft.items.push('a', 'b', 'c'));
      await testUniverse.settle();
      await behindBack(pair, () => two.commit((draft) => draft.items.unshift('first')));
      await one.commit((draft) => (draft.items[2] = 'C'));
      expect(one.state.items).toEqual(['first', 'a', 'b', 'C']);
    });
  });

  test('is a conflict where both changed the same place, and tells both sides', async () => {
    await withPair(async (pair) => {
      const { one, two } = pair;
      const base = one.versionId;
      let theirs = '';
      await behindBack(pair, async () => (theirs = await two.commit((draft) => (draft.title = 'theirs'))));
      const error = await one
        .commit((draft) => (draft.title = 'ours'), { id: 'ours' })
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(VersionConflictError);
      const expected: Partial<CommitConflictDetails> = {
        store: 'cart',
        branch: 'main',
        versionId: 'ours',
        base,
        expectedHead: base,
        actualHead: theirs,
        ours: [{ op: 'replace', path: '/title', value: 'ours' }],
        theirs: [{ op: 'replace', path: '/title', value: 'theirs' }],
        paths: ['/title'],
      };
      expect((error as VersionConflictError).details).toMatchObject(expected);
      expect(one.state.title).toBe('theirs');
      expect(one.versionId).toBe(theirs);
    });
  });

  test('is a conflict where both changed the same place to the same value: of two who add 1, none is lost', async () => {
    await withPair(async (pair) => {
      const { one, two } = pair;
      await behindBack(pair, () => two.commit((draft) => (draft.count += 1)));
      await expect(one.commit((draft) => (draft.count += 1))).rejects.toBeInstanceOf(VersionConflictError);
      expect(one.state.count).toBe(1);
      await behindBack(pair, () => two.commit((draft) => draft.items.push('x')));
      await expect(one.commit((draft) => draft.items.push('x'))).rejects.toBeInstanceOf(VersionConflictError);
      expect(one.state.items).toEqual(['x']);
    });
  });

  test('runs again on the new head if it is asked to', async () => {
    await withPair(async (pair) => {
      const { one, two } = pair;
      await behindBack(pair, () => two.commit((draft) => (draft.count += 10)));
      await one.commit((draft) => (draft.count += 1), { onConflict: 'rerun' });
      expect(one.state.count).toBe(11);
    });
  });

  test('gives up if it is asked to, also where nothing overlaps', async () => {
    await withPair(async (pair) => {
      const { one, two } = pair;
      await behindBack(pair, () => two.commit((draft) => (draft.count = 1)));
      await expect(one.commit((draft) => (draft.title = 'mine'), { onConflict: 'fail' })).rejects.toMatchObject({
        code: 'state/version-conflict',
        details: { paths: [], ours: [{ path: '/title' }], theirs: [{ path: '/count' }] },
      });
      expect(one.state).toMatchObject({ count: 1, title: '' });
    });
  });

  test('is never applied to another head than the one it expects', async () => {
    await withPair(async (pair) => {
      const { one, two } = pair;
      const expectedHead = one.versionId;
      await behindBack(pair, () => two.commit((draft) => (draft.count = 1)));
      await expect(one.commit((draft) => (draft.title = 'mine'), { expectedHead })).rejects.toMatchObject({
        code: 'state/version-conflict',
      });
      expect(one.state).toMatchObject({ count: 1, title: '' });
      await one.commit((draft) => (draft.title = 'mine'), { expectedHead: one.versionId });
      expect(one.state).toMatchObject({ count: 1, title: 'mine' });
    });
  });

  test('takes those with it that were made after it, each on the one before', async () => {
    await withPair(async (pair) => {
      const { one, two } = pair;
      await behindBack(pair, () => two.commit((draft) => (draft.title = 'theirs')));
      const ids = await Promise.all(
        Array.from({ length: 20 }, (_, n) => one.commit((draft) => void draft.items.push(`${n}`), { id: `own-${n}` })),
      );
      expect(one.state.items).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`));
      expect(one.state.title).toBe('theirs');
      const log = await one.log({ limit: 20 });
      expect(log.map(({ id }) => id).reverse()).toEqual(ids);
      expect(await one.verify()).toEqual({ ok: true, versions: 22 });
    });
  });

  test('alone fails where it is in conflict: those made after it that do not build on it go on', async () => {
    await withPair(async (pair) => {
      const { one, two } = pair;
      await behindBack(pair, () => two.commit((draft) => (draft.title = 'theirs')));
      const results = await Promise.allSettled([
        one.commit((draft) => (draft.count = 1)),
        one.commit((draft) => (draft.title = 'ours')),
        one.commit((draft) => (draft.title = 'ours again')),
        one.commit((draft) => (draft.by['one'] = 1)),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
      expect(one.state).toEqual({ count: 1, title: 'theirs', items: [], by: { one: 1 } });
      expect(one.pending).toEqual([]);
    });
  });
});

describe('an optimistic commit', () => {
  test('is shown at once as pending, and confirmed without being shown again', async () => {
    await withPair(async ({ one }) => {
      const told = follow(one);
      const committing = one.commit((draft) => (draft.count = 1), { optimistic: true, id: 'a', description: 'one' });
      expect(one.state.count).toBe(1);
      expect(one.versionId).toBe('a');
      expect(one.status).toBe('pending');
      expect(one.pending).toEqual([{ versionId: 'a', branch: 'main', description: 'one', isShown: true, losses: 0 }]);
      expect(told).toMatchObject([{ status: 'pending', type: 'commit', versionId: 'a', patch: [{ path: '/count' }] }]);
      await committing;
      expect(one.status).toBe('confirmed');
      expect(one.pending).toEqual([]);
      expect(told.slice(1)).toMatchObject([{ status: 'confirmed', patch: [], versionId: 'a', previousVersionId: 'a' }]);
    });
  });

  test('may be the way of a whole store; many are shown in order and told as confirmed once', async () => {
    await withPair(
      async ({ one, two, testUniverse }) => {
        const told = follow(one);
        const committing = Array.from({ length: 10 }, (_, n) => one.commit((draft) => draft.items.push(`${n}`)));
        expect(one.state.items).toHaveLength(10);
        await Promise.all(committing);
        expect(told.map(({ status }) => status)).toEqual([...Array<string>(10).fill('pending'), 'confirmed']);
        await testUniverse.settle();
        expect(two.state.items).toEqual(one.state.items);
        expect(await one.verify()).toEqual({ ok: true, versions: 11 });
      },
      { optimistic: true },
    );
  });

  test('that is in conflict is taken back by one change, the net one', async () => {
    await withPair(async (pair) => {
      const { one, two } = pair;
      await behindBack(pair, () => two.commit((draft) => ((draft.title = 'theirs'), (draft.count = 5))));
      const told = follow(one);
      const committing = one.commit((draft) => (draft.title = 'ours'), { optimistic: true });
      expect(one.state.title).toBe('ours');
      await expect(committing).rejects.toBeInstanceOf(VersionConflictError);
      expect(one.state).toMatchObject({ title: 'theirs', count: 5 });
      expect(one.status).toBe('confirmed');
      const seen = told.map(({ state, status }) => [state.title, state.count, status]);
      expect(seen).toEqual([
        ['ours', 0, 'pending'],
        ['theirs', 5, 'confirmed'],
      ]);
    });
  });

  test('that the module refuses is taken back', async () => {
    const testUniverse = await createTestUniverse();
    const owners = await testUniverse.universe.states.open('cart', EMPTY);
    const reader = await testUniverse.as('reader', [{ action: 'read', resource: 'scope:main' }]);
    const store = await reader.states.open('cart', EMPTY);
    const told = follow(store);
    const committing = store.commit((draft) => (draft.count = 1), { optimistic: true });
    expect(store.state.count).toBe(1);
    await expect(committing).rejects.toMatchObject({ code: 'permission/denied' });
    expect(store.state.count).toBe(0);
    expect(store.versionId).toBe(owners.versionId);
    expect(told.map(({ status, state }) => [status, state.count])).toEqual([
      ['pending', 1],
      ['confirmed', 0],
    ]);
    await testUniverse.close();
  });

  test('whose change throws is not shown', async () => {
    await withPair(async ({ one }) => {
      const told = follow(one);
      const fail = (): never => {
        throw new TypeError('not today');
      };
      await expect(one.commit(fail, { optimistic: true })).rejects.toThrow('not today');
      expect(told).toEqual([]);
      expect(one.pending).toEqual([]);
    });
  });

  test('stays shown over what others commit meanwhile, and both are there when it is confirmed', async () => {
    await withPair(async (pair) => {
      const { one, two, testUniverse } = pair;
      const told = follow(one);
      const gate: { open?: () => void } = {};
      const opened = new Promise<void>((resolve) => (gate.open = resolve));
      // Writes made after this one wait for it.
      const before = testUniverse.universe.client.writeLater(() => opened.then(() => ({ chunks: [], ops: [] })), 1);
      const committing = one.commit((draft) => (draft.count = 1), { optimistic: true });
      await two.commit((draft) => (draft.title = 'theirs'));
      await testUniverse.settle();
      expect(one.state).toMatchObject({ count: 1, title: 'theirs' });
      expect(one.status).toBe('pending');
      gate.open?.();
      await Promise.all([before, committing]);
      expect(one.state).toMatchObject({ count: 1, title: 'theirs' });
      const seen = told.map(({ status, state }) => `${status} ${state.count} ${state.title}`);
      expect(seen).toEqual(['pending 1 ', 'pending 1 theirs', 'confirmed 1 theirs']);
    });
  });

  test('is made after commits that are not shown yet, and does not undo them', async () => {
    await withPair(async ({ one }) => {
      const hidden = one.commit((draft) => (draft.count += 1));
      const shown = one.commit((draft) => (draft.count += 1), { optimistic: true });
      expect(one.state.count).toBe(1);
      await Promise.all([hidden, shown]);
      expect(one.state.count).toBe(2);
      expect(await one.verify()).toEqual({ ok: true, versions: 3 });
    });
  });

  test('to a branch that is not checked out is not shown', async () => {
    await withPair(async ({ one }) => {
      await one.createBranch('side');
      const committing = one.commit((draft) => (draft.count = 1), { optimistic: true, branch: 'side' });
      expect(one.state.count).toBe(0);
      expect(one.status).toBe('confirmed');
      await committing;
      expect((await one.at('side')).count).toBe(1);
    });
  });
});
