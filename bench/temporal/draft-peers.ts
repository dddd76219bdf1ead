import { produce } from 'immer';
import { create } from 'mutative';
import type { History, Peer } from './peer.ts';

type State = Readonly<Record<string, number>>;
type Update = (state: State, change: (draft: Record<string, number>) => void) => State;

/** Immer with its defaults, and an array of the states. No hash, no delta. */
export const immerPeer: Peer = {
  name: 'immer + array',
  open: (initial) => keepStates(initial, (state, change) => produce(state, change)),
};

/** Mutative with its defaults (nothing is frozen), and an array of the states. No hash, no delta. */
export const mutativePeer: Peer = {
  name: 'mutative + array',
  open: (initial) => keepStates(initial, (state, change) => create(state, change)),
};

function keepStates(initial: State, update: Update): History {
  // What the library does to a state the first time it sees it (Immer freezes it) is done before anything is measured.
  const states = [
    update({ ...initial }, (draft) => {
      draft['key0'] = -1;
    }),
  ];
  return {
    commit(key, value) {
      const last = states.at(-1) ?? initial;
      states.push(
        update(last, (draft) => {
          draft[key] = value;
        }),
      );
    },
    read: (version, key) => states[version]?.[key],
    diff: (from, to) => countDifferences(states[from] ?? initial, states[to] ?? initial),
    merge: () => undefined,
    storedBytes: () => undefined,
  };
}

/** Neither library compares two states, so this is what its user writes. */
function countDifferences(from: State, to: State): number {
  let count = 0;
  for (const key of Object.keys(to)) if (from[key] !== to[key]) count += 1;
  for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) count += 1;
  return count;
}
