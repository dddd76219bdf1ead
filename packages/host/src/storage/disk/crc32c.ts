/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, as in RFC 3720 appendix B.4), eight bytes a step with eight
 * tables. A checksum continues another: `crc32c(ab) === crc32c(b, 0, b.length, crc32c(a))`.
 */
const POLYNOMIAL = 0x82f63b78;
const TABLE = makeTables();

/** Checksum of `bytes[start, end)` as an unsigned 32-bit number, continuing `crc`. */
export function crc32c(bytes: Uint8Array, start: number = 0, end: number = bytes.length, crc: number = 0): number {
  let state = ~crc;
  let at = start;
  for (const stepsEnd = end - 7; at < stepsEnd; at += 8) state = stepEight(bytes, at, state);
  for (; at < end; at++) state = (state >>> 8) ^ entry((state ^ byte(bytes, at)) & 0xff);
  return ~state >>> 0;
}

/** Continues `crc` over a 32-bit number, least significant byte first. */
export function crc32cOfU32(value: number, crc: number = 0): number {
  const mixed = ~crc ^ value;
  return (
    ~(
      entry(768 + (mixed & 0xff)) ^
      entry(512 + ((mixed >>> 8) & 0xff)) ^
      entry(256 + ((mixed >>> 16) & 0xff)) ^
      entry(mixed >>> 24)
    ) >>> 0
  );
}

/** Continues `crc` over a non-negative safe integer as 64 bits, least significant byte first. */
export function crc32cOfU64(value: number, crc: number = 0): number {
  return crc32cOfU32(Math.floor(value / 0x1_0000_0000), crc32cOfU32(value >>> 0, crc));
}

function stepEight(bytes: Uint8Array, at: number, state: number): number {
  const mixed =
    state ^ (byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24));
  return (
    entry(1792 + (mixed & 0xff)) ^
    entry(1536 + ((mixed >>> 8) & 0xff)) ^
    entry(1280 + ((mixed >>> 16) & 0xff)) ^
    entry(1024 + (mixed >>> 24)) ^
    entry(768 + byte(bytes, at + 4)) ^
    entry(512 + byte(bytes, at + 5)) ^
    entry(256 + byte(bytes, at + 6)) ^
    entry(byte(bytes, at + 7))
  );
}

// The casts state what the loops above guarantee: every position read lies inside the array.
function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

function entry(at: number): number {
  return TABLE[at] as number;
}

/** Table k at `256 * k` advances a byte that is followed by k more. */
function makeTables(): Int32Array {
  const tables = new Int32Array(2048);
  for (let value = 0; value < 256; value++) {
    let state = value;
    for (let bit = 0; bit < 8; bit++) state = state & 1 ? (state >>> 1) ^ POLYNOMIAL : state >>> 1;
    tables[value] = state;
  }
  for (let at = 256; at < 2048; at++) {
    const before = tables[at - 256] as number;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] as number);
  }
  return tables;
}
