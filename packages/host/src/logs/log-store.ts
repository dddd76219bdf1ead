import { createReadStream } from 'node:fs';
import type { Clock, Logger, LogRecord } from '../clock/clock.ts';
import { HostError } from '../errors.ts';
import type { LogFiles } from './log-files.ts';
import type { LogLimits } from './log-limits.ts';
import { formatLogLine, type LogEntry, tryParseLogLine } from './log-line.ts';
import { LogReader } from './log-reader.ts';
import { LogRing } from './log-ring.ts';

/** Which lines of a log to read. */
export interface LogQuery {
  /** How many past lines, the newest. Default 0 when following, else all that are in memory. */
  readonly lines?: number | undefined;
  /** True goes on with lines as they come, until `signal`, the end of the loop, or the end of the database. */
  readonly follow?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a log is kept with. */
export interface LogStoreOptions {
  readonly limits: LogLimits;
  readonly clock: Clock;
  /** Absent: in memory alone. */
  readonly files?: LogFiles | undefined;
}

/**
 * The log of one database: the newest lines in memory, more of them in files. A reader follows by its place in memory,
 * so that a slow one costs nothing: it is told how many lines it missed.
 */
export class LogStore implements Logger {
  readonly #options: LogStoreOptions;
  readonly #ring: LogRing;
  readonly #readers: Set<LogReader> = new Set();
  #followers = 0;
  #isClosed = false;

  private constructor(options: LogStoreOptions) {
    this.#options = options;
    this.#ring = new LogRing(options.limits.linesMax, options.limits.lengthMax);
  }

  /** Takes up what its files hold. */
  static async open(options: LogStoreOptions): Promise<LogStore> {
    const store = new LogStore(options);
    const { linesMax, lengthMax } = options.limits;
    const lines = (await options.files?.readTail(linesMax, lengthMax)) ?? [];
    for (const line of lines) if (tryParseLogLine(line) !== undefined) store.#ring.push(line);
    return store;
  }

  /** Readers that follow now. */
  get followers(): number {
    return this.#followers;
  }

  /** Adds a record. Never throws. */
  log(record: LogRecord): void {
    if (this.#isClosed) return;
    const omitted = this.#options.files?.takeOmitted() ?? 0;
    if (omitted > 0) this.#add(this.#hostLine(`${omitted} lines could not be written to the log's files`));
    this.#add(formatLogLine(record));
  }

  /**
   * Begins to read. The reader must be closed by whoever has it.
   * @throws {HostError} `server/overloaded` when too many readers follow already
   */
  read(query: Omit<LogQuery, 'signal'> = {}): LogReader {
    const { follow = false } = query;
    const lines = query.lines ?? (follow ? 0 : this.#options.limits.linesMax);
    if (follow) this.#countFollower();
    const onClose = (reader: LogReader): void => {
      this.#readers.delete(reader);
      if (follow) this.#followers -= 1;
    };
    const describeGap = (count: number): string =>
      this.#hostLine(`${count} lines were left out here: they were read too slowly`);
    const isEnded = (): boolean => this.#isClosed;
    const reader = new LogReader(this.#ring, { lines, follow, isEnded, describeGap, onClose });
    this.#readers.add(reader);
    return reader;
  }

  /** Entries, the oldest first. @throws {HostError} `server/overloaded` when too many readers follow already */
  async *entries({ signal, ...query }: LogQuery = {}): AsyncGenerator<LogEntry, void> {
    const reader = this.read(query);
    const stop = (): void => reader.close();
    signal?.addEventListener('abort', stop);
    try {
      for (;;) {
        const lines = signal?.aborted === true ? undefined : await reader.next();
        if (lines === undefined) return;
        for (const line of lines) {
          const entry = tryParseLogLine(line);
          if (entry !== undefined) yield entry;
        }
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      reader.close();
    }
  }

  /** All of the newest file, as it is now, in pieces; what is in memory when there are no files. */
  async *latestFile(): AsyncGenerator<string, void> {
    const latest = await this.#options.files?.latest();
    if (latest === undefined) {
      const reader = this.read();
      try {
        for (let lines = await reader.next(); lines !== undefined; lines = await reader.next()) {
          yield lines.map((line) => `${line}\n`).join('');
        }
      } finally {
        reader.close();
      }
    } else if (latest.bytes > 0) {
      const stream = createReadStream(latest.path, { encoding: 'utf8', end: latest.bytes - 1 });
      for await (const piece of stream) yield String(piece);
    }
  }

  /** Resolves when what was logged so far is in the files. */
  async flush(): Promise<void> {
    await this.#options.files?.flush();
  }

  /** Ends all readers once they have read to the end. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await this.#options.files?.close();
  }

  #add(line: string): void {
    this.#ring.push(line);
    this.#options.files?.append(line);
    this.#wake();
  }

  #hostLine(message: string): string {
    const timestampMicros = this.#options.clock.nowMicros();
    return formatLogLine({ level: 'warn', message, source: 'host', timestampMicros });
  }

  #countFollower(): void {
    const { followersMax } = this.#options.limits;
    if (this.#followers >= followersMax) {
      throw new HostError({
        code: 'server/overloaded',
        message: `${followersMax} readers follow this log already, which is the limit. End one, or try again later.`,
        retryable: true,
      });
    }
    this.#followers += 1;
  }

  #wake(): void {
    for (const reader of this.#readers) reader.wake();
  }
}
