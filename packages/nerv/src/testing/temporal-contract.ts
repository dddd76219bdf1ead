import { describe, expect, test } from 'vitest';
import { MergeConflictError, NervError, VersionConflictError } from '../errors.ts';
import { parsePlan, stringifyPlan } from '../temporal/plan-text.ts';
import type { StateChange, TemporalStore } from '../temporal/temporal-store.ts';
import { byIdentity } from '../temporal/tree/keyed-lists.ts';
import { redo, undo } from '../temporal/undo.ts';

/** The state that the contract works on. */
export interface ContractState {
  title?: string | undefined;
  count: number;
  items: { id: string; done: boolean }[];
  settings: Record<string, unknown>;
}

/** Makes a new store whose history is one version with this state on branch `main`. */
export type MakeContractStore = (
  initial: ContractState,
) => TemporalStore<ContractState> | Promise<TemporalStore<ContractState>>;

/** What every temporal store promises, as tests: call it inside a test file of the implementation. */
export function runTemporalStoreContract(makeStore: MakeContractStore): void {
  const withStore = (body: (store: TemporalStore<ContractState>) => Promise<void>) => async (): Promise<void> => {
    await body(
      await makeStore({
        count: 0,
        items: [{ id: 'a', done: false }],
        settings: { theme: 'dark' },
      }),
    );
  };
  describe('temporal store contract', () => {
    committing(withStore);
    reading(withStore);
    branching(withStore);
    merging(withStore);
    planning(withStore);
    undoing(withStore);
    watching(withStore);
  });
}

type WithStore = (body: (store: TemporalStore<ContractState>) => Promise<void>) => () => Promise<void>;

function committing(withStore: WithStore): void {
  test(
    'a commit by draft, by value and by patch is what the state is afterwards',
    withStore(async (store) => {
      await store.commit((draft) => {
        draft.items.push({ id: 'b', done: true });
        draft.settings['size'] = 12n;
      }, 'add b');
      expect(store.state).toEqual({
        count: 0,
        items: [
          { id: 'a', done: false },
          { id: 'b', done: true },
        ],
        settings: { theme: 'dark', size: 12n },
      });
      await store.commit({ count: 7, items: [], settings: {} });
      expect(store.state).toEqual({ count: 7, items: [], settings: {} });
      await store.commitPatch([{ op: 'add', path: '/settings/when', value: { $date: '2026-01-02T03:04:05.678Z' } }]);
      expect(store.state.settings).toEqual({ when: new Date('2026-01-02T03:04:05.678Z') });
    }),
  );

  test(
    'a version names its parent, its author, its description and its hashes',
    withStore(async (store) => {
      const parent = store.versionId;
      const id = await store.commit((draft) => (draft.count = 1), {
        description: 'count',
        author: 'Ada',
        authoredAtMicros: 1_700_000_000_000_000n,
      });
      expect(store.versionId).toBe(id);
      const version = await store.version(id);
      expect(version).toMatchObject({ id, parents: [parent], author: 'Ada', description: 'count' });
      expect(version.authoredAtMicros).toBe(1_700_000_000_000_000n);
      expect(version.dataHash).toMatch(/^sha256-tree:[0-9a-f]{64}$/);
      expect(version.chainHash).toMatch(/^sha256-chain:[0-9a-f]{64}$/);
      expect(await store.verify()).toEqual({ ok: true, versions: 2 });
    }),
  );

  test(
    'a refused commit changes nothing',
    withStore(async (store) => {
      const { state, versionId } = store;
      await expectCode('value/unsupported', () =>
        store.commit((draft) => {
          draft.count = 1;
          draft.settings['call'] = () => 1;
        }),
      );
      await expectCode('state/invalid-patch', () => store.commitPatch([{ op: 'remove', path: '/nothing' }]));
      await expectCode('state/version-conflict', () =>
        store.commit({ ...state, items: [], settings: {}, count: 1 }, { expectedHead: 'other' }),
      );
      await expectCode('state/branch-not-found', () => store.commit((draft) => (draft.count = 1), { branch: 'none' }));
      await expectCode('state/id-taken', () => store.commit((draft) => (draft.count = 1), { id: versionId }));
      expect(store.state).toBe(state);
      expect(store.versionId).toBe(versionId);
      expect(await store.log()).toHaveLength(1);
    }),
  );

  test(
    'of two commits made against one head the second is refused, with both heads',
    withStore(async (store) => {
      const head = store.versionId;
      const first = await store.commit((draft) => (draft.count = 1), { expectedHead: head });
      const error = await failure(() => store.commit((draft) => (draft.count = 2), { expectedHead: head }));
      expect(error).toBeInstanceOf(VersionConflictError);
      expect((error as VersionConflictError).details).toEqual({
        branch: 'main',
        expectedHead: head,
        actualHead: first,
      });
    }),
  );
}

