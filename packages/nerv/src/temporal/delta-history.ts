import { NervError } from '../errors.ts';
import { escapeKey } from '../values/json.ts';
import { appendPointer, parsePointer } from '../values/pointer.ts';
import type { BranchTable } from './branch-table.ts';
import type { VersionKeeper } from './kept-versions.ts';
import { parsePatch, type JsonPatch } from './patch.ts';
import { touches } from './patch-touch.ts';
import { StateTree, type StatePath } from './state-tree.ts';
import type { AtOptions, LogFilter, VerifyResult, VersionReference } from './temporal-store.ts';
import { sameSlot, type Slot } from './tree/slot.ts';
import { chainHash } from '../hash/version-hash.ts';
import {
  expectedChainHash,
  readHeaders,
  versionCompacted,
  versionNotFound,
  type CompactedRun,
  type Version,
  type VersionRecord,
} from './version.ts';
import type { VersionGraph } from './version-graph.ts';
import { makeDelta, NOTHING, operatingError, type VersionTrees } from './version-trees.ts';

/** What a history is made of. */
export interface HistoryParts {
  readonly graph: VersionGraph<VersionRecord>;
  readonly trees: VersionTrees;
  readonly branches: BranchTable;
}

/** What was between the two states that were last compared. */
interface Difference {
  readonly before: Slot;
  readonly after: Slot;
  readonly patch: JsonPatch;
}

/** A history of deltas, and the questions to it: what a reference means, which versions a filter takes, who made a place. */
export class DeltaHistory implements VersionKeeper, HistoryParts {
  readonly graph: VersionGraph<VersionRecord>;
  readonly trees: VersionTrees;
  readonly branches: BranchTable;
  #last: Difference | undefined;

  constructor({ graph, trees, branches }: HistoryParts) {
    this.graph = graph;
    this.trees = trees;
    this.branches = branches;
  }

  has(id: string): boolean {
    return this.graph.has(id) || this.graph.tryRun(id) !== undefined;
  }

  get(id: string): Version {
    return this.graph.get(id);
  }

  read(id: string): Slot {
    return this.trees.read(id).slot;
  }

  add(version: Version, after: Slot, before: Slot | undefined): void {
    const tree = StateTree.ofSlot(after);
    const { patch, text: delta } = makeDelta(version.parents.length === 0 ? NOTHING : StateTree.ofSlot(before), tree);
    const record: VersionRecord = Object.freeze({ ...version, delta });
    this.graph.add(record);
    this.trees.noteMade(record, tree, patch);
    this.#last = { before, after, patch };
  }

  /** The patch that subscribers get. */
  describe(before: Slot, after: Slot): { readonly patch: JsonPatch } {
    const last = this.#last;
    if (last !== undefined && last.before === before && last.after === after) return { patch: last.patch };
    return { patch: StateTree.ofSlot(before).diff(StateTree.ofSlot(after)) };
  }

  /** The id that a reference means, seen from a branch. @throws `state/version-not-found`, `state/branch-not-found` */
  resolve(reference: VersionReference, branch: string, by: AtOptions['by'] = 'recorded'): string {
    if (typeof reference === 'number') return this.#back(reference, branch);
    if (typeof reference !== 'string') return this.#atTime(reference, branch, by);
    const found = this.has(reference)
      ? reference
      : (this.branches.tagged(reference) ?? this.branches.tryHead(reference));
    if (found === undefined) throw versionNotFound(reference);
    return found;
  }

  /** The branch that a reference names, if it is taken for one; for a reference that `resolve` took. */
  tryBranch(reference: VersionReference): string | undefined {
    if (typeof reference !== 'string' || this.graph.has(reference)) return undefined;
    return this.branches.tagged(reference) === undefined ? reference : undefined;
  }

  log(filter: LogFilter, branch: string): VersionRecord[] {
    const start = this.resolve(filter.from ?? this.branches.head(branch), branch);
    const versions: VersionRecord[] = [];
    const limit = filter.limit ?? Number.POSITIVE_INFINITY;
    const matches = this.#matcher(filter);
    for (const version of filter.firstParent === true ? this.graph.firstParents(start) : this.graph.ancestry(start)) {
      if (versions.length >= limit) break;
      if (matches(version)) versions.push(version);
    }
    return versions;
  }

