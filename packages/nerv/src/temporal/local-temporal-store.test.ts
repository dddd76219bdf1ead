import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { VersionConflictError } from '../errors.ts';
import type { Clock, IdSource } from '../ids/clock.ts';
import { stringify } from '../values/encode.ts';
import { parse } from '../values/decode.ts';
import { exportHistory, restoreHistory } from './history-export.ts';
import type { LocalTemporalStore } from './local-temporal-store.ts';
import { parsePatch } from './patch.ts';
import { StateTree } from './state-tree.ts';
import { TemporalStore, type StateChange } from './temporal-store.ts';
import { hashWork } from '../hash/sha256.ts';
import type { HistoryExport, VersionRecord } from './version.ts';

/** A clock that the test sets, in milliseconds. */
class TestClock implements Clock {
  ms = 1_000;
  nowMs(): number {
    return this.ms;
  }
  nowMicros(): bigint {
    return BigInt(this.ms) * 1000n;
  }
}

const countingIds = (): IdSource => {
  let next = 0;
  return { nextId: () => `v${(next += 1)}` };
};

const makeStore = <S>(initial: S, clock: Clock = new TestClock()): LocalTemporalStore<S> =>
  new TemporalStore(initial, { clock, ids: countingIds(), author: 'Ada' });

describe('a temporal store', () => {
  test('is the same, hashes and all, for the same commits, clock and ids', () => {
    const run = (): HistoryExport => {
      const store = makeStore<Record<string, number>>({ a: 1 });
      for (let n = 0; n < 200; n += 1) store.commit((draft) => (draft[`k${n % 30}`] = n), `n=${n}`);
      return exportHistory(store);
    };
    expect(stringify(run())).toBe(stringify(run()));
  });

  test('names its first version by its options', () => {
    const store = new TemporalStore({ a: 1 }, { branch: 'trunk', author: 'Bo', description: 'start' });
    expect(store.branch).toBe('trunk');
    expect(store.version(0)).toMatchObject({ parents: [], author: 'Bo', description: 'start' });
    expect(store.version(0).id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(store.branches()).toEqual([{ name: 'trunk', head: store.versionId }]);
  });

  test('takes the author of a commit before its own', () => {
    const store = makeStore({ a: 1 });
    store.commit({ a: 2 }, { author: 'Bo' });
    store.commit({ a: 3 });
    expect(store.log().map((version) => version.author)).toEqual(['Ada', 'Bo', 'Ada']);
  });

  test('keeps the identity of parts when a whole new value is committed', () => {
    const store = makeStore({ part: { big: [1, 2, 3] }, n: 1 });
    const { part } = store.state;
    store.commit({ part: { big: [1, 2, 3] }, n: 2 });
    expect(store.state.part).toBe(part);
    store.commit({ ...store.state, n: 3 });
    expect(store.state.part).toBe(part);
  });

  test('records a commit that changes nothing', () => {
    const store = makeStore({ a: 1 });
    const id = store.commit(() => undefined, 'nothing');
    expect(store.versionId).toBe(id);
    expect(store.diff(1)).toEqual([]);
    expect(store.log()).toHaveLength(2);
  });

  test('refuses ids, names and numbers that are none', () => {
    const store = makeStore({ a: 1 });
    const attempts: (() => unknown)[] = [
      () => store.commit({ a: 2 }, { id: '' }),
      () => store.commit({ a: 2 }, { id: 'x'.repeat(129) }),
      () => store.createBranch(''),
      () => store.tag(''),
      () => store.at(-1),
      () => store.at(0.5),
      () => store.at(new Date(Number.NaN)),
      () => store.revert(0),
      () => store.deleteBranch('main'),
    ];
    for (const attempt of attempts)
      expect(attempt).toThrow(expect.objectContaining({ code: 'state/invalid-argument' }));
    expect(store.log()).toHaveLength(1);
  });

  test('an author or description that cannot be hashed is refused whole', () => {
    const store = makeStore({ a: 1 });
    expect(() => store.commit({ a: 2 }, { description: '\ud800' })).toThrow(
      expect.objectContaining({ code: 'value/unsupported' }),
    );
    expect([store.state.a, store.log().length]).toEqual([1, 1]);
  });
});

describe('reading the past', () => {
  test('every version is what replaying all deltas from nothing gives, whatever was read before', () => {
    const commit = fc.record({
      key: fc.nat(40),
      value: fc.option(fc.nat(5)),
      branch: fc.nat(2),
      fork: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(commit, { minLength: 100, maxLength: 300 }),
        fc.array(fc.nat(400), { maxLength: 30 }),
        (commits, reads) => {
          const store = makeStore<Record<string, number>>({});
          const states = new Map([[store.versionId, store.state]]);
          store.createBranch('b1');
          store.createBranch('b2');
          for (const [index, { key, value, branch, fork }] of commits.entries()) {
            const name = branch === 0 ? 'main' : `b${branch}`;
            if (fork && name !== 'main') store.moveBranch(name, store.versionId);
            const id = store.commit(
              (draft) => {
                if (value === null) delete draft[`k${key}`];
                else draft[`k${key}`] = value;
              },
              { branch: name },
            );
            states.set(id, store.at(name));
            if (index % 50 === 0) store.at([...states.keys()][0]!);
          }
          const restored = restoreHistory<Record<string, number>>(exportHistory(store));
          const ids = [...states.keys()];
          for (const read of reads) {
            const id = ids[read % ids.length]!;
            expect(stringify(store.at(id))).toBe(stringify(states.get(id)));
            expect(stringify(restored.at(id))).toBe(stringify(states.get(id)));
            expect(replay(exportHistory(store), id).hash).toBe(store.version(id).dataHash);
          }
          expect(restored.verify()).toEqual({ ok: true, versions: ids.length });
        },
      ),
      { numRuns: 15 },
    );
  });

  /** From the first version on, delta by delta. */
  function replay(history: HistoryExport, id: string): StateTree {
    const byId = new Map(history.versions.map((version) => [version.id, version]));
    const line: VersionRecord[] = [];
    for (let version = byId.get(id); version !== undefined; version = byId.get(version.parents[0] ?? ''))
      line.unshift(version);
    let tree = StateTree.fromJson(null);
    for (const version of line) tree = tree.apply(parsePatch(version.delta));
    return tree;
  }

  test('costs by the snapshots, not by the length of the history', () => {
    const store = makeStore<Record<string, number>>(
      Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`k${n}`, n])),
    );
    const ids: string[] = [];
    for (let n = 0; n < 3_000; n += 1) ids.push(store.commit((draft) => (draft[`k${n % 100}`] = n)));
    const before = hashWork.messages;
    for (let n = 0; n < 3_000; n += 100) expect(store.at(ids[n]!)[`k${n % 100}`]).toBe(n);
    // Each of the 30 reads replays at most the deltas between two kept states: about as many as the state has keys.
    // Of each key, at most the value, the entry, and what chunks there are.
    expect((hashWork.messages - before) / 30).toBeLessThanOrEqual(3 * 100);
    const snapshots = exportHistory(store).versions.filter((version) => version.snapshot !== undefined);
    expect(snapshots.length).toBeGreaterThan(20);
    expect(snapshots.length).toBeLessThan(150);
  });

  test('by time is the head of that time, on the branch asked for', () => {
    const clock = new TestClock();
    const store = makeStore({ n: 0 }, clock);
    clock.ms = 2_000;
    store.commit({ n: 1 }, { authoredAtMicros: 500_000_000n });
    clock.ms = 3_000;
    store.createBranch('side', 1);
    clock.ms = 4_000;
    store.commit({ n: 2 }, { branch: 'side' });
    store.commit({ n: 3 });
    expect(store.at(new Date(1_000))).toEqual({ n: 0 });
    expect(store.at(new Date(3_999))).toEqual({ n: 1 });
    expect(store.at(new Date(4_000))).toEqual({ n: 3 });
    expect(store.at(new Date(3_500), { branch: 'side' })).toEqual({ n: 0 });
    expect(store.at(new Date(4_000), { branch: 'side' })).toEqual({ n: 2 });
    expect(store.at(new Date(2_000), { by: 'authored' })).toEqual({ n: 0 });
    for (const [time, options] of [
      [999, {}],
      [2_999, { branch: 'side' }],
      [999, { by: 'authored' }],
    ] as const) {
      expect(() => store.at(new Date(time), options)).toThrow(
        expect.objectContaining({ code: 'state/version-not-found' }),
      );
    }
    expect(() => store.at(new Date(1_000), { branch: 'none' })).toThrow(
      expect.objectContaining({ code: 'state/branch-not-found' }),
    );
  });

  test('by time stays in order when the clock goes back', () => {
    const clock = new TestClock();
    const store = makeStore({ n: 0 }, clock);
    clock.ms = 5_000;
    store.commit({ n: 1 });
    clock.ms = 10;
    store.commit({ n: 2 });
    expect(store.at(new Date(4_999))).toEqual({ n: 0 });
    expect(store.at(new Date(5_000))).toEqual({ n: 2 });
    expect(store.version(0).recordedAtMicros).toBe(5_000_000n);
  });

  test('a deleted branch is still there in the time when it was', () => {
    const clock = new TestClock();
    const store = makeStore({ n: 0 }, clock);
    store.createBranch('side');
    clock.ms = 2_000;
    store.deleteBranch('side');
    expect(() => store.at('side')).toThrow(expect.objectContaining({ code: 'state/version-not-found' }));
    expect(store.at(new Date(1_500), { branch: 'side' })).toEqual({ n: 0 });
    expect(() => store.at(new Date(2_500), { branch: 'side' })).toThrow(
      expect.objectContaining({ code: 'state/version-not-found' }),
    );
    for (const by of ['recorded', 'authored'] as const) {
      expect(() => store.at(new Date(1_500), { branch: 'never', by })).toThrow(
        expect.objectContaining({ code: 'state/branch-not-found' }),
      );
    }
    expect(store.branches().map((branch) => branch.name)).toEqual(['main']);
  });

  test('a reference is an id before it is a tag, and a tag before it is a branch', () => {
    const store = makeStore({ n: 0 });
    store.commit({ n: 1 });
    store.createBranch('x', 0);
    expect(store.at('x')).toEqual({ n: 1 });
    store.tag('x', 1);
    expect(store.at('x')).toEqual({ n: 0 });
    store.commit({ n: 2 }, { id: 'x' });
    expect(store.at('x')).toEqual({ n: 2 });
  });
});

