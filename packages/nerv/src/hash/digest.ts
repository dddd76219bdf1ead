import { DIGEST_BYTES, Sha256 } from './sha256.ts';

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The hasher of this file's functions; each of them begins and ends a whole message, so none sees another's. */
const hasher = new Sha256();

/** SHA-256 of bytes, or of a string as UTF-8. */
export function sha256(data: Uint8Array | string): Uint8Array {
  const digest = new Uint8Array(DIGEST_BYTES);
  if (typeof data === 'string') hasher.utf8(data);
  else hasher.bytes(data);
  hasher.digestInto(digest);
  return digest;
}

/** SHA-256 of bytes, or of a string as UTF-8, in lower-case hex. */
export function sha256Hex(data: Uint8Array | string): string {
  return toHex(sha256(data));
}

/** `bytes[from..to)` in lower-case hex. */
export function toHex(bytes: Uint8Array, from = 0, to: number = bytes.length): string {
  let text = '';
  for (let i = from; i < to; i += 1) text += HEX[bytes[i] ?? 0] ?? '';
  return text;
}
