/**
 * Appends records to the log by group commit: what gathers while one frame is written and synced is the next frame.
 *
 * Invariants:
 * - One thing happens to the files at a time, in the order of `#queue`.
 * - Until the first failure, every record that was appended is durable, in `#committing`, or in a batch of `#queue`.
 * - A frame is written only when the frame before it is durable.
 * - After the first failure nothing is written any more: what a failed sync left on the disk is not known.
 */
import { assert } from '../../assert.ts';
import type { Timer, Timers } from '../../clock/clock.ts';
import type { Stopwatch } from '../../clock/stopwatch.ts';
import type { StorageMetrics } from '../../metrics/log-metrics.ts';
import { makeClosedError, makeOverloadedError, makeTooLargeError, type StorageError } from '../storage-error.ts';
import { Batch } from './batch.ts';
import type { DirectoryLayout } from './directory-layout.ts';
import type { FileSystem } from './file-system.ts';
import { makeStoreSeed } from './frame.ts';
import { toWriteError } from './io-error.ts';
import { SegmentWriter } from './segment-writer.ts';
import type { Watermark } from './watermark.ts';

/** Sizes at which the log changes its behaviour. */
export interface LogLimits {
  /** A segment that has reached this size is followed by a new one. */
  readonly segmentBytes: number;
  /** A frame that has reached this size takes no further records. */
  readonly frameBytes: number;
  readonly recordBytesMax: number;
  /** Appends are refused while this much waits to become durable. */
  readonly unsyncedBytesMax: number;
  /** So long after a commit, at the latest, the watermark passes it. */
  readonly watermarkDelayMs: number;
}

/** What a log writer works with. It owns `segment` and `watermark` and closes them. */
export interface LogWriterOptions {
  readonly fileSystem: FileSystem;
  readonly layout: DirectoryLayout;
  readonly storeId: Uint8Array;
  readonly timers: Timers;
  readonly limits: LogLimits;
  readonly metrics: StorageMetrics;
  readonly nowMs: Stopwatch;
  readonly segment: SegmentWriter;
  readonly watermark: Watermark;
  readonly nextOffset: number;
  /** Called when the log goes on in a new segment, with the one that is complete now. */
  readonly onSegmentComplete: (segment: LogSegment) => void;
}

/** A segment of the log: its first record's offset and the bytes of its header and frames. */
export interface LogSegment {
  readonly path: string;
  readonly baseOffset: number;
  readonly bytes: number;
}

type Work =
  | { readonly type: 'commit'; readonly batch: Batch }
  | { readonly type: 'step'; readonly run: () => Promise<void>; readonly settle: (error?: unknown) => void };

