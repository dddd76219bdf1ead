/** CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, as in RFC 3720 appendix B.4), a byte a step. */
const POLYNOMIAL = 0x82f63b78;
const TABLE = makeTable();

/** Checksum of the bytes as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array): number {
  let state = -1;
  for (const byte of bytes) state = (state >>> 8) ^ (TABLE[(state ^ byte) & 0xff] as number); // a byte is in the table
  return ~state >>> 0;
}

function makeTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, value) => {
    let state = value;
    for (let bit = 0; bit < 8; bit += 1) state = (state & 1) === 1 ? (state >>> 1) ^ POLYNOMIAL : state >>> 1;
    return state;
  });
}