describe('questions to the history', () => {
  const store = makeStore<{ list: number[]; users: Record<string, { name: string }> }>({
    list: [1, 2, 3],
    users: { '1': { name: 'a' } },
  });
  const inserted = store.commit((draft) => draft.list.unshift(0), 'insert at the front');
  const added = store.commit((draft) => (draft.users['2'] = { name: 'b' }), 'add 2');
  const renamed = store.commit((draft) => (draft.users['1']!.name = 'c'), {
    description: 'rename',
    authoredAtMicros: 5_000_000n,
  });

  test('blame names the version that made a place what it is, shifts in arrays included', () => {
    expect(store.blame('/users/1/name').id).toBe(renamed);
    expect(store.blame(['users', 1, 'name'], added).parents).toEqual([]);
    expect(store.blame('/users/2').id).toBe(added);
    expect(store.blame('/users').id).toBe(renamed);
    expect(store.blame('/list/2').id).toBe(inserted);
    expect(store.blame('/nothing').parents).toEqual([]);
  });

  test('blame goes into the side of a merge that a value came from', () => {
    const forked = makeStore<Record<string, number>>({ a: 1 });
    forked.createBranch('side');
    const theirs = forked.commit((draft) => (draft['b'] = 2), { branch: 'side' });
    const ours = forked.commit((draft) => (draft['a'] = 2));
    const merged = forked.merge('side').versionId;
    expect(forked.version(0).id).toBe(merged);
    expect(forked.blame('/b').id).toBe(theirs);
    expect(forked.blame('/a').id).toBe(ours);
    expect(forked.log({ firstParent: true }).map((version) => version.id)).toEqual([
      merged,
      ours,
      forked.version(2).id,
    ]);
    expect(forked.log().map((version) => version.id)).toEqual([merged, ours, theirs, forked.version(2).id]);
  });

  test('the log knows what touched a path, also in arrays, and nothing beside it', () => {
    const idsFor = (path: string): string[] => store.log({ path, limit: 2 }).map((version) => version.id);
    expect(idsFor('/users/1/name')[0]).toBe(renamed);
    expect(idsFor('/users/1').includes(added)).toBe(false);
    expect(idsFor('/users')).toEqual([renamed, added]);
    expect(idsFor('/list/3')[0]).toBe(inserted);
    expect(() => store.log({ path: 'x' })).toThrow(expect.objectContaining({ code: 'state/invalid-patch' }));
  });

  test('the log filters by time and tag', () => {
    expect(store.log({ authoredSince: new Date(4_000) }).map((version) => version.id)).toEqual([renamed]);
    expect(store.log({ authoredUntil: new Date(4_000) })).toHaveLength(3);
    store.tag('here', added);
    expect(store.log({ tag: 'here' }).map((version) => version.id)).toEqual([added]);
    expect(store.log({ tag: 'nowhere' })).toEqual([]);
    expect(store.log({ limit: 0 })).toEqual([]);
  });
});

