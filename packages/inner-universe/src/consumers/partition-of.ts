const encoder = new TextEncoder();

/**
 * The partition of a key: FNV-1a (32 bits, http://www.isthe.com/chongo/tech/comp/fnv/) of its UTF-8, modulo the number
 * of partitions. The same for all time: a worker of any release finds the same partition.
 */
export function partitionOf(key: string, partitions: number): number {
  return partitions === 1 ? 0 : fnv1a(key) % partitions;
}

/** FNV-1a of a text's UTF-8, as an unsigned 32-bit number. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of encoder.encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
