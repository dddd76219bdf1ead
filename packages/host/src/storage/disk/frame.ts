/**
 * A frame is what one write and one sync make durable together: the records of one group commit.
 *
 *     header, 32 bytes                          records, each                end
 *      0  4   magic "FRM1"                       0  u32 length                zero bytes up to the end mark
 *      4  u32 bytes of all records               4  u32 CRC-32C               4   end mark "END\n"
 *      8  u64 offset of the first record         8  the record's bytes
 *     16  u32 number of records
 *     20  u32 sectors of the frame that are all zero
 *     24  u32 CRC-32C of position and bytes 0-23
 *     28  4   header mark "HDR\n"
 *
 * Invariants:
 * - Frames start and end at multiples of 32, so a header never crosses a sector.
 * - A header's checksum is seeded by the segment and covers its position: a copy anywhere else is not a header.
 * - A record's checksum is seeded by the storage and covers its offset and length.
 * - Header mark and end mark contain no zero byte: where their bytes are zero, the write did not get there.
 */
import { crc32c, crc32cOfU32, crc32cOfU64 } from './crc32c.ts';

/** Bytes of a frame's header. */
export const FRAME_HEADER_BYTES = 32;

/** Frames start and end at multiples of this. */
export const FRAME_ALIGNMENT = 32;

/** Bytes in front of each record inside a frame. */
export const RECORD_HEADER_BYTES = 8;

/** Bytes of the mark that ends a frame. */
export const END_MARK_BYTES = 4;

/** The unit that a disk writes whole or not at all. */
export const SECTOR_BYTES = 512;

const FRAME_MAGIC = 0x314d5246;
const HEADER_MARK = 0x0a524448;
const END_MARK = 0x0a444e45;

/** What a sound frame header says. */
export interface FrameHeader {
  readonly recordsBytes: number;
  readonly firstOffset: number;
  readonly recordCount: number;
  readonly zeroSectors: number;
}

/** The seed of all record checksums of a storage. */
export function makeStoreSeed(storeId: Uint8Array): number {
  return crc32c(storeId);
}

/** The seed of the frame header checksums of one segment. */
export function makeSegmentSeed(storeSeed: number, baseOffset: number): number {
  return crc32cOfU64(baseOffset, storeSeed);
}

