/**
 * A snapshot file: the file header, chunks, and an end.
 *
 *     chunk                                             end, 32 bytes
 *      0  4   magic "CHNK"                               0  4   magic "DONE"
 *      4  u32 length                                     4  u32 CRC-32C of all chunk headers, in order
 *      8  u32 CRC-32C of index, length and bytes         8  u64 number of chunks
 *     12  the bytes                                     16  u64 bytes of all chunks
 *                                                       24  u32 CRC-32C of the 24 bytes before
 *                                                       28  4   zero
 *
 * Checksums are seeded by the storage and the snapshot's offset. The file ends with the end.
 */
import { crc32c, crc32cOfU32, crc32cOfU64 } from './crc32c.ts';
import { isZero, makeStoreSeed, readU32, writeU32 } from './frame.ts';

/** Bytes in front of each chunk. */
export const CHUNK_HEADER_BYTES = 12;

/** Bytes of the end of a snapshot. */
export const SNAPSHOT_END_BYTES = 32;

/** The longest chunk that is written or read. */
export const CHUNK_BYTES_MAX: number = 1024 * 1024 * 1024;

const CHUNK_MAGIC = 0x4b4e4843;
const END_MAGIC = 0x454e4f44;

/** The seed of all checksums in one snapshot. */
export function makeSnapshotSeed(storeId: Uint8Array, offset: number): number {
  return crc32cOfU64(offset, makeStoreSeed(storeId));
}

/** What a chunk's header says. */
export interface ChunkHeader {
  readonly length: number;
  readonly checksum: number;
}

/** The header for a chunk at that place in the order. */
export function encodeChunkHeader(chunk: Uint8Array, index: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(CHUNK_HEADER_BYTES);
  writeU32(bytes, 0, CHUNK_MAGIC);
  writeU32(bytes, 4, chunk.length);
  writeU32(bytes, 8, chunkChecksum(chunk, index, seed));
  return bytes;
}

/** What the header says, or `undefined` when no chunk starts so. Whether it is sound shows with the chunk's bytes. */
export function tryDecodeChunkHeader(bytes: Uint8Array): ChunkHeader | undefined {
  const length = readU32(bytes, 4);
  if (readU32(bytes, 0) !== CHUNK_MAGIC || length > CHUNK_BYTES_MAX) return undefined;
  return { length, checksum: readU32(bytes, 8) };
}

/** The checksum of a chunk at that place in the order. */
export function chunkChecksum(chunk: Uint8Array, index: number, seed: number): number {
  return crc32c(chunk, 0, chunk.length, crc32cOfU32(chunk.length, crc32cOfU64(index, seed)));
}

/** What the end of a snapshot says of the whole. */
export interface SnapshotEnd {
  /** CRC-32C of all chunk headers in order, started from the snapshot's seed. */
  readonly checksum: number;
  readonly chunks: number;
  readonly bytes: number;
}

/** The 32 bytes of an end. */
export function encodeSnapshotEnd(end: SnapshotEnd, seed: number): Uint8Array {
  const bytes = new Uint8Array(SNAPSHOT_END_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, END_MAGIC, true);
  view.setUint32(4, end.checksum, true);
  view.setBigUint64(8, BigInt(end.chunks), true);
  view.setBigUint64(16, BigInt(end.bytes), true);
  view.setUint32(24, crc32c(bytes, 0, 24, seed), true);
  return bytes;
}

/** What a sound end says, or `undefined`. */
export function tryDecodeSnapshotEnd(bytes: Uint8Array, seed: number): SnapshotEnd | undefined {
  if (bytes.length !== SNAPSHOT_END_BYTES || readU32(bytes, 0) !== END_MAGIC) return undefined;
  if (readU32(bytes, 24) !== crc32c(bytes, 0, 24, seed) || !isZero(bytes, 28, 32)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    checksum: readU32(bytes, 4),
    chunks: Number(view.getBigUint64(8, true)),
    bytes: Number(view.getBigUint64(16, true)),
  };
}
