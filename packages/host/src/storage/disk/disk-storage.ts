import { assert } from '../../assert.ts';
import type { Random, Timers } from '../../clock/clock.ts';
import { makeStopwatch, type Stopwatch } from '../../clock/stopwatch.ts';
import { systemClock, systemRandom, systemTimers } from '../../clock/system-clock.ts';
import { StorageMetrics } from '../../metrics/log-metrics.ts';
import type { RecoveryReport, RecoveryVisitor, Storage, StorageUsage } from '../storage.ts';
import { makeClosedError, makeCorruptError, type StorageError } from '../storage-error.ts';
import { DirectoryLayout, openDirectory, type NumberedFile } from './directory-layout.ts';
import type { FileSystem } from './file-system.ts';
import { reading, writing } from './io-error.ts';
import { recoverLog, type RecoveredLog } from './log-recovery.ts';
import { LogWriter, type LogLimits, type LogSegment } from './log-writer.ts';
import { nodeFileSystem } from './node-file-system.ts';
import { SegmentWriter } from './segment-writer.ts';
import { SnapshotReader } from './snapshot-reader.ts';
import { writeSnapshotFile } from './snapshot-writer.ts';
import { Watermark } from './watermark.ts';

const MIB = 1024 * 1024;

const DEFAULT_LIMITS: LogLimits = {
  segmentBytes: 64 * MIB,
  frameBytes: 4 * MIB,
  recordBytesMax: 256 * MIB,
  unsyncedBytesMax: 64 * MIB,
  watermarkDelayMs: 1000,
};

/** Where and how a database is stored on disk. */
export interface DiskStorageOptions extends Partial<LogLimits> {
  /** The database's own directory; made when it does not exist. Who opens it holds its lock (`lockDirectory`). */
  readonly directory: string;
  readonly fileSystem?: FileSystem | undefined;
  readonly timers?: Timers | undefined;
  readonly random?: Random | undefined;
}

/** A storage that lives in a directory. */
export interface DiskStorage extends Storage {
  readonly directory: string;
}

/**
 * Opens the database stored in a directory, or makes a new one where nothing is. Read it with `recover` first.
 * @throws {StorageError} `storage/not-a-database`, `storage/newer-version`, `storage/corrupt`, `storage/read-failed`,
 * `storage/write-failed`.
 */
export async function openDiskStorage(options: DiskStorageOptions): Promise<DiskStorage> {
  const fileSystem = options.fileSystem ?? nodeFileSystem;
  const layout = new DirectoryLayout(fileSystem, options.directory);
  const storeId = await openDirectory(fileSystem, layout, options.random ?? systemRandom);
  await layout.removeUnfinished();
  const timers = options.timers ?? systemTimers;
  const measuring = { metrics: new StorageMetrics(), nowMs: makeStopwatch(systemClock) };
  return new LogAndSnapshots({ fileSystem, layout, storeId, timers, limits: makeLimits(options), ...measuring });
}

function makeLimits(options: Partial<LogLimits>): LogLimits {
  return {
    segmentBytes: options.segmentBytes ?? DEFAULT_LIMITS.segmentBytes,
    frameBytes: options.frameBytes ?? DEFAULT_LIMITS.frameBytes,
    recordBytesMax: options.recordBytesMax ?? DEFAULT_LIMITS.recordBytesMax,
    unsyncedBytesMax: options.unsyncedBytesMax ?? DEFAULT_LIMITS.unsyncedBytesMax,
    watermarkDelayMs: options.watermarkDelayMs ?? DEFAULT_LIMITS.watermarkDelayMs,
  };
}

interface StoreContext {
  readonly fileSystem: FileSystem;
  readonly layout: DirectoryLayout;
  readonly storeId: Uint8Array;
  readonly timers: Timers;
  readonly limits: LogLimits;
  readonly metrics: StorageMetrics;
  readonly nowMs: Stopwatch;
}

/**
 * Invariants:
 * - A snapshot takes its name only after all records below its offset are durable in the log.
 * - Segments and snapshots are removed only after a newer snapshot that stands for them is durable, oldest first.
 */
