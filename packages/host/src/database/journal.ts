import { assert } from '../assert.ts';
import { errorMessage, HostError } from '../errors.ts';
import { StorageError } from '../storage/storage-error.ts';
import type { DatabaseMetrics } from '../metrics/database-metrics.ts';
import type { Storage, StorageUsage } from '../storage/storage.ts';

/** When to write a snapshot: start-up must cost by the data that is there, not by how much ever happened. */
export interface SnapshotPolicy {
  /** No snapshot before this many bytes of records since the last one. */
  readonly logBytesMin: number;
  /** And not before this many times the bytes of the last snapshot. */
  readonly logBytesPerSnapshotByte: number;
}

/** A start replays at most these bytes of records beside twice the live data. */
export const DEFAULT_SNAPSHOT_POLICY: SnapshotPolicy = { logBytesMin: 64 * 1024 * 1024, logBytesPerSnapshotByte: 2 };

/** Somebody keeps all others from writing. */
interface Hold {
  readonly reason: string;
  readonly ended: Promise<void>;
}

/** What a journal is made of. */
export interface JournalOptions {
  readonly storage: Storage;
  readonly metrics: Pick<DatabaseMetrics, 'nowMs' | 'journal'>;
  readonly policy: SnapshotPolicy;
  readonly nextOffset: bigint;
  /** Bytes of records since the last snapshot. */
  readonly logBytes: number;
  /** The chunks of a snapshot of the state as of the call. */
  readonly snapshotChunks: () => Iterable<Uint8Array>;
  /** Told once, outside of transactions, when the storage failed for good: what is not durable then never will be. */
  readonly onFailure: (error: HostError) => void;
  /** Told after `durableOffset` grew. */
  readonly onDurable: () => void;
  readonly warn: (message: string) => void;
}

