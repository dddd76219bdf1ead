import { assert } from '../assert.ts';
import { makeClosedError } from './storage-error.ts';
import type { RecoveryReport, RecoveryVisitor, Storage, StorageUsage } from './storage.ts';

/** What a memory storage holds. Outlives the storage that fills it, so that another can be opened on it. */
export interface MemoryContents {
  snapshot: { readonly offset: number; readonly chunks: readonly Uint8Array[] } | undefined;
  /** Offset of `records[0]`. */
  firstOffset: number;
  records: Uint8Array[];
}

/** How a memory storage behaves. */
export interface MemoryStorageOptions {
  /** What to open; default: nothing. */
  readonly contents?: MemoryContents | undefined;
  /**
   * Whether records and snapshots are kept, to be opened again. Default true. Without, only offsets are counted, and
   * memory does not grow: for a database that ends with its process.
   */
  readonly keep?: boolean | undefined;
}

/** Contents with nothing in them. */
export function makeMemoryContents(): MemoryContents {
  return { snapshot: undefined, firstOffset: 0, records: [] };
}

/** The same contents, apart from now on. Records are shared, since they never change. */
export function forkMemoryContents({ snapshot, firstOffset, records }: MemoryContents): MemoryContents {
  return { snapshot, firstOffset, records: [...records] };
}

/** A storage in memory. What is appended counts as durable at once: there is no power loss that memory survives. */
export function createMemoryStorage(options: MemoryStorageOptions = {}): Storage {
  return new MemoryStorage(options.contents ?? makeMemoryContents(), options.keep ?? true);
}

class MemoryStorage implements Storage {
  readonly #contents: MemoryContents;
  readonly #keep: boolean;
  #nextOffset: number = 0;
  #logBytes: number = 0;
  #isRecovered: boolean = false;
  #isClosed: boolean = false;
  #lastSnapshot: Promise<void> = Promise.resolve();

  constructor(contents: MemoryContents, keep: boolean) {
    this.#contents = contents;
    this.#keep = keep;
  }

  async recover(visitor: RecoveryVisitor): Promise<RecoveryReport> {
    assert(!this.#isRecovered, 'a storage is recovered once');
    if (this.#isClosed) throw makeClosedError();
    const { snapshot, firstOffset, records } = this.#contents;
    if (snapshot !== undefined) await visitor.snapshot(BigInt(snapshot.offset), replayChunks(snapshot.chunks));
    for (const [index, record] of records.entries()) visitor.record(BigInt(firstOffset + index), record);
    this.#nextOffset = firstOffset + records.length;
    this.#logBytes = sumBytes(records);
    this.#isRecovered = true;
    return {
      nextOffset: BigInt(this.#nextOffset),
      snapshotOffset: snapshot && BigInt(snapshot.offset),
      records: records.length,
      tornBytes: 0,
    };
  }

  append(record: Uint8Array): bigint {
    this.#checkOpen();
    if (this.#keep) this.#contents.records.push(record.slice());
    this.#logBytes += this.#keep ? record.length : 0;
    return BigInt(this.#nextOffset++);
  }

  /** Memory does not fail. */
  get failure(): undefined {
    return undefined;
  }

  get writable(): boolean {
    return this.#isRecovered && !this.#isClosed;
  }

  async whenWritable(): Promise<void> {
    this.#checkOpen();
  }

  get durableOffset(): bigint {
    return BigInt(this.#nextOffset);
  }

  async whenDurable(offset: bigint): Promise<void> {
    assert(offset >= 0n && offset < BigInt(this.#nextOffset), 'whenDurable is asked of a record that was appended');
  }

  writeSnapshot(offset: bigint, chunks: Iterable<Uint8Array>): Promise<void> {
    this.#checkOpen();
    const at = Number(offset);
    assert(at <= this.#nextOffset, 'a snapshot stands for records that were appended');
    const written = this.#lastSnapshot.then(() => this.#writeSnapshot(at, chunks));
    // Each caller hears of its own snapshot; the next one is written in any case.
    this.#lastSnapshot = written.catch(() => undefined);
    return written;
  }

  get usage(): StorageUsage {
    return { logBytes: this.#logBytes, snapshotBytes: sumBytes(this.#contents.snapshot?.chunks ?? []) };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#lastSnapshot;
  }

  async #writeSnapshot(offset: number, chunks: Iterable<Uint8Array>): Promise<void> {
    if (this.#isClosed) throw makeClosedError();
    assert(offset >= (this.#contents.snapshot?.offset ?? 0), 'a snapshot is not older than the one before it');
    if (!this.#keep) return;
    const copies = Array.from(chunks, (chunk) => chunk.slice());
    const dropped = this.#contents.records.splice(0, Math.max(0, offset - this.#contents.firstOffset));
    this.#contents.firstOffset += dropped.length;
    this.#contents.snapshot = { offset, chunks: copies };
    this.#logBytes -= sumBytes(dropped);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw makeClosedError();
    assert(this.#isRecovered, 'a storage is recovered before it is used');
  }
}

async function* replayChunks(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
}

function sumBytes(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
