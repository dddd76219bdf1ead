/*
 * An outbox in a browser: a database of IndexedDB for each owner, with two object stores, `records` and `copies`.
 * Invariants:
 * - a write is one transaction, and transactions of one store take effect in the order in which they were made;
 * - one tab at a time has an owner's part: it holds a Web Lock for as long as it is open.
 */
import { NervPersistenceError } from '../errors.ts';
import { completionOf, resultOf, type Db, type DbFactory, type LockManagerLike } from './indexed-db.ts';
import { DbCopies } from './indexed-db-copies.ts';
import type { LocalCopies } from './local-copies.ts';
import { COPIES_BYTES_MAX } from './memory-copies.ts';
import { makeCorrupt, makeInUse, makeStorageFailed } from './outbox-errors.ts';
import { ownerKey } from './outbox-owner.ts';
import type { Outbox, OutboxOwner, OutboxRecords, OutboxSigns, RecordChange } from './outbox.ts';

/** How an outbox in a browser is made. */
export interface IndexedDbOutboxOptions {
  /** Tells the outboxes of one origin apart; default `inner-universe`. */
  readonly name?: string | undefined;
  /** Default: the browser's. */
  readonly indexedDB?: DbFactory | undefined;
  /**
   * What keeps two tabs from sending the same. Default: the browser's Web Locks, which pages have that come over https.
   * `'none'` is for who knows that there is one tab only.
   */
  readonly locks?: LockManagerLike | 'none' | undefined;
  /** Bytes of confirmed data that are kept beside. Default 64 MiB. */
  readonly copiesBytesMax?: number | undefined;
}

const VERSION = 1;

/** An outbox that outlives a page, in IndexedDB. A second tab that opens it is refused with `outbox/in-use`. */
export class IndexedDbOutbox implements Outbox {
  readonly isDurable = true;
  readonly #options: IndexedDbOutboxOptions;

  constructor(options: IndexedDbOutboxOptions = {}) {
    this.#options = options;
  }

  async open(owner: OutboxOwner, { onError }: OutboxSigns): Promise<OutboxRecords> {
    const place = `${this.#options.name ?? 'inner-universe'}-outbox-${ownerKey(owner)}`;
    const release = await this.#lock(place);
    try {
      const db = await openDb(this.#factory(), place);
      const recovered = await readRecords(db, place);
      const bytesMax = this.#options.copiesBytesMax ?? COPIES_BYTES_MAX;
      const copies = await DbCopies.open({ db, bytesMax, onError, place });
      return new DbRecords({ place, db, release, recovered, copies });
    } catch (error) {
      release();
      throw error instanceof NervPersistenceError ? error : makeStorageFailed(place, error);
    }
  }

  #factory(): DbFactory {
    const factory = this.#options.indexedDB ?? (globalThis as { indexedDB?: DbFactory }).indexedDB; // a browser has it
    if (factory !== undefined) return factory;
    throw new NervPersistenceError(
      'config/invalid',
      'There is no IndexedDB here. Give outbox a directory, or nothing.',
    );
  }

  #lock(place: string): Promise<() => void> {
    const { locks = findLocks() } = this.#options;
    if (locks === 'none') return Promise.resolve(() => undefined);
    if (locks === undefined) {
      throw new NervPersistenceError(
        'config/invalid',
        'There are no Web Locks here, so two tabs could send the same twice. Serve the page over https, or say ' +
          "locks: 'none' where there is one tab only.",
      );
    }
    return new Promise((resolve, reject) => {
      const hold = (lock: unknown): Promise<void> | undefined => {
        if (lock !== null) return new Promise((release) => resolve(release));
        reject(makeInUse(place, undefined));
        return undefined;
      };
      locks.request(place, { ifAvailable: true }, hold).catch(reject);
    });
  }
}

interface DbRecordsParts {
  readonly place: string;
  readonly db: Db;
  readonly release: () => void;
  readonly recovered: ReadonlyMap<string, string>;
  readonly copies: DbCopies;
}

class DbRecords implements OutboxRecords {
  readonly place: string;
  readonly recovered: ReadonlyMap<string, string>;
  readonly #parts: DbRecordsParts;
  /** The last write: the one before it is over when it is. */
  #last: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(parts: DbRecordsParts) {
    this.place = parts.place;
    this.recovered = parts.recovered;
    this.#parts = parts;
  }

  get copies(): LocalCopies {
    return this.#parts.copies;
  }

  async write(changes: readonly RecordChange[], keep: 'durable' | 'soon'): Promise<void> {
    const written = this.#put(changes, keep === 'durable' ? 'strict' : 'relaxed');
    const before = this.#last;
    this.#last = written.catch(() => before);
    try {
      await written;
    } catch (error) {
      throw makeStorageFailed(this.place, error);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #put(changes: readonly RecordChange[], durability: 'strict' | 'relaxed'): Promise<void> {
    const transaction = this.#parts.db.transaction('records', 'readwrite', { durability });
    const done = completionOf(transaction);
    const store = transaction.objectStore('records');
    for (const { key, value } of changes) {
      if (value === undefined) store.delete(key);
      else store.put(value, key);
    }
    await done;
  }

  async #close(): Promise<void> {
    await this.#last;
    await this.#parts.copies.close();
    this.#parts.db.close();
    this.#parts.release();
  }
}

function openDb(factory: DbFactory, place: string): Promise<Db> {
  const request = factory.open(place, VERSION);
  request.onupgradeneeded = () => {
    request.result.createObjectStore('records');
    request.result.createObjectStore('copies');
  };
  return resultOf(request);
}

async function readRecords(db: Db, place: string): Promise<ReadonlyMap<string, string>> {
  const store = db.transaction('records', 'readonly').objectStore('records');
  const [keys, values] = await Promise.all([resultOf(store.getAllKeys()), resultOf(store.getAll())]);
  const records = new Map<string, string>();
  for (const [index, key] of keys.entries()) {
    const value = values[index];
    if (typeof key !== 'string' || typeof value !== 'string')
      throw makeCorrupt(place, 'it holds what was not written here');
    records.set(key, value);
  }
  return records;
}

function findLocks(): LockManagerLike | undefined {
  const { navigator } = globalThis as { navigator?: { locks?: LockManagerLike } }; // a browser has it
  return navigator?.locks;
}
