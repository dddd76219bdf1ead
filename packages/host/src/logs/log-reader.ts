import type { LogRing } from './log-ring.ts';

/** Lines that are handed over at once. */
const BATCH_LINES_MAX = 256;

/** How a log is read. */
export interface LogReaderOptions {
  /** How many past lines. */
  readonly lines: number;
  /** Whether lines to come are waited for, and whether there may still be any. */
  readonly follow: boolean;
  readonly isEnded: () => boolean;
  /** The line that stands for lines which went before they were read. */
  readonly describeGap: (count: number) => string;
  readonly onClose: (reader: LogReader) => void;
}

/** A place in a log. Holds no lines itself: one that is read slowly costs nothing, and misses lines. */
export class LogReader {
  readonly #ring: LogRing;
  readonly #options: LogReaderOptions;
  /** Number of the next line to read, and of the first that is none of the past ones. */
  #next: number;
  readonly #end: number;
  #isClosed = false;
  #resume: (() => void) | undefined;

  constructor(ring: LogRing, options: LogReaderOptions) {
    this.#ring = ring;
    this.#options = options;
    this.#end = ring.next;
    this.#next = Math.max(ring.first, ring.next - options.lines);
  }

  /** The next lines, at least one; waits for them when following. Undefined at the end. One call at a time. */
  async next(): Promise<readonly string[] | undefined> {
    while (!this.#isClosed) {
      const lines = this.#take();
      if (lines.length > 0) return lines;
      if (!this.#options.follow || this.#options.isEnded()) return undefined;
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
    return undefined;
  }

  /** Tells that there may be more, or that the log has ended. */
  wake(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  /** Ends a call of `next` that waits. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.onClose(this);
    this.wake();
  }

  #take(): string[] {
    const ring = this.#ring;
    const lines: string[] = [];
    if (this.#next < ring.first) {
      lines.push(this.#options.describeGap(ring.first - this.#next));
      this.#next = ring.first;
    }
    const end = this.#options.follow ? ring.next : Math.max(this.#end, ring.first);
    while (this.#next < end && lines.length < BATCH_LINES_MAX) {
      lines.push(ring.at(this.#next));
      this.#next += 1;
    }
    return lines;
  }
}
