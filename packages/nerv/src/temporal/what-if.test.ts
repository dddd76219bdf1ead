import { describe, expect, test } from 'vitest';
import { stringify } from '../values/encode.ts';
import { compact } from './compaction.ts';
import { exportHistory } from './history-export.ts';
import { TemporalStore } from './temporal-store.ts';
import { adoptWhatIf, whatIf } from './what-if.ts';

const makeStore = (): InstanceType<typeof TemporalStore<Record<string, number>>> => {
  const store = new TemporalStore<Record<string, number>>({ a: 1, b: 2 }, { author: 'Ada' });
  store.commit((draft) => (draft['a'] = 2), 'two');
  store.tag('two');
  store.createBranch('side', 1);
  store.commit((draft) => (draft['b'] = 3), { branch: 'side' });
  return store;
};

describe('a what-if', () => {
  test('sees the whole history and leaves no trace in it', () => {
    const store = makeStore();
    const before = stringify(exportHistory(store));
    const told: string[] = [];
    store.subscribe((change) => told.push(change.type));
    const trial = whatIf(store);
    trial.commit((draft) => (draft['c'] = 3), 'try c');
    trial.merge('side');
    trial.tag('tried');
    expect(trial.state).toEqual({ a: 2, b: 3, c: 3 });
    expect(trial.at('two')).toEqual({ a: 2, b: 2 });
    expect(trial.at(3)).toEqual({ a: 1, b: 2 });
    expect(trial.log().map(({ description }) => description)).toContain('two');
    expect(trial.log()[0]?.author).toBe('Ada');
    expect(trial.blame('/a').description).toBe('two');
    expect(trial.verify()).toEqual({ ok: true, versions: 5 });
    expect([...trial.parts.graph.versions()]).toHaveLength(5);
    expect(trial.parts.graph.size).toBe(5);
    expect(store.state).toEqual({ a: 2, b: 2 });
    expect(stringify(exportHistory(store))).toBe(before);
    expect(told).toEqual([]);
    expect(() => store.version(trial.versionId)).toThrow(expect.objectContaining({ code: 'state/version-not-found' }));
  });

  test('starts anywhere, sees what is recorded meanwhile, and can be within another', () => {
    const store = makeStore();
    const trial = whatIf(store, { from: 1, branch: 'past', snapshots: { versions: 1 } });
    expect([trial.branch, trial.state]).toEqual(['past', { a: 1, b: 2 }]);
    const id = store.commit((draft) => (draft['a'] = 9));
    expect(trial.at(id)).toEqual({ a: 9, b: 2 });
    trial.merge(id);
    expect(trial.state).toEqual({ a: 9, b: 2 });
    const inner = whatIf(trial);
    inner.commit((draft) => (draft['a'] = 10));
    expect([inner.state['a'], trial.state['a']]).toEqual([10, 9]);
    expect(() => whatIf(store, { branch: 'side' })).toThrow(expect.objectContaining({ code: 'state/branch-exists' }));
  });

  test('can be recorded as one version, merged with what happened meanwhile', () => {
    const store = makeStore();
    const trial = whatIf(store);
    trial.commit((draft) => (draft['c'] = 1));
    trial.commit((draft) => (draft['c'] = 2));
    store.commit((draft) => (draft['d'] = 4));
    const id = adoptWhatIf(store, trial, { description: 'as tried' });
    expect(store.state).toEqual({ a: 2, b: 2, c: 2, d: 4 });
    expect(store.version(0)).toMatchObject({
      id,
      description: 'as tried',
      parents: [store.version(1).id],
    });
    adoptWhatIf(store, trial, { branch: 'side' });
    expect(store.at('side')).toEqual({ a: 2, b: 3, c: 2 });
  });

  test('that is in conflict with what happened meanwhile is recorded only as decided', () => {
    const store = makeStore();
    const trial = whatIf(store);
    expect(adoptWhatIf(store, trial)).toBe(store.versionId);
    trial.commit((draft) => (draft['a'] = 7));
    const head = store.commit((draft) => (draft['a'] = 8));
    expect(() => adoptWhatIf(store, trial)).toThrow(expect.objectContaining({ code: 'state/merge-conflict' }));
    expect(store.versionId).toBe(head);
    adoptWhatIf(store, trial, { strategy: 'theirs' });
    expect(store.state['a']).toBe(7);
  });

  test('keeps the history it started from when the store is compacted', () => {
    const store = makeStore();
    for (let n = 0; n < 50; n += 1) store.commit((draft) => (draft['n'] = n));
    const trial = whatIf(store);
    compact(store);
    expect(trial.at(20)['n']).toBe(29);
    expect(trial.verify()).toMatchObject({ ok: true });
    expect(() => store.at(20)).toThrow(expect.objectContaining({ code: 'state/version-compacted' }));
  });
});
