/** AES-256-GCM (NIST SP 800-38D) by Web Crypto, which Node 20 and browsers share. Ciphertexts end with their tag. */

/** A key that cannot be read out again. */
export interface AesKey {
  readonly type: string;
}

interface GcmOptions {
  readonly name: 'AES-GCM';
  readonly iv: Uint8Array;
  readonly additionalData: Uint8Array;
  readonly tagLength: 128;
}

/** What is used of Web Crypto. */
declare const crypto: {
  readonly subtle: {
    importKey(format: 'raw', bytes: Uint8Array, name: 'AES-GCM', extractable: false, uses: string[]): Promise<AesKey>;
    encrypt(options: GcmOptions, key: AesKey, data: Uint8Array): Promise<ArrayBuffer>;
    decrypt(options: GcmOptions, key: AesKey, data: Uint8Array): Promise<ArrayBuffer>;
  };
};

/** Bytes of a key. */
export const KEY_BYTES = 32;
/** Bytes of an initialisation vector, which must be random and never come twice under one key. */
export const IV_BYTES = 12;

/** What both ways need to agree on. */
export interface AesContext {
  readonly key: AesKey;
  readonly iv: Uint8Array;
  /** Authenticated, not encrypted. */
  readonly associated: Uint8Array;
}

/** @throws {RangeError} unless there are 32 bytes */
export async function importAesKey(bytes: Uint8Array): Promise<AesKey> {
  if (bytes.byteLength !== KEY_BYTES) throw new RangeError(`A key has ${KEY_BYTES} bytes, not ${bytes.byteLength}.`);
  return crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

export async function encryptAes({ key, ...context }: AesContext, plain: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.encrypt(makeOptions(context), key, plain));
}

/** The plain bytes; undefined when the ciphertext, the vector or what is associated is not what was encrypted. */
export async function tryDecryptAes(
  { key, ...context }: AesContext,
  cipher: Uint8Array,
): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await crypto.subtle.decrypt(makeOptions(context), key, cipher));
  } catch (error) {
    // The one name that Web Crypto gives to whatever is not authentic.
    if (error instanceof Error && error.name === 'OperationError') return undefined;
    throw error;
  }
}

function makeOptions({ iv, associated }: Omit<AesContext, 'key'>): GcmOptions {
  return { name: 'AES-GCM', iv, additionalData: associated, tagLength: 128 };
}
