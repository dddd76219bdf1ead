import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { treeHash } from '../hash/tree-digest.ts';
import { CoreTemporalStore } from './core-temporal-store.ts';
import { KeptVersions } from './kept-versions.ts';
import { LocalTemporalStore } from './local-temporal-store.ts';

interface State {
  items: { id: number; tags?: string[] }[];
  byKey: Record<string, number>;
}

const initial = (): State => ({ items: [{ id: 0 }], byKey: {} });

/** Ids and times that two stores can share. */
function makeGiven(): { readonly ids: { nextId(): string }; readonly clock: { nowMicros(): bigint } } {
  let id = 0;
  let now = 1_000_000n;
  return {
    ids: { nextId: () => `v${(id += 1)}` },
    clock: { nowMicros: () => (now += 1_000n) },
  };
}

const codeOf = (call: () => unknown): unknown => {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test('it makes the very versions that the full store makes, hashes included', () => {
  const change = fc.oneof(
    fc.record({ type: fc.constant('push' as const), id: fc.nat(9) }),
    fc.record({ type: fc.constant('drop' as const), at: fc.nat(5) }),
    fc.record({ type: fc.constant('set' as const), key: fc.constantFrom('a', 'b', 'c'), value: fc.integer() }),
    fc.record({ type: fc.constant('value' as const), ids: fc.array(fc.nat(9)) }),
    fc.record({ type: fc.constant('branch' as const), name: fc.constantFrom('x', 'y', 'main') }),
    fc.record({ type: fc.constant('tag' as const), name: fc.constantFrom('t', 'u') }),
  );
  type Made = ReturnType<typeof change.generate>['value'];
  const run = (store: CoreTemporalStore<State>, made: Made): void => {
    switch (made.type) {
      case 'push':
        store.commit((draft) => void draft.items.push({ id: made.id, tags: ['new'] }), 'push');
        break;
      case 'drop':
        store.commit((draft) => draft.items.splice(made.at, 1), { author: 'ada' });
        break;
      case 'set':
        store.commit((draft) => void (draft.byKey[made.key] = made.value));
        break;
      case 'value':
        store.commit({ items: made.ids.map((id) => ({ id })), byKey: { ...store.state.byKey } });
        break;
      case 'branch':
        if (store.branches().every(({ name }) => name !== made.name)) store.createBranch(made.name);
        store.switchBranch(made.name);
        break;
      default:
        if (store.tags().some(({ name }) => name === made.name)) store.deleteTag(made.name);
        store.tag(made.name);
    }
  };
  fc.assert(
    fc.property(fc.array(change, { maxLength: 25 }), (changes) => {
      const small = new CoreTemporalStore<State>(initial(), makeGiven());
      const full = new LocalTemporalStore<State>(initial(), makeGiven());
      const ids = [small.versionId];
      for (const made of changes) {
        run(small, made);
        run(full, made);
        ids.push(small.versionId);
        expect(small.state).toEqual(full.state);
      }
      const withoutDelta = full.log({ firstParent: true }).map((version) => {
        const { delta: _, ...rest } = { delta: '', ...version };
        return rest;
      });
      expect(small.log()).toEqual(withoutDelta);
      expect(small.branches()).toEqual(full.branches());
      expect(small.tags()).toEqual(full.tags());
      for (const id of ids) {
        expect(small.at(id)).toEqual(full.at(id));
        expect(small.version(id).dataHash).toBe(treeHash(small.at(id)));
      }
    }),
    { numRuns: 60 },
  );
});

describe('a version is meant', () => {
  const store = new CoreTemporalStore({ n: 0 }, makeGiven());
  const first = store.versionId;
  const second = store.commit({ n: 1 });
  store.createBranch('other', first);
  store.tag('start', first);
  const times = [first, second].map((id) => new Date(Number(store.version(id).recordedAtMicros / 1000n)));

  test('by its id, a tag, a branch, so many back, or a time', () => {
    const found = [first, 'start', 'other', 1, times[0]!].map((reference) => store.at(reference).n);
    expect(found).toEqual([0, 0, 0, 0, 0]);
    expect([store.at(0).n, store.at(times[1]!).n, store.at(0, { branch: 'other' }).n]).toEqual([1, 1, 0]);
    expect(store.version(0).id).toBe(second);
  });

  test.each([['nobody'], [2], [-1], [0.5], [new Date(0)], [new Date(Number.NaN)]])('not by %s', (reference) => {
    expect(codeOf(() => store.at(reference))).toBe('state/version-not-found');
  });

  test('of no branch that is not there', () => {
    expect(codeOf(() => store.at(0, { branch: 'x' }))).toBe('state/branch-not-found');
    expect(codeOf(() => store.at(new Date(), { branch: 'x' }))).toBe('state/branch-not-found');
    expect(codeOf(() => store.switchBranch('x'))).toBe('state/branch-not-found');
  });
});

test('the log goes back by first parents, from where it is told, as far as it is told', () => {
  const store = new CoreTemporalStore(0, makeGiven());
  const ids = [store.versionId, store.commit(1), store.commit(2)];
  store.createBranch('old', ids[1]!);
  const idsOf = (...[options]: Parameters<typeof store.log>): string[] => store.log(options).map(({ id }) => id);
  expect(idsOf()).toEqual(ids.toReversed());
  expect([idsOf({ limit: 1 }), idsOf({ from: 1, limit: 9 }), idsOf({ branch: 'old' })]).toEqual([
    [ids[2]],
    [ids[1], ids[0]],
    [ids[1], ids[0]],
  ]);
});

test('what does not change is the same object in the next version, also when a whole value is committed', () => {
  const list = Array.from({ length: 300 }, (_, id) => ({ id, when: new Date(id) }));
  const store = new CoreTemporalStore({ list, one: { deep: [1] }, two: { deep: [2] } });
  const before = store.state;
  const plain = structuredClone({ list: list.slice(1), one: { deep: [1] }, two: { deep: [3] } });
  store.commit(plain);
  expect(store.state).toEqual(plain);
  expect(store.state.one).toBe(before.one);
  expect(store.state.two).not.toBe(before.two);
  expect(store.state.list.every((item, index) => item === before.list[index + 1])).toBe(true);
  expect(store.state.list[5]?.when).toBe(before.list[6]?.when);
  const numbers = new CoreTemporalStore({ list: [1, 2, 3] });
  numbers.commit({ list: [0, 1, 2, 4] });
  expect(numbers.state.list).toEqual([0, 1, 2, 4]);
  const dates = new CoreTemporalStore({ list: [new Date(1), new Date(2)] });
  const [, second] = dates.state.list;
  dates.commit({ list: [new Date(0), new Date(2), new Date(1)] });
  expect(dates.state.list[1]).toBe(second);
  store.commit({ ...before, list: [...before.list.slice(0, 10), { id: -1, when: new Date(0) }] });
  expect(store.state.list[9]).toBe(before.list[9]);
});

test('a version that nobody kept is not found', () => {
  const keeper = new KeptVersions();
  expect([keeper.has('x'), codeOf(() => keeper.read('x'))]).toEqual([false, 'state/version-not-found']);
});

describe('a write', () => {
  test('is refused where the branch is not where it is expected, and leaves nothing', () => {
    const store = new CoreTemporalStore({ n: 0 });
    const first = store.versionId;
    store.commit({ n: 1 });
    expect(codeOf(() => store.commit({ n: 2 }, { expectedHead: first }))).toBe('state/version-conflict');
    expect(codeOf(() => store.commit((draft) => Promise.resolve(draft)))).toBe('state/invalid-argument');
    expect(codeOf(() => store.commit({ n: 2 }, { id: first }))).toBe('state/id-taken');
    expect(codeOf(() => store.commit({ n: 2 }, { id: '' }))).toBe('state/invalid-argument');
    expect(codeOf(() => store.commit({ n: (() => 1) as never }))).toBe('value/unsupported');
    expect([store.state.n, store.log().length]).toEqual([1, 2]);
  });

  test('may be to a branch that is not checked out, and names may not be taken twice', () => {
    const store = new CoreTemporalStore({ n: 0 }, { branch: 'trunk', author: 'ada', description: 'begin' });
    store.createBranch('side');
    store.commit({ n: 5 }, { branch: 'side', expectedHead: store.versionId, id: 'five', authoredAtMicros: 7n });
    expect([store.state.n, store.at('side').n, store.branch]).toEqual([0, 5, 'trunk']);
    expect(store.version('five')).toMatchObject({ author: 'ada', authoredAtMicros: 7n, description: '' });
    expect(store.log().map(({ description }) => description)).toEqual(['begin']);
    expect(codeOf(() => store.createBranch('side'))).toBe('state/branch-exists');
    expect(codeOf(() => store.deleteBranch('trunk'))).toBe('state/invalid-argument');
    store.deleteBranch('side');
    expect(store.branches().map(({ name }) => name)).toEqual(['trunk']);
    store.tag('t');
    expect(codeOf(() => store.tag('t'))).toBe('state/tag-exists');
    store.deleteTag('t');
    expect(codeOf(() => store.deleteTag('t'))).toBe('state/tag-not-found');
  });
});

test('subscribers hear of each change of the state, selectors of those of their part', () => {
  const store = new CoreTemporalStore({ a: 1, b: { c: 1 } });
  const heard: unknown[] = [];
  using _ = store.subscribe((change) => heard.push([change.type, change.previousState.a, change.state.a]));
  const parts: unknown[] = [];
  store.select(
    ({ b }) => b,
    (b) => parts.push(b.c),
  );
  store.createBranch('x');
  store.commit((draft) => void (draft.a = 2));
  store.commit((draft) => void (draft.b.c = 2), { branch: 'x' });
  store.switchBranch('x');
  expect(heard).toEqual([
    ['commit', 1, 2],
    ['switch', 2, 1],
  ]);
  expect(parts).toEqual([2]);
});

test('a listener that throws is reported and harms no other', () => {
  const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const store = new CoreTemporalStore(0);
  const heard: number[] = [];
  store.subscribe(() => {
    throw new Error('listener');
  });
  store.subscribe(({ state }) => heard.push(state));
  store.commit(1);
  expect([heard, String(shown.mock.calls[0]?.[1])]).toEqual([[1], 'Error: listener']);
  shown.mockRestore();
});
