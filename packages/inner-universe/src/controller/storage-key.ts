import type { StorageKeyOptions } from '@inner-universe/host';
import { NervPersistenceError } from '../errors.ts';
import { readTextFile } from './local-files.ts';

/**
 * The key that a data directory is encrypted with: as bytes, or in files that hold one each, as base64 or hexadecimal
 * text. A directory that opens with a previous key is under `key` from then on.
 */
export type StorageKey =
  | StorageKeyOptions
  | { readonly keyFile: string; readonly previousKeyFiles?: readonly string[] | undefined };

/** Bytes of a key: AES-256. */
export const STORAGE_KEY_BYTES = 32;

const HEX = /^[0-9a-f]{64}$/i;
const BASE64 = /^[A-Za-z0-9+/]{43}=?$/;

/**
 * Reads the files of a key, if it lies in files. What they hold stands in no error.
 * @throws {NervPersistenceError} `config/invalid` when a file cannot be read, or holds no key
 */
export async function readStorageKey(given: StorageKey | undefined): Promise<StorageKeyOptions | undefined> {
  if (given === undefined || 'key' in given) return given;
  const key = await readKeyFile(given.keyFile);
  const previousKeys = await Promise.all((given.previousKeyFiles ?? []).map(readKeyFile));
  return { key, previousKeys };
}

async function readKeyFile(path: string): Promise<Uint8Array> {
  let text: string;
  try {
    text = (await readTextFile(path)).trim();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NervPersistenceError('config/invalid', `storageKey: the key in '${path}' cannot be read: ${reason}.`, {
      details: { path },
      cause,
    });
  }
  if (HEX.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'));
  if (BASE64.test(text)) return Uint8Array.from(Buffer.from(text, 'base64'));
  throw new NervPersistenceError(
    'config/invalid',
    `storageKey: '${path}' holds no key: ${STORAGE_KEY_BYTES} random bytes as base64 or hexadecimal text are one, such as 'openssl rand -base64 32' prints.`,
    { details: { path } },
  );
}
