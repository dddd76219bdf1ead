/*
 * Copies in a folder, a file each. Invariants:
 * - a file is whole: it is written beside and renamed; a damaged one is as if it were not there;
 * - together they take at most `bytesMax`; beyond, those go that were not used for the longest time.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { sha256Hex } from '@inner-universe/nerv/hash';
import type { LocalCopies } from './local-copies.ts';
import { makeStorageFailed } from './outbox-errors.ts';
import { PendingCopies } from './pending-copies.ts';

const SUFFIX = '.copy';

interface FileCopiesOptions {
  readonly folder: string;
  readonly bytesMax: number;
  readonly onError: (error: unknown) => void;
}

/** Confirmed data in files, mode 0600. Losing them costs nothing but opening without the server. */
export class FileCopies implements LocalCopies {
  readonly #options: FileCopiesOptions;
  /** Sizes by file name, the one used longest ago first. */
  readonly #sizes: Map<string, number>;
  readonly #pending: PendingCopies;
  #bytes = 0;

  private constructor(options: FileCopiesOptions, sizes: Map<string, number>) {
    this.#options = options;
    this.#sizes = sizes;
    this.#pending = new PendingCopies(
      (name, text) => (text === undefined ? this.#remove(fileOf(name)) : this.#write(name, text)),
      (error) => this.#report(error),
    );
    for (const size of sizes.values()) this.#bytes += size;
  }

  static async open(options: FileCopiesOptions): Promise<FileCopies> {
    const { folder } = options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const found: { name: string; size: number; usedMs: number }[] = [];
    for (const name of await readdir(folder)) {
      if (!name.endsWith(SUFFIX)) continue;
      const { size, mtimeMs: usedMs } = await stat(join(folder, name));
      found.push({ name, size, usedMs });
    }
    found.sort((a, b) => a.usedMs - b.usedMs);
    const copies = new FileCopies(options, new Map(found.map(({ name, size }) => [name, size])));
    await copies.#makeRoom();
    return copies;
  }

  async get(name: string): Promise<string | undefined> {
    if (this.#pending.has(name)) return this.#pending.get(name);
    const file = fileOf(name);
    const size = this.#sizes.get(file);
    if (size === undefined) return undefined;
    this.#sizes.delete(file);
    this.#sizes.set(file, size);
    try {
      return readCopy(name, await readFile(join(this.#options.folder, file)));
    } catch (error) {
      // It may have been evicted just now; anything else is worth telling. Either way there is no copy.
      if ((error as { code?: unknown }).code !== 'ENOENT') this.#report(error);
      return undefined;
    }
  }

  set(name: string, text: string): void {
    this.#pending.set(name, text);
  }

  delete(name: string): void {
    this.#pending.set(name, undefined);
  }

  /** Waits for what is being written. */
  close(): Promise<void> {
    return this.#pending.idle();
  }

  async #write(name: string, text: string): Promise<void> {
    const file = fileOf(name);
    const content = makeCopy(name, text);
    if (content.length > this.#options.bytesMax) {
      await this.#remove(file);
      return;
    }
    const path = join(this.#options.folder, file);
    const beside = `${path}.new`;
    await rm(beside, { force: true });
    const handle = await open(beside, 'wx', 0o600);
    try {
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
    await rename(beside, path);
    this.#forget(file);
    this.#sizes.set(file, content.length);
    this.#bytes += content.length;
    await this.#makeRoom();
  }

  async #makeRoom(): Promise<void> {
    for (const file of this.#sizes.keys()) {
      if (this.#bytes <= this.#options.bytesMax) return;
      await this.#remove(file);
    }
  }

  async #remove(file: string): Promise<void> {
    this.#forget(file);
    await rm(join(this.#options.folder, file), { force: true });
  }

  #forget(file: string): void {
    this.#bytes -= this.#sizes.get(file) ?? 0;
    this.#sizes.delete(file);
  }

  #report(error: unknown): void {
    this.#options.onError(makeStorageFailed(this.#options.folder, error));
  }
}

function fileOf(name: string): string {
  return sha256Hex(name).slice(0, 32) + SUFFIX;
}

/** `crc name\n text`, the name as JSON: what is damaged, or of another name, is no copy. */
function makeCopy(name: string, text: string): Buffer {
  const body = Buffer.from(`${JSON.stringify(name)}\n${text}`);
  return Buffer.concat([Buffer.from(`${crc32(body).toString(16).padStart(8, '0')} `), body]);
}

function readCopy(name: string, content: Buffer): string | undefined {
  const body = content.subarray(9);
  if (content.toString('latin1', 0, 9) !== `${crc32(body).toString(16).padStart(8, '0')} `) return undefined;
  const head = `${JSON.stringify(name)}\n`;
  const text = body.toString('utf8');
  return text.startsWith(head) ? text.slice(head.length) : undefined;
}
