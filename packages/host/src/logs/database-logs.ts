import type { Clock, Logger } from '../clock/clock.ts';
import { errorMessage } from '../errors.ts';
import { LogFiles } from './log-files.ts';
import { DEFAULT_LOG_LIMITS, type LogLimits } from './log-limits.ts';
import { LogStore } from './log-store.ts';

/** What the logs of a host's databases are kept with. */
export interface DatabaseLogsOptions {
  readonly clock: Clock;
  /** Where trouble with the files is told. */
  readonly logger: Logger;
  readonly limits?: Partial<LogLimits> | undefined;
  /** The folder for the log of the database with a key. Absent: in memory. */
  readonly directoryOf?: ((key: string) => string) | undefined;
}

/** The logs of a host's databases, by key. A log outlives the program that runs: readers see one take over. */
export class DatabaseLogs {
  readonly #options: DatabaseLogsOptions;
  readonly #stores: Map<string, LogStore> = new Map();

  constructor(options: DatabaseLogsOptions) {
    this.#options = options;
  }

  /** The log of a database, opened at the first call. */
  async open(key: string): Promise<LogStore> {
    const known = this.#stores.get(key);
    if (known !== undefined) return known;
    const { clock } = this.#options;
    const limits: LogLimits = { ...DEFAULT_LOG_LIMITS, ...this.#options.limits };
    const store = await LogStore.open({ clock, limits, files: this.#makeFiles(key, limits) });
    this.#stores.set(key, store);
    return store;
  }

  /** Closes the log of a database that is gone. */
  async close(key: string): Promise<void> {
    const store = this.#stores.get(key);
    this.#stores.delete(key);
    await store?.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#stores.keys()].map((key) => this.close(key)));
  }

  #makeFiles(key: string, limits: LogLimits): LogFiles | undefined {
    const { directoryOf, clock, logger } = this.#options;
    if (directoryOf === undefined) return undefined;
    const directory = directoryOf(key);
    const onError = (error: unknown): void => {
      const message = `the log in ${directory} cannot be read or written: ${errorMessage(error)}. Lines are left out until it can.`;
      logger.log({ level: 'warn', message, source: 'host', database: key, timestampMicros: clock.nowMicros() });
    };
    return new LogFiles({ directory, limits, clock, onError });
  }
}

/** A logger that writes to several. */
export function teeLogger(...loggers: readonly Logger[]): Logger {
  return {
    log: (record) => {
      for (const logger of loggers) logger.log(record);
    },
  };
}
