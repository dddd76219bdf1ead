import { systemTimers } from '@inner-universe/nerv';
import type { ModuleClient } from '../client/client.ts';
import type { CallOptions } from '../connection/connection.ts';
import { runWithin } from '../connection/run-within.ts';
import { archiveEvents, type ArchiveOptions, type ArchiveResult } from './archive-events.ts';
import { NodeArchiveFiles } from './node-archive-files.ts';

/** How events are archived again and again. */
export interface ArchiveScheduleOptions extends ArchiveOptions {
  /** From the end of one run to the next, in milliseconds; default an hour. */
  readonly everyMs?: number | undefined;
  /** Told what each run has done. */
  readonly onDone?: ((result: ArchiveResult) => void) | undefined;
  /** Told what ended a run; the next one tries again. */
  readonly onError: (error: unknown) => void;
}

const EVERY_MS = 3_600_000;

/** Archives at once, and then again after each interval, until it is closed. One run at a time. */
export class ArchiveSchedule implements AsyncDisposable {
  readonly #client: ModuleClient;
  readonly #files: NodeArchiveFiles;
  readonly #options: ArchiveScheduleOptions;
  readonly #closing = new AbortController();
  #running: Promise<void>;
  #cancel: (() => void) | undefined;

  /** Begins at once. Close it before the universe. */
  constructor(client: ModuleClient, directory: string, options: ArchiveScheduleOptions) {
    this.#client = client;
    this.#files = new NodeArchiveFiles(directory);
    this.#options = options;
    this.#running = this.#run();
  }

  /**
   * Ends the run that is under way after its step, and starts no other. Idempotent. When the call is called off, closing
   * goes on all the same.
   */
  async close(call: CallOptions = {}): Promise<void> {
    this.#closing.abort();
    this.#cancel?.();
    await runWithin('archive.close', call, () => this.#running, this.#client.timers);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { onDone, onError, everyMs = EVERY_MS } = this.#options;
    try {
      const result = await archiveEvents(this.#client, this.#files, { ...this.#options, signal });
      onDone?.(result);
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
    if (signal.aborted) return;
    this.#cancel = (this.#client.timers ?? systemTimers).schedule(() => {
      this.#running = this.#run();
    }, everyMs);
  }
}