/** Bytes that a frame with `recordsBytes` bytes of records takes in the file. */
export function frameBytes(recordsBytes: number): number {
  const used = FRAME_HEADER_BYTES + recordsBytes + END_MARK_BYTES;
  return Math.ceil(used / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
}

/** Puts a record at `at`; the caller has made room. Gives the position after it. */
export function encodeRecord(into: Uint8Array, at: number, record: Uint8Array, seed: number): number {
  writeU32(into, at, record.length);
  writeU32(into, at + 4, crc32c(record, 0, record.length, crc32cOfU32(record.length, seed)));
  into.set(record, at + RECORD_HEADER_BYTES);
  return at + RECORD_HEADER_BYTES + record.length;
}

/** The seed of one record's checksum. */
export function makeRecordSeed(storeSeed: number, offset: number): number {
  return crc32cOfU64(offset, storeSeed);
}

/** Where a frame lies and whose it is. */
export interface FramePlace {
  readonly position: number;
  readonly segmentSeed: number;
}

/** Completes a frame whose records are in place from byte 32 on: zeros, end mark, header. */
export function sealFrame(frame: Uint8Array, header: Omit<FrameHeader, 'zeroSectors'>, place: FramePlace): void {
  frame.fill(0, FRAME_HEADER_BYTES + header.recordsBytes, frame.length - END_MARK_BYTES);
  writeU32(frame, frame.length - END_MARK_BYTES, END_MARK);
  const view = new DataView(frame.buffer, frame.byteOffset, FRAME_HEADER_BYTES);
  view.setUint32(0, FRAME_MAGIC, true);
  view.setUint32(4, header.recordsBytes, true);
  view.setBigUint64(8, BigInt(header.firstOffset), true);
  view.setUint32(16, header.recordCount, true);
  view.setUint32(20, countZeroSectors(frame, place.position), true);
  view.setUint32(24, headerChecksum(frame, 0, place), true);
  view.setUint32(28, HEADER_MARK, true);
}

/** The header at `at` of `bytes`, or `undefined` when there is no sound one for that place. */
export function tryDecodeFrameHeader(bytes: Uint8Array, at: number, place: FramePlace): FrameHeader | undefined {
  if (readU32(bytes, at) !== FRAME_MAGIC || readU32(bytes, at + 28) !== HEADER_MARK) return undefined;
  if (readU32(bytes, at + 24) !== headerChecksum(bytes, at, place)) return undefined;
  return {
    recordsBytes: readU32(bytes, at + 4),
    firstOffset: readU32(bytes, at + 8) + readU32(bytes, at + 12) * 0x1_0000_0000,
    recordCount: readU32(bytes, at + 16),
    zeroSectors: readU32(bytes, at + 20),
  };
}

/** Why a frame is not what was written, and at which of its bytes. */
export interface FrameFlaw {
  readonly at: number;
  readonly reason: string;
}

/** Checks all that follows a sound header. Gives `undefined` when every byte is as it was written. */
export function findFrameFlaw(frame: Uint8Array, header: FrameHeader, storeSeed: number): FrameFlaw | undefined {
  const recordsEnd = FRAME_HEADER_BYTES + header.recordsBytes;
  let at = FRAME_HEADER_BYTES;
  for (let index = 0; index < header.recordCount; index++) {
    const offset = header.firstOffset + index;
    const end = tryRecordEnd(frame, at, recordsEnd);
    if (end === undefined) return { at, reason: `the length of record ${offset} was changed` };
    if (!isRecordSound(frame, at, end, makeRecordSeed(storeSeed, offset))) {
      return { at, reason: `record ${offset} does not match its checksum` };
    }
    at = end;
  }
  if (at !== recordsEnd) return { at, reason: 'the records end before their frame does' };
  for (; at < frame.length - END_MARK_BYTES; at++) {
    if (frame[at] !== 0) return { at, reason: 'the padding of a frame is not zero' };
  }
  return readU32(frame, at) === END_MARK ? undefined : { at, reason: 'the end mark of a frame is not there' };
}

/** The end of the record that starts at `at`, or `undefined` when its length leads out of the frame's records. */
export function tryRecordEnd(frame: Uint8Array, at: number, recordsEnd: number): number | undefined {
  if (at + RECORD_HEADER_BYTES > recordsEnd) return undefined;
  const end = at + RECORD_HEADER_BYTES + readU32(frame, at);
  return end <= recordsEnd ? end : undefined;
}

/** Whether the record in `[at, end)`, header included, matches its checksum. */
export function isRecordSound(frame: Uint8Array, at: number, end: number, seed: number): boolean {
  const start = at + RECORD_HEADER_BYTES;
  return readU32(frame, at + 4) === crc32c(frame, start, end, crc32cOfU32(end - start, seed));
}

/**
 * Counts the sectors after the one that holds the header in which the frame has only zeros. A frame's own count is in
 * its header: more than that means that some were never written.
 */
export function countZeroSectors(frame: Uint8Array, position: number): number {
  let count = 0;
  let start = SECTOR_BYTES - (position % SECTOR_BYTES);
  while (start < frame.length) {
    const end = Math.min(start + SECTOR_BYTES, frame.length);
    if (isZero(frame, start, end)) count++;
    start = end;
  }
  return count;
}

/** Whether the write that made this frame, whose header is sound, may have stopped before its end. */
export function isTornFrame(frame: Uint8Array, header: FrameHeader, position: number): boolean {
  return countZeroSectors(frame, position) > header.zeroSectors || hasTornEndMark(frame);
}

/** Whether the end mark is cut short: some of its first bytes, or none, and then zeros. */
function hasTornEndMark(frame: Uint8Array): boolean {
  const start = frame.length - END_MARK_BYTES;
  let at = start;
  while (at < frame.length && frame[at] === ((END_MARK >>> (8 * (at - start))) & 0xff)) at++;
  return at < frame.length && isZero(frame, at, frame.length);
}

/** Whether `bytes[start, end)` are all zero. */
export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return false;
  return true;
}

function headerChecksum(bytes: Uint8Array, at: number, place: FramePlace): number {
  return crc32c(bytes, at, at + 24, crc32cOfU64(place.position, place.segmentSeed));
}

/** The unsigned 32-bit number at `at`; the caller has checked that it lies inside. */
export function readU32(bytes: Uint8Array, at: number): number {
  // Inside, by the contract; `undefined` would count as 0 here.
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  const high = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8);
  return (low | (high << 16)) >>> 0;
}

/** Puts an unsigned 32-bit number at `at`. */
export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
