import * as Automerge from '@automerge/automerge';
import type { Peer } from './peer.ts';

/** Automerge: each version is a change with its hash. */
export const automergePeer: Peer = {
  name: 'automerge',
  open(initial) {
    let document = Automerge.from<Record<string, number>>({ ...initial });
    const heads = [Automerge.getHeads(document)];
    return {
      commit(key, value) {
        document = Automerge.change(document, (draft) => {
          draft[key] = value;
        });
        heads.push(Automerge.getHeads(document));
      },
      read: (version, key) => Automerge.view(document, heads[version] ?? [])[key],
      diff: (from, to) => Automerge.diff(document, heads[from] ?? [], heads[to] ?? []).length,
      merge(ours, theirs, value) {
        const side = Automerge.change(Automerge.clone(document), (draft) => {
          draft[theirs] = value;
        });
        document = Automerge.change(document, (draft) => {
          draft[ours] = value;
        });
        document = Automerge.merge(document, side);
        return document[theirs] === value && document[ours] === value;
      },
      storedBytes: () => Automerge.save(document).length,
    };
  },
};
