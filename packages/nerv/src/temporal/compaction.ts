/**
 * Leaving out versions that nobody will ask for.
 *
 * Invariants:
 * - What is left out in between lies on lines: each has one parent and one child. So which versions descend from which,
 *   and what the base of any merge is, stays as it was.
 * - What the chain hashes of a line cover is kept: the chain verifies from the roots to the heads.
 * - What no branch and no tag leads to leaves nothing behind.
 */
import { BranchTable } from './branch-table.ts';
import type { HistoryParts } from './delta-history.ts';
import type { LocalTemporalStore } from './local-temporal-store.ts';
import { readHeaders, type BranchMove, type CompactedRun, type Version, type VersionRecord } from './version.ts';
import { VersionGraph } from './version-graph.ts';
import { makeDelta, VersionTrees, type SnapshotPolicy } from './version-trees.ts';

/**
 * Which versions stay beside those that must: heads, tagged ones, roots, merges, and those that several descend from.
 * Without any of it, only those stay.
 */
export interface CompactionOptions {
  /** So many versions back from each branch's head, along first parents. */
  readonly last?: number | undefined;
  /** What was recorded since. */
  readonly since?: Date | undefined;
  /** Whatever this says yes to. */
  readonly keep?: ((version: Version) => boolean) | undefined;
}

/** What compaction did, in numbers of versions. */
export interface CompactionReport {
  readonly kept: number;
  readonly leftOut: number;
}

/**
 * Leaves out versions of a store for good. Those that stay read as before, and the history verifies; asking for one that
 * was left out throws `state/version-compacted`, or `state/version-not-found` where nothing is known of it. A what-if
 * that is open keeps the history it started from.
 */
export function compact<S>(store: LocalTemporalStore<S>, options: CompactionOptions = {}): CompactionReport {
  const { parts } = store;
  const before = parts.graph.size;
  const compacted = new Compaction(parts, parts.options.snapshots, keptVersions(parts, options)).run();
  store.replaceHistory(compacted);
  return { kept: compacted.graph.size, leftOut: before - compacted.graph.size };
}

/** The ids that stay, and all that can be reached. */
interface Selection {
  readonly reachable: ReadonlySet<string>;
  readonly kept: ReadonlySet<string>;
}

function keptVersions({ graph, branches }: HistoryParts, { last = 0, since, keep }: CompactionOptions): Selection {
  const kept = new Set(branches.tags().map(({ versionId }) => versionId));
  for (const { head } of branches.list()) {
    kept.add(head);
    let left = last;
    for (const version of graph.firstParents(head)) {
      if (left <= 0) break;
      left -= 1;
      kept.add(version.id);
    }
  }
  const children = new Map<string, number>();
  const reachable = new Set<string>();
  for (const named of [...kept]) {
    for (const version of graph.ancestry(named)) {
      if (reachable.has(version.id)) continue;
      reachable.add(version.id);
      for (const parent of graph.parentsOf(version)) children.set(parent, (children.get(parent) ?? 0) + 1);
    }
  }
  const sinceMicros = since === undefined ? undefined : BigInt(since.getTime()) * 1000n;
  for (const version of graph.versions()) {
    const isKnot = version.parents.length !== 1 || (children.get(version.id) ?? 0) > 1;
    const isRecent = sinceMicros !== undefined && version.recordedAtMicros >= sinceMicros;
    if (reachable.has(version.id) && (isKnot || isRecent || keep?.(version) === true)) kept.add(version.id);
  }
  return { reachable, kept };
}

/** A run that still grows. */
interface OpenRun {
  readonly ancestor: string;
  readonly headers: (readonly string[])[];
}

/** Makes a history of the versions that stay. */
class Compaction {
  readonly #from: HistoryParts;
  readonly #selection: Selection;
  readonly #graph = new VersionGraph<VersionRecord>();
  readonly #trees: VersionTrees;
  /** By the id of the last version. */
  readonly #runs = new Map<string, OpenRun>();

  constructor(from: HistoryParts, policy: SnapshotPolicy | undefined, selection: Selection) {
    this.#from = from;
    this.#selection = selection;
    this.#trees = new VersionTrees(this.#graph, policy);
  }

  run(): HistoryParts {
    const { reachable, kept } = this.#selection;
    for (const version of this.#from.graph.versions()) {
      if (!reachable.has(version.id)) continue;
      if (kept.has(version.id)) this.#keep(version);
      else this.#leaveOut(version);
    }
    return { graph: this.#graph, trees: this.#trees, branches: this.#branches() };
  }

  #leaveOut({ id, parents, dataHash, author, authoredAtMicros, description }: VersionRecord): void {
    const [parent] = parents as [string]; // it has one: see `isKnot`
    const run = this.#takeRun(parent) ?? { ancestor: parent, headers: [] };
    run.headers.push([dataHash, author, String(authoredAtMicros), description]);
    this.#runs.set(id, run);
  }

  #keep(version: VersionRecord): void {
    const { graph, trees } = this.#from;
    const [before] = graph.parentsOf(version);
    for (const parent of version.parents) {
      const run = this.#takeRun(parent);
      if (run !== undefined) this.#graph.addRun(closeRun(parent, graph.chainHashOf(parent), run));
    }
    const [after] = this.#graph.parentsOf(version);
    if (before === after) {
      this.#graph.add(version);
      const tree = trees.tryKept(version.id);
      if (tree === undefined) this.#trees.noteReceived(version);
      else this.#trees.keep(version, tree);
      return;
    }
    const tree = trees.read(version.id);
    // `before` was left out, so there is an `after`.
    const { text: delta } = makeDelta(trees.read(after as string), tree);
    const { snapshot: _, ...record } = version;
    const rebased = Object.freeze({ ...record, delta });
    this.#graph.add(rebased);
    this.#trees.keep(rebased, tree);
  }

  /** The run that ends with a parent, whether it is left out now, was before, or both; it has one child, and is taken once. */
  #takeRun(parent: string): OpenRun | undefined {
    const open = this.#runs.get(parent);
    if (open !== undefined) {
      this.#runs.delete(parent);
      return open;
    }
    const earlier = this.#from.graph.tryRun(parent);
    if (earlier === undefined) return undefined;
    const run = this.#takeRun(earlier.ancestor) ?? { ancestor: earlier.ancestor, headers: [] };
    for (const { dataHash, author, authoredAtMicros, description } of readHeaders(earlier)) {
      run.headers.push([dataHash, author, String(authoredAtMicros), description]);
    }
    return run;
  }

  /** Branches keep their past, one move for each stretch of it that was left out. */
  #branches(): BranchTable {
    const { branches } = this.#from;
    const table = new BranchTable();
    const last = new Map<string, BranchMove>();
    for (const move of branches.moves()) {
      const previous = last.get(move.branch);
      const isGone = ({ head }: BranchMove): boolean => head !== undefined && !this.#graph.has(head);
      if (previous !== undefined && isGone(previous) && isGone(move)) continue;
      const kept = { ...move, previous: previous?.head };
      last.set(move.branch, kept);
      table.addMove(kept);
    }
    for (const { name, versionId } of branches.tags()) table.tag(name, versionId);
    return table;
  }
}

function closeRun(id: string, chainHash: string, { ancestor, headers }: OpenRun): CompactedRun {
  return Object.freeze({ id, chainHash, ancestor, headers: JSON.stringify(headers) });
}