function reading(withStore: WithStore): void {
  test(
    'any version is readable by id, by tag, by branch and by steps back, for ever',
    withStore(async (store) => {
      const ids = [store.versionId];
      for (let n = 1; n <= 80; n += 1) ids.push(await store.commit((draft) => (draft.count = n), `n=${n}`));
      await store.tag('fortieth', ids[40]);
      for (let n = 0; n <= 80; n += 7) expect((await store.at(ids[n] ?? '')).count).toBe(n);
      expect((await store.at('fortieth')).count).toBe(40);
      expect((await store.at('main')).count).toBe(80);
      expect((await store.at(3)).count).toBe(77);
      await expectCode('state/version-not-found', () => store.at('nothing-like-it'));
      await expectCode('state/version-not-found', () => store.at(81));
    }),
  );

  test(
    'a date reads the head of that time, or what was authored by then',
    withStore(async (store) => {
      const old = await store.commit((draft) => (draft.count = 1), {
        authoredAtMicros: 1_000_000n,
      });
      await store.commit((draft) => (draft.count = 2), { authoredAtMicros: 5_000_000_000n });
      expect((await store.version(new Date(2_000), { by: 'authored' })).id).toBe(old);
      await expectCode('state/version-not-found', () => store.at(new Date(0)));
      const { recordedAtMicros } = await store.version(0);
      expect((await store.at(new Date(Number(recordedAtMicros / 1000n)))).count).toBe(2);
    }),
  );

  test(
    'the difference of two versions turns one into the other',
    withStore(async (store) => {
      const first = store.versionId;
      await store.commit((draft) => {
        for (const item of draft.items) item.done = true;
        delete draft.settings['theme'];
      });
      expect(await store.diff(first)).toEqual([
        { op: 'replace', path: '/items/0/done', value: true },
        { op: 'remove', path: '/settings/theme' },
      ]);
      await store.commitPatch(await store.diff(0, first));
      expect(store.state).toEqual(await store.at(first));
    }),
  );

  test(
    'the log goes back from the head and filters',
    withStore(async (store) => {
      const one = await store.commit((draft) => (draft.count = 1), {
        description: 'Count one',
        author: 'Ada',
      });
      const two = await store.commit((draft) => (draft.settings['x'] = 1), {
        description: 'setting',
        author: 'Bo',
      });
      expect((await store.log()).map((version) => version.id).slice(0, 2)).toEqual([two, one]);
      expect(await idsOf(store.log({ author: 'Ada' }))).toEqual([one]);
      expect(await idsOf(store.log({ text: 'count ONE' }))).toEqual([one]);
      expect(await idsOf(store.log({ path: '/settings/x', limit: 1 }))).toEqual([two]);
      expect(await idsOf(store.log({ from: one, limit: 1 }))).toEqual([one]);
      expect((await store.blame('/count')).id).toBe(one);
      expect((await store.blame(['settings', 'x'])).id).toBe(two);
    }),
  );

  test(
    'the log and blame know what moved in a list, and which side of a merge a value came from',
    withStore(async (store) => {
      const list = await store.commit((draft) => draft.items.push({ id: 'b', done: false }), 'list');
      const front = await store.commit((draft) => draft.items.unshift({ id: 'z', done: false }), 'front');
      expect(await idsOf(store.log({ path: '/items/2' }))).toEqual([front, await rootOf(store)]);
      expect((await idsOf(store.log({ path: '/items/2/id', limit: 1 })))[0]).toBe(front);
      expect(await idsOf(store.log({ path: '/settings' }))).toHaveLength(1);
      await store.createBranch('side', list);
      const theirs = await store.commit((draft) => (draft.settings['side'] = 1), {
        branch: 'side',
      });
      await store.commit((draft) => (draft.count = 1));
      await store.merge('side');
      expect((await store.blame('/settings/side')).id).toBe(theirs);
      expect((await store.blame(['items', 0, 'id'])).id).toBe(front);
    }),
  );

  test(
    'a tag does not move, and goes when deleted',
    withStore(async (store) => {
      const { versionId } = store;
      await store.tag('v1');
      await store.commit((draft) => (draft.count = 1));
      expect(await store.tags()).toEqual([{ name: 'v1', versionId }]);
      await expectCode('state/tag-exists', () => store.tag('v1'));
      await store.deleteTag('v1');
      expect(await store.tags()).toEqual([]);
      await expectCode('state/tag-not-found', () => store.deleteTag('v1'));
    }),
  );
}

