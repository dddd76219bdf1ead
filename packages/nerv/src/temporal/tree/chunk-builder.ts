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

const NO_KEYS: readonly string[] = [];
const NO_SLOTS: readonly Slot[] = [];
const NO_CHILDREN: readonly Chunk[] = [];

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
    return held === CHUNK_ITEMS_MAX || (held >= CHUNK_ITEMS_MIN && isBoundary(this.digests[held - 1] ?? ''));
  }

  /** Takes items from `at` on, and stops when the chunk is full; returns where it stopped. */
  takeRun(run: ItemRun, from: number, to: number): number {
    const isKeyed = run.keys.length > 0;
    let at = from;
    do {
      this.digests.push(run.digests[at] ?? '');
      this.slots.push(run.slots[at] as Slot); // `at` is inside the run
      if (isKeyed) this.keys.push(run.keys[at] ?? '');
      at += 1;
    } while (at < to && !this.isFull);
    return at;
  }

  toChunk(level: number): Chunk {
    return new Chunk({
      level,
      keys: this.keys.length > 0 ? this.keys : NO_KEYS,
      slots: level === 0 ? this.slots : NO_SLOTS,
      children: level === 0 ? NO_CHILDREN : this.children,
      digests: this.digests,
    });
  }

  /** Begins the next chunk; the lists of the last one are the chunk's now. */
  clear(): void {
    this.keys = [];
    this.slots = [];
    this.children = [];
    this.digests = [];
  }
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

  /** Adds the items [from, to) of a run. */
  addRun(run: ItemRun, from: number, to: number): void {
    const open = this.#level(0);
    let at = from;
    while (at < to) {
      at = open.takeRun(run, at, to);
      if (open.isFull) this.#close(0);
    }
  }

  /** Takes over a chunk as it is. */
  addChunk(chunk: Chunk, digest: Digest): void {
    assert(this.isClean(chunk.level), 'a chunk is taken over only where one begins');
    this.#addChild(chunk, digest);
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
