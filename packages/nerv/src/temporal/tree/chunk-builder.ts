/**
 * Cuts a stream of items into chunks, as hash/tree-digest.ts defines it, and reuses chunks of an older tree.
 *
 * Invariants:
 * - Whatever is reused, the chunks are those that the same items would give from nothing.
 * - A chunk can be taken over as it is only while no level up to its own has an open chunk (`isClean`).
 */
import type { Digest } from '../../hash/digest.ts';
import { CHUNK_ITEMS_MAX, CHUNK_ITEMS_MIN, chunkDigest, containerDigest, isBoundary } from '../../hash/tree-digest.ts';
import { assert } from '../../assert.ts';
import { Chunk, type ItemRun } from './chunk.ts';
import { TreeNode, type Slot } from './slot.ts';

/** The chunk of one level that still takes items. */
interface OpenChunk extends ItemRun {
  keys: string[];
  items: (Slot | Chunk)[];
  digests: Digest[];
}

/** Builds one container. Give it the items in order, then call `finish` once. */
export class ChunkBuilder {
  readonly #levels: OpenChunk[] = [];

  /** Whether no level from 0 to this one has an open chunk. */
  isClean(level: number): boolean {
    return this.#levels.every(({ items }, index) => index > level || items.length === 0);
  }

  /** Adds the items [from, to) of a level: elements or entries to level 0, whole chunks to any other. */
  addRun(level: number, run: ItemRun, from = 0, to: number = run.items.length): void {
    assert(from >= to || this.isClean(level - 1), 'a chunk is taken over only where one begins');
    for (let at = from; at < to;) {
      const open = this.#level(level);
      const start = at;
      let held = open.items.length;
      let isFull = false;
      while (at < to && !isFull) {
        at += 1;
        held += 1;
        isFull = endsAt(held, run.digests[at - 1] as Digest); // inside
      }
      open.keys = joined(open.keys, run.keys, start, at);
      open.items = joined(open.items, run.items, start, at);
      open.digests = joined(open.digests, run.digests, start, at);
      if (isFull) this.#close(level);
    }
  }

  /** The container of all the items that were added. */
  finish(kind: 'array' | 'object'): TreeNode {
    let root: Chunk | undefined;
    let digest: Digest | undefined;
    // From the bottom up, until one item is left.
    for (let level = 0; level < this.#levels.length; level += 1) {
      const open = this.#level(level);
      const isTop = this.#levels.every(({ items }, index) => index <= level || items.length === 0);
      if (isTop && open.items.length === 1) root = new Chunk(level, open);
      else if (open.items.length > 0) this.#close(level);
    }
    while (root?.items.length === 1) {
      [digest] = root.digests;
      if (root.level === 0) break;
      [root] = root.children;
    }
    return new TreeNode(kind, root, containerDigest(kind, root?.count ?? 0, digest));
  }

  #close(level: number): void {
    const chunk = new Chunk(level, this.#level(level));
    this.#levels[level] = makeOpen();
    const digests = [chunkDigest(level, chunk.digests)];
    this.addRun(level + 1, { keys: chunk.keys.slice(-1), items: [chunk], digests });
  }

  #level(level: number): OpenChunk {
    return (this.#levels[level] ??= makeOpen());
  }
}

function makeOpen(): OpenChunk {
  return { keys: [], items: [], digests: [] };
}

/** Whether a chunk ends with its `held`th item, whose digest this is. */
function endsAt(held: number, digest: Digest): boolean {
  return held === CHUNK_ITEMS_MAX || (held >= CHUNK_ITEMS_MIN && isBoundary(digest));
}

/** `list` with more behind it; a copy of exact size where it was empty. */
function joined<T>(list: T[], more: readonly T[], from: number, to: number): T[] {
  if (list.length === 0) return more.slice(from, to);
  for (let i = from; i < to && i < more.length; i += 1) list.push(more[i] as T); // `i` is inside
  return list;
}
