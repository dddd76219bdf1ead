/**
 * The partition of a key: FNV-1a (32 bits, http://www.isthe.com/chongo/tech/comp/fnv/) of its UTF-8, modulo the number
 * of partitions. The same for all time: a worker of any release finds the same partition, and so does the module.
 */
export function partitionOf(key: string, partitions: number): number {
  return partitions === 1 ? 0 : fnv1a(key) % partitions;
}

/** FNV-1a of a text's UTF-8, as an unsigned 32-bit number. A lone surrogate counts as U+FFFD, as encoders write it. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  const add = (byte: number): void => void (hash = Math.imul(hash ^ byte, 0x01000193));
  for (const character of text) {
    const found = character.codePointAt(0) ?? 0;
    const point = found >= 0xd800 && found <= 0xdfff ? 0xfffd : found;
    if (point < 0x80) add(point);
    else {
      if (point < 0x800) add(0xc0 | (point >> 6));
      else {
        if (point < 0x10000) add(0xe0 | (point >> 12));
        else {
          add(0xf0 | (point >> 18));
          add(0x80 | ((point >> 12) & 0x3f));
        }
        add(0x80 | ((point >> 6) & 0x3f));
      }
      add(0x80 | (point & 0x3f));
    }
  }
  return hash >>> 0;
}
