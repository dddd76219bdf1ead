import type { StorageMetrics } from '../../metrics/log-metrics.ts';
import type { RecoveryReport, RecoveryVisitor, Storage, StorageUsage } from '../storage.ts';
import type { StorageError } from '../storage-error.ts';
import type { Sealer } from './sealer.ts';

/** A storage whose records and snapshots are sealed on the way in and opened on the way out. */
export class SealedStorage implements Storage {
  readonly #inner: Storage;
  readonly #sealer: Sealer;
  #nextOffset = 0n;

  constructor(inner: Storage, sealer: Sealer) {
    this.#inner = inner;
    this.#sealer = sealer;
  }

  /** @throws as the storage within; {StorageError} `storage/not-authentic` */
  async recover(visitor: RecoveryVisitor): Promise<RecoveryReport> {
    const report = await this.#inner.recover({
      snapshot: (offset, chunks) => visitor.snapshot(offset, this.#openChunks(offset, chunks)),
      record: (offset, record) =>
        visitor.record(offset, this.#sealer.open(record, { kind: 'record', offset, index: 0 })),
    });
    this.#nextOffset = report.nextOffset;
    return report;
  }

  append(record: Uint8Array): bigint {
    const place = { kind: 'record', offset: this.#nextOffset, index: 0 } as const;
    const offset = this.#inner.append(this.#sealer.seal(record, place));
    this.#nextOffset = offset + 1n;
    return offset;
  }

  writeSnapshot(offset: bigint, chunks: Iterable<Uint8Array>): Promise<void> {
    return this.#inner.writeSnapshot(offset, this.#sealChunks(offset, chunks));
  }

  get writable(): boolean {
    return this.#inner.writable;
  }

  get failure(): StorageError | undefined {
    return this.#inner.failure;
  }

  get durableOffset(): bigint {
    return this.#inner.durableOffset;
  }

  get metrics(): StorageMetrics | undefined {
    return this.#inner.metrics;
  }

  get usage(): StorageUsage {
    return this.#inner.usage;
  }

  whenWritable(): Promise<void> {
    return this.#inner.whenWritable();
  }

  whenDurable(offset: bigint): Promise<void> {
    return this.#inner.whenDurable(offset);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  *#sealChunks(offset: bigint, chunks: Iterable<Uint8Array>): Generator<Uint8Array, void, undefined> {
    let index = 0;
    for (const chunk of chunks) {
      yield this.#sealer.seal(chunk, { kind: 'snapshot', offset, index });
      index += 1;
    }
  }

  async *#openChunks(offset: bigint, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    let index = 0;
    for await (const chunk of chunks) {
      yield this.#sealer.open(chunk, { kind: 'snapshot', offset, index });
      index += 1;
    }
  }
}
