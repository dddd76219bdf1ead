import { readU32 } from '../bsatn/reader.ts';

/**
 * MurmurHash3, 32 bits (public domain, Austin Appleby), as a signed number. The seed keeps clients from choosing bytes
 * that collide.
 */
export function hashBytes(bytes: Uint8Array, start: number, length: number, seed: number): number {
  const wordsEnd = start + (length & ~3);
  let hash = seed | 0;
  for (let at = start; at < wordsEnd; at += 4) {
    hash ^= scramble(readU32(bytes, at));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe654_6b64) | 0;
  }
  let tail = 0;
  for (let at = start + length - 1; at >= wordsEnd; at -= 1) tail = (tail << 8) | (bytes[at] ?? 0);
  hash ^= scramble(tail) ^ length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}

function scramble(word: number): number {
  const mixed = Math.imul(word, 0xcc9e_2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b87_3593);
}