describe('branches and merges', () => {
  test('a fast-forward merge can be told to make a version', () => {
    const store = makeStore<Record<string, number>>({ a: 1 });
    store.createBranch('side');
    const theirs = store.commit({ a: 2 }, { branch: 'side' });
    const { type, versionId } = store.merge('side', { fastForward: false, description: 'release' });
    expect(type).toBe('merge');
    expect(store.version(versionId)).toMatchObject({
      parents: [store.version(1).id, theirs],
      description: 'release',
    });
    expect(store.state).toEqual({ a: 2 });
  });

  test('the base of branches merged one after the other is the latest common version', () => {
    const store = makeStore<Record<string, number>>({ a: 0, b: 0 });
    store.createBranch('side');
    store.commit((draft) => (draft['a'] = 1));
    store.commit((draft) => (draft['b'] = 1), { branch: 'side' });
    const mainHead = store.versionId;
    store.merge('side');
    store.merge(mainHead, { branch: 'side' });
    const plan = store.planMerge('side');
    expect(plan.base).toBe(store.version('side').parents[0]);
    expect(plan.conflicts).toEqual([]);
  });

  test('histories without a common version merge as grown from nothing', () => {
    const a = makeStore<Record<string, number>>({ a: 1 });
    const b = new TemporalStore<Record<string, number>>({ b: 2 }, { ids: { nextId: () => 'other-root' } });
    const [root] = exportHistory(b).versions;
    const history = exportHistory(a);
    const both = restoreHistory<Record<string, number>>({
      ...history,
      versions: [...history.versions, root!],
    });
    expect(both.planMerge('other-root')).toMatchObject({ base: undefined, type: 'merge' });
    both.merge('other-root');
    expect(both.state).toEqual({ a: 1, b: 2 });
  });

  test('a plan goes through text, and its patch is what is merged', () => {
    const store = makeStore<Record<string, number>>({ a: 1 });
    store.createBranch('side');
    store.commit((draft) => (draft['b'] = 2), { branch: 'side' });
    store.commit((draft) => (draft['a'] = 5));
    const plan = parse(stringify(store.planMerge('side'))) as unknown as ReturnType<typeof store.planMerge>;
    store.merge({ ...plan, patch: [...plan.patch, { op: 'add', path: '/reviewed', value: 1 }] });
    expect(store.state).toEqual({ a: 5, b: 2, reviewed: 1 });
  });

  test('a plan knows the branch it was made from, but not where a tag, an id or a number was named', () => {
    const store = makeStore<Record<string, number>>({ a: 1 });
    store.createBranch('side');
    store.tag('named', 'side');
    expect(store.planMerge('side').source).toBe('side');
    for (const reference of ['named', store.versionId, 0]) expect(store.planMerge(reference).source).toBeUndefined();
  });

  test('a plan of no known type is refused', () => {
    const store = makeStore<Record<string, number>>({ a: 1 });
    const plan = store.planMerge(0);
    expect(() => store.merge({ ...plan, type: 'octopus' as 'merge' })).toThrow('merge plan');
  });

  test('a branch is moved anywhere, if it is where it was expected', () => {
    const store = makeStore({ n: 0 });
    const root = store.versionId;
    const next = store.commit({ n: 1 });
    expect(() => store.moveBranch('main', root, { expectedHead: root })).toThrow(VersionConflictError);
    store.moveBranch('main', root, { expectedHead: next });
    expect(store.state).toEqual({ n: 0 });
    expect(() => store.merge(next, { expectedHead: next })).toThrow(VersionConflictError);
    expect(store.merge(next, { expectedHead: root })).toEqual({
      type: 'fast-forward',
      versionId: next,
    });
  });
});

