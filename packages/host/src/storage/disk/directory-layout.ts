/**
 * What lies where in a database's directory:
 *
 *     database                        marker: makes the directory a database's; written last of all at creation
 *     watermark                       up to which record all was acknowledged at some time before
 *     log/00000000000000000000.log    segments, named by the offset of their first record
 *     snapshots/00000000000000000042.snapshot   named by the offset they stand for
 *
 * A file comes to be under its name with `.tmp` appended, is made durable, and is then renamed. What still ends in
 * `.tmp` was never finished and is removed.
 */
import path from 'node:path';
import type { Random } from '../../clock/clock.ts';
import { makeCorruptError, StorageError } from '../storage-error.ts';
import { encodeFileHeader, FILE_HEADER_BYTES, readMarkerHeader, STORE_ID_BYTES } from './file-header.ts';
import type { FileSystem } from './file-system.ts';
import { reading, writing } from './io-error.ts';
import { publishFile, TEMPORARY_SUFFIX } from './publish-file.ts';
import { createWatermark, isUnusedWatermark } from './watermark.ts';

const MARKER = 'database';
const WATERMARK = 'watermark';
const LOG = 'log';
const SNAPSHOTS = 'snapshots';
const SEGMENT_SUFFIX = '.log';
const SNAPSHOT_SUFFIX = '.snapshot';
const OFFSET_DIGITS = 20;

/** Names in a database's directory that are not storage's own and may stand beside it. */
const LOCK = 'lock';

/** A file that is named by an offset. */
export interface NumberedFile {
  readonly path: string;
  readonly offset: number;
}

/** What lies in a directory of numbered files: they, by offset, and the paths of any others. */
export interface NumberedFiles {
  readonly files: readonly NumberedFile[];
  readonly strangers: readonly string[];
}

/** The paths of a database's files, and what is there. */
export class DirectoryLayout {
  readonly directory: string;
  readonly marker: string;
  readonly watermark: string;
  readonly log: string;
  readonly snapshots: string;
  readonly #fileSystem: FileSystem;

  constructor(fileSystem: FileSystem, directory: string) {
    this.#fileSystem = fileSystem;
    this.directory = directory;
    this.marker = path.join(directory, MARKER);
    this.watermark = path.join(directory, WATERMARK);
    this.log = path.join(directory, LOG);
    this.snapshots = path.join(directory, SNAPSHOTS);
  }

  segmentPath(baseOffset: number): string {
    return path.join(this.log, numberName(baseOffset) + SEGMENT_SUFFIX);
  }

  snapshotPath(offset: number): string {
    return path.join(this.snapshots, numberName(offset) + SNAPSHOT_SUFFIX);
  }

  /** Log segments, by offset. @throws {StorageError} `storage/corrupt` for a name that storage never gives. */
  async listSegments(): Promise<readonly NumberedFile[]> {
    return checkNoStranger(await this.surveySegments());
  }

  /** Snapshots, by offset. @throws {StorageError} `storage/corrupt` for a name that storage never gives. */
  async listSnapshots(): Promise<readonly NumberedFile[]> {
    return checkNoStranger(await this.surveySnapshots());
  }

  /** What lies in the log's directory. @throws {StorageError} `storage/corrupt` when there is none. */
  surveySegments(): Promise<NumberedFiles> {
    return this.#survey(this.log, SEGMENT_SUFFIX);
  }

  /** What lies in the snapshots' directory. @throws {StorageError} `storage/corrupt` when there is none. */
  surveySnapshots(): Promise<NumberedFiles> {
    return this.#survey(this.snapshots, SNAPSHOT_SUFFIX);
  }

