import { mkdir, open, readdir, rm, stat, truncate, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { NervPersistenceError } from '../errors.ts';
import type { ArchiveFiles } from './archive-files.ts';

/** An archive's files in a directory of this machine. What it makes is for its owner only. */
export class NodeArchiveFiles implements ArchiveFiles {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = resolve(directory);
  }

  async list(): Promise<readonly string[]> {
    try {
      const entries = await readdir(this.directory, { withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async size(name: string): Promise<number> {
    return (await stat(this.#path(name))).size;
  }

  read(name: string, position: number, length: number): Promise<Uint8Array> {
    return withFile(this.#path(name), 'r', async (file) => {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await file.read(bytes, done, length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    });
  }

  async write(name: string, position: number, bytes: Uint8Array): Promise<void> {
    const path = this.#path(name);
    const write = async (file: FileHandle): Promise<void> => {
      let done = 0;
      while (done < bytes.length) {
        done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
      }
    };
    try {
      await withFile(path, 'r+', write);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      await withFile(path, 'wx', write);
    }
  }

  truncate(name: string, size: number): Promise<void> {
    return truncate(this.#path(name), size);
  }

  remove(name: string): Promise<void> {
    return rm(this.#path(name));
  }

  sync(name: string): Promise<void> {
    return withFile(this.#path(name), 'r+', (file) => file.sync());
  }

  async syncDirectory(): Promise<void> {
    await syncDirectory(this.directory);
  }

  async lock(): Promise<() => Promise<void>> {
    await makeDirectory(this.directory);
    const { lockDirectory, StorageError } = await import('@inner-universe/host');
    try {
      const lock = await lockDirectory(this.directory, { command: 'archive of events' });
      return () => lock.release();
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== 'storage/in-use') throw error;
      throw new NervPersistenceError(
        'archive/in-use',
        `Another process writes to the archive: ${error.message} Two may not write to one archive.`,
        { details: { directory: this.directory }, cause: error, retryable: true },
      );
    }
  }

  #path(name: string): string {
    return join(this.directory, name);
  }
}

async function withFile<T>(path: string, flags: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags, 0o600);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/** Makes a directory and those above it, each durably. */
async function makeDirectory(directory: string): Promise<void> {
  const outermost = (await mkdir(directory, { recursive: true, mode: 0o700 })) ?? directory;
  // One that is there may have been made by a process that ended before it was durable.
  for (let made = directory; ; made = dirname(made)) {
    await syncDirectory(dirname(made));
    if (made === outermost) return;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows has no such call: its directory entries are made durable with the file.
  if (process.platform === 'win32') return;
  await withFile(directory, 'r', (file) => file.sync());
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? (error as { code?: unknown }).code : undefined;
}
