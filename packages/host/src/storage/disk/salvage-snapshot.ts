import { errorMessage } from '../../errors.ts';
import { crc32c } from './crc32c.ts';
import type { NumberedFile } from './directory-layout.ts';
import { checkFileHeader, FILE_HEADER_BYTES } from './file-header.ts';
import type { FileSystem, OpenFile } from './file-system.ts';
import {
  CHUNK_HEADER_BYTES,
  chunkChecksum,
  makeSnapshotSeed,
  SNAPSHOT_END_BYTES,
  tryDecodeChunkHeader,
  tryDecodeSnapshotEnd,
} from './snapshot-format.ts';

/** A sound chunk, or a range that is not what was written. */
export type SnapshotPart =
  | { readonly type: 'chunk'; readonly index: number; readonly chunk: Uint8Array }
  | { readonly type: 'damage'; readonly from: number; readonly to: number; readonly reason: string };

/** Reads a snapshot that may be damaged, front to back, and leaves nothing out. Errors are the file system's own. */
export async function* readSnapshotParts(
  fileSystem: FileSystem,
  snapshot: NumberedFile,
  storeId: Uint8Array,
): AsyncGenerator<SnapshotPart, void, undefined> {
  const file = await fileSystem.open(snapshot.path, 'read');
  try {
    const size = await file.size();
    const header = await readAt(file, 0, Math.min(FILE_HEADER_BYTES, size));
    const flaw = findHeaderFlaw(header, snapshot, storeId);
    if (flaw !== undefined) yield { type: 'damage', from: 0, to: header.length, reason: flaw };
    yield* readChunks(file, size, makeSnapshotSeed(storeId, snapshot.offset));
  } finally {
    await file.close();
  }
}

async function* readChunks(file: OpenFile, size: number, seed: number): AsyncGenerator<SnapshotPart, void, undefined> {
  let position = FILE_HEADER_BYTES;
  let checksum = seed;
  for (let index = 0; ; index++) {
    const headerBytes = await readAt(file, position, CHUNK_HEADER_BYTES);
    const header = headerBytes.length < CHUNK_HEADER_BYTES ? undefined : tryDecodeChunkHeader(headerBytes);
    const end = position + CHUNK_HEADER_BYTES + (header?.length ?? 0);
    if (header === undefined || end > size) break;
    const chunk = await readAt(file, position + CHUNK_HEADER_BYTES, header.length);
    const isSound = chunkChecksum(chunk, index, seed) === header.checksum;
    if (isSound) yield { type: 'chunk', index, chunk };
    else yield { type: 'damage', from: position, to: end, reason: `chunk ${index} does not match its checksum` };
    checksum = crc32c(headerBytes, 0, CHUNK_HEADER_BYTES, checksum);
    position = end;
  }
  const rest = await readAt(file, position, Math.min(SNAPSHOT_END_BYTES, Math.max(0, size - position)));
  const isEnd = tryDecodeSnapshotEnd(rest, seed)?.checksum === checksum && position + SNAPSHOT_END_BYTES === size;
  if (!isEnd) yield { type: 'damage', from: position, to: size, reason: 'neither a chunk nor the end starts here' };
}

function findHeaderFlaw(header: Uint8Array, snapshot: NumberedFile, storeId: Uint8Array): string | undefined {
  try {
    checkFileHeader(header, snapshot.path, { kind: 'snapshot', storeId, offset: snapshot.offset });
    return undefined;
  } catch (error) {
    return errorMessage(error);
  }
}

async function readAt(file: OpenFile, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, await file.read(bytes, position));
}
