/*
 * What is needed of IndexedDB and of Web Locks, as types: browsers have them, and tests bring their own. The names are
 * those of the W3C's specifications "Indexed Database API 3.0" and "Web Locks API".
 */

/** A request that ends with an event. */
export interface DbRequest<T> {
  readonly result: T;
  readonly error: unknown;
  onsuccess: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
}

/** A request to open a database. */
export interface DbOpenRequest extends DbRequest<Db> {
  onupgradeneeded: ((event: never) => unknown) | null;
  onblocked: ((event: never) => unknown) | null;
}

/** An object store with keys of its own choice. */
export interface DbStore {
  put(value: unknown, key: string): unknown;
  delete(key: string): unknown;
  get(key: string): DbRequest<unknown>;
  getAll(): DbRequest<unknown[]>;
  getAllKeys(): DbRequest<unknown[]>;
}

/** A transaction: all of it happens, or nothing. */
export interface DbTransaction {
  objectStore(name: string): DbStore;
  readonly error: unknown;
  oncomplete: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  onabort: ((event: never) => unknown) | null;
}

/** An open database. */
export interface Db {
  createObjectStore(name: string): unknown;
  transaction(
    names: string | string[],
    mode: 'readonly' | 'readwrite',
    options?: { durability?: 'strict' | 'relaxed' },
  ): DbTransaction;
  close(): void;
}

/** `indexedDB`. */
export interface DbFactory {
  open(name: string, version: number): DbOpenRequest;
}

/** `navigator.locks`. */
export interface LockManagerLike {
  request(
    name: string,
    options: { ifAvailable: boolean },
    callback: (lock: unknown) => Promise<void> | undefined,
  ): Promise<unknown>;
}

/** The result of a request. */
export function resultOf<T>(request: DbRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Resolves when a transaction is kept. */
export function completionOf(transaction: DbTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error ?? new Error('the transaction was called off'));
  });
}