/** The end of the log, open for appending. */
export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #storeSeed: number;
  readonly #queue: Work[] = [];
  #segment: SegmentWriter;
  #gathering: Batch | undefined;
  #committing: Batch | undefined;
  #spareBuffer: Uint8Array | undefined;
  #nextOffset: number;
  #durableOffset: number;
  #unsyncedBytes: number = 0;
  #isRunning: boolean = false;
  #isClosing: boolean = false;
  #failure: StorageError | undefined;
  #watermarkTimer: Timer | undefined;
  #writable: Deferred | undefined;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#storeSeed = makeStoreSeed(options.storeId);
    this.#segment = options.segment;
    this.#nextOffset = options.nextOffset;
    this.#durableOffset = options.nextOffset;
  }

  get nextOffset(): number {
    return this.#nextOffset;
  }

  get durableOffset(): number {
    return this.#durableOffset;
  }

  /** The segment that is written to. */
  get segment(): LogSegment {
    const { path, baseOffset, bytes } = this.#segment;
    return { path, baseOffset, bytes };
  }

  /** See `Storage.failure`. */
  get failure(): StorageError | undefined {
    return this.#failure;
  }

  get writable(): boolean {
    return this.#refusal === undefined && this.#unsyncedBytes < this.#options.limits.unsyncedBytesMax;
  }

  /** See `Storage.append`. */
  append(record: Uint8Array): number {
    if (this.#refusal !== undefined) throw this.#refusal;
    const { recordBytesMax, unsyncedBytesMax, frameBytes } = this.#options.limits;
    if (record.length > recordBytesMax) throw makeTooLargeError(record.length, recordBytesMax);
    if (this.#unsyncedBytes >= unsyncedBytesMax) throw makeOverloadedError(this.#unsyncedBytes, unsyncedBytesMax);
    const batch = this.#gathering ?? this.#startBatch();
    const bytesBefore = batch.bytes;
    batch.add(record);
    this.#unsyncedBytes += batch.bytes - bytesBefore;
    if (batch.bytes >= frameBytes) this.#gathering = undefined;
    return this.#nextOffset++;
  }

  /** See `Storage.whenDurable`. */
  whenDurable(offset: number): Promise<void> {
    assert(offset >= 0 && offset < this.#nextOffset, 'whenDurable is asked of a record that was appended');
    if (offset < this.#durableOffset) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#committing !== undefined && offset < this.#committing.endOffset) return this.#committing.durable;
    for (const work of this.#queue) {
      if (work.type === 'commit' && offset < work.batch.endOffset) return work.batch.durable;
    }
    throw new Error(`bug in @inner-universe/host: record ${offset} is neither durable nor queued`);
  }

  /** See `Storage.whenWritable`. */
  whenWritable(): Promise<void> {
    if (this.writable) return Promise.resolve();
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    this.#writable ??= makeDeferred();
    return this.#writable.promise;
  }

  /** Makes what was appended before durable, and the records after it go to a segment of their own. */
  rotate(): Promise<void> {
    const baseOffset = this.#nextOffset;
    return this.#step(() => this.#startSegment(baseOffset));
  }

  /**
   * Makes everything durable, sets the watermark and closes the files.
   * @throws {StorageError} `storage/write-failed` when something that was appended is not durable.
   */
  async close(): Promise<void> {
    const last = this.#failure === undefined ? this.#step(() => this.#finish()) : undefined;
    this.#isClosing = true;
    this.#watermarkTimer?.cancel();
    this.#settleWritable();
    try {
      await last;
    } finally {
      if (this.#failure !== undefined) await this.#release();
    }
    if (this.#failure !== undefined && this.#durableOffset < this.#nextOffset) throw this.#failure;
  }

  get #refusal(): StorageError | undefined {
    return this.#failure ?? (this.#isClosing ? makeClosedError() : undefined);
  }

  #startBatch(): Batch {
    const batch = new Batch(this.#nextOffset, this.#storeSeed, this.#spareBuffer);
    this.#spareBuffer = undefined;
    this.#gathering = batch;
    this.#unsyncedBytes += batch.bytes;
    this.#enqueue({ type: 'commit', batch });
    return batch;
  }

  /** Runs `run` after everything queued so far; what is appended later is committed after it. */
  #step(run: () => Promise<void>): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    this.#gathering = undefined;
    const done = makeDeferred();
    this.#enqueue({ type: 'step', run, settle: done.settle });
    return done.promise;
  }

  #enqueue(work: Work): void {
    this.#queue.push(work);
    if (this.#isRunning) return;
    this.#isRunning = true;
    // Not at once: all that this turn still appends goes into the same write.
    this.#options.timers.soon(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (let work = this.#queue.shift(); work !== undefined; work = this.#queue.shift()) {
      try {
        await (work.type === 'commit' ? this.#commit(work.batch) : work.run());
      } catch (error) {
        this.#fail(work, toWriteError(this.#segment.path, error));
        break;
      }
      if (work.type === 'step') work.settle();
    }
    this.#isRunning = false;
  }

  async #commit(batch: Batch): Promise<void> {
    // First of all: it has left the queue, and a new segment takes its time.
    this.#committing = batch;
    if (this.#segment.bytes >= this.#options.limits.segmentBytes) await this.#startSegment(batch.firstOffset);
    if (this.#gathering === batch) this.#gathering = undefined;
    const { metrics, nowMs } = this.#options;
    const startMs = nowMs();
    await this.#segment.append(batch.seal(this.#segment.place));
    metrics.noteBatch(nowMs() - startMs, batch.endOffset - batch.firstOffset, batch.bytes);
    this.#committing = undefined;
    this.#durableOffset = batch.endOffset;
    this.#unsyncedBytes -= batch.bytes;
    this.#spareBuffer ??= batch.takeBuffer();
    batch.settle();
    if (this.#writable !== undefined && this.writable) this.#settleWritable();
    this.#scheduleWatermark();
  }

  async #startSegment(baseOffset: number): Promise<void> {
    const before = this.#segment;
    if (before.isEmpty) return;
    const { fileSystem, layout, storeId } = this.#options;
    this.#segment = await SegmentWriter.create(
      fileSystem,
      { path: layout.segmentPath(baseOffset), baseOffset },
      storeId,
    );
    this.#options.onSegmentComplete({ path: before.path, baseOffset: before.baseOffset, bytes: before.bytes });
    await before.finish();
  }

  #scheduleWatermark(): void {
    if (this.#watermarkTimer !== undefined || this.#isClosing) return;
    this.#watermarkTimer = this.#options.timers.after(this.#options.limits.watermarkDelayMs, () => {
      this.#watermarkTimer = undefined;
      if (this.#refusal !== undefined) return;
      // Not through `#step`, which would close the batch that gathers.
      const run = (): Promise<void> => this.#options.watermark.raise(this.#durableOffset);
      this.#enqueue({ type: 'step', run, settle: () => undefined });
    });
  }

  async #finish(): Promise<void> {
    await this.#options.watermark.raise(this.#durableOffset);
    await this.#options.watermark.sync();
    await this.#segment.finish();
    await this.#options.watermark.close();
  }

  /** Nothing is written any more; everybody who waits is told. */
  #fail(work: Work, error: StorageError): void {
    this.#failure = error;
    this.#watermarkTimer?.cancel();
    this.#committing = undefined;
    this.#gathering = undefined;
    for (const refused of [work, ...this.#queue.splice(0)]) {
      if (refused.type === 'commit') refused.batch.settle(error);
      else refused.settle(error);
    }
    this.#settleWritable();
  }

  #settleWritable(): void {
    this.#writable?.settle(this.#refusal);
    this.#writable = undefined;
  }

  /** Closes the files after a failure. Errors add nothing: the failure is known, and no file is written any more. */
  async #release(): Promise<void> {
    await Promise.allSettled([this.#segment.close(), this.#options.watermark.close()]);
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly settle: (error?: unknown) => void;
}

function makeDeferred(): Deferred {
  let settle: (error?: unknown) => void = () => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  return { promise, settle };
}
