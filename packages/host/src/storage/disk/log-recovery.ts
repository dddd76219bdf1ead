/**
 * Reads the log back, and tells a torn tail from damage.
 *
 * A frame is written only after the frame before it is durable, and a segment is begun only after the one before it
 * is whole. So bytes that are not a sound frame are DAMAGE when any of these holds, and then nothing is cut off:
 *   D1 a later segment exists;
 *   D2 a sound frame header follows anywhere behind them in the segment;
 *   D3 the watermark lies behind the last sound record before them;
 *   D4 a write that stopped early cannot have left them. Such a write leaves whole sectors of zeros, or ends at some
 *      byte with zeros behind it. So it is ruled out when the header is sound, no more sectors of the frame are zero
 *      than the header counts and the end mark was begun; or when the header is not sound, but neither zeros follow it
 *      to the end of the file nor is the rest of its sector zero.
 * Otherwise they are the torn tail of a write that nobody was told of, and are cut off.
 *
 * The limit: until the watermark passes it, damage that sets whole sectors of the very last frame to zero (one bit is
 * enough where a sector has only one), or that cuts the file short, looks like a torn tail.
 */
import { makeCorruptError, type Damage } from '../storage-error.ts';
import type { NumberedFile } from './directory-layout.ts';
import { checkFileHeader, FILE_HEADER_BYTES } from './file-header.ts';
import type { FileSystem } from './file-system.ts';
import {
  findFrameFlaw,
  FRAME_HEADER_BYTES,
  isTornFrame,
  isZero,
  makeSegmentSeed,
  makeStoreSeed,
  RECORD_HEADER_BYTES,
  readU32,
  SECTOR_BYTES,
} from './frame.ts';
import { writing } from './io-error.ts';
import { SegmentReader, type FoundFrame } from './segment-reader.ts';

/** What recovery of the log needs to know. */
export interface LogRecoveryOptions {
  readonly fileSystem: FileSystem;
  readonly storeId: Uint8Array;
  readonly segments: readonly NumberedFile[];
  /** Records below it are stood for by the snapshot and are not handed out. */
  readonly from: number;
  /** All records below it were acknowledged. */
  readonly watermark: number;
  record(offset: number, record: Uint8Array): void;
}

/** A segment that was read, up to the end of its last sound frame. */
export interface RecoveredSegment {
  readonly path: string;
  readonly baseOffset: number;
  /** Where the next frame goes. */
  readonly end: number;
  /** Length of the file: what lies between `end` and here is zero. */
  readonly allocated: number;
}

/** What the log holds. */
export interface RecoveredLog {
  readonly segments: readonly RecoveredSegment[];
  readonly nextOffset: number;
  readonly records: number;
  readonly tornBytes: number;
}

/**
 * Hands out each record from `from` on, cuts off a torn tail and makes what was handed out durable.
 * @throws {StorageError} `storage/corrupt`, `storage/newer-version`, `storage/read-failed`, `storage/write-failed`.
 */
export async function recoverLog(options: LogRecoveryOptions): Promise<RecoveredLog> {
  const recovery = new LogRecovery(options);
  for (const [index, segment] of options.segments.entries()) {
    await recovery.readSegment(segment, index === options.segments.length - 1);
  }
  return recovery.finish();
}

class LogRecovery {
  readonly #options: LogRecoveryOptions;
  readonly #storeSeed: number;
  readonly #segments: RecoveredSegment[] = [];
  #nextOffset: number | undefined;
  #records: number = 0;
  #tornBytes: number = 0;
  /** Where the last sound frame of the segment is. */
  #lastFrameAt: number | undefined;

  constructor(options: LogRecoveryOptions) {
    this.#options = options;
    this.#storeSeed = makeStoreSeed(options.storeId);
  }

