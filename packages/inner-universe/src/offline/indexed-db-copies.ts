import { utf8Length } from '../client/op-size.ts';
import { completionOf, resultOf, type Db } from './indexed-db.ts';
import type { LocalCopies } from './local-copies.ts';
import { makeStorageFailed } from './outbox-errors.ts';
import { PendingCopies } from './pending-copies.ts';

interface DbCopiesOptions {
  readonly db: Db;
  readonly place: string;
  readonly bytesMax: number;
  readonly onError: (error: unknown) => void;
}

/** Copies in the object store `copies`. Beyond `bytesMax` those go that were written longest ago. */
export class DbCopies implements LocalCopies {
  readonly #options: DbCopiesOptions;
  /** Sizes by name, the one written longest ago first. */
  readonly #sizes: Map<string, number>;
  readonly #pending: PendingCopies;
  #bytes = 0;

  private constructor(options: DbCopiesOptions, sizes: Map<string, number>) {
    this.#options = options;
    this.#sizes = sizes;
    this.#pending = new PendingCopies(
      (name, text) => this.#write(name, text),
      (error) => options.onError(makeStorageFailed(options.place, error)),
    );
    for (const size of sizes.values()) this.#bytes += size;
  }

  static async open(options: DbCopiesOptions): Promise<DbCopies> {
    const store = options.db.transaction('copies', 'readonly').objectStore('copies');
    const [keys, values] = await Promise.all([resultOf(store.getAllKeys()), resultOf(store.getAll())]);
    const sizes = new Map<string, number>();
    for (const [index, key] of keys.entries()) sizes.set(String(key), utf8Length(String(values[index])));
    return new DbCopies(options, sizes);
  }

  async get(name: string): Promise<string | undefined> {
    if (this.#pending.has(name)) return this.#pending.get(name);
    const store = this.#options.db.transaction('copies', 'readonly').objectStore('copies');
    const text = await resultOf(store.get(name));
    return typeof text === 'string' ? text : undefined;
  }

  set(name: string, text: string): void {
    this.#pending.set(name, text);
  }

  delete(name: string): void {
    this.#pending.set(name, undefined);
  }

  /** Waits for what is being written. */
  close(): Promise<void> {
    return this.#pending.idle();
  }

  async #write(name: string, given: string | undefined): Promise<void> {
    const { db, bytesMax } = this.#options;
    const bytes = given === undefined ? 0 : utf8Length(given);
    const text = bytes > bytesMax ? undefined : given;
    this.#forget(name);
    const transaction = db.transaction('copies', 'readwrite', { durability: 'relaxed' });
    const done = completionOf(transaction);
    const store = transaction.objectStore('copies');
    if (text === undefined) store.delete(name);
    else {
      store.put(text, name);
      this.#sizes.set(name, bytes);
      this.#bytes += bytes;
    }
    for (const oldest of this.#sizes.keys()) {
      if (this.#bytes <= bytesMax) break;
      this.#forget(oldest);
      store.delete(oldest);
    }
    await done;
  }

  #forget(name: string): void {
    this.#bytes -= this.#sizes.get(name) ?? 0;
    this.#sizes.delete(name);
  }
}