describe('subscribers', () => {
  test('hear of moves and switches too, with the difference', () => {
    const store = makeStore({ n: 0 });
    const changes: StateChange<{ n: number }>[] = [];
    store.createBranch('side');
    store.commit({ n: 1 }, { branch: 'side' });
    store.subscribe((change) => changes.push(change));
    store.switchBranch('side');
    store.moveBranch('side', 1);
    store.moveBranch('side', 0);
    store.commit({ n: 7 }, { branch: 'main' });
    expect(changes.map(({ type, branch, patch }) => ({ type, branch, patch }))).toEqual([
      { type: 'switch', branch: 'side', patch: [{ op: 'replace', path: '/n', value: 1 }] },
      { type: 'move', branch: 'side', patch: [{ op: 'replace', path: '/n', value: 0 }] },
    ]);
    expect(changes[1]).toMatchObject({
      status: 'confirmed',
      state: { n: 0 },
      previousState: { n: 1 },
    });
  });

  test('hear in order of what others commit while they are told, each once', () => {
    const store = makeStore({ n: 0 });
    const heard: string[] = [];
    store.subscribe((change) => {
      heard.push(`a${change.state.n}`);
      if (change.state.n < 3) store.commit({ n: change.state.n + 1 });
    });
    store.subscribe((change) => heard.push(`b${change.state.n}`));
    store.commit({ n: 1 });
    expect(heard).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3']);
  });

  test('that throw are reported and harm no other; one that leaves while being told hears no more', () => {
    const errors: unknown[] = [];
    const store = new TemporalStore({ n: 0 }, { onListenerError: (error) => errors.push(error) });
    const heard: number[] = [];
    const failure = new Error('listener');
    store.subscribe(() => {
      second.unsubscribe();
      throw failure;
    });
    const second = store.subscribe(() => heard.push(-1));
    store.subscribe((change) => heard.push(change.state.n));
    store.commit({ n: 1 });
    expect(errors).toEqual([failure]);
    expect(heard).toEqual([1]);
  });

  test('that throw are reported on the console where nobody asked for it', () => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const store = new TemporalStore({ n: 0 });
    store.subscribe(() => {
      throw new Error('broken');
    });
    store.commit({ n: 1 });
    expect(report).toHaveBeenCalledWith(
      expect.stringContaining('listener'),
      expect.objectContaining({ message: 'broken' }),
    );
    report.mockRestore();
  });

  test('with a comparison of their own are told by it', () => {
    const store = makeStore({ list: [1, 2] });
    const sums: [number, number][] = [];
    const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
    store.select(
      (state) => state.list,
      (list, previous) => sums.push([sum(list), sum(previous)]),
      (a, b) => sum(a) === sum(b),
    );
    store.commit({ list: [2, 1] });
    store.commit({ list: [5] });
    expect(sums).toEqual([[5, 3]]);
  });
});

