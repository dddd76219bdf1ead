/**
 * The history as a directed acyclic graph.
 *
 * Invariants:
 * - A version's parents were added before it, so positions rise from parent to child and no cycle can be.
 * - A version never changes and is never taken away.
 * - Where versions were left out by compaction, a parent that is not here is the last of a run that is known, and stands
 *   for the version before that run: descent has no holes.
 */
import { versionIdTaken } from './kept-versions.ts';
import { versionCompacted, versionNotFound, type CompactedRun, type Version } from './version.ts';

/** A version and its place in the order of arrival. */
interface Entry<V extends Version> {
  readonly version: V;
  readonly position: number;
}

const OURS = 1;
const THEIRS = 2;
const BOTH = 3;
/** Descends to a common version that was found already. */
const BELOW = 4;

/** All versions that are here, by id, with their descent. */
export class VersionGraph<V extends Version = Version> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #runs = new Map<string, CompactedRun>();
  readonly #under: VersionGraph<V> | undefined;
  #nextPosition: number;

  /** A graph over another one has all of its versions, also later ones, and adds nothing to it. */
  constructor(under?: VersionGraph<V>) {
    this.#under = under;
    this.#nextPosition = under === undefined ? 0 : under.#nextPosition;
  }

  get size(): number {
    return this.#entries.size + (this.#under?.size ?? 0);
  }

  has(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  /** @throws `state/version-not-found`, `state/version-compacted` */
  get(id: string): V {
    return this.#entry(id).version;
  }

  /** @throws `state/id-taken`; `state/version-not-found` for a parent that is not here */
  add(version: V): void {
    if (this.has(version.id)) {
      throw versionIdTaken(version.id);
    }
    let position = this.#nextPosition;
    for (const parent of this.parentsOf(version)) position = Math.max(position, this.#entry(parent).position + 1);
    this.#entries.set(version.id, { version, position });
    this.#nextPosition = position + 1;
  }

  /** Takes note of a run that was left out; before the versions that follow it. */
  addRun(run: CompactedRun): void {
    this.#runs.set(run.id, run);
  }

  /** The runs that were left out. */
  *runs(): Iterable<CompactedRun> {
    if (this.#under !== undefined) yield* this.#under.runs();
    yield* this.#runs.values();
  }

  /** The run that ends with this id, if one was left out. */
  tryRun(id: string): CompactedRun | undefined {
    return this.#runs.get(id) ?? this.#under?.tryRun(id);
  }

  /** The nearest versions that a version descends from, one for each parent, in order. */
  parentsOf(version: Version): readonly string[] {
    const { parents } = version;
    return parents.some((id) => this.tryRun(id) !== undefined)
      ? parents.map((id) => this.tryRun(id)?.ancestor ?? id)
      : parents;
  }

  /** The chain hash of a version, or of the last one of a run that was left out. @throws `state/version-not-found` */
  chainHashOf(id: string): string {
    return this.tryRun(id)?.chainHash ?? this.get(id).chainHash;
  }

  /** In the order of arrival: parents before children. */
  *versions(): Iterable<V> {
    if (this.#under !== undefined) yield* this.#under.versions();
    for (const { version } of this.#entries.values()) yield version;
  }

  /** A version and all it descends from, the last to arrive first. */
  *ancestry(id: string): Iterable<V> {
    const waiting = [this.#entry(id)];
    const seen = new Set([id]);
    while (waiting.length > 0) {
      const entry = takeLatest(waiting);
      yield entry.version;
      for (const parent of this.parentsOf(entry.version)) {
        if (seen.has(parent)) continue;
        seen.add(parent);
        waiting.push(this.#entry(parent));
      }
    }
  }

  /** A version and its first parents, back to the root. */
  *firstParents(id: string): Iterable<V> {
    let next: string | undefined = id;
    while (next !== undefined) {
      const { version }: Entry<V> = this.#entry(next);
      yield version;
      [next] = this.parentsOf(version);
    }
  }

  /** Whether `ancestor` is `id` or one that it descends from. */
  isAncestor(ancestor: string, id: string): boolean {
    const goal = this.#entry(ancestor).position;
    for (const version of this.ancestry(id)) {
      if (version.id === ancestor) return true;
      if (this.#entry(version.id).position < goal) return false;
    }
    return false;
  }

  /** The first of `mergeBases`; `undefined` when the histories have nothing in common. */
  mergeBase(a: string, b: string): string | undefined {
    return this.mergeBases(a, b)[0];
  }

  /**
   * The versions that both descend from and that no other such version descends from, the last to arrive first. There
   * are several where branches were merged into each other crosswise.
   */
  mergeBases(a: string, b: string): string[] {
    const waiting: Entry<V>[] = [];
    const sides = new Map<string, number>();
    const mark = (id: string, side: number): void => {
      const known = sides.get(id);
      if (known === undefined) waiting.push(this.#entry(id));
      sides.set(id, (known ?? 0) | side);
    };
    const sideOf = ({ id }: Version): number => sides.get(id) as number; // whoever waits is marked
    mark(a, OURS);
    mark(b, THEIRS);
    const bases: string[] = [];
    // The latest goes first, so a version has met all its descendants when its turn comes.
    while (waiting.some(({ version }) => sideOf(version) < BELOW)) {
      const { version } = takeLatest(waiting);
      const side = sideOf(version);
      if (side === BOTH) bases.push(version.id);
      for (const parent of this.parentsOf(version)) mark(parent, side === BOTH ? BOTH | BELOW : side);
    }
    return bases;
  }

  #find(id: string): Entry<V> | undefined {
    const own = this.#entries.get(id);
    return own !== undefined || this.#under === undefined ? own : this.#under.#find(id);
  }

  #entry(id: string): Entry<V> {
    const entry = this.#find(id);
    if (entry !== undefined) return entry;
    throw this.tryRun(id) === undefined ? versionNotFound(id) : versionCompacted(id);
  }
}

/** Few wait at any time (one for each line of descent that is open), so a plain search does. */
function takeLatest<V extends Version>(waiting: Entry<V>[]): Entry<V> {
  let latest = 0;
  let latestPosition = -1;
  for (const [index, { position }] of waiting.entries()) {
    if (position <= latestPosition) continue;
    latest = index;
    latestPosition = position;
  }
  return waiting.splice(latest, 1)[0] as Entry<V>; // `waiting` is not empty
}