  async readSegment(segment: NumberedFile, isLast: boolean): Promise<void> {
    this.#checkJoin(segment);
    const seed = makeSegmentSeed(this.#storeSeed, segment.offset);
    const reader = await SegmentReader.open(this.#options.fileSystem, segment.path, seed);
    try {
      const storeId = this.#options.storeId;
      const header = await reader.read(0, Math.min(FILE_HEADER_BYTES, reader.size));
      checkFileHeader(header, segment.path, { kind: 'segment', storeId, offset: segment.offset });
      this.#nextOffset = segment.offset;
      this.#lastFrameAt = undefined;
      const end = await this.#readFrames(reader);
      const contentEnd = await this.#checkTail(reader, end, isLast);
      const torn = contentEnd > end;
      this.#tornBytes += contentEnd - end;
      const allocated = torn ? end : reader.size;
      this.#segments.push({ path: segment.path, baseOffset: segment.offset, end, allocated });
      if (isLast) await this.#makeDurable(reader, end, torn);
    } finally {
      await reader.close();
    }
  }

  finish(): RecoveredLog {
    const nextOffset = this.#nextOffset ?? 0;
    const { watermark } = this.#options;
    const last = this.#segments.at(-1);
    if (last !== undefined && nextOffset < watermark) {
      const reason = `the log ends before record ${nextOffset}, but all below ${watermark} were acknowledged`;
      throw makeCorruptError({ file: last.path, byte: last.end, reason });
    }
    return { segments: this.#segments, nextOffset, records: this.#records, tornBytes: this.#tornBytes };
  }

  #checkJoin(segment: NumberedFile): void {
    const { from } = this.#options;
    const expected = this.#nextOffset;
    const joins = expected === undefined ? segment.offset <= from : segment.offset === expected;
    if (joins) return;
    const reason = `record ${expected ?? from} is not in the log, which goes on at record ${segment.offset}`;
    throw makeCorruptError({ file: segment.path, byte: 0, reason });
  }

  /** Reads frames as long as they are sound; gives the position after the last. */
  async #readFrames(reader: SegmentReader): Promise<number> {
    let position = FILE_HEADER_BYTES;
    for (;;) {
      const frame = reader.tryFrame(position) ?? (await reader.readFrame(position));
      if (frame === undefined || findFrameFlaw(frame.bytes, frame.header, this.#storeSeed) !== undefined)
        return position;
      this.#takeFrame(reader, frame);
      position += frame.bytes.length;
    }
  }

  #takeFrame(reader: SegmentReader, frame: FoundFrame): void {
    const { firstOffset, recordCount } = frame.header;
    if (firstOffset !== this.#nextOffset) {
      const reason = `record ${String(this.#nextOffset)} should follow, but the frame starts at record ${firstOffset}`;
      throw makeCorruptError({ file: reader.path, byte: frame.position + 8, reason });
    }
    let at = FRAME_HEADER_BYTES;
    for (let offset = firstOffset; offset < firstOffset + recordCount; offset++) {
      const start = at + RECORD_HEADER_BYTES;
      at = start + readU32(frame.bytes, at);
      if (offset < this.#options.from) continue;
      this.#options.record(offset, frame.bytes.subarray(start, at));
      this.#records++;
    }
    this.#nextOffset = firstOffset + recordCount;
    this.#lastFrameAt = frame.position;
  }

  /** The end of what lies behind the last sound frame: `end` for zeros, more for a torn tail. Damage throws. */
  async #checkTail(reader: SegmentReader, end: number, isLast: boolean): Promise<number> {
    const contentEnd = await reader.findContentEnd(end);
    if (contentEnd === end) return end;
    const frame = await reader.readFrame(end);
    const damage = this.#describe(reader, end, frame);
    const isTorn = frame && isTornFrame(frame.bytes, frame.header, frame.position);
    if (!isLast) throw makeCorruptError(damage); // D1
    if ((this.#nextOffset ?? 0) < this.#options.watermark) throw makeCorruptError(damage); // D3
    const behind = end + (frame?.bytes.length ?? FRAME_HEADER_BYTES);
    if ((await reader.findFrame(behind)) !== undefined) throw makeCorruptError(damage); // D2
    if (!(isTorn ?? (await isTornStart(reader, end, contentEnd)))) throw makeCorruptError(damage); // D4
    return contentEnd;
  }

  #describe(reader: SegmentReader, end: number, frame: FoundFrame | undefined): Damage {
    const flaw = frame && findFrameFlaw(frame.bytes, frame.header, this.#storeSeed);
    return {
      file: reader.path,
      byte: end + (flaw?.at ?? 0),
      reason: flaw?.reason ?? `where record ${String(this.#nextOffset)} should start is no sound frame header`,
    };
  }

  /**
   * Cuts off the torn tail, and writes the last frame once more before anyone hears of its records: after a failed sync
   * the system may show bytes that never reached the disk, and would not write them again by itself.
   */
  async #makeDurable(reader: SegmentReader, end: number, torn: boolean): Promise<void> {
    const segment = this.#segments.at(-1);
    const isKnown = (this.#nextOffset ?? 0) <= this.#options.watermark;
    if (segment === undefined || (isKnown && !torn)) return;
    const frame = this.#lastFrameAt === undefined ? undefined : await reader.readFrame(this.#lastFrameAt);
    await writing(segment.path, async () => {
      const file = await this.#options.fileSystem.open(segment.path, 'write');
      try {
        if (torn) await file.truncate(end);
        if (frame !== undefined && !isKnown) await file.write(frame.bytes, frame.position);
        await file.sync();
      } finally {
        await file.close();
      }
    });
  }
}

/** Whether a frame whose header is not sound may be the start of a write that stopped there. */
async function isTornStart(reader: SegmentReader, position: number, contentEnd: number): Promise<boolean> {
  const endedInHeader = contentEnd < position + FRAME_HEADER_BYTES;
  if (endedInHeader) return true;
  const sectorRest = SECTOR_BYTES - (position % SECTOR_BYTES);
  return isZero(await reader.read(position, sectorRest), 0, sectorRest);
}
