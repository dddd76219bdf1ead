import { describe, expect, test } from 'vitest';
import { parse } from '../values/decode.ts';
import { stringify } from '../values/encode.ts';
import { exportHistory, restoreHistory } from './history-export.ts';
import type { LocalTemporalStore } from './local-temporal-store.ts';
import { TemporalStore } from './temporal-store.ts';
import { whatIf } from './what-if.ts';
import type { HistoryExport, VersionRecord } from './version.ts';

type State = Record<string, unknown>;

function makeStore(keys: number, commits: number): LocalTemporalStore<State> {
  const store = new TemporalStore<State>(Object.fromEntries(Array.from({ length: keys }, (_, n) => [`key${n}`, n])));
  store.createBranch('side');
  for (let n = 0; n < commits; n += 1) {
    const branch = n % 3 === 0 ? 'side' : 'main';
    store.commit((draft) => (draft[`key${(n * 7) % keys}`] = `value ${n}`), { branch });
    if (n % 100 === 99) store.merge('side', { strategy: 'theirs' });
  }
  return store;
}

const lengths = (versions: readonly VersionRecord[], of: (version: VersionRecord) => string | undefined): number =>
  versions.reduce((sum, version) => sum + (of(version)?.length ?? 0), 0);

/** For each version: characters from the snapshot it is read from on, that snapshot's included. */
function loads(history: HistoryExport): { readonly snapshot: number; readonly deltas: number }[] {
  const found = new Map<string, { readonly snapshot: number; readonly deltas: number }>();
  for (const { id, parents, delta, snapshot } of history.versions) {
    const before = found.get(parents[0] ?? '');
    if (snapshot !== undefined) found.set(id, { snapshot: snapshot.length, deltas: 0 });
    else if (before === undefined) found.set(id, { snapshot: delta.length, deltas: 0 });
    else found.set(id, { snapshot: before.snapshot, deltas: before.deltas + delta.length });
  }
  return [...found.values()];
}

describe('an exported history', () => {
  test.each([
    [5, 600],
    [200, 600],
    [1_000, 400],
  ])('of %d keys and %d commits is at most twice its deltas and a snapshot for each branch', (keys, commits) => {
    const store = makeStore(keys, commits);
    const history = exportHistory(store);
    const deltas = lengths(history.versions, ({ delta }) => delta);
    const snapshots = lengths(history.versions, ({ snapshot }) => snapshot);
    const state = stringify(store.state).length;
    expect(deltas + snapshots).toBeLessThanOrEqual(2 * deltas + 2 * state);
    // Nothing to read needs deltas of more than a snapshot's length, or of the least for which one is made.
    for (const load of loads(history)) expect(load.deltas).toBeLessThanOrEqual(Math.max(1_024, 1.2 * state));
  });

  test('has snapshots as the policy asks', () => {
    const store = makeStore(100, 300);
    const count = (policy: Parameters<typeof exportHistory>[1]): number =>
      exportHistory(store, policy).versions.filter(({ snapshot }) => snapshot !== undefined).length;
    expect(count({})).toBe(0);
    expect(count({ versions: 0 })).toBe(store.parts.graph.size);
    const tens = exportHistory(store, { versions: 10 });
    expect(tens.versions.filter(({ snapshot }) => snapshot !== undefined).length).toBeGreaterThan(20);
    expect(count({ bytes: 500 })).toBeGreaterThan(count({ bytes: 5_000 }));
    expect(count({ replayCost: 0.5 })).toBeGreaterThan(count({ replayCost: 2 }));
    for (const load of loads(exportHistory(store, { bytes: 500 }))) expect(load.deltas).toBeLessThanOrEqual(500);
  });

  test('goes through text, and reads and goes on as the store it came from', () => {
    const store = makeStore(50, 300);
    store.tag('now');
    const history = parse(stringify(exportHistory(store))) as unknown as HistoryExport;
    const restored = restoreHistory<State>(history, { snapshots: { versions: 8 } });
    expect(restored.verify()).toMatchObject({ ok: true });
    for (const { id } of store.log()) expect(restored.tree(id).equals(store.tree(id))).toBe(true);
    restored.commit((draft) => (draft['more'] = 1));
    expect(restored.state).toEqual({ ...store.state, more: 1 });
    expect(restored.tags()).toEqual(store.tags());
    expect(stringify(exportHistory(restoreHistory(history)))).toBe(stringify(history));
  });

  test('written before there was compaction is taken up too', () => {
    const { compacted: _, ...history } = exportHistory(makeStore(3, 3));
    expect(restoreHistory(history).verify()).toMatchObject({ ok: true });
  });

  test('whose branch stands on no version is refused', () => {
    const history = exportHistory(makeStore(3, 3));
    const moves = [...history.moves, { branch: 'lost', previous: undefined, head: 'none', recordedAtMicros: 9n }];
    expect(() => restoreHistory({ ...history, moves })).toThrow(
      expect.objectContaining({ code: 'state/version-not-found' }),
    );
  });

  test('can be that of a what-if', () => {
    const trial = whatIf(makeStore(3, 30));
    trial.commit((draft) => (draft['tried'] = true));
    const restored = restoreHistory<State>(exportHistory(trial));
    expect([restored.branch, restored.state]).toEqual(['what-if', trial.state]);
    expect(restored.verify()).toMatchObject({ ok: true });
  });
});

describe('states kept in memory', () => {
  test.each([
    ['never', {}, 0],
    ['after so many deltas', { versions: 10 }, 10],
    ['after so many characters of deltas', { bytes: 1_000 }, 9],
  ])('are kept %s, as the policy asks', (_, snapshots, expected) => {
    const store = new TemporalStore<State>({ n: 0 }, { snapshots });
    const ids = Array.from({ length: 101 }, (_element, n) =>
      store.commit((draft) => (draft['n'] = `${n}`.padEnd(50, '.'))),
    );
    const kept = ids.filter((id) => store.parts.trees.tryKept(id) !== undefined).length;
    expect(kept).toBeGreaterThanOrEqual(expected);
    expect(kept).toBeLessThanOrEqual(expected + 1);
    for (const [n, id] of ids.entries()) expect(store.at(id)['n']).toBe(`${n}`.padEnd(50, '.'));
  });
});
