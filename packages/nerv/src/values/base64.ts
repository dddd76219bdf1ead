/** Base64 (RFC 4648, section 4, with padding) without `Buffer` or `btoa`, which not every realm has. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const SIXTETS: ReadonlyMap<string, number> = new Map(
  ALPHABET.split('').map((character, sixtet) => [character, sixtet]),
);

/** Bytes as base64. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const word = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += sixtet(word >>> 18) + sixtet(word >>> 12);
    text += i + 1 < bytes.length ? sixtet(word >>> 6) : '=';
    text += i + 2 < bytes.length ? sixtet(word) : '=';
  }
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
    const value = SIXTETS.get(text.charAt(i));
    if (value === undefined) return undefined;
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
