import type { LocalCopies } from './local-copies.ts';

/** Whose writes an outbox holds: those of another universe or identity are neither shown nor sent. */
export interface OutboxOwner {
  /** The address of the server. */
  readonly target: string;
  readonly database: string;
  /** Who writes: the same text for the same identity, without secrets. */
  readonly subject: string;
}

/** Sets a record, or forgets it (`undefined`). */
export interface RecordChange {
  readonly key: string;
  readonly value: string | undefined;
}

/** What an outbox cannot tell anybody at once. */
export interface OutboxSigns {
  /** Told what goes wrong in the background. */
  readonly onError: (error: unknown) => void;
}

/**
 * Where writes wait for their server: a place for records that outlives the process, or at least the connection.
 * Implementations pass `runOutboxContract`.
 */
export interface Outbox {
  /** Whether what it holds outlives the process. */
  readonly isDurable: boolean;
  /**
   * Opens the part of one owner, alone: nobody else has it until it is closed.
   * @throws {NervPersistenceError} `outbox/in-use`, `outbox/corrupt`, `outbox/storage-failed`
   */
  open(owner: OutboxOwner, signs: OutboxSigns): Promise<OutboxRecords>;
}

/** The records of one owner. */
export interface OutboxRecords {
  /** Where they are, for people. */
  readonly place: string;
  /** What was there when it was opened. */
  readonly recovered: ReadonlyMap<string, string>;
  /** Confirmed data that is kept beside. */
  readonly copies: LocalCopies;
  /**
   * Applies all changes, or after a crash none. Calls take effect in the order in which they are made. Resolves when
   * they are kept: `durable` survives a loss of power, `soon` the end of this process, and costs less.
   * @throws {NervPersistenceError} `outbox/storage-failed`; the changes may have been kept all the same
   */
  write(changes: readonly RecordChange[], keep: 'durable' | 'soon'): Promise<void>;
  /** Waits for what was written, and gives the records up. Idempotent. */
  close(): Promise<void>;
}
