import { makeCorruptError, type StorageError } from '../storage-error.ts';
import { crc32c } from './crc32c.ts';
import type { NumberedFile } from './directory-layout.ts';
import { checkFileHeader, FILE_HEADER_BYTES } from './file-header.ts';
import type { FileSystem, OpenFile } from './file-system.ts';
import { reading } from './io-error.ts';
import {
  CHUNK_HEADER_BYTES,
  chunkChecksum,
  makeSnapshotSeed,
  SNAPSHOT_END_BYTES,
  tryDecodeChunkHeader,
  tryDecodeSnapshotEnd,
  type ChunkHeader,
  type SnapshotEnd,
} from './snapshot-format.ts';

/** A chunk up to this size is read ahead, while the one before it is used. */
const AHEAD_BYTES_MAX = 4 * 1024 * 1024;

/** A chunk that is being read, with what lies behind it: the header of the next one, or the start of the end. */
interface PendingChunk {
  readonly headerBytes: Uint8Array;
  readonly header: ChunkHeader;
  readonly bytes: Promise<Uint8Array>;
}

/**
 * Reads a snapshot that was published whole: anything but the bytes that were written is damage. The end is checked
 * before the first chunk is handed out, each chunk before it is handed out, and the chunks against the end at last.
 * A chunk is in a buffer of its own and may be kept.
 */
export class SnapshotReader {
  readonly size: number;
  readonly #snapshot: NumberedFile;
  readonly #file: OpenFile;
  readonly #seed: number;
  readonly #end: SnapshotEnd;
  #position: number = FILE_HEADER_BYTES;
  #index: number = 0;
  #checksum: number;
  /** The header of the chunk at `#position`, once it was read. */
  #headerBytes: Uint8Array | undefined;
  /** The chunk at `#position`, when it is read ahead. */
  #pending: PendingChunk | undefined;

  private constructor(opened: OpenedSnapshot) {
    this.#snapshot = opened.snapshot;
    this.#file = opened.file;
    this.size = opened.size;
    this.#seed = opened.seed;
    this.#end = opened.end;
    this.#checksum = opened.seed;
  }

  /** @throws {StorageError} `storage/corrupt`, `storage/newer-version`, `storage/read-failed`. */
  static async open(fileSystem: FileSystem, snapshot: NumberedFile, storeId: Uint8Array): Promise<SnapshotReader> {
    return reading(snapshot.path, async () => {
      const file = await fileSystem.open(snapshot.path, 'read');
      try {
        const size = await file.size();
        const header = await readExactly(file, 0, Math.min(FILE_HEADER_BYTES, size));
        checkFileHeader(header, snapshot.path, { kind: 'snapshot', storeId, offset: snapshot.offset });
        const seed = makeSnapshotSeed(storeId, snapshot.offset);
        const endAt = Math.max(FILE_HEADER_BYTES, size - SNAPSHOT_END_BYTES);
        const end = tryDecodeSnapshotEnd(await readExactly(file, endAt, size - endAt), seed);
        if (end === undefined) throw corrupt(snapshot, endAt, "the snapshot's end is not what was written");
        return new SnapshotReader({ snapshot, file, size, seed, end });
      } catch (error) {
        await file.close();
        throw error;
      }
    });
  }

  /** The chunks in order. Reading may stop anywhere and be taken up again by another call. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = await this.#readChunk();
      if (chunk === undefined) return;
      yield chunk;
    }
  }

  /** Reads and checks what no one has read. */
  async drain(): Promise<void> {
    while ((await this.#readChunk()) !== undefined);
  }

  async close(): Promise<void> {
    // Its failure is nobody's any more, but the file must not be closed under it.
    await this.#pending?.bytes.catch(() => undefined);
    await reading(this.#snapshot.path, () => this.#file.close());
  }

  async #readChunk(): Promise<Uint8Array | undefined> {
    if (this.#index === this.#end.chunks) return this.#checkEnd();
    const at = this.#position;
    this.#headerBytes ??= await this.#read(at, CHUNK_HEADER_BYTES);
    const { headerBytes, header, bytes } = this.#pending ?? this.#startReading(this.#headerBytes);
    this.#pending = undefined;
    const read = await bytes;
    const chunk = read.subarray(0, header.length);
    if (chunkChecksum(chunk, this.#index, this.#seed) !== header.checksum) {
      throw corrupt(this.#snapshot, at, `chunk ${this.#index} does not match its checksum`);
    }
    this.#checksum = crc32c(headerBytes, 0, CHUNK_HEADER_BYTES, this.#checksum);
    this.#position = at + CHUNK_HEADER_BYTES + header.length;
    this.#index++;
    this.#headerBytes = read.slice(header.length);
    this.#readAhead(this.#headerBytes);
    return chunk;
  }

  /** Begins to read the chunk at `#position`. */
  #startReading(headerBytes: Uint8Array): PendingChunk {
    const header = tryDecodeChunkHeader(headerBytes);
    if (header === undefined || !this.#fits(header)) {
      throw corrupt(this.#snapshot, this.#position, `chunk ${this.#index} does not start as it was written`);
    }
    // Behind a chunk there is a header or the end, which is longer.
    const bytes = this.#read(this.#position + CHUNK_HEADER_BYTES, header.length + CHUNK_HEADER_BYTES);
    return { headerBytes, header, bytes };
  }

  /** What is wrong with the next chunk is told when it is asked for. */
  #readAhead(headerBytes: Uint8Array): void {
    if (this.#index === this.#end.chunks) return;
    const header = tryDecodeChunkHeader(headerBytes);
    if (header === undefined || !this.#fits(header) || header.length > AHEAD_BYTES_MAX) return;
    this.#pending = this.#startReading(headerBytes);
    this.#pending.bytes.catch(() => undefined);
  }

  #checkEnd(): undefined {
    const whole = this.#position === this.size - SNAPSHOT_END_BYTES && this.#checksum === this.#end.checksum;
    if (!whole)
      throw corrupt(this.#snapshot, this.#position, 'the chunks are not those that the end of the file names');
    return undefined;
  }

  #fits(header: ChunkHeader): boolean {
    return this.#position + CHUNK_HEADER_BYTES + header.length <= this.size - SNAPSHOT_END_BYTES;
  }

  #read(position: number, length: number): Promise<Uint8Array> {
    return reading(this.#snapshot.path, () => readExactly(this.#file, position, length));
  }
}

interface OpenedSnapshot {
  readonly snapshot: NumberedFile;
  readonly file: OpenFile;
  readonly size: number;
  readonly seed: number;
  readonly end: SnapshotEnd;
}

async function readExactly(file: OpenFile, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, await file.read(bytes, position));
}

function corrupt(snapshot: NumberedFile, byte: number, reason: string): StorageError {
  return makeCorruptError({ file: snapshot.path, byte, reason });
}
