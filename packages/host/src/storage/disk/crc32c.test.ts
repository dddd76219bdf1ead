import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c, crc32cOfU32, crc32cOfU64 } from './crc32c.ts';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

test('gives the published check values', () => {
  expect(crc32c(ascii('123456789'))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(0))).toBe(0);
  // RFC 3720 B.4: 32 zeros, 32 ones, 32 ascending, 32 descending bytes.
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
});

test('agrees with the bitwise definition on any range', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(80), fc.nat(80), (bytes, a, b) => {
      const start = Math.min(a, b, bytes.length);
      const end = Math.min(Math.max(a, b), bytes.length);
      expect(crc32c(bytes, start, end)).toBe(bitwise(bytes.subarray(start, end)));
    }),
  );
});

test('continues a checksum across pieces', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (a, b) => {
      expect(crc32c(b, 0, b.length, crc32c(a))).toBe(crc32c(Uint8Array.from([...a, ...b])));
    }),
  );
});

test('takes numbers as little-endian bytes', () => {
  fc.assert(
    fc.property(fc.nat(Number.MAX_SAFE_INTEGER), fc.nat(0xffffffff), (value, crc) => {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
      expect(crc32cOfU64(value, crc)).toBe(crc32c(bytes, 0, 8, crc));
      expect(crc32cOfU32(value >>> 0, crc)).toBe(crc32c(bytes, 0, 4, crc));
    }),
  );
});

function bitwise(bytes: Uint8Array): number {
  let state = 0xffffffff;
  for (const value of bytes) {
    state ^= value;
    for (let bit = 0; bit < 8; bit++) state = state & 1 ? (state >>> 1) ^ 0x82f63b78 : state >>> 1;
  }
  return ~state >>> 0;
}
