import { NervError } from '@inner-universe/nerv';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cut, describeFailure, REASON_LENGTH_MAX } from './failure-reason.ts';

test.each([
  ['postgres://me:hush@db.example/x', 'postgres://***@db.example/x'],
  ['sent Authorization: Bearer hush.hush-hush', 'sent Authorization: Bearer ***'],
  ['got eyJhbGciOi.eyJzdWIi.hush_hush back', 'got *** back'],
  ['password=hush&user=me', 'password=***&user=me'],
  ['{"apiKey":"hush","user":"me"}', '{"apiKey":"***","user":"me"}'],
  ['client_secret: hush', 'client_secret: ***'],
])('what looks like a secret is left out: %s', (message, told) => {
  expect(describeFailure(new Error(message))).toBe(`Error: ${told}`);
});

test('an error is told by its code or name, anything else that was thrown by its kind', () => {
  expect(describeFailure(new NervError('event/invalid', 'wrong'))).toBe('event/invalid: wrong');
  expect(describeFailure(new TypeError('wrong'))).toBe('TypeError: wrong');
  expect(describeFailure('wrong')).toBe('wrong');
  expect(describeFailure({ secret: 'hush' })).toBe('a thrown object');
  expect(describeFailure(undefined)).toBe('a thrown undefined');
});

test('a reason is never longer than is kept, and never half a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'ü', '😀', '…'), minLength: 900, maxLength: 1_500 }), (text) => {
      const told = cut(text);
      expect(told.length).toBeLessThanOrEqual(REASON_LENGTH_MAX);
      expect(text.startsWith(told.replace(/…$/, ''))).toBe(true);
    }),
    { numRuns: 50 },
  );
  expect(() => encodeURI(cut('😀'.repeat(1_000)))).not.toThrow();
  expect(describeFailure(new Error('x'.repeat(100_000)))).toHaveLength(REASON_LENGTH_MAX);
});
