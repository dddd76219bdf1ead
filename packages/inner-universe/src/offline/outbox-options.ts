import { NervPersistenceError } from '../errors.ts';
import { MemoryOutbox } from './memory-outbox.ts';
import { subjectOf } from './outbox-owner.ts';
import type { Outbox, OutboxRecords } from './outbox.ts';

/** Where writes are kept, and how. */
export interface OutboxOptions {
  /** A directory of Node, or any other outbox. Default: memory, which ends with the process. */
  readonly store?: string | Outbox | undefined;
  /**
   * `offline` keeps what is written while the server does not answer, and costs nothing while it does. `always` keeps
   * every write before it is sent. Default `offline`.
   */
  readonly mode?: 'offline' | 'always' | undefined;
  /** After how many milliseconds without an answer what waits is kept. Default 1,000. */
  readonly answerWithinMs?: number | undefined;
  /** Whether those behind a rejected write go on, or all stop until it is retried or discarded. Default `continue`. */
  readonly onRejected?: 'continue' | 'stop' | undefined;
  /** Writes, rejected ones included; one more is refused with `outbox/full`. Default 100,000. */
  readonly writesMax?: number | undefined;
  /** Bytes of their ops. Default 64 MiB. */
  readonly bytesMax?: number | undefined;
  /** Bytes of confirmed data that are kept beside, for opening without the server. Default 64 MiB. */
  readonly copiesBytesMax?: number | undefined;
}

/** An outbox that is open for one owner, with everything decided. */
export interface OpenedOutbox extends Required<Pick<OutboxOptions, 'mode' | 'answerWithinMs' | 'onRejected'>> {
  readonly records: OutboxRecords;
  readonly isDurable: boolean;
  readonly writesMax: number;
  readonly bytesMax: number;
}

const ANSWER_WITHIN_MS = 1_000;
const WRITES_MAX = 100_000;
const BYTES_MAX = 67_108_864;

/** What an outbox is opened for. */
export interface OutboxUse {
  readonly target: string;
  readonly database: string;
  /** The token that is used first, if there is one. */
  readonly token: string | undefined;
  readonly onError: (error: unknown) => void;
}

/**
 * Opens an outbox with what was said of it, and defaults for the rest.
 * @throws {NervPersistenceError} `config/invalid` where what is kept could not be sent by the same identity later;
 * `outbox/in-use`, `outbox/corrupt`, `outbox/storage-failed`
 */
export async function openOutbox(given: string | Outbox | OutboxOptions, use: OutboxUse): Promise<OpenedOutbox> {
  const options = readOutboxOptions(given);
  const store = await makeOutbox(options);
  if (store.isDurable && use.token === undefined) {
    throw new NervPersistenceError(
      'config/invalid',
      'An outbox that outlives the process needs a token: without one, each start is another identity, and what the ' +
        'last one kept could not be sent. Give a token, or an outbox in memory.',
    );
  }
  const { target, database, token, onError } = use;
  const subject = token === undefined ? 'nobody' : subjectOf(token);
  const records = await store.open({ target, database, subject }, { onError });
  return {
    records,
    isDurable: store.isDurable,
    mode: options.mode ?? 'offline',
    answerWithinMs: options.answerWithinMs ?? ANSWER_WITHIN_MS,
    onRejected: options.onRejected ?? 'continue',
    writesMax: options.writesMax ?? WRITES_MAX,
    bytesMax: options.bytesMax ?? BYTES_MAX,
  };
}

/** Options in their long form. */
export function readOutboxOptions(given: string | Outbox | OutboxOptions): OutboxOptions {
  if (typeof given === 'string') return { store: given };
  return isOutbox(given) ? { store: given } : given;
}

/** Whether something is an outbox, rather than options for one. */
export function isOutbox(given: object): given is Outbox {
  return 'open' in given && typeof given.open === 'function';
}

async function makeOutbox({ store, copiesBytesMax }: OutboxOptions): Promise<Outbox> {
  if (store === undefined) return new MemoryOutbox({ copiesBytesMax });
  if (typeof store !== 'string') return store;
  // Loaded when needed: there are no files in a browser.
  const { FileOutbox } = await import('./file-outbox.ts');
  return new FileOutbox(store, { copiesBytesMax });
}
