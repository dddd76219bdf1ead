import { systemRandom, type Random } from '@inner-universe/nerv';
import { encodeBase64, tryDecodeBase64 } from '@inner-universe/nerv/values';
import { encryptAes, importAesKey, IV_BYTES, KEY_BYTES, tryDecryptAes, type AesKey } from './aes-gcm.ts';
import { EncryptionError } from './encryption-error.ts';

/** A data key as it is kept: encrypted under a key-encryption key. */
export interface WrappedKey {
  /** The key-encryption key's id. */
  readonly by: string;
  /** What the wrapper made of the key; only it knows the form. */
  readonly text: string;
}

/**
 * Encrypts data keys under key-encryption keys that never leave it: local ones (`makeKeyWrapper`), or those of a key
 * management service. Both methods may reject; what they reject with must hold no key.
 */
export interface KeyWrapper {
  /** The id of the key-encryption key that wraps from now on. */
  readonly active: string;
  /** `context` is a text that `unwrap` must be given again. The bytes are the caller's, who clears them. */
  wrap(key: Uint8Array, context: string): Promise<WrappedKey>;
  unwrap(wrapped: WrappedKey, context: string): Promise<Uint8Array>;
}

/** Named key-encryption keys, of 32 random bytes each, or these in base64. Keep them apart from what they wrap. */
export interface KeyEncryptionKeys {
  readonly active: string;
  readonly keys: Readonly<Record<string, Uint8Array | string>>;
  readonly random?: Random | undefined;
}

/**
 * A wrapper over keys of one's own, say from a secret of the deployment. Printing it shows no key.
 * @throws {EncryptionError} `encryption/invalid-keys`
 */
export async function makeKeyWrapper({ active, keys, random }: KeyEncryptionKeys): Promise<KeyWrapper> {
  const imported = new Map<string, AesKey>();
  for (const [id, key] of Object.entries(keys)) {
    const bytes = typeof key === 'string' ? tryDecodeBase64(key) : key;
    if (bytes?.byteLength !== KEY_BYTES)
      throw invalid(`Key '${id}' is not ${KEY_BYTES} bytes, or these in base64.`, id);
    imported.set(id, await importAesKey(bytes));
  }
  const activeKey = imported.get(active);
  if (activeKey === undefined) throw invalid(`The active key '${active}' is none of those given.`, active);
  return new LocalKeyWrapper({ active, activeKey, keys: imported, random: random ?? systemRandom });
}

/** A fresh key, for `makeKeyWrapper`. A secret. */
export function makeRandomKey(random: Random = systemRandom): Uint8Array {
  const bytes = new Uint8Array(KEY_BYTES);
  random.fill(bytes);
  return bytes;
}

interface LocalKeys {
  readonly active: string;
  readonly activeKey: AesKey;
  readonly keys: ReadonlyMap<string, AesKey>;
  readonly random: Random;
}

/** The wrapped text is the initialisation vector and the ciphertext, together in base64. */
class LocalKeyWrapper implements KeyWrapper {
  readonly active: string;
  readonly #local: LocalKeys;

  constructor(local: LocalKeys) {
    this.active = local.active;
    this.#local = local;
  }

  async wrap(key: Uint8Array, context: string): Promise<WrappedKey> {
    const { activeKey, random } = this.#local;
    const iv = new Uint8Array(IV_BYTES);
    random.fill(iv);
    const cipher = await encryptAes({ key: activeKey, iv, associated: utf8(context) }, key);
    const bytes = new Uint8Array(iv.byteLength + cipher.byteLength);
    bytes.set(iv);
    bytes.set(cipher, iv.byteLength);
    return { by: this.active, text: encodeBase64(bytes) };
  }

  async unwrap({ by, text }: WrappedKey, context: string): Promise<Uint8Array> {
    const key = this.#local.keys.get(by);
    if (key === undefined) throw invalid(`A data key is wrapped under '${by}', which was not given.`, by);
    const bytes = tryDecodeBase64(text) ?? new Uint8Array();
    const parts = { key, iv: bytes.subarray(0, IV_BYTES), associated: utf8(context) };
    const isWhole = bytes.byteLength > IV_BYTES;
    const plain = isWhole ? await tryDecryptAes(parts, bytes.subarray(IV_BYTES)) : undefined;
    if (plain === undefined)
      throw invalid(`A data key is not what was wrapped under '${by}'. Restore the key store.`, by);
    return plain;
  }
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function invalid(message: string, by: string): EncryptionError {
  return new EncryptionError('encryption/invalid-keys', message, { details: { key: by } });
}
