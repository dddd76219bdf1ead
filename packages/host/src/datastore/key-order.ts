import type { KeyPart } from './index-key.ts';

/*
 * Comparators are separate functions for numbers, texts and composites although their bodies are alike: the engine
 * optimises each for the kind of values it sees, and one for all would be slow for all.
 */

/** Order of number and bigint keys. None is NaN. */
export function compareNumberKeys(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1;
  if (a > b) return 1;
  return 0;
}

/** Order of text keys. */
export function compareTextKeys(a: string, b: string): number {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}

/** A composite key, or the end of a range: then parts may be missing, and a last element tells its side of them. */
type CompositeKey = readonly (KeyPart | undefined)[];

/** Where the end of a range lies, seen from all keys that start with its parts. */
export type KeySide = 'before' | 'behind';

/** The end of a range over keys of `partCount` parts: next to all keys that start with `parts`. */
export function makeKeyEnd(parts: readonly KeyPart[], partCount: number, side: KeySide): CompositeKey {
  const end: (KeyPart | undefined)[] = [...parts];
  while (end.length < partCount) end.push(undefined);
  end.push(side === 'before' ? -1 : 1);
  return end;
}

/** Order of keys of `partCount` parts, part by part, and of ends of ranges among them. */
export function compareCompositeKeys(partCount: number): (a: CompositeKey, b: CompositeKey) => number {
  return (a, b) => {
    for (let order = 0; order < partCount; order += 1) {
      const x = a[order];
      const y = b[order];
      if (x === y) {
        if (x === undefined) break;
        continue;
      }
      if (x === undefined) return sideOf(a, partCount);
      if (y === undefined) return -sideOf(b, partCount);
      if (x < y) return -1;
      if (x > y) return 1;
    }
    return sideOf(a, partCount) - sideOf(b, partCount);
  };
}

/** -1 or 1 for the end of a range, 0 for a key. */
function sideOf(key: CompositeKey, partCount: number): number {
  return key.length > partCount ? Number(key[partCount]) : 0;
}
