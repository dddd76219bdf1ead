import { StorageError } from '../storage-error.ts';
import { DirectoryLayout, readMarker, type NumberedFile, type NumberedFiles } from './directory-layout.ts';
import { checkFileHeader, FILE_HEADER_BYTES, tryReadStoreId } from './file-header.ts';
import type { FileSystem } from './file-system.ts';
import {
  findFrameFlaw,
  FRAME_HEADER_BYTES,
  isRecordSound,
  makeRecordSeed,
  makeSegmentSeed,
  makeStoreSeed,
  RECORD_HEADER_BYTES,
  tryRecordEnd,
} from './frame.ts';
import { nodeFileSystem } from './node-file-system.ts';
import { SegmentReader, type FoundFrame } from './segment-reader.ts';
import { readSnapshotParts } from './salvage-snapshot.ts';
import { readWatermark } from './watermark.ts';

/** Bytes of a damaged storage that are not what was written, or that are missing (`from` equals `to`). */
export interface DamagedRange {
  readonly file: string;
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** Receives all that is sound in a storage, and where it is not. */
export interface SalvageVisitor {
  /** A sound chunk of the snapshot at `offset`. Damaged ones before it are reported, and counted in `index`. */
  snapshotChunk(offset: bigint, index: number, chunk: Uint8Array): void;
  /** A sound record, to be kept. Segments come in order, and the records of each. */
  record(offset: bigint, record: Uint8Array): void;
  damaged(range: DamagedRange): void;
}

/** What a salvage found. */
export interface SalvageReport {
  readonly records: number;
  readonly snapshotChunks: number;
  readonly damagedRanges: number;
}

/**
 * Reads out what is sound in a damaged storage, and reports every range that is not. Writes nothing, so that it may
 * run on a copy or on a read-only disk; a torn tail is reported like damage.
 * @throws {StorageError} `storage/not-a-database` when no file says to which database it belongs; `storage/read-failed`.
 */
export async function salvageDiskStorage(
  directory: string,
  visitor: SalvageVisitor,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<SalvageReport> {
  const salvage = new Salvage(new DirectoryLayout(fileSystem, directory), visitor, fileSystem);
  return salvage.run();
}

class Salvage {
  readonly #layout: DirectoryLayout;
  readonly #visitor: SalvageVisitor;
  readonly #fileSystem: FileSystem;
  #records: number = 0;
  #snapshotChunks: number = 0;
  #damagedRanges: number = 0;
  /** Offset that should come next; `undefined` before the first record. */
  #nextOffset: number | undefined;
  #lastSegment: string;

  constructor(layout: DirectoryLayout, visitor: SalvageVisitor, fileSystem: FileSystem) {
    this.#layout = layout;
    this.#visitor = visitor;
    this.#fileSystem = fileSystem;
    this.#lastSegment = layout.log;
  }

  async run(): Promise<SalvageReport> {
    const snapshots = await this.#list(this.#layout.snapshots, () => this.#layout.surveySnapshots());
    const segments = await this.#list(this.#layout.log, () => this.#layout.surveySegments());
    const storeId = await this.#findStoreId([...segments, ...snapshots]);
    for (const snapshot of snapshots) await this.#readSnapshot(snapshot, storeId);
    for (const segment of segments) await this.#readSegment(segment, storeId);
    const { watermark } = this.#layout;
    const acknowledged = await this.#try(watermark, () => readWatermark(this.#fileSystem, watermark, storeId));
    this.#expectOffset(acknowledged ?? 0, this.#lastSegment, 0);
    return {
      records: this.#records,
      snapshotChunks: this.#snapshotChunks,
      damagedRanges: this.#damagedRanges,
    };
  }

  async #list(directory: string, survey: () => Promise<NumberedFiles>): Promise<readonly NumberedFile[]> {
    const { files, strangers } = (await this.#try(directory, survey)) ?? { files: [], strangers: [] };
    for (const file of strangers) {
      this.#reportDamage({ file, from: 0, to: 0, reason: 'a file with a name that storage does not give' });
    }
    return files;
  }

  async #findStoreId(files: readonly NumberedFile[]): Promise<Uint8Array> {
    const marked = await this.#try(this.#layout.marker, () => readMarker(this.#fileSystem, this.#layout));
    if (marked !== undefined) return marked;
    for (const file of files) {
      const storeId = tryReadStoreId(await this.#readStart(file.path));
      if (storeId !== undefined) return storeId;
    }
    throw new StorageError({
      code: 'storage/not-a-database',
      message: `No file in ${this.#layout.directory} says to which database it belongs, so nothing can be checked.`,
      details: { directory: this.#layout.directory },
    });
  }

  async #readStart(file: string): Promise<Uint8Array> {
    const reader = await SegmentReader.open(this.#fileSystem, file, 0);
    try {
      return await reader.read(0, FILE_HEADER_BYTES);
    } finally {
      await reader.close();
    }
  }

  async #readSnapshot(snapshot: NumberedFile, storeId: Uint8Array): Promise<void> {
    await this.#try(snapshot.path, async () => {
      for await (const part of readSnapshotParts(this.#fileSystem, snapshot, storeId)) {
        if (part.type === 'damage') {
          this.#reportDamage({ file: snapshot.path, ...part });
        } else {
          this.#snapshotChunks++;
          this.#visitor.snapshotChunk(BigInt(snapshot.offset), part.index, part.chunk);
        }
      }
    });
  }

  async #readSegment(segment: NumberedFile, storeId: Uint8Array): Promise<void> {
    const storeSeed = makeStoreSeed(storeId);
    const seed = makeSegmentSeed(storeSeed, segment.offset);
    const reader = await SegmentReader.open(this.#fileSystem, segment.path, seed);
    this.#lastSegment = segment.path;
    this.#nextOffset ??= segment.offset;
    try {
      await this.#try(segment.path, async () => {
        const header = await reader.read(0, Math.min(FILE_HEADER_BYTES, reader.size));
        checkFileHeader(header, segment.path, { kind: 'segment', storeId, offset: segment.offset });
      });
      this.#expectOffset(segment.offset, segment.path, 0);
      await this.#readFrames(reader, storeSeed);
    } finally {
      await reader.close();
    }
  }

  async #readFrames(reader: SegmentReader, storeSeed: number): Promise<void> {
    const contentEnd = await reader.findContentEnd(FILE_HEADER_BYTES);
    for (let position = FILE_HEADER_BYTES; position < contentEnd;) {
      const frame = await reader.readFrame(position);
      if (frame !== undefined) {
        this.#readFrame(reader, frame, storeSeed);
        position += frame.bytes.length;
        continue;
      }
      const next = (await reader.findFrame(position + FRAME_HEADER_BYTES)) ?? contentEnd;
      this.#reportDamage({ file: reader.path, from: position, to: next, reason: 'no sound frame starts here' });
      position = next;
    }
  }

  #readFrame(reader: SegmentReader, frame: FoundFrame, storeSeed: number): void {
    const { header, bytes, position } = frame;
    this.#expectOffset(header.firstOffset, reader.path, position);
    const flaw = findFrameFlaw(bytes, header, storeSeed);
    const recordsEnd = FRAME_HEADER_BYTES + header.recordsBytes;
    let at = FRAME_HEADER_BYTES;
    for (let index = 0; index < header.recordCount; index++) {
      const offset = header.firstOffset + index;
      const end = tryRecordEnd(bytes, at, recordsEnd) ?? recordsEnd;
      if (at < end && isRecordSound(bytes, at, end, makeRecordSeed(storeSeed, offset))) {
        this.#records++;
        this.#visitor.record(BigInt(offset), bytes.slice(at + RECORD_HEADER_BYTES, end));
      } else {
        const reason = `record ${offset} does not match its checksum`;
        this.#reportDamage({ file: reader.path, from: position + at, to: position + end, reason });
      }
      at = end;
    }
    if (flaw !== undefined && flaw.at >= recordsEnd) {
      this.#reportDamage({
        file: reader.path,
        from: position + flaw.at,
        to: position + bytes.length,
        reason: flaw.reason,
      });
    }
    this.#nextOffset = header.firstOffset + header.recordCount;
  }

  /** Reports records that nothing was found of. */
  #expectOffset(offset: number, file: string, position: number): void {
    const expected = this.#nextOffset ?? 0;
    if (offset <= expected) return;
    const reason = `records ${expected} to ${offset - 1} are missing before here`;
    this.#reportDamage({ file, from: position, to: position, reason });
    this.#nextOffset = offset;
  }

  /** What `work` gives; damage is reported, and then it is `undefined`. */
  async #try<T>(file: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      const at = typeof error.details['byte'] === 'number' ? error.details['byte'] : 0;
      const place = typeof error.details['file'] === 'string' ? error.details['file'] : file;
      this.#reportDamage({ file: place, from: at, to: at, reason: error.message });
      return undefined;
    }
  }

  #reportDamage(range: DamagedRange): void {
    this.#damagedRanges++;
    const { file, from, to, reason } = range;
    this.#visitor.damaged({ file, from, to, reason });
  }
}
