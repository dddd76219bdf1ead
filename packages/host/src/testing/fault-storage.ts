import { assert, unreachable } from '../assert.ts';
import type { Timers } from '../clock/clock.ts';
import { createMemoryStorage, type MemoryContents } from '../storage/memory-storage.ts';
import { makeClosedError, makeOverloadedError, StorageError } from '../storage/storage-error.ts';
import type { RecoveryReport, RecoveryVisitor, Storage, StorageUsage } from '../storage/storage.ts';
import { Gate } from './gate.ts';
import type { RecordFate, StorageFaults } from './storage-faults.ts';

/** Bytes that may wait to become durable, as with a disk. */
const UNDURABLE_BYTES_MAX = 64 * 1024 * 1024;

interface PendingRecord {
  readonly offset: bigint;
  readonly bytes: number;
  /** Whether the device has had its time for it; durable when all before it are. */
  isWritten: boolean;
}

/**
 * A storage in memory that behaves as a disk may: slow, full, broken, or gone with its process at a chosen moment.
 * `contents` is what survives the process.
 *
 * Invariants:
 * - Records become durable in order.
 * - After `kill`, `contents` hold what was durable and nothing changes them any more.
 * - Once a record was lost, none after it becomes durable.
 */
export class FaultStorage implements Storage {
  readonly contents: MemoryContents;
  readonly #inner: Storage;
  readonly #faults: StorageFaults;
  readonly #timers: Timers;
  readonly #onKill: () => void;
  readonly #gate: Gate = new Gate();
  #pending: PendingRecord[] = [];
  #pendingBytes = 0;
  #durableOffset = 0n;
  #state: 'open' | 'killed' | 'closed' = 'open';
  /** Whether slowness and frost do not count: nobody could move the clock while a process starts, or its test ends. */
  #isPrompt = false;
  #failure: StorageError | undefined;

  /** `onKill` is told when a fault that was asked for ends the process, in the turn in which it does. */
  constructor(
    contents: MemoryContents,
    options: { readonly faults: StorageFaults; readonly timers: Timers; readonly onKill: () => void },
  ) {
    this.contents = contents;
    this.#inner = createMemoryStorage({ contents });
    this.#faults = options.faults;
    this.#timers = options.timers;
    this.#onKill = options.onKill;
  }

  async recover(visitor: RecoveryVisitor): Promise<RecoveryReport> {
    const report = await this.#inner.recover(visitor);
    this.#durableOffset = report.nextOffset;
    this.#faults.onRelease(() => this.#settle());
    return report;
  }

  append(record: Uint8Array): bigint {
    this.#checkWritable();
    const offset = this.#inner.append(record);
    const fate = this.#faults.nextFate(record.length);
    const pending: PendingRecord = { offset, bytes: record.length, isWritten: false };
    this.#pending.push(pending);
    this.#pendingBytes += record.length;
    this.#meet(fate, pending);
    return offset;
  }

  get failure(): StorageError | undefined {
    return this.#failure;
  }

  get writable(): boolean {
    const isHealthy = this.#state === 'open' && this.#failure === undefined;
    return isHealthy && this.#inner.writable && this.#pendingBytes < UNDURABLE_BYTES_MAX;
  }

  async whenWritable(): Promise<void> {
    await this.#gate.until(() => {
      this.#throwIfOver();
      return this.writable;
    });
  }

  get durableOffset(): bigint {
    return this.#durableOffset;
  }

  async whenDurable(offset: bigint): Promise<void> {
    assert(offset >= 0n && offset < this.#durableOffset + BigInt(this.#pending.length), 'the record was appended');
    await this.#gate.until(() => {
      if (offset < this.#durableOffset) return true;
      this.#throwIfOver();
      return false;
    });
  }

  /** A snapshot stands for records that are durable: it waits until they are. */
  async writeSnapshot(offset: bigint, chunks: Iterable<Uint8Array>): Promise<void> {
    this.#checkWritable();
    await this.#gate.until(() => {
      this.#throwIfOver();
      return this.#durableOffset >= offset;
    });
    await this.#inner.writeSnapshot(offset, chunks);
  }

  get usage(): StorageUsage {
    return this.#inner.usage;
  }

  /** Ends what `hurry` began: from now on it is as slow or frozen as the test says. */
  stopHurrying(): void {
    this.#isPrompt = false;
  }

  /** Makes durable what waits and whatever is written from now on, at once. */
  hurry(): void {
    this.#isPrompt = true;
    this.#finishAll();
  }

  /** Makes durable what waits, unless the storage failed or its process was killed: that is what the test asked for. */
  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.hurry();
      this.#state = 'closed';
    }
    this.#gate.open();
    await this.#inner.close();
  }

  /** Ends the process that this storage belongs to: what is durable now is all there will be. */
  kill(): void {
    if (this.#state !== 'open') return;
    this.#state = 'killed';
    const kept = Number(this.#durableOffset) - this.contents.firstOffset;
    this.contents.records.length = Math.min(this.contents.records.length, Math.max(0, kept));
    this.#failure ??= makeKilledError();
    // A snapshot that is on its way must not come through any more.
    void this.#inner.close();
    this.#gate.open();
    this.#onKill();
  }

  #meet(fate: RecordFate, record: PendingRecord): void {
    switch (fate.type) {
      case 'write':
        if (fate.delayMicros === 0n || this.#isPrompt) this.#finish(record);
        else this.#timers.after(Number(fate.delayMicros) / 1000, () => this.#finish(record));
        return;
      case 'fail':
        // As a disk does: the commit is made, and its failure turns out later.
        queueMicrotask(() => this.#fail(makeInjectedError(fate.reason, record.offset)));
        return;
      case 'kill-before':
        this.kill();
        return;
      case 'kill-after':
        this.#finishAll();
        this.kill();
        return;
      default:
        unreachable(fate);
    }
  }

  #finishAll(): void {
    for (const record of this.#pending) record.isWritten = true;
    this.#settle({ isForced: true });
  }

  #finish(record: PendingRecord): void {
    record.isWritten = true;
    this.#settle();
  }

  #settle({ isForced = false }: { readonly isForced?: boolean } = {}): void {
    if (this.#state !== 'open' || this.#failure !== undefined) return;
    if (this.#faults.isHeld && !isForced && !this.#isPrompt) return;
    for (;;) {
      const [first] = this.#pending;
      if (first === undefined || !first.isWritten) break;
      this.#pending.shift();
      this.#pendingBytes -= first.bytes;
      this.#durableOffset = first.offset + 1n;
    }
    this.#gate.open();
  }

  #fail(error: StorageError): void {
    if (this.#state !== 'open' || this.#failure !== undefined) return;
    this.#failure = error;
    this.#gate.open();
  }

  #checkWritable(): void {
    this.#throwIfOver();
    if (this.#pendingBytes >= UNDURABLE_BYTES_MAX) throw makeOverloadedError(this.#pendingBytes, UNDURABLE_BYTES_MAX);
  }

  #throwIfOver(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state === 'closed') throw makeClosedError();
  }
}

function makeInjectedError(reason: string, offset: bigint): StorageError {
  return new StorageError({
    code: 'storage/write-failed',
    message: `Record ${offset} could not be written: ${reason}. The test asked for this.`,
    details: { offset, reason },
  });
}

function makeKilledError(): StorageError {
  return new StorageError({
    code: 'storage/write-failed',
    message:
      'The process of this database was killed, as the test asked. Call restart() to go on with what was durable.',
  });
}
