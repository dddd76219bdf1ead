import { expect, test } from 'vitest';
import { BranchTable } from './branch-table.ts';
import { exportHistory } from './history-export.ts';
import { DeltaHistory } from './delta-history.ts';
import { TemporalStore } from './temporal-store.ts';
import { VersionGraph } from './version-graph.ts';
import { VersionTrees } from './version-trees.ts';
import type { VersionRecord } from './version.ts';

test('verify checks what the chain hash covers, also of a history that nobody checked before', () => {
  const store = new TemporalStore({ n: 0 });
  store.commit({ n: 1 }, 'one');
  store.commit({ n: 2 }, 'two');
  const graph = new VersionGraph<VersionRecord>();
  const trees = new VersionTrees(graph);
  const ids: string[] = [];
  for (const version of exportHistory(store).versions) {
    graph.add(version.description === 'one' ? { ...version, author: 'Eve' } : version);
    ids.push(version.id);
  }
  const result = new DeltaHistory({ graph, trees, branches: new BranchTable() }).verify();
  expect(result).toMatchObject({
    ok: false,
    versionId: ids[1],
    reason: expect.stringContaining('chain hash'),
  });
});
