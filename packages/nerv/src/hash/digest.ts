import { addBytes, addText, digest } from './sha256.ts';

/**
 * A SHA-256 digest as a string of 16 characters, each two bytes. Smaller than a typed array, compared by `===`. It never
 * leaves the process; outside it is hex.
 */
export type Digest = string;

/** SHA-256 of bytes, or of a string as UTF-8. */
export function sha256(data: Uint8Array | string): Uint8Array {
  const hex = sha256Hex(data);
  return Uint8Array.from({ length: hex.length / 2 }, (_, index) =>
    Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16),
  );
}

/** SHA-256 of bytes, or of a string as UTF-8, in lower-case hex. */
export function sha256Hex(data: Uint8Array | string): string {
  if (typeof data === 'string') addText(data);
  else addBytes(data);
  return digestToHex(digest());
}

/** A digest in lower-case hex. */
export function digestToHex(digest: Digest): string {
  let text = '';
  for (let i = 0; i < digest.length; i += 1) text += (digest.charCodeAt(i) + 0x10000).toString(16).slice(1);
  return text;
}
