/** Base64 (RFC 4648, section 4, with padding) without `Buffer` or `btoa`, which not every realm has. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Bytes as base64. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  let word = 0;
  let bits = 0;
  for (const byte of bytes) {
    word = ((word << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += sixtet(word >>> bits);
    }
  }
  if (bits > 0) text += sixtet(word << (6 - bits)) + (bits === 2 ? '==' : '=');
  return text;
}

/** The bytes of a base64 text, or `undefined` unless it is exactly what `encodeBase64` writes. */
export function tryDecodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const end = text.length - padding;
  let word = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < end; i += 1) {
    const value = ALPHABET.indexOf(text.charAt(i));
    if (value < 0) return undefined;
    word = ((word << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at] = (word >>> bits) & 0xff;
      at += 1;
    }
  }
  return (word & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}

function sixtet(word: number): string {
  return ALPHABET.charAt(word & 0x3f);
}