  /** Goes back to where the place was last made what it is, into whichever parent already had it so. */
  blame(path: StatePath, id: string): VersionRecord {
    const pointer = typeof path === 'string' ? path : toPointer(path);
    for (let version = this.graph.get(id); ;) {
      const origin = this.graph
        .parentsOf(version)
        .find((parent, index) => !this.#differs(version, parent, { pointer, index }));
      if (origin === undefined) return version;
      version = this.graph.get(origin);
    }
  }

  verify(): VerifyResult {
    let versions = 0;
    for (const version of this.graph.versions()) {
      const reason = this.#badness(version);
      if (reason !== undefined) return { ok: false, versionId: version.id, reason };
      versions += 1;
    }
    return { ok: true, versions };
  }

  #badness(version: VersionRecord): string | undefined {
    for (const id of version.parents) {
      const run = this.graph.tryRun(id);
      if (run !== undefined && !this.#isWhole(run)) return `the versions left out before it do not lead to '${id}'`;
    }
    const expected = expectedChainHash(version, (id) => this.graph.chainHashOf(id));
    if (expected !== version.chainHash)
      return `its chain hash is ${version.chainHash}, but what it covers gives ${expected}`;
    try {
      this.trees.check(version);
      return undefined;
    } catch (error) {
      return operatingError(error).message;
    }
  }

  /** Whether the headers of a run lead from the version before it to the chain hash that it ends with. */
  #isWhole(run: CompactedRun): boolean {
    let chain = this.graph.chainHashOf(run.ancestor);
    for (const header of readHeaders(run)) chain = chainHash({ ...header, parents: [chain] });
    return chain === run.chainHash;
  }

  /** Whether a place differs between a version and one of its parents; the delta often knows without the states. */
  #differs(
    version: VersionRecord,
    parent: string,
    { pointer, index }: { readonly pointer: string; readonly index: number },
  ): boolean {
    if (index === 0 && touches(parsePatch(version.delta), pointer) === 'none') return false;
    return !sameSlot(this.trees.read(version.id).slotAt(pointer), this.trees.read(parent).slotAt(pointer));
  }

  #touches(version: VersionRecord, pointer: string): boolean {
    const touched = touches(parsePatch(version.delta), pointer);
    const [parent] = this.graph.parentsOf(version);
    if (touched !== 'perhaps' || parent === undefined) return touched !== 'none';
    return this.#differs(version, parent, { pointer, index: 0 });
  }

  #back(count: number, branch: string): string {
    if (!Number.isInteger(count) || count < 0) {
      throw new NervError('state/invalid-argument', `${count} is no number of versions to go back. Give 0, 1, 2, ...`);
    }
    let left = count;
    for (const version of this.graph.firstParents(this.branches.head(branch))) {
      if (left === 0) return version.id;
      left -= 1 + this.#leftOutBefore(version).length;
      if (left < 0) throw versionCompacted(`${branch}, ${count} back`);
    }
    throw new NervError(
      'state/version-not-found',
      `Branch '${branch}' has no version ${count} back: its first-parent line has only ${count - left}.`,
      { details: { branch, back: count } },
    );
  }

  #atTime(time: Date, branch: string, by: AtOptions['by']): string {
    if (Number.isNaN(time.getTime()))
      throw new NervError('state/invalid-argument', 'The time to look at is an invalid Date.');
    // A Date has milliseconds: the whole of its last one counts.
    const atMicros = BigInt(time.getTime()) * 1000n + 999n;
    const found =
      by === 'authored'
        ? this.#authoredBy(this.branches.head(branch), atMicros)
        : this.branches.headAt(branch, atMicros);
    if (found !== undefined) {
      if (this.graph.has(found)) return found;
      throw versionCompacted(found);
    }
    throw new NervError(
      'state/version-not-found',
      `Branch '${branch}' has no version ${by} by ${time.toISOString()}.`,
      {
        details: { branch, time: time.toISOString() },
      },
    );
  }

  #authoredBy(head: string, atMicros: bigint): string | undefined {
    for (const version of this.graph.firstParents(head)) {
      if (version.authoredAtMicros <= atMicros) return version.id;
      const [first] = version.parents;
      if (this.#leftOutBefore(version).some(({ authoredAtMicros }) => authoredAtMicros <= atMicros)) return first;
    }
    return undefined;
  }

  /** What is kept of the versions that were left out between a version and the one before it. */
  #leftOutBefore({ parents: [first] }: Version): ReturnType<typeof readHeaders> {
    const run = first === undefined ? undefined : this.graph.tryRun(first);
    return run === undefined ? [] : readHeaders(run);
  }

  #matcher(filter: LogFilter): (version: VersionRecord) => boolean {
    const { author, path } = filter;
    const text = filter.text?.toLowerCase();
    const tagged = filter.tag === undefined ? undefined : this.branches.tagged(filter.tag);
    const since = filter.authoredSince === undefined ? undefined : BigInt(filter.authoredSince.getTime()) * 1000n;
    const until =
      filter.authoredUntil === undefined ? undefined : BigInt(filter.authoredUntil.getTime()) * 1000n + 999n;
    if (path !== undefined) parsePointer(path);
    return (version) =>
      (author === undefined || version.author === author) &&
      (text === undefined || version.description.toLowerCase().includes(text)) &&
      (filter.tag === undefined || version.id === tagged) &&
      (since === undefined || version.authoredAtMicros >= since) &&
      (until === undefined || version.authoredAtMicros <= until) &&
      (path === undefined || this.#touches(version, path));
  }
}

function toPointer(path: readonly (string | number)[]): string {
  return path.reduce<string>((pointer, key) => appendPointer(pointer, escapeKey(String(key))), '');
}
