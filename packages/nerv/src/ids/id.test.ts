import fc from 'fast-check';
import { expect, test } from 'vitest';
import { idFault, MAX_ID_BYTES } from './id.ts';

test('an id is valid up to its greatest length in UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 140 }), (id) => {
      const isValid = new TextEncoder().encode(id).length <= MAX_ID_BYTES;
      expect(idFault(id) === undefined).toBe(isValid);
    }),
  );
  expect(idFault('ü'.repeat(MAX_ID_BYTES / 2))).toBeUndefined();
  expect(idFault('ü'.repeat(MAX_ID_BYTES / 2) + 'x')).toContain('128 bytes');
  expect(idFault('%'.repeat(MAX_ID_BYTES))).toBeUndefined();
});

test('what is no text, empty, too long or not valid text says so', () => {
  expect(idFault(7)).toBe('is a number, not a string');
  expect(idFault('')).toContain('1 to 128 bytes');
  expect(idFault('x'.repeat(129))).toContain('128 bytes');
  expect(idFault('a\ud800')).toContain('of UTF-8');
});
