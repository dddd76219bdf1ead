import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Clock } from '../ids/clock.ts';
import { stringify } from '../values/encode.ts';
import { parse } from '../values/decode.ts';
import { compact } from './compaction.ts';
import { exportHistory, restoreHistory } from './history-export.ts';
import { TemporalStore } from './temporal-store.ts';
import type { LocalTemporalStore } from './local-temporal-store.ts';
import type { HistoryExport } from './version.ts';

type State = Record<string, number>;

class TestClock implements Clock {
  #ms = 0;
  nowMs(): number {
    this.#ms += 1_000;
    return this.#ms;
  }
  nowMicros(): bigint {
    return BigInt(this.nowMs()) * 1000n;
  }
}

/** One commit a second, from second 1 (the root) on; version n has `n`. */
function makeLine(length: number): LocalTemporalStore<State> {
  let next = 0;
  const ids = { nextId: () => `v${(next += 1) - 1}` };
  const store = new TemporalStore<State>({ n: 0 }, { clock: new TestClock(), ids });
  for (let n = 1; n <= length; n += 1) store.commit((draft) => (draft['n'] = n), `to ${n}`);
  return store;
}

const idsOf = (store: LocalTemporalStore<State>): string[] => store.log().map(({ id }) => id);

describe('compaction', () => {
  test('keeps heads, tags, roots, forks and merges, and what is asked for', () => {
    const store = makeLine(30);
    store.tag('ten', 'v10');
    store.createBranch('side', 'v20');
    store.commit((draft) => (draft['side'] = 1), { branch: 'side', id: 's1' });
    store.commit((draft) => (draft['side'] = 2), { branch: 'side', id: 's2' });
    store.merge('s2', { id: 'm' });
    store.commit((draft) => (draft['n'] = 100), { id: 'last' });
    const report = compact(store, { keep: ({ description }) => description === 'to 5' });
    expect(report).toEqual({ kept: 7, leftOut: 35 - 7 });
    expect(idsOf(store)).toEqual(['last', 'm', 's2', 'v20', 'v10', 'v5', 'v0']);
    expect(store.state).toEqual({ n: 100, side: 2 });
    expect(store.at('v10')).toEqual({ n: 10 });
    expect(store.at('v20')).toEqual({ n: 20 });
    expect(store.version('m').parents).toEqual(['v30', 's2']);
    expect(store.verify()).toEqual({ ok: true, versions: 7 });
  });

  test('keeps the last of each branch, and what was recorded since', () => {
    const store = makeLine(50);
    compact(store, { last: 3 });
    expect(idsOf(store)).toEqual(['v50', 'v49', 'v48', 'v0']);
    const timed = makeLine(50);
    compact(timed, { since: new Date(50_000) });
    expect(idsOf(timed)).toEqual(['v50', 'v49', 'v0']);
    expect(timed.diff('v0', 'v49')).toEqual([{ op: 'replace', path: '/n', value: 49 }]);
  });

  test('leaves nothing of what no branch and no tag leads to', () => {
    const store = makeLine(3);
    store.createBranch('side', 'v1');
    store.commit((draft) => (draft['x'] = 1), { branch: 'side', id: 'x' });
    store.deleteBranch('side');
    expect(compact(store, { last: 10 })).toEqual({ kept: 4, leftOut: 1 });
    expect(() => store.at('x')).toThrow(expect.objectContaining({ code: 'state/version-not-found' }));
    expect(store.at(new Date(5_500), { branch: 'side' })).toEqual({ n: 1 });
    expect(() => store.at(new Date(6_500), { branch: 'side' })).toThrow(
      expect.objectContaining({ code: 'state/version-compacted' }),
    );
  });

  test('what was left out is named as such, by id, by steps and by time', () => {
    const store = makeLine(20);
    store.commit((draft) => (draft['n'] = 21), { id: 'v21', authoredAtMicros: 30_000_000n });
    compact(store, { last: 2 });
    const compacted = expect.objectContaining({ code: 'state/version-compacted' });
    expect(() => store.at('v19')).toThrow(compacted);
    expect(store.at(1)).toEqual({ n: 20 });
    expect(() => store.at(2)).toThrow(compacted);
    expect(() => store.at(20)).toThrow(compacted);
    expect(store.at(21)).toEqual({ n: 0 });
    expect(() => store.at(22)).toThrow(expect.objectContaining({ code: 'state/version-not-found' }));
    expect(store.at(new Date(1_500))).toEqual({ n: 0 });
    expect(() => store.at(new Date(10_500))).toThrow(compacted);
    expect(store.at(new Date(21_500))).toEqual({ n: 20 });
    expect(() => store.at(new Date(10_500), { by: 'authored' })).toThrow(compacted);
    expect(store.version(new Date(1_500), { by: 'authored' }).id).toBe('v0');
    expect(store.version(new Date(25_000), { by: 'authored' }).id).toBe('v20');
  });

  test('again and again comes to the same chain, and a history goes on after it', () => {
    const store = makeLine(40);
    const { chainHash } = store.version(0);
    compact(store, { last: 20 });
    compact(store, { last: 10 });
    expect(store.version(0).chainHash).toBe(chainHash);
    store.commit((draft) => (draft['n'] = 41));
    store.revert(0);
    expect(store.state).toEqual({ n: 40 });
    compact(store);
    expect(idsOf(store)).toEqual([store.versionId, 'v0']);
    expect(store.verify()).toEqual({ ok: true, versions: 2 });
    expect(exportHistory(store).compacted).toHaveLength(1);
    store.createBranch('old', 'v0');
    store.commit((draft) => (draft['old'] = 1), { branch: 'old' });
    store.merge('old');
    expect(store.state).toEqual({ n: 40, old: 1 });
    store.tag('x', 1);
    expect(store.log({ path: '/n' }).map(({ id }) => id)).toEqual([store.version(1).id, 'v0']);
  });

  test('undoes nothing that a revert needs: the delta of the version after a gap is from the one before it', () => {
    const store = makeLine(10);
    compact(store);
    expect(store.blame('/n').id).toBe('v10');
    store.revert('v10');
    expect(store.state).toEqual({ n: 0 });
  });

  test('altered headers are found, and named by the version after them', () => {
    const store = makeLine(10);
    store.tag('five', 'v5');
    compact(store);
    const history = exportHistory(store);
    const alter = (change: (headers: string) => string): HistoryExport => ({
      ...history,
      compacted: history.compacted?.map((run) => (run.id === 'v9' ? { ...run, headers: change(run.headers) } : run)),
    });
    const rewritten = restoreHistory<State>(alter((headers) => headers.replace('to 7', 'to 8')));
    expect(rewritten.verify()).toMatchObject({
      ok: false,
      versionId: 'v10',
      reason: expect.stringContaining("'v9'"),
    });
    for (const headers of ['{}', '[1]', '[["a"]]', '[["a","b","now","d"]]', '[["a","b",1,"d"]]']) {
      expect(() => restoreHistory(alter(() => headers))).toThrow(
        expect.objectContaining({ code: 'state/corrupt-version', details: { versionId: 'v9' } }),
      );
    }
    expect(() => restoreHistory(alter(() => '['))).toThrow(expect.objectContaining({ code: 'value/malformed' }));
    const cut = { ...history, compacted: [] };
    expect(() => restoreHistory(cut)).toThrow(expect.objectContaining({ code: 'state/version-not-found' }));
  });

  const step = fc.record({
    branch: fc.constantFrom('main', 'a', 'b'),
    do: fc.constantFrom('commit', 'commit', 'commit', 'commit', 'fork', 'merge', 'tag', 'compact'),
    key: fc.nat(3),
  });

  test('changes nothing that can still be asked for', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(3), (steps, last) => {
        const store = new TemporalStore<State>({ n: 0 }, { clock: new TestClock() });
        store.createBranch('a');
        store.createBranch('b');
        const states = new Map<string, string>();
        for (const [index, { branch, do: action, key }] of steps.entries()) {
          if (action === 'fork') store.moveBranch(branch, 'main');
          else if (action === 'merge') store.merge(branch, { strategy: 'ours' });
          else if (action === 'tag') store.tag(`t${index}`, branch);
          else if (action === 'compact') compact(store, { last: key });
          else store.commit((draft) => (draft[`k${key}`] = index), { branch });
          states.set(store.versionId, stringify(store.state));
          states.set(store.version(branch).id, stringify(store.at(branch)));
        }
        const plans = ['a', 'b'].map((branch) => stringify({ ...store.planMerge(branch), patch: [] }));
        const heads = store.branches();
        compact(store, { last });
        const restored = restoreHistory<State>(parse(stringify(exportHistory(store))) as unknown as HistoryExport);
        for (const copy of [store, restored]) {
          expect(copy.branches()).toEqual(heads);
          expect(copy.verify()).toMatchObject({ ok: true });
          expect(['a', 'b'].map((branch) => stringify({ ...copy.planMerge(branch), patch: [] }))).toEqual(plans);
          for (const version of copy.parts.graph.versions()) {
            const state = states.get(version.id);
            if (state !== undefined) expect(stringify(copy.at(version.id))).toBe(state);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