function branching(withStore: WithStore): void {
  test(
    'branches stand for themselves, are switched and fast-forwarded',
    withStore(async (store) => {
      const root = store.versionId;
      await store.createBranch('draft');
      await expectCode('state/branch-exists', () => store.createBranch('draft'));
      const id = await store.commit((draft) => (draft.count = 5), { branch: 'draft' });
      expect(store.versionId).toBe(root);
      expect(await store.branches()).toEqual([
        { name: 'draft', head: id },
        { name: 'main', head: root },
      ]);
      await store.switchBranch('draft');
      expect([store.branch, store.versionId, store.state.count]).toEqual(['draft', id, 5]);
      await store.switchBranch('main');
      expect(store.state.count).toBe(0);
      await store.fastForward('draft');
      expect([store.versionId, store.state.count]).toEqual([id, 5]);
      await store.deleteBranch('draft');
      await expectCode('state/branch-not-found', () => store.switchBranch('draft'));
      expect((await store.at(id)).count).toBe(5);
    }),
  );
}

function merging(withStore: WithStore): void {
  test(
    'a merge takes both sides and has both parents',
    withStore(async (store) => {
      await store.createBranch('side');
      const theirs = await store.commit((draft) => (draft.settings['side'] = true), {
        branch: 'side',
      });
      const ours = await store.commit((draft) => (draft.count = 3));
      await expectCode('state/not-fast-forward', () => store.fastForward('side'));
      const result = await store.merge('side');
      expect(result.type).toBe('merge');
      expect(store.state).toMatchObject({ count: 3, settings: { side: true, theme: 'dark' } });
      expect((await store.version(result.versionId)).parents).toEqual([ours, theirs]);
      expect(await store.merge('side')).toEqual({
        type: 'up-to-date',
        versionId: result.versionId,
      });
      expect(await store.verify()).toMatchObject({ ok: true });
    }),
  );

  test(
    'a merge into a head that has nothing of its own moves the branch',
    withStore(async (store) => {
      await store.createBranch('side');
      const theirs = await store.commit((draft) => (draft.count = 9), { branch: 'side' });
      expect(await store.merge('side')).toEqual({ type: 'fast-forward', versionId: theirs });
      expect(store.state.count).toBe(9);
    }),
  );

  test(
    'a conflict is reported with its values and writes nothing, until it is decided',
    withStore(async (store) => {
      await store.createBranch('side');
      const theirs = await store.commit((draft) => (draft.count = 1), { branch: 'side' });
      const ours = await store.commit((draft) => (draft.count = 2));
      const error = await failure(() => store.merge('side'));
      expect(error).toBeInstanceOf(MergeConflictError);
      expect((error as MergeConflictError).details).toMatchObject({
        ours,
        theirs,
        conflicts: [{ path: '/count', base: 0, ours: 2, theirs: 1 }],
      });
      expect(store.versionId).toBe(ours);
      await store.merge('side', {
        resolve: (conflict) => ({ value: Number(conflict.ours) + Number(conflict.theirs) }),
      });
      expect(store.state.count).toBe(3);
    }),
  );

  test(
    'a plan is carried out only where the branch still stands',
    withStore(async (store) => {
      await store.createBranch('side');
      await store.commit((draft) => (draft.settings['side'] = 1), { branch: 'side' });
      await store.commit((draft) => (draft.count = 2));
      const plan = await store.planMerge('side');
      expect(plan).toMatchObject({
        type: 'merge',
        conflicts: [],
        patch: [{ op: 'add', path: '/settings/side', value: 1 }],
      });
      await store.commit((draft) => (draft.count = 4));
      await expectCode('state/version-conflict', () => store.merge(plan));
      await store.merge(await store.planMerge('side'));
      expect(store.state).toMatchObject({ count: 4, settings: { side: 1 } });
    }),
  );

  test(
    'a revert takes back one version and keeps the later ones',
    withStore(async (store) => {
      const bad = await store.commit((draft) => (draft.count = 99), 'bad');
      await store.commit((draft) => (draft.settings['later'] = true));
      const id = await store.revert(bad);
      expect(store.state).toMatchObject({ count: 0, settings: { later: true } });
      expect((await store.version(id)).description).toBe('Revert "bad"');
      await store.commit((draft) => (draft.count = 1));
      await store.commit((draft) => (draft.count = 2));
      await expectCode('state/merge-conflict', () => store.revert(1));
    }),
  );
}

