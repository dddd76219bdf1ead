import { utf8Length } from '../client/op-size.ts';
import { completionOf, resultOf, type Db } from './indexed-db.ts';
import type { LocalCopies } from './local-copies.ts';
import { makeStorageFailed } from './outbox-errors.ts';

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
  /** What is still to be written, by name; undefined: to be deleted. */
  readonly #pending: Map<string, string | undefined> = new Map();
  #bytes = 0;
  #writing: Promise<void> | undefined;

  private constructor(options: DbCopiesOptions, sizes: Map<string, number>) {
    this.#options = options;
    this.#sizes = sizes;
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
    this.#queue(name, text);
  }

  delete(name: string): void {
    this.#queue(name, undefined);
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #queue(name: string, text: string | undefined): void {
    this.#pending.set(name, text);
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
  }

  async #writeAll(): Promise<void> {
    for (let [next] = this.#pending; next !== undefined; [next] = this.#pending) {
      const [name, text] = next;
      try {
        await this.#write(name, text);
      } catch (error) {
        this.#options.onError(makeStorageFailed(this.#options.place, error));
      }
      // A later text may have come meanwhile.
      if (this.#pending.get(name) === text) this.#pending.delete(name);
    }
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
