/**
 * Cuts a stream of items into chunks, as hash/tree-digest.ts defines it, and reuses chunks of an older tree.
 *
 * Invariants:
 * - Whatever is reused, the chunks are those that the same items would give from nothing.
 * - A chunk can be taken over as it is only while no level up to its own has an open chunk (`isClean`).
 */
import type { Digest } from '../../hash/digest.ts';
import { DIGEST_BYTES } from '../../hash/sha256.ts';
import { CHUNK_ITEMS_MAX, CHUNK_ITEMS_MIN, chunkDigest, containerDigest, isBoundary } from '../../hash/tree-digest.ts';
import { assert } from '../../assert.ts';
import { Chunk, type ItemRun } from './chunk.ts';
import { TreeNode, type Slot } from './slot.ts';
import { treeWork } from './work.ts';

const NO_CHILDREN: readonly Chunk[] = [];

/** Items of one level, to be put into chunks: an old chunk's, or new ones. */
interface Items extends ItemRun {
  readonly children?: readonly Chunk[] | undefined;
}

/** The chunk of one level that still takes items. */
class OpenChunk {
  keys: string[] = [];
  slots: Slot[] = [];
  children: Chunk[] = [];
  digests: Digest[] = [];

  get held(): number {
    return this.digests.length;
  }

  /** Whether the chunk ends after the item it took last. */
  get isFull(): boolean {
    const held = this.digests.length;
    return endsAt(held, this.digests[held - 1] as Digest); // full or not is asked of chunks that hold something
  }

  /** Takes items from `from` on, and stops when the chunk is full; returns where it stopped. */
  takeRun(items: Items, from: number, to: number): number {
    const { digests } = items;
    let end = from; // [from, to) lies inside
    let held = this.digests.length;
    do {
      end += 1;
      held += 1;
    } while (end < to && !endsAt(held, digests[end - 1] as Digest));
    this.digests = joined(this.digests, digests, from, end);
    this.keys = joined(this.keys, items.keys, from, end);
    this.slots = joined(this.slots, items.slots, from, end);
    this.children = joined(this.children, items.children ?? NO_CHILDREN, from, end);
    return end;
  }

  toChunk(level: number): Chunk {
    return new Chunk({ level, keys: this.keys, slots: this.slots, children: this.children, digests: this.digests });
  }

  /** Begins the next chunk; the lists of the last one are the chunk's now. */
  clear(): void {
    this.keys = [];
    this.slots = [];
    this.children = [];
    this.digests = [];
  }
}

/** Whether a chunk ends with its `held`th item, whose digest this is. */
function endsAt(held: number, digest: Digest): boolean {
  return held === CHUNK_ITEMS_MAX || (held >= CHUNK_ITEMS_MIN && isBoundary(digest));
}

/** `list` with more behind it; a copy of exact size where it was empty. */
function joined<T>(list: T[], more: readonly T[], from: number, to: number): T[] {
  if (more.length === 0) return list;
  if (list.length === 0) return more.slice(from, to);
  for (let i = from; i < to; i += 1) list.push(more[i] as T); // `i` is inside
  return list;
}

/** Builds one container. Give it the items in order, then call `finish` once. */
export class ChunkBuilder {
  readonly #levels: OpenChunk[] = [];

  /** Whether no level from 0 to this one has an open chunk. */
  isClean(level: number): boolean {
    for (let i = 0; i <= level && i < this.#levels.length; i += 1) {
      if (this.#levels[i]?.held !== 0) return false;
    }
    return true;
  }

  /** Adds the items [from, to) of a level: elements or entries to level 0, whole chunks to any other. */
  addRun(level: number, items: Items, from: number, to: number): void {
    assert(level === 0 || this.isClean(level - 1), 'a chunk is taken over only where one begins');
    const open = this.#level(level);
    let at = from;
    while (at < to) {
      at = open.takeRun(items, at, to);
      if (open.isFull) this.#close(level);
    }
  }

  /** The container of all the items that were added. */
  finish(kind: 'array' | 'object'): TreeNode {
    const top = this.#closeAll();
    let root = top.chunk;
    let digest = top.digest;
    while (root !== undefined && root.level > 0 && root.children.length === 1) {
      [digest] = root.digests;
      root = root.children[0];
    }
    if (root !== undefined && root.count === 1) [digest] = root.digests;
    return new TreeNode(kind, root, containerDigest(kind, root?.count ?? 0, digest));
  }

  /** Closes from the bottom up, until one chunk is left. */
  #closeAll(): { readonly chunk: Chunk | undefined; readonly digest: Digest | undefined } {
    for (let level = 0; level < this.#levels.length; level += 1) {
      const open = this.#level(level);
      if (open.held === 0) continue;
      const isTop = this.#levels.every((other, index) => index <= level || other.held === 0);
      if (isTop && open.held === 1) {
        return { chunk: open.children[0] ?? open.toChunk(0), digest: open.digests[0] };
      }
      this.#close(level);
    }
    return { chunk: undefined, digest: undefined };
  }

  #close(level: number): void {
    const open = this.#level(level);
    const chunk = open.toChunk(level);
    const digest = chunkDigest(level, chunk.digests);
    treeWork.chunksHashed += 1;
    treeWork.bytesHashed += open.held * DIGEST_BYTES;
    open.clear();
    this.#addChild(chunk, digest);
  }

  #addChild(chunk: Chunk, digest: Digest): void {
    const parent = this.#level(chunk.level + 1);
    parent.children.push(chunk);
    parent.digests.push(digest);
    const lastKey = chunk.keys.at(-1);
    if (lastKey !== undefined) parent.keys.push(lastKey);
    if (parent.isFull) this.#close(chunk.level + 1);
  }

  #level(level: number): OpenChunk {
    while (this.#levels.length <= level) this.#levels.push(new OpenChunk());
    const open = this.#levels[level];
    assert(open !== undefined, 'the level is open');
    return open;
  }
}
