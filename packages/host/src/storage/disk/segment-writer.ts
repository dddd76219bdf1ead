import { encodeFileHeader, FILE_HEADER_BYTES } from './file-header.ts';
import type { FileSystem, OpenFile } from './file-system.ts';
import { makeSegmentSeed, makeStoreSeed, type FramePlace } from './frame.ts';
import { writing } from './io-error.ts';
import type { RecoveredSegment } from './log-recovery.ts';
import { publishFile } from './publish-file.ts';

/**
 * A file that is longer than its content need not have its length made durable with each sync. So small frames are
 * written into zeros that were laid ahead, first a little, then more.
 */
const FIRST_ROOM_BYTES = 32 * 1024;
const ROOM_BYTES = 256 * 1024;

/** A larger frame pays for its own length. */
const ROOMY_FRAME_BYTES_MAX = 64 * 1024;

const ZEROS = new Uint8Array(ROOM_BYTES);

/** The segment that frames are appended to. One call at a time. */
export class SegmentWriter {
  readonly path: string;
  readonly baseOffset: number;
  readonly #file: OpenFile;
  readonly #segmentSeed: number;
  #end: number;
  #allocated: number;

  private constructor(segment: RecoveredSegment, file: OpenFile, storeId: Uint8Array) {
    this.path = segment.path;
    this.baseOffset = segment.baseOffset;
    this.#file = file;
    this.#segmentSeed = makeSegmentSeed(makeStoreSeed(storeId), segment.baseOffset);
    this.#end = segment.end;
    this.#allocated = segment.allocated;
  }

  /** Opens a segment to append behind its last sound frame. @throws {StorageError} `storage/write-failed`. */
  static async open(fileSystem: FileSystem, segment: RecoveredSegment, storeId: Uint8Array): Promise<SegmentWriter> {
    const file = await writing(segment.path, () => fileSystem.open(segment.path, 'write'));
    return new SegmentWriter(segment, file, storeId);
  }

  /** Makes a new segment, durably. @throws {StorageError} `storage/write-failed`. */
  static async create(
    fileSystem: FileSystem,
    segment: { readonly path: string; readonly baseOffset: number },
    storeId: Uint8Array,
  ): Promise<SegmentWriter> {
    const header = encodeFileHeader({ kind: 'segment', storeId, offset: segment.baseOffset });
    await publishFile(fileSystem, segment.path, header);
    const opened = { ...segment, end: FILE_HEADER_BYTES, allocated: FILE_HEADER_BYTES };
    return SegmentWriter.open(fileSystem, opened, storeId);
  }

  /** Bytes of header and frames. */
  get bytes(): number {
    return this.#end;
  }

  get isEmpty(): boolean {
    return this.#end === FILE_HEADER_BYTES;
  }

  /** Where the next frame goes. */
  get place(): FramePlace {
    return { position: this.#end, segmentSeed: this.#segmentSeed };
  }

  /** Appends a frame that was sealed for `place` and makes it durable. @throws {StorageError} `storage/write-failed`. */
  async append(frame: Uint8Array): Promise<void> {
    await writing(this.path, async () => {
      const end = this.#end + frame.length;
      if (end > this.#allocated) await this.#makeRoom(end, frame.length);
      await this.#file.write(frame, this.#end);
      await this.#file.sync();
      this.#end = end;
    });
  }

  /** Gives back the room that was laid ahead, and closes the file. @throws {StorageError} `storage/write-failed`. */
  async finish(): Promise<void> {
    try {
      await writing(this.path, async () => {
        if (this.#allocated > this.#end) await this.#file.truncate(this.#end);
        this.#allocated = this.#end;
      });
    } finally {
      await this.close();
    }
  }

  /** Closes the file as it is. Idempotent. */
  async close(): Promise<void> {
    await writing(this.path, () => this.#file.close());
  }

  async #makeRoom(end: number, frameLength: number): Promise<void> {
    this.#allocated = end;
    if (frameLength > ROOMY_FRAME_BYTES_MAX) return;
    const room = end < ROOM_BYTES ? FIRST_ROOM_BYTES : ROOM_BYTES;
    await this.#file.write(ZEROS.subarray(0, room), end);
    this.#allocated = end + room;
  }
}
