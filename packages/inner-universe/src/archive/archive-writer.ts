/*
 * Writes segments behind those that are there. Invariants:
 * - one writer at a time: whoever opens one holds the lock of the files;
 * - what is unsound at the end of the last file is cut off only if the log still has all of it;
 * - a segment counts as durable when its file was synced after it was written by this writer, and so do its file's header
 *   and name: what an earlier one wrote is written again before it is relied on, since a sync that failed may leave bytes that can be read and are not on disk.
 */
import type { EventLogRow } from '@inner-universe/module/wire';
import type { NervPersistenceError } from '../errors.ts';
import { makeDamaged, makeGap } from './archive-error.ts';
import type { ArchiveFiles } from './archive-files.ts';
import {
  encodeFileHeader,
  encodeSegment,
  FILE_HEADER_BYTES,
  NO_DIGEST,
  segmentBytes,
  type FileHeader,
} from './archive-format.ts';
import { endOf, fileNameOf, firstSeqOf, isDamage, SegmentIndex, type LoadedSegment } from './segment-index.ts';

/** How the log is trimmed: up to which row, and the digest of the segment that holds that row. */
export interface TrimPoint {
  readonly seq: bigint;
  readonly digest: string | undefined;
}

/** A segment that is durable. */
export interface WrittenSegment {
  readonly lastSeq: bigint;
  readonly digest: string;
  readonly bytes: number;
}

/** Where an archive ends. */
interface ArchiveEnd {
  /** The file to write to, and how long it is; undefined before the first. */
  readonly file: string | undefined;
  readonly size: number;
  readonly seq: bigint;
  readonly digest: string;
}

/** Appends to an archive. */
export class ArchiveWriter {
  readonly #files: ArchiveFiles;
  readonly #fileBytesMax: number;
  #end: ArchiveEnd;
  /** The file whose header and name this writer has made durable. An earlier one may have been killed before it did. */
  #ownFile: string | undefined;

  private constructor(files: ArchiveFiles, end: ArchiveEnd, fileBytesMax: number) {
    this.#files = files;
    this.#end = end;
    this.#fileBytesMax = fileBytesMax;
  }

  /**
   * Finds the end of the archive and repairs what a writer left unfinished there. The caller holds the lock.
   * @throws {NervPersistenceError} `archive/damaged`, `archive/gap`, `archive/newer-format`
   */
  static async open(files: ArchiveFiles, trimmed: TrimPoint, fileBytesMax: number): Promise<ArchiveWriter> {
    const end = await findEnd(files, trimmed);
    if (end.seq < trimmed.seq) {
      throw makeGap(
        `The archive in '${files.directory}' ends with row ${end.seq}, but the log is trimmed up to ${trimmed.seq}. ` +
          'It is the archive of another universe, or files are missing: give the right directory, or an empty one to begin a new archive.',
        { directory: files.directory, lastSeq: end.seq.toString(), trimmedSeq: trimmed.seq.toString() },
      );
    }
    return new ArchiveWriter(files, end, fileBytesMax);
  }

  /** The last row that is in the archive, or would be before its first. */
  get lastSeq(): bigint {
    return this.#end.seq;
  }

  /** Writes rows that follow the last one, as one segment, and makes them durable. */
  async append(rows: readonly EventLogRow[]): Promise<WrittenSegment> {
    const end = this.#end;
    const { bytes, digest } = encodeSegment(rows, end.digest);
    const first = rows[0]?.seq ?? 0n;
    const isNew = end.file === undefined || end.size >= this.#fileBytesMax;
    const file = isNew ? fileNameOf(first) : end.file;
    const at = isNew ? FILE_HEADER_BYTES : end.size;
    if (isNew) await this.#files.write(file, 0, encodeFileHeader({ firstSeq: first, previousDigest: end.digest }));
    else if (file !== this.#ownFile) await this.#rewriteHeader(file);
    await this.#files.write(file, at, bytes);
    await this.#files.sync(file);
    if (file !== this.#ownFile) await this.#files.syncDirectory();
    this.#ownFile = file;
    const seq = end.seq + BigInt(rows.length);
    this.#end = { file, size: at + bytes.length, seq, digest };
    return { lastSeq: seq, digest, bytes: bytes.length };
  }

  /** Makes durable what an earlier writer wrote. */
  async secure({ file, at, header, digest }: LoadedSegment): Promise<WrittenSegment> {
    const bytes = await this.#files.read(file, at, segmentBytes(header));
    await this.#rewriteHeader(file);
    await this.#files.write(file, at, bytes);
    await this.#files.sync(file);
    await this.#files.syncDirectory();
    return { lastSeq: header.lastSeq, digest, bytes: bytes.length };
  }

  async #rewriteHeader(file: string): Promise<void> {
    await this.#files.write(file, 0, await this.#files.read(file, 0, FILE_HEADER_BYTES));
  }
}

/** What a file holds that is sound, and what is wrong behind that. */
interface SoundPart {
  readonly header: FileHeader | undefined;
  readonly last: LoadedSegment | undefined;
  readonly damage: NervPersistenceError | undefined;
}

/** Finds the last sound segment, and removes what is behind it. */
async function findEnd(files: ArchiveFiles, trimmed: TrimPoint): Promise<ArchiveEnd> {
  const index = new SegmentIndex(files);
  const names = await index.names();
  const empty: string[] = [];
  for (const name of [...names].reverse()) {
    const { header, last, damage } = await findSound(index, name);
    const seq = last?.header.lastSeq ?? (header === undefined ? undefined : header.firstSeq - 1n);
    if (damage !== undefined && (seq === undefined ? trimmed.seq >= firstSeqOf(name) : seq < trimmed.seq)) throw damage;
    if (header === undefined || seq === undefined) {
      if (firstSeqOf(name) <= trimmed.seq) throw makeDamaged(name, 0, 'its header is missing');
      empty.push(name);
      continue;
    }
    // What is missing here is told before anything is changed.
    if (seq < trimmed.seq) return { file: name, size: 0, seq, digest: NO_DIGEST };
    for (const useless of empty) await files.remove(useless);
    if (empty.length > 0) await files.syncDirectory();
    const size = endOf(last);
    if ((await files.size(name)) > size) {
      await files.truncate(name, size);
      await files.sync(name);
    }
    return { file: name, size, seq, digest: last?.digest ?? header.previousDigest };
  }
  for (const useless of empty) await files.remove(useless);
  return { file: undefined, size: 0, seq: trimmed.seq, digest: trimmed.digest ?? NO_DIGEST };
}

async function findSound(index: SegmentIndex, name: string): Promise<SoundPart> {
  let header: FileHeader | undefined;
  let last: LoadedSegment | undefined;
  try {
    header = await index.header(name, true);
    if (header === undefined) return { header, last, damage: undefined };
    for await (const place of index.walk(name, header, true)) {
      const segment = await index.load(place);
      const before = last?.digest ?? header.previousDigest;
      if (segment.header.previousDigest !== before)
        throw makeDamaged(name, place.at, 'it does not follow the segment before');
      last = segment;
    }
    return { header, last, damage: undefined };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { header, last, damage: error };
  }
}
