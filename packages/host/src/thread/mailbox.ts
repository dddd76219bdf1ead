import type { Transferable } from 'node:worker_threads';

/** What a batch is posted through: one end of a `MessagePort`, or a worker. */
export interface PostTarget {
  postMessage(value: unknown, transfer: readonly Transferable[]): void;
}

/** Payloads up to this size share a buffer with others of their batch; larger ones travel in one of their own. */
const SHARED_PAYLOAD_BYTES_MAX = 32 * 1024;

/** Size of a shared buffer. The first of a batch is smaller: most batches are. */
const SLAB_BYTES = 128 * 1024;
const FIRST_SLAB_BYTES = 8 * 1024;

/** A batch with more bytes than this leaves at once. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;

/** A batch with more items than this leaves at once. */
const BATCH_ITEMS_MAX = 4_096;

/**
 * Collects what one side of a thread has to tell the other, and posts it as one message per turn, in order. Bytes are
 * copied once, into buffers that are transferred with the batch.
 */
export class Mailbox<Item> {
  readonly #target: PostTarget;
  readonly #schedule: (flush: () => void) => void;
  #items: Item[] = [];
  #buffers: ArrayBuffer[] = [];
  #slab: Uint8Array | undefined;
  #slabUsed = 0;
  #bytes = 0;
  #isScheduled = false;
  #isClosed = false;

  /** `schedule` runs its argument at the end of the turn. */
  constructor(target: PostTarget, schedule: (flush: () => void) => void) {
    this.#target = target;
    this.#schedule = schedule;
  }

  /** Queues an item, whose bytes come from `copy`. */
  push(item: Item): void {
    if (this.#isClosed) return;
    this.#items.push(item);
    if (this.#bytes > BATCH_BYTES_MAX || this.#items.length > BATCH_ITEMS_MAX) {
      this.flush();
    } else if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#schedule(() => {
        this.#isScheduled = false;
        this.flush();
      });
    }
  }

  /** The chunks as one array, in a buffer that leaves with the next item. */
  copy(chunks: readonly Uint8Array[]): Uint8Array {
    let length = 0;
    for (const chunk of chunks) length += chunk.length;
    const target = this.#allocate(length);
    let at = 0;
    for (const chunk of chunks) {
      target.set(chunk, at);
      at += chunk.length;
    }
    this.#bytes += length;
    return target;
  }

  /** Posts what is queued, now. */
  flush(): void {
    if (this.#items.length === 0 || this.#isClosed) return;
    const items = this.#items;
    const buffers = this.#buffers;
    this.#items = [];
    this.#buffers = [];
    this.#slab = undefined;
    this.#bytes = 0;
    this.#target.postMessage(items, buffers);
  }

  /** Forgets what is queued and takes nothing any more. */
  close(): void {
    this.#isClosed = true;
    this.#items = [];
    this.#buffers = [];
  }

  #allocate(length: number): Uint8Array {
    if (length > SHARED_PAYLOAD_BYTES_MAX) return this.#own(length);
    if (this.#slab === undefined || this.#slabUsed + length > this.#slab.length) {
      this.#slab = this.#own(this.#slab === undefined && length <= FIRST_SLAB_BYTES ? FIRST_SLAB_BYTES : SLAB_BYTES);
      this.#slabUsed = 0;
    }
    const start = this.#slabUsed;
    this.#slabUsed += length;
    return this.#slab.subarray(start, this.#slabUsed);
  }

  #own(length: number): Uint8Array {
    const buffer = new ArrayBuffer(length);
    this.#buffers.push(buffer);
    return new Uint8Array(buffer);
  }
}