function planning(withStore: WithStore): void {
  test(
    'a plan can be written down, reviewed, and carried out where nothing moved, on neither side',
    withStore(async (store) => {
      await store.createBranch('side');
      await store.commit((draft) => (draft.settings['side'] = 1n), { branch: 'side' });
      await store.commit((draft) => (draft.count = 2));
      const text = stringifyPlan(await store.planMerge('side'));
      expect(parsePlan(text)).toEqual(await store.planMerge('side'));
      await store.commit((draft) => (draft.settings['side'] = 2n), { branch: 'side' });
      await expectCode('state/version-conflict', () => store.merge(parsePlan(text)));
      const { versionId } = await store.merge(parsePlan(stringifyPlan(await store.planMerge('side'))));
      expect(store.versionId).toBe(versionId);
      expect(store.state).toMatchObject({ count: 2, settings: { side: 2n } });
    }),
  );

  test(
    'a plan with conflicts is refused, and carried out once they are decided',
    withStore(async (store) => {
      await store.createBranch('side');
      await store.commit((draft) => (draft.count = 1), { branch: 'side' });
      await store.commit((draft) => (draft.count = 2));
      const plan = await store.planMerge('side');
      expect(plan.conflicts).toEqual([{ path: '/count', base: 0, ours: 2, theirs: 1 }]);
      await expectCode('state/merge-conflict', () => store.merge(plan));
      await store.merge(plan, { strategy: 'theirs' });
      expect(store.state.count).toBe(1);
    }),
  );

  test(
    'a plan to move a branch is refused when the version does not descend from its head',
    withStore(async (store) => {
      await store.createBranch('side');
      await store.commit((draft) => (draft.count = 1), { branch: 'side' });
      const plan = await store.planMerge('side');
      expect(plan.type).toBe('fast-forward');
      const ours = await store.commit((draft) => (draft.count = 2));
      await expectCode('state/not-fast-forward', () => store.merge({ ...plan, ours }));
      expect(store.versionId).toBe(ours);
    }),
  );

  test(
    'branches that were merged crosswise and decided differently are in conflict again',
    withStore(async (store) => {
      await store.createBranch('side');
      const theirs = await store.commit((draft) => (draft.count = 1), { branch: 'side' });
      const ours = await store.commit((draft) => (draft.count = 2));
      await store.merge(theirs, { strategy: 'ours' });
      await store.merge(ours, { strategy: 'ours', branch: 'side' });
      const plan = await store.planMerge('side');
      expect([...plan.bases].sort()).toEqual([ours, theirs].sort());
      expect(plan.conflicts).toMatchObject([{ path: '/count', ours: 2, theirs: 1 }]);
      await expectCode('state/merge-conflict', () => store.merge('side'));
    }),
  );

  test(
    'lists whose elements have an identity merge element by element',
    withStore(async (store) => {
      await store.createBranch('side');
      await store.commit(
        (draft) => {
          draft.items.unshift({ id: 'z', done: false });
          draft.items.push({ id: 'theirs', done: false });
        },
        { branch: 'side' },
      );
      await store.commit((draft) => draft.items.push({ id: 'ours', done: false }));
      await expectCode('state/merge-conflict', () => store.merge('side'));
      await store.commit((draft) => {
        for (const item of draft.items) item.done = item.id === 'a';
      });
      await store.merge('side', { lists: byIdentity({ '/items': 'id' }) });
      expect(store.state.items).toEqual([
        { id: 'z', done: false },
        { id: 'a', done: true },
        { id: 'ours', done: false },
        { id: 'theirs', done: false },
      ]);
    }),
  );
}