/**
 * Writes a database's records and snapshots.
 *
 * Invariants:
 * - Once a write has failed, nothing is appended any more.
 * - At most one snapshot is being written.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #storage: Storage;
  #nextOffset: bigint;
  #logBytes: number;
  #failure: HostError | undefined;
  #isWatching = false;
  #isClosed = false;
  #snapshotting: Promise<void> | undefined;
  #hold: Hold | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#storage = options.storage;
    this.#nextOffset = options.nextOffset;
    this.#logBytes = options.logBytes;
  }

  /** Offset that the next record gets. */
  get nextOffset(): bigint {
    return this.#nextOffset;
  }

  get durableOffset(): bigint {
    return this.#storage.durableOffset;
  }

  get usage(): StorageUsage {
    return this.#storage.usage;
  }

  /** Why nothing can be written any more, if so. */
  get failure(): HostError | undefined {
    this.#noticeIdleFailure();
    return this.#failure;
  }

  /** Whether a record may be appended now. */
  get canAppend(): boolean {
    return this.#hold === undefined && this.failure === undefined && !this.#isClosed && this.#storage.writable;
  }

  /** Why nothing may be appended while somebody holds the journal. */
  get heldFor(): string | undefined {
    return this.#hold?.reason;
  }

  /**
   * Keeps everybody else from appending, and snapshots from being taken, until the returned function is called. At most
   * one holds it. What it was held for is in the error of those who would write meanwhile.
   */
  hold(reason: string): () => void {
    assert(this.#hold === undefined, 'the journal is held by one at a time');
    let end: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const hold: Hold = { reason, ended };
    this.#hold = hold;
    return () => {
      if (this.#hold !== hold) return;
      this.#hold = undefined;
      end?.();
    };
  }

  /** Resolves when everything appended so far is durable. @throws {StorageError} when it never will be */
  async settle(): Promise<void> {
    if (this.#nextOffset > this.durableOffset) await this.whenDurable(this.#nextOffset - 1n);
  }

  /** Appends a record, copying it. @throws {HostError} only when `canAppend` is false or the record is too large. */
  append(record: Uint8Array): bigint {
    const offset = this.#storage.append(record);
    this.#nextOffset = offset + 1n;
    this.#logBytes += record.length;
    this.#options.metrics.journal.recordBytes += record.length;
    this.#watch();
    return offset;
  }

  /** @throws {StorageError} when it never will be; `failure` says so by then. */
  async whenDurable(offset: bigint): Promise<void> {
    assert(offset >= 0n && offset < this.#nextOffset, 'whenDurable is asked of a record that was appended');
    await this.#orFail(() => this.#storage.whenDurable(offset));
  }

  /** Resolves when `canAppend` is true again. @throws {StorageError} when it never will be; `failure` says so by then. */
  async whenWritable(): Promise<void> {
    while (this.#hold !== undefined) await this.#hold.ended;
    await this.#orFail(() => this.#storage.whenWritable());
  }

  /** Stops all writing. To be called outside of transactions. */
  fail(error: HostError): void {
    if (this.#failure !== undefined || this.#isClosed) return;
    this.#failure = error;
    this.#options.onFailure(error);
  }

  /** Begins a snapshot when enough was logged since the last. Called between transactions. */
  snapshotIfDue(): void {
    const { logBytesMin, logBytesPerSnapshotByte } = this.#options.policy;
    if (this.#logBytes < logBytesMin || this.#snapshotting !== undefined || !this.canAppend) return;
    if (this.#logBytes < this.#storage.usage.snapshotBytes * logBytesPerSnapshotByte) return;
    this.snapshot().catch((error: unknown) => {
      // The log is still whole: the next one comes after as many bytes again.
      this.#options.warn(`writing a snapshot failed, the log goes on without it: ${errorMessage(error)}`);
    });
  }

  /** Writes a snapshot of the present state. Resolves when it is durable. */
  async snapshot(): Promise<void> {
    // Without a wait where there is none to wait for: whoever asks next in this turn finds that one is being written.
    while (this.#snapshotting !== undefined || this.#hold !== undefined) {
      await (this.#snapshotting ?? this.#hold?.ended);
    }
    const { nowMs, journal } = this.#options.metrics;
    const startMs = nowMs();
    const logBytes = this.#logBytes;
    this.#logBytes = 0;
    // Both in one turn: the chunks are of the state before the record that gets this offset.
    const written = this.#storage.writeSnapshot(this.#nextOffset, this.#options.snapshotChunks());
    this.#snapshotting = written.then(
      () => undefined,
      () => undefined,
    );
    try {
      await written;
      journal.snapshotSeconds.observe((nowMs() - startMs) / 1000);
    } catch (error) {
      journal.snapshotFailures += 1;
      // The retry waits for the minimum again, and the bytes are not forgotten for the ratio.
      this.#logBytes += Math.min(logBytes, this.#options.policy.logBytesMin / 2);
      throw error;
    } finally {
      this.#snapshotting = undefined;
    }
  }

  /** Makes everything durable and gives up the storage. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#snapshotting;
    await this.#storage.close();
  }

  /** Learns of a failed write as soon as the storage knows: one waiter at a time stands for all records before it. */
  #watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    const offset = this.#nextOffset - 1n;
    this.whenDurable(offset).then(
      () => {
        this.#isWatching = false;
        this.#options.onDurable();
        if (this.#nextOffset - 1n > offset && !this.#isClosed) this.#watch();
      },
      // By now `fail` was called with the reason.
      () => undefined,
    );
  }

  /** A storage that does not do what it promised, a bug of it included, is one that failed. */
  async #orFail(wait: () => Promise<void>): Promise<void> {
    try {
      await wait();
    } catch (error) {
      this.fail(toFailure(error));
      throw error;
    }
  }

  /** Of a failure while nothing waits to be durable nobody is told; then there is nothing to take back either. */
  #noticeIdleFailure(): void {
    if (this.#failure !== undefined || this.#storage.failure === undefined) return;
    if (this.#storage.durableOffset >= this.#nextOffset) this.fail(toFailure(this.#storage.failure));
  }
}

/** An error that says what it means for the database that a write failed. */
export function toFailure(error: unknown): HostError {
  const advice = error instanceof StorageError ? '' : '. Open the database again';
  return new HostError({
    code: 'database/read-only',
    message: `the database takes no more writes; reads go on. ${errorMessage(error)}${advice}`,
    details: error instanceof StorageError ? error.details : {},
    cause: error,
  });
}
