import { expect, test } from 'vitest';
import { assert, AssertionError, unreachable } from './assert.ts';

test('what must hold is thrown where it does not', () => {
  expect(() => assert(true, 'one is one')).not.toThrow();
  expect(() => assert(false, 'one is two')).toThrow(AssertionError);
  expect(() => assert(false, 'one is two')).toThrow('one is two');
  expect(() => unreachable('x' as never, 'letter')).toThrow('letter: x');
});
