/*
 * Data keys in a file of Node. Invariants:
 * - the file is whole at any moment, with the old keys or the new: it is written beside, synced, and renamed;
 * - it is readable by its owner alone (mode 0600), from the moment it is made;
 * - two processes do not save at the same time: the lock is a file that only one of them can make.
 */
import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EncryptionError } from './encryption-error.ts';
import { checkStoredKeys, type KeyStore, type StoredKeys } from './key-store.ts';

/** Saving takes milliseconds: whoever holds the lock for two seconds has ended. */
const LOCK_ATTEMPTS_MAX = 400;
const LOCK_PAUSE_MS = 5;

/** Keeps wrapped data keys in one file. Its directory must be there. @throws what Node does when it cannot be read */
export class FileKeyStore implements KeyStore {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async load(): Promise<unknown> {
    const text = await readFile(this.#path, 'utf8').catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      // The text is not shown: it is the keys'.
      throw new EncryptionError('encryption/invalid-keys', `'${this.#path}' is not JSON. Restore the key store.`, {
        details: { path: this.#path },
      });
    }
  }

  async save(keys: StoredKeys): Promise<boolean> {
    const lockPath = `${this.#path}.lock`;
    const lock = await this.#lock(lockPath);
    try {
      const { revision } = checkStoredKeys(await this.load());
      if (keys.revision !== revision + 1) return false;
      await this.#replace(`${JSON.stringify(keys, undefined, 2)}\n`);
      return true;
    } finally {
      await lock.close();
      await rm(lockPath, { force: true });
    }
  }

  async #replace(text: string): Promise<void> {
    const beside = `${this.#path}.new`;
    await rm(beside, { force: true }); // what a crash left may be of another mode
    const file = await open(beside, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, this.#path);
    const directory = await open(dirname(this.#path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async #lock(path: string): Promise<FileHandle> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await open(path, 'wx', 0o600);
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw error;
        if (attempt === LOCK_ATTEMPTS_MAX) {
          // Taking over a lock could take it from a process that has just made it, so a person decides.
          throw new EncryptionError(
            'encryption/key-store-busy',
            `'${path}' is there, so another process changes the keys, or one ended while it did. ` +
              'Try again; if no process uses the keys, delete that file.',
            { details: { path }, retryable: true },
          );
        }
      }
      await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS));
    }
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === code;
}
