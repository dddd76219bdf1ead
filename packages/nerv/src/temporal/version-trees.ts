/**
 * The states of versions: some kept, the others rebuilt from the nearest kept one along first parents. Kept states share
 * what they have in common, so keeping one costs by what changed since the last.
 *
 * Invariants:
 * - On a line, no more deltas follow each other without a kept state than the policy allows.
 * - Every state handed out has the hash that its version names.
 */
import { NervError } from '../errors.ts';
import type { JsonValue } from '../values/json.ts';
import { parsePatch, stringifyPatch, type JsonPatch, type PatchOperation } from './patch.ts';
import { StateTree } from './state-tree.ts';
import type { VersionRecord } from './version.ts';
import type { VersionGraph } from './version-graph.ts';

/**
 * When a state is kept whole beside its delta: as soon as one of these limits is met since the last that was kept. What
 * is not given is no limit.
 */
export interface SnapshotPolicy {
  /** After so many deltas. */
  readonly versions?: number | undefined;
  /** After deltas of so many characters together. */
  readonly bytes?: number | undefined;
  /** When replaying the deltas costs about so many times as much as loading the state. */
  readonly replayCost?: number | undefined;
}

/** How a store keeps states in memory unless it is told otherwise. */
export const MEMORY_POLICY: SnapshotPolicy = { versions: 32, replayCost: 1 };

/** Deltas that cost less than this together are replayed whatever the state costs. */
const REPLAY_COST_MIN = 64;

/** Applying an operation costs about as much as loading three places (measured). */
const OPERATION_COST = 3;

/** How many states are remembered beside the kept ones and the heads. */
const RECENT_MAX = 32;

/** Where a version stands between kept states. */
interface TreeEntry {
  /** Since the last kept state, this version's delta included; 0 when it is kept itself. */
  readonly versions: number;
  readonly bytes: number;
  readonly replayCost: number;
  readonly kept: StateTree | undefined;
}

const NONE: TreeEntry = { versions: 0, bytes: 0, replayCost: 0, kept: undefined };

/** Reads any version's state. */
export class VersionTrees {
  readonly #graph: VersionGraph<VersionRecord>;
  readonly #entries = new Map<string, TreeEntry>();
  /** Least recently used first. */
  readonly #recent = new Map<string, StateTree>();
  readonly #policy: SnapshotPolicy;
  readonly #under: VersionTrees | undefined;

  /** `under` knows the versions of the graph that `graph` lies over. */
  constructor(graph: VersionGraph<VersionRecord>, policy: SnapshotPolicy = MEMORY_POLICY, under?: VersionTrees) {
    this.#graph = graph;
    this.#policy = policy;
    this.#under = under;
  }

  /** Takes note of a version that was just added to the graph, whose state is known. */
  noteMade(version: VersionRecord, tree: StateTree, patch: JsonPatch): void {
    const since = this.#since(version, patchCost(patch));
    if (this.#isDue(since, tree)) this.keep(version, tree);
    else this.#entries.set(version.id, since);
    this.#remember(version.id, tree);
  }

  /** Takes note of a version that came from elsewhere. Its state is checked when it is read. */
  noteReceived(version: VersionRecord): void {
    const isStored = version.snapshot !== undefined;
    this.#entries.set(version.id, isStored ? NONE : this.#since(version, 1 + (version.delta.length >>> 4)));
  }

  /** Keeps a version's state, which the caller has checked. */
  keep(version: VersionRecord, tree: StateTree): void {
    this.#entries.set(version.id, { ...NONE, kept: tree });
  }

  /** The state of a version, if it is kept. */
  tryKept(id: string): StateTree | undefined {
    return this.#entry(id)?.kept;
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
    const [parent] = this.#graph.parentsOf(version);
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
    return recent ?? this.tryKept(id);
  }

  /** Reads the snapshot that a version came with, and keeps the state. */
  #load(version: VersionRecord): StateTree | undefined {
    const { snapshot } = version;
    if (snapshot === undefined) return undefined;
    const tree = this.#check(version, () => StateTree.parse(snapshot));
    this.keep(version, tree);
    return tree;
  }

  #check(version: VersionRecord, make: () => StateTree): StateTree {
    const tree = attempt(version, make);
    if (tree.hash === version.dataHash) return tree;
    throw new NervError(
      'state/corrupt-version',
      `Version '${version.id}' does not have the state it names: its hash is ${tree.hash}, not ${version.dataHash}. ` +
        `Restore the history from a good copy; verify() names the first bad version.`,
      {
        details: {
          versionId: version.id,
          author: version.author,
          expected: version.dataHash,
          actual: tree.hash,
        },
      },
    );
  }

  #since(version: VersionRecord, replayCost: number): TreeEntry {
    const [parent] = this.#graph.parentsOf(version);
    const before = (parent === undefined ? undefined : this.#entry(parent)) ?? NONE;
    return {
      versions: before.versions + 1,
      bytes: before.bytes + version.delta.length,
      replayCost: before.replayCost + replayCost,
      kept: undefined,
    };
  }

  #isDue({ versions, bytes, replayCost }: TreeEntry, tree: StateTree): boolean {
    const policy = this.#policy;
    return (
      versions >= (policy.versions ?? Infinity) ||
      bytes >= (policy.bytes ?? Infinity) ||
      (policy.replayCost !== undefined && replayCost > Math.max(REPLAY_COST_MIN, tree.weight * policy.replayCost))
    );
  }

  #entry(id: string): TreeEntry | undefined {
    const own = this.#entries.get(id);
    return own !== undefined || this.#under === undefined ? own : this.#under.#entry(id);
  }

  #remember(id: string, tree: StateTree): void {
    this.#recent.delete(id);
    this.#recent.set(id, tree);
    for (const oldest of this.#recent.keys()) {
      if (this.#recent.size <= RECENT_MAX) return;
      this.#recent.delete(oldest);
    }
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

/** What was thrown, when it is what NERV throws on purpose; anything else is thrown on. */
export function operatingError(error: unknown): NervError {
  if (error instanceof NervError) return error;
  throw error;
}

function attempt(version: VersionRecord, make: () => StateTree): StateTree {
  try {
    return make();
  } catch (cause) {
    const { message } = operatingError(cause);
    throw new NervError(
      'state/corrupt-version',
      `Version '${version.id}' cannot be read: ${message} Restore the history from a good copy.`,
      { details: { versionId: version.id, author: version.author }, cause },
    );
  }
}
