import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import type { LogLimits } from './log-limits.ts';

const DAY_MICROS = 86_400_000_000n;
const LINE_END = 0x0a;

/** How a log's files are kept. */
export interface LogFilesOptions {
  readonly directory: string;
  readonly limits: LogLimits;
  readonly clock: Clock;
  /** Told when lines cannot be read, or not be written: once until writing works again. */
  readonly onError: (error: unknown) => void;
}

/** The file that lines are written to. */
interface CurrentFile {
  readonly number: number;
  readonly handle: FileHandle;
  readonly day: bigint;
  bytes: number;
}

/**
 * A log in numbered files of a directory, `0000000001.ndjson` and on, the oldest deleted when there are too many or
 * they are too old. Lines are written soon after they came, in order, and not synced: a crash of the machine may lose
 * the last ones. A disk that is full costs lines of the log and nothing else.
 */
export class LogFiles {
  readonly #options: LogFilesOptions;
  #current: CurrentFile | undefined;
  #pending: string[] = [];
  #pendingBytes = 0;
  #omitted = 0;
  #isFailing = false;
  #writing: Promise<void> | undefined;

  constructor(options: LogFilesOptions) {
    this.#options = options;
  }

  /** Takes a line to be written. Never throws, never waits. */
  append(line: string): void {
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#pendingBytes + bytes > this.#options.limits.pendingBytesMax) {
      this.#omitted += 1;
      return;
    }
    this.#pending.push(line);
    this.#pendingBytes += bytes;
    this.#writing ??= this.#writeAll();
  }

  /** Lines that were left out since the last call, because too many waited or the disk refused them. */
  takeOmitted(): number {
    const omitted = this.#omitted;
    this.#omitted = 0;
    return omitted;
  }

  /** Resolves when everything that was appended is written, or given up. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /**
   * The last lines of the newest files, in order; `lengthMax` bytes of them at most. None when they cannot be read: a
   * log is no reason not to go on.
   */
  async readTail(linesMax: number, lengthMax: number): Promise<string[]> {
    try {
      return await this.#readTail(linesMax, lengthMax);
    } catch (error) {
      this.#options.onError(error);
      return [];
    }
  }

  async #readTail(linesMax: number, lengthMax: number): Promise<string[]> {
    let lines: string[] = [];
    let bytesLeft = lengthMax;
    for (const number of (await this.#numbers()).reverse()) {
      const { text, bytes } = await readEnd(this.#path(number), bytesLeft);
      bytesLeft -= bytes;
      lines = [...text.split('\n').filter((line) => line !== ''), ...lines];
      if (lines.length >= linesMax || bytesLeft <= 0) break;
    }
    return lines.slice(-linesMax);
  }

  /** Path and size of the newest file, once all is written; undefined when there is none. */
  async latest(): Promise<{ readonly path: string; readonly bytes: number } | undefined> {
    await this.flush();
    const number = (await this.#numbers()).at(-1);
    if (number === undefined) return undefined;
    const path = this.#path(number);
    return { path, bytes: (await stat(path)).size };
  }

  /** Writes what waits and closes the file. */
  async close(): Promise<void> {
    await this.flush();
    try {
      await this.#closeCurrent();
    } catch (error) {
      this.#options.onError(error);
    }
  }

  async #writeAll(): Promise<void> {
    // Lines of one turn go together.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const lines = this.#pending;
      this.#pending = [];
      try {
        await this.#write(lines);
        this.#isFailing = false;
      } catch (error) {
        this.#omitted += lines.length;
        if (!this.#isFailing) this.#options.onError(error);
        this.#isFailing = true;
        // What is half written is ended by the next file's beginning.
        await this.#closeCurrent().catch(() => undefined);
      }
      for (const line of lines) this.#pendingBytes -= Buffer.byteLength(line) + 1;
    }
    this.#writing = undefined;
  }

  /** Writes lines, as many to a file as fit. */
  async #write(lines: readonly string[]): Promise<void> {
    let chunk = '';
    let chunkBytes = 0;
    let file = await this.#fileFor(0);
    for (const line of lines) {
      const bytes = Buffer.byteLength(line) + 1;
      if (file.bytes + chunkBytes + bytes > this.#options.limits.fileBytesMax && file.bytes + chunkBytes > 0) {
        await appendTo(file, chunk);
        [chunk, chunkBytes] = ['', 0];
        file = await this.#fileFor(bytes);
      }
      chunk += `${line}\n`;
      chunkBytes += bytes;
    }
    await appendTo(file, chunk);
  }

  /** The file for so many more bytes: the current one, or a new one when that is full or of yesterday. */
  async #fileFor(bytes: number): Promise<CurrentFile> {
    const day = this.#options.clock.nowMicros() / DAY_MICROS;
    const current = this.#current ?? (await this.#openNewest(day));
    const isFull = current !== undefined && current.bytes + bytes > this.#options.limits.fileBytesMax;
    if (current !== undefined && current.day === day && !isFull) return current;
    await this.#closeCurrent();
    const number = ((await this.#numbers()).at(-1) ?? 0) + 1;
    const handle = await open(this.#path(number), 'ax', 0o600);
    this.#current = { number, handle, day, bytes: 0 };
    await this.#deleteOld(number);
    return this.#current;
  }

  /** Goes on with the newest file of an earlier process. */
  async #openNewest(day: bigint): Promise<CurrentFile | undefined> {
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
    const number = (await this.#numbers()).at(-1);
    if (number === undefined) return undefined;
    const { size, mtimeMs } = await stat(this.#path(number));
    const lastDay = BigInt(Math.floor(mtimeMs)) * 1000n;
    // A file whose last line was cut off is ended; a new line must not continue it.
    if (lastDay / DAY_MICROS !== day || !(await endsWithLine(this.#path(number), size))) return undefined;
    this.#current = { number, handle: await open(this.#path(number), 'a', 0o600), day, bytes: size };
    return this.#current;
  }

  async #deleteOld(current: number): Promise<void> {
    const { limits, clock } = this.#options;
    const oldestMs = Number(clock.nowMicros() / 1000n) - limits.ageDaysMax * 86_400_000;
    const numbers = await this.#numbers();
    for (const [at, number] of numbers.entries()) {
      if (number === current) continue;
      const isSurplus = at < numbers.length - limits.filesMax;
      if (isSurplus || (await stat(this.#path(number))).mtimeMs < oldestMs) await rm(this.#path(number));
    }
  }

  async #numbers(): Promise<number[]> {
    let names: string[];
    try {
      names = await readdir(this.#options.directory);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
    const ours = names.filter((name) => /^\d{10}\.ndjson$/.test(name));
    return ours.map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b);
  }

  #path(number: number): string {
    return join(this.#options.directory, `${String(number).padStart(10, '0')}.ndjson`);
  }

  async #closeCurrent(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    await current?.handle.close();
  }
}

async function appendTo(file: CurrentFile, text: string): Promise<void> {
  if (text === '') return;
  await file.handle.appendFile(text);
  file.bytes += Buffer.byteLength(text);
}

/** The text at the end of a file; when it is longer than asked for, from the first whole line on. */
async function readEnd(path: string, bytesMax: number): Promise<{ readonly text: string; readonly bytes: number }> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - bytesMax);
    const buffer = Buffer.alloc(size - start);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
    const bytes = buffer.subarray(0, bytesRead);
    const from = start === 0 ? 0 : bytes.indexOf(LINE_END) + 1;
    return { text: bytes.subarray(from).toString('utf8'), bytes: bytesRead };
  } finally {
    await handle.close();
  }
}

async function endsWithLine(path: string, size: number): Promise<boolean> {
  if (size === 0) return true;
  const handle = await open(path, 'r');
  try {
    const last = Buffer.alloc(1);
    await handle.read(last, 0, 1, size - 1);
    return last[0] === LINE_END;
  } finally {
    await handle.close();
  }
}