function undoing(withStore: WithStore): void {
  test(
    'each author undoes and redoes what is their own, in order, and what others did stays',
    withStore(async (store) => {
      await store.commit((draft) => (draft.count = 1), { author: 'Ada', description: 'one' });
      await store.commit((draft) => (draft.settings['bo'] = true), { author: 'Bo' });
      await store.commit((draft) => (draft.title = 'A'), { author: 'Ada' });
      expect(await redo(store, 'Ada')).toBeUndefined();
      await undo(store, 'Ada');
      expect(store.state).toMatchObject({ count: 1, settings: { bo: true } });
      expect(store.state).not.toHaveProperty('title');
      const id = await undo(store, 'Ada');
      expect(store.state.count).toBe(0);
      expect(id).toBe(store.versionId);
      expect((await store.version(0)).author).toBe('Ada');
      expect(await undo(store, 'Ada')).toBeUndefined();
      await redo(store, 'Ada');
      expect(store.state.count).toBe(1);
      await redo(store, 'Ada');
      expect(store.state).toMatchObject({ count: 1, title: 'A', settings: { bo: true } });
      expect(await redo(store, 'Ada')).toBeUndefined();
      await undo(store, 'Bo');
      expect(store.state.settings).toEqual({ theme: 'dark' });
    }),
  );
}

function watching(withStore: WithStore): void {
  test(
    'subscribers get each version once, in order, with its patch; others only what they selected',
    withStore(async (store) => {
      const changes: StateChange<ContractState>[] = [];
      const counts: number[] = [];
      const subscription = store.subscribe((change) => changes.push(change));
      const selection = store.select(
        (state) => state.count,
        (count) => counts.push(count),
      );
      const first = await store.commit((draft) => (draft.count = 1));
      const second = await store.commit((draft) => (draft.settings['x'] = 1));
      await store.commit((draft) => (draft.count = 5), { id: 'third' });
      expect(changes.map((change) => change.versionId)).toEqual([first, second, 'third']);
      expect(changes[1]).toMatchObject({
        previousVersionId: first,
        patch: [{ op: 'add', path: '/settings/x', value: 1 }],
      });
      expect(changes[1]?.state.items).toBe(changes[0]?.state.items);
      expect(counts).toEqual([1, 5]);
      subscription.unsubscribe();
      selection[Symbol.dispose]();
      await store.commit((draft) => (draft.count = 6));
      expect(changes).toHaveLength(3);
      expect(counts).toEqual([1, 5]);
    }),
  );

  test(
    'the state cannot be written to',
    withStore(async (store) => {
      const state = store.state as ContractState;
      expect(() => (state.count = 1)).toThrow(NervError);
      expect(() => state.items.push({ id: 'x', done: true })).toThrow(NervError);
      expect(() => delete state.settings['theme']).toThrow(NervError);
      expect(store.state.count).toBe(0);
    }),
  );
}

async function failure(act: () => unknown): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to fail');
}

async function expectCode(code: string, act: () => unknown): Promise<void> {
  const error = await failure(act);
  expect(error).toBeInstanceOf(Error);
  expect((error as { readonly code?: unknown }).code).toBe(code);
}

async function rootOf(store: TemporalStore<ContractState>): Promise<string> {
  return (await store.log()).at(-1)?.id ?? '';
}

async function idsOf(versions: unknown): Promise<string[]> {
  return ((await versions) as { readonly id: string }[]).map((version) => version.id);
}
