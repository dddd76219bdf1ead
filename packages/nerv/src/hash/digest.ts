import { DIGEST_BYTES, Sha256 } from './sha256.ts';

/**
 * A SHA-256 digest as a binary string: 32 characters, each one byte. Smaller than a typed array, compared by `===`.
 * It never leaves the process; outside it is hex.
 */
export type Digest = string;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The hasher of this file's functions; each of them begins and ends a whole message, so none sees another's. */
const hasher = new Sha256();

/** SHA-256 of bytes, or of a string as UTF-8. */
export function sha256(data: Uint8Array | string): Uint8Array {
  const digest = new Uint8Array(DIGEST_BYTES);
  add(data).digestInto(digest);
  return digest;
}

/** SHA-256 of bytes, or of a string as UTF-8, in lower-case hex. */
export function sha256Hex(data: Uint8Array | string): string {
  return digestToHex(add(data).digest());
}

/** A digest in lower-case hex. */
export function digestToHex(digest: Digest): string {
  let text = '';
  for (let i = 0; i < digest.length; i += 1) text += HEX[digest.charCodeAt(i)] as string; // each character is a byte
  return text;
}

function add(data: Uint8Array | string): Sha256 {
  return typeof data === 'string' ? hasher.utf8(data) : hasher.bytes(data);
}
