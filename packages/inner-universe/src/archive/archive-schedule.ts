import { systemTimers } from '@inner-universe/nerv';
import type { ModuleClient } from '../client/client.ts';
import type { CallOptions } from '../connection/connection.ts';
import { runWithin } from '../connection/run-within.ts';
import { checkCallOptions, checkOptions } from '../controller/check-options.ts';
import { archiveEvents, type ArchiveOptions, type ArchiveResult } from './archive-events.ts';
import { ARCHIVE_FORMS } from './archive-forms.ts';
import { NodeArchiveFiles } from './node-archive-files.ts';
import { checkLimits } from './retention.ts';

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

  /** Begins at once. Close it before the universe. @throws {NervPersistenceError} `config/invalid` */
  constructor(client: ModuleClient, directory: string, options: ArchiveScheduleOptions) {
    checkOptions('an archive schedule', options, {
      ...ARCHIVE_FORMS,
      everyMs: 'duration',
      onDone: 'function',
      onError: 'function',
    });
    if (options.limits !== undefined) checkLimits(options.limits);
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
    checkCallOptions('archive.close', call);
    this.#closing.abort();
    this.#cancel?.();
    await runWithin('archive.close', call, () => this.#running, this.#client.timers);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { onDone, onError, everyMs = EVERY_MS, ...options } = this.#options;
    try {
      const result = await archiveEvents(this.#client, this.#files, { ...options, signal });
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
