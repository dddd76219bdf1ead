import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchSequences } from './sequence-match.ts';

/** Puts the hunks' parts of `b` in the place of their parts of `a`. */
function rebuild(a: readonly string[], b: readonly string[]): string[] {
  const built: string[] = [];
  let at = 0;
  for (const hunk of matchSequences(a, b)) {
    expect(hunk.aFrom).toBeGreaterThanOrEqual(at);
    built.push(...a.slice(at, hunk.aFrom), ...b.slice(hunk.bFrom, hunk.bTo));
    at = hunk.aTo;
  }
  return [...built, ...a.slice(at)];
}

const shuffledBlocks = (blocks: readonly number[]): string[] =>
  blocks.flatMap((block) => Array.from({ length: 60 }, (_, n) => `${block}:${n}`));

describe('matching sequences', () => {
  test('gives hunks that turn one into the other, whatever they are', () => {
    const items = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 });
    fc.assert(
      fc.property(items, items, (a, b) => {
        expect(rebuild(a, b)).toEqual(b);
      }),
    );
  });

  test('gives as few differences as can be, where it compares exactly', () => {
    const changed = (a: string, b: string): number =>
      matchSequences(a.split(''), b.split('')).reduce(
        (sum, hunk) => sum + hunk.aTo - hunk.aFrom + hunk.bTo - hunk.bFrom,
        0,
      );
    expect(changed('abcabba', 'cbabac')).toBe(5);
    expect(changed('abc', 'abc')).toBe(0);
    expect(changed('abc', 'xabcy')).toBe(2);
    expect(changed('', 'abc')).toBe(3);
  });

  test('goes by unique items where the sequences are long', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8]),
        fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8]),
        (x, y) => {
          const [a, b] = [shuffledBlocks(x), shuffledBlocks(y)];
          expect(rebuild(a, b)).toEqual(b);
        },
      ),
      { numRuns: 50 },
    );
    const a = ['same', ...shuffledBlocks([1, 2, 3, 4, 5]), 'same'];
    const b = ['same', 'other', ...shuffledBlocks([2, 3, 9, 4, 1]), 'same', 'same'];
    expect(rebuild(a, b)).toEqual(b);
    const kept = matchSequences(a, b).reduce((sum, hunk) => sum - (hunk.aTo - hunk.aFrom), a.length);
    expect(kept).toBeGreaterThanOrEqual(180);
  });

  test('gives one hunk for long sequences that have nothing unique in common', () => {
    const a = Array.from({ length: 400 }, (_, n) => `a${n % 5}`);
    const b = Array.from({ length: 400 }, (_, n) => `b${n % 5}`);
    expect(matchSequences(a, b)).toEqual([{ aFrom: 0, aTo: 400, bFrom: 0, bTo: 400 }]);
  });
});
