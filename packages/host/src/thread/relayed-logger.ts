import type { Logger, LogRecord } from '../clock/clock.ts';
import type { ItemFromWorker } from './messages.ts';
import type { Mailbox } from './mailbox.ts';
import { toPlainRecord } from './wire-error.ts';

/** Records on their way that the host's side has not taken yet; what comes above is counted and dropped. */
const UNDERWAY_MAX = 10_000;

/** The logger of a worker: hands its records to the host's side. A flood of them costs a bounded amount of memory. */
export class RelayedLogger implements Logger {
  readonly #outbox: Mailbox<ItemFromWorker>;
  #underway = 0;
  #dropped = 0;

  constructor(outbox: Mailbox<ItemFromWorker>) {
    this.#outbox = outbox;
  }

  log(record: LogRecord): void {
    if (this.#underway >= UNDERWAY_MAX) {
      this.#dropped += 1;
      return;
    }
    if (this.#dropped > 0) this.#tellDropped(record);
    this.#send(record);
  }

  /** The host's side has taken so many records. */
  noteTaken(count: number): void {
    this.#underway -= count;
  }

  #tellDropped({ database, timestampMicros }: LogRecord): void {
    const message = `${this.#dropped} log records were dropped: they came faster than they were taken`;
    this.#dropped = 0;
    this.#send({ level: 'warn', message, source: 'host', database, timestampMicros });
  }

  #send(record: LogRecord): void {
    this.#underway += 1;
    const { details } = record;
    this.#outbox.push({
      type: 'log',
      record: details === undefined ? record : { ...record, details: toPlainRecord(details) },
    });
  }
}
