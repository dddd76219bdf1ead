/**
 * The first 64 bytes of every file of a storage. In every version of the format they keep this shape:
 *
 *      0  8   magic 89 49 55 53 54 4F 0D 0A
 *      8  u32 format version
 *     12  u32 kind of file
 *     16  16  id of the storage, the same in all its files
 *     32  u64 offset: of a segment's first record; that a snapshot stands for; else 0
 *     40  u32 features, a bit each; none is defined in version 1
 *     44  16  zero
 *     60  u32 CRC-32C of the 60 bytes before
 *
 * Numbers are little-endian.
 */
import { makeCorruptError, StorageError } from '../storage-error.ts';
import { crc32c } from './crc32c.ts';

/** Bytes of a file header. */
export const FILE_HEADER_BYTES = 64;

/** The newest format version that this code reads, and the one it writes. */
export const FORMAT_VERSION = 1;

/** Bytes of a storage id. */
export const STORE_ID_BYTES = 16;

const MAGIC = Uint8Array.from([0x89, 0x49, 0x55, 0x53, 0x54, 0x4f, 0x0d, 0x0a]);

const KINDS = { marker: 1, segment: 2, snapshot: 3, watermark: 4 } as const;

/** What a file of a storage is for. */
export type FileKind = keyof typeof KINDS;

/** What a file's header says of it. */
export interface FileHeader {
  readonly kind: FileKind;
  readonly storeId: Uint8Array;
  readonly offset: number;
}

/** The 64 bytes of a header. */
export function encodeFileHeader(header: FileHeader): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC, 0);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setUint32(12, KINDS[header.kind], true);
  bytes.set(header.storeId, 16);
  view.setBigUint64(32, BigInt(header.offset), true);
  view.setUint32(60, crc32c(bytes, 0, 60), true);
  return bytes;
}

/**
 * The id of the storage whose marker file has these first bytes.
 * @throws {StorageError} `storage/not-a-database`, `storage/newer-version`, `storage/corrupt`.
 */
export function readMarkerHeader(bytes: Uint8Array, file: string): Uint8Array {
  if (!startsWithMagic(bytes)) {
    throw new StorageError({
      code: 'storage/not-a-database',
      message: `${file} is not the marker of a database: it starts with other bytes. Name another directory.`,
      details: { file },
    });
  }
  checkFrame(bytes, file);
  if (kindOf(bytes) !== KINDS.marker) throw corrupt(file, 12, 'the marker is a file of another kind');
  return bytes.slice(16, 16 + STORE_ID_BYTES);
}

/** The id of the storage that a file belongs to, or `undefined` when its header is not sound. */
export function tryReadStoreId(bytes: Uint8Array): Uint8Array | undefined {
  const isSound = bytes.length >= FILE_HEADER_BYTES && startsWithMagic(bytes) && hasSoundChecksum(bytes);
  return isSound ? bytes.slice(16, 16 + STORE_ID_BYTES) : undefined;
}

/**
 * Checks that a file's first bytes are the header that its place and name call for.
 * @throws {StorageError} `storage/newer-version`, `storage/corrupt`.
 */
export function checkFileHeader(bytes: Uint8Array, file: string, expected: FileHeader): void {
  if (!startsWithMagic(bytes)) throw corrupt(file, 0, 'the file does not start as a file of this storage');
  checkFrame(bytes, file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (kindOf(bytes) !== KINDS[expected.kind]) throw corrupt(file, 12, `the file is not a ${expected.kind}`);
  if (!sameBytes(bytes.subarray(16, 32), expected.storeId)) throw corrupt(file, 16, 'the file is of another database');
  const offset = view.getBigUint64(32, true);
  if (offset !== BigInt(expected.offset)) {
    throw corrupt(file, 32, `the file starts at record ${offset}, but its name says ${expected.offset}`);
  }
}

/** What holds for every file: whole, unchanged, and of a version that this code knows. */
function checkFrame(bytes: Uint8Array, file: string): void {
  if (bytes.length < FILE_HEADER_BYTES) throw corrupt(file, bytes.length, 'the file ends inside its header');
  if (!hasSoundChecksum(bytes)) throw corrupt(file, 0, "the file's header was changed");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(8, true);
  const features = view.getUint32(40, true);
  if (version === FORMAT_VERSION && features === 0) return;
  throw new StorageError({
    code: 'storage/newer-version',
    message:
      `${file} was written by a newer version (storage format ${version}, features ${features}); this one reads ` +
      `format ${FORMAT_VERSION} without features. Update the package, or open another directory. Nothing was changed.`,
    details: { file, found: version, features, supported: FORMAT_VERSION },
  });
}

function startsWithMagic(bytes: Uint8Array): boolean {
  return sameBytes(bytes.subarray(0, MAGIC.length), MAGIC);
}

function hasSoundChecksum(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return crc32c(bytes, 0, 60) === view.getUint32(60, true);
}

function kindOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(12, true);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, at) => value === b[at]);
}

function corrupt(file: string, byte: number, reason: string): StorageError {
  return makeCorruptError({ file, byte, reason });
}
