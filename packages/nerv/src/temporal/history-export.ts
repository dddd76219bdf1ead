import { NervError } from '../errors.ts';
import { BranchTable } from './branch-table.ts';
import type { HistoryParts } from './delta-history.ts';
import { LocalTemporalStore, type TemporalStoreOptions } from './local-temporal-store.ts';
import { expectedChainHash, readHeaders, type HistoryExport, type VersionRecord } from './version.ts';
import { VersionGraph } from './version-graph.ts';
import { VersionTrees, type SnapshotPolicy } from './version-trees.ts';

/** Deltas of fewer characters together never have a snapshot by `replayCost`. */
const SNAPSHOT_CHARACTERS_MIN = 1_024;

/** A snapshot where the deltas since the last one have become as long as the state itself. */
const EXPORT_POLICY: SnapshotPolicy = { replayCost: 1 };

/**
 * A history as plain data, to be stored or sent: a delta for each version, and snapshots by the policy. By default they
 * make at most as many characters as the deltas before them, so the whole is at most twice the deltas, and reading a
 * version takes at most one snapshot and deltas no longer than it (or 1,024 characters).
 */
export function exportHistory<S>(store: LocalTemporalStore<S>, policy: SnapshotPolicy = EXPORT_POLICY): HistoryExport {
  const { graph, trees, branches } = store.parts;
  const exporter = new Snapshots({ graph, trees, branches }, policy);
  const versions: VersionRecord[] = [];
  for (const { snapshot: _, ...version } of graph.versions()) {
    const snapshot = exporter.trySnapshot(version);
    versions.push(snapshot === undefined ? version : { ...version, snapshot });
  }
  return {
    format: 'nerv/history/1',
    versions,
    compacted: [...graph.runs()],
    moves: [...branches.moves()],
    tags: branches.tags(),
    branch: store.branch,
  };
}

/**
 * Takes up a history that `exportHistory` gave, here or elsewhere. Chain hashes are checked now, states when they are
 * read.
 * @throws `state/corrupt-version` naming the first version whose hash does not fit; `state/invalid-argument`
 */
export function restoreHistory<S>(history: HistoryExport, options: TemporalStoreOptions = {}): LocalTemporalStore<S> {
  if (history.format !== 'nerv/history/1') {
    throw new NervError(
      'state/invalid-argument',
      `The history has the format '${String(history.format)}', not 'nerv/history/1'.`,
    );
  }
  const graph = new VersionGraph<VersionRecord>();
  const trees = new VersionTrees(graph, options.snapshots);
  const branches = new BranchTable();
  for (const run of history.compacted ?? []) {
    readHeaders(run);
    graph.addRun(Object.freeze({ ...run }));
  }
  for (const record of history.versions) {
    const version = Object.freeze({ ...record });
    graph.add(version);
    checkChain(graph, version);
    trees.noteReceived(version);
  }
  for (const move of history.moves) branches.addMove(move);
  // The past of a branch may have been left out by compaction, its head not.
  for (const { head } of branches.list()) graph.get(head);
  for (const tag of history.tags) branches.tag(tag.name, graph.get(tag.versionId).id);
  return new LocalTemporalStore<S>(undefined, options, {
    graph,
    trees,
    branches,
    branch: history.branch,
  });
}

/** What lies between a version and the last snapshot before it. */
interface Since {
  readonly versions: number;
  readonly characters: number;
  /** Fewer characters than this are less than the state has, as far as is known. */
  readonly enough: number;
}

const START: Since = { versions: 0, characters: 0, enough: SNAPSHOT_CHARACTERS_MIN };

/** Decides which versions have snapshots. Give it each after its parents. */
class Snapshots {
  readonly #parts: HistoryParts;
  readonly #policy: SnapshotPolicy;
  readonly #since = new Map<string, Since>();

  constructor(parts: HistoryParts, policy: SnapshotPolicy) {
    this.#parts = parts;
    this.#policy = policy;
  }

  trySnapshot(version: VersionRecord): string | undefined {
    const [parent] = this.#parts.graph.parentsOf(version);
    // A root's delta is its state.
    const before = (parent === undefined ? undefined : this.#since.get(parent)) ?? START;
    const characters = parent === undefined ? 0 : before.characters + version.delta.length;
    const since = { ...before, versions: before.versions + 1, characters };
    const { versions = Infinity, bytes = Infinity, replayCost = Infinity } = this.#policy;
    const isCounted = since.versions > versions || characters > bytes;
    if (!isCounted && (replayCost === Infinity || characters < before.enough)) {
      this.#since.set(version.id, since);
      return undefined;
    }
    const text = this.#parts.trees.read(version.id).stringify();
    const enough = Math.max(SNAPSHOT_CHARACTERS_MIN, text.length * replayCost);
    const isDue = isCounted || characters >= enough;
    this.#since.set(version.id, isDue ? START : { ...since, enough });
    return isDue ? text : undefined;
  }
}

function checkChain(graph: VersionGraph<VersionRecord>, version: VersionRecord): void {
  const expected = expectedChainHash(version, (id) => graph.chainHashOf(id));
  if (expected === version.chainHash) return;
  throw new NervError(
    'state/corrupt-version',
    `Version '${version.id}' was altered: its chain hash is ${version.chainHash}, but what it covers gives ${expected}. ` +
      `Restore the history from a good copy.`,
    { details: { versionId: version.id, expected, actual: version.chainHash } },
  );
}
