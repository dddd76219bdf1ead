/*
 * Where the segments of an archive lie. Invariants, checked here as far as headers tell:
 * - rows of a file, and of one file after the other, follow each other without a gap;
 * - only the last file may end in something unfinished: what was being written when its writer ended.
 */
import { NervPersistenceError } from '../errors.ts';
import { makeDamaged } from './archive-error.ts';
import type { ArchiveFiles } from './archive-files.ts';
import {
  decodeFileHeader,
  decodeSegment,
  decodeSegmentHeader,
  FILE_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  segmentBytes,
  type FileHeader,
  type SegmentHeader,
} from './archive-format.ts';
import type { EventLogRow } from '@inner-universe/module/wire';

/** How many files' segments are remembered. */
const INDEXED_FILES_MAX = 64;

const FILE_NAME = /^events-(\d{20})\.iua$/;

/** A segment that was found by its header; its rows have not been looked at. */
export interface SegmentPlace {
  readonly file: string;
  readonly at: number;
  readonly header: SegmentHeader;
}

/** A segment that is sound. */
export interface LoadedSegment extends SegmentPlace {
  readonly rows: readonly EventLogRow[];
  readonly digest: string;
}

/** The segments of a file, and where they end. */
export interface IndexedFile {
  readonly name: string;
  readonly header: FileHeader;
  readonly segments: readonly SegmentPlace[];
  /** Where the next segment would begin. */
  readonly end: number;
  /** What lies behind: the beginning of something that was not finished. */
  readonly unfinishedBytes: number;
  /** What is wrong behind the segments. Of the last file alone: of any other it is thrown. */
  readonly fault: NervPersistenceError | undefined;
}

/** The name of the file whose first row is that one. */
export function fileNameOf(firstSeq: bigint): string {
  return `events-${firstSeq.toString().padStart(20, '0')}.iua`;
}

/** The `seq` of the first row of a file, as its name says. */
export function firstSeqOf(name: string): bigint {
  return BigInt(FILE_NAME.exec(name)?.[1] ?? 0);
}

/** Finds segments, and remembers where they lie. */
export class SegmentIndex {
  readonly #files: ArchiveFiles;
  readonly #known = new Map<string, { readonly size: number; readonly isLast: boolean; readonly file: IndexedFile }>();

  constructor(files: ArchiveFiles) {
    this.#files = files;
  }

  /** Names of the archive's files, in order. */
  async names(): Promise<readonly string[]> {
    return (await this.#files.list()).filter((name) => FILE_NAME.test(name)).sort();
  }

  /**
   * What lies in a file. Undefined where not even its header was finished, which only the last file's may be.
   * @throws {NervPersistenceError} `archive/damaged`, `archive/newer-format`
   */
  async file(name: string, isLast: boolean): Promise<IndexedFile | undefined> {
    const size = await this.#files.size(name);
    const known = this.#known.get(name);
    if (known?.size === size && known.isLast === isLast) return known.file;
    const file = await this.#look(name, size, isLast);
    if (file === undefined) return undefined;
    this.#known.set(name, { size, isLast, file });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= INDEXED_FILES_MAX) break;
      this.#known.delete(oldest);
    }
    return file;
  }

  /** Reads a segment and checks it. @throws {NervPersistenceError} `archive/damaged` */
  async load(place: SegmentPlace): Promise<LoadedSegment> {
    const { file, at, header } = place;
    const length = segmentBytes(header);
    const bytes = await this.#files.read(file, at, length);
    if (bytes.length < length) throw makeDamaged(file, at + bytes.length, 'it ends within a segment');
    return { ...decodeSegment(file, at, bytes), file, at };
  }

  /**
   * The header of a file; undefined where it was not finished, which only the last file's may be.
   * @throws {NervPersistenceError} `archive/damaged`, `archive/newer-format`
   */
  async header(name: string, isLast: boolean): Promise<FileHeader | undefined> {
    const start = await this.#files.read(name, 0, FILE_HEADER_BYTES);
    if (isLast && isUnfinished(start, FILE_HEADER_BYTES)) return undefined;
    const header = decodeFileHeader(name, start);
    if (name !== fileNameOf(header.firstSeq)) throw makeDamaged(name, 16, 'it was given another name');
    return header;
  }

  /**
   * The segments of a file in order, by their headers; of the last file, those that were finished.
   * @throws {NervPersistenceError} `archive/damaged`
   */
  async *walk(name: string, header: FileHeader, isLast: boolean): AsyncGenerator<SegmentPlace, void, undefined> {
    const size = await this.#files.size(name);
    let at = FILE_HEADER_BYTES;
    let next = header.firstSeq;
    let previousDigest: string | undefined = header.previousDigest;
    while (at < size) {
      const bytes = await this.#files.read(name, at, SEGMENT_HEADER_BYTES);
      if (isLast && isUnfinished(bytes, SEGMENT_HEADER_BYTES)) return;
      if (bytes.length < SEGMENT_HEADER_BYTES) throw makeDamaged(name, at + bytes.length, 'it ends within a segment');
      const place = { file: name, at, header: decodeSegmentHeader(name, at, bytes) };
      checkOrder(place, next, previousDigest);
      const end = at + segmentBytes(place.header);
      if (end > size && !isLast) throw makeDamaged(name, size, 'it ends within a segment');
      if (end > size) return;
      yield place;
      next = place.header.lastSeq + 1n;
      previousDigest = undefined;
      at = end;
    }
  }

  async #look(name: string, size: number, isLast: boolean): Promise<IndexedFile | undefined> {
    const header = await this.header(name, isLast);
    if (header === undefined) return undefined;
    const segments: SegmentPlace[] = [];
    let fault: NervPersistenceError | undefined;
    try {
      for await (const place of this.walk(name, header, isLast)) segments.push(place);
    } catch (error) {
      // The last file's writer may have been ended by a loss of power: what is sound before that counts.
      if (!isLast || !isDamage(error)) throw error;
      fault = error;
    }
    const end = endOf(segments.at(-1));
    return { name, header, segments, end, unfinishedBytes: Math.max(size - end, 0), fault };
  }
}

/** Whether an error says that bytes are not what was written. */
export function isDamage(error: unknown): error is NervPersistenceError {
  return error instanceof NervPersistenceError && error.code === 'archive/damaged';
}

/** Where the next segment would begin. */
export function endOf(last: SegmentPlace | undefined): number {
  return last === undefined ? FILE_HEADER_BYTES : last.at + segmentBytes(last.header);
}

function checkOrder({ file, at, header }: SegmentPlace, next: bigint, previousDigest: string | undefined): void {
  if (header.firstSeq !== next)
    throw makeDamaged(file, at, `rows from ${header.firstSeq} on stand where ${next} belongs`);
  if (previousDigest === undefined || previousDigest === header.previousDigest) return;
  throw makeDamaged(file, at, 'its first segment does not follow what its header says');
}

/** Whether these are the bytes of something whose writing was interrupted: too few, or never written. */
function isUnfinished(bytes: Uint8Array, length: number): boolean {
  return bytes.length < length || bytes.every((byte) => byte === 0);
}
