import { EncryptionError } from './encryption-error.ts';
import type { WrappedKey } from './key-wrapper.ts';

/** A data key as it is kept. Of an erased one nothing is left but that it was. */
export type StoredKey =
  | {
      readonly kid: string;
      readonly state: 'active' | 'retired';
      /** Whose data it seals; '' for what is nobody's. */
      readonly subject: string;
      readonly wrapped: WrappedKey;
    }
  | { readonly kid: string; readonly state: 'erased' };

/** All data keys of a ring. `revision` counts the changes. */
export interface StoredKeys {
  readonly format: 1;
  readonly revision: number;
  readonly keys: readonly StoredKey[];
}

/** Where the wrapped data keys of a ring are kept: whole, and durable when `save` resolves. */
export interface KeyStore {
  /** What was saved last, from outside and to be checked with `checkStoredKeys`; undefined where nothing was. */
  load(): Promise<unknown>;
  /** Replaces what is kept, if it is of the revision before; gives false, and changes nothing, if it is not. */
  save(keys: StoredKeys): Promise<boolean>;
}

/** Keeps data keys in this process: for tests, and for data that ends with it. */
export class MemoryKeyStore implements KeyStore {
  #keys: StoredKeys | undefined;

  async load(): Promise<StoredKeys | undefined> {
    return this.#keys;
  }

  async save(keys: StoredKeys): Promise<boolean> {
    if (keys.revision !== (this.#keys?.revision ?? 0) + 1) return false;
    this.#keys = keys;
    return true;
  }
}

/** What a store gave, checked; without keys where it gave nothing. @throws {EncryptionError} `encryption/invalid-keys` */
export function checkStoredKeys(loaded: unknown): StoredKeys {
  if (loaded === undefined) return { format: 1, revision: 0, keys: [] };
  const { format, revision, keys } = fieldsOf(loaded);
  if (format !== 1) throw invalid(`its format is ${String(format)}; this release knows 1`);
  if (!Number.isSafeInteger(revision) || !Array.isArray(keys)) throw invalid('it has no revision, or no keys');
  const checked = keys.map(checkStoredKey);
  if (new Set(checked.map(({ kid }) => kid)).size !== checked.length) throw invalid('it has two keys of one id');
  return { format, revision: revision as number, keys: checked }; // a safe integer is a number
}

function checkStoredKey(key: unknown, index: number): StoredKey {
  const { kid, state, subject, wrapped } = fieldsOf(key);
  const { by, text } = fieldsOf(wrapped);
  if (typeof kid !== 'string' || kid === '') throw invalid(`key ${index} has no id`);
  if (state === 'erased') return { kid, state };
  const isKnown = state === 'active' || state === 'retired';
  if (!isKnown || typeof subject !== 'string' || typeof by !== 'string' || typeof text !== 'string') {
    throw invalid(`key '${kid}' lacks its state, its subject or what was wrapped`);
  }
  return { kid, state, subject, wrapped: { by, text } };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function invalid(what: string): EncryptionError {
  return new EncryptionError('encryption/invalid-keys', `The key store holds no ring of keys: ${what}. Restore it.`);
}
