/**
 * The history as a directed acyclic graph.
 *
 * Invariants:
 * - A version's parents were added before it, so positions rise from parent to child and no cycle can be.
 * - A version never changes and is never taken away.
 */
import { NervError } from '../errors.ts';
import { versionNotFound, type Version } from './version.ts';

/** A version and its place in the order of arrival. */
interface Entry<V extends Version> {
  readonly version: V;
  readonly position: number;
}

/** All versions that are here, by id, with their descent. */
export class VersionGraph<V extends Version = Version> {
  readonly #entries = new Map<string, Entry<V>>();

  get size(): number {
    return this.#entries.size;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** @throws `state/version-not-found` */
  get(id: string): V {
    return this.#entry(id).version;
  }

  /** @throws `state/id-taken`; `state/version-not-found` for a parent that is not here */
  add(version: V): void {
    if (this.#entries.has(version.id)) {
      throw new NervError(
        'state/id-taken',
        `There is already a version '${version.id}'. Give each version its own id.`,
        {
          details: { versionId: version.id },
        },
      );
    }
    for (const parent of version.parents) this.#entry(parent);
    this.#entries.set(version.id, { version, position: this.#entries.size });
  }

  /** In the order of arrival: parents before children. */
  *versions(): Iterable<V> {
    for (const { version } of this.#entries.values()) yield version;
  }

  /** A version and all it descends from, the last to arrive first. */
  *ancestry(id: string): Iterable<V> {
    const waiting = [this.#entry(id)];
    const seen = new Set([id]);
    while (waiting.length > 0) {
      const entry = takeLatest(waiting);
      yield entry.version;
      for (const parent of entry.version.parents) {
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
      [next] = version.parents;
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

  /**
   * The version that both descend from and that no other such version descends from; of several the last to arrive,
   * `undefined` when the histories have nothing in common.
   */
  mergeBase(a: string, b: string): string | undefined {
    const waiting = new Map<string, number>();
    const sides = new Map<string, number>();
    const mark = (id: string, side: number): void => {
      sides.set(id, (sides.get(id) ?? 0) | side);
      waiting.set(id, this.#entry(id).position);
    };
    mark(a, 1);
    mark(b, 2);
    // The latest goes first, so a version has met all its descendants when its turn comes.
    for (let id = takeLatestId(waiting); id !== undefined; id = takeLatestId(waiting)) {
      const side = sides.get(id) ?? 0;
      if (side === 3) return id;
      for (const parent of this.#entry(id).version.parents) mark(parent, side);
    }
    return undefined;
  }

  #entry(id: string): Entry<V> {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw versionNotFound(id);
    return entry;
  }
}

/** Few wait at any time (one for each line of descent that is open), so a plain search does. */
function takeLatest<V extends Version>(waiting: Entry<V>[]): Entry<V> {
  let latest = 0;
  for (let i = 1; i < waiting.length; i += 1) {
    if ((waiting[i]?.position ?? -1) > (waiting[latest]?.position ?? -1)) latest = i;
  }
  return waiting.splice(latest, 1)[0] as Entry<V>; // `waiting` is not empty
}

function takeLatestId(waiting: Map<string, number>): string | undefined {
  let latest: string | undefined;
  let latestPosition = -1;
  for (const [id, position] of waiting) {
    if (position <= latestPosition) continue;
    latest = id;
    latestPosition = position;
  }
  if (latest !== undefined) waiting.delete(latest);
  return latest;
}