describe('a history that was stored', () => {
  const makeHistory = (): HistoryExport => {
    const store = makeStore<Record<string, number>>({ a: 1 });
    for (let n = 0; n < 150; n += 1) store.commit((draft) => (draft['a'] = n), `n=${n}`);
    store.tag('t', 3);
    store.createBranch('side', 5);
    store.switchBranch('side');
    return exportHistory(store);
  };
  const damage = (change: (versions: VersionRecord[]) => void): HistoryExport => {
    const history = makeHistory();
    const versions = history.versions.map((version) => ({ ...version }));
    change(versions);
    return { ...history, versions };
  };

  test('is taken up as it was, and goes on', () => {
    const history = parse(stringify(makeHistory())) as unknown as HistoryExport;
    const store = restoreHistory<Record<string, number>>(history, { ids: { nextId: () => 'new' } });
    expect(store.branch).toBe('side');
    expect(store.state).toEqual({ a: 144 });
    expect(store.tags()).toHaveLength(1);
    expect(stringify(exportHistory(store))).toBe(stringify(makeHistory()));
    store.commit({ a: -1 });
    expect(store.verify()).toEqual({ ok: true, versions: 152 });
  });

  test('whose description was altered is refused, naming the version', () => {
    const altered = damage((versions) => {
      versions[7] = { ...versions[7]!, description: 'forged' };
    });
    expect(() => restoreHistory(altered)).toThrow(
      expect.objectContaining({
        code: 'state/corrupt-version',
        details: expect.objectContaining({ versionId: 'v8' }),
      }),
    );
  });

  const alterations: [string, (versions: VersionRecord[]) => void][] = [
    [
      'delta says something else',
      (versions) => (versions[7] = { ...versions[7]!, delta: '[{"op":"replace","path":"/a","value":-5}]' }),
    ],
    ['delta does not apply', (versions) => (versions[7] = { ...versions[7]!, delta: '[{"op":"remove","path":"/b"}]' })],
    ['delta is no JSON', (versions) => (versions[7] = { ...versions[7]!, delta: 'x' })],
    ['snapshot says something else', (versions) => (versions[7] = { ...versions[7]!, snapshot: '{"a":1}' })],
    ['snapshot is no JSON', (versions) => (versions[7] = { ...versions[7]!, snapshot: '{' })],
  ];
  test.each(alterations.slice(0, 3))(
    'whose %s is never read wrongly, and verify names the first bad version',
    (_, alter) => {
      const store = restoreHistory<Record<string, number>>(damage(alter));
      expect(store.verify()).toMatchObject({ ok: false, versionId: 'v8' });
      expect(() => store.at('v8')).toThrow(
        expect.objectContaining({
          code: 'state/corrupt-version',
          details: expect.objectContaining({ versionId: 'v8' }),
        }),
      );
      expect(store.at('v7')).toEqual({ a: 5 });
    },
  );

  test.each(alterations.slice(3))('whose %s is never read wrongly', (_, alter) => {
    const store = restoreHistory<Record<string, number>>(damage(alter));
    expect(store.verify()).toMatchObject({ ok: false, versionId: 'v8' });
    expect(() => store.at('v8')).toThrow(expect.objectContaining({ code: 'state/corrupt-version' }));
  });

  test('of another format, without its branch, or with a version twice is refused', () => {
    const history = makeHistory();
    expect(() => restoreHistory({ ...history, format: 'x' } as unknown as HistoryExport)).toThrow(
      expect.objectContaining({ code: 'state/invalid-argument' }),
    );
    expect(() => restoreHistory({ ...history, branch: 'x' })).toThrow(
      expect.objectContaining({ code: 'state/branch-not-found' }),
    );
    expect(() => restoreHistory({ ...history, versions: [...history.versions, history.versions[0]!] })).toThrow(
      expect.objectContaining({ code: 'state/id-taken' }),
    );
    expect(() => restoreHistory({ ...history, versions: history.versions.slice(1) })).toThrow(
      expect.objectContaining({ code: 'state/version-not-found' }),
    );
    expect(() => restoreHistory({ ...history, tags: [{ name: 'x', versionId: 'none' }] })).toThrow(
      expect.objectContaining({ code: 'state/version-not-found' }),
    );
  });
});
