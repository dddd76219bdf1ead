/*
 * The bytes of an archive, format 1. Numbers are little-endian; docs/archive-format.md describes them for other programs.
 *
 *   file     = file header, segments one after the other
 *   segment  = segment header, rows, SHA-256 of both (its digest)
 *   row      = u32 length, u32 CRC-32C of the bytes, bytes (JSON, see archived-row.ts)
 *
 *   file header, 64 bytes                      segment header, 88 bytes
 *    0  8  "IUEVENTS"                           0  4  "SEGM"
 *    8  4  format version                       4  4  number of rows
 *   12  4  0                                    8  8  bytes of all rows
 *   16  8  seq of the first row                16  8  seq of the first row
 *   24 32  digest of the segment before        24  8  seq of the last row
 *   56  4  0                                   32  8  recorded time of the first row, microseconds since 1970, signed
 *   60  4  CRC-32C of bytes 0 to 59            40  8  recorded time of the last row
 *                                              48 32  digest of the segment before
 *                                              80  4  0
 *                                              84  4  CRC-32C of bytes 0 to 83
 */
import { createHash } from 'node:crypto';
import { microsOf, type EventLogRow } from '@inner-universe/module/wire';
import { makeDamaged, makeNewerFormat } from './archive-error.ts';
import { formatArchivedRow, tryParseArchivedRow } from './archived-row.ts';
import { crc32c } from './crc32c.ts';

export const FORMAT_VERSION = 1;
export const FILE_HEADER_BYTES = 64;
export const SEGMENT_HEADER_BYTES = 88;
export const DIGEST_BYTES = 32;
const ROW_HEADER_BYTES = 8;
const FILE_MAGIC = Buffer.from('IUEVENTS', 'latin1');
const SEGMENT_MAGIC = Buffer.from('SEGM', 'latin1');
/** What stands for the digest before the first segment of all. */
export const NO_DIGEST: string = '0'.repeat(2 * DIGEST_BYTES);

/** How a file begins. */
export interface FileHeader {
  readonly firstSeq: bigint;
  /** Of the segment before the first one here, in hexadecimal. */
  readonly previousDigest: string;
}

/** What a segment says of itself. */
export interface SegmentHeader {
  readonly rows: number;
  readonly rowBytes: number;
  readonly firstSeq: bigint;
  readonly lastSeq: bigint;
  readonly firstMicros: bigint;
  readonly lastMicros: bigint;
  readonly previousDigest: string;
}

/** The bytes of a segment, and what names it. */
export interface EncodedSegment {
  readonly bytes: Uint8Array;
  readonly digest: string;
}

