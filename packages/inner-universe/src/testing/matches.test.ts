import { expect, test } from 'vitest';
import { matches } from './matches.ts';

test.each([
  [1, 1, true],
  [1, '1', false],
  [{ a: [1, { b: new Date(5) }] }, { a: [1, { b: new Date(5) }] }, true],
  [{ a: 1, b: undefined }, { a: 1 }, true],
  [{ a: 1 }, { a: 1, b: 2 }, false],
  [[1, 2], [1], false],
  [{ id: 'x7', at: 3 }, { id: expect.stringMatching(/^x/), at: expect.any(Number) }, true],
  [{ id: 'y7' }, { id: expect.stringMatching(/^x/) }, false],
  [new Map([[1, 2]]), new Map([[1, 2]]), true],
  [new Map([[1, 2]]), new Map([[1, 3]]), false],
  [null, {}, false],
  [[], {}, false],
])('%j as %j: %j', (actual, expected, is) => {
  expect(matches(actual, expected)).toBe(is);
});
