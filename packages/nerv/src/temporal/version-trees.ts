/**
 * The states of versions: some kept, the others rebuilt from the nearest kept one along first parents.
 *
 * Invariants:
 * - Between two kept states on a line lie deltas that cost at most as much as the later state itself, or as
 *   `REPLAY_COST_MIN`; so reading a version costs at most about twice the loading of one state.
 * - Every state handed out has the hash that its version names.
 */
import { NervError } from '../errors.ts';
import type { JsonValue } from '../values/json.ts';
import { parsePatch, stringifyPatch, type JsonPatch, type PatchOperation } from './patch.ts';
import { StateTree } from './state-tree.ts';
import type { VersionRecord } from './version.ts';
import type { VersionGraph } from './version-graph.ts';

/** Deltas that cost less than this together never make a state worth keeping. */
const REPLAY_COST_MIN = 64;

/** Applying an operation costs about as much as loading three places (measured). */
const OPERATION_COST = 3;

/** How many states are remembered beside the kept ones and the heads. */
const RECENT_MAX = 32;

/** Where a version stands between kept states. */
interface TreeEntry {
  /** What replaying from the last kept state costs, this version's delta included; 0 when it is kept itself. */
  readonly replayCost: number;
  readonly kept: StateTree | undefined;
}

/** Reads any version's state. */
export class VersionTrees {
  readonly #graph: VersionGraph<VersionRecord>;
  readonly #entries = new Map<string, TreeEntry>();
  /** Least recently used first. */
  readonly #recent = new Map<string, StateTree>();

  constructor(graph: VersionGraph<VersionRecord>) {
    this.#graph = graph;
  }

  /** Takes note of a version that was just added to the graph, whose state is known. */
  noteMade(version: VersionRecord, tree: StateTree, patch: JsonPatch): void {
    const replayCost = this.#costBefore(version) + patchCost(patch);
    const isKept = replayCost > Math.max(REPLAY_COST_MIN, tree.weight);
    this.#entries.set(version.id, isKept ? { replayCost: 0, kept: tree } : { replayCost, kept: undefined });
    this.#remember(version.id, tree);
  }

  /** Takes note of a version that came from elsewhere. Its state is checked when it is read. */
  noteReceived(version: VersionRecord): void {
    const cost = this.#costBefore(version) + Math.max(1, version.delta.length >>> 5);
    this.#entries.set(version.id, { replayCost: version.snapshot === undefined ? cost : 0, kept: undefined });
  }

  /** The canonical text of a version's state where one is kept, for the records. */
  snapshotOf(version: VersionRecord): string | undefined {
    return this.#entries.get(version.id)?.kept?.stringify() ?? version.snapshot;
  }

  /** The state of a version. @throws `state/version-not-found`, `state/corrupt-version` */
  read(id: string): StateTree {
    const known = this.#known(id);
    if (known !== undefined) return known;
    const tree = this.#rebuild(id);
    this.#remember(id, tree);
    return tree;
  }

  /** Checks that a version's delta, and its snapshot if it has one, give the state it names. @throws `state/corrupt-version` */
  check(version: VersionRecord): void {
    const { snapshot } = version;
    const [parent] = version.parents;
    const before = parent === undefined ? NOTHING : this.read(parent);
    const tree = this.#check(version, () => before.applyChecked(parsePatch(version.delta)));
    if (snapshot !== undefined) this.#check(version, () => StateTree.parse(snapshot));
    this.#remember(version.id, tree);
  }

  #rebuild(id: string): StateTree {
    const line: VersionRecord[] = [];
    let base: StateTree = NOTHING;
    for (const version of this.#graph.firstParents(id)) {
      const known = this.#known(version.id) ?? this.#load(version);
      if (known !== undefined) {
        base = known;
        break;
      }
      line.push(version);
    }
    const [version] = line;
    if (version === undefined) return base;
    return this.#check(version, () => {
      const patch: PatchOperation[] = [];
      for (const step of line.reverse()) for (const operation of parsePatch(step.delta)) patch.push(operation);
      return base.applyChecked(patch);
    });
  }

  #known(id: string): StateTree | undefined {
    const recent = this.#recent.get(id);
    if (recent !== undefined) this.#remember(id, recent);
    return recent ?? this.#entries.get(id)?.kept;
  }

  /** Reads the snapshot that a version came with, and keeps the state. */
  #load(version: VersionRecord): StateTree | undefined {
    const { snapshot } = version;
    if (snapshot === undefined) return undefined;
    const tree = this.#check(version, () => StateTree.parse(snapshot));
    this.#entries.set(version.id, { replayCost: 0, kept: tree });
    return tree;
  }

  #check(version: VersionRecord, make: () => StateTree): StateTree {
    const tree = attempt(version, make);
    if (tree.hash === version.dataHash) return tree;
    throw new NervError(
      'state/corrupt-version',
      `Version '${version.id}' does not have the state it names: its hash is ${tree.hash}, not ${version.dataHash}. ` +
        `Restore the history from a good copy; verify() names the first bad version.`,
      { details: { versionId: version.id, author: version.author, expected: version.dataHash, actual: tree.hash } },
    );
  }

  #costBefore(version: VersionRecord): number {
    const [parent] = version.parents;
    return parent === undefined ? 0 : (this.#entries.get(parent)?.replayCost ?? 0);
  }

  #remember(id: string, tree: StateTree): void {
    this.#recent.delete(id);
    this.#recent.set(id, tree);
    if (this.#recent.size <= RECENT_MAX) return;
    const [oldest] = this.#recent.keys();
    if (oldest !== undefined) this.#recent.delete(oldest);
  }
}

/** The state before a root: JSON null. */
export const NOTHING: StateTree = StateTree.fromJson(null);

/** What it costs to apply a patch, in the places that `StateTree.weight` counts; at least 1. */
function patchCost(patch: JsonPatch): number {
  let cost = 1;
  for (const operation of patch) cost += OPERATION_COST + ('value' in operation ? jsonCost(operation.value) - 1 : 0);
  return cost;
}

function jsonCost(json: JsonValue): number {
  if (typeof json === 'string') return 1 + (json.length >>> 5);
  if (typeof json !== 'object' || json === null) return 1;
  let cost = 1;
  for (const member of Object.values(json)) cost += jsonCost(member as JsonValue); // what lies in JSON is JSON
  return cost;
}

/** The delta between two states, as it is stored. */
export function makeDelta(before: StateTree, after: StateTree): { readonly patch: JsonPatch; readonly text: string } {
  const patch = before.diff(after);
  return { patch, text: stringifyPatch(patch) };
}

function attempt(version: VersionRecord, make: () => StateTree): StateTree {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof NervError) || cause.code === 'state/corrupt-version') throw cause;
    throw new NervError(
      'state/corrupt-version',
      `Version '${version.id}' cannot be read: ${cause.message} Restore the history from a good copy.`,
      { details: { versionId: version.id, author: version.author }, cause },
    );
  }
}
