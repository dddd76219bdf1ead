import { NervError } from '../errors.ts';
import { BranchTable } from './branch-table.ts';
import type { HistoryParts } from './history-reader.ts';
import { expectedChainHash, type HistoryExport, type VersionRecord } from './version.ts';
import { VersionGraph } from './version-graph.ts';
import { VersionTrees } from './version-trees.ts';

/** A history as plain data, with snapshots wherever states are kept. */
export function exportHistory({ graph, trees, branches }: HistoryParts, branch: string): HistoryExport {
  const versions: VersionRecord[] = [];
  for (const version of graph.versions()) {
    const snapshot = trees.snapshotOf(version);
    versions.push(snapshot === undefined ? version : { ...version, snapshot });
  }
  return { format: 'nerv/history/1', versions, moves: [...branches.moves()], tags: branches.tags(), branch };
}

/**
 * A history from plain data. Chain hashes are checked now, states when they are read.
 * @throws `state/corrupt-version` naming the first bad version; `state/invalid-argument` for another format
 */
export function restoreHistory(history: HistoryExport): HistoryParts & { readonly branch: string } {
  if (history.format !== 'nerv/history/1') {
    throw new NervError(
      'state/invalid-argument',
      `The history has the format '${String(history.format)}', not 'nerv/history/1'.`,
    );
  }
  const graph = new VersionGraph<VersionRecord>();
  const trees = new VersionTrees(graph);
  const branches = new BranchTable();
  for (const record of history.versions) {
    const version = Object.freeze({ ...record });
    graph.add(version);
    checkChain(graph, version);
    trees.noteReceived(version);
  }
  for (const move of history.moves) {
    if (move.head !== undefined) graph.get(move.head);
    branches.addMove(move);
  }
  for (const tag of history.tags) branches.tag(tag.name, graph.get(tag.versionId).id);
  return { graph, trees, branches, branch: history.branch };
}

function checkChain(graph: VersionGraph<VersionRecord>, version: VersionRecord): void {
  const expected = expectedChainHash(version, (id) => graph.get(id).chainHash);
  if (expected === version.chainHash) return;
  throw new NervError(
    'state/corrupt-version',
    `Version '${version.id}' was altered: its chain hash is ${version.chainHash}, but what it covers gives ${expected}. ` +
      `Restore the history from a good copy.`,
    { details: { versionId: version.id, expected, actual: version.chainHash } },
  );
}
