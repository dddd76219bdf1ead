import {
  encodeRecord,
  FRAME_HEADER_BYTES,
  frameBytes,
  makeRecordSeed,
  RECORD_HEADER_BYTES,
  sealFrame,
  type FramePlace,
} from './frame.ts';

const FIRST_BUFFER_BYTES = 16 * 1024;

/** A buffer that a large batch has grown beyond this is not kept for the next one. */
const KEPT_BUFFER_BYTES_MAX = 8 * 1024 * 1024;

/** The records of one group commit while they gather, laid out as the frame that will be written. */
export class Batch {
  readonly firstOffset: number;
  /** Settles when the frame is durable or will never be. Who waits for any of the records waits for this. */
  readonly durable: Promise<void>;
  readonly #storeSeed: number;
  #buffer: Uint8Array;
  #used: number = FRAME_HEADER_BYTES;
  #count: number = 0;
  #resolve: () => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(firstOffset: number, storeSeed: number, buffer: Uint8Array | undefined) {
    this.firstOffset = firstOffset;
    this.#storeSeed = storeSeed;
    this.#buffer = buffer ?? new Uint8Array(FIRST_BUFFER_BYTES);
    this.durable = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A failure is reported to whoever waits, and by every later append: nobody waiting is no fault of its own.
    this.durable.catch(() => undefined);
  }

  /** The offset after the last record. */
  get endOffset(): number {
    return this.firstOffset + this.#count;
  }

  /** Bytes that the frame will take. */
  get bytes(): number {
    return frameBytes(this.#used - FRAME_HEADER_BYTES);
  }

  /** Copies a record in. */
  add(record: Uint8Array): void {
    this.#reserve(record.length);
    const seed = makeRecordSeed(this.#storeSeed, this.endOffset);
    this.#used = encodeRecord(this.#buffer, this.#used, record, seed);
    this.#count++;
  }

  /** The finished frame for that place in the log. Nothing may be added after. */
  seal(place: FramePlace): Uint8Array {
    const frame = this.#buffer.subarray(0, this.bytes);
    const recordsBytes = this.#used - FRAME_HEADER_BYTES;
    sealFrame(frame, { recordsBytes, firstOffset: this.firstOffset, recordCount: this.#count }, place);
    return frame;
  }

  /** The buffer, to be used again once the frame is written; `undefined` when it is too large to be kept. */
  takeBuffer(): Uint8Array | undefined {
    return this.#buffer.length <= KEPT_BUFFER_BYTES_MAX ? this.#buffer : undefined;
  }

  settle(error?: unknown): void {
    if (error === undefined) this.#resolve();
    else this.#reject(error);
  }

  #reserve(recordBytes: number): void {
    const needed = frameBytes(this.#used - FRAME_HEADER_BYTES + RECORD_HEADER_BYTES + recordBytes);
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#used));
    this.#buffer = larger;
  }
}
