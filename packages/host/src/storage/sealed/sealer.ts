import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { StorageError } from '../storage-error.ts';

/*
 * Sealed bytes:
 *
 *      0  u8   scheme: E1, which begins no record and no snapshot that is not sealed
 *      1  16   salt, random, one for every opening of the storage
 *     17  u64  number of this sealing within the opening
 *     25  .    ciphertext, as long as the plain bytes
 *      .  16   tag
 *
 * AES-256-GCM under HKDF-SHA-256(key of the database, salt), with the number as nonce: a salt is never used by two
 * openings, so no nonce is used twice, however many records a database has. Numbers are little-endian.
 */
const SCHEME = 0xe1;
const SALT_BYTES = 16;
const HEADER_BYTES = 25;
const TAG_BYTES = 16;
const INFO = 'inner-universe storage 1';
/** Salts whose keys are kept: one opening's records lie together. */
const KEYS_KEPT = 64;

/** Where sealed bytes belong: they are sound in no other place. */
export interface SealedPlace {
  readonly kind: 'record' | 'snapshot';
  readonly offset: bigint;
  /** Of a snapshot's chunk; 0 for a record. */
  readonly index: number;
}

/** Seals and opens the records and snapshots of one database. */
export class Sealer {
  readonly #databaseKey: Uint8Array;
  readonly #acceptsPlain: boolean;
  readonly #salt: Uint8Array;
  readonly #key: Uint8Array;
  readonly #keys = new Map<string, Uint8Array>();
  #number = 0n;

  /** `salt` is 16 fresh random bytes. `acceptsPlain`: what is not sealed is handed out as it is. */
  constructor(databaseKey: Uint8Array, options: { readonly salt: Uint8Array; readonly acceptsPlain: boolean }) {
    this.#databaseKey = databaseKey;
    this.#acceptsPlain = options.acceptsPlain;
    this.#salt = options.salt;
    this.#key = this.#deriveKey(options.salt);
  }

  seal(bytes: Uint8Array, place: SealedPlace): Uint8Array {
    const sealed = new Uint8Array(HEADER_BYTES + bytes.length + TAG_BYTES);
    sealed[0] = SCHEME;
    sealed.set(this.#salt, 1);
    new DataView(sealed.buffer).setBigUint64(1 + SALT_BYTES, this.#number, true);
    this.#number += 1n;
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(sealed), { authTagLength: TAG_BYTES });
    cipher.setAAD(encodePlace(place));
    sealed.set(cipher.update(bytes), HEADER_BYTES);
    cipher.final();
    sealed.set(cipher.getAuthTag(), HEADER_BYTES + bytes.length);
    return sealed;
  }

  /** @throws {StorageError} `storage/not-authentic` for what was not sealed for this place with this key. */
  open(sealed: Uint8Array, place: SealedPlace): Uint8Array {
    if (sealed[0] !== SCHEME && this.#acceptsPlain) return sealed;
    const textEnd = sealed.length - TAG_BYTES;
    if (sealed[0] !== SCHEME || textEnd < HEADER_BYTES) throw makeNotAuthentic(place, 'it is not sealed');
    const key = this.#keyOf(sealed.subarray(1, 1 + SALT_BYTES));
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(sealed), { authTagLength: TAG_BYTES });
    decipher.setAAD(encodePlace(place));
    decipher.setAuthTag(sealed.subarray(textEnd));
    const plain = decipher.update(sealed.subarray(HEADER_BYTES, textEnd));
    try {
      decipher.final();
    } catch (cause) {
      throw makeNotAuthentic(place, 'it was sealed with another key, or for another place, or was changed', cause);
    }
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
  }

  #keyOf(salt: Uint8Array): Uint8Array {
    const name = Buffer.from(salt).toString('latin1');
    const kept = this.#keys.get(name);
    if (kept !== undefined) return kept;
    if (this.#keys.size >= KEYS_KEPT) this.#keys.clear();
    const key = this.#deriveKey(salt);
    this.#keys.set(name, key);
    return key;
  }

  #deriveKey(salt: Uint8Array): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.#databaseKey, salt, INFO, 32));
  }
}

function nonceOf(sealed: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(12);
  nonce.set(sealed.subarray(1 + SALT_BYTES, HEADER_BYTES), 4);
  return nonce;
}

function encodePlace({ kind, offset, index }: SealedPlace): Uint8Array {
  const bytes = new Uint8Array(13);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind === 'record' ? 1 : 2);
  view.setBigUint64(1, offset, true);
  view.setUint32(9, index, true);
  return bytes;
}

function makeNotAuthentic({ kind, offset, index }: SealedPlace, reason: string, cause?: unknown): StorageError {
  const what = kind === 'record' ? `Record ${offset}` : `Chunk ${index} of the snapshot at ${offset}`;
  return new StorageError({
    code: 'storage/not-authentic',
    message: `${what} cannot be opened: ${reason}. Nothing was changed. Restore the directory, with its storage-key.json, from one backup.`,
    details: { kind, offset: offset.toString(), index },
    cause,
  });
}
