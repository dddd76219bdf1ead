/**
 * Reads a segment front to back through a window, so that a frame is taken from memory without a system call or a
 * promise. Bytes past the end of the file read as zeros: that is what a write that never happened leaves.
 *
 * What was handed out is good until the next call that is awaited: then the window may move, in the same buffer. A log
 * is read when a database opens; a buffer for each window of it would be garbage as large as the log.
 */
import type { FileSystem, OpenFile } from './file-system.ts';
import { FRAME_HEADER_BYTES, frameBytes, tryDecodeFrameHeader, type FrameHeader, type FramePlace } from './frame.ts';
import { reading } from './io-error.ts';

const WINDOW_BYTES = 1024 * 1024;

/** A frame as it lies in a segment. */
export interface FoundFrame {
  readonly position: number;
  readonly header: FrameHeader;
  readonly bytes: Uint8Array;
}

/** An open segment. */
export class SegmentReader {
  readonly path: string;
  readonly size: number;
  readonly #file: OpenFile;
  readonly #segmentSeed: number;
  #buffer: Uint8Array = new Uint8Array(0);
  /** The part of the buffer that is filled. */
  #window: Uint8Array = new Uint8Array(0);
  #windowStart: number = 0;

  private constructor(file: OpenFile, path: string, size: number, segmentSeed: number) {
    this.#file = file;
    this.path = path;
    this.size = size;
    this.#segmentSeed = segmentSeed;
  }

  /** @throws {StorageError} `storage/read-failed`. */
  static async open(fileSystem: FileSystem, path: string, segmentSeed: number): Promise<SegmentReader> {
    return reading(path, async () => {
      const file = await fileSystem.open(path, 'read');
      try {
        return new SegmentReader(file, path, await file.size(), segmentSeed);
      } catch (error) {
        await file.close();
        throw error;
      }
    });
  }

  /** The frame at `position` if it lies in the window; `undefined` says to call `readFrame`. */
  tryFrame(position: number): FoundFrame | undefined {
    const at = position - this.#windowStart;
    if (at < 0 || at + FRAME_HEADER_BYTES > this.#window.length) return undefined;
    const header = tryDecodeFrameHeader(this.#window, at, this.#place(position));
    if (header === undefined) return undefined;
    const end = at + frameBytes(header.recordsBytes);
    return end <= this.#window.length ? { position, header, bytes: this.#window.subarray(at, end) } : undefined;
  }

  /** The frame at `position`, or `undefined` when no sound header is there. */
  async readFrame(position: number): Promise<FoundFrame | undefined> {
    const header = tryDecodeFrameHeader(await this.read(position, FRAME_HEADER_BYTES), 0, this.#place(position));
    if (header === undefined) return undefined;
    return { position, header, bytes: await this.read(position, frameBytes(header.recordsBytes)) };
  }

  /** The bytes from `position` on, zeros where the file has ended. */
  async read(position: number, length: number): Promise<Uint8Array> {
    const at = position - this.#windowStart;
    if (at < 0 || at + length > this.#window.length) await this.#moveWindow(position, length);
    const start = position - this.#windowStart;
    return this.#window.subarray(start, start + length);
  }

  /** The first position from `start` on where a sound frame header lies; frames start at multiples of 32. */
  async findFrame(start: number): Promise<number | undefined> {
    for (let position = start; position + FRAME_HEADER_BYTES <= this.size; position += FRAME_HEADER_BYTES) {
      const bytes = await this.read(position, FRAME_HEADER_BYTES);
      if (tryDecodeFrameHeader(bytes, 0, this.#place(position)) !== undefined) return position;
    }
    return undefined;
  }

  /** The position after the last byte from `start` on that is not zero, or `start`. */
  async findContentEnd(start: number): Promise<number> {
    let end = start;
    for (let position = start; position < this.size; position += WINDOW_BYTES) {
      const bytes = await this.read(position, Math.min(WINDOW_BYTES, this.size - position));
      let length = bytes.length;
      while (length > 0 && bytes[length - 1] === 0) length--;
      if (length > 0) end = position + length;
    }
    return end;
  }

  async close(): Promise<void> {
    await reading(this.path, () => this.#file.close());
  }

  async #moveWindow(position: number, length: number): Promise<void> {
    const ahead = Math.min(WINDOW_BYTES, Math.max(0, this.size - position));
    const size = Math.max(length, ahead);
    const known = this.#knownFrom(position);
    if (this.#buffer.length < size) this.#buffer = new Uint8Array(size);
    this.#buffer.set(known);
    // Nothing is in the window while it is being read: what fails leaves none that is half of the one before.
    this.#window = this.#buffer.subarray(0, 0);
    const rest = this.#buffer.subarray(known.length, size);
    const count = await reading(this.path, () => this.#file.read(rest, position + known.length));
    rest.fill(0, count);
    this.#window = this.#buffer.subarray(0, size);
    this.#windowStart = position;
  }

  /** What the window has of the bytes from `position` on. */
  #knownFrom(position: number): Uint8Array {
    const at = position - this.#windowStart;
    return at < 0 || at > this.#window.length ? this.#window.subarray(0, 0) : this.#window.subarray(at);
  }

  #place(position: number): FramePlace {
    return { position, segmentSeed: this.#segmentSeed };
  }
}