class LogAndSnapshots implements DiskStorage {
  readonly directory: string;
  readonly #context: StoreContext;
  #log: LogWriter | undefined;
  #isRecovering: boolean = false;
  /** Segments before the one that is written to, by offset. */
  readonly #segments: LogSegment[] = [];
  #snapshotOffset: number = 0;
  #snapshotBytes: number = 0;
  #lastSnapshot: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;
  #durable: { readonly offset: number; readonly asBigint: bigint } = { offset: 0, asBigint: 0n };

  constructor(context: StoreContext) {
    this.#context = context;
    this.directory = context.layout.directory;
  }

  async recover(visitor: RecoveryVisitor): Promise<RecoveryReport> {
    assert(!this.#isRecovering, 'a storage is recovered once');
    if (this.#closed !== undefined) throw makeClosedError();
    this.#isRecovering = true;
    const snapshots = await this.#context.layout.listSnapshots();
    const newest = snapshots.at(-1);
    if (newest !== undefined) await this.#readSnapshot(newest, visitor);
    const recovered = await this.#readLog(newest, visitor);
    await this.#removeFiles(snapshots.slice(0, -1), this.#context.layout.snapshots);
    const { nextOffset, records, tornBytes } = recovered;
    const snapshotOffset = newest === undefined ? undefined : BigInt(newest.offset);
    return { nextOffset: BigInt(nextOffset), snapshotOffset, records, tornBytes };
  }

  get metrics(): StorageMetrics {
    return this.#context.metrics;
  }

  append(record: Uint8Array): bigint {
    return BigInt(this.#recoveredLog().append(record));
  }

  get failure(): StorageError | undefined {
    return this.#log?.failure;
  }

  get writable(): boolean {
    return this.#log?.writable ?? false;
  }

  whenWritable(): Promise<void> {
    return this.#recoveredLog().whenWritable();
  }

  get durableOffset(): bigint {
    const offset = this.#log?.durableOffset ?? 0;
    // Asked for with every message, and it changes with every sync.
    if (offset !== this.#durable.offset) this.#durable = { offset, asBigint: BigInt(offset) };
    return this.#durable.asBigint;
  }

  whenDurable(offset: bigint): Promise<void> {
    return this.#recoveredLog().whenDurable(Number(offset));
  }

  get usage(): StorageUsage {
    const before = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
    return { logBytes: before + (this.#log?.segment.bytes ?? 0), snapshotBytes: this.#snapshotBytes };
  }

  writeSnapshot(offset: bigint, chunks: Iterable<Uint8Array>): Promise<void> {
    const log = this.#recoveredLog();
    const at = Number(offset);
    assert(at <= log.nextOffset, 'a snapshot stands for records that were appended');
    if (this.#closed !== undefined) return Promise.reject(makeClosedError());
    const below = at === log.nextOffset ? log.rotate() : at === 0 ? Promise.resolve() : log.whenDurable(at - 1);
    // Awaited only when the chunks are written; until then nobody else would hear of its failure.
    below.catch(() => undefined);
    const written = this.#lastSnapshot.then(() => this.#writeSnapshot(at, chunks, below));
    // Each caller hears of its own snapshot; the next one is written in any case.
    this.#lastSnapshot = written.catch(() => undefined);
    return written;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#lastSnapshot;
    await this.#log?.close();
  }

  #recoveredLog(): LogWriter {
    if (this.#log === undefined && this.#closed !== undefined) throw makeClosedError();
    assert(this.#log !== undefined, 'a storage is recovered before it is used');
    return this.#log;
  }

  async #readSnapshot(snapshot: NumberedFile, visitor: RecoveryVisitor): Promise<void> {
    const { fileSystem, storeId } = this.#context;
    const reader = await SnapshotReader.open(fileSystem, snapshot, storeId);
    try {
      await visitor.snapshot(BigInt(snapshot.offset), reader.chunks());
      await reader.drain();
      this.#snapshotOffset = snapshot.offset;
      this.#snapshotBytes = reader.size;
    } finally {
      await reader.close();
    }
  }

  async #readLog(snapshot: NumberedFile | undefined, visitor: RecoveryVisitor): Promise<RecoveredLog> {
    const { fileSystem, layout, storeId } = this.#context;
    const from = snapshot?.offset ?? 0;
    const listed = await layout.listSegments();
    const needless = listed.filter((_, index) => (listed[index + 1]?.offset ?? Infinity) <= from);
    const segments = listed.slice(needless.length);
    const watermark = await Watermark.open(fileSystem, layout.watermark, storeId);
    try {
      const record = (offset: number, bytes: Uint8Array): void => visitor.record(BigInt(offset), bytes);
      const recovered = await recoverLog({ fileSystem, storeId, segments, from, watermark: watermark.offset, record });
      checkReachesSnapshot(layout, recovered, from);
      await this.#removeFiles(needless, layout.log);
      await watermark.raise(recovered.nextOffset);
      await this.#openLog(recovered, watermark);
      return recovered;
    } catch (error) {
      await watermark.close();
      throw error;
    }
  }

  async #openLog(recovered: RecoveredLog, watermark: Watermark): Promise<void> {
    const last = recovered.segments.at(-1);
    assert(last !== undefined, 'a recovered log has a segment');
    const segment = await SegmentWriter.open(this.#context.fileSystem, last, this.#context.storeId);
    for (const { path, baseOffset, end } of recovered.segments.slice(0, -1)) {
      this.#segments.push({ path, baseOffset, bytes: end });
    }
    const onSegmentComplete = (complete: LogSegment): void => void this.#segments.push(complete);
    this.#log = new LogWriter({
      ...this.#context,
      segment,
      watermark,
      nextOffset: recovered.nextOffset,
      onSegmentComplete,
    });
  }

  async #writeSnapshot(offset: number, chunks: Iterable<Uint8Array>, below: Promise<void>): Promise<void> {
    assert(offset >= this.#snapshotOffset, 'a snapshot is not older than the one before it');
    const { fileSystem, layout, storeId } = this.#context;
    const path = layout.snapshotPath(offset);
    const older = await layout.listSnapshots();
    const pause = (): Promise<void> => this.#pauseUnlessClosed();
    const source = { path, offset, storeId, chunks, pause, ready: () => below };
    this.#snapshotBytes = await writeSnapshotFile(fileSystem, source);
    this.#snapshotOffset = offset;
    await this.#dropSegmentsBelow(offset);
    await this.#removeFiles(
      older.filter((file) => file.offset < offset),
      layout.snapshots,
    );
  }

  async #pauseUnlessClosed(): Promise<void> {
    await new Promise<void>((resolve) => this.#context.timers.soon(resolve));
    if (this.#closed !== undefined) throw makeClosedError();
  }

  async #dropSegmentsBelow(offset: number): Promise<void> {
    const nextBase = (index: number): number =>
      this.#segments[index + 1]?.baseOffset ?? this.#log?.segment.baseOffset ?? 0;
    let count = 0;
    while (count < this.#segments.length && nextBase(count) <= offset) count++;
    await this.#removeFiles(this.#segments.slice(0, count), this.#context.layout.log);
    this.#segments.splice(0, count);
  }

  async #removeFiles(files: readonly { readonly path: string }[], directory: string): Promise<void> {
    const { fileSystem } = this.#context;
    for (const { path } of files) await writing(path, () => fileSystem.remove(path));
    if (files.length > 0) await reading(directory, () => fileSystem.syncDirectory(directory));
  }
}

function checkReachesSnapshot(layout: DirectoryLayout, recovered: RecoveredLog, from: number): void {
  const last = recovered.segments.at(-1);
  if (last !== undefined && recovered.nextOffset >= from) return;
  const reason = `the log ends before record ${recovered.nextOffset}, but the snapshot stands for all below ${from}`;
  throw makeCorruptError({ file: last?.path ?? layout.log, byte: last?.end ?? 0, reason });
}