  /** Removes what was begun under a temporary name and never finished. */
  async removeUnfinished(): Promise<void> {
    for (const directory of [this.directory, this.log, this.snapshots]) {
      const names = await reading(directory, () => this.#fileSystem.list(directory));
      const files = (names ?? [])
        .filter((name) => name.endsWith(TEMPORARY_SUFFIX))
        .map((name) => path.join(directory, name));
      for (const file of files) await writing(file, () => this.#fileSystem.remove(file));
    }
  }

  /**
   * Makes durable which files there are: one that was renamed when the process before this one ended can be seen, and
   * yet be lost with the power.
   */
  async syncDirectories(): Promise<void> {
    for (const directory of [this.directory, this.log, this.snapshots]) {
      await writing(directory, () => this.#fileSystem.syncDirectory(directory));
    }
  }

  /** Names in the database's own directory; empty when there is no such directory. */
  async listTop(): Promise<readonly string[]> {
    const names = await reading(this.directory, () => this.#fileSystem.list(this.directory));
    return names ?? [];
  }

  async #survey(directory: string, suffix: string): Promise<NumberedFiles> {
    const names = await reading(directory, () => this.#fileSystem.list(directory));
    if (names === undefined) throw makeCorruptError({ file: directory, byte: 0, reason: 'the directory is missing' });
    const files: NumberedFile[] = [];
    const strangers: string[] = [];
    for (const name of names.filter((each) => !each.endsWith(TEMPORARY_SUFFIX))) {
      const file = path.join(directory, name);
      const offset = tryParseName(name, suffix);
      if (offset === undefined) strangers.push(file);
      else files.push({ path: file, offset });
    }
    return { files: files.sort((a, b) => a.offset - b.offset), strangers };
  }
}

/**
 * The id of the database in that directory. An empty or missing directory becomes a new database; one whose creation
 * was interrupted is finished.
 * @throws {StorageError} `storage/not-a-database`, `storage/newer-version`, `storage/corrupt`, `storage/read-failed`,
 * `storage/write-failed`.
 */
export async function openDirectory(
  fileSystem: FileSystem,
  layout: DirectoryLayout,
  random: Random,
): Promise<Uint8Array> {
  const names = await layout.listTop();
  if (names.includes(MARKER)) {
    const storeId = await readMarker(fileSystem, layout);
    const isBare = names.includes(LOG) && !names.includes(SNAPSHOTS) && (await isLogWhole(layout));
    checkComplete(layout, isBare ? [...names, SNAPSHOTS] : names);
    if (isBare) await writing(layout.snapshots, () => fileSystem.makeDirectory(layout.snapshots));
    await layout.syncDirectories();
    return storeId;
  }
  await checkMayCreate(fileSystem, layout, names);
  const storeId = random.bytes(STORE_ID_BYTES);
  await writing(layout.directory, () => fileSystem.makeDirectory(layout.directory));
  await writing(layout.log, () => fileSystem.makeDirectory(layout.log));
  await writing(layout.snapshots, () => fileSystem.makeDirectory(layout.snapshots));
  await createWatermark(fileSystem, layout.watermark, storeId);
  await publishFile(fileSystem, layout.segmentPath(0), encodeFileHeader({ kind: 'segment', storeId, offset: 0 }));
  await publishFile(fileSystem, layout.marker, encodeFileHeader({ kind: 'marker', storeId, offset: 0 }));
  return storeId;
}

/** The id that the marker of an existing database names. @throws {StorageError} as `openDirectory`. */
export async function readMarker(fileSystem: FileSystem, layout: DirectoryLayout): Promise<Uint8Array> {
  return readMarkerHeader(await readStart(fileSystem, layout.marker), layout.marker);
}

/** Where the marker is, creation was finished: what it made before is there, or was lost. */
function checkComplete(layout: DirectoryLayout, names: readonly string[]): void {
  const [missing] = [WATERMARK, LOG, SNAPSHOTS].filter((name) => !names.includes(name));
  if (missing === undefined) return;
  throw makeCorruptError({ file: path.join(layout.directory, missing), byte: 0, reason: `the ${missing} is missing` });
}

/**
 * Whether no snapshot is needed: the log begins with the first record. Copies may leave out empty directories, as
 * archivers and git do, and the one of the snapshots is empty at first.
 */
async function isLogWhole(layout: DirectoryLayout): Promise<boolean> {
  const [first] = await layout.listSegments();
  return first?.offset === 0;
}

/** Creation writes the marker last: without it nothing may be there but what creation leaves, with nothing in it. */
async function checkMayCreate(
  fileSystem: FileSystem,
  layout: DirectoryLayout,
  names: readonly string[],
): Promise<void> {
  const own = [LOG, SNAPSHOTS, WATERMARK, LOCK];
  const foreign = names.filter((name) => !own.includes(name) && !name.endsWith(TEMPORARY_SUFFIX));
  if (foreign.length > 0) {
    throw new StorageError({
      code: 'storage/not-a-database',
      message:
        `${layout.directory} holds other files (${foreign.slice(0, 3).join(', ')}) and no database. ` +
        'Name an empty directory, or one that does not exist yet.',
      details: { directory: layout.directory, foreign: foreign.slice(0, 10) },
    });
  }
  const segments = names.includes(LOG) ? await layout.listSegments() : [];
  const snapshots = names.includes(SNAPSHOTS) ? await layout.listSnapshots() : [];
  const isBegun =
    snapshots.length > 0 ||
    segments.some(({ offset }) => offset > 0) ||
    (segments.length > 0 && !(await isEmptySegment(fileSystem, layout.segmentPath(0)))) ||
    (names.includes(WATERMARK) && !(await isUnusedWatermark(fileSystem, layout.watermark)));
  if (isBegun) throw makeCorruptError({ file: layout.marker, byte: 0, reason: 'the marker is missing' });
}

/** Whether a segment is as creation leaves it: a header and nothing behind. */
async function isEmptySegment(fileSystem: FileSystem, file: string): Promise<boolean> {
  return reading(file, async () => {
    const handle = await fileSystem.open(file, 'read');
    try {
      return (await handle.size()) === FILE_HEADER_BYTES;
    } finally {
      await handle.close();
    }
  });
}

async function readStart(fileSystem: FileSystem, file: string): Promise<Uint8Array> {
  return reading(file, async () => {
    const handle = await fileSystem.open(file, 'read');
    try {
      const bytes = new Uint8Array(FILE_HEADER_BYTES);
      return bytes.subarray(0, await handle.read(bytes, 0));
    } finally {
      await handle.close();
    }
  });
}

function numberName(offset: number): string {
  return String(offset).padStart(OFFSET_DIGITS, '0');
}

function tryParseName(name: string, suffix: string): number | undefined {
  const digits = name.slice(0, -suffix.length);
  const offset = Number(digits);
  const isOurs = name.endsWith(suffix) && Number.isSafeInteger(offset) && numberName(offset) === digits;
  return isOurs ? offset : undefined;
}

function checkNoStranger({ files, strangers }: NumberedFiles): readonly NumberedFile[] {
  const [file] = strangers;
  if (file === undefined) return files;
  throw makeCorruptError({ file, byte: 0, reason: 'a file with a name that storage does not give' });
}
