import { exportHistory, TemporalStore } from '@inner-universe/nerv/temporal';
import type { Peer } from './peer.ts';

/** NERV: each version has its delta, its data hash and its chain hash. */
export const nervPeer: Peer = {
  name: 'nerv',
  open(initial) {
    const store = new TemporalStore<Record<string, number>>({ ...initial });
    const ids = [store.versionId];
    let merges = 0;
    return {
      commit(key, value) {
        ids.push(store.commit((draft) => (draft[key] = value)));
      },
      read: (version, key) => store.at(ids[version] ?? '')[key],
      diff: (from, to) => store.diff(ids[from] ?? '', ids[to] ?? '').length,
      merge(ours, theirs, value) {
        merges += 1;
        const side = `side ${merges}`;
        store.createBranch(side);
        store.commit((draft) => (draft[theirs] = value), { branch: side });
        store.commit((draft) => (draft[ours] = value));
        store.merge(side);
        return store.state[theirs] === value && store.state[ours] === value;
      },
      storedBytes: () =>
        exportHistory(store).versions.reduce(
          // The state's deltas and snapshots; ids, hashes and times come to some 300 more.
          (sum, { delta, snapshot = '' }) => sum + delta.length + snapshot.length,
          0,
        ),
    };
  },
};
