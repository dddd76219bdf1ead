import type { StorageMetrics } from '../metrics/log-metrics.ts';
import type { StorageError } from './storage-error.ts';

/**
 * Where a database keeps its history: an append-only log of opaque records with an offset each, and snapshots that
 * stand for every record before an offset. Offsets are consecutive from 0 and never used twice.
 */
export interface Storage {
  /**
   * Reads back what is stored, once, before anything is appended: the newest sound snapshot, then each record from its
   * offset on, in order. A torn tail (a record that was never acknowledged) is cut off.
   * @throws {StorageError} `storage/corrupt` naming file and byte when acknowledged bytes are damaged.
   */
  recover(visitor: RecoveryVisitor): Promise<RecoveryReport>;

  /**
   * Queues a copy of the record and gives its offset. Never blocks; durability is reported by `whenDurable`.
   * @throws {StorageError} `storage/overloaded` while `writable` is false, `storage/record-too-large`,
   * `storage/write-failed` after a write failed, `storage/closed`; then nothing was queued.
   */
  append(record: Uint8Array): bigint;

  /**
   * Whether the next `append` in this turn is taken: false while the bytes that wait to become durable reach the
   * storage's limit, and for good after a failure or a close. Ask before a transaction, not after it.
   */
  readonly writable: boolean;

  /**
   * Why nothing can be written any more, once a write has failed: what is not durable by then never will be, and
   * whoever waits for it has been told.
   */
  readonly failure: StorageError | undefined;

  /**
   * Resolves when `writable` is true.
   * @throws {StorageError} `storage/write-failed` or `storage/closed` when it will not be true again.
   */
  whenWritable(): Promise<void>;

  /** The number of records that are durable: every offset below it survives a power loss. */
  readonly durableOffset: bigint;

  /**
   * Resolves when the record at `offset` and all before it are durable.
   * @throws {StorageError} `storage/write-failed` when they will never be (a full disk, an input-output error); the
   * storage then refuses further appends.
   */
  whenDurable(offset: bigint): Promise<void>;

  /**
   * Writes a snapshot that stands for all records below `offset`, then drops log segments and snapshots it makes
   * needless. The chunks are pulled in bounded steps so that appends go on meanwhile. Called in the turn in which
   * `offset` is the next one, it also frees every record below it. A failure leaves log and earlier snapshot in force.
   * @throws {StorageError} `storage/write-failed`, `storage/closed`; what the iterable throws.
   */
  writeSnapshot(offset: bigint, chunks: Iterable<Uint8Array>): Promise<void>;

  /** What writing to the disk took; absent where nothing is written. */
  readonly metrics?: StorageMetrics | undefined;

  /** Bytes kept for the log and for snapshots; what the snapshot policy decides by. */
  readonly usage: StorageUsage;

  /**
   * Makes everything appended durable, then releases files. Idempotent.
   * @throws {StorageError} `storage/write-failed` when something appended is not durable; files are released all the same.
   */
  close(): Promise<void>;
}

/** Receives what is stored, in order. */
export interface RecoveryVisitor {
  /** Called at most once, before any record; chunks arrive exactly as they were written. */
  snapshot(offset: bigint, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** The bytes are good until it returns: what keeps some of them copies these. */
  record(offset: bigint, record: Uint8Array): void;
}

export interface RecoveryReport {
  /** Offset the next record will get. */
  readonly nextOffset: bigint;
  readonly snapshotOffset: bigint | undefined;
  readonly records: number;
  /** Bytes of a torn, never acknowledged tail that were cut off. */
  readonly tornBytes: number;
}

export interface StorageUsage {
  readonly logBytes: number;
  readonly snapshotBytes: number;
}
