import { expect, test } from 'vitest';
import { Recent } from './recent.ts';

test('keeps what was asked for most recently', () => {
  const recent = new Recent<string, number>(2);
  recent.set('a', 1);
  recent.set('b', 2);
  expect(recent.get('a')).toBe(1);
  recent.set('c', 3);
  expect(['a', 'b', 'c'].map((key) => recent.get(key))).toEqual([1, undefined, 3]);
});

test('forgets a value, and not the one that took its place', () => {
  const recent = new Recent<string, number>(2);
  recent.set('a', 1);
  recent.forget('a', 2);
  expect(recent.get('a')).toBe(1);
  recent.forget('a', 1);
  expect(recent.get('a')).toBeUndefined();
});
