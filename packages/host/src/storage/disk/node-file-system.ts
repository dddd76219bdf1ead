import fs from 'node:fs';
import path from 'node:path';
import type { FileMode, FileSystem, OpenFile } from './file-system.ts';

/** Up to this size a write is one system call on this thread: copying into the page cache takes less time than a hop. */
const SYNCHRONOUS_WRITE_BYTES_MAX = 64 * 1024;

const FLAGS: Readonly<Record<FileMode, string>> = { read: 'r', write: 'r+', create: 'w+' };

/** The machine's file system. Files and directories that it makes are for their owner only. */
export const nodeFileSystem: FileSystem = {
  open: async (file, mode) => new NodeFile(await openDescriptor(file, mode)),
  list: listDirectory,
  makeDirectory,
  rename: (from, to) => fs.promises.rename(from, to),
  remove: (file) => fs.promises.unlink(file),
  syncDirectory,
};

function openDescriptor(file: string, mode: FileMode): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(file, FLAGS[mode], 0o600, (error, descriptor) => (error ? reject(error) : resolve(descriptor)));
  });
}

async function listDirectory(directory: string): Promise<readonly string[] | undefined> {
  try {
    return await fs.promises.readdir(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function makeDirectory(directory: string): Promise<void> {
  const innermost = path.resolve(directory);
  const outermost = (await fs.promises.mkdir(innermost, { recursive: true, mode: 0o700 })) ?? innermost;
  // Each new directory is durable when the one that holds it is synced. One that is there may have been made by a
  // process that ended before it did so.
  for (let made = innermost; ; made = path.dirname(made)) {
    await syncDirectory(path.dirname(made));
    if (made === path.resolve(outermost)) return;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows has no such call: its directory entries are made durable with the file.
  if (process.platform === 'win32') return;
  const handle = await fs.promises.open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Works on the bare descriptor: the promise wrappers of `FileHandle` cost a tenth of a commit. */
class NodeFile implements OpenFile {
  readonly #descriptor: number;
  #isClosed: boolean = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#descriptor, (error, stats) => (error ? reject(error) : resolve(stats.size)));
    });
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const count = await this.#readSome(into, done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0;
    if (bytes.length <= SYNCHRONOUS_WRITE_BYTES_MAX) {
      while (done < bytes.length) {
        done += fs.writeSync(this.#descriptor, bytes, done, bytes.length - done, position + done);
      }
      return;
    }
    while (done < bytes.length) done += await this.#writeSome(bytes, done, position + done);
  }

  truncate(size: number): Promise<void> {
    return this.#call((done) => fs.ftruncate(this.#descriptor, size, done));
  }

  sync(): Promise<void> {
    return this.#call((done) => fs.fdatasync(this.#descriptor, done));
  }

  /** Does nothing the second time: the number may belong to another file by then. */
  close(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    return this.#call((done) => fs.close(this.#descriptor, done));
  }

  #readSome(into: Uint8Array, from: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#descriptor, into, from, into.length - from, position, (error, count) =>
        error ? reject(error) : resolve(count),
      );
    });
  }

  #writeSome(bytes: Uint8Array, from: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.write(this.#descriptor, bytes, from, bytes.length - from, position, (error, count) =>
        error ? reject(error) : resolve(count),
      );
    });
  }

  #call(start: (done: (error: NodeJS.ErrnoException | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())));
  }
}
