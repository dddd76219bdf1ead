import { BYTES_BOUNDS, COUNT_BOUNDS, DURATION_BOUNDS, Histogram } from './histogram.ts';

/** Counts what a storage writes to the disk. Each write is one batch of records that become durable together. */
export class StorageMetrics {
  readonly syncSeconds: Histogram = new Histogram(DURATION_BOUNDS);
  readonly batchRecords: Histogram = new Histogram(COUNT_BOUNDS);
  readonly batchBytes: Histogram = new Histogram(BYTES_BOUNDS);

  /** A batch is durable, so many milliseconds after its write began. */
  noteBatch(elapsedMs: number, records: number, bytes: number): void {
    this.syncSeconds.observe(elapsedMs / 1000);
    this.batchRecords.observe(records);
    this.batchBytes.observe(bytes);
  }
}

/** Counts what a database hands to its storage. */
export class JournalMetrics {
  recordBytes = 0;
  snapshotFailures = 0;
  readonly snapshotSeconds: Histogram = new Histogram(DURATION_BOUNDS);
  /** What reading back at the last opening took. */
  replaySeconds = 0;
  replayedRecordBytes = 0;
}