export function encodeFileHeader({ firstSeq, previousDigest }: FileHeader): Uint8Array {
  const bytes = Buffer.alloc(FILE_HEADER_BYTES);
  FILE_MAGIC.copy(bytes);
  bytes.writeUInt32LE(FORMAT_VERSION, 8);
  bytes.writeBigUInt64LE(firstSeq, 16);
  bytes.write(previousDigest, 24, 'hex');
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** @throws {NervPersistenceError} `archive/damaged`, `archive/newer-format` */
export function decodeFileHeader(file: string, given: Uint8Array): FileHeader {
  const bytes = asBuffer(given);
  if (bytes.length < FILE_HEADER_BYTES) throw makeDamaged(file, bytes.length, 'it ends within its header');
  if (!bytes.subarray(0, 8).equals(FILE_MAGIC)) throw makeDamaged(file, 0, 'this is no file of an archive');
  const version = bytes.readUInt32LE(8);
  if (bytes.readUInt32LE(60) !== crc32c(bytes.subarray(0, 60)))
    throw makeDamaged(file, 0, 'its header does not add up');
  if (version > FORMAT_VERSION) throw makeNewerFormat(file, version, FORMAT_VERSION);
  return { firstSeq: bytes.readBigUInt64LE(16), previousDigest: bytes.toString('hex', 24, 56) };
}

/** Rows that follow each other without a gap, at least one, as a segment. */
export function encodeSegment(rows: readonly EventLogRow[], previousDigest: string): EncodedSegment {
  const [first] = rows;
  const last = rows.at(-1);
  if (first === undefined || last === undefined) throw new Error('A segment has rows.');
  const parts = rows.map(encodeRow);
  const rowBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  SEGMENT_MAGIC.copy(header);
  header.writeUInt32LE(rows.length, 4);
  header.writeBigUInt64LE(BigInt(rowBytes), 8);
  header.writeBigUInt64LE(first.seq, 16);
  header.writeBigUInt64LE(last.seq, 24);
  header.writeBigInt64LE(microsOf(first.recordedAt), 32);
  header.writeBigInt64LE(microsOf(last.recordedAt), 40);
  header.write(previousDigest, 48, 'hex');
  header.writeUInt32LE(crc32c(header.subarray(0, 84)), 84);
  const body = Buffer.concat([header, ...parts]);
  const digest = digestOf(body);
  return { bytes: Buffer.concat([body, digest]), digest: digest.toString('hex') };
}

/** @throws {NervPersistenceError} `archive/damaged` */
export function decodeSegmentHeader(file: string, at: number, given: Uint8Array): SegmentHeader {
  const bytes = asBuffer(given);
  if (!bytes.subarray(0, 4).equals(SEGMENT_MAGIC)) throw makeDamaged(file, at, 'no segment begins there');
  if (bytes.readUInt32LE(84) !== crc32c(bytes.subarray(0, 84))) throw makeDamaged(file, at, 'a header does not add up');
  const header: SegmentHeader = {
    rows: bytes.readUInt32LE(4),
    rowBytes: Number(bytes.readBigUInt64LE(8)),
    firstSeq: bytes.readBigUInt64LE(16),
    lastSeq: bytes.readBigUInt64LE(24),
    firstMicros: bytes.readBigInt64LE(32),
    lastMicros: bytes.readBigInt64LE(40),
    previousDigest: bytes.toString('hex', 48, 80),
  };
  if (header.lastSeq - header.firstSeq + 1n !== BigInt(header.rows)) {
    throw makeDamaged(file, at, `a segment of ${header.rows} rows says ${header.firstSeq} to ${header.lastSeq}`);
  }
  return header;
}

/** The bytes of a segment, from its header to its digest. */
export function segmentBytes({ rowBytes }: SegmentHeader): number {
  return SEGMENT_HEADER_BYTES + rowBytes + DIGEST_BYTES;
}

/**
 * Takes a whole segment apart.
 * @throws {NervPersistenceError} `archive/damaged`, naming the row's byte where a row is what is wrong
 */
export function decodeSegment(
  file: string,
  at: number,
  given: Uint8Array,
): { readonly header: SegmentHeader; readonly rows: readonly EventLogRow[]; readonly digest: string } {
  const bytes = asBuffer(given);
  const header = decodeSegmentHeader(file, at, bytes);
  const end = SEGMENT_HEADER_BYTES + header.rowBytes;
  const digest = digestOf(bytes.subarray(0, end));
  const isWhole = digest.equals(bytes.subarray(end, end + DIGEST_BYTES));
  const rows = decodeRows({ file, at, bytes: bytes.subarray(0, end) }, header);
  if (!isWhole) throw makeDamaged(file, at + end, 'the digest is not that of the segment');
  return { header, rows, digest: digest.toString('hex') };
}

interface SegmentPlace {
  readonly file: string;
  readonly at: number;
  readonly bytes: Buffer;
}

function decodeRows({ file, at, bytes }: SegmentPlace, header: SegmentHeader): readonly EventLogRow[] {
  const rows: EventLogRow[] = [];
  let offset = SEGMENT_HEADER_BYTES;
  while (offset < bytes.length) {
    const place = at + offset;
    const length = offset + ROW_HEADER_BYTES <= bytes.length ? bytes.readUInt32LE(offset) : Number.POSITIVE_INFINITY;
    const end = offset + ROW_HEADER_BYTES + length;
    if (end > bytes.length) throw makeDamaged(file, place, 'a row ends behind its segment');
    const content = bytes.subarray(offset + ROW_HEADER_BYTES, end);
    if (bytes.readUInt32LE(offset + 4) !== crc32c(content)) throw makeDamaged(file, place, 'a row does not add up');
    const row = tryParseArchivedRow(content);
    if (row === undefined) throw makeDamaged(file, place, 'a row cannot be read');
    const expected = header.firstSeq + BigInt(rows.length);
    if (row.seq !== expected) throw makeDamaged(file, place, `it holds row ${row.seq} where ${expected} belongs`);
    rows.push(row);
    offset = end;
  }
  if (rows.length === header.rows) return rows;
  throw makeDamaged(file, at, `a segment has ${rows.length} rows and says ${header.rows}`);
}

function encodeRow(row: EventLogRow): Uint8Array {
  const content = formatArchivedRow(row);
  const bytes = Buffer.alloc(ROW_HEADER_BYTES + content.length);
  bytes.writeUInt32LE(content.length, 0);
  bytes.writeUInt32LE(crc32c(content), 4);
  bytes.set(content, ROW_HEADER_BYTES);
  return bytes;
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
