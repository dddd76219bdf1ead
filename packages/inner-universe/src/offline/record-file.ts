/*
 * Records in one append-only file. Invariants:
 * - writes reach the file in the order of their calls, many of them with one sync;
 * - `durable` resolves after a sync that began after the write, or after a new file is in place;
 * - the file is at most about twice what its records take, and a fixed amount;
 * - after a failed write nothing more is appended to that file: its end is not known. The next write makes a new one.
 */
import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { applyChanges } from './memory-outbox.ts';
import { makeCorrupt, makeStorageFailed } from './outbox-errors.ts';
import type { RecordChange } from './outbox.ts';
import { encodeChanges, encodeMark, isDamage, makeFileHead, readFrames } from './record-frames.ts';

/** Below this size a file is not written anew, however little of it is still needed. */
const COMPACTION_BYTES_MIN = 262_144;
/** Records that share a frame of a new file have about so many characters together. */
const COMPACTION_FRAME_CHARS = 1_048_576;

interface PendingWrite {
  readonly changes: readonly RecordChange[];
  readonly isDurable: boolean;
  resolve(): void;
  reject(error: unknown): void;
}

/** One file of records, for one process at a time: the caller has a lock. */
export class RecordFile {
  readonly #path: string;
  readonly #records: Map<string, string>;
  #file: FileHandle | undefined;
  #bytes: number;
  /** About how many bytes the records take in a file. */
  #liveBytes: number;
  #pending: PendingWrite[] = [];
  #writing: Promise<void> | undefined;
  #compactions = 0;

  private constructor(path: string, records: Map<string, string>, bytes: number) {
    this.#path = path;
    this.#records = records;
    this.#bytes = bytes;
    this.#liveBytes = 0;
    for (const [key, value] of records) this.#liveBytes += sizeOf(key, value);
  }

  /** @throws {NervPersistenceError} `outbox/corrupt`, `outbox/storage-failed` */
  static async open(path: string): Promise<RecordFile> {
    const content = await readIfThere(path);
    if (content === undefined) {
      const fresh = new RecordFile(path, new Map(), 0);
      await fresh.#guard(() => fresh.#startFile());
      return fresh;
    }
    const read = readFrames(content);
    if (isDamage(read)) throw makeCorrupt(path, `${read.reason}, at byte ${read.offset}`, { byte: read.offset });
    const records = new RecordFile(path, read.records, read.end);
    await records.#guard(() => records.#continueFile(content.length));
    return records;
  }

  /** The records as they are; a copy. */
  snapshot(): ReadonlyMap<string, string> {
    return new Map(this.#records);
  }

  /** Bytes of the file. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How often the file was written anew. */
  get compactions(): number {
    return this.#compactions;
  }

  /** As `OutboxRecords.write`. */
  write(changes: readonly RecordChange[], isDurable: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ changes, isDurable, resolve, reject });
      // What is written in the same turn shares a sync.
      this.#writing ??= nextTurn().then(() => this.#writeAll());
    });
  }

  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const writes = this.#pending;
        this.#pending = [];
        try {
          await this.#guard(() => this.#writeSome(writes));
          for (const write of writes) write.resolve();
        } catch (error) {
          for (const write of writes) write.reject(error);
        }
      }
    } finally {
      this.#writing = undefined;
    }
  }

  async #writeSome(writes: readonly PendingWrite[]): Promise<void> {
    const changes = writes.flatMap((write) => write.changes);
    const frame = changes.length === 0 ? Buffer.alloc(0) : encodeChanges(changes);
    this.#apply(changes);
    const isOutweighed = this.#bytes + frame.length > COMPACTION_BYTES_MIN + 2 * this.#liveBytes;
    if (this.#file === undefined || isOutweighed) {
      await this.#startFile();
      return;
    }
    await this.#append(
      this.#file,
      frame,
      writes.some(({ isDurable }) => isDurable),
    );
  }

  async #append(file: FileHandle, frame: Buffer, isDurable: boolean): Promise<void> {
    // Until all is done, the end of this file is not known.
    this.#file = undefined;
    try {
      await this.#put(file, frame);
      if (isDurable) {
        await file.datasync();
        await this.#put(file, encodeMark(this.#bytes));
      }
      this.#file = file;
    } finally {
      if (this.#file === undefined) await file.close();
    }
  }

  async #put(file: FileHandle, bytes: Buffer): Promise<void> {
    await file.writeFile(bytes);
    this.#bytes += bytes.length;
  }

  #apply(changes: readonly RecordChange[]): void {
    for (const { key, value } of changes) {
      const before = this.#records.get(key);
      if (before !== undefined) this.#liveBytes -= sizeOf(key, before);
      if (value !== undefined) this.#liveBytes += sizeOf(key, value);
    }
    applyChanges(this.#records, changes);
  }

  /** Writes all records to a new file, which then takes the place of the one there was. */
  async #startFile(): Promise<void> {
    const beside = `${this.#path}.new`;
    const old = this.#file;
    this.#file = undefined;
    await old?.close();
    await rm(beside, { force: true }); // what a crash left may be of another mode
    const file = await open(beside, 'ax', 0o600);
    try {
      this.#bytes = 0;
      await this.#put(file, makeFileHead());
      for (const frame of this.#frames()) await this.#put(file, frame);
      await file.sync();
      await rename(beside, this.#path);
      await syncDirectory(dirname(this.#path));
      await this.#put(file, encodeMark(this.#bytes));
      this.#file = file;
      this.#compactions += 1;
    } finally {
      if (this.#file === undefined) await file.close();
    }
  }

  *#frames(): Generator<Buffer, void, undefined> {
    let changes: RecordChange[] = [];
    let characters = 0;
    for (const [key, value] of this.#records) {
      changes.push({ key, value });
      characters += key.length + value.length;
      if (characters < COMPACTION_FRAME_CHARS) continue;
      yield encodeChanges(changes);
      changes = [];
      characters = 0;
    }
    if (changes.length > 0) yield encodeChanges(changes);
  }

  /** Goes on behind the sound part of a file; what a crash left behind that was never acknowledged. */
  async #continueFile(length: number): Promise<void> {
    await rm(`${this.#path}.new`, { force: true });
    const file = await open(this.#path, 'a', 0o600);
    try {
      await file.chmod(0o600);
      if (length > this.#bytes) await file.truncate(this.#bytes);
      // What the last process wrote without a sync counts from now on.
      await file.datasync();
      await this.#put(file, encodeMark(this.#bytes));
      this.#file = file;
    } finally {
      if (this.#file === undefined) await file.close();
    }
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw makeStorageFailed(this.#path, error);
    }
  }
}

function sizeOf(key: string, value: string): number {
  // In JSON, and in UTF-8: about what a file grows by.
  return key.length + Math.ceil(value.length * 1.1) + 16;
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
    throw makeStorageFailed(path, error);
  }
}

async function syncDirectory(path: string): Promise<void> {
  // Windows has no such thing: there a rename is kept with the file.
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
