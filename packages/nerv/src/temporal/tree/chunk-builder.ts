/**
 * Cuts a stream of items into chunks, as hash/tree-digest.ts defines it, and reuses chunks of an older tree.
 *
 * Invariants:
 * - Whatever is reused, the chunks are those that the same items would give from nothing.
 * - A chunk can be taken over as it is only while no level up to its own has an open chunk (`isClean`).
 */
import { DIGEST_BYTES } from '../../hash/sha256.ts';
import { CHUNK_ITEMS_MAX, CHUNK_ITEMS_MIN, containerDigest, isBoundary, writeChunkDigest } from '../../hash/tree-digest.ts';
import { assert } from '../../assert.ts';
import { Chunk, type ItemRun } from './chunk.ts';
import { TreeNode, type Slot } from './slot.ts';
import { treeWork } from './work.ts';

const SPARE_LIMIT = 16;
const NO_KEYS: readonly string[] = [];
const NO_SLOTS: readonly Slot[] = [];
const NO_CHILDREN: readonly Chunk[] = [];

/** Open chunks that are not in use: their buffers are the only large allocation of an edit. */
const spares: OpenChunk[] = [];

/** The chunk of one level that still takes items. */
class OpenChunk {
  keys: string[] = [];
  slots: Slot[] = [];
  children: Chunk[] = [];
  held = 0;
  readonly digests = new Uint8Array(CHUNK_ITEMS_MAX * DIGEST_BYTES);

  clear(): void {
    this.keys = [];
    this.slots = [];
    this.children = [];
    this.held = 0;
  }

  /** Whether the chunk ends after the item it took last. */
  get isFull(): boolean {
    if (this.held === CHUNK_ITEMS_MAX) return true;
    return this.held >= CHUNK_ITEMS_MIN && isBoundary(this.digests[(this.held - 1) * DIGEST_BYTES] ?? 0);
  }

  /** Takes items from `at` on, and stops when the chunk is full; returns where it stopped. */
  takeRun(run: ItemRun, at: number, to: number): number {
    let end = at;
    let held = this.held;
    do {
      held += 1;
      end += 1;
    } while (end < to && held < CHUNK_ITEMS_MAX && !(held >= CHUNK_ITEMS_MIN && isBoundary(run.digests[(end - 1) * DIGEST_BYTES] ?? 0)));
    this.digests.set(run.digests.subarray(at * DIGEST_BYTES, end * DIGEST_BYTES), this.held * DIGEST_BYTES);
    for (let i = at; i < end; i += 1) this.slots.push(run.slots[i] as Slot); // `i` is inside the run
    if (run.keys.length > 0) for (let i = at; i < end; i += 1) this.keys.push(run.keys[i] ?? '');
    this.held = held;
    return end;
  }

  toChunk(level: number): Chunk {
    return new Chunk({
      level,
      keys: this.keys.length > 0 ? this.keys : NO_KEYS,
      slots: level === 0 ? this.slots : NO_SLOTS,
      children: level === 0 ? NO_CHILDREN : this.children,
      digests: this.digests.slice(0, this.held * DIGEST_BYTES),
    });
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

  /** Takes over a chunk as it is; its digest is `digests[at..at+32)`. */
  addChunk(chunk: Chunk, digests: Uint8Array, at: number): void {
    assert(this.isClean(chunk.level), 'a chunk is taken over only where one begins');
    const open = this.#level(chunk.level + 1);
    open.digests.set(digests.subarray(at, at + DIGEST_BYTES), open.held * DIGEST_BYTES);
    this.#addChild(chunk, open);
  }

  /** The container of all the items that were added. Gives the buffers back: the builder is spent. */
  finish(kind: 'array' | 'object'): TreeNode {
    const top = this.#closeAll();
    let root = top.chunk;
    let digest = top.digest;
    while (root !== undefined && root.level > 0 && root.children.length === 1) {
      digest = root.digests;
      root = root.children[0];
    }
    if (root !== undefined && root.count === 1) digest = root.digests;
    const node = new TreeNode(kind, root, containerDigest(kind, root?.count ?? 0, digest));
    for (const open of this.#levels) {
      open.clear();
      if (spares.length < SPARE_LIMIT) spares.push(open);
    }
    this.#levels.length = 0;
    return node;
  }

  /** Closes from the bottom up, until one chunk is left. */
  #closeAll(): { readonly chunk: Chunk | undefined; readonly digest: Uint8Array | undefined } {
    for (let level = 0; level < this.#levels.length; level += 1) {
      const open = this.#level(level);
      if (open.held === 0) continue;
      const isTop = this.#levels.every((other, index) => index <= level || other.held === 0);
      if (isTop && open.held === 1) {
        return { chunk: open.children[0] ?? open.toChunk(0), digest: open.digests.slice(0, DIGEST_BYTES) };
      }
      this.#close(level);
    }
    return { chunk: undefined, digest: undefined };
  }

  #close(level: number): void {
    const open = this.#level(level);
    const chunk = open.toChunk(level);
    const parent = this.#level(level + 1);
    writeChunkDigest(level, open.digests, open.held * DIGEST_BYTES, parent.digests, parent.held * DIGEST_BYTES);
    treeWork.chunksHashed += 1;
    treeWork.bytesHashed += open.held * DIGEST_BYTES;
    open.clear();
    this.#addChild(chunk, parent);
  }

  /** `parent.digests` already has the child's digest. */
  #addChild(chunk: Chunk, parent: OpenChunk): void {
    parent.children.push(chunk);
    const lastKey = chunk.keys.at(-1);
    if (lastKey !== undefined) parent.keys.push(lastKey);
    parent.held += 1;
    if (parent.isFull) this.#close(chunk.level + 1);
  }

  #level(level: number): OpenChunk {
    let open = this.#levels[level];
    if (open === undefined) {
      assert(level === this.#levels.length || this.#levels.length < level, 'levels open from the bottom up');
      while (this.#levels.length <= level) this.#levels.push(spares.pop() ?? new OpenChunk());
      open = this.#levels[level];
      assert(open !== undefined, 'the level was just opened');
    }
    return open;
  }
}
