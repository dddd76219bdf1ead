import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from '../values/encode.ts';
import type { LocalTemporalStore } from './local-temporal-store.ts';
import { TemporalStore } from './temporal-store.ts';

type State = Record<string, unknown>;

const makeStore = (initial: State): LocalTemporalStore<State> => {
  let next = 0;
  return new TemporalStore<State>(initial, { ids: { nextId: () => `v${(next += 1)}` } });
};

/** Has both branches at a state, and then merged into each other crosswise, decided each for itself. */
function crossed(base: State, ours: State, theirs: State): LocalTemporalStore<State> {
  const store = makeStore(base);
  store.createBranch('side');
  store.commit(theirs, { branch: 'side', id: 'theirs' });
  store.commit(ours, { id: 'ours' });
  store.merge('theirs', { strategy: 'ours', fastForward: false });
  store.merge('ours', { strategy: 'ours', fastForward: false, branch: 'side' });
  return store;
}

describe('branches merged crosswise', () => {
  test('have two bases, and what was settled on both sides alike is settled', () => {
    const store = crossed({ a: 0, b: 0 }, { a: 1, b: 0 }, { a: 0, b: 1 });
    const plan = store.planMerge('side');
    expect([...plan.bases].sort()).toEqual(['ours', 'theirs']);
    expect(plan.base).toBe(plan.bases[0]);
    expect(plan).toMatchObject({ conflicts: [], patch: [] });
  });

  test('are in conflict where each side decided for itself, with both as the base', () => {
    const store = crossed({ a: 0 }, { a: 1 }, { a: 2 });
    const [conflict] = store.planMerge('side').conflicts;
    expect(conflict).toMatchObject({ path: '/a', ours: 1, theirs: 2 });
    const sides = conflict?.base as Map<string, unknown>;
    expect([...sides.keys()].sort()).toEqual(['ours', 'theirs']);
    expect([...sides.values()].sort()).toEqual([1, 2]);
    expect(store.state).toEqual({ a: 1 });
  });

  test('are in conflict also where one side went back to what was there before both', () => {
    const store = crossed({ a: 0 }, { a: 1 }, { a: 2 });
    store.commit({ a: 0 });
    expect(store.planMerge('side').conflicts).toMatchObject([{ path: '/a', ours: 0, theirs: 2 }]);
    expect(() => store.merge('side')).toThrow(expect.objectContaining({ code: 'state/merge-conflict' }));
    store.merge('side', { resolve: ({ ours }) => ({ value: ours }) });
    expect(store.state).toEqual({ a: 0 });
  });

  test('are in conflict where one side removed what the other changed, of arrays as of objects', () => {
    const store = crossed({ list: [1, 2], o: { x: 1 } }, { list: [1, 2, 3] }, { list: [1, 2, 4], o: { x: 2 } });
    expect(store.planMerge('side').conflicts.map(({ path }) => path)).toEqual(['/list', '/o']);
  });

  test('more than two at once have the merge of all their bases', () => {
    const store = makeStore({ a: 0, b: 0, c: 0 });
    for (const name of ['a', 'b', 'c']) {
      store.createBranch(name, 'main');
      store.commit((draft) => (draft[name] = 1), { branch: name, id: name });
    }
    for (const side of ['left', 'right']) {
      store.createBranch(side, 'a');
      store.merge('b', { branch: side });
      store.merge('c', { branch: side });
      store.commit((draft) => (draft[side] = 1), { branch: side });
    }
    const plan = store.planMerge('right', { branch: 'left' });
    expect([...plan.bases].sort()).toEqual(['a', 'b', 'c']);
    expect(plan.conflicts).toEqual([]);
    store.merge('right', { branch: 'left' });
    expect(store.at('left')).toEqual({ a: 1, b: 1, c: 1, left: 1, right: 1 });
  });

  test('over and over are compared as grown from nothing beyond a depth: nothing is settled silently', () => {
    const store = makeStore({ n: 0 });
    store.createBranch('side');
    store.commit({ n: 1 });
    store.commit({ n: 2 }, { branch: 'side' });
    for (let round = 0; round < 12; round += 1) {
      const ours = store.versionId;
      store.merge('side', { strategy: 'ours', fastForward: false });
      store.merge(ours, { strategy: 'ours', fastForward: false, branch: 'side' });
    }
    expect(store.planMerge('side').conflicts).toMatchObject([{ path: '/n', ours: 1, theirs: 2 }]);
  });
});

describe('the laws of merging branches', () => {
  const step = fc.record({
    branch: fc.constantFrom('a', 'b'),
    key: fc.nat(2),
    value: fc.nat(2),
    merges: fc.boolean(),
  });
  const histories = fc.array(step, { maxLength: 25 }).map((steps) => {
    const store = makeStore({ k0: 0, k1: 0, k2: 0 });
    store.createBranch('a');
    store.createBranch('b');
    for (const { branch, key, value, merges } of steps) {
      if (merges) store.merge(branch === 'a' ? 'b' : 'a', { branch, strategy: 'ours', fastForward: false });
      else store.commit((draft) => (draft[`k${key}`] = value), { branch });
    }
    return store;
  });

  test('whoever merges whom, the bases, the places in conflict and the rest of the state are the same', () => {
    fc.assert(
      fc.property(histories, (store) => {
        const plan = store.planMerge('b', { branch: 'a', fastForward: false });
        const other = store.planMerge('a', { branch: 'b', fastForward: false });
        expect([...plan.bases].sort()).toEqual([...other.bases].sort());
        if (plan.type !== 'merge' || other.type !== 'merge') return;
        const places = (conflicts: typeof plan.conflicts): string[] => conflicts.map(({ path }) => path).sort();
        expect(places(plan.conflicts)).toEqual(places(other.conflicts));
        if (plan.conflicts.length > 0) return;
        store.merge(plan);
        expect(stringify(store.tree(other.ours).apply(other.patch).toValue())).toBe(stringify(store.at('a')));
      }),
    );
  });

  test('after a merge there is nothing more to merge', () => {
    fc.assert(
      fc.property(histories, (store) => {
        store.merge('b', { branch: 'a', strategy: 'theirs' });
        expect(store.planMerge('b', { branch: 'a' })).toMatchObject({
          type: 'up-to-date',
          patch: [],
          conflicts: [],
        });
        const { type } = store.merge('a', { branch: 'b' });
        expect(['fast-forward', 'up-to-date']).toContain(type);
        expect(store.at('b')).toEqual(store.at('a'));
      }),
    );
  });
});
