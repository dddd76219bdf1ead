import { readU32 } from '../bsatn/reader.ts';
import { decodeValidUtf8, SHORT_STRING_BYTES, tryDecodeShortAscii } from '../bsatn/utf8.ts';
import { orderedText } from './packed-key.ts';

const CACHE_SIZE = 1024;

/** Reads the key of the sound string at `at`. */
export type TextKeyReader = (bytes: Uint8Array, at: number) => string;

/** Reads each key anew. */
export function readTextKey(bytes: Uint8Array, at: number): string {
  const start = at + 4;
  const end = start + readU32(bytes, at);
  if (end - start <= SHORT_STRING_BYTES) {
    const ascii = tryDecodeShortAscii(bytes, start, end);
    if (ascii !== undefined) return ascii;
  }
  return orderedText(decodeValidUtf8(bytes, start, end));
}

/**
 * Gives the same string for the same short text as long as it stays in a cache of 1,024: for columns whose values
 * come again and again, such keys cost no memory and are equal at first sight.
 */
export function makeCachedTextKeyReader(): TextKeyReader {
  const cache: string[] = Array.from({ length: CACHE_SIZE }, () => '');
  return (bytes, at) => {
    const length = readU32(bytes, at);
    if (length > SHORT_STRING_BYTES) return readTextKey(bytes, at);
    const start = at + 4;
    let hash = length;
    for (let offset = 0; offset < length; offset += 1) hash = (Math.imul(hash, 31) + (bytes[start + offset] ?? 0)) | 0;
    const place = (hash ^ (hash >>> 10)) & (CACHE_SIZE - 1);
    const cached = cache[place] ?? '';
    if (isAscii(cached, bytes, start, length)) return cached;
    const key = readTextKey(bytes, at);
    cache[place] = key;
    return key;
  };
}

/** True when the text is exactly these bytes; never so for text beyond ASCII, whose bytes are other than its units. */
function isAscii(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let offset = 0; offset < length; offset += 1) {
    const byte = bytes[start + offset] ?? 0;
    if (byte >= 0x80 || text.charCodeAt(offset) !== byte) return false;
  }
  return true;
}
