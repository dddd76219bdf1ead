import path from 'node:path';
import { makeTooLargeError } from '../storage-error.ts';
import { crc32c } from './crc32c.ts';
import { encodeFileHeader } from './file-header.ts';
import type { FileSystem, OpenFile } from './file-system.ts';
import { writing } from './io-error.ts';
import { temporaryName } from './publish-file.ts';
import { CHUNK_BYTES_MAX, encodeChunkHeader, encodeSnapshotEnd, makeSnapshotSeed } from './snapshot-format.ts';

/** Chunks are gathered up to this many bytes for one write; then others get their turn. */
const STEP_BYTES = 256 * 1024;

/** What is written is made durable in steps of this size: one long sync at the end would hold up the log's. */
const SYNC_BYTES = 8 * 1024 * 1024;

/** What a snapshot is written from. */
export interface SnapshotSource {
  readonly path: string;
  readonly offset: number;
  readonly storeId: Uint8Array;
  readonly chunks: Iterable<Uint8Array>;
  /** Called between steps: lets others run, and throws to give up. */
  readonly pause: () => Promise<void>;
  /** Called when all is written, before the snapshot takes its name. */
  readonly ready: () => Promise<void>;
}

/**
 * Writes a snapshot and makes it appear under its name, durably and in one step. When anything fails the unfinished
 * file is removed. Gives the file's size.
 * @throws {StorageError} `storage/write-failed`, `storage/record-too-large` for a chunk; what `chunks` throws.
 */
export async function writeSnapshotFile(fileSystem: FileSystem, source: SnapshotSource): Promise<number> {
  const temporary = temporaryName(source.path);
  const file = await writing(temporary, () => fileSystem.open(temporary, 'create'));
  let size: number;
  try {
    try {
      size = await new SnapshotWriter(file, temporary, source).write();
    } finally {
      await writing(temporary, () => file.close());
    }
    await source.ready();
    await writing(source.path, () => fileSystem.rename(temporary, source.path));
  } catch (error) {
    await removeUnfinished(fileSystem, temporary);
    throw error;
  }
  await writing(source.path, () => fileSystem.syncDirectory(path.dirname(source.path)));
  return size;
}

async function removeUnfinished(fileSystem: FileSystem, temporary: string): Promise<void> {
  try {
    await fileSystem.remove(temporary);
  } catch {
    // The caller hears why the snapshot failed. What is left here takes space until the next opening removes it.
  }
}

class SnapshotWriter {
  readonly #file: OpenFile;
  readonly #path: string;
  readonly #source: SnapshotSource;
  readonly #seed: number;
  readonly #step: Uint8Array = new Uint8Array(STEP_BYTES);
  #stepUsed: number = 0;
  #position: number = 0;
  #unsynced: number = 0;
  #checksum: number;
  #chunks: number = 0;
  #bytes: number = 0;

  constructor(file: OpenFile, path: string, source: SnapshotSource) {
    this.#file = file;
    this.#path = path;
    this.#source = source;
    this.#seed = makeSnapshotSeed(source.storeId, source.offset);
    this.#checksum = this.#seed;
  }

  /** Writes everything and makes it durable; gives the number of bytes. */
  async write(): Promise<number> {
    const { storeId, offset, chunks } = this.#source;
    await this.#put(encodeFileHeader({ kind: 'snapshot', storeId, offset }));
    for (const chunk of chunks) await this.#putChunk(chunk);
    const end = { checksum: this.#checksum, chunks: this.#chunks, bytes: this.#bytes };
    await this.#put(encodeSnapshotEnd(end, this.#seed));
    await this.#flush();
    await writing(this.#path, () => this.#file.sync());
    return this.#position;
  }

  async #putChunk(chunk: Uint8Array): Promise<void> {
    if (chunk.length > CHUNK_BYTES_MAX) throw makeTooLargeError(chunk.length, CHUNK_BYTES_MAX);
    const header = encodeChunkHeader(chunk, this.#chunks, this.#seed);
    this.#checksum = crc32c(header, 0, header.length, this.#checksum);
    this.#chunks++;
    this.#bytes += chunk.length;
    await this.#put(header);
    await this.#put(chunk);
  }

  async #put(bytes: Uint8Array): Promise<void> {
    if (this.#stepUsed + bytes.length > STEP_BYTES) await this.#flush();
    if (bytes.length > STEP_BYTES) return this.#writeOut(bytes);
    this.#step.set(bytes, this.#stepUsed);
    this.#stepUsed += bytes.length;
  }

  async #flush(): Promise<void> {
    if (this.#stepUsed === 0) return;
    await this.#writeOut(this.#step.subarray(0, this.#stepUsed));
    this.#stepUsed = 0;
  }

  async #writeOut(bytes: Uint8Array): Promise<void> {
    await writing(this.#path, () => this.#file.write(bytes, this.#position));
    this.#position += bytes.length;
    this.#unsynced += bytes.length;
    if (this.#unsynced >= SYNC_BYTES) {
      await writing(this.#path, () => this.#file.sync());
      this.#unsynced = 0;
    }
    await this.#source.pause();
  }
}
