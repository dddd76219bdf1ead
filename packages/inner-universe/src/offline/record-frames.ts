/*
 * The bytes of an outbox file.
 *
 *   file    = "IUOUTBX1" frame*
 *   frame   = length:u32 crc:u32 payload[length]     little-endian; crc: CRC-32 of length and payload
 *   payload = "=" offset                             a mark: everything before this offset was synced
 *           | JSON [[key, value | null], ...]        records that are set or forgotten together
 *
 * Invariants:
 * - a frame takes effect whole or not at all;
 * - a mark is written after a sync, so that a damaged frame is told from one that was being written when power failed:
 *   what begins before the offset of a mark, wherever that is, was whole once, so it is damaged; what is not whole
 *   behind the last mark's was never acknowledged, and is cut off with all that follows it.
 */
import { crc32 } from 'node:zlib';
import { applyChanges } from './memory-outbox.ts';
import type { RecordChange } from './outbox.ts';

const MAGIC = Buffer.from('IUOUTBX1', 'latin1');
const FRAME_HEADER_BYTES = 8;
/** No frame is longer: one write's records, whose values are at most 64 MiB, with room for their text form. */
const FRAME_BYTES_MAX = 268_435_456;
const MARK = '=';

/** What a file holds. */
export interface ReadRecords {
  readonly records: Map<string, string>;
  /** Where the sound part ends: what follows was never acknowledged. */
  readonly end: number;
}

/** What is wrong with a file, and where. */
export interface FrameDamage {
  readonly reason: string;
  readonly offset: number;
}

/** How a file begins. */
export function makeFileHead(): Buffer {
  return Buffer.from(MAGIC);
}

/** Records that are set or forgotten together. @throws RangeError for more than a frame can hold */
export function encodeChanges(changes: readonly RecordChange[]): Buffer {
  return encodeFrame(JSON.stringify(changes.map(({ key, value }) => [key, value ?? null])));
}

/** Tells that everything before this offset was synced. */
export function encodeMark(offset: number): Buffer {
  return encodeFrame(`${MARK}${offset}`);
}

/** Reads a file whole; gives the records, or what is damaged. */
export function readFrames(file: Buffer): ReadRecords | FrameDamage {
  if (file.length < MAGIC.length || !file.subarray(0, MAGIC.length).equals(MAGIC)) {
    // A file is renamed into place with its head: it is never cut shorter by a crash.
    return { reason: 'it does not begin as an outbox does', offset: 0 };
  }
  const records = new Map<string, string>();
  let synced = 0;
  let offset = MAGIC.length;
  while (offset < file.length) {
    const payload = tryReadFrame(file, offset);
    if (payload === undefined) break;
    if (payload.startsWith(MARK)) synced = Math.max(synced, Number(payload.slice(1)));
    else {
      const changes = tryParseChanges(payload);
      if (changes === undefined) return { reason: 'a frame holds no records', offset };
      applyChanges(records, changes);
    }
    offset += FRAME_HEADER_BYTES + Buffer.byteLength(payload);
  }
  if (offset === file.length) return { records, end: offset };
  if (offset < Math.max(synced, findMarkAfter(file, offset)))
    return { reason: 'a frame is not what was written', offset };
  return { records, end: offset };
}

/** Whether a result of `readFrames` tells of damage. */
export function isDamage(read: ReadRecords | FrameDamage): read is FrameDamage {
  return 'reason' in read;
}

function encodeFrame(payload: string): Buffer {
  const length = Buffer.byteLength(payload);
  if (length > FRAME_BYTES_MAX) throw new RangeError(`a frame of ${length} bytes; ${FRAME_BYTES_MAX} is the most`);
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + length);
  frame.writeUInt32LE(length, 0);
  frame.write(payload, FRAME_HEADER_BYTES, 'utf8');
  frame.writeUInt32LE(checksum(frame, 0, length), 4);
  return frame;
}

/** The payload of the frame at an offset; undefined when there is no sound one. */
function tryReadFrame(file: Buffer, offset: number): string | undefined {
  if (offset + FRAME_HEADER_BYTES > file.length) return undefined;
  const length = file.readUInt32LE(offset);
  const end = offset + FRAME_HEADER_BYTES + length;
  if (length === 0 || length > FRAME_BYTES_MAX || end > file.length) return undefined;
  if (file.readUInt32LE(offset + 4) !== checksum(file, offset, length)) return undefined;
  return file.toString('utf8', offset + FRAME_HEADER_BYTES, end);
}

/** Covers the length as well, so that no frame is taken for a shorter one. */
function checksum(file: Buffer, offset: number, length: number): number {
  const start = offset + FRAME_HEADER_BYTES;
  return crc32(file.subarray(start, start + length), crc32(file.subarray(offset, offset + 4)));
}

/** The highest mark behind a damaged frame, whose length may be what is damaged: every place is tried. 0 for none. */
function findMarkAfter(file: Buffer, offset: number): number {
  let highest = 0;
  let at = file.indexOf(MARK, offset + FRAME_HEADER_BYTES + 1, 'latin1');
  for (; at !== -1; at = file.indexOf(MARK, at + 1, 'latin1')) {
    const payload = tryReadFrame(file, at - FRAME_HEADER_BYTES);
    if (payload !== undefined) highest = Math.max(highest, Number(payload.slice(1)));
  }
  return highest;
}

function tryParseChanges(payload: string): readonly RecordChange[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parsed)) return undefined;
  const changes: RecordChange[] = [];
  for (const pair of parsed as readonly unknown[]) {
    if (!Array.isArray(pair) || pair.length !== 2) return undefined;
    const [key, value] = pair as readonly unknown[];
    if (typeof key !== 'string' || (typeof value !== 'string' && value !== null)) return undefined;
    changes.push({ key, value: value ?? undefined });
  }
  return changes;
}
